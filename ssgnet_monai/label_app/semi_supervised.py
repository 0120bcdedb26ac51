"""Training with the studies that nobody has labelled yet, by rounds or two networks; their masks are never labels."""

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
from ssgnet_monai.label_app.requests import METHODS
from ssgnet_monai.label_app.score_file import BY_ROUNDS, ScoreFile
from ssgnet_monai.label_app.training import LabelTrainTask

logger = logging.getLogger(__name__)
OPTIONS = {"semi_supervised": False, "method": list(METHODS), "rounds": ["1", "2"]}
"""What Slicer's option panel shows beside MONAI Label's own options; it can choose among strings alone."""
POOL = 200
"""Most unlabelled studies of one training, drawn at random: from a DICOMweb server each must be fetched."""


class SemiSupervisedTrainTask(LabelTrainTask):
    """MONAI Label's training of a bundle; with ``semi_supervised`` the unlabelled studies are its pool.

    By rounds, validation chooses between the model of the labels alone (round 0) and the rounds, whose masks stay in
    the bundle's ``output/semi_supervised``. By co-training, a partner that begins anew learns beside the model and
    labels for it; only the model is served.

    Args:
        path: folder of a bundle with ``configs/rounds.yaml`` and ``configs/cotraining.yaml``.
        conf: of the app.
        studies: folder or address of the studies.
    """

    def __init__(self, path: str, conf: dict[str, str], studies: str) -> None:
        super().__init__(path, conf)
        self.scores = ScoreFile(Path(path), studies)
        self.bundle_config.config["displayable_configs"] = OPTIONS
        self._pool: dict[str, str] = {}
        self._rounds, self._method = 1, METHODS[0]

    def __call__(self, request: dict[str, Any], datastore: Datastore) -> dict[str, Any]:
        """Train; see ``BundleTrainTask``. The further options are those of ``OPTIONS``.

        Raises:
            ValueError: ``semi_supervised`` without validation images or without unlabelled studies.
        """
        request = {**OPTIONS, **request}
        checked = self.check(request)
        self._pool, self._rounds, self._method = {}, checked["rounds"], checked["method"]
        if request["semi_supervised"]:
            self._pool = self._readable(datastore)
            if not self._pool:
                raise ValueError(
                    "Expected readable studies without a label for semi_supervised, found none. Switch it off."
                )
            request["multi_gpu"] = False  # both run on one
        result = super().__call__(request, datastore)
        self._keep_scores()
        return result

    def pool_items(self) -> list[dict[str, Any]]:
        """The unlabelled studies."""
        return [{"image": path, "origin": "real"} for path in self._pool.values()]

    def by_rounds(self) -> bool:
        """Whether this training is one of rounds."""
        return bool(self._pool) and self._method == METHODS[0]

    def trainings(self) -> int:
        """The training on labels alone, and one for each round."""
        return 1 + self._rounds if self.by_rounds() else 1

    def conclude(self) -> str:
        """What became of the training; rounds are compared with the present model here."""
        if not self.by_rounds():
            return super().conclude()
        stats = self.stats()
        before, best = stats["present_metric"], stats["best_metric"]
        return self.keep(before) if before is not None and best <= before else self.serve(before, best)

    def run_single_gpu(self, request: dict[str, Any], overrides: dict[str, Any]) -> None:
        """Run the bundle's trainer or, with a pool, its rounds or co-training."""
        if not self._pool:
            super().run_single_gpu(request, overrides)
            return
        if not self._items["validation"]:
            raise ValueError(
                "Expected validation images for semi_supervised, which tell whether it helps, got none of the saved "
                "labels. Save more, or raise val_split (two labels need 0.5)."
            )
        folder = self.output / "semi_supervised"
        shutil.rmtree(folder, ignore_errors=True)
        own = round_settings(folder, self.items("pool"), self._rounds)
        if not self.by_rounds():
            own = cotraining_settings(self.items("pool"))
        monai.bundle.run(
            run_id=self._method,
            init_id=None,
            final_id=None,
            meta_file=self.bundle_metadata_path,
            config_file=[self.bundle_config_path, str(Path(self.bundle_config_path).parent / f"{self._method}.yaml")],
            **overrides,
            **own,
        )

    def _keep_scores(self) -> None:
        """How much each study's mask changed between the last two rounds, as scores of the model that is served now."""
        masks = self.output / "semi_supervised" / "pseudo_labels"
        if not self.by_rounds():
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


def round_settings(folder: Path, pool: str, rounds: int) -> dict[str, Any]:
    """What a training by rounds sets in ``rounds.yaml``: its folder, its pool (an expression) and how many."""
    run = ["$@pseudo_label_rounds.run()", "$ssgnet_monai.engines.conclude_rounds(@rounds_log, @model_path)"]
    own = {"output_dir": str(folder), "pool_items": pool, "num_rounds": rounds}
    return {**own, "hidden": [], "choose": "best", "rounds": run}


def cotraining_settings(pool: str) -> dict[str, Any]:
    """What a training of two networks sets in ``cotraining.yaml``; its length is told in epochs, as is its warm-up."""
    ramp = "$round(0.4 * @train#trainer#max_epochs * @epoch_length)"
    return {"hidden": [], "unlabeled_items": pool, "ramp_steps": ramp, "choose": "best"}
