"""Finding images and masks in folders as they come from their owners, and pairing them by stem."""

from __future__ import annotations

import logging
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from ssgnet_monai.data.channel_names import case_names

logger = logging.getLogger(__name__)

VOLUME_SUFFIXES = (".nii", ".nii.gz")
DICOM_SUFFIX = ".dcm"
IMAGE_SUFFIXES = frozenset({".png", ".jpg", ".jpeg", ".tif", ".tiff", ".bmp", DICOM_SUFFIX, *VOLUME_SUFFIXES})
MASK_ENDINGS = ("_mask", "_segmentation", "_lesion", "_anno")
IMAGE_FOLDERS = frozenset({"images", "image"})
MASK_FOLDERS = frozenset({"masks", "mask"})
OTHER_NAMES = frozenset({"thumbs.db", "desktop.ini", "__macosx", "dicomdir"})
# ISIC ships an index picture beside every photograph; it is neither image nor mask.
OTHER_ENDINGS = ("_superpixels",)
SHOWN = 5
ONE_CLASS = "all"


@dataclass(frozen=True)
class ImagePair:
    """One image, its mask (or None) and the name that both go by."""

    stem: str
    image: Path
    mask: Path | None


@dataclass(frozen=True)
class SourceImage(ImagePair):
    """An image with what its owner says of it.

    ``group`` is the patient or lesion, None when unknown. ``split`` is the official one (training, validation, test or
    unlabeled), None when the owner names none.
    """

    class_name: str = ONE_CLASS
    group: str | None = None
    split: str | None = None


def is_volume(path: str | Path) -> bool:
    """Whether a file is a NIfTI volume, by its name."""
    return str(path).lower().endswith(VOLUME_SUFFIXES)


def is_dicom(path: str | Path) -> bool:
    """Whether a file is DICOM: by its name, or by how it begins, since archives take UIDs and numbers as names."""
    path = Path(path)
    if _suffix(path) in IMAGE_SUFFIXES or not path.is_file():
        return _suffix(path) == DICOM_SUFFIX
    try:
        with open(path, "rb") as file:
            return file.read(132)[128:] == b"DICM"
    except OSError:  # not ours to read
        return False


def stem_of(path: Path) -> str:
    """A file's name without the extension of a picture or volume."""
    return path.name[: len(path.name) - len(_suffix(path))] if _suffix(path) in IMAGE_SUFFIXES else path.name


def stem_key(name: str | Path) -> str:
    """The form in which stems are compared: without picture extension, Unicode-normalised, lower case."""
    return unicodedata.normalize("NFC", stem_of(Path(str(name).strip()))).casefold()


def locate_folders(images: str | Path, masks: str | Path | None) -> tuple[Path, Path | None]:
    """Find the folders that really hold the pictures: one level below or doubled folders are accepted.

    Args:
        images: folder of images, or one around ``images/`` (and ``masks/``).
        masks: folder of masks, or one around it; None takes a ``masks/`` folder beside ``images/`` if there is one.

    Returns:
        (image folder, mask folder or None).

    Raises:
        FileNotFoundError: a folder does not exist.
    """
    image_folder, found_masks = _descend(Path(images), IMAGE_FOLDERS)
    if masks is not None:
        return image_folder, _descend(Path(masks), MASK_FOLDERS)[0]
    if found_masks is not None:
        logger.info("Masks: found the folder %s and use it.", found_masks.name)
        return image_folder, _descend(found_masks, MASK_FOLDERS)[0]
    return image_folder, None


def find_images(folder: Path, *, without: Path | None = None) -> list[Path]:
    """All pictures in a folder and below, sorted; side files of systems and archives and symlink loops are passed by.

    Args:
        folder: where to look.
        without: a folder not to enter (the masks, when they lie inside).

    Raises:
        ValueError: there is none, or a name is not UTF-8.
    """
    found: list[Path] = []
    seen = {without.resolve()} if without is not None else set()
    others = _walk(folder, found, seen)
    kinds = ", ".join(f"{suffix or 'no extension'} x {number}" for suffix, number in sorted(others.items()))
    if not found:
        raise ValueError(
            f"Expected pictures ({', '.join(sorted(IMAGE_SUFFIXES))}) in {folder}, found none among {others.total()} "
            f"files ({kinds or 'the folder is empty'}). Name the folder that holds them, or convert them to PNG."
        )
    if others:
        logger.info("%s: %d files that are no pictures are passed by: %s", folder.name, others.total(), kinds)
    for path in found:
        if any("\udc80" <= letter <= "\udcff" for letter in str(path)):
            raise ValueError(f"Expected file names in UTF-8, got {path.name!r} in {str(path.parent)!r}. Rename it.")
    return found


