"""The app of the server: MONAI Label's stock app for bundles, whose requests stay inside the studies and the bundles.

``ssgnet label start`` copies this file over a copy of the stock app, whose own main.py becomes ``stock_main.py``. With
``--app ssgnet`` it trains on unlabelled studies too and has one more strategy.
"""

from __future__ import annotations

import logging
import os
import tempfile
from pathlib import Path
from typing import Any

import stock_main
import torch
from monailabel.config import settings
from monailabel.interfaces.app import MONAILabelApp
from monailabel.interfaces.datastore import Datastore
from monailabel.interfaces.tasks.infer_v2 import InferTask, InferType
from monailabel.interfaces.tasks.scoring import ScoringMethod
from monailabel.interfaces.tasks.strategy import Strategy
from monailabel.interfaces.tasks.train import TrainTask
from monailabel.tasks.infer.bundle import BundleInferTask

from ssgnet_monai.label_app.bundle_classes import served_classes
from ssgnet_monai.label_app.dice_score import ClassDice
from ssgnet_monai.label_app.dicom_studies import DicomStudies
from ssgnet_monai.label_app.disagreement import Disagreement
from ssgnet_monai.label_app.named_segments import NamedSegments
from ssgnet_monai.label_app.requests import check_inference, check_training
from ssgnet_monai.label_app.review import REVIEW, review_classes
from ssgnet_monai.label_app.semi_supervised import SemiSupervisedTrainTask
from ssgnet_monai.label_app.stored_masks import StoredMasks
from ssgnet_monai.label_app.studies import Studies
from ssgnet_monai.label_app.training import LabelTrainTask

logger = logging.getLogger(__name__)


