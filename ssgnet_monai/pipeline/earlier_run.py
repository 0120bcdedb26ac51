"""Brings a run of the layout before this one (bundles by network, masks of 0, 127 and 255) over to today's."""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from ssgnet_monai.data.atomic_write import atomic_path, write_json
from ssgnet_monai.data.datalist import datalist_sha256, load_datalist
from ssgnet_monai.data.folder_lock import hold_folder
from ssgnet_monai.data.label_space import IGNORED, mask_image
from ssgnet_monai.pipeline.config_files import read_config
from ssgnet_monai.pipeline.layout import LAYOUT, RunLayout, StageFolder, is_earlier
from ssgnet_monai.pipeline.settings import Layer, merge_layers, root_id, value_of
from ssgnet_monai.pipeline.stages import plan
from ssgnet_monai.pipeline.trained_settings import Trained

logger = logging.getLogger(__name__)
PARTED = {"unet_cpu": {"network": "unet", "profile": "segmentation_cpu"}}
"""Profiles of the earlier layout that held a network."""
GREY = {0: 0, 127: IGNORED, 255: 1}
"""Grey values of an earlier pseudo-label -> class numbers."""
RECIPE = {"recipe": "paper"}
"""Of all rounds of the earlier version, which knew no other."""
EARLIER, EARLIER_REPORT = "metrics_before_move.json", "report_before_move.html"


def move_run(root: Path) -> list[str]:
    """Bring a run over, file by file; a move that was cut short is taken up where it ended.

    Settings are written in today's form and finished stages stay finished. Segmenters are scored anew by the next
    ``ssgnet run``, since scores are those of cases and classes now; their earlier scores stay beside the new ones.

    Args:
        root: folder of the run.

    Returns:
        What could not be brought over, in sentences.

    Raises:
        ValueError: it is a run of today's layout, or one that was prepared or trained with what is gone.
    """
    run = RunLayout(root)
    if not is_earlier(run):
        raise ValueError(f"Expected a run of an earlier version in {root}, got one of today's. It needs no move.")
    hold_folder(root, "`ssgnet move`")
    record = json.loads(run.experiment.read_text(encoding="utf-8"))
    # What the budget made of the lengths stands in the rows' own settings.
    experiment = {**_experiment(record["config"]), "budget": 1}
    stages = plan(experiment, load_datalist(run.data), root.absolute(), 1)
    for stage in stages:
        if stage.config is None:
            continue
        path, trained = root / stage.config.path, stage.config.trained
        before = path.stat().st_mtime_ns if path.exists() else None
        if trained is not None and (root / trained.path).is_file():
            _move_settings(root, trained)
        stage.config.write(root)
        if before is not None:  # what is done stays done: Snakemake goes by the time
            os.utime(path, ns=(before, before))
    for seeds in run.rows("segmentation").values():
        for seed in seeds:
            _move_row(seed)
    if run.report.is_file():  # Snakemake takes a page that is there for the sign that all is done
        os.replace(run.report, root / EARLIER_REPORT)
    config = {**experiment, "budget": record["config"]["budget"]}
    write_json(run.experiment, {**record, "config": config, "layout": LAYOUT})
    return list(_left_behind(run))


def _experiment(config: Mapping[str, Any]) -> dict[str, Any]:
    rows = {}
    for name, row in config["segmentation"].items():
        parted = PARTED.get(row["profile"], {"network": row.get("network")})
        rows[name] = {"method": "rounds", **row, **parted, "config": {**RECIPE, **row["config"]}}
    return {**config, "segmentation": rows}


def _move_settings(root: Path, trained: Trained) -> None:
    """Write a training's settings in today's form, if they are what its experiment says."""
    path = root / trained.path
    found, ours = json.loads(path.read_text(encoding="utf-8")), trained.record()
    if set(found) == set(ours):
        return  # by a move that was cut short
    for part in PARTED.values():
        network = read_config("network", part["network"])["network_def"]
        if found.get("network_def", {}).get("_target_") == network["_target_"]:
            same = {**network, "spatial_dims": 2, "out_channels": 1} == found["network_def"]
            found["network_def"] = network if same else found["network_def"]
    if RECIPE.keys() <= ours["settings"].keys():
        found |= RECIPE
    merged = merge_layers([*trained.settings.below(0), Layer("row", str(path), found)])
    known = set(map(root_id, ours["settings"]))
    changed = [key for key, value in ours["settings"].items() if value_of(merged, key) != value]
    changed += [key for key in found if root_id(key) not in known]
    if changed:
        raise ValueError(
            f"Expected {path.parent} to be trained as {root / 'experiment.json'} and today's profiles say, got other "
            f"{', '.join(changed)}. It cannot be brought over: keep the version that made it, or train anew with "
            "another output_dir."
        )
    write_json(path, ours)


def _move_row(stage: StageFolder) -> None:
    for path in sorted((stage.path / "pseudo_labels").rglob("*.png")):
        with Image.open(path) as image:
            if image.mode == "P":
                continue
            grey = np.asarray(image)
        table = np.full(256, IGNORED, np.uint8)
        for value, number in GREY.items():
            table[value] = number
        with atomic_path(path) as temporary:
            mask_image(table[grey]).save(temporary, format="PNG")
    if stage.metrics.is_file():
        os.replace(stage.metrics, stage.path / EARLIER)


def _left_behind(run: RunLayout) -> Iterator[str]:
    expected = datalist_sha256(run.data)
    for stage in run.generators():
        if not stage.synthetic.is_file():
            continue
        entries = json.loads(stage.synthetic.read_text(encoding="utf-8"))["unlabeled"]
        others = [entry for entry in entries if entry.get("datalist_sha256") != expected]
        if others:
            yield (
                f"{stage.path} was trained on another datalist than {run.datalist}: {len(others)} of its images may "
                "show test images and are refused. Train it anew with another output_dir."
            )
    for stage in run.trainings():
        if not stage.model.is_file() and stage.checkpoints():
            yield f"{stage.path} was still training: it goes on from its checkpoints, or says why it cannot."
