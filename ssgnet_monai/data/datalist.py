"""The list of images that every stage reads and writes: one JSON file in MONAI's Decathlon form."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from ssgnet_monai.data.atomic_write import write_json
from ssgnet_monai.data.datalist_header import SIGNS, check_header

SPLITS = ("training", "validation", "test", "unlabeled")
PATH_KEYS = ("image", "label")
ORIGINS = ("real", "synthetic")
REPEATABLE = ("training", "synthetic")  # the one place where an image may stand several times


def load_datalist(path: str | Path, *, check_files: bool = True) -> dict[str, Any]:
    """Read a datalist, check it and make its image and label paths absolute.

    Only ``image`` and ``label`` are paths. MONAI's own ``load_decathlon_datalist`` reads the same file but turns any
    string that exists beside it into a path, so that a class named like a folder would break.

    Args:
        path: the JSON file, or the prepared folder that holds ``datalist.json``.
        check_files: whether every listed file must exist.

    Returns:
        The file's content; ``validation``, ``test`` and ``unlabeled`` are empty lists where they were absent.

    Raises:
        FileNotFoundError: the datalist or a listed file is missing.
        ValueError: the content breaks the contract (see ``check_datalist``).

    Example:
        >>> datalist = load_datalist("data/phantom")
        >>> sorted(datalist["training"][0])
        ['class', 'group', 'image', 'label', 'origin']
    """
    path = datalist_path(path)
    content = _read_json(path)
    for split in SPLITS[1:]:
        content.setdefault(split, [])
    check_datalist(content, path)
    folder = path.parent.absolute()
    for split in SPLITS:
        content[split] = [_with_paths(item, lambda value: os.path.normpath(folder / value)) for item in content[split]]
    if check_files:
        check_listed_files(content, path)
    return content


def read_header(path: Path) -> dict[str, Any]:
    """What a datalist holds beside its lists of images, checked; errors as of :func:`load_datalist`."""
    header = {key: value for key, value in _read_json(path).items() if key not in SPLITS}
    check_header(header, path)
    return header


def save_datalist(datalist: Mapping[str, Any], path: str | Path) -> Path:
    """Check a datalist and write it atomically, its paths relative to the file's own folder.

    Args:
        datalist: as ``load_datalist`` returns it; paths are absolute, or relative to the folder of ``path``.
        path: the JSON file to write.

    Returns:
        The path written.

    Raises:
        ValueError: the content breaks the contract (see ``check_datalist``).
    """
    path = Path(path)
    content = {**datalist}
    for split in SPLITS[1:]:
        content.setdefault(split, [])
    check_datalist(content, path)
    folder = path.parent.absolute()

    def relative(value: str) -> str:
        return Path(os.path.relpath(folder / value, folder)).as_posix()

    for split in SPLITS:
        content[split] = [_with_paths(item, relative) for item in content[split]]
    write_json(path, content)
    return path


def select_items(
    items: Iterable[Mapping[str, Any]], class_name: str = "all", *, origin: str = "all"
) -> list[dict[str, Any]]:
    """Items of one class and of one origin.

    Args:
        items: datalist items.
        class_name: a class name, or ``"all"``.
        origin: ``"real"``, ``"synthetic"`` or ``"all"``.

    Returns:
        Copies of the chosen items, in the given order.

    Raises:
        ValueError: ``items`` has no item of ``class_name``, or ``origin`` is unknown.
    """
    if origin not in (*ORIGINS, "all"):
        raise ValueError(f"Expected origin 'real', 'synthetic' or 'all', got {origin!r}.")
    items = list(items)
    chosen = [item for item in items if class_name in ("all", item.get("class"))]
    if items and not chosen:
        known = sorted({str(item.get("class")) for item in items})
        raise ValueError(
            f"Expected items of class {class_name!r}, got {len(items)} items of classes {known}. "
            "Name one of these classes, or 'all'."
        )
    return [dict(item) for item in chosen if origin in ("all", item.get("origin", "real"))]


def datalist_sha256(path: str | Path) -> str:
    """SHA-256 of a datalist's content, whatever its spacing and key order (the provenance of synthetic items)."""
    content = _read_json(datalist_path(path))
    return hashlib.sha256(json.dumps(content, sort_keys=True, ensure_ascii=False).encode()).hexdigest()


def training_sha256(path: str | Path) -> str | None:
    """Hash of the datalist of a training, or None where there is none: its items were given another way."""
    return datalist_sha256(path) if datalist_path(path).is_file() else None


