"""Feature extractors: which one is used and that it is said, and that trained features rank images sensibly."""

from __future__ import annotations

import logging

import numpy as np
import pytest
import torch

from ssgnet_monai.metrics.feature_extractor import FeatureExtractor, state_sha256, unit_rgb
from ssgnet_monai.metrics.feature_network import train_feature_network
from ssgnet_monai.metrics.features import load_or_train_features
from ssgnet_monai.metrics.frechet import kernel_distance
from ssgnet_monai.metrics.generator_scores import gaussian_blur, synthesis_scores
from ssgnet_monai.metrics.inception import resize_clean


def lesions(n: int, seed: int, size: int = 32) -> torch.Tensor:
    """Dark blots with a wavy border on textured skin: (n, 3, size, size) in [0, 1]."""
    g = torch.Generator().manual_seed(seed)

    def rand(*shape: int) -> torch.Tensor:
        return torch.rand(n, *shape, 1, 1, generator=g)

    y, x = torch.meshgrid(torch.linspace(-1, 1, size), torch.linspace(-1, 1, size), indexing="ij")
    dx, dy = x - (rand(1) - 0.5) * 0.6, y - (rand(1) - 0.5) * 0.6
    angle, radius = torch.atan2(dy, dx), (dx**2 + dy**2).sqrt()
    border = 0.35 + 0.25 * rand(1) + 0.06 * torch.sin(5 * angle + 6 * rand(1)) * rand(1)
    inside = torch.sigmoid((border - radius) * 20)
    texture = 0.04 * torch.randn(n, 1, size, size, generator=g) + 0.06 * torch.sin(12 * (x * rand(1) + y * rand(1)))
    skin = torch.tensor([0.85, 0.65, 0.55]).view(1, 3, 1, 1) + 0.1 * (rand(1) - 0.5)
    pigment = torch.tensor([0.4, 0.25, 0.2]).view(1, 3, 1, 1) + 0.15 * (rand(1) - 0.5)
    return (skin + (pigment - skin) * inside + texture).clamp(0, 1)


@pytest.fixture(scope="module")
def extractor(tmp_path_factory) -> FeatureExtractor:
    return load_or_train_features(lesions(200, 0), None, tmp_path_factory.mktemp("features"), features="learnt")


def test_trained_features_rank_noise_blur_and_garbage(extractor):
    a, b = lesions(150, 1), lesions(150, 2)
    noise = torch.randn(b.shape, generator=torch.Generator().manual_seed(3))
    sets = [b, (b + 0.05 * noise).clamp(0, 1), gaussian_blur(b, 4.0), (0.5 + 0.3 * noise).clamp(0, 1)]
    kids = [kernel_distance(extractor(a), extractor(images), seed=0).mean for images in sets]
    assert kids == sorted(kids)
    assert abs(kids[0]) < 0.2 * kids[2]


def test_features_of_real_images_have_unit_scale(extractor):
    features = extractor(lesions(100, 12))
    assert features.square().mean().item() == pytest.approx(1, abs=0.2)
    assert extractor(torch.rand(20, 3, 32, 32)).square().mean() < 100


def test_training_follows_its_seed_and_uses_classes():
    images = (lesions(40, 4) * 255).to(torch.uint8)
    classes = ["a", "b"] * 20
    first = train_feature_network(images, classes, seed=1, steps=3)
    again = train_feature_network(images, classes, seed=1, steps=3)
    assert state_sha256(first.state_dict()) == state_sha256(again.state_dict())
    assert state_sha256(first.state_dict()) != state_sha256(
        train_feature_network(images, classes, seed=2, steps=3).state_dict()
    )
    assert first.classes.out_features == 2
    assert train_feature_network(images, steps=1).classes is None
    with pytest.raises(ValueError, match="each of 40 images, got 3"):
        train_feature_network(images, ["a"] * 3)


