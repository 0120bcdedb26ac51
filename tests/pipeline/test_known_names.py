import pytest

from ssgnet_monai.pipeline.experiment import SEGMENTATION_BUNDLE
from ssgnet_monai.pipeline.known_names import check_names, checked_settings, nearest, prepare_options


def test_the_first_unknown_name_is_told_with_the_nearest_known_one():
    check_names(["size"], {"seed", "size"}, "here")
    with pytest.raises(
        ValueError, match=r"^Expected keys \['seed', 'size'\] in here, got 'sizes'\. Did you mean 'size'"
    ):
        check_names(["size", "sizes"], {"size", "seed"}, "here")
    assert nearest("quite other", ["size", "seed"]) == ""


def test_ids_of_all_configurations_of_a_bundle_are_known_in_both_spellings():
    checked_settings(
        dict.fromkeys(["steps", "num_rounds", "examples", "train#trainer#amp", "train::x"]), SEGMENTATION_BUNDLE, "x"
    )
    with pytest.raises(ValueError, match="got 'trian'. Did you mean 'train'"):
        checked_settings({"trian#trainer#amp": 1}, SEGMENTATION_BUNDLE, "x")


def test_options_of_preparation_are_those_of_the_command_line():
    assert prepare_options("phantom") == ["form", "num_images", "seed", "volumes", "workers"]
    assert {"images", "masks", "groups", "mask_threshold", "max_megapixels"} <= set(prepare_options("folder"))
    assert "out" not in prepare_options("folder")


def test_numbers_that_yaml_takes_for_text_are_numbers_and_text_is_none():
    settings = {"learning_rate": "1e-4", "steps": "$@a + 1", "network_def#dims": "x"}
    assert checked_settings(settings, SEGMENTATION_BUNDLE, "x") == {**settings, "learning_rate": 1e-4}
    with pytest.raises(ValueError, match="number for batch_size in x, such as .*, got 'many'"):
        checked_settings({"batch_size": "many"}, SEGMENTATION_BUNDLE, "x")
