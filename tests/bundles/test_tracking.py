"""MONAI's own ``--tracking mlflow`` on every bundle, read back through MLflow's client."""

import pytest

from tests.bundles.conftest import TINY_CLASSIFIER, TINY_GAN, TINY_SEGMENTER

pytestmark = pytest.mark.slow


@pytest.mark.parametrize(
    ("bundle", "settings", "metric"),
    [
        ("synthesis", {**TINY_GAN, "kimg": 0.016}, "train_loss"),
        ("segmentation", TINY_SEGMENTER, "val_dice"),
        ("classification", TINY_CLASSIFIER, "val_accuracy"),
    ],
)
def test_losses_and_scores_are_in_the_database(phantom, tmp_path, run_bundle, bundle, settings, metric):
    pytest.importorskip("mlflow")
    from mlflow.tracking import MlflowClient

    folders = {"dataset_dir": str(phantom), "output_dir": str(tmp_path), "ckpt_dir": str(tmp_path)}
    run_bundle(bundle, ["train"], tracking="mlflow", **folders, **settings)
    client = MlflowClient(tracking_uri=f"sqlite:///{tmp_path / 'mlruns.db'}")
    experiment = client.get_experiment_by_name("monai_experiment").experiment_id
    (run,) = client.search_runs([experiment])
    assert 0 <= run.data.metrics[metric] < 100
    assert len(client.get_metric_history(run.info.run_id, "train_loss")) > 1
