import csv
import json
import shutil
import traceback

import numpy as np
import pytest
import torch
from PIL import Image

from ssgnet_monai.data.pseudo_labels import read_manifest
from tests.bundles.conftest import TINY_SEGMENTER


@pytest.fixture
def segment(run_bundle, phantom, tmp_path):
    def run(names, run_id="run", name="seg", **overrides):
        folder = str(tmp_path / name)
        settings = {**TINY_SEGMENTER, "dataset_dir": str(phantom), "output_dir": folder, "ckpt_dir": folder}
        return run_bundle("segmentation", names, run_id, **{**settings, **overrides})

    return run


@pytest.fixture
def rounds(segment):
    def run(name="seg", **overrides):
        return segment(["train", "rounds"], "rounds", name, **{"num_labeled": 12, "pool": "real", **overrides})

    return run


def log_of(folder):
    return json.loads((folder / "rounds.json").read_text())


def weights(path):
    return torch.load(path, weights_only=True)


def equal(one, other):
    one, other = weights(one), weights(other)
    return all(torch.equal(one[key], other[key]) for key in one)


def test_plain_training_then_evaluation(segment, tmp_path):
    assert segment(["train"]).check_properties() == []
    segment(["train", "evaluate"])
    record = json.loads((tmp_path / "seg" / "metrics.json").read_text())
    assert record["split"] == "test"
    assert record["chosen"] == "model"
    assert set(record["references"]) == {"image_blind", "otsu", "all_foreground"}
    assert record["references"]["all_foreground"]["pooled"]["sensitivity"] == 1


def test_scoring_needs_no_weights_that_the_training_began_with(segment, tmp_path):
    segment(["train"], name="first")
    first = tmp_path / "first" / "model.pt"
    segment(["train"], pretrained=str(first))
    first.unlink()
    segment(["train", "evaluate"], pretrained=str(first))
    assert json.loads((tmp_path / "seg" / "metrics.json").read_text())["chosen"] == "model"


@pytest.mark.parametrize("strong", [False, True])
def test_a_run_in_two_parts_equals_one_without_a_stop(segment, tmp_path, strong):
    settings = {"strong_augmentation": strong}
    segment(["train"], name="whole", **settings)
    with pytest.raises(RuntimeError):
        segment(["train"], name="parts", **settings, **{"validate#evaluator#val_handlers": [Interrupt(2)]})
    assert not equal_checkpoints(tmp_path / "whole", tmp_path / "parts")
    segment(["train"], name="parts", **settings)
    assert equal_checkpoints(tmp_path / "whole", tmp_path / "parts")
    assert equal(tmp_path / "whole" / "model.pt", tmp_path / "parts" / "model.pt")


def test_the_last_averaged_weights_or_those_that_validation_prefers(segment, tmp_path):
    for choose in ("last", "best"):
        segment(["train"], name=choose, choose=choose, average_half_life=2, epoch_length=3)
        checkpoints = sorted((tmp_path / choose / "state" / "train").glob("checkpoint_*.pt"))
        states = {int(path.stem[-1]): weights(path)["session"] for path in checkpoints}
        record = json.loads((tmp_path / choose / "state" / "train" / "training.json").read_text())
        assert record["step"] == (6 if choose == "last" else 3 * states[6]["best_epoch"])
        model, averaged = weights(tmp_path / choose / "model.pt"), states[record["step"]]["objects"]["averaged_network"]
        assert all(torch.equal(value, averaged[key]) for key, value in model.items())
        assert any(not torch.equal(model[key], value) for key, value in states[6]["objects"]["network"].items())


class Interrupt:
    """Raises at the n-th validation, before the checkpoint of that epoch."""

    def __init__(self, at):
        self.at = at

    def attach(self, engine):
        from ignite.engine import Events

        engine.add_event_handler(Events.COMPLETED, self)

    def __call__(self, engine):
        if engine.state.epoch == self.at:
            raise RuntimeError("killed")


