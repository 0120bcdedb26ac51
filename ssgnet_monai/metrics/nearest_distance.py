"""How near generated images lie to real ones among features, against how near real ones lie to each other."""

from __future__ import annotations

from collections.abc import Sequence

import torch

COPY, UNLIKE = "copy", "unlike"


def nearest_distances(features: torch.Tensor, others: torch.Tensor | None = None) -> torch.Tensor:
    """Euclidean distance of each image to the nearest other one.

    Args:
        features: (N, D) float.
        others: (M, D) images among which the nearest is looked for; None: the N themselves, each without itself.

    Returns:
        (N,) float64.
    """
    distances = torch.cdist(features.double(), (features if others is None else others).double())
    if others is None:
        distances.fill_diagonal_(torch.inf)
    return distances.amin(1)


def unfit_images(
    real: torch.Tensor, synthetic: torch.Tensor, quantiles: Sequence[float]
) -> tuple[list[str | None], list[float]]:
    """Which generated images are copies of a real image, and which are unlike all of them.

    Args:
        real: (N, D) features, N at least 3.
        synthetic: (M, D) features.
        quantiles: [low, high] of the distances from each real image to the nearest other one.

    Returns:
        For each generated image ``"copy"`` where its nearest real image is nearer than the low quantile, ``"unlike"``
        where it is farther than the high one, else None; and the two distances.

    Raises:
        ValueError: fewer than three real images, or no range of quantiles.
    """
    if len(quantiles) != 2 or not 0 <= quantiles[0] < quantiles[1] <= 1:
        raise ValueError(f"Expected two quantiles [low, high] in [0, 1], such as [0.01, 0.99], got {quantiles}.")
    if len(real) < 3:
        raise ValueError(f"Expected at least 3 real images to compare generated ones with, got {len(real)}.")
    low, high = torch.quantile(nearest_distances(real), torch.tensor(quantiles, dtype=torch.float64)).tolist()
    found = nearest_distances(synthetic, real).tolist()
    return [COPY if distance < low else UNLIKE if distance > high else None for distance in found], [low, high]
