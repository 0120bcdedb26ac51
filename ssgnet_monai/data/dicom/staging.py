"""A user's DICOM images as PNG files and NIfTI volumes whose names, groups and records hold nothing of the patient."""

from __future__ import annotations

import hashlib
import logging
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from ssgnet_monai.data.atomic_write import atomic_path
from ssgnet_monai.data.dicom.dicom_file import iter_pictures
from ssgnet_monai.data.dicom.grey import WITHOUT_WINDOW
from ssgnet_monai.data.dicom.header import read_header
from ssgnet_monai.data.dicom.series import read_series
from ssgnet_monai.data.dicom.survey import DicomImage
from ssgnet_monai.data.image_files import SourceImage, is_dicom, is_volume, listed, stem_of
from ssgnet_monai.data.image_io import write_image_png
from ssgnet_monai.data.open_picture import open_picture
from ssgnet_monai.data.orientation import upright_size
from ssgnet_monai.data.prepare.mask_survey import may_be_classes, survey_mask
from ssgnet_monai.data.staging import StagingJob, stage_pictures
from ssgnet_monai.data.volumes.nifti_file import write_nifti
from ssgnet_monai.data.volumes.places import check_places
from ssgnet_monai.data.volumes.volume import Volume

logger = logging.getLogger(__name__)

FORMAT = 2  # of what is staged
PATIENTS = "DICOM patients"
VOLUMES_AT_A_TIME = 2


def check_masks(images: Sequence[DicomImage], masks: Sequence[Path]) -> None:
    """Refuse masks that cannot be those of the images, before stems are compared.

    Raises:
        ValueError: DICOM masks, or pictures as masks of volumes.
    """
    volumes = [image.path for image in images if image.is_volume]
    dicom = [mask for mask in masks if is_dicom(mask)]
    if dicom:
        raise ValueError(
            f"Expected masks as PNG or TIFF (of volumes: NIfTI), got DICOM masks: {listed(dicom)} in "
            f"{dicom[0].parent}. Export them."
        )
    if volumes and not all(is_volume(mask) for mask in masks):
        raise ValueError(
            f"Expected a NIfTI mask for each DICOM series, called like the folder of its slices, got pictures as masks "
            f"beside the series in {volumes[0]}. Convert them, or save the slices as PNG to use them as pictures."
        )


def stage_dicom(
    sources: Sequence[SourceImage],
    images: Sequence[DicomImage],
    staging: Path,
    mask_threshold: int | None,
    max_megapixels: float,
    workers: int,
) -> list[SourceImage]:
    """Replace DICOM sources by files in ``staging``, in the order of their names; other sources follow.

    A file is called by the hash of its bytes, the frames of a film ``<hash>_f0001`` and so on, and all groups, also
    those that the user gave, are numbered: a stem or a table may hold a patient's name. Without the user's, the files
    of one PatientID are a group, and one without is its own.

    Args:
        sources: with the ``path`` of an image as theirs.
        images: see ``survey_dicom``.
        staging: folder to write.
        mask_threshold: see ``binarise_mask``.
        max_megapixels: most millions of pixels of a picture or mask.
        workers: threads.

    Raises:
        ValueError: a film with a mask, unreadable pixels, a mask of another size or not binary, slices that are no
            volume.
    """
    if len(images) > 1 and len({image.patient or image.name for image in images}) == 1 and sources[0].group is None:
        logger.warning(
            "All %d DICOM images bear one PatientID and are one group. If it is a placeholder of an anonymiser, say "
            "--groups '(.*)': every file its own.", len(images),
        )  # fmt: skip
    sources = _with_numbers(sources, images)
    source_of = {source.image: source for source in sources}
    images = [image for image in images if image.path in source_of]
    for image in images:
        if image.frames > 1 and not image.is_volume and (mask := source_of[image.path].mask):
            raise ValueError(
                f"Expected a mask for each of the {image.frames} frames of {image.path}, got one, {mask}. Save the "
                "frames that have masks as single files."
            )
    image_of = {_job_name(image, source_of[image.path]): image for image in images}

    def make(job: StagingJob) -> dict[str, Any]:
        image = image_of[job.name]
        mask = source_of[image.path].mask
        made = _volume(image, mask, staging) if image.is_volume else _pictures(image, staging, max_megapixels)
        if mask is not None:
            if not image.is_volume:
                _check_mask(image, mask, mask_threshold, max_megapixels)
            with atomic_path(staging / _mask_name(image, mask)) as temporary:
                shutil.copyfile(mask, temporary)
            made.append(_mask_name(image, mask))
        return dict.fromkeys(made)

    jobs = [StagingJob(name, ()) for name in image_of]  # no sources: a name tells the bytes, a path the patient
    if any(image.is_volume for image in images):
        workers = min(workers, VOLUMES_AT_A_TIME)
    records = stage_pictures(jobs, staging, make, [FORMAT, mask_threshold, max_megapixels], workers)
    staged = [
        staged
        for image, record in zip(images, records, strict=True)
        for staged in _staged(source_of[image.path], image, record, staging)
    ]
    known = {image.path for image in images}
    return [*staged, *(source for source in sources if source.image not in known)]


