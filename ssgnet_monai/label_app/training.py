"""Training from Slicer: the served model is changed at the end only, and stays unless validation improves on it."""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from monai.bundle import ConfigParser
from monailabel.interfaces.datastore import Datastore
from monailabel.tasks.train.bundle import BundleTrainTask

from ssgnet_monai.data.atomic_write import write_json
from ssgnet_monai.label_app.label_check import check_label
from ssgnet_monai.label_app.previous_models import keep_previous
from ssgnet_monai.label_app.requests import check_training
from ssgnet_monai.label_app.validation_split import draw_validation

logger = logging.getLogger(__name__)
PROGRESS = "training.json"
NO_DATALIST = {"intensity_window": [0, 255], "training": [], "validation": [], "test": [], "unlabeled": []}
"""Of a bundle whose data are elsewhere: what is trained on comes from clinicians."""


class LabelTrainTask(BundleTrainTask):
    """MONAI Label's training of a bundle of this package.

    Args:
        path: folder of the bundle.
        conf: of the app.
    """

    def __init__(self, path: str, conf: dict[str, str]) -> None:
        super().__init__(path, conf)
        self.output = Path(path) / "output"
        self.progress = self.output / PROGRESS
        self.trained = self.output / "trained" / "model.pt"
        self.model = Path(path) / "models" / "model.pt"
        self._items: dict[str, list[dict[str, Any]]] = {}

    def check(self, request: Mapping[str, Any]) -> dict[str, Any]:
        """The request with values that may be in a configuration; see ``check_training``."""
        return check_training(request, self.config())

    def stats(self) -> dict[str, Any]:
        """The training in progress, or the last one, as Slicer shows it: epochs and the validation score."""
        return json.loads(self.progress.read_text(encoding="utf-8")) if self.progress.exists() else {}

    def __call__(self, request: dict[str, Any], datastore: Datastore) -> dict[str, Any]:
        """Train, then take the new weights where validation prefers them to the present ones.

        Returns:
            ``message``: what became of the training; and its progress.

        Raises:
            ValueError: a request that cannot be, or no label to train with.
        """
        request = {**request, **self.check(request)}
        self.progress.unlink(missing_ok=True)
        self.trained.unlink(missing_ok=True)
        super().__call__(request, datastore)
        result = {**self.stats(), "message": self.conclude()}
        write_json(self.progress, result)
        logger.info(result["message"])
        return result

    def conclude(self) -> str:
        """What became of the training, as ``PublishModel`` wrote it down."""
        record = json.loads((self.output / "state" / "train" / "training.json").read_text(encoding="utf-8"))
        if record["result"] == "kept":
            return self.keep(record["earlier_score"])
        return self.serve(record["earlier_score"], record["score"])

    def keep(self, before: float) -> str:
        """Go on serving the present model; returns what is said of it."""
        self.trained.unlink(missing_ok=True)
        return (
            f"The training brought nothing, the model from before is kept: validation Dice {before:.4f} was not "
            "exceeded."
        )

    def serve(self, before: float | None, score: float | None) -> str:
        """Serve the weights of the training; returns what is said of them."""
        keep_previous(self.model)
        os.replace(self.trained, self.model)
        if before is None or score is None:
            return "The model is new: there was nothing to validate by, and it has the weights of the last step."
        return f"The model is new: validation Dice improved from {before:.4f} to {score:.4f}."

    def _fetch_datalist(self, request: dict[str, Any], datastore: Datastore) -> list[dict[str, Any]]:
        """The saved labels that training can read; others are told and left out."""
        load = self.loader()
        found, refused = [], []
        for item in super()._fetch_datalist(request, datastore):
            try:
                check_label(item["image"], item["label"], load)
                found.append(item)
            except (ValueError, OSError) as error:
                logger.warning("%s is left out of the training: %s", item["label"], error)
                refused.append(str(error))
        if not found:
            raise ValueError(
                "Expected at least one training item, got no saved label"
                + (f" that training can read ({refused[0]})" if refused else "")
                + ". Submit a label first."
            )
        return found

    def _partition_datalist(
        self, datalist: list[dict[str, Any]], request: Mapping[str, Any], shuffle: bool = False
    ) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
        chosen = draw_validation(
            [Path(item["image"]).name for item in datalist], request["val_split"], self.output / "validation.json"
        )
        train = [item for item in datalist if Path(item["image"]).name not in chosen]
        return train, [item for item in datalist if Path(item["image"]).name in chosen]

    def _update_overrides(self, overrides: dict[str, Any]) -> dict[str, Any]:
        """Each training begins anew, and its weights go beside the served ones.

        Items are read from a file, since configurations take ``#`` for an id.
        """
        training = overrides.pop(self.const.key_train_dataset_data())
        validation = overrides[self.const.key_validate_dataset_data()]
        self._items = {"training": training, "validation": validation, "pool": list(self.pool_items())}
        write_json(self.output / "items.json", self._items)
        overrides["labeled"] = self.items("training")
        overrides[self.const.key_validate_dataset_data()] = self.items("validation")
        overrides |= self.without_data()
        overrides["resume"] = "fresh"
        overrides["model_path"] = str(self.trained)
        overrides["to_beat"] = None if self.by_rounds() else str(self.model)
        handlers: list[dict[str, Any]] = overrides[self.const.key_train_handlers()]
        at = 1 if handlers and handlers[0].get("_target_") == "CheckpointLoader" else 0
        handlers.insert(
            at,
            {
                "_target_": "ssgnet_monai.handlers.ServedTraining",
                "session": "@session",
                "validator": "@validate#evaluator",
                "present": str(self.model) if self.by_rounds() and validation else None,
                "progress": str(self.progress),
                "trainings": self.trainings(),
            },
        )
        return overrides

    def items(self, name: str) -> str:
        """The expression of one list of items in a configuration."""
        return f"$ssgnet_monai.data.served_items(@bundle_root + '/output/items.json', '{name}')"

    def pool_items(self) -> Sequence[dict[str, Any]]:
        """Unlabelled items that train too."""
        return []

    def by_rounds(self) -> bool:
        """Whether trainings follow one another, which are compared with the present model only at the end."""
        return False

    def trainings(self) -> int:
        """How many trainings follow one another."""
        return 1

    def loader(self) -> Any:
        """What reads an image and its label in this bundle's training, with its limits."""
        parser = self._parser()
        parser.update(self.without_data())
        return parser.get_parsed_content("validate#load")

    def without_data(self) -> dict[str, Any]:
        """What replaces the datalist in the bundle's configuration, where there is none."""
        missing = not Path(self._parser().get_parsed_content("dataset_dir")).exists()
        return {"datalist": NO_DATALIST} if missing else {}

    def _parser(self) -> ConfigParser:
        parser = ConfigParser()
        parser.read_config(self.bundle_config_path)
        parser["bundle_root"] = self.bundle_path
        return parser
