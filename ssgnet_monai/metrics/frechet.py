"""Distances between two sets of image features: Fréchet distance (FID) and kernel distance (KID)."""

from __future__ import annotations

from dataclasses import asdict, dataclass

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray


def frechet_distance(first: ArrayLike, second: ArrayLike) -> float:
    """Fréchet distance between Gaussians fitted to two sets of features; with Inception features, the FID.

    ``|mu_1 - mu_2|^2 + Tr(S_1 + S_2 - 2 (S_1 S_2)^(1/2))`` with sample covariances (N - 1). The trace of the root is
    the sum of the singular values of ``R_1 R_2^T`` with ``S_i = R_i^T R_i``: no matrix root is taken, singular
    covariances (fewer images than features) need no regularisation, and cost follows the smaller of N and D.

    Args:
        first: (N_1, D) features.
        second: (N_2, D) features.

    Returns:
        Distance, >= 0 up to rounding. Biased upwards for fewer than ``FID_RELIABLE_FROM`` images.

    Raises:
        ValueError: on sets that do not fit together or have fewer than two images, or on features not finite.

    Source: Heusel et al. 2017, equation 6; conventions of Parmar et al. 2022 (clean-fid).
    """
    a, b = _feature_sets(first, second)
    means, roots, traces = [], [], []
    for features in (a, b):
        mean = features.mean(0)
        root = (features - mean) / np.sqrt(len(features) - 1)
        traces.append(np.square(root).sum())
        means.append(mean)
        roots.append(np.asarray(np.linalg.qr(root, mode="r")) if len(root) > root.shape[1] else root)
    overlap = np.linalg.norm(roots[0] @ roots[1].T, "nuc")
    return float(np.square(means[0] - means[1]).sum() + sum(traces) - 2 * overlap)


@dataclass(frozen=True)
class KernelDistance:
    """KID over random subsets: mean and standard deviation over ``subsets`` draws of ``subset_size`` images a set."""

    mean: float
    sd: float
    subsets: int
    subset_size: int

    def as_dict(self) -> dict[str, float | int]:
        """Plain numbers, for JSON."""
        return asdict(self)


def kernel_distance(
    first: ArrayLike, second: ArrayLike, *, seed: int, subsets: int = 100, subset_size: int | None = None
) -> KernelDistance:
    """Kernel (Inception) distance: unbiased squared MMD with the kernel ``(x . y / D + 1)^3``, over random subsets.

    Unbiased: sets from one distribution score 0 on average, so a value may be negative.

    Args:
        first: (N_1, D) features.
        second: (N_2, D) features.
        seed: of the subsets.
        subsets: number of subsets, drawn without replacement from each set.
        subset_size: images of a subset; by default half of the smaller set, at most 1000, so that subsets differ.

    Returns:
        Mean and standard deviation over the subsets. The subsets overlap: the deviation describes their spread, it is
        not a standard error.

    Raises:
        ValueError: as :func:`frechet_distance`, or for a subset size outside [2, smaller set].

    Source: Binkowski et al. 2018, "Demystifying MMD GANs", section 4; conventions of Parmar et al. 2022 (clean-fid).
    """
    a, b = _feature_sets(first, second)
    smaller = min(len(a), len(b))
    size = min(1000, max(2, smaller // 2)) if subset_size is None else subset_size
    if not 2 <= size <= smaller or subsets < 1:
        raise ValueError(
            f"Expected at least 1 subset of 2 to {smaller} images, the smaller set, got {subsets} of {size}."
        )
    generator = np.random.default_rng(seed)
    draws = [_squared_mmd(a[_subset(generator, a, size)], b[_subset(generator, b, size)]) for _ in range(subsets)]
    return KernelDistance(float(np.mean(draws)), float(np.std(draws)), subsets, size)


def _subset(generator: np.random.Generator, features: NDArray[np.float64], size: int) -> NDArray[np.int64]:
    return generator.choice(len(features), size, replace=False)


def _squared_mmd(a: NDArray[np.float64], b: NDArray[np.float64]) -> float:
    m, dimension = a.shape
    within = sum(k.sum() - np.trace(k) for k in ((x @ x.T / dimension + 1) ** 3 for x in (a, b)))
    between = ((a @ b.T / dimension + 1) ** 3).sum()
    return float(within / (m * (m - 1)) - 2 * between / m**2)


def _feature_sets(first: ArrayLike, second: ArrayLike) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    a, b = (
        np.asarray(x.detach().cpu() if isinstance(x, torch.Tensor) else x, dtype=np.float64) for x in (first, second)
    )
    if a.ndim != 2 or b.ndim != 2 or a.shape[1] != b.shape[1] or min(len(a), len(b)) < 2:
        raise ValueError(
            f"Expected two sets of features (N >= 2, D) with the same D, got shapes {a.shape} and {b.shape}."
        )
    if not (np.isfinite(a).all() and np.isfinite(b).all()):
        raise ValueError("Expected finite features, got NaN or infinity. Check the images and the feature extractor.")
    return a, b
