"""The classes of served segmenters: what Slicer lists as segments, and what the numbers of saved labels mean."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path

from monai.bundle import ConfigParser

from ssgnet_monai.data.label_space import label_names

TWO = ["background", "foreground"]


def bundle_classes(folder: Path) -> list[str]:
    """Names of mask values 0, 1, ... by a segmenter's metadata.

    Args:
        folder: of the bundle.

    Returns:
        K names; those of two classes for a bundle of others that numbers no classes from 0 on.

    Raises:
        ValueError: a bundle of this package whose metadata name other classes than it predicts.
    """
    metadata = json.loads((folder / "configs" / "metadata.json").read_text(encoding="utf-8"))
    output = next(iter(metadata["network_data_format"]["outputs"].values()))
    channels = output.get("channel_def") or {}
    configs = [path for ending in ("json", "yaml") if (path := folder / "configs" / f"inference.{ending}").exists()]
    predicted = ConfigParser.load_config_files([str(path) for path in configs[:1]]).get("num_classes")
    try:
        names = label_names(channels)
    except ValueError:
        if isinstance(predicted, int):
            raise
        return TWO
    if isinstance(predicted, int) and len(names) != predicted:
        raise ValueError(
            f"Expected a name for each of the {predicted} classes of {folder.name}, got channel_def {channels} in its "
            "configs/metadata.json. Name every value there, background as 0: these names are the segments in Slicer."
        )
    return names


def served_classes(folders: Iterable[Path]) -> list[str]:
    """The classes of all labels of one server's studies.

    Args:
        folders: of its bundles.

    Returns:
        Names of mask values 0, 1, ...; of segmenters of two classes, which may name theirs as they like, the first's.

    Raises:
        ValueError: segmenters of different classes: a saved label would mean two things.
    """
    found = {folder.name: bundle_classes(folder) for folder in folders if "segmentation" in folder.name.lower()}
    classes = list(found.values())
    if any(names != classes[0] for names in classes) and max(map(len, classes)) > 2:
        listed = "; ".join(f"{name}: {', '.join(names)}" for name, names in found.items())
        raise ValueError(
            f"Expected segmenters of the same classes, since all train with the labels of one folder of studies, got "
            f"{listed}. Serve each with a folder of studies of its own."
        )
    return classes[0] if classes else TWO
