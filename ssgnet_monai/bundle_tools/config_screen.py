"""Finds everything in a config file that MONAI would evaluate, import or open, and judges it."""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Hashable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from ssgnet_monai.bundle_tools.allowed_names import NAMING_KEYS, refuse_name
from ssgnet_monai.bundle_tools.expression_screen import UNSAFE_ARGUMENTS, names_an_import, refuse_expression

CONFIG_FILE = re.compile(r".*\.(json|ya?ml)", re.IGNORECASE)
MAX_DEPTH, MAX_ENTRIES = 50, 200_000
SILENT = "not a finding"


@dataclass(frozen=True)
class Finding:
    """One thing that a config names or would evaluate.

    Attributes:
        file: where it stands.
        id: MONAI's id of the place, such as ``train::handlers::0::_target_``.
        text: what stands there.
        refusal: why it is refused, or None.
    """

    file: Path
    id: str
    text: str
    refusal: str | None


def screen_config(file: Path) -> Iterator[Finding]:
    """List every target, expression, macro and switch of a config file with a verdict; nothing is evaluated.

    Args:
        file: YAML or JSON file.

    Yields:
        The findings, in the file's order; a file that does not read is one finding, refused.
    """
    try:
        text = file.read_text(encoding="utf-8")
        content = _read_json(text) if file.suffix.lower() == ".json" else _Loader(text).get_single_data()
        entries = list(itertools.islice(_walk(content, "", ""), MAX_ENTRIES + 1))
        if len(entries) > MAX_ENTRIES:
            raise ValueError(f"it unfolds to more than {MAX_ENTRIES} entries")
    except (OSError, ValueError, RecursionError, yaml.YAMLError) as error:
        yield Finding(file, "", "", f"it does not read as plain data: {' '.join(str(error).split())}")
        return
    for id_, key, value in entries:
        refusal = _judge(id_, key, value)
        if refusal is not SILENT:
            yield Finding(file, id_, str(value), refusal)


class _Loader(yaml.SafeLoader):
    """Plain data only; a key given twice is refused, because readers differ on which one counts."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        merge = "tag:yaml.org,2002:merge"
        _refuse_twice([self.construct_object(key, deep=True) for key, _ in node.value if key.tag != merge])
        return super().construct_mapping(node, deep)


def _read_json(text: str) -> Any:
    def pairs(items: list[tuple[str, Any]]) -> dict[str, Any]:
        _refuse_twice([key for key, _ in items])
        return dict(items)

    return json.loads(text, object_pairs_hook=pairs)


def _refuse_twice(keys: list[Any]) -> None:
    twice = sorted({str(key) for key in keys if keys.count(key) > 1})
    if twice:
        raise ValueError(f"the key {twice[0]!r} is given twice")


def _walk(value: Any, id_: str, key: str, depth: int = 0) -> Iterator[tuple[str, str, Any]]:
    """Yield (id, last key, value) of every key and every value below; list items keep the key of their list."""
    yield id_, key, value
    if depth > MAX_DEPTH and isinstance(value, dict | list):
        raise ValueError(f"it is nested deeper than {MAX_DEPTH} levels")
    if isinstance(value, dict):
        for name, inner in value.items():
            plain = str(name).removeprefix("+").replace("#", "::")
            yield from _walk(inner, f"{id_}::{plain}" if id_ else plain, plain.rpartition("::")[2], depth + 1)
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from _walk(inner, f"{id_}::{index}" if id_ else str(index), key, depth + 1)


def _judge(id_: str, key: str, value: Any) -> str | None:
    """The reason against a value, None if it may stay, SILENT if there is nothing to report."""
    if not re.fullmatch(r"[\w\s./+:,-]*", id_):
        return "a key may hold letters, digits, spaces and ./+:,- only: MONAI copies keys into expressions"
    if key in UNSAFE_ARGUMENTS or (key == "weights_only" and value is not True):
        return f"{key} makes a loader run what it reads or stop in a debugger"
    if key == "_mode_" and value not in ("default", "callable"):
        return "_mode_ may be default or callable, written out"
    if not isinstance(value, str):
        return SILENT
    if key in NAMING_KEYS:
        return refuse_name(value)
    if value.startswith("$"):
        reason = refuse_expression(value[1:])
        is_import = re.match(r"\$(import|from)\b", value)
        if reason is None and is_import and not re.fullmatch(r"imports::\d+", id_):
            return "an import belongs into the list `imports`, elsewhere its id would be a whole package"
        return reason
    if value.startswith("%"):
        if re.search(r"\.(json|ya?ml)", value, re.IGNORECASE):
            return "a macro that copies from another file brings in what nobody has looked at"
        return "a macro that copies an import" if names_an_import(value[1:]) else None
    if re.fullmatch(r"@[\w:#]*", value) and names_an_import(value[1:]):
        return "a reference to an import hands on a whole package"
    return SILENT
