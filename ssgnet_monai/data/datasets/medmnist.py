"""MedMNIST: one ``.npz`` file a dataset and size, with official splits."""

from __future__ import annotations

import hashlib
import logging
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from ssgnet_monai.data.datasets.adapter import Adapter, RemoteFile
from ssgnet_monai.data.datasets.layout import find_root
from ssgnet_monai.data.datasets.npz_rows import open_rows
from ssgnet_monai.data.image_files import SourceImage
from ssgnet_monai.data.image_io import write_image_png
from ssgnet_monai.data.staging import StagingJob, stage_pictures

logger = logging.getLogger(__name__)

URL = "https://zenodo.org/records/10519652/files/{}?download=1"
SPLITS = {"train": "training", "val": "validation", "test": "test"}
SIZES = (28, 64, 128, 224)


@dataclass(frozen=True)
class Subset:
    """A dataset of MedMNIST, as ``medmnist/info.py`` of version 3 tells it.

    ``names`` are those of the label numbers, ``numbers`` the images of training, validation and test, ``md5`` the known
    hashes by pixels.
    """

    name: str
    modality: str
    channels: int
    numbers: tuple[int, int, int]
    names: tuple[str, ...]
    md5: dict[int, str]
    licence: str = "CC BY 4.0"


def _numbered(count: int) -> tuple[str, ...]:
    return tuple(f"label_{number}" for number in range(count))


def _md5(small: str, large: str) -> dict[int, str]:
    return {28: small, 224: large}


FLAGS = (
    Subset("breastmnist", "ultrasound", 1, (546, 78, 156), ("malignant", "normal_or_benign"), {
        28: "750601b1f35ba3300ea97c75c52ff8f6", 64: "742edef2a1fd1524b2efff4bd7ba9364",
        128: "363e4b3f8d712e9b5de15470a2aaadf1", 224: "b56378a6eefa9fed602bb16d192d4c8b",
    }),
    Subset("pneumoniamnist", "X-ray", 1, (4708, 524, 624), ("normal", "pneumonia"), {
        28: "28209eda62fecd6e6a2d98b1501bb15f", 64: "8f4eceb4ccffa70c672198ea285246c6",
        128: "05b46931834c231683c68f40c47b2971", 224: "d6a3c71de1b945ea11211b03746c1fe1",
    }),
    Subset("pathmnist", "histology", 3, (89996, 10004, 7180), _numbered(9),
         _md5("a8b06965200029087d5bd730944a56c1", "2c51a510bcdc9cf8ddb2af93af1eadec")),
    Subset("dermamnist", "dermoscopy", 3, (7007, 1003, 2005), _numbered(7),
         _md5("0744692d530f8e62ec473284d019b0c7", "8974907d8e169bef5f5b96bc506ae45d"), "CC BY-NC 4.0"),
    Subset("octmnist", "OCT", 1, (97477, 10832, 1000), _numbered(4),
         _md5("c68d92d5b585d8d81f7112f81e2d0842", "abc493b6d529d5de7569faaef2773ba3")),
    Subset("retinamnist", "fundus", 3, (1080, 120, 400), _numbered(5),
         _md5("bd4c0672f1bba3e3a89f0e4e876791e4", "eae7e3b6f3fcbda4ae613ebdcbe35348")),
    Subset("bloodmnist", "microscopy", 3, (11959, 1712, 3421), _numbered(8),
         _md5("7053d0359d879ad8a5505303e11de1dc", "b718ff6835fcbdb22ba9eacccd7b2601")),
    Subset("tissuemnist", "microscopy", 1, (165466, 23640, 47280), _numbered(8),
         _md5("ebe78ee8b05294063de985d821c1c34b", "b077128c4a949f0a4eb01517f9037b9c")),
    Subset("organamnist", "CT", 1, (34561, 6491, 17778), _numbered(11),
         _md5("68e3f8846a6bd62f0c9bf841c0d9eacc", "50747347e05c87dd3aaf92c49f9f3170")),
    Subset("organcmnist", "CT", 1, (12975, 2392, 8216), _numbered(11),
         _md5("b9ceb9546e10131b32923c5bbeaea2b1", "050f5e875dc056f6768abf94ec9995d1")),
    Subset("organsmnist", "CT", 1, (13932, 2452, 8827), _numbered(11),
         _md5("9ab87b696fb54e2a387ebe992d6ed5f1", "b354719e553fbbb2513d5533f52a4cb1")),
)  # fmt: skip


