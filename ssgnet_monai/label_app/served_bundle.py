"""What a bundle must have before MONAI Label's server starts with it: said now, not as a missing model in Slicer."""

from __future__ import annotations

import shlex
from pathlib import Path

from monai.bundle import ConfigParser

from ssgnet_monai.bundle_tools.shipped_bundles import is_earlier_bundle
from ssgnet_monai.engines import load_weights

TYPES = ("segmentation", "classification")


def check_bundle(folder: Path) -> str:
    """The name by which Slicer lists a bundle.

    Args:
        folder: of the bundle.

    Returns:
        The folder's name.

    Raises:
        FileNotFoundError: no inference config, or no trained weights.
        ValueError: a name that does not tell the task, a bundle of an earlier version, or weights of another network,
            which MONAI Label would pass by.
    """
    folder = folder.resolve()
    config, weights = folder / "configs" / "inference.yaml", folder / "models" / "model.pt"
    if not config.exists():
        raise FileNotFoundError(f"Expected a bundle with configs/inference.yaml, found none in {folder}.")
    if not any(kind in folder.name.lower() for kind in TYPES):
        raise ValueError(
            f"Expected 'segmentation' or 'classification' in the bundle's folder name, from which MONAI Label takes "
            f"the task, got {folder.name}. Rename the folder (generators cannot be served)."
        )
    if is_earlier_bundle(folder):
        raise ValueError(
            f"Expected a bundle of this version in {folder}, got one of version 0.1.0. Bring it over with `ssgnet move "
            f"{shlex.quote(str(folder))}`."
        )
    if not weights.exists():
        raise FileNotFoundError(
            f"Expected trained weights at {weights}, found none. Train the bundle (its "
            "docs/README.md has the command), or copy one with the weights of a finished run: `ssgnet bundle copy "
            "NAME DIR --trained runs/NAME/segmentation/ROW/seed0`."
        )
    parser = ConfigParser()
    parser.read_config(str(config))
    load_weights(parser.get_parsed_content("network_def"), weights)
    return folder.name
