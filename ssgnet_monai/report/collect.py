"""From a run folder to one dict: the content of ``report.json`` and the only source of the numbers in the page."""

from __future__ import annotations

import logging
from collections import Counter
from pathlib import Path
from typing import Any

from ssgnet_monai import __version__
from ssgnet_monai.data.cases import case_names
from ssgnet_monai.data.datalist import check_datalist
from ssgnet_monai.data.few_images import FID_RELIABLE_FROM
from ssgnet_monai.data.names import folder_name
from ssgnet_monai.pipeline.layout import RunLayout, StageFolder, refuse_earlier
from ssgnet_monai.report.case_counts import case_groups, image_groups
from ssgnet_monai.report.classification_row import classification_row
from ssgnet_monai.report.classification_summary import classification_answers
from ssgnet_monai.report.headroom import headroom_answers
from ssgnet_monai.report.private_paths import PrivatePaths
from ssgnet_monai.report.published import published_fid, published_results
from ssgnet_monai.report.published_volumes import published_volumes
from ssgnet_monai.report.run_files import read_benchmarks, read_curve, read_json, results_of
from ssgnet_monai.report.segmentation_row import segmentation_row
from ssgnet_monai.report.summary import generator_sentences, row_answers

logger = logging.getLogger(__name__)

SPLITS = ("training", "validation", "test", "unlabeled")
STAGES = ("data", "synthesis", "segmentation", "classification", "benchmarks")
REFERENCE_NAMES = {
    "real_vs_real": "Real against real",
    "blurred_real": "Blurred real images",
    "untrained": "Untrained generator",
}
TASKS = ("segmentation", "classification")


def collect(run_dir: str | Path) -> dict[str, Any]:
    """Read the results that the stages left in a run folder.

    Args:
        run_dir: the experiment's folder. Stages that have not run are ``None`` or empty, never an error.

    Returns:
        The report: ``name``, ``version``, ``tasks`` (segmentation, classification: those that the experiment asks
        for), ``answers`` (sentences), ``headroom`` (of a short run by `ssgnet headroom`, or ``None``), ``experiment``,
        ``data``, ``synthesis`` (one entry a class), ``segmentation`` and ``classification`` (one entry a row),
        ``benchmarks``, ``paper``, ``volumes`` (what others have published of the dataset) and ``not_run`` (stages
        without any result).
        Scores are fractions in [0, 1].

    Raises:
        NotADirectoryError: ``run_dir`` is not a folder.
        ValueError: a results file is there but unreadable.
    """
    run_dir = Path(run_dir)
    if not run_dir.is_dir():
        raise NotADirectoryError(
            f"Expected the folder of a run, got {run_dir}. Give the output folder of 'ssgnet run', or run that first."
        )
    run = RunLayout(run_dir)
    refuse_earlier(run)
    experiment = read_json(run.experiment) or {}
    with results_of(run.data):
        data = _data(run)
    config = experiment.get("config") or {}
    masks = {split: data["splits"][split]["labelled"] for split in SPLITS[:3]} if data else {}
    paths = PrivatePaths(config, run_dir)
    paper = published_results(str(data["name"])) if data else None
    synthesis, segmentation, classification = [], [], []
    for stage in run.generators():
        with results_of(stage.path):
            synthesis.append(_synthesis(stage, paper))
    rows, groups = run.rows("segmentation"), case_groups(read_json(run.datalist) or {})
    settings = {folder_name(name): row or {} for name, row in (config.get("segmentation") or {}).items()}
    controls = {
        name: {key: rows.get(folder, []) for key, folder in _control_folders(row).items()}
        for name, row in settings.items()
    }
    named = {folder_name(name) for row in settings.values() for name in row.get("controls") or ()}
    of_others = {folder for row in settings.values() for folder in _control_folders(row).values()} - named
    for name in (name for name in rows if name not in of_others):
        with results_of(run.root / "segmentation" / name):
            row = segmentation_row(name, rows[name], settings.get(name), masks, controls.get(name), groups)
            segmentation.append(row)
    for name, of_setting in run.classifiers().items():
        with results_of(run.root / "classification" / name):
            classification.append(classification_row(name, of_setting, image_groups(read_json(run.datalist) or {})))
    headroom, synthesis = read_json(run.headroom), _one_extractor(synthesis)
    benchmarks = read_benchmarks(run.benchmarks())
    found = dict(zip(STAGES, (data, synthesis, segmentation, classification, benchmarks), strict=True))
    tasks = [task for task in TASKS if found[task] or config.get(task)] or list(TASKS)
    not_run = [stage for stage in STAGES if not found[stage] and (stage in tasks or stage not in TASKS)]
    if not_run:
        logger.info("No results in %s for: %s; the report says 'not run'.", run_dir, ", ".join(not_run))
    return {
        "name": experiment.get("name") or run_dir.resolve().name,
        "version": __version__,
        "tasks": tasks,
        "answers": headroom_answers(headroom)
        if headroom
        else [*row_answers(segmentation), *classification_answers(classification)],
        "headroom": headroom,
        "generator_answers": generator_sentences(synthesis),
        "experiment": {
            "config": paths.config(config),
            "commands": [paths.command(line) for line in experiment.get("commands") or []],
            "versions": experiment.get("versions") or {},
        },
        "data": data,
        "synthesis": synthesis,
        "segmentation": segmentation,
        "classification": classification,
        "benchmarks": benchmarks,
        "paper": paper,
        "volumes": published_volumes(str(data["name"])) if data else None,
        "not_run": not_run,
    }


