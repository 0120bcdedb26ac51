"""What a generator was trained on, kept in ``generator.json`` beside its weights: the weights alone do not know it."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

from ssgnet_monai.data.atomic_write import sha256_file, write_json
from ssgnet_monai.data.datalist import datalist_sha256
from ssgnet_monai.data.latents import class_cycle

logger = logging.getLogger(__name__)
KEYS = ("model_sha256", "datalist_sha256", "class_name", "classes", "class_counts", "intensity_window")
REMEDY = (
    "Weights and generator.json belong together: copy both. Where there is none, run the training again with the same "
    "command, which goes on from its checkpoints and writes it; a generator of an earlier version does not know its "
    "data and must be trained anew, in another output_dir."
)


def write_generator_record(model_path: str | Path, record: Mapping[str, Any]) -> None:
    """Write ``generator.json`` beside weights that are complete.

    Args:
        model_path: the weights.
        record: ``datalist_sha256`` of the training, ``class_name``, ``classes`` (of a conditional generator, in the
            order of its condition, else empty), ``class_counts`` (class -> training images), ``intensity_window`` of
            the images; further entries are kept.
    """
    write_json(_file(model_path), {"model_sha256": sha256_file(model_path), **record})


class GeneratorRecord:
    """What a generator was trained on, checked against what one asks of it when ``content`` is first read.

    Args:
        model_path: the weights.
        dataset_dir: the prepared folder that one names now; another one than that of the training is a warning, since
            images keep the hash of the training's list and are refused wherever that list is not used.
        class_name: the class that one expects, or "all".
        classes: the classes that one expects of a conditional generator.
    """

    def __init__(
        self, model_path: str | Path, dataset_dir: str | Path, class_name: str, classes: Sequence[str] = ()
    ) -> None:
        self.model_path, self.dataset_dir = Path(model_path), dataset_dir
        self.asked = {"class_name": class_name, "classes": list(classes)}

    @cached_property
    def content(self) -> dict[str, Any]:
        """The record.

        Raises:
            FileNotFoundError: no weights.
            ValueError: no record, a record of other weights, or another class.
        """
        if not self.model_path.is_file():
            raise FileNotFoundError(f"Expected a trained generator at {self.model_path}, found none. Train first.")
        file, found = _file(self.model_path), sha256_file(self.model_path)
        try:
            record = json.loads(file.read_text(encoding="utf-8"))
            missing = [key for key in KEYS if record[key] is None]
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise ValueError(
                f"Expected {file} to tell what {self.model_path.name} was trained on, got {type(error).__name__} "
                f"({error}). {REMEDY}"
            ) from error
        if missing or record["model_sha256"] != found:
            wanted = missing[0] if missing else f"weights with sha256 {record['model_sha256'][:12]}"
            raise ValueError(f"Expected {wanted} as {file} has it, got {self.model_path} with {found[:12]}. {REMEDY}")
        for key, value in self.asked.items():
            if record[key] != value:
                raise ValueError(
                    f"Expected {key}: {record[key]!r}, with which {self.model_path} was trained, got {value!r}. Set "
                    "class_name, conditional and dataset_dir to those of the training, or name another ckpt_dir."
                )
        if datalist_sha256(self.dataset_dir) != record["datalist_sha256"]:
            logger.warning(
                "%s was trained on another list than that of %s: its images carry the hash of the list it was trained "
                "on and are refused beside any other.",
                self.model_path,
                self.dataset_dir,
            )
        return record


def generated_classes(trained_on: GeneratorRecord, class_mix: str) -> list[str]:
    """The :func:`~ssgnet_monai.data.latents.class_cycle` of a conditional generator's training images."""
    return class_cycle(trained_on.content["class_counts"], class_mix)


def _file(model_path: str | Path) -> Path:
    return Path(model_path).with_name("generator.json")
