"""What a finished run leaves in MLflow, read back through MLflow's own client."""

import importlib.util
import json

import pytest

from ssgnet_monai.pipeline.mlflow_tracking import flatten, require_mlflow, track_run


def dice(value):
    return {"pooled": {"dice": {"mean": value}}}


REPORT = {
    "name": "tiny",
    "version": "0.1.0",
    "experiment": {"config": {"image_size": 32, "segmentation": {"unet": {"num_labeled": 24}}, "prepare": {}}},
    "synthesis": [
        {
            "class": "benign",
            "curve": [{"kimg": 1.0, "loss_g": 0.9, "r1": None}, {"kimg": 2.0, "loss_g": 0.8}],
            "distances": [{"images": "synthetic", "kid": {"mean": 0.5}, "fid": 12.0}],
        }
    ],
    "segmentation": [
        {
            "row": "unet",
            "validation": [
                {"arm": "pseudo_label", "round": 0, "val_dice": {"mean": 0.7}},
                {"arm": "pseudo_label", "round": 1, "val_dice": {"mean": 0.75}},
            ],
            "test": [{"checkpoint": "pseudo_label/round_01", **dice(0.72)}],
            "chosen": dice(0.72),
            "control": dice(0.71),
            "references": [{"reference": "otsu", **dice(0.3)}],
        }
    ],
    "classification": [
        {
            "row": "resnet",
            "settings": [{"setting": "extra_20", "accuracy": {"mean": 0.8, "sd": None}, "macro_f1": {"mean": 0.7}}],
        }
    ],
    "benchmarks": [{"stage": "generator_benign", "seconds": 12.5}],
}


def test_settings_are_flat():
    assert list(flatten({"a": {"b": 1, "c": {}}, "d": [2]})) == [("a.b", 1), ("a.c", {}), ("d", [2])]


def test_a_run_is_read_back_and_written_once(tmp_path):
    pytest.importorskip("mlflow")
    from mlflow.tracking import MlflowClient

    run_dir = tmp_path / "a run"
    run_dir.mkdir()
    (run_dir / "report.json").write_text(json.dumps(REPORT))
    (run_dir / "report.html").write_text("<p>report</p>")
    run_id = track_run(run_dir)
    assert track_run(run_dir) == run_id
    client = MlflowClient(tracking_uri=f"sqlite:///{run_dir / 'mlruns.db'}")
    assert len(client.search_runs([client.get_experiment_by_name("tiny").experiment_id])) == 1
    run = client.get_run(run_id)
    assert run.info.status == "FINISHED"
    assert run.data.params["segmentation.unet.num_labeled"] == "24"
    assert run.data.metrics["segmentation/unet/chosen/test_dice"] == 0.72
    assert run.data.metrics["classification/resnet/extra_20/test_macro_f1"] == 0.7
    assert "classification/resnet/extra_20/test_roc_auc" not in run.data.metrics
    assert run.data.metrics["synthesis/benign/synthetic/kid"] == 0.5
    curve = client.get_metric_history(run_id, "synthesis/benign/loss_g")
    assert [(point.step, point.value) for point in curve] == [(1000, 0.9), (2000, 0.8)]
    rounds = client.get_metric_history(run_id, "segmentation/unet/pseudo_label/validation_dice")
    assert [point.step for point in rounds] == [0, 1]
    assert (run_dir / "mlruns" / run_id / "artifacts" / "report.html").is_file()


def test_without_mlflow_the_message_says_how_to_install_it(monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    with pytest.raises(ImportError, match=r"pip install 'ssgnet-monai\[tracking\]'"):
        require_mlflow()
