"""Stages of the segmenters: training by the row's method, then the test, for each row and seed."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ssgnet_monai.data.names import folder_name
from ssgnet_monai.pipeline.bundle_call import BundleCall, folder_settings
from ssgnet_monai.pipeline.layout import RunLayout
from ssgnet_monai.pipeline.methods import METHODS
from ssgnet_monai.pipeline.settings import settings_of
from ssgnet_monai.pipeline.stage import Outputs, Stage


def segmentation_stages(
    experiment: dict[str, Any], datalist: dict[str, Any], run_dir: Path, cores: int, synthetic: Sequence[Path]
) -> list[Stage]:
    """One stage for each row and seed.

    Args:
        experiment: the resolved experiment.
        datalist: the prepared datalist.
        run_dir: folder of the run.
        cores: CPU cores to share out.
        synthetic: ``synthetic.json`` files of the generators.
    """
    here, stages = RunLayout(Path()), []
    runs = [(name, seed) for name in experiment["segmentation"] for seed in experiment["seeds"]]
    for name, seed in runs:
        folder = here.segmentation(name, seed)
        given = {**folder_settings(folder, datalist), "seed": seed}
        pool = list(synthetic) if METHODS[experiment["segmentation"][name]["method"]].pooled else None
        if pool is not None:
            given["synthetic"] = list(map(str, pool))
        call = BundleCall(settings_of(experiment, "segmentation", name, given), folder, run_dir)
        stages.append(
            Stage(
                f"segmentation_{folder_name(name)}_seed{seed}",
                f"segmentation/{folder_name(name)}",
                [here.datalist, call.config.path, *(pool or ())],
                Outputs(model=folder.model, metrics=folder.metrics),
                [call.train(), call.evaluate()],
                threads=max(1, cores // len(runs)),
                gpu=1,
                config=call.config,
                row=("segmentation", name),
            )
        )
    return stages
