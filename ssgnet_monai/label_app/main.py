"""The app ``ssgnet``: MONAI Label's stock app for bundles, with training on unlabelled studies and one more strategy.

``ssgnet label start --app ssgnet`` copies this file over a copy of the stock app, whose own main.py becomes
``stock_main.py``.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import stock_main
import torch
from monailabel.interfaces.app import MONAILabelApp
from monailabel.interfaces.datastore import Datastore
from monailabel.interfaces.tasks.infer_v2 import InferTask, InferType
from monailabel.interfaces.tasks.scoring import ScoringMethod
from monailabel.interfaces.tasks.strategy import Strategy
from monailabel.interfaces.tasks.train import TrainTask
from monailabel.tasks.infer.bundle import BundleInferTask
from monailabel.tasks.scoring.dice import Dice

from ssgnet_monai.label_app.disagreement import Disagreement
from ssgnet_monai.label_app.review import REVIEW
from ssgnet_monai.label_app.semi_supervised import SemiSupervisedTrainTask
from ssgnet_monai.label_app.stored_masks import StoredMasks


class LabelApp(stock_main.MyApp, MONAILabelApp):  # the loader looks for a class that names MONAILabelApp as its base
    """What the stock app serves and more; see the module."""

    def init_infers(self) -> dict[str, InferTask]:
        """The stock models and, in a review, the pseudo-labels."""
        infers = super().init_infers()
        if self.conf.get("review"):
            infers[REVIEW] = StoredMasks(Path(self.studies))
        return infers

    def init_trainers(self) -> dict[str, TrainTask]:
        """The stock trainers; bundles with rounds can use the unlabelled studies."""
        trainers = super().init_trainers()
        for name in trainers:
            if (Path(self.models[name]) / "configs" / "rounds.yaml").exists():
                trainers[name] = SemiSupervisedTrainTask(self.models[name], self.conf, self.studies)
        return trainers

    def init_strategies(self) -> dict[str, Strategy]:
        """First, random and, with a segmenter, disagreement."""
        strategies: dict[str, Any] = super().init_strategies()
        segmenters = [task for task in self._infers.values() if isinstance(task, BundleInferTask)]
        segmenters = [task for task in segmenters if task.type == InferType.SEGMENTATION]
        if segmenters:
            strategies["disagreement"] = Disagreement(segmenters[0], self.studies)
        return strategies

    def info(self) -> dict[str, Any]:
        """What Slicer lists; the models of a training since the start among them."""
        for task in self._infers.values():
            if isinstance(task, BundleInferTask):
                models = sorted((path.name for path in Path(task.bundle_path, "models").glob("[!.]*.pt")), key=len)
                task._config["model_filename"] = models
        return super().info()

    def init_scoring_methods(self) -> dict[str, ScoringMethod]:
        """The stock app's and ``dice``: between what a model drew (tag original) and what was saved (tag final)."""
        return {**super().init_scoring_methods(), "dice": Dice()}

    def batch_infer(self, request: dict[str, Any], datastore: Datastore | None = None) -> dict[str, Any]:
        """Masks of many studies; several GPUs, which MONAI Label asks for by default, only where there is one."""
        several = request.get("multi_gpu", True) and torch.cuda.is_available()
        return super().batch_infer({**request, "multi_gpu": several}, datastore)