def test_network_is_kept_and_reused_and_said(tmp_path, caplog, monkeypatch):
    images = lesions(24, 5)
    monkeypatch.setattr(
        "ssgnet_monai.metrics.features.train_feature_network",
        lambda *args, **kwargs: train_feature_network(*args, **kwargs, steps=2),
    )
    with caplog.at_level(logging.WARNING):
        first = load_or_train_features(images, None, tmp_path, features="learnt")
    assert first.sha256 in caplog.text
    assert "24 real training images" in first.name
    (path,) = tmp_path.glob("features_*.pt")
    written = path.stat().st_mtime_ns
    second = load_or_train_features(images, None, tmp_path, features="learnt")
    assert (second.sha256, path.stat().st_mtime_ns) == (first.sha256, written)
    torch.testing.assert_close(second(images), first(images))
    path.write_bytes(b"cut short")
    with caplog.at_level(logging.WARNING):
        assert load_or_train_features(images, None, tmp_path, features="learnt").sha256 == first.sha256
    assert "cannot be read" in caplog.text


def test_extractor_reads_grey_colour_bytes_and_floats(extractor):
    grey = lesions(3, 6)[:, :1]
    torch.testing.assert_close(extractor(grey), extractor(grey.repeat(1, 3, 1, 1)))
    as_bytes = (grey * 255).round().to(torch.uint8)
    torch.testing.assert_close(extractor(as_bytes), extractor(as_bytes.float() / 255))
    assert extractor(torch.rand(2, 3, 48, 40)).shape == extractor(torch.rand(2, 1, 32, 32)).shape
    with pytest.raises(ValueError, match="from -1 to 1"):
        unit_rgb(torch.tensor([-1.0, 1.0]).view(2, 1, 1, 1))
    with pytest.raises(ValueError, match=r"got \(3, 32, 32\)"):
        unit_rgb(torch.zeros(3, 32, 32))


def test_scores_have_the_form_the_report_reads(extractor):
    real, synthetic = lesions(40, 7), lesions(30, 8)
    scores = synthesis_scores(
        real, synthetic, extractor, seed=0, references={"untrained": torch.full((30, 3, 32, 32), 0.5)}, subsets=20
    )
    assert {key: scores[key] for key in ("n_real", "n_synthetic", "fid_biased")} == {
        "n_real": 40, "n_synthetic": 30, "fid_biased": True,
    }  # fmt: skip
    assert scores["features"] == {"name": extractor.name, "sha256": extractor.sha256}
    assert scores["kid"].keys() == {"mean", "sd", "subsets", "subset_size"}
    references = scores["references"]
    assert [references[name]["n"] for name in ("real_vs_real", "blurred_real", "untrained")] == [20, 40, 30]
    assert scores["kid"]["mean"] < references["blurred_real"]["kid"]["mean"] < references["untrained"]["kid"]["mean"]
    assert references["real_vs_real"]["kid"]["mean"] < references["blurred_real"]["kid"]["mean"]
    assert scores == synthesis_scores(
        real, synthetic, extractor, seed=0, references={"untrained": torch.full((30, 3, 32, 32), 0.5)}, subsets=20
    )
    with pytest.raises(ValueError, match="at least 4 real images to score against, got 3"):
        synthesis_scores(real[:3], synthetic, extractor, seed=0)


def test_blur_keeps_a_constant_and_has_the_named_width():
    impulse = torch.zeros(1, 1, 65, 65)
    impulse[..., 32, 32] = 1
    blurred = gaussian_blur(impulse, 4.0)
    variance = (blurred.sum(2).flatten() * (torch.arange(65) - 32) ** 2).sum()
    assert variance.item() == pytest.approx(16, rel=0.05)
    torch.testing.assert_close(gaussian_blur(torch.full((1, 3, 8, 8), 0.3)), torch.full((1, 3, 8, 8), 0.3))


def test_resizing_for_inception_equals_clean_fid():
    resize = pytest.importorskip("cleanfid.resize")
    image = (lesions(1, 9)[0] * 255).round().to(torch.uint8)
    try:
        expected = resize.build_resizer("clean")(image.permute(1, 2, 0).numpy())
    except TypeError as error:  # a later Pillow drops the argument that clean-fid passes
        pytest.skip(f"clean-fid does not run with this Pillow: {error}")
    actual = resize_clean(image[None].float() / 255)[0].permute(1, 2, 0).numpy()
    np.testing.assert_allclose(actual, expected, atol=0.02)


def test_a_single_generated_image_is_too_few_to_score(extractor):
    with pytest.raises(ValueError, match="at least 2 generated images to score, got 1: KID and FID are left out"):
        synthesis_scores(lesions(8, 7), lesions(1, 8), extractor, seed=0)
