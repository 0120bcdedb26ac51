"""Stages of the classifiers: a grown list a setting, then training and test for each row, setting and seed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ssgnet_monai.data.names import folder_name
from ssgnet_monai.pipeline.experiment import CLASSIFICATION_BUNDLE
from ssgnet_monai.pipeline.growth import ORIGINAL, all_settings, used_settings
from ssgnet_monai.pipeline.stage import DATALIST, BundleCall, Stage, StageConfig, ssgnet_command


def classification_stages(
    experiment: dict[str, Any], datalist: dict[str, Any], run_dir: Path, cores: int, synthetic: list[str]
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
    settings, lists, stages = all_settings(experiment["growth"]), {ORIGINAL: DATALIST}, []
    for setting in used_settings(experiment):
        folder = f"grown/{folder_name(setting)}"
        lists[setting] = f"{folder}/datalist.json"
        options = StageConfig(f"{folder}/config.yaml", {**settings[setting], "seed": seeds[0]})
        stages.append(
            Stage(
                f"grow_{folder_name(setting)}",
                [DATALIST, options.path, *synthetic],
                [lists[setting]],
                [_grow_command(settings[setting], seeds[0], synthetic, lists[setting])],
                config=options,
            )
        )
    runs = [(name, setting, seed) for name, row in rows.items() for setting in row["settings"] for seed in seeds]
    for name, setting, seed in runs:
        row = rows[name]
        folder, original = (
            f"classification/{folder_name(name)}/{folder_name(key)}/seed{seed}" for key in (setting, ORIGINAL)
        )
        compared = setting != ORIGINAL and ORIGINAL in row["settings"]
        reference = f"{original}/per_image.csv" if compared else None
        config = {
            "dataset_dir": lists[setting],
            "seed": seed,
            "early_stop": None,
            "reference": reference,
        }
        call = BundleCall(CLASSIFICATION_BUNDLE, experiment, datalist, row, config, run_dir, folder)
        stages.append(
            Stage(
                f"classification_{folder_name(name)}_{folder_name(setting)}_seed{seed}",
                [lists[setting], call.config.path, *([reference] if reference else [])],
                # not model.pt, which holds the best weights so far while training goes on
                [f"{folder}/{file}" for file in ("metrics.json", "per_image.csv")],
                [call.command("train"), call.command("train", "evaluate")],
                threads=max(1, cores // len(runs)),
                gpu=1,
                config=call.config,
            )
        )
    return stages


def _grow_command(options: dict[str, Any], seed: int, synthetic: list[str], out: str) -> str:
    words = ["data", "grow", "--datalist", "data", "--synthetic", *synthetic]
    words += [word for key, value in {**options, "seed": seed, "out": out}.items() for word in (f"--{key}", str(value))]
    return ssgnet_command(*words)
