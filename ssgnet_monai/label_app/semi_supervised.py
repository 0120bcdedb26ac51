"""Training with the studies that nobody has labelled yet: rounds of pseudo-labels, never saved as labels."""

from __future__ import annotations

import logging
import os
import random
import shutil
from pathlib import Path
from typing import Any

import monai.bundle
from monailabel.interfaces.datastore import Datastore

from ssgnet_monai.data.label_change import label_disagreement
from ssgnet_monai.label_app.score_file import BY_ROUNDS, ScoreFile
from ssgnet_monai.label_app.training import LabelTrainTask

logger = logging.getLogger(__name__)
OPTIONS = {"semi_supervised": False, "rounds": ["1", "2"]}
"""What Slicer's option panel shows beside MONAI Label's own options; it can choose among strings alone."""
POOL = 200
"""Most unlabelled studies of one training, drawn at random: from a DICOMweb server each must be fetched."""


class SemiSupervisedTrainTask(LabelTrainTask):
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
        self._rounds = 1

    def __call__(self, request: dict[str, Any], datastore: Datastore) -> dict[str, Any]:
        """Train; see ``BundleTrainTask``. The further options are those of ``OPTIONS``.

        Raises:
            ValueError: ``semi_supervised`` without validation images or without unlabelled studies.
        """
        request = {**OPTIONS, **request}
        self._pool, self._rounds = {}, self.check(request)["rounds"]
        if request["semi_supervised"]:
            self._pool = self._readable(datastore)
            if not self._pool:
                raise ValueError(
                    "Expected readable studies without a label for semi_supervised, found none. Switch it off."
                )
            request["multi_gpu"] = False  # rounds run on one
        result = super().__call__(request, datastore)
        self._keep_scores()
        return result

    def pool_items(self) -> list[dict[str, Any]]:
        """The unlabelled studies."""
        return [{"image": path, "origin": "real"} for path in self._pool.values()]

    def trainings(self) -> int:
        """The training on labels alone, and one for each round."""
        return 1 + self._rounds if self._pool else 1

    def conclude(self) -> str:
        """What became of the training; rounds are compared with the present model here."""
        if not self._pool:
            return super().conclude()
        stats = self.stats()
        before, best = stats["present_metric"], stats["best_metric"]
        return self.keep(before) if before is not None and best <= before else self.serve(before, best)

    def run_single_gpu(self, request: dict[str, Any], overrides: dict[str, Any]) -> None:
        """Run the bundle's trainer or, with a pool, its rounds."""
        if not self._pool:
            super().run_single_gpu(request, overrides)
            return
        if not self._items["validation"]:
            raise ValueError(
                "Expected validation images for semi_supervised, which choose between the rounds, got none of the "
                "saved labels. Save more, or raise val_split (two labels need 0.5)."
            )
        folder = self.output / "semi_supervised"
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
            hidden=[],
            pool_items=self.items("pool"),
            num_rounds=self._rounds,
            choose="best",
            rounds=[
                "$@pseudo_label_rounds.run()",
                "$ssgnet_monai.engines.conclude_rounds(@rounds_log, @model_path)",
            ],
        )

    def _keep_scores(self) -> None:
        """How much each study's mask changed between the last two rounds, as scores of the model that is served now."""
        masks = self.output / "semi_supervised" / "pseudo_labels"
        if not self._pool:
            return
        changed = label_disagreement(*(masks / f"round_{t:02d}" for t in (self._rounds - 1, self._rounds)))
        if changed:
            found = {image: changed[os.path.normpath(path)] for image, path in self._pool.items()}
            self.scores.write(BY_ROUNDS, found, self.scores.model())

    def _readable(self, datastore: Datastore) -> dict[str, str]:
        """Unlabelled studies and their files; what training cannot read is told and left out."""
        load = self.loader()
        load.whole_volumes = True
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