def _control_folders(row: dict[str, Any]) -> dict[str, str]:
    """The folder of each control of a row: a row without a section of its own, or another one, under its own name."""
    return {key: folder_name(name) for key, name in (row.get("controls") or {}).items()}


def _data(run: RunLayout) -> dict[str, Any] | None:
    datalist = read_json(run.datalist)
    if datalist is None:
        return None
    check_datalist(datalist, run.datalist)
    modality = datalist.get("modality")
    items = {split: datalist.get(split) or [] for split in SPLITS}
    classes = list(datalist.get("classes") or [])
    classes += sorted({str(i.get("class")) for rows in items.values() for i in rows if i.get("class")} - set(classes))
    return {
        "name": datalist.get("name") or "unnamed",
        "modality": ", ".join(map(str, modality.values())) if isinstance(modality, dict) else modality,
        "labels": datalist.get("labels") or {},
        "image_size": datalist.get("image_size"),
        "num_channels": datalist.get("num_channels"),
        "intensity_window": datalist.get("intensity_window"),
        "split_seed": datalist.get("split_seed"),
        "group_source": datalist.get("group_source"),
        "classes": classes,
        "splits": {split: _split(rows, classes) for split, rows in items.items()},
        "prepare": read_json(run.prepared_with) or {},
    }


def _split(items: list[dict[str, Any]], classes: list[str]) -> dict[str, Any]:
    by_class = Counter(str(item.get("class")) for item in items)
    return {
        "images": len(items),
        "volumes": len(set(case_names(items))) if any("slice" in item for item in items) else 0,
        "labelled": sum("label" in item for item in items),
        "groups": len({str(item["group"]) for item in items if item.get("group") is not None}),
        "by_class": {name: by_class[name] for name in classes},
        "by_origin": dict(sorted(Counter(str(item.get("origin", "real")) for item in items).items())),
    }


def _one_extractor(synthesis: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The generators' entries; without scores where these come from different feature extractors."""
    used = {features["sha256"]: features["name"] for entry in synthesis if (features := entry.get("features"))}
    if len(used) < 2:
        return synthesis
    reason = (
        f"The generators were scored with different feature extractors ({' and '.join(sorted(used.values()))}), whose "
        "values cannot be compared: KID and FID are left out. Score all generators again with one setting of "
        "`inception` and `features`."
    )
    return [
        {**entry, "left_out": reason, "distances": [{**one, "kid": None, "fid": None} for one in entry["distances"]]}
        if entry["evaluated"]
        else entry
        for entry in synthesis
    ]


def _synthesis(stage: StageFolder, paper: dict[str, Any] | None) -> dict[str, Any]:
    metrics = read_json(stage.metrics)
    generated = read_json(stage.synthetic) or {}
    class_name = str((metrics or {}).get("class") or stage.path.name)
    entry: dict[str, Any] = {
        "class": class_name,
        "paper_fid": published_fid(paper, class_name) if paper else None,
        "folder": stage.path.name,
        "n_generated": sum(len(generated.get(split) or []) for split in SPLITS),
        "curve": read_curve(stage.curve),
        "evaluated": metrics is not None,
    }
    if metrics is None:
        return entry
    n_real, n_synthetic = metrics.get("n_real"), metrics.get("n_synthetic")
    smaller = min((n for n in (n_real, n_synthetic) if n is not None), default=None)
    biased = bool(metrics.get("fid_biased")) or (smaller is not None and smaller < FID_RELIABLE_FROM)
    distances = [
        {
            "images": "synthetic",
            "name": "Synthetic images",
            "n": smaller,
            "kid": metrics.get("kid"),
            "fid": metrics.get("fid"),
            "fid_biased": biased,
        }
    ]
    references = metrics.get("references") or {}
    for key in [*REFERENCE_NAMES, *sorted(set(references) - set(REFERENCE_NAMES))]:
        if reference := references.get(key):
            n = reference.get("n", smaller)
            distances.append(
                {
                    "images": key,
                    "name": REFERENCE_NAMES.get(key, key),
                    "n": n,
                    "kid": reference.get("kid"),
                    "fid": reference.get("fid"),
                    "fid_biased": n is None or n < FID_RELIABLE_FROM,
                }
            )
    kept = ("split", "n_real", "n_synthetic", "seed", "seconds", "config_sha256", "features", "resizer", "left_out")
    return {**entry, **{name: metrics.get(name) for name in kept}, "distances": distances}
