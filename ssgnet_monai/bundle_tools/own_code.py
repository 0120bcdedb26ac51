"""Settings that run code of their own: refused unless the user says that the code is trusted."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

from ssgnet_monai.bundle_tools.config_screen import screen_configs
from ssgnet_monai.data.plain_config import read_plain

logger = logging.getLogger(__name__)


def refuse_code(
    settings: Mapping[str, Any],
    bundle: Path,
    where: str,
    trusted: bool = False,
    beside: Mapping[Path, Any] | None = None,
    merged: Sequence[Mapping[str, Any]] | None = None,
) -> None:
    """Hold settings that a bundle will be run with against the list of ``ssgnet verify``.

    Args:
        settings: id -> value, as a configuration file merges them into the bundle's own.
        bundle: the bundle's folder.
        where: file or group that the settings come from, for messages.
        trusted: the user vouches for them: what is not on the list is logged, not refused.
        beside: further configurations that they are merged with, file -> content, which are not judged themselves.
        merged: what comes of it, once they are, for every command that reads them: an id such as ``network_def#act``
            changes what stands there in the end. None: any of the bundle's configurations may be read.

    Raises:
        ValueError: a name, argument or expression that is not on the list.
    """
    findings = screen_configs({Path(where): dict(settings)}, {**_configs(bundle), **(beside or {})}, merged)
    found = [f"{finding.id}: {finding.text} ({finding.refusal})" for finding in findings if finding.refusal]
    if found and not trusted:
        raise ValueError(
            f"Expected settings that run nothing but what `ssgnet verify` knows, got in {where} {'; '.join(found)}. "
            "Read what it runs; if you trust it, give --trust-code."
        )
    for line in found:
        logger.warning("--trust-code runs what %s names: %s", where, line)


@lru_cache
def _configs(bundle: Path) -> dict[Path, Any]:
    return {file: read_plain(file) for file in sorted((bundle / "configs").glob("*.yaml"))}
