"""The app ``ssgnet``: training with unlabelled studies and the strategy ``disagreement``."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import pytest
from PIL import Image

from tests.label.conftest import SEGMENTER, draw_studies, make_bundle, picture_mask, post, wait_for_training

pytestmark = pytest.mark.slow
SCORES = "output/disagreement.json"


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Of a bundle and studies that two servers have, one after the other."""
    root = tmp_path_factory.mktemp("server")
    make_bundle(root / "bundles")
    draw_studies(root / "studies", 3, 1)
    return root


def test_unlabelled_studies_train_and_the_least_sure_is_offered(serve: Any, root: Path) -> None:
    bundle, studies, scores = root / "bundles" / SEGMENTER, root / "studies", root / "bundles" / SEGMENTER / SCORES
    with serve([bundle], studies, "--app", "ssgnet") as server:
        client = server.client
        options = client.info()["trainers"][SEGMENTER]["config"]
        assert options["semi_supervised"] is False
        assert options["rounds"] == ["1", "2"]
        for group in ("models", "trainers", "strategies"):  # Slicer's table of options can choose among strings alone
            for entry in client.info()[group].values():
                lists = [value for value in entry.get("config", {}).values() if isinstance(value, list)]
                assert all(isinstance(choice, str) for values in lists for choice in values)
        offered = [client.next_sample("disagreement", {}) for _ in range(8)]
        found = json.loads(scores.read_text())["scores"]
        assert set(found) == {"rgb0", "rgb1", "rgb2", "grey0", "grey1", "grey2", "volume0"}
        sure = [sample for sample in offered if sample["disagreement"] is not None]
        assert sure[-1]["id"] == max(found, key=lambda image: (found[image], image))

        for index in range(2):
            Image.fromarray(picture_mask(index).astype(np.uint8)).save(root / "label.png")
            client.save_label(f"rgb{index}", str(root / "label.png"), tag="final", params={})
        settings = {"device": "cpu", "val_split": 0.5, "max_epochs": 2, "semi_supervised": True, "rounds": "1"}
        served = (bundle / "models" / "model.pt").read_bytes()
        (studies / "cut.png").write_bytes((studies / "rgb2.png").read_bytes()[:200])  # left out of the pool
        client.train_start(SEGMENTER, settings)
        status = wait_for_training(client)
        assert status["status"] == "DONE", server.log.read_text()[-6000:]
        rounds = bundle / "output" / "semi_supervised"
        log = json.loads((rounds / "rounds.json").read_text())
        assert len(log["arms"]["pseudo_label"]) == 2
        assert log["choice"]["sha256"]
        pool = json.loads((rounds / "pseudo_labels" / "round_01" / "manifest.json").read_text())["masks"]
        assert len(pool) == 4 + 6  # pictures, and the slices of the volume
        assert "cut is left out of the pool" in server.log.read_text()
        assert (bundle / "models" / "model_previous.pt").read_bytes() == served
        assert client.info()["models"][SEGMENTER]["config"]["model_filename"] == ["model.pt", "model_previous.pt"]
        for _ in range(6):
            client.next_sample("disagreement", {})
        assert server.log.read_text().count("cut cannot be scored") <= 1  # not at every click
        known = set(json.loads(scores.read_text())["scores"])  # by the rounds or, where the last was no gain, by flips
        assert known - {"cut"} == {"rgb2", "grey0", "grey1", "grey2", "volume0"}
        final = studies / "labels" / "final"
        assert sorted(path.name for path in final.iterdir()) == ["rgb0.png", "rgb1.png"]  # no pseudo-label among them


def test_batch_masks_and_how_much_was_corrected_after_a_restart(serve: Any, slicer: Any, root: Path) -> None:
    bundle, studies = root / "bundles" / SEGMENTER, root / "studies"
    before = (bundle / SCORES).read_bytes()
    with serve([bundle], studies, "--app", "ssgnet") as server:
        client = server.client
        for _ in range(4):
            client.next_sample("disagreement", {})
        assert (bundle / SCORES).read_bytes() == before  # a restarted server does not score again
        (studies / "cut.png").unlink()
        while "cut" in client.datastore()["objects"]:
            time.sleep(0.2)
        body = {"model_filename": "model_previous.pt"}  # untrained, it draws in every study
        drawn = post(slicer, server, f"/batch/infer/{SEGMENTER}?images=unlabeled&run_sync=true", body)
        assert set(drawn) == {"rgb2", "grey0", "grey1", "grey2", "volume0"}
        assert all(drawn.values())
        original = studies / "labels" / "original"
        client.save_label("rgb2", str(original / "rgb2.png"), tag="final", params={})
        volume = nibabel.load(original / "volume0.nii.gz")
        other = np.asarray(volume.dataobj).copy()
        other[:, : other.shape[1] // 2] = 0
        nibabel.save(nibabel.Nifti1Image(other, volume.affine), root / "label.nii.gz")
        client.save_label("volume0", str(root / "label.nii.gz"), tag="final", params={})
        found = post(slicer, server, "/scoring/dice?run_sync=true", {})
    assert found["rgb2"] == 1
    assert 0 < found["volume0"] < 1
    assert set(found) == {"rgb2", "volume0"}  # the others have one of the two masks
