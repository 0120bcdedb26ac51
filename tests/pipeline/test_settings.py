"""One resolver of settings: which layer wins, what is hashed, what is refused, and what a person is told."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from ssgnet_monai import cli
from ssgnet_monai.pipeline.config_files import networks_of, read_config
from ssgnet_monai.pipeline.experiment import load_experiment
from ssgnet_monai.pipeline.explain import explain_setting
from ssgnet_monai.pipeline.settings import ABSENT, Layer, merge_layers, settings_of, value_of
from ssgnet_monai.shipped import CONFIGS

DEMO = CONFIGS / "experiments" / "demo.yaml"


def written(folder: Path, name: str, content: dict[str, Any]) -> str:
    (folder / name).write_text(yaml.safe_dump(content, sort_keys=False), encoding="utf-8")
    return str(folder / name)


@pytest.fixture
def layered(tmp_path: Path) -> dict[str, Any]:
    """A row in which every layer says something else."""
    network = {"_target_": "UNet", "spatial_dims": 2, "channels": [1, 2], "learning": "@rate"}
    content = {
        "dataset": written(tmp_path, "d.yaml", {"num_channels": 1, "mirror": False}),
        "budget": 0.5,
        "segmentation": {
            "mine": {
                "network": written(tmp_path, "n.yaml", {"rate": 3, "network_def": network, "batch_size": 4}),
                "profile": written(tmp_path, "p.yaml", {"network_def#channels": [3, 4], "batch_size": 5, "steps": 70}),
                "config": {"batch_size": 6, "+network_def": {"act": "PRELU"}},
            }
        },
    }
    return load_experiment(written(tmp_path, "e.yaml", content), trust_code=True)


def test_a_later_layer_wins_id_by_id(layered: dict[str, Any]) -> None:
    settings = settings_of(layered, "segmentation", "mine", {"seed": 9})
    merged = settings.merged
    assert {key: merged[key] for key in ("batch_size", "steps", "seed", "mirror", "num_channels", "num_rounds")} == {
        "batch_size": 6, "steps": 35, "seed": 9, "mirror": False, "num_channels": 1, "num_rounds": 2
    }  # fmt: skip
    assert merged["network_def"]["channels"] == [3, 4]
    assert merged["network_def"]["act"] == "PRELU"
    assert settings.given["network_def"] == merged["network_def"]  # whole, so that no order is needed
    assert "network_def#channels" not in settings.given
    assert settings.own() == {
        "image_size": 256, "seed": 9, "batch_size": 6, "+network_def": {"act": "PRELU"}, "steps": 35
    }  # fmt: skip


def test_every_layer_is_told_with_what_would_hold_without_those_above(layered: dict[str, Any]) -> None:
    settings = settings_of(layered, "segmentation", "mine")
    names = [name.replace(layered["dataset"][: -len("d.yaml")], "") for name, _ in settings.explain("batch_size")]
    assert names == [
        "train.yaml of ssgnet_segmentation",
        "network n.yaml",
        "profile p.yaml",
        "segmentation.mine.config",
    ]
    assert [value for _, value in settings.explain("batch_size")] == [32, 4, 5, 6]
    assert [value for _, value in settings.explain("network_def#channels")] == [[1, 2], [3, 4], [3, 4]]
    assert [value for _, value in settings.explain("network_def#input_channels")] == ["@num_channels", ABSENT, ABSENT]
    assert [value for _, value in settings.explain("steps")] == [10000, 70, 35]
    assert settings.explain("network_def#nothing") == []


def test_the_hash_is_that_of_what_is_run(layered: dict[str, Any], tmp_path: Path) -> None:
    before = settings_of(layered, "segmentation", "mine").sha256
    profile = tmp_path / "p.yaml"
    profile.write_text("# a remark\n" + profile.read_text())
    assert settings_of(layered, "segmentation", "mine").sha256 == before
    layered["segmentation"]["mine"]["config"]["batch_size"] = 5  # as the profile says
    other = settings_of(layered, "segmentation", "mine").sha256
    assert other != before
    del layered["segmentation"]["mine"]["config"]["batch_size"]
    assert settings_of(layered, "segmentation", "mine").sha256 == other  # said by another layer, the same run
    layered["segmentation"]["mine"]["method"] = "supervised"
    assert settings_of(layered, "segmentation", "mine").sha256 != other


@pytest.mark.parametrize(
    ("key", "group"),
    [("recipes#ours#label_views", "segmentation"), ("rounds_plan#min_delta", "segmentation"),
     ("train#trainer#r1_gamma", "synthesis")],
)  # fmt: skip
def test_an_id_inside_what_only_the_training_reads_is_there_for_every_command(key, group):
    where = "synthesis" if group == "synthesis" else "segmentation.unet"
    experiment = load_experiment(DEMO, [f"{where}.config.{key}=3"])
    settings = settings_of(experiment, group, None if group == "synthesis" else "unet")
    commands = [settings.evaluated] + [settings.inferred] * (group == "synthesis")
    for configs in commands:
        assert value_of(replace(settings, configs=configs).merged, key) == 3


@pytest.mark.parametrize("key", ["network_def#encoder#depth", "train#handlers#40", "nothing#a"])
def test_an_id_inside_what_is_not_there_is_named(key: str) -> None:
    below = Layer("bundle", "train.yaml", {"network_def": {"a": 1}, "train": {"handlers": []}})
    with pytest.raises(ValueError, match=f"the id '{key}' of the row to lie inside"):
        merge_layers([below, Layer("row", "the row", {key: 1})])


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("network=unett", r"networks \[.*'unet'.*\] or the path .*got 'unett'\. Did you mean 'unet'"),
        (
            "method=round",
            r"\[.*'rounds', .*'supervised'\] in segmentation\.unet\.method, got 'round'\. Did you mean 'rounds'",
        ),
        ("profile=unet_cpu", "It is network: unet with profile: segmentation_cpu now: give the row these two"),
        ("methd=rounds", "in segmentation.unet, got 'methd'. Did you mean 'method'"),
        (
            "method=supervised",
            r"own training in segmentation.unet.config, got 'num_rounds', .* method 'rounds'.*method: rounds",
        ),
    ],
)
def test_a_wrong_row_is_told(override: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        load_experiment(DEMO, [f"segmentation.unet.{override}"])


def test_a_wrong_id_is_told_before_anything_runs() -> None:
    with pytest.raises(ValueError, match=r"the id 'network_def#x#y' of segmentation\.unet\.config to lie inside"):
        load_experiment(DEMO, ["segmentation.unet.config.network_def#x#y=1"], trust_code=True)


def test_a_misspelt_id_of_a_dataset_or_network_file_is_named(tmp_path: Path) -> None:
    dataset = written(tmp_path, "d.yaml", {"dataset_name": "d", "miror": False})
    with pytest.raises(ValueError, match=r"d\.yaml, got 'miror'. Did you mean 'mirror'"):
        load_experiment(DEMO, [f"dataset={dataset}", "prepare={}"])
    network = written(tmp_path, "n.yaml", {"learning_rat": 0.1})
    with pytest.raises(ValueError, match=r"n\.yaml, got 'learning_rat'. Did you mean 'learning_rate'"):
        load_experiment(DEMO, [f"segmentation.unet.network={network}"])


def test_explain_names_the_rows_and_marks_what_counts(capsys: pytest.CaptureFixture) -> None:
    assert cli.main(["run", str(DEMO), "--explain", "steps", "budget=0.1"]) == 0
    assert capsys.readouterr().out.splitlines() == [
        "segmentation.unet: steps = 80",
        "  80     budget 0.1 (command line)  <- this one counts",
        "  800    segmentation.unet.config",
        "  1500   profile segmentation_cpu",
        "  10000  train.yaml of ssgnet_segmentation",
        "",
        "segmentation.unet-equal_total_steps: steps = 240",
        "  240    budget 0.1 (command line)  <- this one counts",
        "  2400   segmentation.unet-equal_total_steps.config",
        "  1500   profile segmentation_cpu",
        "  10000  train.yaml of ssgnet_segmentation",
        "",
        "segmentation.unet-oracle: steps = 240",
        "  240    budget 0.1 (command line)  <- this one counts",
        "  2400   segmentation.unet-oracle.config",
        "  1500   profile segmentation_cpu",
        "  10000  train.yaml of ssgnet_segmentation",
    ]
    demo = load_experiment(DEMO)
    assert explain_setting(demo, "synthesis.kimg").startswith("synthesis: kimg = 15\n")
    assert "\n\nsegmentation.unet: image_size = 32\n" in explain_setting(demo, "image_size")
    one = explain_setting(demo, "segmentation.unet.network_def#channels")
    assert one == "segmentation.unet: network_def#channels = [16, 32, 64, 128]\n  [16, 32, 64, 128]  network unet"
    assert cli.main(["run", str(DEMO), "--explain", "stepz"]) == 2
    assert "Did you mean 'steps'" in capsys.readouterr().err


def test_whole_volumes_are_trained_with_the_bundles_volumes(tmp_path: Path) -> None:
    content = {
        "dataset": "phantom",
        "prepare": {"volumes": 6},
        "segmentation": {"a": {"config": {"patch_size": [8] * 3}}},
    }
    volumes = load_experiment(written(tmp_path, "e.yaml", content))
    settings = settings_of(volumes, "segmentation", "a")
    assert settings.configs == ("train", "volumes", "rounds")
    assert (settings.merged["spatial_dims"], settings.merged["patch_size"]) == (3, [8, 8, 8])
    content["prepare"] |= {"form": "slices"}
    with pytest.raises(
        ValueError, match="got 'patch_size', which is one of whole volumes. Give .*prepare.form: volumes"
    ):
        load_experiment(written(tmp_path, "e.yaml", content))
    la = load_experiment(DEMO, ["dataset=la2018", "prepare={form: volumes}", "dataset_dir=x", "synthesis=null"])
    assert settings_of(la, "segmentation", "unet").configs[1] == "volumes"


def test_a_list_of_labelled_cases_is_read_once_and_hashed(tmp_path: Path) -> None:
    names = tmp_path / "first_7.txt"
    names.write_text("007\npatient_1\n")
    row = ["segmentation.unet.num_labeled=null", f"segmentation.unet.labeled_list={names}"]
    one = settings_of(load_experiment(DEMO, row), "segmentation", "unet")
    assert one.merged["labeled_list"] == ["007", "patient_1"]  # the file's place is nobody's business
    names.write_text("007\n")
    assert settings_of(load_experiment(DEMO, row), "segmentation", "unet").sha256 != one.sha256
    with pytest.raises(ValueError, match="num_labeled or labeled_list in segmentation.unet, got both"):
        load_experiment(DEMO, row[1:])


@pytest.mark.parametrize(
    ("form", "network", "message"),
    [
        ("volumes", "vmunet", "of 3 dimensions, as the data are whole volumes, got network vmunet, of 2. Take one of"),
        ("volumes", "smp_unet", "attention_unet.* dynunet.* unet, vnet, or prepare.form: slices"),
        ("slices", "vnet", "of 2 dimensions, as the data are pictures or slices, got network vnet, of 3"),
    ],
)
def test_a_network_of_other_dimensions_than_the_data_is_refused(
    form: str, network: str, message: str, tmp_path: Path
) -> None:
    content = {"dataset": "phantom", "prepare": {"volumes": 6, "form": form}, "segmentation": {"a": {}}}
    with pytest.raises(ValueError, match=message):
        load_experiment(written(tmp_path, "e.yaml", content), [f"segmentation.a.network={network}"])


@pytest.mark.parametrize("network", networks_of(3))
def test_the_profile_of_volumes_fits_every_network(network: str, tmp_path: Path) -> None:
    row = {"network": network, "profile": "volumes_cpu"}
    content = {"dataset": "phantom", "prepare": {"volumes": 6}, "segmentation": {"a": row}}
    settings = settings_of(load_experiment(written(tmp_path, "e.yaml", content)), "segmentation", "a")
    assert settings.merged["patch_size"] == [64, 64, 32]
    assert settings.merged["network_def"] == read_config("network", network)["network_def"]


def test_explain_tells_the_command_line_from_the_file(capsys: pytest.CaptureFixture) -> None:
    def told(key: str, *words: str) -> list[str]:
        assert cli.main(["run", str(DEMO), "--explain", f"segmentation.unet.{key}", *words]) == 0
        return capsys.readouterr().out.splitlines()

    assert told("steps", "segmentation.unet.config.steps=7") == [
        "segmentation.unet: steps = 7",
        "  7      command line  <- this one counts",
        "  800    segmentation.unet.config",
        "  1500   profile segmentation_cpu",
        "  10000  train.yaml of ssgnet_segmentation",
    ]
    assert (
        told("steps", "segmentation.unet.config.steps=800")[1]
        == "  800    segmentation.unet.config  <- this one counts"
    )
    assert told("image_size", "image_size=48")[1:3] == [
        "  48   command line  <- this one counts",
        "  32   the experiment",
    ]
    assert told("num_labeled", "segmentation.unet.num_labeled=9")[1] == "  9     command line  <- this one counts"
    assert told("steps", "budget=0.1", "segmentation.unet.config.epoch_length=3")[1:3] == [
        "  80     budget 0.1 (command line)  <- this one counts",
        "  800    segmentation.unet.config",
    ]
    assert told("network_def#_target_", "segmentation.unet.network=vmunet")[1:] == [
        "  ssgnet_monai.networks.VMUNet  network vmunet (command line)  <- this one counts",
        "  ssgnet_monai.networks.VMUNet  train.yaml of ssgnet_segmentation",
    ]
    assert cli.main(["run", str(DEMO), "--explain", "synthesis.kimg", "synthesis.config.kimg=2"]) == 0
    assert "  2     command line  <- this one counts" in capsys.readouterr().out


def test_generators_of_whole_volumes_are_refused_before_anything_runs() -> None:
    words = ["dataset_dir=x", "prepare.form=volumes"]
    folder = CONFIGS / "experiments" / "folder.yaml"
    with pytest.raises(ValueError, match=r"form: volumes, got synthesis too: .* Give synthesis=null, or prepare.form="):
        load_experiment(folder, words)
    assert load_experiment(folder, [*words, "synthesis=null", "segmentation.unet.profile=volumes_cpu"])