def read(subset: Subset, source: Path, staging: Path, pixels: int | None = None) -> list[SourceImage]:
    """Read ``<name>.npz`` (28 pixels) or ``<name>_<pixels>.npz``, row by row, into PNG files of their own size.

    No patients are known. A file with another hash than the owner's (an older version, a copy packed again) is read
    with a warning.

    Args:
        subset: the dataset.
        source: the folder of the file.
        staging: for the PNG files.
        pixels: 28, 64, 128 or 224; None: the one size that is there.

    Raises:
        FileNotFoundError: no such file.
        ValueError: several files to choose from, or one that is not as MedMNIST makes them.
    """
    if pixels not in (None, *SIZES):
        raise ValueError(f"Expected pixels out of {list(SIZES)}, got {pixels!r}.")
    sizes = [pixels] if pixels else SIZES
    root, _ = find_root(source, *[(_file_name(subset, size),) for size in sizes], dataset=subset.name)
    entries = {entry.name.casefold(): entry for entry in sorted(root.iterdir())}
    there = {size: entries[name] for size in sizes if (name := _file_name(subset, size)) in entries}
    if len(there) > 1:
        raise ValueError(f"Expected pixels=SIZE, as {root} holds {subset.name} of {sorted(there)} pixels.")
    ((size, path),) = there.items()
    _check_arrays(subset, size, path)
    _check_hash(subset, size, path)
    jobs = [StagingJob(split, (path,)) for split in SPLITS]
    made = stage_pictures(jobs, staging, lambda job: _write_pictures(subset, path, job.name, staging))
    sources = [
        SourceImage(Path(name).stem, staging / name, None, subset.names[label], split=SPLITS[job.name])
        for job, labels in zip(jobs, made, strict=True)
        for name, label in labels.items()
    ]
    found = tuple(len(labels) for labels in made)
    if found != subset.numbers:
        logger.warning("%s: the owner's file has %s images, %s has %s.", subset.name, subset.numbers, path.name, found)
    return sources


def _check_arrays(subset: Subset, size: int, path: Path) -> None:
    wanted = (size, size) if subset.channels == 1 else (size, size, subset.channels)
    with open_rows(path, [f"{split}_{kind}" for split in SPLITS for kind in ("images", "labels")]) as arrays:
        for images, labels in zip(arrays[::2], arrays[1::2], strict=True):
            if images.shape[1:] != wanted or images.dtype != np.uint8:
                raise ValueError(
                    f"Expected uint8 images of shape {('N', *wanted)}, got {images.dtype} of {images.shape} as "
                    f"{images.name}. The file's name tells its pixels; download it again."
                )
            if labels.shape not in (images.shape[:1], (images.shape[0], 1)):
                raise ValueError(
                    f"Expected one label for each of {images.shape[0]} images, got shape {labels.shape} as "
                    f"{labels.name}. Download it again."
                )


def _write_pictures(subset: Subset, path: Path, split: str, staging: Path) -> dict[str, int]:
    """Write the images of a split; return the label of each."""
    labels_of = {}
    with open_rows(path, [f"{split}_images", f"{split}_labels"]) as (images, labels):
        for number, (image, label) in enumerate(zip(images, labels, strict=True)):
            if not 0 <= label.item() < len(subset.names):
                raise ValueError(
                    f"Expected labels 0 to {len(subset.names) - 1}, got {label.item()} in row {number} of "
                    f"{labels.name}."
                )
            name = f"{split}/{split}_{number:06d}.png"
            write_image_png(staging / name, image)
            labels_of[name] = label.item()
    return labels_of


def _check_hash(subset: Subset, size: int, path: Path) -> None:
    with open(path, "rb") as file:
        found = hashlib.file_digest(file, "md5").hexdigest()
    logger.info("%s: md5 %s.", path.name, found)
    if found != subset.md5.get(size, found):
        logger.warning(
            "%s: md5 %s, the owner's version 3 has %s: an older version, or packed again. Say so with the results.",
            path.name, found, subset.md5[size],
        )  # fmt: skip


def _file_name(subset: Subset, size: int) -> str:
    return f"{subset.name}.npz" if size == SIZES[0] else f"{subset.name}_{size}.npz"


def _adapter(subset: Subset) -> Adapter:
    files = [
        RemoteFile(URL.format(_file_name(subset, size)), _file_name(subset, size), md5=md5, optional=size != SIZES[0])
        for size, md5 in subset.md5.items()
    ]
    numbers = f"{sum(subset.numbers):,} images of 28 pixels (also 64, 128, 224)"
    return Adapter(
        name=subset.name,
        tasks=("classification",),
        modality=subset.modality,
        content=f"{numbers}: {', '.join(subset.names) if len(subset.names) == 2 else f'{len(subset.names)} classes'}",
        licence=subset.licence,
        home="https://medmnist.com",
        read=partial(read, subset),
        options={"size": None, "num_channels": subset.channels, "class_order": subset.names},
        files=tuple(files),
    )


def _refuse(source: Path, staging: Path) -> list[SourceImage]:
    """ChestMNIST tells several findings of one image.

    Raises:
        ValueError: always.
    """
    raise ValueError(
        "Expected a dataset with one class an image; chestmnist has 14 findings, any number of them an image, which "
        "the classifier cannot learn. Use another dataset of `ssgnet data list`."
    )


ADAPTERS = (
    *map(_adapter, FLAGS),
    Adapter(
        name="chestmnist",
        tasks=(),
        modality="X-ray",
        content="112,120 films with 14 findings each: several labels an image, cannot be prepared",
        licence="CC BY 4.0",
        home="https://medmnist.com",
        read=_refuse,
        instructions="It cannot be prepared either: several labels an image.",
    ),
)
