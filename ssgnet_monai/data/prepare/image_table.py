"""CSV files that say something of images: which column names the image, which holds what is asked for."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from ssgnet_monai.data.image_files import IMAGE_SUFFIXES, ImagePair, listed, stem_key
from ssgnet_monai.data.names import plain_name
from ssgnet_monai.data.text_file import read_text

# Of several that match, the first is taken.
IMAGE_COLUMNS = (
    "image", "imagename", "imagefile", "imagefilename", "imagepath", "imageid", "filename", "file", "filepath", "path",
    "img", "imgname", "imgpath", "imgid", "picture", "photo", "isicid", "stem", "name", "id", "uid", "scan", "scanid",
    "case", "caseid",
)  # fmt: skip
ROW_NUMBERS = ("", "index", "unnamed0", "row")
MISSING = frozenset(
    {"", "nan", "-nan", "na", "n/a", "#n/a", "#na", "<na>", "none", "null", "nil", "nat", "missing", "empty", "-", "--",
     "?", ".", "not available"}
)  # fmt: skip


def table_and_column(source: str | Path) -> tuple[Path, str | None]:
    """Part ``file.csv:column`` into the file and the column; a path of its own has no column."""
    file, mark, column = str(source).rpartition(":")
    if mark and not Path(source).is_file() and (Path(file).is_file() or file.lower().endswith(".csv")):
        return Path(file), column
    return Path(source), None


def simple_name(column: str) -> str:
    """A column's name without case, spaces and signs: ``Patient_ID`` is ``patientid``."""
    return re.sub(r"[\W_]+", "", column).casefold()