def datalist_path(path: str | Path) -> Path:
    """The datalist file of a path that is either the file or the prepared folder around it."""
    path = Path(str(path))  # MONAI's command line makes a number of a folder called 2024
    return path / "datalist.json" if path.is_dir() else path


def check_datalist(content: Mapping[str, Any], path: str | Path) -> None:
    """Check a datalist's form: lists of items, known classes, no image and no group on both sides of a split.

    ``unlabeled`` may share groups with ``training`` (hidden labels, generated images), never with the others.
    Synthetic images stand in ``training`` (of a grown list, there perhaps several times) or ``unlabeled``, never in
    ``validation`` or ``test``.

    Args:
        content: the datalist.
        path: the file named in messages.

    Raises:
        ValueError: what was expected, what was found and where.
    """
    if not isinstance(content, Mapping) or not isinstance(content.get("training"), Sequence):
        raise ValueError(f"Expected a JSON object with a list 'training' in {path}. Run `ssgnet data prepare`.")
    check_header({key: value for key, value in content.items() if key not in SPLITS}, path)
    classes = content.get("classes")
    homes: dict[str, tuple[str, str]] = {}
    group_split: dict[str, str] = {}
    for split in SPLITS:
        for index, item in enumerate(content.get(split, [])):
            where = f"{split}[{index}] of {path}"
            _check_item(item, where, classes, split)
            image = os.path.normpath(item["image"])
            home = (split, item.get("origin", "real"))
            if image in homes and not homes[image] == home == REPEATABLE:
                raise ValueError(f"Expected every image once, got {image} in {homes[image][0]} and in {where}.")
            homes[image] = home
            side = "training" if split == "unlabeled" else split
            if item.get("group") is not None and group_split.setdefault(item["group"], side) != side:
                raise ValueError(
                    f"Expected each group (patient) in one split, got group {item['group']!r} in "
                    f"{group_split[item['group']]} and in {where}. Split by group again with `ssgnet data prepare`."
                )


def _check_item(item: Any, where: str, classes: Sequence[str] | None, split: str) -> None:
    if not isinstance(item, Mapping) or not isinstance(item.get("image"), str):
        raise ValueError(f"Expected an object with a path under 'image', got {item!r} at {where}.")
    if "label" in item and not isinstance(item["label"], str):
        raise ValueError(f"Expected a path under 'label' or no such key, got {item['label']!r} at {where}.")
    if classes and "class" in item and item["class"] not in classes:
        raise ValueError(f"Expected a class out of {list(classes)}, got {item['class']!r} at {where}.")
    if str(item.get("class", "")).startswith(SIGNS):
        raise ValueError(
            f"Expected a class that does not begin with {', '.join(SIGNS)}, got {item['class']!r} at {where}."
        )
    origin = item.get("origin", "real")
    if origin not in ORIGINS:
        raise ValueError(f"Expected origin 'real' or 'synthetic', got {origin!r} at {where}.")
    if origin == "synthetic" and split in ("validation", "test"):
        raise ValueError(
            f"Expected synthetic images in 'training' or 'unlabeled' only, got {item['image']} at {where}. "
            "Scores count on real images: take it out."
        )


def check_listed_files(content: Mapping[str, Any], path: Path) -> None:
    """Raise a FileNotFoundError where a listed image or mask is missing.

    Args:
        content: a datalist with absolute paths.
        path: the file named in the message.
    """
    listed = [item[key] for split in SPLITS for item in content[split] for key in PATH_KEYS if key in item]
    missing = [file for file in listed if not os.path.isfile(file)]
    if missing:
        raise FileNotFoundError(
            f"Expected every file listed in {path}, got {len(missing)} of {len(listed)} missing, first {missing[0]}. "
            "Move the datalist together with its folders, or prepare the dataset (grow the list) again."
        )


def _with_paths(item: Mapping[str, Any], change: Any) -> dict[str, Any]:
    return {key: str(change(value)) if key in PATH_KEYS else value for key, value in item.items()}


def _read_json(path: Path) -> dict[str, Any]:
    if not path.is_file():
        raise FileNotFoundError(
            f"Expected a datalist at {path}, found none. Make one with `ssgnet data prepare` or `ssgnet data phantom`."
        )
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except json.JSONDecodeError as error:
        raise ValueError(f"Expected JSON in {path}, got {error}. Prepare the dataset again.") from error
    if not isinstance(content, dict):
        raise ValueError(f"Expected a JSON object in {path}, got {type(content).__name__}. Prepare the dataset again.")
    return content
