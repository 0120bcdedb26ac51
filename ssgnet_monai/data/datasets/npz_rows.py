"""Rows of the arrays in an ``.npz`` file, one at a time: the file may be far larger than the memory."""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import IO

import numpy as np

READERS = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}
UNREADABLE = (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, OSError)


@dataclass
class RowReader:
    """An array of integers that is read row by row: iterate over it once.

    Args:
        shape: of the whole array.
        dtype: of its values.
        file: stands at the first row.
        name: for messages.
    """

    shape: tuple[int, ...]
    dtype: np.dtype
    file: IO[bytes]
    name: str

    def __iter__(self) -> Iterator[np.ndarray]:
        size = prod(self.shape[1:]) * self.dtype.itemsize
        for number in range(self.shape[0]):
            with _readable(self.name):
                row = self.file.read(size)
                if len(row) != size:
                    raise EOFError(f"row {number} of {self.shape[0]} is cut short")
            yield np.frombuffer(row, self.dtype).reshape(self.shape[1:])


@contextmanager
def open_rows(path: str | Path, names: Sequence[str]) -> Iterator[list[RowReader]]:
    """Open arrays of an ``.npz`` file side by side. Nothing is unpickled.

    Args:
        path: the file.
        names: of the arrays wanted.

    Yields:
        A reader for each name; only the headers have been read.

    Raises:
        ValueError: no ``.npz`` file, a damaged one (found here or in a reader), missing arrays, or arrays of something
            else than integers.
    """
    with ExitStack() as opened:
        with _readable(str(path)):
            archive = opened.enter_context(zipfile.ZipFile(path))
        found = sorted(name.removesuffix(".npy") for name in archive.namelist())
        if missing := sorted(set(names) - set(found)):
            raise ValueError(f"Expected the arrays {list(names)} in {path}, found no {missing} among {found}.")
        readers = []
        for name in names:
            with _readable(str(path)):
                file = opened.enter_context(archive.open(f"{name}.npy"))
                readers.append(_reader(file, f"{name} in {path}"))
        yield readers


def _reader(file: IO[bytes], name: str) -> RowReader:
    try:
        shape, by_columns, dtype = READERS[np.lib.format.read_magic(file)](file)
    except (ValueError, KeyError) as error:
        raise ValueError(f"Expected a NumPy array, got {error} as {name}. Download it again.") from error
    if by_columns or dtype.kind not in "iu" or not shape:
        kind = f"{dtype} of shape {shape}" + (" by columns" if by_columns else "")
        raise ValueError(f"Expected rows of integers, got {kind} as {name}.")
    return RowReader(shape, dtype, file, name)


@contextmanager
def _readable(name: str) -> Iterator[None]:
    try:
        yield
    except UNREADABLE as error:
        raise ValueError(
            f"Expected a whole .npz file, got {type(error).__name__} ({error}) in {name}. Download it again."
        ) from error
