"""The words of `ssgnet data` that an experiment comes to."""

import json

import pytest

from ssgnet_monai import cli
from ssgnet_monai.data import datasets
from ssgnet_monai.pipeline.experiment import load_experiment
from ssgnet_monai.pipeline.prepare_command import prepare_command
from ssgnet_monai.shipped import CONFIGS

FOLDER = CONFIGS / "experiments" / "folder.yaml"
CLASSIFICATION = CONFIGS / "experiments" / "classification.yaml"


def test_folder_data_needs_its_folders(tmp_path):
    with pytest.raises(ValueError, match="dataset_dir=FOLDER"):
        prepare_command(load_experiment(FOLDER))
    with pytest.raises(ValueError, match="folder of images at .*images, found none"):
        prepare_command(load_experiment(FOLDER, [f"dataset_dir={tmp_path}"]))
    (tmp_path / "images").mkdir()
    with pytest.raises(ValueError, match="folder of masks at .*masks, found none"):
        prepare_command(load_experiment(FOLDER, [f"dataset_dir={tmp_path}"]))
    (tmp_path / "masks").mkdir()
    overrides = [f"dataset_dir={tmp_path}", "prepare.unlabeled_ok=true"]
    words = prepare_command(load_experiment(FOLDER, overrides))
    assert "prepare" in words
    assert words[words.index("--unlabeled-ok") + 1].startswith("--")  # a flag takes no value
    assert "--unlabeled-ok" not in prepare_command(load_experiment(FOLDER, overrides[:1]))


def test_a_classifier_needs_no_masks(tmp_path):
    (tmp_path / "benign").mkdir()
    experiment = load_experiment(CLASSIFICATION, [f"dataset_dir={tmp_path}"])
    words = prepare_command(experiment)
    assert words[words.index("--images") + 1] == str(tmp_path.resolve())
    assert words[words.index("--classes") + 1] == "folders"
    assert "--masks" not in words
    experiment["prepare"]["masks"] = "masks"
    assert "--masks" not in prepare_command(experiment)
    (tmp_path / "masks").mkdir()
    assert "--masks" in prepare_command(experiment)


def test_a_public_dataset_gets_its_name_its_source_and_its_options(tmp_path, monkeypatch):
    told = []
    experiment = load_experiment(CONFIGS / "experiments" / "classification_chest_xray.yaml", ["prepare.seed=3"])
    with pytest.raises(ValueError, match="dataset_dir=FOLDER"):
        prepare_command(experiment)
    monkeypatch.setattr(datasets, "prepare_dataset", lambda *words: told.append(words))
    assert cli.main(prepare_command({**experiment, "dataset_dir": str(tmp_path)})[4:]) == 0
    assert told == [("chest_xray", str(tmp_path), "data", {"classes": "pneumonia", "seed": 3, "size": 64})]


@pytest.mark.parametrize("name", ["2024-11-28", "007", "yes", "Study #3", "A: B", "1_000", "1e5", "null", "~", "{x}"])
def test_folders_are_called_as_studies_are(tmp_path, monkeypatch, name):
    monkeypatch.chdir(tmp_path)
    for kind in ("images", "masks", name):
        (tmp_path / name / kind).mkdir(parents=True, exist_ok=True)
    experiment = load_experiment(FOLDER, [f"dataset_dir={name}", f"output_dir={name}", f"name={name}"])
    assert (experiment["output_dir"], experiment["name"]) == (name, name)
    words = prepare_command(experiment)
    assert words[words.index("--images") + 1] == str(tmp_path / name / "images")
    words = prepare_command(load_experiment(FOLDER, [f"dataset_dir={name}", f"prepare.images={name}"]))
    assert words[words.index("--images") + 1] == str(tmp_path / name / name)
    file = tmp_path / "mine.yaml"
    plain = name if name not in ("Study #3", "A: B", "null", "~", "{x}") else f"'{name}'"
    file.write_text(f"dataset_dir: {plain}\nprepare: {{images: {plain}}}\nsegmentation: {{{plain}: {{}}}}\n")
    if name not in ("A: B", "Study #3", "~", "{x}"):
        assert list(load_experiment(file)["segmentation"]) == [name, f"{name}-equal_total_steps"]
    file.write_text(f"dataset_dir: {plain}\n")
    assert load_experiment(file)["dataset_dir"] == name


def test_a_column_of_a_table_is_named_from_here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "d").mkdir()
    (tmp_path / "A: c.csv").write_text("filename,age,target\n")
    for column in ("", ":target"):
        options = [f"prepare.classes=A: c.csv{column}", f"prepare.groups=A: c.csv{column}"]
        words = prepare_command(load_experiment(CLASSIFICATION, ["dataset_dir=d", *options]))
        for flag in ("--classes", "--groups"):
            assert words[words.index(flag) + 1] == f"{tmp_path / 'A: c.csv'}{column}"
    words = prepare_command(load_experiment(CLASSIFICATION, ["dataset_dir=d", r"prepare.groups=^(\d+):"]))
    assert words[words.index("--groups") + 1] == r"^(\d+):"


def test_lists_of_a_public_dataset_are_named_from_here_and_stay_text(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "007").mkdir()
    for given, word in (
        ("007", f"lists={tmp_path / '007'}"),
        ("{train: 007, test: yes}", f'lists={{"train": "{tmp_path / "007"}", "test": "yes"}}'),
    ):
        words = prepare_command(
            load_experiment(FOLDER, ["dataset=brats2019", "dataset_dir=.", f"prepare.lists={given}"])
        )
        assert word in words
        told = []
        monkeypatch.setattr(datasets, "prepare_dataset", lambda *words, told=told: told.append(words))
        assert cli.main(words[4:]) == 0
        text = word.partition("=")[2]
        assert told[0][3]["lists"] == (json.loads(text) if text.startswith("{") else text)


def test_labels_and_unlabelled_folders_stay_text(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "d" / "images").mkdir(parents=True)
    (tmp_path / "d" / "masks").mkdir()
    (tmp_path / "007").mkdir()
    options = ["dataset_dir=d", "prepare.unlabeled=[007, 2024]", "prepare.labels={0: background, 010: yes}"]
    words = prepare_command(load_experiment(FOLDER, options))
    place = words.index("--unlabeled")
    assert words[place + 1 : place + 3] == [str(tmp_path / "007"), "2024"]
    assert json.loads(words[words.index("--labels") + 1]) == {"0": "background", "010": "yes"}


def test_the_unlabelled_folder_beside_the_images_is_named(tmp_path):
    for name in ("images", "masks", "unlabeled"):
        (tmp_path / name).mkdir()
    words = prepare_command(load_experiment(FOLDER, [f"dataset_dir={tmp_path}"]))
    assert words[words.index("--unlabeled") + 1] == str(tmp_path / "unlabeled")
    words = prepare_command(load_experiment(FOLDER, [f"dataset_dir={tmp_path}", "prepare.unlabeled=[]"]))
    assert words[words.index("--unlabeled") + 1].startswith("--")
