"""Stages of the segmenters: pseudo-label rounds with their control, then the test, for each row and seed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ssgnet_monai.data.names import folder_name
from ssgnet_monai.pipeline.experiment import SEGMENTATION_BUNDLE
from ssgnet_monai.pipeline.stage import DATALIST, BundleCall, Stage


def segmentation_stages(
    experiment: dict[str, Any], datalist: dict[str, Any], run_dir: Path, cores: int, synthetic: list[str]
) -> list[Stage]:
    """One stage for each row and seed.

    Args:
        experiment: the resolved experiment.
        datalist: the prepared datalist.
        run_dir: folder of the run.
        cores: CPU cores to share out.
        synthetic: ``synthetic.json`` files of the generators.
    """
    runs = [(name, row, seed) for name, row in experiment["segmentation"].items() for seed in experiment["seeds"]]
    stages = []
    for name, row, seed in runs:
        folder = f"segmentation/{folder_name(name)}/seed{seed}"
        config = {
            "num_labeled": row["num_labeled"],
            "seed": seed,
            "synthetic": synthetic,
        }
        call = BundleCall(
            SEGMENTATION_BUNDLE,
            experiment,
            datalist,
            row,
            config,
            run_dir,
            folder,
            configs=["train", "rounds"],
            may_grow=["num_rounds"],
        )
        stages.append(
            Stage(
                f"segmentation_{folder_name(name)}_seed{seed}",
                [DATALIST, call.config.path, *synthetic],
                [f"{folder}/model.pt", f"{folder}/metrics.json"],
                [call.command("train", "rounds", run_id="rounds"), call.command("train", "evaluate")],
                threads=max(1, cores // len(runs)),
                gpu=1,
                config=call.config,
            )
        )
    return stages
