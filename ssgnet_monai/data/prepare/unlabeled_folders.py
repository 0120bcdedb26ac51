"""Images that nobody has labelled: folders of their own, beside those of the labelled images or anywhere."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
from pathlib import Path

from ssgnet_monai.data.image_files import ImagePair, stem_key, stem_of, survey_folder
from ssgnet_monai.data.names import plain_name
from ssgnet_monai.data.pair_files import refuse_mask_folders, refuse_masks

logger = logging.getLogger(__name__)

NAMES = ("unlabeled", "unlabelled")


def find_unlabeled(image_folder: Path) -> list[Path]:
    """The folder ``unlabeled`` beside the folder of labelled images, or in it.

    Args:
        image_folder: of the labelled images.
    """
    for place in (image_folder, image_folder.resolve().parent):
        found = [path for path in sorted(place.iterdir()) if path.is_dir() and path.name.lower() in NAMES]
        if others := [path for path in found if path.resolve() != image_folder.resolve()]:
            logger.info("Unlabelled images: found the folder %s and use it.", others[0].name)
            return others[:1]
    return []


def unlabeled_files(folders: Sequence[str | Path], labeled: Iterable[Path | None]) -> tuple[list[Path], list[str]]:
    """All pictures in folders of unlabelled images.

    Args:
        folders: where to look, and below.
        labeled: folders of labelled images and of masks.

    Returns:
        (files, sorted by folder; what to tell).

    Raises:
        FileNotFoundError: no such folder.
        ValueError: a folder without pictures, with masks, or one in or around another.
    """
    taken = [folder.resolve() for folder in labeled if folder is not None]
    files: list[Path] = []
    notes = []
    for name in folders:
        folder = Path(name).expanduser()
        if not folder.is_dir():
            raise FileNotFoundError(f"Expected a folder of unlabelled images, found none at {folder}. Check the path.")
        place = folder.resolve()
        for other in taken:
            if place == other or place in other.parents:
                raise ValueError(
                    f"Expected unlabelled images in a folder of their own, got {folder}, which is or holds {other}. "
                    "Name their folder; images of the labelled folder that have no mask are taken with unlabeled_ok "
                    "(--unlabeled-ok)."
                )
        taken.append(place)
        found, left_out = survey_folder(folder)
        refuse_mask_folders(found, folder)
        refuse_masks(found, found)
        files += found
        notes += [left_out] if left_out else []
    return list(dict.fromkeys(files)), notes


def named_apart(files: Sequence[Path], labeled: Sequence[ImagePair]) -> list[ImagePair]:
    """Unlabelled images under names that no other image goes by, since written files do.

    Args:
        files: the images.
        labeled: the labelled ones.

    Returns:
        One pair without mask each; a name that is taken gets ``unlabeled_`` before it, and perhaps a number after it.
    """
    taken = {stem_key(pair.stem) for pair in labeled}
    pairs = []
    for file in files:
        own = plain_name(stem_of(file))
        names = (own, f"unlabeled_{own}", *(f"unlabeled_{own}_{number}" for number in range(2, len(files) + 2)))
        stem = next(name for name in names if stem_key(name) not in taken)
        taken.add(stem_key(stem))
        pairs.append(ImagePair(stem, file, None))
    return pairs
