"""Networks of MONAI and torchvision in the forms in which they answer, in training and afterwards."""

import pytest
import torch
from monai.networks.nets import BasicUNetPlusPlus, DynUNet, SegResNetDS
from torchvision.models.segmentation import lraspp_mobilenet_v3_large

from ssgnet_monai.engines import PaddedInferer
from ssgnet_monai.engines.network_output import full_size_output

IMAGES = torch.rand(2, 3, 40, 64)


def dynunet():
    return DynUNet(2, 3, 1, [3] * 4, [1, 2, 2, 2], [2] * 3, deep_supervision=True, deep_supr_num=2)


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize(
    ("build", "chosen"),
    [
        (lambda: lraspp_mobilenet_v3_large(num_classes=1, weights=None, weights_backbone=None), lambda out: out["out"]),
        (lambda: BasicUNetPlusPlus(2, 3, 1, features=(8, 8, 16, 16, 32, 8)), lambda out: out[-1]),
        (lambda: SegResNetDS(2, 8, 3, 1, dsdepth=2), lambda out: out[0] if isinstance(out, list) else out),
        (dynunet, lambda out: out[:, 0] if out.ndim == 5 else out),
    ],
)
def test_the_final_output_is_taken(build, chosen, training):
    torch.manual_seed(0)
    network = build().train(training)
    seen = []

    def call(images):
        seen.append((images, network(images)))
        return seen[-1][1]

    found = PaddedInferer()(IMAGES, call)
    assert found.shape == (2, 1, 40, 64)
    assert torch.equal(found, chosen(seen[0][1])[..., :40, :64])


@pytest.mark.parametrize(
    ("output", "message"),
    [
        (torch.zeros(2, 1, 20, 32), r"a tensor \(2, 1, 20, 32\)"),
        ([torch.zeros(2, 8, 20, 32), torch.zeros(2, 16, 10, 16)], "a list of a tensor"),
        ({"logits": torch.zeros(2, 1, 10, 16)}, "a dictionary of logits: a tensor"),
        ({"a": torch.zeros(2, 1, 40, 64), "b": torch.zeros(2, 1, 40, 64)}, "a dictionary of a: "),
        ((torch.zeros(2, 1, 40, 64), torch.zeros(2, 1, 40, 64)), "a tuple of a tensor"),
        (None, "a NoneType"),
    ],
)
def test_what_has_no_prediction_of_the_images_size_is_named(output, message):
    with pytest.raises(TypeError, match=message):
        full_size_output(output, IMAGES)


def test_a_class_head_beside_the_mask_is_passed_over():
    mask = torch.rand(2, 1, 40, 64)
    assert full_size_output((mask, torch.zeros(2, 5)), IMAGES) is mask
