"""A served bundle of version 0.1.0 is refused by the label server's checks, moved, and works with its weights."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml
from monai.networks.nets import UNet

from ssgnet_monai import cli
from ssgnet_monai.bundle_tools import earlier_bundle
from ssgnet_monai.bundle_tools.earlier_bundle import move_bundle
from ssgnet_monai.bundle_tools.earlier_configs import id_hash, shipped_ids
from ssgnet_monai.bundle_tools.verify import verify_bundle
from ssgnet_monai.label_app.served_bundle import check_bundle

UNET = {"_target_": "UNet", "spatial_dims": 2, "in_channels": 3, "out_channels": 1, "channels": [4, 8], "strides": [2]}
SAMPLE = Path(__file__).with_name("bundle_0_1_0")


@pytest.fixture
def earlier(tmp_path: Path) -> Path:
    """A trained copy as version 0.1.0 made it."""
    bundle = tmp_path / "polyp segmentation"
    shutil.copytree(SAMPLE, bundle / "configs")
    change(bundle, train={"network_def": UNET, "steps": 7, "image_size": 64, "intensity_window": [10, 4000]})
    change(bundle, inference={"network_def": UNET, "image_size": 64, "intensity_window": [10, 4000]})
    metadata = json.loads((bundle / "configs" / "metadata.json").read_text())
    metadata["network_data_format"]["outputs"]["pred"]["channel_def"] = {"0": "background", "1": "polyp"}
    (bundle / "configs" / "metadata.json").write_text(json.dumps(metadata))
    (bundle / "models").mkdir()
    torch.manual_seed(0)
    torch.save(UNet(2, 3, 1, [4, 8], [2]).state_dict(), bundle / "models" / "model.pt")
    return bundle


def change(bundle: Path, **settings: dict[str, Any]) -> None:
    for name, values in settings.items():
        path = bundle / "configs" / f"{name}.yaml"
        path.write_text(yaml.safe_dump({**yaml.safe_load(path.read_text()), **values}, sort_keys=False))


def test_the_shipped_configs_are_known_by_their_hashes() -> None:
    for name in ("train", "inference"):
        content = yaml.safe_load((SAMPLE / f"{name}.yaml").read_text())
        assert {id_: id_hash(value) for id_, value in content.items()} == shipped_ids("segmentation", name)


def test_an_earlier_bundle_is_refused_and_moved_by_the_advice(earlier: Path) -> None:
    with pytest.raises(ValueError, match=r"one of version 0\.1\.0\. Bring it over with `ssgnet move '.*polyp seg"):
        check_bundle(earlier)
    weights = (earlier / "models" / "model.pt").read_bytes()
    assert cli.main(["move", str(earlier)]) == 0
    assert check_bundle(earlier) == earlier.name  # its weights fit its network
    assert (earlier / "models" / "model.pt").read_bytes() == weights
    assert (earlier.with_name("polyp segmentation_before_move") / "configs").is_dir()
    train, inference = (yaml.safe_load((earlier / "configs" / f"{n}.yaml").read_text()) for n in ("train", "inference"))
    for content in (train, inference):
        assert (content["image_size"], content["intensity_window"]) == (64, [10, 4000])
        assert content["network_def"] == UNET
        assert content["num_classes"] == 2
    assert (train["steps"], train["label_names"]) == (7, ["background", "polyp"])
    assert [finding for finding in verify_bundle(earlier) if finding.refusal] == []
    assert cli.main(["move", str(earlier)]) == 2  # it needs none


def test_changes_by_hand_are_named_and_nothing_is_touched(earlier: Path) -> None:
    change(earlier, train={"loss": {"_target_": "monai.losses.DiceLoss"}})
    with pytest.raises(
        ValueError, match=r"changed settings alone in .*train\.yaml, got other loss than .* bundle copy"
    ):
        move_bundle(earlier)
    assert sorted(path.name for path in earlier.parent.iterdir()) == [earlier.name]


def test_a_move_killed_between_its_renames_is_taken_up(earlier: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    renames = iter([os.replace])

    def one_rename(source: Path, target: Path) -> None:
        if Path(target).parent != earlier.parent:  # the writes before
            os.rename(source, target)
        else:
            next(renames)
            os.rename(source, target)

    with monkeypatch.context() as patch:
        patch.setattr(earlier_bundle.os, "replace", one_rename)
        with pytest.raises((StopIteration, RuntimeError)):
            move_bundle(earlier)
    assert not earlier.exists()
    move_bundle(earlier)
    assert check_bundle(earlier) == earlier.name
