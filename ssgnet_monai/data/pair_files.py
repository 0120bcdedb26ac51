"""Pairing images and masks by their names."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path

from ssgnet_monai.data.channel_names import case_names
from ssgnet_monai.data.image_files import MASK_FOLDERS, ImagePair, is_volume, listed, stem_key, stem_of
from ssgnet_monai.data.label_map import HOW, example
from ssgnet_monai.data.names import plain_name

MASK_ENDINGS = (
    "_mask", "_masks", "_segmentation", "_seg", "_lesion", "_anno", "_annotation", "_gt", "_groundtruth", "_label",
    "_labels",
)  # fmt: skip
# What a mask is called after its image, perhaps with a number: x_mask, x-mask_1, x mask2.
MASK_NAME = re.compile(f"(.+)[ _-]({'|'.join(ending[1:] for ending in MASK_ENDINGS)})(?:[ _-]?(\\d+))?")
PART = r"[ _-]{}(?:[ _-]?\d+)?$"
MOST_PARTS = 12


def pair_files(
    images: Sequence[Path],
    masks: Sequence[Path] | None,
    *,
    unlabeled_ok: bool = False,
    several_masks: bool = False,
    parts: Collection[str] = (),
) -> list[ImagePair]:
    """Pair images and masks by stem; a mask may end as ``MASK_ENDINGS`` say.

    An image may end in the number of its channel, as nnU-Net calls it (``case_0000``), where its mask is called
    ``case``.

    Args:
        images: image files. Where both lists are one folder, files with such an ending are its masks.
        masks: mask files, or None for a dataset without masks.
        unlabeled_ok: images without a mask are kept, unpaired.
        several_masks: an image may have masks that differ by a number, ``x_mask``, ``x_mask_1`` and so on.
        parts: an image may have a mask for each of these, in lower case: ``x_organ`` (also with a number), or ``x`` in
            a folder ``organ``.

    Returns:
        Pairs in the order of their stems.

    Raises:
        ValueError: duplicate stems, masks without image, images without mask, masks among the images, several channels
            of one case.
    """
    if masks is not None and list(masks) == list(images):
        masks = _masks_among(images, parts)
        if not masks:
            raise ValueError(
                f"Expected masks among the {len(images)} images, found no name that ends as theirs do "
                f"({', '.join(MASK_ENDINGS)}, also with a number): {listed(images)}. Rename the masks, or move them "
                "into a folder of their own."
            )
        images = sorted(set(images) - set(masks))
    case_of = _cases(images, masks, parts)
    by_key = _unique(images, lambda path: stem_key(case_of.get(path, path)), "image")
    masks_of: dict[str, list[Path]] = {}
    part_of: dict[Path, str] = {}
    for path in masks or ():
        names = _mask_names(path, parts)
        name, part = next((name for name in names if name[0] in by_key), names[-1])
        masks_of.setdefault(name, []).append(path)
        part_of[path] = part
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
            + ("Rename or remove these masks." if parts else _hint(_endings(extra, by_key), "Rename or remove them"))
        )
    if parts and (alone := [path for path in masks if not part_of[path]]):
        raise ValueError(
            f"Expected masks called as their image with one of {', '.join(parts)} at the end, or in a folder of this "
            f"name, got {len(alone)} others of {len(masks)}: {listed(alone)}. Name their ending or folder too, or take "
            "them out."
        )
    if missing and not unlabeled_ok:
        raise ValueError(
            f"Expected a mask for every image, found {len(missing)} of {len(by_key)} images without: "
            f"{listed(missing)}. Add the masks; in a folder of your own, unlabeled_ok=True (--unlabeled-ok) makes "
            "these images unlabelled ones."
        )
    for found in masks_of.values():
        if len(found) > 1 and not parts and not (several_masks and _numbered(found)):
            hint = " Masks that differ in a number alone (x_mask_1, x_mask_2) are united." if several_masks else ""
            folders = [path.parent.name for path in found]
            raise _two("mask", found[0], found[1], f"{hint} {_hint(folders if len(set(folders)) > 1 else [], '')}")
    return [
        ImagePair(
            case_of.get(path) or stem_of(path),
            path,
            found[0] if found else None,
            further_masks=tuple(found[1:]),
            parts=tuple(part_of[mask] for mask in found) if parts else (),
        )
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


def _mask_names(path: Path, parts: Collection[str]) -> list[tuple[str, str]]:
    """(stem of the image, part) in all readings of a mask's name, the longest first; a part is "" where it has none."""
    keys = [stem_key(path), *_shorter_keys(path)]
    folder = plain_name(path.parent.name).casefold()
    found = [(key, folder if folder in parts else "") for key in keys]
    for key in keys:
        found += [(key[: end.start()], part) for part in parts if (end := re.search(PART.format(re.escape(part)), key))]
    return found


def _endings(masks: Sequence[Path], images: Mapping[str, Path]) -> list[str]:
    """What masks without an image have after an image's name, where all of them have something."""
    found = []
    for key in map(stem_key, masks):
        after = [key[len(name) :] for name in images if key.startswith(name) and re.match(r"[ _-]\D", key[len(name) :])]
        if not after:
            return []
        found.append(min(after, key=len)[1:])
    return found


def _hint(parts: Sequence[str], otherwise: str) -> str:
    names = sorted({plain_name(part).casefold() for part in parts})
    if not 1 < len(names) <= MOST_PARTS:
        return f"{otherwise}." if otherwise else ""
    return (
        f"If they are masks of several classes, name these with {HOW} holding {example(names)}; later ones lie over "
        "earlier ones."
    )


def _cases(images: Sequence[Path], masks: Sequence[Path] | None, parts: Collection[str]) -> dict[Path, str]:
    """The case of images whose names end in a channel, as it is written."""
    if masks is None:
        found = case_names([(path, stem_key(path)) for path in images if is_volume(path)], None)
    else:
        keys = {key for mask in masks for key, _ in _mask_names(mask, parts)}
        found = case_names([(path, stem_key(path)) for path in images], keys)
    return {path: stem_of(path)[: len(case)] for path, case in found.items()}


def _shorter_keys(path: Path) -> list[str]:
    """A stem without its mask ending, then without a second one."""
    key, found = stem_key(path), []
    while shorter := MASK_NAME.fullmatch(key):
        key = shorter[1]
        found.append(key)
    return found


def _masks_among(files: Sequence[Path], parts: Collection[str]) -> list[Path]:
    """Files whose names end like a mask's: those of another file here, and those whose image is missing.

    An ending belongs to the images' own names where a file that ends so has a mask of its own.
    """
    known = {stem_key(path) for path in files}
    if parts:
        return [path for path in files if any(part and key in known for key, part in _mask_names(path, parts))]
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


def _below(path: Path) -> str:
    return f"{path.parent.name}/{path.name}"
