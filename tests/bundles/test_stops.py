"""Runs of the bundles that are stopped from outside or by an error, and go on or say what to do."""

import json
import math
import os
import signal

import pytest
import torch

from ssgnet_monai.data import pseudo_labels
from ssgnet_monai.engines.round_training import RoundTraining
from ssgnet_monai.handlers import step_seed
from tests.bundles.conftest import TINY_CLASSIFIER, TINY_GAN, TINY_SEGMENTER

TINY = {
    "synthesis": {**TINY_GAN, "tick_kimg": 0.016, "kimg": 0.032},
    "segmentation": TINY_SEGMENTER,
    "classification": TINY_CLASSIFIER,
}


@pytest.fixture
def train(run_bundle, phantom, tmp_path):
    """``train("synthesis", "name")`` runs a tiny bundle in a folder of that name."""

    def run(bundle, name, run_id="run", **overrides):
        folder = str(tmp_path / name)
        settings = {"dataset_dir": str(phantom), "output_dir": folder, "ckpt_dir": folder}
        names = ["train"] if run_id == "run" else ["train", "rounds"]
        return run_bundle(bundle, names, run_id, **{**settings, **TINY[bundle], **overrides})

    return run


def same_weights(one, other):
    one, other = (torch.load(path, weights_only=True) for path in (one, other))
    return one.keys() == other.keys() and all(torch.equal(one[key], other[key]) for key in one)


def terminate_at(step, monkeypatch):
    """SIGTERM reaches this process as training step ``step`` begins."""
    original = step_seed.seed_step

    def seed_step(seed, number):
        original(seed, number)
        if number == step:
            os.kill(os.getpid(), signal.SIGTERM)

    monkeypatch.setattr(step_seed, "seed_step", seed_step)


@pytest.mark.parametrize("bundle", sorted(TINY))
def test_sigterm_in_an_epoch_and_at_its_end_changes_no_bit(train, bundle, tmp_path, monkeypatch):
    train(bundle, "whole")
    for step in (3, 4):
        with monkeypatch.context() as patch:
            terminate_at(step, patch)
            with pytest.raises(SystemExit) as stop:
                train(bundle, "parts")
        assert stop.value.code == 75
        assert list((tmp_path / "parts").rglob(f"checkpoint_{step:09d}.pt"))
    train(bundle, "parts")
    assert same_weights(tmp_path / "whole" / "model.pt", tmp_path / "parts" / "model.pt")


def test_sigterm_while_labelling_keeps_the_labels_that_are_done(train, tmp_path, monkeypatch):
    settings = {"num_labeled": 12, "pool": "real", "num_rounds": 1, "labels": "soft"}
    train("segmentation", "whole", "rounds", **settings)
    original = pseudo_labels.PseudoLabelFolder.write

    def write(*arguments):
        original(*arguments)
        os.kill(os.getpid(), signal.SIGTERM)

    with monkeypatch.context() as patch:
        patch.setattr(pseudo_labels.PseudoLabelFolder, "write", write)
        with pytest.raises(SystemExit) as stop:
            train("segmentation", "parts", "rounds", **settings)
    assert stop.value.code == 75
    partial = tmp_path / "parts" / "pseudo_labels" / "round_00.partial"
    assert len((partial / "progress.jsonl").read_text().splitlines()) == TINY_SEGMENTER["batch_size"]
    train("segmentation", "parts", "rounds", **settings)
    whole, parts = (sorted((tmp_path / name / "pseudo_labels").rglob("*.*")) for name in ("whole", "parts"))
    assert {path.suffix for path in whole} == {".json", ".png", ".npz"}
    assert [path.read_bytes() for path in whole] == [path.read_bytes() for path in parts]
    assert same_weights(tmp_path / "whole" / "model.pt", tmp_path / "parts" / "model.pt")


TWO_TEACHERS = {"num_labeled": 12, "pool": "real", "num_rounds": 1, "teachers": 2, "steps": 4, "finetune_steps": 2}


