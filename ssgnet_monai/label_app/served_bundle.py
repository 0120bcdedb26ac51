"""What a bundle must have before MONAI Label's server starts with it: said now, not as a missing model in Slicer."""

from __future__ import annotations

from pathlib import Path

TYPES = ("segmentation", "classification")


def check_bundle(folder: Path) -> str:
    """The name by which Slicer lists a bundle.

    Args:
        folder: of the bundle.

    Returns:
        The folder's name.

    Raises:
        FileNotFoundError: no inference config, or no trained weights.
        ValueError: a name that does not tell the task.
    """
    folder = folder.resolve()
    if not (folder / "configs" / "inference.yaml").exists() and not (folder / "configs" / "inference.json").exists():
        raise FileNotFoundError(f"Expected a bundle with configs/inference.yaml, found none in {folder}.")
    if not any(kind in folder.name.lower() for kind in TYPES):
        raise ValueError(
            f"Expected 'segmentation' or 'classification' in the bundle's folder name, from which MONAI Label takes "
            f"the task, got {folder.name}. Rename the folder (generators cannot be served)."
        )
    if not (folder / "models" / "model.pt").exists():
        raise FileNotFoundError(
            f"Expected trained weights at {folder / 'models' / 'model.pt'}, found none. Train the bundle (its "
            "docs/README.md has the command), or copy one with the weights of a finished run: `ssgnet bundle copy "
            "NAME DIR --trained runs/NAME/segmentation/ROW/seed0`."
        )
    return folder.name
