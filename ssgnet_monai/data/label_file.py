"""Reading what a user says of mask values: a file or words of ``--labels``, or nnU-Net's ``dataset.json``."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from ssgnet_monai.data.datalist_header import SIGNS
from ssgnet_monai.data.label_map import BACKGROUND, LabelMap, colour_code, colour_name
from ssgnet_monai.data.label_space import IGNORED, MOST_CLASSES
from ssgnet_monai.data.names import look_alikes, plain_name
from ssgnet_monai.data.text_file import read_text

IGNORED_NAMES = ("ignore", "ignored")
COLOUR = re.compile("#?([0-9a-fA-F]{6})")
FORMS = (
    'value or colour and name, {"0": "background", "1": "organ", "#ff0000": "tumour"}, or name and value as in '
    'nnU-Net\'s dataset.json, {"background": 0, "organ": 1}; of several masks an image, the ending of their names or '
    'their folder and name, {"organ": "organ", "tumour": "tumour"}'
)
Labels = str | Path | Mapping[Any, Any]
Key = int | str


def read_labels(labels: Labels) -> LabelMap:
    """What mask values mean.

    Args:
        labels: a JSON or CSV file (columns: value and name, or name, r, g, b), JSON text, or a mapping: from values,
            colours or parts to names, or from names to values or colours. "labels" in it stands for the whole. Names
            "ignore" and "ignored" mean not known.

    Returns:
        Classes in the order of their values, else in the order in which they are named; the background is class 0.

    Raises:
        FileNotFoundError: no such file.
        ValueError: a form that cannot be read, or one value under two names.
    """
    pairs, source = _pairs(labels)
    return _label_map([(key, _checked_name(name, source)) for key, name in _keyed(pairs, source)], source)


def find_labels(*folders: Path | None) -> Path | None:
    """nnU-Net's ``dataset.json`` beside folders of pictures, where it names labels.

    Args:
        folders: of images and masks.
    """
    for folder in folders:
        file = folder.resolve().parent / "dataset.json" if folder is not None else None
        if file is None or not file.is_file():
            continue
        try:
            content = json.loads(read_text(file))
        except ValueError:
            continue  # some other file of this name
        if isinstance(content, dict) and isinstance(content.get("labels"), dict) and content["labels"]:
            return file
    return None


def _pairs(labels: Labels) -> tuple[list[tuple[Any, Any]], str]:
    """Keys and values as they are written, and where."""
    if isinstance(labels, Mapping):
        content: Any = labels
        source = "labels"
    elif str(labels).lstrip().startswith("{"):
        content, source = _json(str(labels), "--labels"), "--labels"
    else:
        path = Path(labels).expanduser()
        if not path.is_file():
            raise FileNotFoundError(f"Expected a file of labels at {path}, found none. It holds {FORMS}.")
        source = path.name
        if path.suffix.lower() == ".csv":
            return _rows(read_text(path), source), source
        content = _json(read_text(path), source)
    if isinstance(content, Mapping) and isinstance(content.get("labels"), Mapping):
        content = content["labels"]
    if not isinstance(content, Mapping) or not content:
        raise _unread(source, content)
    return list(content.items()), source


def _json(text: str, source: str) -> Any:
    def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found = dict(pairs)
        if len(found) < len(pairs):
            twice = next(key for key, _ in pairs if [other for other, _ in pairs].count(key) > 1)
            raise ValueError(f"Expected every key once in {source}, got {twice!r} twice. Remove one.")
        return found

    try:
        return json.loads(text, object_pairs_hook=unique)
    except json.JSONDecodeError as error:
        raise ValueError(f"Expected JSON in {source}, got {error}. It holds {FORMS}.") from error


def _rows(text: str, source: str) -> list[tuple[Any, Any]]:
    rows = [[cell.strip() for cell in row] for row in csv.reader(io.StringIO(text)) if any(map(str.strip, row))]
    header = [cell.casefold() for cell in rows[0]] if rows else []
    if {"r", "g", "b"} <= set(header):
        places = [header.index(letter) for letter in "rgb"]
        name = next((place for place in range(len(header)) if place not in places), None)
        if name is None or any(len(row) < 4 or not all(row[p].isdigit() for p in places) for row in rows[1:]):
            raise _unread(source, rows[:2])
        colours = [colour_name(colour_code(*(min(int(row[p]), 255) for p in places))) for row in rows[1:]]
        return [(colour, row[name]) for colour, row in zip(colours, rows[1:], strict=True)]
    if not rows or any(len(row) != 2 for row in rows):
        raise _unread(source, rows[:2])
    if set(header) & {"name", "label", "class", "value", "colour", "color"}:
        rows = rows[1:]
    return [(first, second) for first, second in rows]


def _keyed(pairs: Iterable[tuple[Any, Any]], source: str) -> list[tuple[Key, Any]]:
    """(value, colour or part; name) of pairs in either order."""
    pairs = list(pairs)
    keys = [_key(first) for first, _ in pairs]
    if all(key is not None for key in keys) and pairs:
        return [(key, name) for key, (_, name) in zip(keys, pairs, strict=True) if key is not None]
    turned = [(key, name) for name, value in pairs for key in _several(value)]
    if all(key is not None for key, _ in turned) and not any(key is not None for key in keys):
        return [(key, name) for key, name in turned if key is not None]
    if not any(key is not None for key in keys) and all(isinstance(name, str) for _, name in pairs):
        return [(plain_name(str(first)).strip("_- ").casefold(), name) for first, name in pairs]
    raise _unread(source, dict(pairs))


def _several(value: Any) -> list[Key | None]:
    return [_key(part) for part in value] if isinstance(value, list) and value else [_key(value)]


def _key(value: Any) -> Key | None:
    """A grey value or index as a number, a colour as ``#rrggbb``; None: neither."""
    text = str(value).strip()
    if isinstance(value, bool) or not isinstance(value, int | str):
        return None
    if re.fullmatch(r"\d{1,5}", text) and int(text) <= 65535:
        return int(text)
    colour = COLOUR.fullmatch(text)
    return f"#{colour[1].lower()}" if colour and text.startswith("#") else None


