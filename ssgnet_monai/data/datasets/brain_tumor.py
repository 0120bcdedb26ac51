"""Brain MRI with and without tumour (Kaggle, navoneel): two folders, and every file twice."""

from __future__ import annotations

import hashlib
import logging
from collections import defaultdict
from pathlib import Path

import numpy as np

from ssgnet_monai.data.datasets.adapter import Adapter
from ssgnet_monai.data.datasets.layout import find_root
from ssgnet_monai.data.image_files import SourceImage, find_images, listed, stem_of
from ssgnet_monai.data.image_io import plain_image
from ssgnet_monai.data.open_picture import open_picture
from ssgnet_monai.data.threads import decoding_threads, for_each_pair

logger = logging.getLogger(__name__)

FOLDERS = ("no", "yes")
IMAGES = 253


def read(source: Path, staging: Path) -> list[SourceImage]:
    """Read ``yes/`` and ``no/``; the archive's second copy of both, in a folder below, is passed by.

    Of images with the same grey pixels the first is kept, and none where they lie in both folders.

    Args:
        source: the owner's folder.
        staging: not used.

    Raises:
        FileNotFoundError: another layout.
        ValueError: a file that cannot be read.
    """
    _, parts = find_root(source, FOLDERS, dataset="brain_tumor")
    images = [
        SourceImage(stem_of(path), path, None, class_name=name) for name in FOLDERS for path in find_images(parts[name])
    ]
    if len(images) != IMAGES:
        logger.warning("brain_tumor: the owner's archive has %d images, this folder %d.", IMAGES, len(images))
    copies = defaultdict(list)
    for image, key in zip(images, for_each_pair(_grey_sha256, images, decoding_threads(), "comparing"), strict=True):
        copies[key].append(image)
    both = [same for same in copies.values() if len({image.class_name for image in same}) > 1]
    kept = [same[0] for same in copies.values() if same not in both]
    if both:
        logger.warning("brain_tumor: in both folders and left out: %s.", listed([same[0].image for same in both]))
    logger.info("brain_tumor: %d exact copies are left out.", len(images) - len(kept))
    return kept


def _grey_sha256(image: SourceImage) -> str:
    with open_picture(image.image) as picture:
        values = np.asarray(plain_image(picture, str(image.image)).convert("L"))
    return hashlib.sha256(repr(values.shape).encode() + values.tobytes()).hexdigest()


ADAPTERS = (
    Adapter(
        name="brain_tumor",
        tasks=("classification",),
        modality="MRI",
        content="253 slices: 155 with a tumour (yes), 98 without (no); less exact copies",
        licence="not stated",
        home="https://www.kaggle.com/datasets/navoneel/brain-mri-images-for-brain-tumor-detection",
        read=read,
        options={"num_channels": 1},
        instructions="Log in to Kaggle, download the archive from the owner's page and unpack it.",
    ),
)
