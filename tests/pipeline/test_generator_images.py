"""``generator_images: labeled`` in an experiment: the images of its segmenters, or a reason why not."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ssgnet_monai.data import generator_items, split_labeled
from ssgnet_monai.pipeline.experiment import load_experiment
from ssgnet_monai.pipeline.settings import settings_of
from ssgnet_monai.pipeline.synthesis_stages import synthesis_stages
from ssgnet_monai.shipped import CONFIGS

DEMO = CONFIGS / "experiments" / "demo.yaml"
LABELED = "synthesis.config.generator_images=labeled"
DATALIST = {
    "num_channels": 1,
    "classes": ["round", "irregular"],
    "training": [
        {"image": f"{i}.png", "label": "m", "class": "round" if i % 3 else "irregular", "group": f"p{i // 4}"}
        for i in range(40)
    ],
}


def experiment(*overrides: str) -> dict[str, Any]:
    return load_experiment(DEMO, [LABELED, "synthesis.classes=all", *overrides])


@pytest.mark.parametrize(
    "row",
    [
        [],
        ["segmentation.unet.config.labeled_by=image", "segmentation.unet.num_labeled=13", "seeds=[5]"],
        ["segmentation.unet.num_labeled=null", "segmentation.unet.labeled_list={names}", "seeds=[1, 2]"],
        ["segmentation.unet.num_labeled=null", "controls=[]"],
    ],
)
def test_generators_and_segmenters_get_the_same_images(tmp_path: Path, row: list[str]) -> None:
    (tmp_path / "names.txt").write_text("p3\n17.png\n")
    whole = experiment(*[word.format(names=tmp_path / "names.txt") for word in row])
    given = {"seed": whole["seeds"][0]}
    unet = settings_of(whole, "segmentation", "unet", given).merged
    generator = settings_of(whole, "synthesis", None, given).merged
    keys = ("num_labeled", "labeled_list", "labeled_by", "seed")
    items = generator_items(DATALIST, "all", "labeled", **{key: generator[key] for key in keys})
    assert items == split_labeled(DATALIST["training"], **{key: unet[key] for key in keys})[0]
    assert len(synthesis_stages(whole, DATALIST, tmp_path, cores=2)) == 2


def test_nothing_is_added_where_generators_learn_from_all_images() -> None:
    assert "num_labeled" not in load_experiment(DEMO)["synthesis"]["config"]


def test_rows_of_other_images_are_refused_unless_one_says_which() -> None:
    other = "segmentation.unet={num_labeled: 8, config: {labeled_by: image}}"
    two = "segmentation={a: {num_labeled: 8}, b: {labeled_list: [p1]}}"
    assert experiment(other)["synthesis"]["config"]["labeled_by"] == "image"
    with pytest.raises(ValueError, match=r"got a with .*'num_labeled': 8.* and b with .*\['p1'\].* Say in synthesis"):
        experiment(two)
    assert experiment(two, "synthesis.config.num_labeled=9")["synthesis"]["config"]["num_labeled"] == 9
    assert "labeled_by" not in experiment(two, "synthesis.config.num_labeled=9")["synthesis"]["config"]
    with pytest.raises(ValueError, match="got a with all and b with"):
        experiment("segmentation={a: {}, b: {num_labeled: 8}}")
    with pytest.raises(ValueError, match="generators of seed 0, with which unet draws .* got seed 4"):
        experiment("synthesis.config.seed=4")


def test_seeds_that_draw_other_images_each_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"one seed with generator_images: labeled and num_labeled .*\[0, 1\]"):
        synthesis_stages(experiment("seeds=[0, 1]"), DATALIST, tmp_path, cores=2)