class ImageTable:
    """A CSV file with a row for each image.

    The column of the images is the one that holds their names (with or without folders, of either separator, and
    ending); without a header, the file has two columns: image and value.

    Args:
        path: the file.
        pairs: the images; the table may speak of others too.
        kind: what is looked for, for messages: "class" or "group".
        known: names (see ``simple_name``) of columns that hold it.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: no table, rows longer than the header, or no row speaks of any of the images.
    """

    def __init__(self, path: Path, pairs: Sequence[ImagePair], kind: str, known: Sequence[str]) -> None:
        if not path.is_file():
            raise FileNotFoundError(f"Expected a CSV file of stem and {kind}, found none at {path}.")
        self.path, self.kind = path, kind
        rows = [[plain_name(cell) for cell in row] for row in csv.reader(io.StringIO(read_text(path)))]
        numbered = [(number, row) for number, row in enumerate(rows, start=1) if any(row)]
        if not numbered or min(len(row) for _, row in numbered) < 2:
            raise ValueError(
                f"Expected at least two columns (stem, {kind}) separated by commas in every row of {path}."
            )
        self._stems = {stem_key(name): pair.stem for pair in pairs for name in (pair.stem, pair.image)}
        first = numbered[0][1]
        self.columns = first if self._is_header(numbered, known) else []
        if self.columns:
            numbered = numbered[1:]
        elif len(first) > 2:
            raise ValueError(
                f"Expected a first row that names the columns of {path} (such as image,{kind}), got {first}. Add one."
            )
        width = len(first)
        long = [(number, row) for number, row in numbered if any(row[width:])]
        if long:
            raise ValueError(
                f"Expected {width} cells in every row of {path}, got {len(long[0][1])} in row {long[0][0]}: "
                f"{long[0][1]}. Put quotes around cells with commas."
            )
        self.rows = [(number, row + [""] * (width - len(row))) for number, row in numbered]
        self.image_column = self._image_column(pairs)

    def values(self, column: int) -> dict[str, tuple[int, str]]:
        """Stem -> (row number, cell) of the images that the table speaks of; a missing value gives way to another.

        Raises:
            ValueError: two values of one image.
        """
        found: dict[str, tuple[int, str]] = {}
        for number, row in self.rows:
            stem = self._stem(row[self.image_column])
            if stem is None or (stem in found and is_missing(row[column])):
                continue
            earlier, before = found.get(stem, (0, ""))
            if not is_missing(before) and before != row[column]:
                raise ValueError(
                    f"Expected one {self.kind} for {stem} in {self.path}, got {before!r} in row {earlier} and "
                    f"{row[column]!r} in row {number}. Remove the wrong one."
                )
            found[stem] = (number, row[column])
        return found

    def named(self, column: str) -> int:
        """Where a column stands that the user names; case, spaces and signs may differ.

        Raises:
            ValueError: no such column, or several.
        """
        exact = [place for place, name in enumerate(self.columns) if name == column]
        near = [place for place, name in enumerate(self.columns) if simple_name(name) == simple_name(column)]
        places = exact or near
        if len(places) != 1:
            raise ValueError(
                f"Expected a column {column!r} in {self.path}, found {self.columns} (it has to be there once)."
            )
        return places[0]

    def known_column(self, tiers: Sequence[Sequence[str]]) -> int | None:
        """The column whose name is known; where several are, they have to say the same.

        Args:
            tiers: known names, the better ones before the others: a worse one counts where there is no better.

        Returns:
            Its place, or None.

        Raises:
            ValueError: several columns that part the images differently.
        """
        if not self.columns:
            return 1 - self.image_column
        for tier in tiers:
            places = [
                place
                for known in tier
                for place, name in enumerate(self.columns)
                if simple_name(name) == known and place != self.image_column
            ]
            if len({self._partition(place) for place in places}) > 1:
                raise ValueError(
                    f"Expected one column of the {self.kind} in {self.path}, found "
                    f"{', '.join(repr(self.columns[place]) for place in places)}, which part the images differently. "
                    f"Name one: {self.path.name}:{self.columns[places[0]]}."
                )
            if places:
                return places[0]
        return None

    def unknown_columns(self) -> list[int]:
        """Places of the columns that are neither the images' nor row numbers."""
        return [
            place
            for place, name in enumerate(self.columns)
            if place != self.image_column and simple_name(name) not in ROW_NUMBERS
        ]

    def _partition(self, column: int) -> frozenset[frozenset[str]]:
        parts: dict[str, set[str]] = {}
        for stem, (_, cell) in self.values(column).items():
            parts.setdefault(cell, set()).add(stem)
        return frozenset(map(frozenset, parts.values()))

    def _stem(self, cell: str) -> str | None:
        return self._stems.get(stem_key(cell.replace("\\", "/").rpartition("/")[2]))

    def _is_header(self, rows: Sequence[tuple[int, list[str]]], known: Sequence[str]) -> bool:
        """A first row of an image that is not here is none: its value stands in other rows too."""
        first = rows[0][1]
        names = [simple_name(cell) for cell in first]
        if all(name in IMAGE_COLUMNS or name in known for name in names):
            return True
        if any(self._stem(cell) for cell in first) or Path(first[0]).suffix.lower() in IMAGE_SUFFIXES:
            return False
        recurs = any(row[1] == first[1] for _, row in rows[1:])
        return len(first) > 2 or names[0] in IMAGE_COLUMNS or not recurs

    def _image_column(self, pairs: Sequence[ImagePair]) -> int:
        matches = [sum(self._stem(row[place]) is not None for _, row in self.rows) for place in range(self._width())]
        named = [
            place
            for known in IMAGE_COLUMNS
            for place, name in enumerate(self.columns)
            if simple_name(name) == known and matches[place]
        ]
        if named:
            return named[0]
        others = [
            place
            for place, number in enumerate(matches)
            if number and not (self.columns and simple_name(self.columns[place]) in ROW_NUMBERS)
        ]
        if others:
            return max(others, key=lambda place: (matches[place], -place))
        shown = dict(zip(self.columns, self.rows[0][1], strict=True)) if self.columns and self.rows else None
        raise ValueError(
            f"Expected a {self.kind} for every image in {self.path}, found none for {len(pairs)} of {len(pairs)}: no "
            f"row names one of the images. Its first row is {shown or (self.rows[0][1] if self.rows else 'missing')}, "
            f"the first image is {listed([pairs[0].image])}. Add rows 'stem,{self.kind}' (the stem is the file name "
            "without extension)."
        )

    def _width(self) -> int:
        return len(self.columns) or 2


def is_missing(cell: str) -> bool:
    """Whether a cell says that nothing is known."""
    return cell.casefold() in MISSING


def one_hot(table: ImageTable, columns: Sequence[int]) -> Mapping[str, tuple[int, str]] | None:
    """Stem -> (row number, name of the one column that holds 1), where all other columns hold 0; else None."""
    if len(columns) < 2:
        return None
    found: dict[str, tuple[int, str]] = {}
    cells = {place: table.values(place) for place in columns}
    for stem, (number, _) in cells[columns[0]].items():
        words = [cells[place][stem][1].casefold() for place in columns]
        if any(word not in ("0", "0.0", "1", "1.0", "true", "false") for word in words):
            return None
        chosen = [place for place, word in zip(columns, words, strict=True) if word in ("1", "1.0", "true")]
        if len(chosen) != 1:
            return None
        found[stem] = (number, table.columns[chosen[0]])
    return found
