"""From a folder of images (and masks) to a prepared dataset."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ssgnet_monai.data.image_files import SourceImage, find_images, locate_folders, pair_files
from ssgnet_monai.data.item_tables import read_classes, read_groups
from ssgnet_monai.data.write_dataset import NO_GROUPS, write_dataset


def prepare_folder(
    images: str | Path,
    masks: str | Path | None,
    out: str | Path,
    *,
    classes: str | Path | None = None,
    groups: str | Path | None = None,
    split: Sequence[float] = (0.7, 0.1, 0.2),
    unlabeled_ok: bool = False,
    **options: Any,
) -> Path:
    """Turn a folder of images and masks into PNG files of one size, a datalist and a record of what was found.

    Args:
        images: folder of PNG, JPEG, TIFF, BMP, or of NIfTI volumes; also a folder around ``images/`` and ``masks/``.
        masks: folder of masks with the same stems (endings ``_mask``, ``_segmentation``, ``_lesion`` allowed), or None:
            a ``masks`` folder beside the images if there is one, else a dataset for classification.
        out: folder to write: ``datalist.json``, ``prepare.json``, ``images/``, ``masks/``.
        classes: ``"folders"``, or a CSV file of stem and class (``file.csv:column`` names the column); None: one class.
        groups: CSV file of stem and group (patient, lesion), or a regular expression with one capture group.
        split: shares of training, validation, test.
        unlabeled_ok: images without mask go to ``unlabeled`` instead of raising. Those of a patient in validation or
            test are left out.
        options: the other options of :func:`~ssgnet_monai.data.write_dataset.write_dataset`.

    Returns:
        The path of ``datalist.json``.

    Raises:
        FileNotFoundError: a folder or table is missing.
        ValueError: what was expected, what was found, in which file, and what to do.
    """
    out = Path(out)
    image_folder, mask_folder = locate_folders(images, masks)
    check_apart(out, image_folder, mask_folder)
    inside = mask_folder if mask_folder is not None and mask_folder.resolve() != image_folder.resolve() else None
    image_files = find_images(image_folder, without=inside)
    mask_files = None if mask_folder is None else find_images(mask_folder)
    pairs = pair_files(image_files, mask_files, unlabeled_ok=unlabeled_ok)
    class_of = read_classes(pairs, classes, image_folder)
    group_of = read_groups(pairs, groups)
    sources = [
        SourceImage(pair.stem, pair.image, pair.mask, class_of[pair.stem], group_of.get(pair.stem)) for pair in pairs
    ]
    return write_dataset(sources, out, split=split, group_source=_group_source(groups), **options)


def check_apart(out: Path, *sources: Path | None) -> None:
    """Refuse an output folder in which written files would mix with the sources.

    Raises:
        ValueError: it lies inside a source folder.
    """
    for source in sources:
        if source is None:
            continue
        place, written = source.resolve(), [out.resolve(), (out / "images").resolve(), (out / "masks").resolve()]
        if any(folder == place or place in folder.parents for folder in written):
            raise ValueError(
                f"Expected an output folder apart from the source pictures, got {out} and {source}. "
                "The prepared files would mix with the sources; choose another folder."
            )


def _group_source(groups: str | Path | None) -> str:
    """The table's name or the expression; no folder names of the machine that prepared the data."""
    if groups is None:
        return NO_GROUPS
    return Path(groups).name if Path(groups).is_file() or ".csv" in str(groups).lower() else str(groups)
