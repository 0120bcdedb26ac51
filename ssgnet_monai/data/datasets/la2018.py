"""2018 Left Atrium challenge: late-enhancement MRI with the atrial cavity, as NRRD, NIfTI or UA-MT's HDF5."""

from __future__ import annotations

import logging
from dataclasses import replace
from pathlib import Path

import numpy as np
from nibabel.affines import voxel_sizes

from ssgnet_monai.data.datasets.adapter import Adapter
from ssgnet_monai.data.datasets.case_lists import Lists, split_by_lists
from ssgnet_monai.data.datasets.volume_labels import binary_label
from ssgnet_monai.data.datasets.volume_staging import (
    Crop,
    LoadedVolume,
    VolumeCase,
    stage_volumes,
    zscored,
)
from ssgnet_monai.data.file_tree import files_below
from ssgnet_monai.data.image_files import SourceImage, is_volume, listed, stem_of
from ssgnet_monai.data.volumes.nifti_file import read_nifti
from ssgnet_monai.data.volumes.nrrd import read_nrrd
from ssgnet_monai.data.volumes.places import check_places

logger = logging.getLogger(__name__)

IMAGE, LABEL, HDF5 = "lgemri.nrrd", "laendo.nrrd", "mri_norm2.h5"
SPACING, SLICES = 0.625, 88
LABELED = 100
AIR = 0.1
"""Air is below this share of the 99th percentile, counted from the lowest value."""
UA_MT_MARGIN = 15 * SPACING
"""UA-MT drew 10 to 19 voxels at random on each side; this is the middle."""
UA_MT_LEAST = 112
INTENSITIES = ("zscore", "stored")


def read(
    source: Path,
    staging: Path,
    lists: Lists | None = None,
    crop: str | None = None,
    margin: float = UA_MT_MARGIN,
    intensity: str | None = None,
) -> list[SourceImage]:
    """Read ``<code>/{lgemri,laendo}.nrrd``, ``<code>/mri_norm2.h5``, or ``images/`` and ``labels/`` of NIfTI files.

    Without lists, cases of a folder ``Testing Set`` are the test; those of them without a label are unlabelled. A code
    is one scan: which scans are of one patient is not published.

    Args:
        source: the owner's folder, or UA-MT's ``data``.
        staging: for the cropped NIfTI volumes.
        lists: UA-MT's ``train.list`` and ``test.list`` (80 and 20 cases), see ``split_by_lists``.
        crop: "foreground": the box of all tissue; "label_box": in the plane around the label, as UA-MT; "none". By
            default foreground; none for HDF5, which UA-MT cropped around the label with random margins.
        margin: mm around the label box.
        intensity: "zscore" (mean 0, deviation 1 over the whole volume) or "stored". By default zscore; stored for HDF5,
            which has it already.
    """
    if intensity not in (*INTENSITIES, None):
        raise ValueError(f"Expected intensity 'zscore' or 'stored', got {intensity!r}.")
    cases = _cases(source)
    if lists is not None:  # which say more than folders
        cases = [replace(case, split=None) for case in cases]
    split_of = split_by_lists(lists, source, [case.name for case in cases], "la2018")
    derived = cases[0].files[0].name.lower() == HDF5
    labeled = len([case for case in cases if derived or len(case.files) > 1])
    if labeled != LABELED:
        logger.warning("la2018: the owner has %d scans with labels, this folder %d.", LABELED, labeled)
    if derived:
        logger.warning(
            "la2018: UA-MT's files are cropped around the ground truth of every case, those of the test too; their "
            "orientation is lost, and %g mm is the nominal spacing.", SPACING,
        )  # fmt: skip
    box = Crop(crop or ("none" if derived else "foreground"), margin, axes=(0, 1), least=UA_MT_LEAST)
    normalise = (intensity or ("stored" if derived else "zscore")) == "zscore"
    return stage_volumes(cases, split_of, staging, lambda case: _load(case, normalise), box, "la2018", normalise)


