import pytest

from ssgnet_monai.data.names import nearest
from ssgnet_monai.pipeline.known_names import check_names, prepare_options


def test_the_first_unknown_name_is_told_with_the_nearest_known_one():
    check_names(["size"], {"seed", "size"}, "here")
    with pytest.raises(
        ValueError, match=r"^Expected keys \['seed', 'size'\] in here, got 'sizes'\. Did you mean 'size'"
    ):
        check_names(["size", "sizes"], {"size", "seed"}, "here")
    assert nearest("quite other", ["size", "seed"]) == ""


def test_options_of_preparation_are_those_of_the_command_line():
    assert prepare_options("phantom") == ["form", "num_classes", "num_images", "seed", "split", "volumes", "workers"]
    assert {"images", "masks", "groups", "mask_threshold", "max_megapixels"} <= set(prepare_options("folder"))
    assert "out" not in prepare_options("folder")
