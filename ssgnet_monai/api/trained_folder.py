"""The folder of something trained, a bundle or a row of an experiment, as the settings of its inference."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import torch
from monai.bundle import ConfigParser

from ssgnet_monai.bundle_tools.trained_copy import copy_trained
from ssgnet_monai.bundle_tools.verify import verify_bundle


@contextmanager
def inference_settings(
    path: str | Path, bundle: str, device: torch.device | str | None = None, trust_code: bool = False
) -> Iterator[ConfigParser]:
    """``inference.yaml`` with everything that the training says, to be resolved while the context lasts.

    Args:
        path: a bundle with weights, or a row of `ssgnet run` with its seed, such as
            ``runs/NAME/segmentation/ROW/seed0`` or ``runs/NAME/generators/CLASS``.
        bundle: the bundle that such a row is of.
        device: where networks go; None: the configuration's choice, the first GPU or the CPU.
        trust_code: whether it may name code that `ssgnet verify` does not know.

    Raises:
        FileNotFoundError: there is neither.
        ValueError: it names code that is not on the list, or is of another bundle.
    """
    path = Path(path)
    if (path / "configs" / "inference.yaml").is_file():
        if not trust_code:
            _refuse_unknown(path)
        yield _parser(path.absolute(), device)
    elif (path / "trained_with.json").is_file():
        with tempfile.TemporaryDirectory() as folder:
            yield _parser(copy_trained(bundle, path, Path(folder) / "bundle", trust_code), device)
    else:
        raise FileNotFoundError(
            f"Expected a trained bundle (configs/inference.yaml and models/model.pt) or a finished row of `ssgnet run` "
            f"(trained_with.json and model.pt) at {path}, found neither. `ssgnet bundle copy` makes the former."
        )


def _parser(folder: Path, device: torch.device | str | None) -> ConfigParser:
    parser = ConfigParser()
    parser.read_config(str(folder / "configs" / "inference.yaml"))
    parser["bundle_root"] = str(folder)
    if device is not None:
        parser["device"] = str(device)
    return parser


def _refuse_unknown(bundle: Path) -> None:
    found = [finding for finding in verify_bundle(bundle) if finding.refusal]
    if found:
        first = found[0]
        raise ValueError(
            f"Expected a bundle that runs nothing but what `ssgnet verify` knows, got {len(found)} other lines: "
            f"{first.id}: {first.text} in {first.file} ({first.refusal}). Read them with `ssgnet verify {bundle}`; if "
            "you trust them, give trust_code=True."
        )
