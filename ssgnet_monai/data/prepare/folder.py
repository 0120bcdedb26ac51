"""From a folder of images (and masks) to a prepared dataset."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from ssgnet_monai.data.dicom.staging import PATIENTS, check_masks, dicom_notes, stage_dicom
from ssgnet_monai.data.dicom.survey import survey_dicom
from ssgnet_monai.data.image_files import (
    ONE_CLASS,
    ImagePair,
    SourceImage,
    is_dicom,
    is_volume,
    listed,
    locate_folders,
    survey_folder,
)
from ssgnet_monai.data.label_file import Labels, find_labels, read_labels
from ssgnet_monai.data.names import plain_name
from ssgnet_monai.data.pair_files import pair_files, refuse_mask_folders
from ssgnet_monai.data.prepare.item_tables import is_table, read_classes, read_groups, read_splits, split_folders
from ssgnet_monai.data.prepare.output_folder import check_apart
from ssgnet_monai.data.prepare.preparation import NO_GROUPS, preparation_of
from ssgnet_monai.data.prepare.split_sources import OFFICIAL, SHARES
from ssgnet_monai.data.prepare.unlabeled_folders import find_unlabeled, named_apart, unlabeled_files
from ssgnet_monai.data.prepare.write_dataset import write_dataset
from ssgnet_monai.data.threads import decoding_threads

logger = logging.getLogger(__name__)

Folders = str | Path | Sequence[str | Path]


def prepare_folder(
    images: str | Path,
    masks: str | Path | None,
    out: str | Path,
    *,
    classes: str | Path | None = None,
    groups: str | Path | None = None,
    split: Sequence[float] | None = None,
    splits: str | Path | None = None,
    unlabeled_ok: bool = False,
    unlabeled: Folders | None = None,
    reviewed: bool = False,
    labels: Labels | None = None,
    **options: Any,
) -> Path:
    """Turn a folder of images and masks into PNG files of one size, a datalist and a record of what was found.

    DICOM images get new names and numbered groups, see ``stage_dicom``. The slices of a series are one volume; masks,
    tables and expressions know it by the name of their folder.

    Args:
        images: folder of PNG, JPEG, TIFF, BMP, DICOM, or of NIfTI volumes; also one around ``images/`` and ``masks/``.
        masks: folder of masks with the same stems (endings such as ``_mask``, ``_segmentation``, ``_seg``, ``_gt``
            allowed; ``x_mask``, ``x_mask_1`` and so on are united), which may be that of the images, or None: a
            ``masks`` folder beside the images if there is one, else a dataset for classification.
        out: folder to write: ``datalist.json``, ``prepare.json``, ``images/``, ``masks/``.
        classes: ``"folders"``, or a CSV file of stem and class (``file.csv:column`` names the column); None: one class.
        groups: CSV file of stem and group (patient, lesion), or a regular expression with one capture group.
        split: shares of training, validation, test; by default 0.7, 0.1, 0.2, or what ``splits`` says.
        splits: CSV file of stem and split (training, validation, test, unlabeled), as the owner has them; a validation
            or test that it does not name is drawn from the training, with ``split`` 1, 0, 0 not: a training without
            validation ends with its last weights.
        unlabeled_ok: images without mask go to ``unlabeled`` instead of raising. Those of a patient in validation or
            test are left out.
        unlabeled: folders of images that have no mask; by default a folder ``unlabeled`` beside the images, or in their
            folder, if there is one. ``groups`` has to name theirs too.
        reviewed: somebody has looked at the DICOM pictures and found no patient data in their pixels.
        labels: the class of each mask value, palette index or colour, or of each mask where an image has one for each
            class, see ``read_labels``; by default those of nnU-Net's ``dataset.json`` beside the folders, else read off
            the masks.
        options: the other options of a :class:`~ssgnet_monai.data.prepare.preparation.Preparation`, by their names.

    Returns:
        The path of ``datalist.json``.

    Raises:
        FileNotFoundError: a folder or table is missing.
        ValueError: what was expected, what was found, in which file, and what to do.

    Example:
        >>> datalist = prepare_dataset("pictures/images", "pictures/masks", "prepared", size=32)
        >>> datalist.name
        'datalist.json'
    """
    preparation = preparation_of(options)
    nothing_drawn = split is not None and list(split) == [1, 0, 0]
    if split is not None and splits is not None and not nothing_drawn:
        raise ValueError(
            f"Expected shares of a split, or a table of splits, got {split} and {splits}. Leave one out, or give 1 0 0 "
            "where the table is to be all: no validation or test is then drawn."
        )
    out = Path(out)
    image_folder, mask_folder = locate_folders(images, masks)
    free_folders = find_unlabeled(image_folder) if unlabeled is None else _folders(unlabeled)
    check_apart(out, image_folder, mask_folder, *map(Path, free_folders))
    apart = mask_folder is not None and mask_folder.resolve() != image_folder.resolve()
    free_files, notes = unlabeled_files(free_folders if mask_folder else [], [image_folder, mask_folder])
    inside = [*map(Path, free_folders), *([mask_folder] if mask_folder is not None and apart else [])]
    image_files, left_out = survey_folder(image_folder, without=inside)
    notes += [left_out] if left_out else []
    mask_files = None
    if mask_folder is None or mask_folder.resolve() != image_folder.resolve():
        refuse_mask_folders(image_files, image_folder)
    if mask_folder is not None:
        mask_files, left_out = survey_folder(mask_folder, without=inside if not apart else ())
        notes += [left_out] if left_out and left_out not in notes else []
    elif free_folders:
        found_none = f"Expected masks of other images beside the unlabelled ones, found none for {image_folder}"
        if unlabeled is not None:
            raise ValueError(f"{found_none}. Give masks, or leave unlabeled out.")
        notes.append(f"{found_none}: the folder {listed(map(Path, free_folders))} is left out.")
    threshold = preparation.masks.mask_threshold
    if mask_files is None and threshold is not None:
        raise ValueError(
            f"Expected masks for mask_threshold {threshold}, found no folder of masks for "
            f"{image_folder}. Give masks, or leave it out."
        )
    told_binary = threshold is not None or preparation.masks.mask_foreground is not None
    if labels is None and mask_files is not None and not told_binary:
        labels = find_labels(image_folder, mask_folder)
        if labels is not None:
            logger.info("Labels: found %s beside the images and use it.", labels)
    label_map = None if labels is None else read_labels(labels)
    files = [file for file in (*image_files, *free_files) if is_dicom(file)]
    workers, most = preparation.workers or decoding_threads(), preparation.pictures.max_megapixels
    dicom = survey_dicom(files, reviewed, most, workers)
    free_dicom = {image.path for image in dicom if set(image.files) <= set(free_files)}
    labeled_dicom = [image for image in dicom if image.path not in free_dicom]
    if mask_files is not None and mask_files != image_files:
        check_masks(labeled_dicom, mask_files)
    others = sorted(set(image_files) - set(files))
    if mask_files is None and groups is None and classes in (None, "folders"):  # nothing is looked up by a stem
        pairs = [ImagePair(image.name, image.path, None) for image in dicom]
        pairs += pair_files(others, None)
    else:
        found = sorted([*others, *(image.path for image in labeled_dicom)])
        parts = tuple(label_map.parts) if label_map is not None else ()
        beside = found if mask_files == image_files else mask_files
        pairs = pair_files(found, beside, unlabeled_ok=unlabeled_ok, several_masks=True, parts=parts)
    if united := [pair for pair in pairs if pair.further_masks]:
        _check_united(united)
    if united and (label_map is None or not label_map.parts):
        notes.append(
            f"{len(united)} images have several masks, which were united: {listed([pair.image for pair in united])} "
            f"({listed(united[0].masks)})."
        )
    pairs = [replace(pair, stem=plain_name(pair.stem)) for pair in pairs]
    class_of = read_classes(pairs, classes, image_folder)
    below = [pair.image.relative_to(image_folder).parts for pair in pairs]
    split_of = read_splits(pairs, splits, complete=nothing_drawn)
    folders = split_folders({parts[0] for parts in below if len(parts) > 1})
    if folders and splits is None:
        notes.append(f"The folders {listed(folders)} are not taken as splits: the split is drawn anew from all images.")
    free = named_apart(sorted({*free_files} - {*files} | free_dicom), pairs)
    group_of = read_groups(pairs, groups, free)
    sources = [
        SourceImage(
            pair.stem,
            pair.image,
            pair.mask,
            class_of[pair.stem],
            group_of.get(pair.stem),
            split_of.get(pair.stem),
            further_masks=pair.further_masks,
            parts=pair.parts,
        )
        for pair in pairs
    ]
    known = {ONE_CLASS} if classes is None else set(class_of.values())
    for pair in free:
        name = ONE_CLASS if classes is None else plain_name(pair.image.parent.name)
        group = group_of.get(pair.stem)
        sources.append(
            SourceImage(pair.stem, pair.image, None, name if name in known else None, group, split="unlabeled")
        )
    if dicom:
        notes += dicom_notes(dicom, grouped=groups is not None)
        sources = stage_dicom(sources, dicom, out / "staging", threshold, most, workers)
    preparation = replace(
        preparation,
        split=replace(
            preparation.split,
            split=OFFICIAL if splits is not None else split or SHARES,
            group_source=PATIENTS if dicom and groups is None else _group_source(groups),
        ),
        masks=replace(preparation.masks, labels=label_map),
    )
    return write_dataset(sources, out, preparation, notes)


def _folders(unlabeled: Folders) -> Sequence[str | Path]:
    return [unlabeled] if isinstance(unlabeled, str | Path) else unlabeled


def _check_united(pairs: Sequence[ImagePair]) -> None:
    """Masks of pictures alone are united; those of volumes are put together where each is of a class."""
    others = [pair for pair in pairs if is_dicom(pair.image) or (not pair.parts and any(map(is_volume, pair.masks)))]
    if others:
        raise ValueError(
            "Expected one mask for a volume or DICOM image, got several for "
            f"{listed([pair.image for pair in others])}: {listed(others[0].masks)}. Unite them into one file, or, "
            "where each mask of a volume is of a class, name the endings with --labels."
        )


def _group_source(groups: str | Path | None) -> str:
    """The table's name or the expression; no folder names of the machine that prepared the data."""
    if groups is None:
        return NO_GROUPS
    return Path(groups).name if is_table(groups) else str(groups)
