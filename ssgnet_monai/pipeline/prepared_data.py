"""The data of a run: prepared once, by a command that is written down together with the state of the source files."""

from __future__ import annotations

import hashlib
import io
import json
import logging
import os
import re
import resource
import shlex
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, BinaryIO, cast

from ssgnet_monai.data.atomic_write import write_json
from ssgnet_monai.data.datalist import load_datalist
from ssgnet_monai.data.file_tree import files_below
from ssgnet_monai.data.image_files import listed
from ssgnet_monai.pipeline.stage import PYTHON

logger = logging.getLogger(__name__)
WORDS = len(PYTHON) + 2  # python -P -m ssgnet_monai.cli
SOURCE_WORDS = ("--images", "--masks", "--source", "--classes", "--groups", "--labels", "--splits", "--unlabeled")
LAST_LINES = 4096


def read_prepared(command: Sequence[str], run_dir: Path) -> dict[str, Any] | None:
    """The datalist of a run; nothing is written.

    Args:
        command: the words that prepare the data, see ``prepare_command``.
        run_dir: folder of the run.

    Returns:
        The datalist, or None where the data are not prepared yet.

    Raises:
        ValueError: data of another command, or whose source files are others by now.
    """
    folder = run_dir / "data"
    if not (folder / "datalist.json").exists():
        return None
    record, ours = folder / "command.json", list(command[WORDS:])
    found = _read(record, ours)
    if _without_workers(found) != _without_workers(ours):
        raise ValueError(
            f"Expected {folder} to hold the data of `ssgnet {shlex.join(ours)}`, found those of "
            f"`ssgnet {shlex.join(found)}`. Give another output_dir."
        )
    now = source_files(ours, run_dir)
    before = _read(folder / "source_files.json", None)
    if now and before is not None:
        _check_sources(now, before, folder)
    return load_datalist(folder)


def prepare_data(command: Sequence[str], run_dir: Path) -> None:
    """Prepare the data; what the command says appears at once.

    Args:
        command: see ``prepare_command``.
        run_dir: folder of the run.

    Raises:
        ValueError: the preparation failed; its last line.
    """
    began, words = time.monotonic(), list(command[WORDS:])
    logger.info("prepare: %s", shlex.join(words))
    files = source_files(words, run_dir)
    last = ""
    with subprocess.Popen(command, cwd=run_dir, stdin=subprocess.DEVNULL, stderr=subprocess.PIPE) as process:
        try:
            # newline: a progress bar ends its lines with \r, which stay
            told = io.TextIOWrapper(cast(BinaryIO, process.stderr), "utf-8", "replace", newline="")
            while text := told.read(1):
                last = (last + text)[-LAST_LINES:]
                sys.stderr.write(text)
        except BaseException:
            process.kill()
            raise
    if process.returncode:
        lines = last.strip().splitlines()
        cause = f"It was killed by signal {-process.returncode}." if process.returncode < 0 else ""
        raise ValueError(
            f"Preparing the data failed. {cause or (lines[-1] if lines else f'Its status is {process.returncode}.')}"
            + (" Short of memory? prepare.workers=1 takes less; the same command goes on." if cause else "")
        )
    write_json(run_dir / "data" / "source_files.json", {key: stamp for key, (stamp, _) in files.items()})
    write_json(run_dir / "data" / "command.json", words)
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
    (run_dir / "benchmarks").mkdir(exist_ok=True)
    line = f"s\tmax_rss\n{time.monotonic() - began:.1f}\t{peak:.1f}\n"
    (run_dir / "benchmarks" / "prepare.tsv").write_text(line, encoding="utf-8")


def source_files(words: Sequence[str], run_dir: Path) -> dict[str, tuple[list[int], Path]]:
    """Hash of the path -> (size and time of change, path) of every file that a preparation reads.

    Paths are hashed since they may name patients. A folder of images that lies around the run leaves the run out.
    """
    found: dict[str, tuple[list[int], Path]] = {}
    flag = ""
    for value in words:
        flag = value if value.startswith("--") else flag
        if flag not in SOURCE_WORDS or flag == value:
            continue
        place = (
            Path(value) if os.path.exists(value) else Path(value.rpartition(":")[0])
        )  # of JSON text the name is long
        if not place.is_absolute():
            continue
        for file in [place] if place.is_file() else files_below(place):
            if run_dir not in file.parents:
                stat = file.stat()
                key = hashlib.sha256(str(file).encode("utf-8", "surrogateescape")).hexdigest()[:20]
                found[key] = ([stat.st_size, stat.st_mtime_ns], file)
    return found


def _check_sources(now: dict[str, tuple[list[int], Path]], before: dict[str, list[int]], folder: Path) -> None:
    new = [path for key, (_, path) in now.items() if key not in before]
    changed = [path for key, (stamp, path) in now.items() if before.get(key, stamp) != stamp]
    gone = len(before.keys() - now.keys())
    parts = [f"{len(paths)} {word} ({listed(paths)})" for word, paths in (("new", new), ("changed", changed)) if paths]
    parts += [f"{gone} removed"] if gone else []
    if parts:
        raise ValueError(
            f"Expected the source files as they were when {folder} was prepared from them, found {', '.join(parts)}. "
            "Give another output_dir to run with the files of today, or put them back as they were."
        )


def _read(path: Path, default: Any) -> Any:
    if not path.is_file():
        return default
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ValueError(f"Expected JSON in {path}, got {error}. Remove the file.") from error


def _without_workers(words: Sequence[str]) -> list[str]:
    """The command of a preparation, less what changes its speed alone."""
    words = [word for word in words if not re.match("workers=", word)]
    at = words.index("--workers") if "--workers" in words else len(words)
    return [*words[:at], *words[at + 2 :]]
