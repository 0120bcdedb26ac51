"""The stages of an experiment: what each reads, writes and runs. Snakemake orders them."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shlex
import sys
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import yaml

from ssgnet_monai.data.atomic_write import atomic_path
from ssgnet_monai.data.latents import class_counts
from ssgnet_monai.pipeline.experiment import SEGMENTATION_BUNDLE, SYNTHESIS_BUNDLE, config_file, read_config


@dataclass
class Stage:
    """One job of the pipeline; paths are relative to the run's folder.

    ``outputs`` are only files that are written whole at the end: Snakemake deletes declared outputs of a job that
    was interrupted, and what a stage resumes from must survive that.
    """

    name: str
    inputs: list[str]
    outputs: list[str]
    commands: list[str]
    threads: int = 1
    gpu: int = field(default=0)

    def as_dict(self) -> dict[str, Any]:
        """The stage as plain data, for the Snakefile."""
        return asdict(self)


def prepare_command(experiment: dict[str, Any]) -> list[str]:
    """Command (words) that writes ``data/datalist.json`` of the run."""
    dataset = read_config("datasets", experiment["dataset"])
    words = [sys.executable, "-m", "ssgnet_monai.cli", "data"]
    options = {**dataset.get("prepare", {}), **experiment["prepare"]}
    if experiment["dataset"] == "phantom":
        words += ["phantom"]
    else:
        if experiment["dataset_dir"] is None:
            raise ValueError(
                f"Expected dataset_dir=FOLDER (the folder with images/ and masks/) for dataset {experiment['dataset']}."
            )
        source = Path(experiment["dataset_dir"]).expanduser().absolute()
        for key in ("images", "masks"):
            options[key] = str(source / options.get(key, key))
            if not Path(options[key]).is_dir():
                raise ValueError(
                    f"Expected a folder of {key} at {options[key]}, found none. Give dataset_dir=FOLDER that holds it, "
                    f"or prepare.{key}=SUBFOLDER."
                )
        for key in ("classes", "groups"):  # a CSV file given from here; the command runs in the run's folder
            if options.get(key) and Path(options[key]).is_file():
                options[key] = str(Path(options[key]).absolute())
        words += ["prepare", "--name", experiment["dataset"]]
    for key, value in options.items():
        if isinstance(value, list):
            words += [f"--{key.replace('_', '-')}", *map(str, value)]
        elif value is True:
            words.append(f"--{key.replace('_', '-')}")
        elif value not in (None, False):
            words += [f"--{key.replace('_', '-')}", str(value)]
    return [*words, "--size", str(experiment["image_size"]), "--out", "data"]


def build_stages(experiment: dict[str, Any], datalist: dict[str, Any], run_dir: Path, cores: int) -> list[Stage]:
    """List the stages after preparation and write their override files into ``run_dir``.

    Args:
        experiment: the resolved experiment.
        datalist: the prepared datalist.
        run_dir: folder of the run.
        cores: CPU cores to share out.
    """
    synthesis = _synthesis_stages(experiment, datalist, run_dir, cores)
    synthetic = [output for stage in synthesis for output in stage.outputs if output.endswith("synthetic.json")]
    segmentation = _segmentation_stages(experiment, datalist, run_dir, cores, synthetic)
    finals = [output for stage in (*synthesis, *segmentation) for output in stage.outputs if "metrics" in output]
    report = Stage("report", finals, ["report.html"], [f"{shlex.quote(sys.executable)} -m ssgnet_monai.cli report ."])
    return [*synthesis, *segmentation, report]


def _synthesis_stages(experiment: dict[str, Any], datalist: dict[str, Any], run_dir: Path, cores: int) -> list[Stage]:
    settings = experiment["synthesis"]
    if settings is None:
        return []
    if settings["config"].get("generator_images") == "labeled" and len(experiment["seeds"]) > 1:
        raise ValueError(
            f"Expected one seed with generator_images: labeled (each seed labels other images), got "
            f"{experiment['seeds']}. Run the experiment once per seed, each with its own output_dir."
        )
    counts = class_counts(datalist["training"], settings["images"], settings["class_mix"])
    if settings["classes"] == "all":
        counts = {"all": settings["images"]}
    stages, first_seed = [], 0
    for name, count in counts.items():
        slug = folder_name(name)
        folder = f"generators/{slug}"
        config = {
            **_common_config(experiment, datalist, folder),
            "class_name": name,
            "num_images": count,
            "first_seed": first_seed,
            "features_dir": "features",
            "seed": experiment["seeds"][0],
            **settings["config"],
        }
        first_seed += count
        shared = _shared_files(experiment, settings["profile"])
        override = _write_config(run_dir / folder / "config.yaml", config, shared)
        threads = max(1, cores // len(counts))
        common = {"threads": threads, "gpu": 1}
        train, generate, evaluate = (
            _bundle_command(SYNTHESIS_BUNDLE, files, [*shared, override], run_dir)
            for files in (["train"], ["inference"], ["train", "evaluate"])
        )
        inputs = ["data/datalist.json", f"{folder}/config.yaml"]
        model = f"{folder}/model.pt"
        stages.append(Stage(f"generator_{slug}", inputs, [model], [train], **common))
        stages.append(
            Stage(
                f"synthesis_{slug}",
                [*inputs, model],
                [f"{folder}/synthetic.json", f"{folder}/metrics.json"],
                [generate, evaluate],
                **common,
            )
        )
    return stages


def _segmentation_stages(
    experiment: dict[str, Any], datalist: dict[str, Any], run_dir: Path, cores: int, synthetic: list[str]
) -> list[Stage]:
    runs = [(name, row, seed) for name, row in experiment["segmentation"].items() for seed in experiment["seeds"]]
    stages = []
    for name, row, seed in runs:
        folder = f"segmentation/{folder_name(name)}/seed{seed}"
        config = {
            **_common_config(experiment, datalist, folder),
            "num_labeled": row["num_labeled"],
            "seed": seed,
            "synthetic": synthetic,
            **row["config"],
        }
        shared = _shared_files(experiment, row["profile"])
        override = _write_config(run_dir / folder / "config.yaml", config, shared)
        files = [*shared, override]
        rounds = _bundle_command(SEGMENTATION_BUNDLE, ["train", "rounds"], files, run_dir, run_id="rounds")
        evaluate = _bundle_command(SEGMENTATION_BUNDLE, ["train", "evaluate"], files, run_dir)
        stages.append(
            Stage(
                f"segmentation_{folder_name(name)}_seed{seed}",
                ["data/datalist.json", f"{folder}/config.yaml", *synthetic],
                [f"{folder}/model.pt", f"{folder}/metrics.json"],
                [rounds, evaluate],
                threads=max(1, cores // len(runs)),
                gpu=1,
            )
        )
    return stages


def _common_config(experiment: dict[str, Any], datalist: dict[str, Any], folder: str) -> dict[str, Any]:
    return {
        "dataset_dir": "data",
        "output_dir": folder,
        "ckpt_dir": folder,
        "image_size": experiment["image_size"],
        "num_channels": datalist["num_channels"],
    }


def _shared_files(experiment: dict[str, Any], profile: str | None) -> list[Path]:
    files = [config_file("datasets", experiment["dataset"])]
    return [*files, config_file("profiles", profile)] if profile else files


def _bundle_command(bundle: Path, names: list[str], overrides: list[Path], run_dir: Path, run_id: str = "run") -> str:
    files = [*(bundle / "configs" / f"{name}.yaml" for name in names), *overrides]
    relative = [os.path.relpath(file, run_dir) for file in files]
    listed = "[" + ",".join(f"'{file}'" for file in relative) + "]"
    logging_file = os.path.relpath(bundle / "configs" / "logging.conf", run_dir)
    return (
        f"{shlex.quote(sys.executable)} -m monai.bundle run {run_id} --config_file {shlex.quote(listed)} "
        f"--logging_file {shlex.quote(logging_file)}"
    )


def _write_config(path: Path, config: dict[str, Any], shared: list[Path]) -> Path:
    """Write an override file with the hash of all settings; unchanged, it keeps its time: what is done stays done."""
    content = json.dumps([config, *(file.read_text(encoding="utf-8") for file in shared)], sort_keys=True)
    digest = hashlib.sha256(content.encode()).hexdigest()
    text = yaml.safe_dump({**config, "config_sha256": digest}, sort_keys=False, allow_unicode=True)
    if not path.exists() or path.read_text(encoding="utf-8") != text:
        with atomic_path(path) as temporary:
            temporary.write_text(text, encoding="utf-8")
    return path


def folder_name(name: str) -> str:
    """A name as folders and stages have it."""
    return re.sub(r"[^\w.-]+", "_", name)
