"""One flipped bit in a model's file stops every command that would use the model."""

import json

import pytest

from ssgnet_monai.bundle_tools.trained_copy import copy_trained
from tests.bundles.conftest import TINY_CLASSIFIER, TINY_GAN, TINY_SEGMENTER

STAGES = {
    "synthesis": (TINY_GAN | {"kimg": 0.008}, [["inference"]]),
    "segmentation": (TINY_SEGMENTER | {"steps": 2}, [["train", "evaluate"], ["inference"]]),
    "classification": (TINY_CLASSIFIER | {"steps": 2}, [["train", "evaluate"], ["inference"]]),
}


def flip_a_bit(path):
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


@pytest.mark.parametrize("stage", STAGES)
def test_evaluation_and_inference_stop(stage, run_bundle, phantom, tmp_path):
    settings, readers = STAGES[stage]
    folders = dict.fromkeys(("output_dir", "ckpt_dir"), str(tmp_path / "run"))
    run_bundle(stage, ["train"], dataset_dir=str(phantom), **settings, **folders)
    flip_a_bit(tmp_path / "run" / "model.pt")
    for names in readers:
        images = phantom / "images" if names == ["inference"] and stage != "synthesis" else phantom
        with pytest.raises((RuntimeError, ValueError)) as error:
            run_bundle(stage, names, dataset_dir=str(images), **settings, **folders)
        assert "model.pt as it was written, got other bytes" in str(error.value.__cause__ or error.value)


def test_a_copy_to_serve_is_not_made(run_bundle, phantom, tmp_path):
    row = tmp_path / "run" / "segmentation" / "row" / "seed0"
    settings = TINY_SEGMENTER | {"steps": 2}
    run_bundle("segmentation", ["train"], dataset_dir=str(phantom), **settings, output_dir=str(row), ckpt_dir=str(row))
    (row / "trained_with.json").write_text(json.dumps({"configs": ["train"], "settings": settings}))
    (row / "config.yaml").write_text("dataset_dir: data\n")
    (tmp_path / "run" / "data").symlink_to(phantom)
    copy_trained("ssgnet_segmentation", row, tmp_path / "good_segmentation")
    flip_a_bit(row / "model.pt")
    with pytest.raises(ValueError, match="model.pt as it was written, got other bytes"):
        copy_trained("ssgnet_segmentation", row, tmp_path / "bad_segmentation")
    assert not (tmp_path / "bad_segmentation").exists()
