"""Finding images and masks in folders as they come from their owners."""

from __future__ import annotations

import logging
import mimetypes
import unicodedata
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

logger = logging.getLogger(__name__)

VOLUME_SUFFIXES = (".nii", ".nii.gz")
DICOM_SUFFIX = ".dcm"
JPEG_SUFFIXES = (".jpg", ".jpeg", ".jpe", ".jfif")
PICTURE_SUFFIXES = (".png", *JPEG_SUFFIXES, ".tif", ".tiff", ".bmp")
IMAGE_SUFFIXES = frozenset({*PICTURE_SUFFIXES, DICOM_SUFFIX, *VOLUME_SUFFIXES})
# The second names are nnU-Net's.
IMAGE_FOLDERS = frozenset({"images", "image", "imagestr"})
MASK_FOLDERS = frozenset({"masks", "mask", "labels", "labelstr"})
OTHER_NAMES = frozenset({"thumbs.db", "desktop.ini", "__macosx", "dicomdir"})
# ISIC ships an index picture beside every photograph; it is neither image nor mask.
OTHER_ENDINGS = ("_superpixels",)
SPECIAL = "pipe, socket or device"
NO_DOCUMENTS = ("application/dicom", "application/x-hdf5")
SHOWN = 5
ONE_CLASS = "all"


@dataclass(frozen=True)
class ImagePair:
    """One image, its mask (or None) and the name that both go by; further masks are united with the first.

    ``parts`` names the class that each mask is of, where an image has one for each class.
    """

    stem: str
    image: Path
    mask: Path | None
    further_masks: tuple[Path, ...] = field(default=(), kw_only=True)
    parts: tuple[str, ...] = field(default=(), kw_only=True)

    @property
    def masks(self) -> tuple[Path, ...]:
        """All masks."""
        return () if self.mask is None else (self.mask, *self.further_masks)


@dataclass(frozen=True)
class SourceImage(ImagePair):
    """An image with what its owner says of it.

    ``class_name`` and ``group`` (the patient or lesion) are None when unknown. ``split`` is the official one (training,
    validation, test or unlabeled), None when the owner names none.
    """

    class_name: str | None = ONE_CLASS
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
            return begins_as_dicom(file.read(132))
    except OSError:  # not ours to read
        return False


def begins_as_dicom(head: bytes) -> bool:
    """Whether the first 132 bytes are those of DICOM, with the file's own header or without, as old archives write."""
    if head[128:] == b"DICM":
        return True
    group, element, explicit = head[:2], int.from_bytes(head[2:4], "little"), head[4:6]
    length = int.from_bytes(head[4:8], "little")
    known = explicit in (b"UL", b"UI", b"CS", b"SH", b"DA", b"OB") or 0 < length <= 256
    return len(head) == 132 and group in (b"\x02\x00", b"\x08\x00") and element <= 0x60 and known


def stem_of(path: Path) -> str:
    """A file's name without the extension of a picture or volume."""
    return path.name[: len(path.name) - len(_suffix(path))] if _suffix(path) in IMAGE_SUFFIXES else path.name


def stem_key(name: str | Path) -> str:
    """The form in which stems are compared: without picture extension, Unicode-normalised, lower case."""
    return unicodedata.normalize("NFC", stem_of(Path(str(name).strip()))).casefold()


