import pytest

from ssgnet_monai.pipeline.experiment import SEGMENTATION_BUNDLE
from ssgnet_monai.pipeline.known_names import check_bundle_settings, check_names, nearest, prepare_options


def test_the_first_unknown_name_is_told_with_the_nearest_known_one():
    check_names(["size"], {"seed", "size"}, "here")
    with pytest.raises(
        ValueError, match=r"^Expected keys \['seed', 'size'\] in here, got 'sizes'\. Did you mean 'size'"
    ):
        check_names(["size", "sizes"], {"size", "seed"}, "here")
    assert nearest("quite other", ["size", "seed"]) == ""


def test_ids_of_all_configurations_of_a_bundle_are_known_in_both_spellings():
    check_bundle_settings(
        ["steps", "num_rounds", "examples", "train#trainer#amp", "train::x"], SEGMENTATION_BUNDLE, "x"
    )
    with pytest.raises(ValueError, match="got 'trian'. Did you mean 'train'"):
        check_bundle_settings(["trian#trainer#amp"], SEGMENTATION_BUNDLE, "x")


def test_options_of_preparation_are_those_of_the_command_line():
    assert prepare_options("phantom") == ["num_images", "seed", "workers"]
    assert {"images", "masks", "groups", "mask_threshold", "max_megapixels"} <= set(prepare_options("folder"))
    assert "out" not in prepare_options("folder")
