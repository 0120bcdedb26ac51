"""Stages of the generators: train one a class, generate its images, compare them with the real ones."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ssgnet_monai.data.latents import class_counts
from ssgnet_monai.pipeline.bundle_call import BundleCall, folder_settings
from ssgnet_monai.pipeline.growth import images_needed
from ssgnet_monai.pipeline.layout import RunLayout
from ssgnet_monai.pipeline.settings import settings_of
from ssgnet_monai.pipeline.stage import Outputs, Stage


def images_to_generate(experiment: dict[str, Any], datalist: dict[str, Any]) -> dict[str, int]:
    """Class -> images: what classifiers need to the image, and ``images`` by ``class_mix`` for anything else.

    Args:
        experiment: the resolved experiment.
        datalist: the prepared datalist.
    """
    settings, needed = experiment["synthesis"], images_needed(experiment, datalist)
    if settings is None:
        return {}
    if settings["classes"] == "all":
        return {"all": settings["images"]}
    counts = needed
    if experiment["segmentation"] or not needed:
        shared = class_counts(datalist["training"], settings["images"], settings["class_mix"])
        counts = {name: max(count, needed.get(name, 0)) for name, count in shared.items()}
    return {name: count for name, count in counts.items() if count}


def synthesis_stages(experiment: dict[str, Any], datalist: dict[str, Any], run_dir: Path, cores: int) -> list[Stage]:
    """Two stages a class: the generator, and its images with their scores.

    Args:
        experiment: the resolved experiment.
        datalist: the prepared datalist.
        run_dir: folder of the run.
        cores: CPU cores to share out.

    Raises:
        ValueError: several seeds where each would need generators of its own.
    """
    settings = experiment["synthesis"]
    if settings is None:
        return []
    drawn = settings["config"].get("generator_images") == "labeled" and settings["config"].get("num_labeled")
    if drawn and len(experiment["seeds"]) > 1:
        raise ValueError(
            f"Expected one seed with generator_images: labeled and num_labeled (each seed labels other images), got "
            f"{experiment['seeds']}. Run the experiment once per seed, each with its own output_dir, or name the "
            "labelled images in labeled_list."
        )
    counts, here = images_to_generate(experiment, datalist), RunLayout(Path())
    stages, first_seed = [], 0
    for name, count in counts.items():
        folder = here.generator(name)
        given = {
            **folder_settings(folder, datalist),
            "class_name": name,
            "num_images": count,
            "first_seed": first_seed,
            "features_dir": str(here.features),
            "seed": experiment["seeds"][0],
        }
        first_seed += count
        call = BundleCall(settings_of(experiment, "synthesis", None, given), folder, run_dir)
        common: dict[str, Any] = {"threads": max(1, cores // len(counts)), "gpu": 1, "config": call.config}
        common["row"] = ("synthesis", None)
        inputs, slug = [here.datalist, call.config.path], folder.path.name
        made = Outputs(synthetic=folder.synthetic, metrics=folder.metrics)
        weights = Outputs(model=folder.model)
        stages.append(Stage(f"generator_{slug}", "generator", inputs, weights, [call.train()], **common))
        commands = [call.inference(), call.evaluate()]
        stages.append(Stage(f"synthesis_{slug}", "synthesis", [*inputs, folder.model], made, commands, **common))
    return stages
