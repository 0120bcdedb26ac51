"""MONAI Label's folder of studies, from which no request leads out, and in which no saved label is lost."""

from __future__ import annotations

import json
import logging
import os
import tempfile
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from monailabel.datastore.local import DataModel, ImageLabelModel, LocalDatastore, LocalDatastoreModel
from monailabel.interfaces.datastore import DefaultLabelTag

from ssgnet_monai.data.atomic_write import atomic_path, write_json
from ssgnet_monai.label_app import label_history
from ssgnet_monai.label_app.bundle_classes import TWO
from ssgnet_monai.label_app.label_check import check_label
from ssgnet_monai.label_app.label_classes import numbered_label
from ssgnet_monai.label_app.label_history import CLASSES
from ssgnet_monai.label_app.requests import HISTORY, check_tag, new_name
from ssgnet_monai.label_app.viewer_name import viewer_name

logger = logging.getLogger(__name__)


class Studies(LocalDatastore):
    """Images and labels in one folder; see ``LocalDatastore``.

    Args:
        folder: of the studies.
        extensions: patterns of image and label files.
        auto_reload: whether files that come and go are noticed.
        read_only: see ``LocalDatastore``.
        classes: of the labels, see ``served_classes``.
    """

    def __init__(
        self,
        folder: str,
        extensions: Sequence[str],
        auto_reload: bool,
        read_only: bool,
        classes: Sequence[str] = TWO,
    ) -> None:
        self.root, self.classes = Path(os.path.realpath(folder)), list(classes)
        self._changes = threading.RLock()
        set_damaged_index_aside(Path(folder))
        super().__init__(folder, extensions=extensions, auto_reload=auto_reload, read_only=read_only)
        if auto_reload:
            self._handler.on_moved = self._on_any_event  # what is written whole is renamed into place

    def known(self, image: str) -> ImageLabelModel:
        """The entry of a study.

        Raises:
            ValueError: there is none of this name.
        """
        found = self._datastore.objects.get(image)
        if found is None:
            raise ValueError(f"Expected the name of a study in this server's folder, got {str(image)[:80]!r}.")
        return found

    def get_image_uri(self, image_id: str) -> str:
        """Path of a study's image.

        Raises:
            ValueError: no such study, or a link that leads out of the folder.
        """
        self.known(image_id)
        return self._inside(super().get_image_uri(image_id))

    def get_label_uri(self, label_id: str, label_tag: str) -> str:
        """Path of a label, empty where there is none.

        Raises:
            ValueError: no such study or tag, or a link that leads out of the folder.
        """
        self.known(label_id)
        path = super().get_label_uri(label_id, check_tag(_text(label_tag)))
        return self._inside(path) if path else ""

    def get_image_info(self, image_id: str) -> dict[str, Any]:
        """What is known of an image, for the viewer: without its path, and with a name that cannot be confused.

        3D Slicer would load the path it is given, and with it, as one stack, the pictures beside it whose names differ
        in a number.
        """
        self.known(image_id)
        info = dict(super().get_image_info(image_id))
        path = Path(self.get_image_uri(image_id))
        info.pop("path", None)
        return {**info, "name": viewer_name(path, image_id), "PatientID": image_id}

    def add_image(self, image_id: str, image_filename: str, image_info: dict[str, Any]) -> str:
        """Add an uploaded study, whole or not at all.

        Raises:
            ValueError: no plain name, another ending, or a study of this name is there.
        """
        name, ending = self._to_id(os.path.basename(image_filename))
        image = new_name(image_id or name)
        self._known_ending(ending)
        with self._changes, self._locked():
            target = self.root / f"{image}{ending}"
            if image in self._datastore.objects or os.path.lexists(target):
                raise ValueError(
                    f"Expected a new study, got {image}, which is there already. Upload it by another name."
                )
            _copy(image_filename, target)
            info = {**image_info, "ts": int(time.time()), "name": target.name}
            self._datastore.objects[image] = ImageLabelModel(image=DataModel(info=info, ext=ending))
            self._update_datastore_file(lock=False)
        return image

    def remove_image(self, image_id: str) -> None:
        """Refused: an original has no second copy here."""
        raise ValueError(
            f"Expected no request to delete a study, got one for {str(image_id)[:80]!r}. Move the file out of the "
            "folder yourself."
        )

    def save_label(self, image_id: str, label_filename: str, label_tag: str, label_info: dict[str, Any]) -> str:
        """Check and save a label, of more than two classes as class numbers; the one it replaces goes into the history.

        Returns:
            The study's name.

        Raises:
            ValueError: no such study or tag, or a label that training cannot use.
            OSError: the disk is full; the earlier label is still there.
        """
        tag = check_tag(_text(label_tag))
        self._known_ending(self._to_id(os.path.basename(label_filename))[1])
        if tag != DefaultLabelTag.FINAL.value:
            return self._save(image_id, label_filename, tag, label_info or {})
        image, info = self.get_image_uri(image_id), dict(label_info or {})
        with tempfile.TemporaryDirectory() as folder:
            if len(self.classes) > 2 and os.path.getsize(label_filename):
                listed = info.get("label_info") or []
                label_filename = str(numbered_label(Path(label_filename), self.classes, listed, Path(folder)))
            info[CLASSES] = self.classes
            check_label(image, label_filename, num_classes=len(self.classes))
            return self._save(image_id, label_filename, tag, info)

    def _save(self, image_id: str, label_filename: str, tag: str, label_info: Mapping[str, Any]) -> str:
        _, ending = self._to_id(os.path.basename(label_filename))
        with self._changes, self._locked():
            labels = self.known(image_id).labels
            info = {**label_info, "ts": int(time.time()), "name": f"{image_id}{ending}"}
            info.pop("replaced", None)
            target = Path(self._datastore.label_path(tag)) / f"{image_id}{ending}"
            old = self._keep(image_id, tag)
            _copy(label_filename, target)
            if old is not None:
                before = labels[tag].info
                info["replaced"] = {"client_id": before.get("client_id", ""), "ts": before.get("ts", 0)}
                if old != target:
                    old.unlink(missing_ok=True)
            labels[tag] = DataModel(info=info, ext=ending)
            self._update_datastore_file(lock=False)
        return image_id

    def datalist(self, full_path: bool = True) -> list[dict[str, Any]]:
        """Images with the labels of this server's classes (two may have any names); others are told and left out."""
        found = []
        for item in super().datalist(full_path):
            image, _ = self._to_id(os.path.basename(item["image"]))
            classes = self.get_label_info(image, DefaultLabelTag.FINAL.value).get(CLASSES, self.classes)
            if classes == self.classes or len(classes) == len(self.classes) == 2:
                found.append(item)
                continue
            logger.warning(
                "%s is left out of the training: its label is of the classes %s, the model of %s. Submit it again.",
                image,
                ", ".join(classes),
                ", ".join(self.classes),
            )
        return found

    def remove_label(self, label_id: str, label_tag: str) -> None:
        """Move a label into the history."""
        tag = check_tag(_text(label_tag))
        with self._changes, self._locked():
            labels = self.known(label_id).labels
            old = self._keep(label_id, tag)
            if old is None:
                raise ValueError(f"Expected a label of {label_id} with tag {tag}, found none.")
            old.unlink()
            del labels[tag]
            self._update_datastore_file(lock=False)

    def update_image_info(self, image_id: str, info: dict[str, Any]) -> None:
        """Note something about a study.

        Raises:
            ValueError: no such study.
        """
        self.known(image_id)
        super().update_image_info(image_id, info)

    def refresh(self) -> None:
        """Look at the files again."""
        with self._changes:
            super().refresh()

    def _keep(self, image: str, tag: str) -> Path | None:
        """The file of a label, after final ones went into the history; None: there is none."""
        present = self._datastore.label(image, tag)
        path = Path(self._datastore.label_path(tag)) / f"{image}{present.ext}" if present else None
        if present is None or path is None or not os.path.lexists(path):
            return None
        if tag == DefaultLabelTag.FINAL.value:
            label_history.keep(self.root, image, path, present.info)
        return path

    def _inside(self, path: str) -> str:
        if not Path(path).is_relative_to(self.root):
            raise ValueError(
                f"Expected a file inside {self.root}, got a link that leads out of it, {Path(path).name}. Copy the "
                "file into the folder."
            )
        return path

    def _known_ending(self, ending: str) -> None:
        known = [pattern.replace("*", "") for pattern in self._extensions]
        if ending not in known:
            raise ValueError(f"Expected a file that ends in one of {', '.join(known)}, got {ending[:40]!r}.")

    def _list_files(self, path: str, patterns: Sequence[str]) -> dict[str, str]:
        found: Mapping[str, str] = super()._list_files(path, patterns)
        inside = {}
        for name, file in sorted(found.items()):
            if Path(os.path.realpath(os.path.join(path, file))).is_relative_to(self.root):
                inside[name] = file
            else:
                logger.warning("%s is no study: it is a link out of %s. Copy the file.", file, self.root)
        return inside

    def _add_non_existing_labels(self, tag: str) -> int:
        return 0 if tag == HISTORY else super()._add_non_existing_labels(tag)

    def _locked(self) -> Any:
        from filelock import FileLock

        return FileLock(self._lock_file)

    def _update_datastore_file(self, lock: bool = True) -> None:
        if lock:
            with self._changes, self._locked():
                self._update_datastore_file(lock=False)
            return
        content = json.loads(json.dumps(self._datastore.model_dump(exclude={"base_path"}), default=str))
        try:
            write_json(self._datastore_config_path, content)
        except OSError:  # images and labels are there; the index is made anew from them
            logger.warning("The index of the studies could not be written", exc_info=True)
            return
        self._config_ts = os.stat(self._datastore_config_path).st_mtime


def set_damaged_index_aside(studies: Path) -> None:
    """Rename an index that cannot be read: the server makes a new one from the files, which are all there."""
    index = studies / label_history.INDEX
    if not index.exists():
        return
    try:
        LocalDatastoreModel.model_validate_json(index.read_text(encoding="utf-8"))
    except ValueError:
        aside = index.with_name(f"datastore_v2.damaged-{int(time.time())}.json")
        os.replace(index, aside)
        logger.warning(
            "%s could not be read and is %s now; studies and labels are listed anew from their files. Who saved which "
            "label is known to the old file alone.",
            index,
            aside.name,
        )


def _copy(source: str, target: Path) -> None:
    with atomic_path(target) as temporary, open(source, "rb") as data, open(temporary, "wb") as copy:
        while block := data.read(1 << 20):
            copy.write(block)


def _text(tag: Any) -> str:
    return str(getattr(tag, "value", tag) or "")