def locate_folders(images: str | Path, masks: str | Path | None) -> tuple[Path, Path | None]:
    """Find the folders that really hold the pictures: one level below or doubled folders are accepted.

    Args:
        images: folder of images, or one around ``images/`` (and ``masks/`` or ``labels/``), or around nnU-Net's
            ``imagesTr/`` and ``labelsTr/``.
        masks: folder of masks, or one around it; None takes such a folder beside ``images/`` if there is one.

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


def find_images(folder: Path) -> list[Path]:
    """All pictures in a folder and below; see :func:`survey_folder`, whose second result is told at once."""
    found, left_out = survey_folder(folder)
    if left_out:
        logger.warning(left_out)
    return found


def survey_folder(folder: Path, *, without: Iterable[Path] = ()) -> tuple[list[Path], str]:
    """All pictures in a folder and below, and what lies beside them.

    Side files of systems and archives and symlink loops are passed by, so are tables and texts.

    Args:
        folder: where to look.
        without: folders not to enter (masks and unlabelled images, when they lie inside).

    Returns:
        (files, sorted; a sentence about files that may be pictures and are not read, or "").

    Raises:
        ValueError: there is no picture, or a name is not UTF-8.
    """
    found: list[Path] = []
    seen = {path.resolve() for path in without}
    others = _walk(folder, found, seen)
    if not found:
        raise ValueError(
            f"Expected pictures ({', '.join(sorted(IMAGE_SUFFIXES))}) in {folder}, found none among {others.total()} "
            f"files ({_kinds(others) or 'the folder is empty'}). Name the folder that holds them, or convert them to "
            "PNG."
        )
    for path in found:
        if any("\udc80" <= letter <= "\udcff" for letter in str(path)):
            raise ValueError(f"Expected file names in UTF-8, got {path.name!r} in {str(path.parent)!r}. Rename it.")
        if any(unicodedata.category(letter) == "Cc" for letter in path.name):
            raise ValueError(
                f"Expected file names without line ends and control codes, got {path.name!r} in {str(path.parent)!r}. "
                "Rename it."
            )
    unknown = Counter({kind: number for kind, number in others.items() if not _is_document(kind)})
    if not unknown:
        return found, ""
    return found, (
        f"{unknown.total()} files of {folder.name} are left out, as no pictures that are read: {_kinds(unknown)}. "
        "Convert those that are wanted to PNG."
    )


def listed(paths: Iterable[Path | str]) -> str:
    """The first names of a list, for messages."""
    names = [path.name if isinstance(path, Path) else path for path in paths]
    return ", ".join(names[:SHOWN]) + (", ..." if len(names) > SHOWN else "")


def _suffix(path: Path) -> str:
    return ".nii.gz" if path.name.lower().endswith(".nii.gz") else path.suffix.lower()


def _is_side_file(path: Path) -> bool:
    name = path.name.lower()
    return name.startswith(".") or name in OTHER_NAMES or path.stem.lower().endswith(OTHER_ENDINGS)


def _entries(folder: Path) -> tuple[list[Path], list[Path], Counter[str]]:
    """(pictures, sub-folders, number of other files by kind), sorted, without side files."""
    kept = [path for path in sorted(folder.iterdir()) if not _is_side_file(path)]
    folders = [path for path in kept if path.is_dir()]
    files = [path for path in kept if not path.is_dir()]
    special = [path for path in files if path.exists() and not path.is_file()]  # reading one may never end
    pictures = [path for path in files if path not in special and (_suffix(path) in IMAGE_SUFFIXES or is_dicom(path))]
    others = sorted({*files} - {*pictures})
    return pictures, folders, Counter(SPECIAL if path in special else path.suffix.lower() for path in others)


def _kinds(numbers: Counter[str]) -> str:
    return ", ".join(f"{kind or 'no extension'} x {number}" for kind, number in sorted(numbers.items()))


def _is_document(suffix: str) -> bool:
    """Whether files of an ending are texts, tables, archives: nobody misses them among the pictures."""
    kind = mimetypes.guess_type(f"x{suffix}")[0] or ""
    return kind.startswith(("text/", "application/")) and kind not in NO_DOCUMENTS


def _descend(folder: Path, names: frozenset[str]) -> tuple[Path, Path | None]:
    if not folder.is_dir():
        raise FileNotFoundError(f"Expected a folder of pictures, found none at {folder}. Check the path.")
    seen: set[Path] = set()
    masks: Path | None = None
    while folder.resolve() not in seen:
        seen.add(folder.resolve())
        pictures, folders, _ = _entries(folder)
        named = [path for path in folders if path.name.lower() in MASK_FOLDERS]
        masks = next((path for path in named if not path.name.lower().startswith("label") or _entries(path)[0]), masks)
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
