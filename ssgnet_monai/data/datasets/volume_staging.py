"""The cases of a volume dataset as NIfTI files: read, checked, cropped, one or two of them in memory at a time."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from nibabel.affines import voxel_sizes

from ssgnet_monai.data.datasets.volume_crop import body_box, cropped_affine, label_box
from ssgnet_monai.data.image_files import ONE_CLASS, SourceImage, listed
from ssgnet_monai.data.staging import StagingJob, stage_pictures
from ssgnet_monai.data.volumes.nifti_file import write_nifti

logger = logging.getLogger(__name__)

CROPS = ("foreground", "label_box", "none")
AT_A_TIME = 2


@dataclass(frozen=True)
class VolumeCase:
    """A case: its name, the files or folders that it is read from, and what its owner says of it."""

    name: str
    files: tuple[Path, ...]
    class_name: str = ONE_CLASS
    split: str | None = None


@dataclass(frozen=True)
class LoadedVolume:
    """A case in memory, on one grid.

    Args:
        image: (I, J, K) voxels as they will be written.
        label: (I, J, K) bool, or None.
        affine: (4, 4) to RAS+ millimetres.
        body: (I, J, K) bool: what is not air or background.
        remark: in what it is unlike the owner's volumes, or nothing.
    """

    image: np.ndarray
    label: np.ndarray | None
    affine: np.ndarray
    body: np.ndarray
    remark: str = ""


@dataclass(frozen=True)
class Crop:
    """How volumes are cropped.

    Args:
        kind: "foreground" (the body, by intensity), "label_box" (around the ground truth), or "none".
        margin: mm around the label box.
        axes: array axes along which the label box is cropped.
        least: voxels of the label box before the margin, at least.
    """

    kind: str
    margin: float
    axes: tuple[int, ...] = (0, 1, 2)
    least: int = 0

    def __post_init__(self) -> None:
        if self.kind not in CROPS:
            raise ValueError(f"Expected crop out of {', '.join(CROPS)}, got {self.kind!r}.")
        if not self.margin >= 0:
            raise ValueError(f"Expected a margin of at least 0 mm, got {self.margin!r}.")


def stage_volumes(
    cases: Sequence[VolumeCase],
    split_of: Mapping[str, str | None],
    staging: Path,
    load: Callable[[VolumeCase], LoadedVolume],
    crop: Crop,
    dataset: str,
    settings: Any = None,
) -> list[SourceImage]:
    """Write every case as ``<case>.nii.gz`` and ``<case>_label.nii.gz`` (0, 1), with its spacing and orientation.

    Args:
        cases: what there is.
        split_of: the cases to use, with their split by lists; see ``split_by_lists``.
        staging: the adapter's own folder.
        load: reads a case; raises ``ValueError`` for one that it refuses.
        crop: the box to keep.
        dataset: for messages.
        settings: plain JSON on which ``load`` depends.

    Returns:
        One source image a case; each case is its own group.

    Raises:
        ValueError: the cases that were refused, by name.
    """
    used = [case for case in cases if case.name in split_of]
    if crop.kind == "label_box":
        logger.warning(
            "%s: crop=label_box uses the ground truth of every case, those of the test too. Scores compare with "
            "baselines that do so, and with nothing that is known before the truth is.", dataset,
        )  # fmt: skip
    by_name = {case.name: case for case in used}

    def make(job: StagingJob) -> dict[str, Any]:
        try:
            volume = load(by_name[job.name])
            box = _box(volume, crop)
            affine = cropped_affine(volume.affine, box)
            write_nifti(staging / f"{job.name}.nii.gz", volume.image[box], affine)
            made = {f"{job.name}.nii.gz": volume.remark}
            if volume.label is not None:
                write_nifti(staging / f"{job.name}_label.nii.gz", volume.label[box].astype(np.uint8), affine)
                made[f"{job.name}_label.nii.gz"] = ""
        except ValueError as error:
            raise ValueError(f"{dataset} case {job.name}: {error}") from error
        return made

    jobs = [StagingJob(case.name, case.files) for case in used]
    made = stage_pictures(jobs, staging, make, [vars(crop), settings], AT_A_TIME)
    remarks = [f"{case.name} ({record[f'{case.name}.nii.gz']})" for case, record in zip(used, made, strict=True)
               if record[f"{case.name}.nii.gz"]]  # fmt: skip
    if remarks:
        logger.warning("%s: %d volumes are unlike the owner's: %s.", dataset, len(remarks), listed(remarks))
    return [
        SourceImage(
            stem=case.name,
            image=staging / f"{case.name}.nii.gz",
            mask=staging / f"{case.name}_label.nii.gz" if f"{case.name}_label.nii.gz" in record else None,
            class_name=case.class_name,
            group=case.name,
            split=split_of[case.name] or case.split,
        )
        for case, record in zip(used, made, strict=True)
    ]


def _box(volume: LoadedVolume, crop: Crop) -> tuple[slice, ...]:
    if crop.kind == "label_box" and volume.label is not None:
        return label_box(volume.label, voxel_sizes(volume.affine), crop.margin, crop.axes, crop.least)
    if crop.kind != "foreground":
        return tuple(slice(0, length) for length in volume.image.shape)
    box = body_box(volume.body)
    if volume.label is not None and (lost := int(volume.label.sum()) - int(volume.label[box].sum())):
        raise ValueError(
            f"Expected the body's box to hold the whole label, got {lost} label voxels outside. Its background is not "
            "that of the owner's volumes; prepare with crop=none."
        )
    return box


def zscored(image: np.ndarray, inside: np.ndarray | None = None, top: float | None = None) -> np.ndarray:
    """Voxels with mean 0 and standard deviation 1.

    Args:
        image: (I, J, K) numbers.
        inside: (I, J, K) bool, the voxels that mean and deviation are of; None: all.
        top: percentile of all voxels at which values are cut first.

    Returns:
        float32 array.

    Raises:
        ValueError: the voxels are constant.
    """
    image = image.astype(np.float32)
    if top is not None:
        np.minimum(image, np.percentile(image, top), out=image)
    values = image if inside is None else image[inside]
    mean, deviation = float(values.mean(dtype=np.float64)), float(values.std(dtype=np.float64))
    if not deviation > 0:
        raise ValueError(
            "Expected a volume with contrast, got the same value everywhere. Copy it from its source again."
        )
    return (image - mean) / deviation
