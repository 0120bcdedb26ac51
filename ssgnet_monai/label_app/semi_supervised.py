"""Training with the studies that nobody has labelled yet: rounds of pseudo-labels, never saved as labels."""

from __future__ import annotations

import logging
import os
import random
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import monai.bundle
from monailabel.interfaces.datastore import Datastore
from monailabel.tasks.train.bundle import BundleTrainTask

from ssgnet_monai.data.pseudo_labels import label_disagreement
from ssgnet_monai.label_app.score_file import BY_ROUNDS, ScoreFile
from ssgnet_monai.transforms import LoadImageMaskd
from ssgnet_monai.transforms.load_image_mask import EIGHT_BITS

logger = logging.getLogger(__name__)
OPTIONS = {"semi_supervised": False, "rounds": ["1", "2"]}
"""What Slicer's option panel shows beside MONAI Label's own options; it can choose among strings alone."""
POOL = 200
"""Most unlabelled studies of one training, drawn at random: from a DICOMweb server each must be fetched."""


class SemiSupervisedTrainTask(BundleTrainTask):
    """MONAI Label's training of a bundle; with ``semi_supervised`` the unlabelled studies are its pool.

    Validation chooses between the model of the labels alone (round 0) and the rounds. The masks of the rounds stay in
    the bundle's ``output/semi_supervised``.

    Args:
        path: folder of a bundle with ``configs/rounds.yaml``.
        conf: of the app.
        studies: folder or address of the studies.
    """

    def __init__(self, path: str, conf: dict[str, str], studies: str) -> None:
        super().__init__(path, conf)
        self.scores = ScoreFile(Path(path), studies)
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
            window = self.bundle_config.get("intensity_window")
            self._pool = _readable(datastore, window if isinstance(window, list) else EIGHT_BITS)
            if not self._pool:
                raise ValueError(
                    "Expected readable studies without a label for semi_supervised, found none. Switch it off."
                )
            request["multi_gpu"] = False  # rounds run on one
        return super().__call__(request, datastore)

    def run_single_gpu(self, request: dict[str, Any], overrides: dict[str, Any]) -> None:
        """Run the bundle's trainer or, with a pool, its rounds."""
        if not self._pool:
            super().run_single_gpu(request, overrides)
            return
        if not overrides.get("validate#dataset#data"):
            raise ValueError(
                "Expected validation images for semi_supervised, which choose between the rounds, got none of the "
                "saved labels. Save more, or raise val_split (two labels need 0.5)."
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
                "$ssgnet_monai.data.keep_previous(@model_path)",
                "$ssgnet_monai.engines.conclude_rounds(@rounds_log, @output_dir, @model_path)",
            ],
        )
        masks = folder / "pseudo_labels"
        last = request["rounds"]
        changed = label_disagreement(masks / f"round_{last - 1:02d}", masks / f"round_{last:02d}")
        if changed:
            found = {image: changed[os.path.normpath(path)] for image, path in self._pool.items()}
            self.scores.write(BY_ROUNDS, found, self.scores.model())


def _readable(datastore: Datastore, window: Sequence[float]) -> dict[str, str]:
    """Unlabelled studies and their files; what training could not read is told and left out."""
    load = LoadImageMaskd(intensity_window=window, whole_volumes=True)
    images = sorted(datastore.get_unlabeled_images())
    found = {}
    for image in random.sample(images, min(POOL, len(images))):
        try:
            path = datastore.get_image_uri(image)
            load({"image": path})
            found[image] = path
        except Exception as error:  # of the archive, or whatever a damaged file leads to
            logger.warning("%s is left out of the pool: %s", image, error)
    return found