def _checked_name(name: Any, source: str) -> str:
    text = plain_name(name) if isinstance(name, str) else ""
    if not text or text.startswith(SIGNS) or not text.isprintable():
        raise ValueError(
            f"Expected names of classes in {source}, words that do not begin with {', '.join(SIGNS)}, got {name!r}."
        )
    return text


def _label_map(keyed: list[tuple[Key, str]], source: str) -> LabelMap:
    kinds = {"value" if isinstance(key, int) else "colour" if key.startswith("#") else "part" for key, _ in keyed}
    if len(kinds) > 1:
        raise ValueError(f"Expected either values, colours or parts in {source}, got {' and '.join(sorted(kinds))}s.")
    name_of: dict[Key, str] = {}
    for key, name in keyed:
        if name_of.setdefault(key, name) != name:
            raise ValueError(
                f"Expected one class for {key} in {source}, got {name_of[key]!r} and {name!r}. Regions that overlap "
                "are no classes: name each value once."
            )
    if kinds == {"value"}:
        name_of = dict(sorted(name_of.items()))
    first = next((name for name in name_of.values() if name.casefold() == BACKGROUND), None)
    if first is None:
        first = next((name for key, name in name_of.items() if key in (0, "#000000") and not _is_ignored(name)), None)
    names = list(dict.fromkeys([first or BACKGROUND, *(n for n in name_of.values() if not _is_ignored(n))]))
    if not 2 <= len(names) <= MOST_CLASSES:
        raise ValueError(f"Expected a background and 1 to {MOST_CLASSES - 1} classes in {source}, got {names}.")
    if same := look_alikes(names):
        raise ValueError(
            f"Expected names that differ in more than case, spaces and signs in {source}, got "
            f"{' and '.join(map(repr, same[0]))}. Give these classes one name, or names that differ."
        )
    numbers = {key: IGNORED if _is_ignored(name) else names.index(name) for key, name in name_of.items()}
    return LabelMap(
        tuple(names),
        values={key: number for key, number in numbers.items() if isinstance(key, int)},
        colours={
            colour_code(*bytes.fromhex(key[1:])): number
            for key, number in numbers.items()
            if isinstance(key, str) and key.startswith("#")
        },
        parts={key: n for key, n in numbers.items() if isinstance(key, str) and not key.startswith("#")},
        source=source,
    )


def _is_ignored(name: str) -> bool:
    return name.casefold() in IGNORED_NAMES


def _unread(source: str, got: object) -> ValueError:
    return ValueError(f"Expected labels in {source}: {FORMS}. Got {str(got)[:200]}.")
