"""Stages of the classifiers: a grown list a setting, then training and test for each row, setting and seed."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ssgnet_monai.data.names import folder_name
from ssgnet_monai.pipeline.bundle_call import BundleCall, folder_settings
from ssgnet_monai.pipeline.growth import ORIGINAL, all_settings, used_settings
from ssgnet_monai.pipeline.layout import RunLayout
from ssgnet_monai.pipeline.settings import settings_of
from ssgnet_monai.pipeline.stage import Outputs, Stage, StageConfig, ssgnet_command


def classification_stages(
    experiment: dict[str, Any], datalist: dict[str, Any], run_dir: Path, cores: int, synthetic: Sequence[Path]
) -> list[Stage]:
    """A stage for each setting's list, and one for each row, setting and seed.

    All settings of a row train for the same number of steps, without early stopping, and are compared on the same test
    images with ``original`` of the same seed.

    Args:
        experiment: the resolved experiment.
        datalist: the prepared datalist.
        run_dir: folder of the run.
        cores: CPU cores to share out.
        synthetic: ``synthetic.json`` files of the generators.

    Raises:
        ValueError: the data have one class only.
    """
    rows, seeds = experiment["classification"], experiment["seeds"]
    if rows and len(datalist["classes"]) < 2:
        raise ValueError(
            f"Expected at least two classes to classify, got {datalist['classes']} in the prepared data. Give "
            "prepare.classes (folders, or a CSV file of stem,class) and another output_dir."
        )
    trained = {item.get("class") for item in datalist["training"]}
    if rows and (absent := [name for name in datalist["classes"] if name not in trained]):
        raise ValueError(
            f"Expected training images of every class, got none of {absent} in the prepared data. Add images of other "
            "patients, change prepare.seed or prepare.split, or take the class out, and give another output_dir."
        )
    settings, here = all_settings(experiment["growth"]), RunLayout(Path())
    lists, stages = {ORIGINAL: here.datalist}, []
    for setting in used_settings(experiment):
        folder, options = here.grown(setting), {**settings[setting], "seed": seeds[0]}
        lists[setting] = folder / "datalist.json"
        config = StageConfig(folder / "config.yaml", options)
        stages.append(
            Stage(
                f"grow_{folder.name}",
                "grow",
                [here.datalist, config.path, *synthetic],
                Outputs(datalist=lists[setting]),
                [_grow_command(options, synthetic, lists[setting])],
                config=config,
            )
        )
    runs = [(name, setting, seed) for name, row in rows.items() for setting in row["settings"] for seed in seeds]
    for name, setting, seed in runs:
        place = here.classification(name, setting, seed)
        compared = setting != ORIGINAL and ORIGINAL in rows[name]["settings"]
        reference = here.classification(name, ORIGINAL, seed).per_image if compared else None
        given = {
            **folder_settings(place, datalist),
            "dataset_dir": str(lists[setting]),
            "seed": seed,
            "early_stop": None,
            "reference": reference and str(reference),
        }
        call = BundleCall(settings_of(experiment, "classification", name, given), place, run_dir)
        stages.append(
            Stage(
                f"classification_{folder_name(name)}_{folder_name(setting)}_seed{seed}",
                f"classification/{folder_name(name)}",
                [lists[setting], call.config.path, *([reference] if reference else [])],
                # not model.pt, which holds the best weights so far while training goes on
                Outputs(metrics=place.metrics, per_image=place.per_image),
                [call.train(), call.evaluate()],
                threads=max(1, cores // len(runs)),
                gpu=1,
                config=call.config,
                row=("classification", name),
            )
        )
    return stages


def _grow_command(options: dict[str, Any], synthetic: Sequence[Path], out: Path) -> str:
    words = ["data", "grow", "--datalist", str(RunLayout(Path()).data), "--synthetic", *map(str, synthetic)]
    words += [word for key, value in {**options, "out": out}.items() for word in (f"--{key}", str(value))]
    return ssgnet_command(*words)