def dicom_notes(images: Sequence[DicomImage], grouped: bool) -> list[str]:
    """Warnings of pictures that may look otherwise than in a viewer, by the names that they are given, or are nobody's.

    Args:
        images: see ``survey_dicom``.
        grouped: whether the user says who is whose.
    """
    notes = []
    odd = [image for image in images if image.window and not image.is_volume]
    if odd:
        notes.append(
            f"{len(odd)} of {len(images)} DICOM images have a window that cannot be used, such as {odd[0].name} "
            f"({odd[0].window}; names are the first digits of a file's sha256sum); {WITHOUT_WINDOW}."
        )
    drawn = [image for image in images if image.drawn]
    if drawn:
        notes.append(
            f"{len(drawn)} of {len(images)} DICOM images, such as {drawn[0].name}, hold what viewers draw over them "
            f"({', '.join(drawn[0].drawn)}): it is left out."
        )
    if not grouped and (nobodys := [image for image in images if not image.patient]):
        notes.append(
            f"{len(nobodys)} of {len(images)} DICOM images, such as {nobodys[0].name}, bear no PatientID and are "
            "groups of their own: images of one patient may lie in several parts of the split. Say whose: --groups."
        )
    return notes


def _job_name(image: DicomImage, source: SourceImage) -> str:
    if source.mask is None:
        return image.name
    with open(source.mask, "rb") as file:
        return f"{image.name} {hashlib.file_digest(file, 'sha256').hexdigest()}"


def _mask_name(image: DicomImage, mask: Path) -> str:
    return f"{image.name}_mask{mask.name[len(stem_of(mask)) :].lower()}"


def _pictures(image: DicomImage, staging: Path, max_megapixels: float) -> list[str]:
    header = read_header(image.path, reviewed=True, max_megapixels=max_megapixels)  # which the survey has asked
    names = []
    for number, frame in enumerate(iter_pictures(header), start=1):
        names.append(f"{image.name}_f{number:04d}.png" if image.frames > 1 else f"{image.name}.png")
        write_image_png(staging / names[-1], frame)
    return names


def _check_mask(image: DicomImage, mask: Path, threshold: int | None, max_megapixels: float) -> None:
    """Here, where a message can name the owner's file."""
    found = survey_mask(mask, max_megapixels)
    if threshold is None and found["problem"] and not may_be_classes(found):
        raise ValueError(found["problem"])
    with open_picture(mask, max_megapixels) as picture:
        width, height = upright_size(picture)
    header = read_header(image.path, reviewed=True, max_megapixels=max_megapixels)
    if (height, width) != (header.rows, header.columns):
        raise ValueError(
            f"Expected a mask of the image's size {header.columns}x{header.rows} (width x height), got "
            f"{width}x{height} in {mask}. Export it at that size, or remove both files."
        )


def _volume(image: DicomImage, mask: Path | None, staging: Path) -> list[str]:
    voxels, affine = read_series(image.files, reviewed=True)
    if mask is not None:
        label = Volume(mask)
        check_places(voxels.shape, affine, label.shape, label.affine, mask)
    write_nifti(staging / f"{image.name}.nii.gz", voxels, affine)
    return [f"{image.name}.nii.gz"]


def _staged(source: SourceImage, image: DicomImage, record: Mapping[str, Any], staging: Path) -> list[SourceImage]:
    mask = None if source.mask is None else staging / _mask_name(image, source.mask)
    pictures = [staging / name for name in record if staging / name != mask]
    return [replace(source, stem=stem_of(picture), image=picture, mask=mask) for picture in pictures]


def _with_numbers(sources: Sequence[SourceImage], images: Sequence[DicomImage]) -> list[SourceImage]:
    patient_of = {image.path: f"PatientID {image.patient or image.name}" for image in images}
    place_of = {image.path: place for place, image in enumerate(images)}
    numbers: dict[str, str] = {}
    keys = {
        source: patient_of.get(source.image) if source.group is None else f"group {source.group}"
        for source in sorted(sources, key=lambda source: place_of.get(source.image, len(images)))
    }
    for key in keys.values():
        if key is not None:
            numbers.setdefault(key, f"patient{len(numbers) + 1:04d}")
    return [replace(source, group=numbers.get(keys[source] or "")) for source in sources]