def equal_checkpoints(one, other):
    one, other = (sorted((folder / "state" / "train").glob("*.pt"))[-1] for folder in (one, other))
    if one.name != other.name:
        return False
    one, other = (weights(path)["session"]["objects"]["network"] for path in (one, other))
    return all(torch.equal(one[key], other[key]) for key in one)


def test_rounds_end_with_the_last_one_and_have_no_arm_beside_them(rounds, segment, tmp_path):
    rounds()
    log = log_of(tmp_path / "seg")
    assert set(log["arms"]) == {"pseudo_label"}
    assert "control_choice" not in log
    records = log["arms"]["pseudo_label"]
    assert log["choice"]["round"] == 2
    assert log["choice"]["sha256"] == records[2]["sha256"]
    assert equal(tmp_path / "seg" / "model.pt", tmp_path / "seg" / records[2]["model"])
    manifests = [read_manifest(tmp_path / "seg" / "pseudo_labels" / f"round_{t:02d}") for t in range(3)]
    assert [manifest["labelled_by_round"] for manifest in manifests] == [0, 1, 2]
    pool = len(manifests[0]["masks"])
    assert len({mask["stability"] for mask in manifests[0]["masks"]}) > 1  # the views do not agree everywhere
    samples = [record["training_samples"]["pool"]["real"] for record in records]
    assert samples == [0, -(-pool // 2), pool]  # the steadiest half first
    segment(["train", "evaluate"], num_labeled=12)
    record = json.loads((tmp_path / "seg" / "metrics.json").read_text())
    assert set(record["checkpoints"]) == {f"pseudo_label/round_{t:02d}" for t in range(3)}
    assert record["chosen"] == "pseudo_label/round_02"
    assert not {"control", "paired_bootstrap"} & set(record)


def test_rounds_of_the_paper_and_their_control(rounds, segment, tmp_path):
    rounds(recipe="paper")
    log = log_of(tmp_path / "seg")
    ours, control = log["arms"]["pseudo_label"], log["arms"]["real_only"]
    assert [record["round"] for record in ours] == [record["round"] for record in control] == [0, 1, 2]
    assert ours[0]["sha256"] == control[0]["sha256"]
    assert ours[1]["training_samples"]["pool"]["real"] > 0
    assert control[1]["training_samples"]["pool"] == {"synthetic": 0, "real": 0}
    best = max(ours, key=lambda r: (r["val_dice"], -r["round"]))
    assert log["choice"]["sha256"] == best["sha256"]
    assert equal(tmp_path / "seg" / "model.pt", tmp_path / "seg" / best["model"])
    manifests = [read_manifest(tmp_path / "seg" / "pseudo_labels" / f"round_{t:02d}") for t in range(3)]
    assert all(len(manifest["masks"]) == ours[1]["training_samples"]["pool"]["real"] for manifest in manifests)
    segment(["train", "evaluate"], num_labeled=12)
    record = json.loads((tmp_path / "seg" / "metrics.json").read_text())
    assert set(record["checkpoints"]) == {
        *(f"pseudo_label/round_{t:02d}" for t in range(3)),
        *(f"real_only/round_{t:02d}" for t in (1, 2)),
    }
    assert len(record["paired_bootstrap"]["ci95"]) == 2
    with open(tmp_path / "seg" / "per_case.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == record["n"] * (5 + len(record["references"]))
    assert (tmp_path / "seg" / "examples" / "0_final.png").exists()


def test_the_same_command_goes_on_after_a_stop_anywhere(rounds, tmp_path, monkeypatch):
    rounds("whole", recipe="paper")
    from ssgnet_monai.data import pseudo_labels
    from ssgnet_monai.engines import pseudo_label_rounds

    with monkeypatch.context() as patch:  # stopped while labelling round 0
        patch.setattr(pseudo_labels.PseudoLabelFolder, "publish", lambda *_: (_ for _ in ()).throw(OSError("stop")))
        with pytest.raises(RuntimeError):
            rounds("parts", recipe="paper")
    with monkeypatch.context() as patch:  # stopped after the training of round 1, before it is recorded
        original = pseudo_label_rounds.sha256_file
        patch.setattr(
            pseudo_label_rounds,
            "sha256_file",
            lambda path: original(path) if "round_01" not in str(path) else (_ for _ in ()).throw(OSError("stop")),
        )
        with pytest.raises(RuntimeError):
            rounds("parts", recipe="paper")
    rounds("parts", recipe="paper")
    whole, parts = log_of(tmp_path / "whole"), log_of(tmp_path / "parts")
    for arm in ("pseudo_label", "real_only"):
        for one, other in zip(whole["arms"][arm], parts["arms"][arm], strict=True):
            assert one["val_dice"] == other["val_dice"]
            assert equal(tmp_path / "whole" / one["model"], tmp_path / "parts" / other["model"])


def test_finished_rounds_are_not_run_again(rounds, tmp_path):
    rounds()
    before = (tmp_path / "seg" / "rounds.json").read_text()
    rounds()
    assert (tmp_path / "seg" / "rounds.json").read_text() == before


def test_fresh_rounds_set_the_earlier_ones_aside_and_never_refuses_them(rounds, tmp_path):
    rounds(num_rounds=1)
    folder = tmp_path / "seg"
    before = log_of(folder)
    with pytest.raises(RuntimeError) as error:
        rounds(num_rounds=1, resume="never")
    assert f"Expected no rounds in {folder} with resume: never" in str(error.value.__cause__)
    rounds(num_rounds=0, resume="fresh", seed=1)
    assert log_of(folder / "earlier") == before
    assert len(log_of(folder)["arms"]["pseudo_label"]) == 1
    assert sorted(path.name for path in (folder / "pseudo_labels").iterdir()) == ["round_00"]
    assert sorted(path.name for path in (folder / "earlier" / "pseudo_labels").iterdir()) == ["round_00", "round_01"]
    rounds("new", num_rounds=1, resume="never")
    assert log_of(tmp_path / "new")["choice"] == before["choice"]


def test_all_masks_that_were_used_are_counted(rounds, segment, phantom, tmp_path):
    validation = len(json.loads((phantom / "datalist.json").read_text())["validation"])
    rounds(num_rounds=0)
    log = log_of(tmp_path / "seg")
    labeled = log["arms"]["pseudo_label"][0]["training_samples"]["labeled"]
    assert 0 < labeled <= 12  # whole groups
    assert (log["num_labeled"], log["num_validation"]) == (labeled, validation)
    segment(["train"], name="plain", num_labeled=12)
    record = json.loads((tmp_path / "plain" / "state" / "train" / "training.json").read_text())
    assert record["masks"] == {"training": labeled, "validation": validation}


def test_warm_start_continues_and_cold_start_does_not(rounds, tmp_path):
    frozen = {"learning_rate": 1.0e-12, "lr_scheduler#eta_min": 0.0, "num_rounds": 1}
    rounds("warm", start="warm", **frozen)
    rounds("cold", start="cold", **frozen)
    for name in ("warm", "cold"):
        models = [weights(tmp_path / name / r["model"]) for r in log_of(tmp_path / name)["arms"]["pseudo_label"]]
        kernel = next(key for key in models[0] if key.endswith("conv.weight") or key.endswith("weight"))
        assert torch.allclose(models[0][kernel], models[1][kernel], atol=1e-6)
    rounds("warm_trained", start="warm", num_rounds=1, steps=2)
    rounds("cold_trained", start="cold", num_rounds=1, steps=2)
    assert not equal(
        tmp_path / "warm_trained" / "models" / "pseudo_label_round_01.pt",
        tmp_path / "cold_trained" / "models" / "pseudo_label_round_01.pt",
    )


def test_confidence_floor_marks_pixels_that_the_loss_ignores(rounds, tmp_path):
    rounds(num_rounds=1, confidence_floor=0.55)
    masks = sorted((tmp_path / "seg" / "pseudo_labels" / "round_00").glob("*.png"))
    values = set(np.unique(np.stack([np.asarray(Image.open(path)) for path in masks])).tolist())
    assert values <= {0, 1, 255}
    assert 255 in values


def test_patience_stops_early(rounds, tmp_path):
    rounds(learning_rate=1.0e-12, num_rounds=4, convergence_patience=1, **{"lr_scheduler#eta_min": 0.0})
    assert len(log_of(tmp_path / "seg")["arms"]["pseudo_label"]) == 2


def test_an_empty_pool_and_other_settings_are_refused(rounds, tmp_path):
    with pytest.raises(RuntimeError) as error:
        rounds(pool="synthetic")
    assert "empty pool" in str(error.value.__cause__)
    rounds(num_rounds=0)
    with pytest.raises(RuntimeError) as error:
        rounds(num_rounds=0, steps=8)
    assert "steps = 8, found 6" in str(error.value.__cause__)


def test_evaluation_before_the_choice_or_of_a_changed_model_is_refused(rounds, segment, tmp_path):
    rounds(num_rounds=0)
    model = tmp_path / "seg" / "models" / "baseline.pt"
    model.write_bytes(model.read_bytes() + b" ")
    with pytest.raises(RuntimeError, match=r"Failed to evaluate") as error:
        segment(["train", "evaluate"], num_labeled=12)
    assert "must not change between choice and test" in str(error.value.__cause__)


def test_masks_for_a_folder_at_original_size_and_orientation(segment, run_bundle, tmp_path):
    segment(["train"])
    images = tmp_path / "images"
    images.mkdir()
    picture = np.zeros((40, 72, 3), np.uint8)
    picture[5:15, 50:70] = 255
    Image.fromarray(picture).save(images / "wide.png")
    Image.fromarray(picture[:, :30]).save(images / "tall.jpg")
    run_bundle(
        "segmentation",
        ["inference"],
        dataset_dir=str(images),
        output_dir=str(tmp_path / "masks"),
        ckpt_dir=str(tmp_path / "seg"),
        image_size=32,
        network_def={"_target_": "tests.bundles.bright_network.BrightNetwork"},
        initialize=[],
    )
    wide, tall = (np.asarray(Image.open(tmp_path / "masks" / f"{name}.png")) for name in ("wide", "tall"))
    assert wide.shape == (40, 72)
    assert tall.shape == (40, 30)
    assert set(np.unique(wide).tolist()) == {0, 255}
    truth = picture[..., 0] > 127
    assert ((wide > 0) == truth).mean() > 0.97
    assert (wide > 0)[8, 60]
    assert not (wide > 0)[30, 10]


def test_a_segmenter_of_data_prepared_anew_does_not_go_on(segment, rounds, phantom, tmp_path):
    """Its training images may be test images of the new splits; a finished run is refused like a stopped one."""
    content = json.loads((phantom / "datalist.json").read_text())
    content["training"], content["test"] = content["test"], content["training"]
    anew = tmp_path / "anew"
    shutil.copytree(phantom, anew)
    (anew / "datalist.json").write_text(json.dumps(content))
    segment(["train"])
    with pytest.raises(RuntimeError) as error:
        segment(["train"], dataset_dir=str(anew))
    assert "the data were prepared anew" in str(error.value.__cause__)
    segment(["train"], dataset_dir=str(anew), output_dir=str(tmp_path / "other"))  # the advice
    rounds(num_rounds=1, num_labeled=6)
    with pytest.raises(RuntimeError) as error:
        rounds(num_rounds=1, num_labeled=6, dataset_dir=str(anew))
    assert "or another output_dir, or move" in "".join(traceback.format_exception(error.value))
