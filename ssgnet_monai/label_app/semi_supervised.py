"""Training with the studies that nobody has labelled yet: rounds of pseudo-labels, never saved as labels."""

from __future__ import annotations

import logging
import os
import shutil
from pathlib import Path
from typing import Any

import monai.bundle
from monailabel.interfaces.datastore import Datastore
from monailabel.tasks.train.bundle import BundleTrainTask

from ssgnet_monai.data.pseudo_labels import label_disagreement
from ssgnet_monai.label_app.score_file import ScoreFile

logger = logging.getLogger(__name__)
OPTIONS = {"semi_supervised": False, "rounds": [1, 2]}
"""What Slicer's option panel shows beside MONAI Label's own options."""


class SemiSupervisedTrainTask(BundleTrainTask):
    """MONAI Label's training of a bundle; with ``semi_supervised`` the unlabelled studies are its pool.

    Validation chooses between the model of the labels alone (round 0) and the rounds. The masks of the rounds stay in
    the bundle's ``output/semi_supervised``.

    Args:
        path: folder of a bundle with ``configs/rounds.yaml``.
        conf: of the app.
    """

    def __init__(self, path: str, conf: dict[str, str]) -> None:
        super().__init__(path, conf)
        self.bundle_config.config["displayable_configs"] = OPTIONS
        self._pool: dict[str, str] = {}

    def __call__(self, request: dict[str, Any], datastore: Datastore) -> dict[str, Any]:
        """Train; see ``BundleTrainTask``. The further options are those of ``OPTIONS``.

        Raises:
            ValueError: ``semi_supervised`` without validation images or without unlabelled studies.
        """
        request = {**OPTIONS, **request}
        rounds = request["rounds"]
        request["rounds"] = int(rounds[0] if isinstance(rounds, list) else rounds)
        self._pool = {}
        if request["semi_supervised"]:
            self._pool = {image: datastore.get_image_uri(image) for image in datastore.get_unlabeled_images()}
            if not self._pool:
                raise ValueError("Expected studies without a label for semi_supervised, found none. Switch it off.")
            request["multi_gpu"] = False  # rounds run on one
        return super().__call__(request, datastore)

    def run_single_gpu(self, request: dict[str, Any], overrides: dict[str, Any]) -> None:
        """Run the bundle's trainer or, with a pool, its rounds."""
        if not self._pool:
            super().run_single_gpu(request, overrides)
            return
        if not overrides.get("validate#dataset#data"):
            raise ValueError(
                "Expected validation images for semi_supervised, which choose between the rounds, got none. Set "
                "val_split above 0 and save at least two labels."
            )
        folder = Path(self.bundle_path) / "output" / "semi_supervised"
        shutil.rmtree(folder, ignore_errors=True)
        configs = Path(self.bundle_config_path).parent
        monai.bundle.run(
            run_id="rounds",
            init_id=None,
            final_id=None,
            meta_file=self.bundle_metadata_path,
            config_file=[self.bundle_config_path, str(configs / "rounds.yaml")],
            **overrides,
            output_dir=str(folder),
            labels=[overrides["train#dataset#data"], []],
            pool_items=[{"image": path, "origin": "real"} for path in self._pool.values()],
            num_rounds=request["rounds"],
            rounds=[
                "$@pseudo_label_rounds.run()",
                "$ssgnet_monai.engines.conclude_rounds(@rounds_log, @output_dir, @model_path)",
            ],
        )
        masks = folder / "pseudo_labels"
        last = request["rounds"]
        changed = label_disagreement(masks / f"round_{last - 1:02d}", masks / f"round_{last:02d}")
        ScoreFile(Path(self.bundle_path)).add(
            {image: changed[os.path.normpath(path)] for image, path in self._pool.items()}
        )