def _cases(source: Path) -> list[VolumeCase]:
    """The cases of the first form that is found."""
    files = files_below(source)
    for form in (IMAGE, HDF5):
        folders: dict[str, Path] = {}
        for path in files:
            if path.name.lower() == form:
                folders.setdefault(path.parent.name, path)
        if folders:
            return [_case(name, path) for name, path in sorted(folders.items())]
    by_folder: dict[str, dict[str, Path]] = {"images": {}, "labels": {}}
    for path in files:
        if is_volume(path) and path.parent.name.lower() in by_folder:
            by_folder[path.parent.name.lower()].setdefault(stem_of(path), path)
    images, labels = by_folder.values()
    if not images:
        raise FileNotFoundError(
            f"Expected <code>/{IMAGE} with {LABEL}, <code>/{HDF5}, or images/ and labels/ of .nii.gz files below "
            f"{source} (la2018), found {listed(files) or 'no files'}. Unpack the owner's archive "
            "there, or name its folder."
        )
    if missing := sorted(set(images) ^ set(labels)):
        raise ValueError(
            f"Expected an image and a label for every case in {source}, got one of them for {listed(missing)}."
        )
    return [VolumeCase(name, (images[name], labels[name])) for name in sorted(images)]


def _case(name: str, path: Path) -> VolumeCase:
    if path.name.lower() == HDF5:
        return VolumeCase(name, (path,))
    test = path.parent.parent.name.lower().startswith("test")
    label = next((file for file in sorted(path.parent.iterdir()) if file.name.lower() == LABEL), None)
    if label is None and not test:
        raise FileNotFoundError(
            f"Expected {LABEL} beside {path} (la2018 case {name}), found none. Copy it there again."
        )
    return VolumeCase(name, (path,) if label is None else (path, label), split="test" if test and label else None)


def _load(case: VolumeCase, normalise: bool) -> LoadedVolume:
    path, label_path, label = case.files[0], case.files[-1], None
    if path.name.lower() == HDF5:
        image, label = _read_hdf5(path)
        affine = np.diag([SPACING, SPACING, SPACING, 1.0])
    else:
        reader = read_nifti if is_volume(path) else read_nrrd
        image, affine = reader(path)
        if label_path != path:
            label, label_affine = reader(label_path)
            check_places(image.shape, affine, label.shape, label_affine, label_path)
    spacing = voxel_sizes(affine)
    usual = np.allclose(spacing, SPACING, atol=0.001) and image.shape[2] == SLICES
    lowest, highest = image.min(), np.percentile(image, 99)
    body = image > lowest + AIR * (highest - lowest)
    return LoadedVolume(
        image=zscored(image) if normalise else image,
        label=None if label is None else binary_label(label, (1, 255), label_path),
        affine=affine,
        body=body,
        remark="" if usual else f"spacing {spacing.round(3).tolist()} mm, {image.shape[2]} slices",
    )


def _read_hdf5(path: Path) -> tuple[np.ndarray, np.ndarray]:
    try:
        import h5py
    except ImportError as error:
        raise ImportError(
            f"Expected h5py to read {path}, found none. Install it: pip install 'ssgnet-monai[datasets]'."
        ) from error
    try:
        with h5py.File(path) as file:
            found = [np.asarray(file[key]) for key in ("image", "label")]
    except (OSError, KeyError) as error:
        raise ValueError(
            f"Expected HDF5 with image and label, got {error} in {path}. Copy it from its source."
        ) from error
    image, label = found
    if image.ndim != 3 or image.shape != label.shape:
        raise ValueError(f"Expected image and label of one shape, got {image.shape} and {label.shape} in {path}.")
    return image, label


ADAPTERS = (
    Adapter(
        name="la2018",
        tasks=("segmentation",),
        modality="MRI",
        content="154 late-enhancement MRIs of the left atrium, 100 for training with labels",
        licence="by agreement, for research",
        home="https://www.cardiacatlas.org/atriaseg2018-challenge/",
        read=read,
        options={"foreground": "atrium", "num_channels": 1},
        group_source="case codes, one a scan; scans of one patient are not told",
        instructions="Register at the owner's page (who wants to be cited) and "
        "unpack the archive (Training Set/<code>/lgemri.nrrd and "
        "laendo.nrrd). UA-MT's HDF5 form with train.list and test.list: data/ of https://github.com/yulequan/UA-MT.",
    ),
)
