"""Finding images and masks in folders as they come from their owners, and pairing them by stem."""

from __future__ import annotations

import logging
import mimetypes
import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from ssgnet_monai.data.channel_names import case_names

logger = logging.getLogger(__name__)

VOLUME_SUFFIXES = (".nii", ".nii.gz")
DICOM_SUFFIX = ".dcm"
JPEG_SUFFIXES = (".jpg", ".jpeg", ".jpe", ".jfif")
PICTURE_SUFFIXES = (".png", *JPEG_SUFFIXES, ".tif", ".tiff", ".bmp")
IMAGE_SUFFIXES = frozenset({*PICTURE_SUFFIXES, DICOM_SUFFIX, *VOLUME_SUFFIXES})
MASK_ENDINGS = (
    "_mask", "_masks", "_segmentation", "_seg", "_lesion", "_anno", "_annotation", "_gt", "_groundtruth", "_label",
    "_labels",
)  # fmt: skip
# What a mask is called after its image, perhaps with a number: x_mask, x-mask_1, x mask2.
MASK_NAME = re.compile(f"(.+)[ _-]({'|'.join(ending[1:] for ending in MASK_ENDINGS)})(?:[ _-]?(\\d+))?")
IMAGE_FOLDERS = frozenset({"images", "image"})
MASK_FOLDERS = frozenset({"masks", "mask"})
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
    """All pictures in a folder and below; see :func:`survey_folder`, whose second result is told at once."""
    found, left_out = survey_folder(folder, without=without)
    if left_out:
        logger.warning(left_out)
    return found


def survey_folder(folder: Path, *, without: Path | None = None) -> tuple[list[Path], str]:
    """All pictures in a folder and below, and what lies beside them.

    Side files of systems and archives and symlink loops are passed by, so are tables and texts.

    Args:
        folder: where to look.
        without: a folder not to enter (the masks, when they lie inside).

    Returns:
        (files, sorted; a sentence about files that may be pictures and are not read, or "").

    Raises:
        ValueError: there is no picture, or a name is not UTF-8.
    """
    found: list[Path] = []
    seen = {without.resolve()} if without is not None else set()
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


def pair_files(
    images: Sequence[Path],
    masks: Sequence[Path] | None,
    *,
    unlabeled_ok: bool = False,
    several_masks: bool = False,
) -> list[ImagePair]:
    """Pair images and masks by stem; a mask may end as ``MASK_ENDINGS`` say.

    An image may end in the number of its channel, as nnU-Net calls it (``case_0000``), where its mask is called
    ``case``.

    Args:
        images: image files. Where both lists are one folder, files with such an ending are its masks.
        masks: mask files, or None for a dataset without masks.
        unlabeled_ok: images without a mask are kept, unpaired.
        several_masks: an image may have masks that differ by a number, ``x_mask``, ``x_mask_1`` and so on.

    Returns:
        Pairs in the order of their stems.

    Raises:
        ValueError: duplicate stems, masks without image, images without mask, masks among the images, several channels
            of one case.
    """
    if masks is not None and list(masks) == list(images):
        masks = _masks_among(images)
        if not masks:
            raise ValueError(
                f"Expected masks among the {len(images)} images, found no name that ends as theirs do "
                f"({', '.join(MASK_ENDINGS)}, also with a number): {listed(images)}. Rename the masks, or move them "
                "into a folder of their own."
            )
        images = sorted(set(images) - set(masks))
    case_of = _cases(images, masks)
    by_key = _unique(images, lambda path: stem_key(case_of.get(path, path)), "image")
    masks_of: dict[str, list[Path]] = {}
    for path in masks or ():
        names = [stem_key(path), *_shorter_keys(path)]
        masks_of.setdefault(next((name for name in names if name in by_key), names[-1]), []).append(path)
    refuse_masks([path for key, path in by_key.items() if key not in masks_of], images)
    if masks is None:
        return [ImagePair(stem_of(path), path, None) for _, path in sorted(by_key.items())]
    extra = [path for key, paths in sorted(masks_of.items()) if key not in by_key for path in paths]
    missing = [path for key, path in sorted(by_key.items()) if key not in masks_of]
    if extra:
        raise ValueError(
            f"Expected an image for every mask, found {len(extra)} of {len(masks)} masks without: "
            f"{listed(extra)}. Stems must agree (endings {', '.join(MASK_ENDINGS)} are allowed, also with a number); "
            + (f"an image is called {images[0].name}. " if images else "there are no other files. ")
            + "Rename or remove these masks."
        )
    if missing and not unlabeled_ok:
        raise ValueError(
            f"Expected a mask for every image, found {len(missing)} of {len(by_key)} images without: "
            f"{listed(missing)}. Add the masks; in a folder of your own, unlabeled_ok=True (--unlabeled-ok) makes "
            "these images unlabelled ones."
        )
    for found in masks_of.values():
        if len(found) > 1 and not (several_masks and _numbered(found)):
            hint = " Masks that differ in a number alone (x_mask_1, x_mask_2) are united." if several_masks else ""
            raise _two("mask", found[0], found[1], hint)
    return [
        ImagePair(case_of.get(path) or stem_of(path), path, found[0] if found else None, further_masks=tuple(found[1:]))
        for key, path in sorted(by_key.items())
        for found in [masks_of.get(key, [])]
    ]