class LabelApp(stock_main.MyApp, MONAILabelApp):  # the loader looks for a class that names MONAILabelApp as its base
    """What the stock app serves and more; see the module."""

    def init_datastore(self) -> Datastore:
        """The folder of studies, or the store of a remote server."""
        if self.studies.startswith(("http://", "https://")):
            return super().init_datastore()
        classes = review_classes(Path(self.studies)) if self.conf.get("review") else self.classes()
        reload, read_only = settings.MONAI_LABEL_DATASTORE_AUTO_RELOAD, settings.MONAI_LABEL_DATASTORE_READ_ONLY
        return Studies(self.studies, settings.MONAI_LABEL_DATASTORE_FILE_EXT, reload, read_only, classes)

    def _init_dicomweb_datastore(self) -> Datastore:
        """MONAI Label's own store of a DICOMweb server; of more than two classes one that knows segments by name."""
        classes = self.classes()
        return DicomStudies(self.studies, classes) if len(classes) > 2 else super()._init_dicomweb_datastore()

    def classes(self) -> list[str]:
        """Names of mask values 0, 1, ... of the segmenters."""
        return served_classes(Path(path) for path in self.models.values())

    def init_infers(self) -> dict[str, InferTask]:
        """The stock models, whose ``.seg.nrrd`` names its segments, and, in a review, the pseudo-labels."""
        infers = super().init_infers()
        for name, task in infers.items():
            if isinstance(task, BundleInferTask) and task.type == InferType.SEGMENTATION:
                infers[name] = NamedSegments(self.models[name], self.conf)
        if self.conf.get("review"):
            infers[REVIEW] = StoredMasks(Path(self.studies))
        return infers

    def init_trainers(self) -> dict[str, TrainTask]:
        """Trainers that change a model at the end alone; with ``--app ssgnet`` they can use the unlabelled studies."""
        trainers = super().init_trainers()
        for name in trainers:
            if (Path(self.models[name]) / "configs" / "rounds.yaml").exists():
                more = self.conf.get("app") == "ssgnet"
                path = self.models[name]
                trainers[name] = (
                    SemiSupervisedTrainTask(path, self.conf, self.studies) if more else LabelTrainTask(path, self.conf)
                )
        return trainers

    def init_strategies(self) -> dict[str, Strategy]:
        """First, random and, with ``--app ssgnet`` and a segmenter, disagreement."""
        stock: dict[str, Any] = super().init_strategies()
        strategies = {name: stock[name] for name in ("first", *stock)}  # Slicer's box begins with the first
        segmenters = [task for task in self._infers.values() if isinstance(task, BundleInferTask)]
        segmenters = [task for task in segmenters if task.type == InferType.SEGMENTATION]
        if segmenters and self.conf.get("app") == "ssgnet":
            strategies["disagreement"] = Disagreement(segmenters[0], self.studies)
        return strategies

    def info(self) -> dict[str, Any]:
        """What Slicer lists; the models of a training since the start among them, the latest training first."""
        for task in self._infers.values():
            if isinstance(task, BundleInferTask):
                models = sorted((path.name for path in Path(task.bundle_path, "models").glob("[!.]*.pt")), key=len)
                task._config["model_filename"] = models
        info = super().info()
        latest = sorted(info["train_stats"], key=self._progress_time, reverse=True)
        return {**info, "train_stats": {name: info["train_stats"][name] for name in latest}}

    def _progress_time(self, name: str) -> float:
        file = getattr(self._trainers[name], "progress", None)
        return file.stat().st_mtime if file is not None and file.exists() else 0.0

    def init_scoring_methods(self) -> dict[str, ScoringMethod]:
        """The stock app's and ``dice``: between what a model drew (tag original) and what was saved (tag final)."""
        scores = {"dice": ClassDice(len(self.classes()))} if self.conf.get("app") == "ssgnet" else {}
        return {**super().init_scoring_methods(), **scores}

    def infer(self, request: dict[str, Any], datastore: Datastore | None = None) -> dict[str, Any]:
        """Predict.

        Raises:
            ValueError: an image that is neither a study nor was just uploaded, or settings that cannot be.
        """
        task = self._infers.get(request.get("model"))
        checked = check_inference(request, task.config() if task else {})
        if not self._may_read(request.get("image")) or not (
            request.get("label") is None or _within(request["label"], tempfile.gettempdir())
        ):
            raise ValueError(
                f"Expected the name of a study in this server's folder, got {str(request.get('image'))[:80]!r}."
            )
        return super().infer({**request, **checked}, datastore)

    def infer_wsi(self, request: dict[str, Any], datastore: Datastore | None = None) -> dict[str, Any]:
        """Refused: no model here reads whole slides."""
        raise ValueError("Expected a request for a picture or a volume, got one for a whole slide.")

    def next_sample(self, request: dict[str, Any]) -> dict[str, Any]:
        """The next study, without its path: Slicer downloads it, see ``Studies.get_image_info``."""
        return {key: value for key, value in super().next_sample(request).items() if key != "path"}

    def train(self, request: dict[str, Any]) -> dict[str, Any]:
        """Train; a reason that a person can act on ends the process instead of a traceback."""
        try:
            return super().train(request)
        except (ValueError, OSError, RuntimeError) as error:
            logger.exception("Training failed")
            raise SystemExit(f"Training failed, the model is unchanged: {error}") from error

    def check_training(self, model: str, request: dict[str, Any]) -> None:
        """Refuse a training that cannot be, before it starts.

        Raises:
            ValueError: no such model, or settings that cannot be.
        """
        if model not in self._trainers:
            raise ValueError(f"Expected a model among {', '.join(self._trainers)} to train, got {model[:80]!r}.")
        check_training(request, self._trainers[model].config())

    def on_save_label(self, image_id: str, label_id: str) -> dict[str, Any]:
        """What Slicer shows of a saved label: whose label it replaced, and where that one is."""
        super().on_save_label(image_id, label_id)
        info = self._datastore.get_label_info(label_id, "final")
        before = info.get("replaced")
        if not before:
            return {}
        who, other = before["client_id"] or "unknown", before["client_id"] != info.get("client_id")
        note = f"replaces the label that {who} saved; it is in labels/history/{image_id}"
        if other:
            logger.warning("%s: the label of %s %s", image_id, info.get("client_id") or "unknown", note)
        return {"warning" if other else "note": note}

    def batch_infer(self, request: dict[str, Any], datastore: Datastore | None = None) -> dict[str, Any]:
        """Masks of many studies; several GPUs, which MONAI Label asks for by default, only where there is one."""
        several = request.get("multi_gpu", True) and torch.cuda.is_available()
        return super().batch_infer({**request, "multi_gpu": several}, datastore)

    def _may_read(self, image: Any) -> bool:
        if not isinstance(image, str):
            return False
        if image in self._datastore.list_images():
            return True
        return any(_within(image, folder) for folder in (tempfile.gettempdir(), settings.MONAI_LABEL_SESSION_PATH))


def _within(path: Any, folder: str) -> bool:
    """Whether a file is one that was uploaded."""
    if not isinstance(path, str) or not os.path.isabs(path):
        return False
    return Path(os.path.realpath(path)).is_relative_to(os.path.realpath(folder))
