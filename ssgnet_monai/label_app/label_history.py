"""Earlier versions of saved labels, with time and user: ``labels/history/STUDY/TIME_USER.ENDING`` among the studies."""

from __future__ import annotations

import fcntl
import json
import os
import re
import shutil
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ssgnet_monai.data.atomic_write import atomic_path, fsync_folder, write_json

LABELS, FINAL, FOLDER = Path("labels"), "final", "history"
INDEX = "datastore_v2.json"
"""MONAI Label's index of the studies; a lock file ``.lock`` lies beside it."""
CLASSES = "classes"
"""In what is kept of a label: the names of its numbers."""
NAMES = ".classes.json"
"""Beside the kept labels of a study: the classes of each."""


def keep(studies: Path, image: str, label: Path, info: Mapping[str, Any]) -> Path:
    """Move a label that is about to be replaced or removed into the history, with its classes.

    Args:
        studies: folder of the studies.
        image: name of the study.
        label: its label's file, which must be there.
        info: what is kept of it: ``ts``, when it was saved (seconds since 1970, by default the file's time),
            ``client_id``, who saved it, and ``classes``.

    Returns:
        The kept file. It is a second name of the label's data, so that a full disk can keep it.
    """
    folder = studies / LABELS / FOLDER / image
    folder.mkdir(parents=True, exist_ok=True)
    moment = datetime.fromtimestamp(info.get("ts") or label.lstat().st_mtime, UTC).strftime("%Y%m%dT%H%M%SZ")
    ending = label.name[len(image) :]
    stem = f"{moment}_{re.sub(r'[^A-Za-z0-9-]', '-', str(info.get('client_id') or ''))[:60] or 'unknown'}"
    number, kept = 1, folder / f"{stem}{ending}"
    while kept.exists():
        number += 1
        kept = folder / f"{stem}_{number}{ending}"
    if CLASSES in info:
        write_json(folder / NAMES, {**_read(folder / NAMES), kept.name: info[CLASSES]})
    try:
        os.link(label, kept, follow_symlinks=False)
    except OSError:  # a file system without second names
        with atomic_path(kept) as temporary:
            shutil.copyfile(label, temporary)
    fsync_folder(folder)
    return kept


def versions(studies: Path, image: str | None = None) -> list[Path]:
    """Kept labels, the oldest of a study first.

    Args:
        studies: folder of the studies.
        image: name of a study; None: all.
    """
    folders = sorted((studies / LABELS / FOLDER).glob("*")) if image is None else [studies / LABELS / FOLDER / image]
    return [path for folder in folders for path in sorted(folder.glob("[!.]*"))]


def restore(studies: Path, image: str, version: str | None = None) -> Path:
    """Make an earlier label the saved one again; the present one goes into the history.

    Args:
        studies: folder of the studies; its server may be running.
        image: name of the study.
        version: file name of a kept label; None: the newest.

    Returns:
        The restored label.

    Raises:
        FileNotFoundError: no such version.
    """
    known = {path.name: path for path in versions(studies, image)}
    if not known or (version is not None and version not in known):
        listed = ", ".join(known) or "none"
        raise FileNotFoundError(
            f"Expected an earlier label of {image}"
            + (f" named {version}" if version else "")
            + f", found {listed} in {studies / LABELS / FOLDER / image}. `ssgnet label history --studies {studies}` "
            "lists what there is."
        )
    source = known[version] if version else list(known.values())[-1]
    ending = re.sub(r"^\d{8}T\d{6}Z_[A-Za-z0-9-]+(_\d+)?", "", source.name)
    target = studies / LABELS / FINAL / f"{image}{ending}"
    with open(studies / ".lock", "a") as lock:  # the server's own
        fcntl.flock(lock, fcntl.LOCK_EX)
        index = _read(studies / INDEX)
        labels = index.get("objects", {}).get(image, {}).get("labels")
        present = (labels or {}).get(FINAL)
        old = None
        if present is not None:
            old = target.with_name(f"{image}{present['ext']}")
            if old.exists():
                keep(studies, image, old, present.get("info", {}))
        with atomic_path(target) as temporary:
            shutil.copyfile(source, temporary)
        if labels is not None:
            info = {"ts": int(time.time()), "name": target.name, "client_id": "restored", "restored": source.name}
            classes = _read(source.with_name(NAMES)).get(source.name)
            info |= {CLASSES: classes} if classes else {}  # none are known of one that an earlier version kept
            labels[FINAL] = {"ext": ending, "info": info}
            write_json(studies / INDEX, index)
        if old is not None and old != target:
            old.unlink(missing_ok=True)
    return target


def _read(path: Path) -> dict[str, Any]:
    return json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