def refuse_mask_folders(files: Sequence[Path], root: Path) -> None:
    """Refuse folders called as those of masks, further down among others, where images are wanted.

    Args:
        files: what would be taken as images.
        root: the folder in which they were found.

    Raises:
        ValueError: some of the files lie in such folders.
    """
    among = [path for path in files if MASK_FOLDERS.intersection(map(str.lower, path.relative_to(root).parts[1:-1]))]
    if among and len(among) < len(files):
        raise ValueError(
            f"Expected images, found {len(among)} of {len(files)} files in folders called {among[0].parent.name!r}: "
            f"{listed(among)}. To use them as masks, call each as its image with _mask or _mask_1 and so on at the end "
            "and name this folder for the masks too (--masks); else move them out of it."
        )


def refuse_masks(files: Sequence[Path], images: Sequence[Path]) -> None:
    """Refuse files that are masks by their names, where images are wanted.

    Args:
        files: what is looked at.
        images: all files beside which they lie.

    Raises:
        ValueError: a file is called like another one and ends as masks do.
    """
    known = {stem_key(path) for path in images}
    if among := [path for path in files if known.intersection(_shorter_keys(path))]:
        raise ValueError(
            f"Expected images, found {len(among)} of {len(images)} files that are masks of others by their names: "
            f"{listed(sorted(among))}. To use them as masks, name their folder for the masks too (--masks); else move "
            "them out of it, or rename them."
        )


def listed(paths: Iterable[Path | str]) -> str:
    """The first names of a list, for messages."""
    names = [path.name if isinstance(path, Path) else path for path in paths]
    return ", ".join(names[:SHOWN]) + (", ..." if len(names) > SHOWN else "")


def _cases(images: Sequence[Path], masks: Sequence[Path] | None) -> dict[Path, str]:
    """The case of images whose names end in a channel, as it is written."""
    if masks is None:
        found = case_names([(path, stem_key(path)) for path in images if is_volume(path)], None)
    else:
        keys = {key for mask in masks for key in (stem_key(mask), *_shorter_keys(mask))}
        found = case_names([(path, stem_key(path)) for path in images], keys)
    return {path: stem_of(path)[: len(case)] for path, case in found.items()}


def _shorter_keys(path: Path) -> list[str]:
    """A stem without its mask ending, then without a second one."""
    key, found = stem_key(path), []
    while shorter := MASK_NAME.fullmatch(key):
        key = shorter[1]
        found.append(key)
    return found


def _masks_among(files: Sequence[Path]) -> list[Path]:
    """Files whose names end like a mask's: those of another file here, and those whose image is missing.

    An ending belongs to the images' own names where a file that ends so has a mask of its own.
    """
    known = {stem_key(path) for path in files}
    masks = {path for path in files if known.intersection(_shorter_keys(path))}
    bases = {name for path in masks for name in _shorter_keys(path)}
    names = {path: MASK_NAME.fullmatch(stem_key(path)) for path in files}
    own = {name[2] for path, name in names.items() if name and stem_key(path) in bases}
    return sorted(masks | {path for path, name in names.items() if name and name[2] not in own})


def _numbered(masks: Sequence[Path]) -> bool:
    """Whether names differ in their number alone."""
    names = [MASK_NAME.fullmatch(stem_key(path)) for path in masks]
    parts = [name.groups() for name in names if name]
    return len(parts) == len(masks) == len(set(parts)) and len({part[:2] for part in parts}) == 1


def _unique(paths: Sequence[Path], key_of: Callable[[Path], str], kind: str) -> dict[str, Path]:
    by_key: dict[str, Path] = {}
    for path in paths:
        other = by_key.setdefault(key_of(path), path)
        if other is not path:
            raise _two(kind, other, path)
    return by_key


def _two(kind: str, one: Path, other: Path, hint: str = "") -> ValueError:
    return ValueError(
        f"Expected one {kind} a stem, found two: {_below(one)} and {_below(other)}. "
        f"Rename or remove one of them (stems are compared without extension and without regard to case).{hint}"
    )


def _suffix(path: Path) -> str:
    return ".nii.gz" if path.name.lower().endswith(".nii.gz") else path.suffix.lower()


def _below(path: Path) -> str:
    return f"{path.parent.name}/{path.name}"


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