def pair_files(images: Sequence[Path], masks: Sequence[Path] | None, *, unlabeled_ok: bool = False) -> list[ImagePair]:
    """Pair images and masks by stem; a mask may end in ``_mask``, ``_segmentation``, ``_lesion`` or ``_anno``.

    An image may end in the number of its channel, as nnU-Net calls it (``case_0000``), where its mask is called
    ``case``.

    Args:
        images: image files. Where both lists are one folder, files with such an ending are its masks.
        masks: mask files, or None for a dataset without masks.
        unlabeled_ok: images without a mask are kept, unpaired.

    Returns:
        Pairs in the order of their stems.

    Raises:
        ValueError: duplicate stems, masks without image, images without mask, several channels of one case.
    """
    if masks is not None and list(masks) == list(images):
        known = {stem_key(path) for path in images}
        masks = [path for path in images if _base_key(path) != stem_key(path) and _base_key(path) in known]
        images = sorted(set(images) - set(masks))
    case_of = _cases(images, masks)
    by_key = _unique(images, lambda path: stem_key(case_of.get(path, path)), "image")
    if masks is None:
        return [ImagePair(stem_of(path), path, None) for _, path in sorted(by_key.items())]
    mask_by_key = _unique(masks, lambda path: stem_key(path) if stem_key(path) in by_key else _base_key(path), "mask")
    extra = [path for key, path in sorted(mask_by_key.items()) if key not in by_key]
    missing = [path for key, path in sorted(by_key.items()) if key not in mask_by_key]
    if extra:
        raise ValueError(
            f"Expected an image for every mask, found {len(extra)} of {len(mask_by_key)} masks without: "
            f"{listed(extra)}. Stems must agree (endings {', '.join(MASK_ENDINGS)} are allowed); "
            f"an image is called {next(iter(sorted(by_key.values()))).name}. Rename or remove these masks."
        )
    if missing and not unlabeled_ok:
        raise ValueError(
            f"Expected a mask for every image, found {len(missing)} of {len(by_key)} images without: "
            f"{listed(missing)}. Add the masks; in a folder of your own, unlabeled_ok=True (--unlabeled-ok) makes "
            "these images unlabelled ones."
        )
    return [
        ImagePair(case_of.get(path) or stem_of(path), path, mask_by_key.get(key))
        for key, path in sorted(by_key.items())
    ]


def listed(paths: Iterable[Path | str]) -> str:
    """The first names of a list, for messages."""
    names = [path.name if isinstance(path, Path) else path for path in paths]
    return ", ".join(names[:SHOWN]) + (", ..." if len(names) > SHOWN else "")


def _cases(images: Sequence[Path], masks: Sequence[Path] | None) -> dict[Path, str]:
    """The case of images whose names end in a channel, as it is written."""
    if masks is None:
        found = case_names([(path, stem_key(path)) for path in images if is_volume(path)], None)
    else:
        keys = {key for mask in masks for key in (stem_key(mask), _base_key(mask))}
        found = case_names([(path, stem_key(path)) for path in images], keys)
    return {path: stem_of(path)[: len(case)] for path, case in found.items()}


def _base_key(path: Path) -> str:
    key = stem_key(path)
    for ending in MASK_ENDINGS:
        key = key.removesuffix(ending)
    return key


def _unique(paths: Sequence[Path], key_of: Callable[[Path], str], kind: str) -> dict[str, Path]:
    by_key: dict[str, Path] = {}
    for path in paths:
        other = by_key.setdefault(key_of(path), path)
        if other is not path:
            raise ValueError(
                f"Expected one {kind} a stem, found two: {_below(other)} and {_below(path)}. "
                "Rename or remove one of them (stems are compared without extension and without regard to case)."
            )
    return by_key


def _suffix(path: Path) -> str:
    return ".nii.gz" if path.name.lower().endswith(".nii.gz") else path.suffix.lower()


def _below(path: Path) -> str:
    return f"{path.parent.name}/{path.name}"


def _is_side_file(path: Path) -> bool:
    name = path.name.lower()
    return name.startswith(".") or name in OTHER_NAMES or path.stem.lower().endswith(OTHER_ENDINGS)


def _entries(folder: Path) -> tuple[list[Path], list[Path], Counter[str]]:
    """(pictures, sub-folders, number of other files by suffix), sorted, without side files."""
    entries = sorted(folder.iterdir())
    kept = [path for path in entries if not _is_side_file(path)]
    folders = [path for path in kept if path.is_dir()]
    pictures = [path for path in kept if (_suffix(path) in IMAGE_SUFFIXES or is_dicom(path)) and not path.is_dir()]
    taken = {*folders, *pictures}
    return pictures, folders, Counter(path.suffix.lower() for path in entries if path not in taken)


def _descend(folder: Path, names: frozenset[str]) -> tuple[Path, Path | None]:
    if not folder.is_dir():
        raise FileNotFoundError(f"Expected a folder of pictures, found none at {folder}. Check the path.")
    seen: set[Path] = set()
    masks: Path | None = None
    while folder.resolve() not in seen:
        seen.add(folder.resolve())
        pictures, folders, _ = _entries(folder)
        masks = next((path for path in folders if path.name.lower() in MASK_FOLDERS), masks)
        named = [path for path in folders if path.name.lower() in names]
        if pictures or (len(named) != 1 and len(folders) != 1):
            break
        folder = named[0] if len(named) == 1 else folders[0]
    return folder, masks


def _walk(folder: Path, found: list[Path], seen: set[Path]) -> Counter[str]:
    if folder.resolve() in seen:
        return Counter()
    seen.add(folder.resolve())
    pictures, folders, others = _entries(folder)
    found += pictures
    return sum((_walk(path, found, seen) for path in folders), others)
