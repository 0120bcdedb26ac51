"""FID and KID of synthetic images, beside reference values that give the numbers a scale."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
import torch.nn.functional as functional
from torch import Tensor

from ssgnet_monai.data.few_images import FID_RELIABLE_FROM
from ssgnet_monai.metrics.feature_extractor import FeatureExtractor, unit_rgb
from ssgnet_monai.metrics.frechet import frechet_distance, kernel_distance

BLUR_SIGMA = 4.0
REAL_NEEDED, SYNTHETIC_NEEDED = 4, 2


def gaussian_blur(images: Tensor, sigma: float = BLUR_SIGMA) -> Tensor:
    """Blur images with a Gaussian, borders repeated.

    Args:
        images: (B, C, H, W) float.
        sigma: standard deviation in pixels.

    Returns:
        (B, C, H, W).
    """
    reach = int(3 * sigma + 0.5)
    positions = torch.arange(-reach, reach + 1, dtype=images.dtype, device=images.device)
    taps = torch.exp(-0.5 * (positions / sigma) ** 2)
    taps = taps / taps.sum()
    out = functional.pad(images.flatten(0, 1)[:, None], [reach] * 4, mode="replicate")
    out = functional.conv2d(functional.conv2d(out, taps.view(1, 1, -1, 1)), taps.view(1, 1, 1, -1))
    return out.view_as(images)


def too_few_to_score(n_real: int, n_synthetic: int) -> str | None:
    """Why so many images cannot be scored, or None: a distance needs two on each side, real-against-real two halves."""
    if n_real < REAL_NEEDED:
        return (
            f"Expected at least {REAL_NEEDED} real images to score against, got {n_real}: KID and FID are left out. "
            "Add images of the class, or train one generator for all classes."
        )
    if n_synthetic < SYNTHETIC_NEEDED:
        return (
            f"Expected at least {SYNTHETIC_NEEDED} generated images to score, got {n_synthetic}: KID and FID are left "
            "out. Generate more (num_images)."
        )
    return None


def synthesis_scores(
    real: Tensor,
    synthetic: Tensor,
    extractor: FeatureExtractor,
    *,
    seed: int,
    references: Mapping[str, Tensor] | None = None,
    subsets: int = 100,
) -> dict[str, Any]:
    """Score synthetic against real images, and say what the scores mean.

    Args:
        real: (N, 1 or 3, H, W) real images of the class, uint8 or float in [0, 1], at least 4.
        synthetic: (M, 1 or 3, H, W) generated images, at least 2.
        extractor: the features, see :func:`~ssgnet_monai.metrics.load_or_train_features`.
        seed: of the KID's subsets and of the halves of the real set.
        references: further image sets to score against the real ones, by name (e.g. ``untrained``).
        subsets: subsets of the KID.

    Returns:
        Plain numbers and strings for ``metrics.json``: ``n_real``, ``n_synthetic``, ``features`` (name, sha256),
        ``resizer``, ``fid``, ``fid_biased`` (fewer than 2048 images in a set), ``kid`` (mean, sd, subsets,
        subset_size) and ``references``: ``real_vs_real`` (two random halves), ``blurred_real`` (Gaussian, sigma 4
        pixels) and the given ones, each with ``fid``, ``kid`` and ``n``, its number of images (of a half).

    Raises:
        ValueError: on fewer than 4 real images, or as the extractor and the distances do.
    """
    if too_few := too_few_to_score(len(real), len(synthetic)):
        raise ValueError(too_few)
    real_features = extractor(real)
    order = torch.randperm(len(real), generator=torch.Generator().manual_seed(seed))
    half = len(real) // 2

    def score(first: Tensor, second: Tensor) -> dict[str, Any]:
        return {
            "fid": frechet_distance(first, second),
            "kid": kernel_distance(first, second, seed=seed, subsets=subsets).as_dict(),
            "n": len(second),
        }

    scores = score(real_features, extractor(synthetic))
    found = {
        "real_vs_real": score(real_features[order[:half]], real_features[order[half : 2 * half]]),
        "blurred_real": score(real_features, extractor(gaussian_blur(unit_rgb(real)))),
    }
    for name, images in (references or {}).items():
        found[name] = score(real_features, extractor(images))
    return {
        "n_real": len(real),
        "n_synthetic": len(synthetic),
        "features": {"name": extractor.name, "sha256": extractor.sha256},
        "resizer": extractor.resizer,
        "fid": scores["fid"],
        "fid_biased": min(len(real), len(synthetic)) < FID_RELIABLE_FROM,
        "kid": scores["kid"],
        "references": found,
    }