def test_rounds_of_two_teachers_stopped_anywhere_change_no_bit(train, tmp_path, monkeypatch):
    train("segmentation", "whole", "rounds", **TWO_TEACHERS)
    for point in (
        (step_seed, "seed_step", lambda seed, step: (seed, step) == (0, 3)),
        (RoundTraining, "run", lambda self, *given: given[2] == 1000),  # between the two of the baseline
        (step_seed, "seed_step", lambda seed, step: (seed, step) == (1000, 1)),
        (pseudo_labels.PseudoLabelFolder, "publish", lambda self, *_: self.folder.name == "round_00"),
        (step_seed, "seed_step", lambda seed, step: (seed, step) == (1001, 3)),  # the last steps, of labelled images
        (pseudo_labels.PseudoLabelFolder, "write", lambda self, now, *_: 4 in now and self.folder.name == "round_01"),
    ):
        with monkeypatch.context() as patch:
            stop_at(*point, patch)
            with pytest.raises(RuntimeError) as error:
                train("segmentation", "parts", "rounds", **TWO_TEACHERS)
            assert "stopped by the test" in str(error.value.__cause__)
    train("segmentation", "parts", "rounds", **TWO_TEACHERS)
    whole, parts = (kept(tmp_path / name) for name in ("whole", "parts"))
    assert {f"models/{name}_teacher_2.pt" for name in ("baseline", "pseudo_label_round_01")} < whole.keys()
    assert sum("pseudo_labels/round_01/mask" in name for name in whole) > 4
    assert whole == parts


def stop_at(place, name, when, monkeypatch):
    """The run dies as the function ``name`` of ``place`` is called with arguments of which ``when`` says so."""
    original = getattr(place, name)

    def called(*given):
        if when(*given):
            raise OSError("stopped by the test")
        return original(*given)

    monkeypatch.setattr(place, name, called)


def kept(folder):
    """Models and pseudo-labels by their bytes, and the record without its times."""
    log = json.loads((folder / "rounds.json").read_text())
    for record in log["arms"]["pseudo_label"]:
        del record["seconds"]
    files = [folder / "model.pt", *(folder / "models").iterdir(), *(folder / "pseudo_labels").rglob("*.*")]
    return {"rounds": log, **{str(path.relative_to(folder)): path.read_bytes() for path in sorted(files)}}


def test_a_curve_cut_short_by_a_full_disk_does_not_stop_the_resume(train, tmp_path):
    train("synthesis", "run", kimg=0.016)
    with open(tmp_path / "run" / "state" / "stats.jsonl", "a") as file:
        file.write('{"kimg": 0.0')
    train("synthesis", "run")
    lines = (tmp_path / "run" / "state" / "stats.jsonl").read_text().splitlines()
    assert [json.loads(line)["kimg"] for line in lines] == [0.016, 0.032]


@pytest.mark.parametrize(
    ("bundle", "where", "advice"),
    [
        ("synthesis", "ssgnet_monai.engines.stylegan3_trainer.stylegan3_step", "micro_batch (now null), or batch_size"),
        ("segmentation", "monai.engines.SupervisedTrainer._iteration", "Lower batch_size (now 4)"),
    ],
)
def test_too_little_memory_names_the_key_of_the_bundle(train, bundle, where, advice, monkeypatch):
    def step(*_, **__):
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB")

    monkeypatch.setattr(where, step)
    with pytest.raises(RuntimeError) as error:
        train(bundle, "full")
    assert advice in str(error.value.__cause__)


@pytest.mark.parametrize(
    ("bundle", "first", "where", "advice"),
    [
        ("synthesis", {"kimg": 0.016}, "ssgnet_monai.losses.adversarial.F.softplus", "Lower g_lr and d_lr"),
        ("segmentation", {"steps": 2}, "ssgnet_monai.losses.BCEDiceLoss.forward", "Lower learning_rate"),
    ],
)
def test_a_diverging_run_stops_at_once_and_keeps_its_good_checkpoint(
    train, bundle, first, where, advice, tmp_path, monkeypatch
):
    train(bundle, "run", **first)
    (kept,) = (tmp_path / "run").rglob("checkpoint_*.pt")
    monkeypatch.setattr(where, lambda *values: (values[0] if len(values) == 1 else values[1]) * math.nan)
    with pytest.raises(RuntimeError) as error:
        train(bundle, "run")
    assert isinstance(error.value.__cause__, FloatingPointError)
    step = int(kept.stem.split("_")[1])
    assert f"in step {step + 1}. The last good checkpoint is {kept}. {advice}" in str(error.value.__cause__)
    assert list((tmp_path / "run").rglob("checkpoint_*.pt")) == [kept]
