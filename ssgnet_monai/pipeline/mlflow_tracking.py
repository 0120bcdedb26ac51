"""A finished run in MLflow: settings, curves and scores of its report, in a database inside the run folder."""

from __future__ import annotations

import hashlib
import importlib.util
import json
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

logger = logging.getLogger(__name__)

DATABASE = "mlruns.db"
REPORT_TAG = "ssgnet.report_sha256"
CURVES = ("loss_g", "loss_d", "r1", "ada_p", "seconds_per_kimg")


def require_mlflow() -> None:
    """Raise an ImportError that says how to install MLflow, where it is missing."""
    if importlib.util.find_spec("mlflow") is None:
        raise ImportError(
            "Expected MLflow for --tracking mlflow, it is not installed: pip install 'ssgnet-monai[tracking]'"
        )


def track_run(run_dir: Path) -> str:
    """Write what ``report.json`` holds as one MLflow run; a report that is there already is not written twice.

    Args:
        run_dir: the folder of a finished run.

    Returns:
        The id of the MLflow run in ``run_dir/mlruns.db``.

    Raises:
        ImportError: MLflow is not installed.
    """
    require_mlflow()
    from mlflow.entities import Metric, Param
    from mlflow.tracking import MlflowClient

    text = (run_dir / "report.json").read_text(encoding="utf-8")
    report, sha256 = json.loads(text), hashlib.sha256(text.encode()).hexdigest()
    client = MlflowClient(tracking_uri=f"sqlite:///{run_dir / DATABASE}")
    found = client.get_experiment_by_name(report["name"])
    place = (run_dir / "mlruns").as_uri()
    experiment = found.experiment_id if found else client.create_experiment(report["name"], artifact_location=place)
    same = client.search_runs([experiment], f"tags.`{REPORT_TAG}` = '{sha256}' and attributes.status = 'FINISHED'")
    if same:
        return str(same[0].info.run_id)
    run = client.create_run(experiment, tags={"ssgnet.version": report["version"], REPORT_TAG: sha256})
    params = [Param(key, str(value)) for key, value in flatten(report["experiment"].get("config", {}))]
    metrics = [Metric(key, value, run.info.start_time, step) for key, value, step in report_metrics(report)]
    client.log_batch(run.info.run_id, params=params)
    for first in range(0, len(metrics), 1000):  # MLflow takes no more at a time
        client.log_batch(run.info.run_id, metrics=metrics[first : first + 1000])
    for name in ("report.html", "report.json"):
        client.log_artifact(run.info.run_id, str(run_dir / name))
    client.set_terminated(run.info.run_id)
    logger.info("MLflow: mlflow ui --backend-store-uri sqlite:///%s", run_dir / DATABASE)
    return str(run.info.run_id)


def flatten(settings: dict[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """``{"a": {"b": 1}}`` -> ``("a.b", 1)``, in order."""
    for key, value in settings.items():
        if isinstance(value, dict) and value:
            yield from flatten(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value


def report_metrics(report: dict[str, Any]) -> Iterator[tuple[str, float, int]]:
    """Every curve and score of a report as (name, value, step): images seen for a generator, the round for Dice."""
    for entry in report["synthesis"]:
        name = f"synthesis/{entry['class']}"
        for point in entry["curve"]:
            for key in CURVES:
                if point.get(key) is not None:
                    yield f"{name}/{key}", point[key], round(point["kimg"] * 1000)
        for distance in entry.get("distances", []):
            yield f"{name}/{distance['images']}/kid", distance["kid"]["mean"], 0
            yield f"{name}/{distance['images']}/fid", distance["fid"], 0
    for row in report["segmentation"]:
        name = f"segmentation/{row['row']}"
        for look in row["validation"]:
            if look["val_dice"] is not None:
                yield f"{name}/{look['arm']}/validation_dice", look["val_dice"]["mean"], look["round"]
        for test in row["test"]:
            yield f"{name}/{test['checkpoint']}/test_dice", test["pooled"]["dice"]["mean"], 0
        for key in ("baseline", "chosen", "control"):
            if row.get(key):
                yield f"{name}/{key}/test_dice", row[key]["pooled"]["dice"]["mean"], 0
        for reference in row["references"]:
            yield f"{name}/{reference['reference']}/test_dice", reference["pooled"]["dice"]["mean"], 0
    for row in report.get("classification", []):
        for setting in row["settings"]:
            for measure in ("accuracy", "macro_f1", "roc_auc"):
                if setting.get(measure):
                    name = f"classification/{row['row']}/{setting['setting']}/test_{measure}"
                    yield name, setting[measure]["mean"], 0
    for stage in report["benchmarks"]:
        yield f"seconds/{stage['stage']}", stage["seconds"], 0
