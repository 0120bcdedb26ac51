import json

import numpy as np
import pytest
import torch
from PIL import Image

from tests.bundles.conftest import TINY_GAN


@pytest.fixture
def train(run_bundle, phantom, tmp_path):
    def run(name="gan", kimg=0.024, **overrides):
        folder = str(tmp_path / name)
        settings = {**TINY_GAN, "dataset_dir": str(phantom), "output_dir": folder, "ckpt_dir": folder, "kimg": kimg}
        return run_bundle("synthesis", ["train"], **{**settings, **overrides})

    return run


@pytest.fixture
def generate(run_bundle, phantom, tmp_path):
    def run(name="gan", **overrides):
        folder = str(tmp_path / name)
        settings = {**TINY_GAN, "dataset_dir": str(phantom), "output_dir": folder, "ckpt_dir": folder}
        return run_bundle("synthesis", ["inference"], **{**settings, **overrides})

    return run


def same_weights(one, other):
    one, other = (torch.load(path, weights_only=True) for path in (one, other))
    return one.keys() == other.keys() and all(torch.equal(one[key], other[key]) for key in one)


def test_properties_are_complete(train):
    assert train(kimg=0.008).check_properties() == []


def test_a_run_in_two_parts_equals_one_without_a_stop(train, tmp_path):
    train("whole")
    train("parts", kimg=0.016)
    (tmp_path / "parts" / "model.pt").unlink()
    train("parts")
    assert same_weights(tmp_path / "whole" / "model.pt", tmp_path / "parts" / "model.pt")
    stats = [json.loads(line) for line in (tmp_path / "parts" / "state" / "stats.jsonl").read_text().splitlines()]
    assert [record["kimg"] for record in stats] == pytest.approx([0.008, 0.016, 0.024])
    assert all(np.isfinite([record["loss_g"], record["loss_d"], record["ada_p"]]).all() for record in stats)


def test_a_damaged_checkpoint_falls_back_to_the_one_before(train, tmp_path, caplog):
    train("whole")
    train("damaged", kimg=0.016)
    newest = sorted((tmp_path / "damaged" / "state").glob("checkpoint_*.pt"))[-1]
    newest.write_bytes(newest.read_bytes()[:1000])
    train("damaged")
    assert "trying the one before" in caplog.text
    assert same_weights(tmp_path / "whole" / "model.pt", tmp_path / "damaged" / "model.pt")


def test_images_depend_on_their_seed_and_not_on_the_batch(train, generate, tmp_path):
    train()
    generate(num_images=5, batch_size=5)
    images = sorted((tmp_path / "gan" / "images").glob("*.png"))
    together = [np.asarray(Image.open(path)).astype(int) for path in images]
    for path in images:
        path.unlink()
    generate(num_images=5, batch_size=2)
    apart = [np.asarray(Image.open(path)).astype(int) for path in images]
    assert max(np.abs(a - b).max() for a, b in zip(together, apart, strict=True)) <= 1
    assert together[0].shape == (32, 32, 3)
    assert np.abs(together[0] - together[1]).max() > 0


def test_generation_goes_on_and_notices_another_generator(train, generate, tmp_path):
    train()
    generate(num_images=3)
    first = tmp_path / "gan" / "images" / "seed0000000.png"
    before = first.stat().st_mtime_ns
    generate(num_images=4)
    assert first.stat().st_mtime_ns == before
    entries = json.loads((tmp_path / "gan" / "synthetic.json").read_text())["unlabeled"]
    assert [entry["seed"] for entry in entries] == [0, 1, 2, 3]
    assert all(entry["origin"] == "synthetic" and entry["class"] == "irregular" for entry in entries)
    train(kimg=0.032)
    generate(num_images=4)
    assert first.stat().st_mtime_ns != before
    again = json.loads((tmp_path / "gan" / "synthetic.json").read_text())["unlabeled"]
    assert again[0]["generator_sha256"] != entries[0]["generator_sha256"]


def test_scores_come_with_their_scale(train, generate, run_bundle, phantom, tmp_path):
    train()
    generate(num_images=16)
    folder = str(tmp_path / "gan")
    settings = {**TINY_GAN, "dataset_dir": str(phantom), "output_dir": folder, "ckpt_dir": folder}
    run_bundle("synthesis", ["train", "evaluate"], **settings)
    record = json.loads((tmp_path / "gan" / "metrics.json").read_text())
    assert record["fid_biased"] is True
    assert record["n_synthetic"] == 16
    assert set(record["references"]) == {"real_vs_real", "blurred_real", "untrained"}
    assert record["references"]["real_vs_real"]["kid"]["mean"] < record["references"]["untrained"]["kid"]["mean"]
    assert len(record["features"]["sha256"]) == 64
    assert (tmp_path / "gan" / "grid.png").exists()


def test_one_conditional_generator_for_all_classes(train, generate, tmp_path):
    train("both", class_name="all", conditional=True)
    generate("both", class_name="all", conditional=True, num_images=10, class_mix="equal")
    entries = json.loads((tmp_path / "both" / "synthetic.json").read_text())["unlabeled"]
    assert [entry["class"] for entry in entries] == ["irregular"] * 5 + ["regular"] * 5


def test_transfer_starts_from_another_run(train, tmp_path):
    train("first")
    checkpoint = sorted((tmp_path / "first" / "state").glob("checkpoint_*.pt"))[-1]
    train("second", kimg=0.008, transfer=str(checkpoint), g_lr=1.0e-12, d_lr=1.0e-12)
    start = torch.load(checkpoint, weights_only=True)["session"]["objects"]["generator"]
    state = sorted((tmp_path / "second" / "state").glob("checkpoint_*.pt"))[-1]
    end = torch.load(state, weights_only=True)["session"]["objects"]["generator"]
    assert torch.allclose(start["mapping.fc0.weight"], end["mapping.fc0.weight"], atol=1e-6)


def test_a_class_without_images_is_an_error_that_names_the_classes(train):
    with pytest.raises(RuntimeError) as error:
        train(class_name="benign")
    assert "irregular" in str(error.value.__cause__)


def test_generating_without_a_model_says_what_to_do(generate):
    with pytest.raises(RuntimeError) as error:
        generate(num_images=1)
    assert isinstance(error.value.__cause__, FileNotFoundError)
