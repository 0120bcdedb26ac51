"""What was made of each subject, line by line: an interrupted run goes on, and an equal one does nothing."""

from __future__ import annotations

import json
from collections.abc import Callable, Hashable, Iterable, Mapping
from pathlib import Path
from typing import Any, Generic, TypeVar

from ssgnet_monai.data.atomic_write import atomic_path

Subject = TypeVar("Subject", bound=Hashable)


class Journal(Generic[Subject]):
    """The journal of a folder.

    Args:
        path: the file; each line is ``[signature, record]``.
        signatures: for each subject, a text of its own that changes whenever what is made of it would.
        files: paths of the files that a record stands for; without them it does not count.
    """

    def __init__(
        self, path: Path, signatures: Mapping[Subject, str], files: Callable[[dict[str, Any]], Iterable[Path]]
    ) -> None:
        known = _read(path)
        self._path, self._signatures = path, signatures
        self._records = {
            subject: known[signature]
            for subject, signature in signatures.items()
            if signature in known and all(file.is_file() for file in files(known[signature]))
        }
        self.todo = [subject for subject in signatures if subject not in self._records]

    def begin(self) -> None:
        """Forget all other records: their files are about to be replaced."""
        with atomic_path(self._path) as temporary:
            lines = [self._line(subject) for subject in self._records]
            temporary.write_text("".join(lines), encoding="utf-8")

    def note(self, subject: Subject, record: Mapping[str, Any]) -> None:
        """Record what was made of a subject, after its files are written."""
        self._records[subject] = dict(record)
        with open(self._path, "a", encoding="utf-8") as file:
            file.write(self._line(subject))

    def records(self) -> list[dict[str, Any]]:
        """A record for every subject, once there is nothing left ``todo``."""
        return [self._records[subject] for subject in self._signatures]

    def _line(self, subject: Subject) -> str:
        return json.dumps([self._signatures[subject], self._records[subject]]) + "\n"


def file_stamps(files: Iterable[Path | None]) -> list[list[Any]]:
    """Path, size and time of change of files: what tells whether they are still those of an earlier run."""
    stats = [(file, file.stat()) for file in files if file is not None]
    return [[str(file.absolute()), stat.st_size, stat.st_mtime_ns] for file, stat in stats]


def _read(path: Path) -> dict[str, dict[str, Any]]:
    known: dict[str, dict[str, Any]] = {}
    for line in path.read_text(encoding="utf-8").splitlines() if path.is_file() else []:
        try:
            signature, record = json.loads(line)
        except ValueError:  # the line that a kill cut short
            continue
        known[signature] = record
    return known
