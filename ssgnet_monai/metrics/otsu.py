"""Otsu's threshold as the answer that needs no network."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from ssgnet_monai.metrics.confusion import confusion_counts
from ssgnet_monai.metrics.segmentation_scores import pooled_scores

_BINS = 256


@dataclass(frozen=True)
class OtsuBaseline:
    """Segments each image by its own Otsu threshold.

    Args:
        channel: index of the colour channel that is thresholded.
        polarity: "bright" where the foreground lies above the threshold, "dark" where it does not.

    Source: Otsu 1979, IEEE Trans. SMC 9(1), Eq. 17 to 19.
    """

    channel: int
    polarity: str

    def predict(self, images: torch.Tensor) -> torch.Tensor:
        """Segment images.

        Args:
            images: (B, C, H, W), any range.

        Returns:
            Masks (B, 1, H, W), float32, 0 or 1; empty for an image of one value.

        Raises:
            ValueError: If the images lack the channel.
        """
        if images.ndim != 4 or images.shape[1] <= self.channel:
            raise ValueError(f"Expected images (B, C > {self.channel}, H, W), got {tuple(images.shape)}.")
        plane = images[:, self.channel].flatten(1).double()
        threshold = _otsu_thresholds(plane).unsqueeze(1)
        mask = plane > threshold if self.polarity == "bright" else plane <= threshold
        mask &= (plane.amax(1) > plane.amin(1)).unsqueeze(1)
        return mask.view(len(images), 1, *images.shape[2:]).float()


def fit_otsu(images: torch.Tensor, masks: torch.Tensor) -> OtsuBaseline:
    """Choose the colour channel and polarity with the best pooled Dice on training images.

    Args:
        images: (B, C, H, W), any range.
        masks: (B, 1, H, W), 0 or 1, and 255 where nothing is known.

    Returns:
        The best of the 2C baselines; the first channel, then "bright", where they are equal.

    Raises:
        ValueError: If the shapes do not fit or there is no image.

    Source: Otsu 1979, IEEE Trans. SMC 9(1).
    """
    if images.ndim != 4 or len(images) == 0 or masks.shape != (len(images), 1, *images.shape[2:]):
        raise ValueError(
            "Expected images (B >= 1, C, H, W) and masks (B, 1, H, W), "
            f"got {tuple(images.shape)} and {tuple(masks.shape)}."
        )
    candidates = [OtsuBaseline(c, polarity) for c in range(images.shape[1]) for polarity in ("bright", "dark")]
    return max(candidates, key=lambda o: pooled_scores(confusion_counts(o.predict(images), masks))["dice"])


def _otsu_thresholds(planes: torch.Tensor) -> torch.Tensor:
    """Thresholds (B,) of planes (B, pixels): the bin centre that splits a histogram with most variance between."""
    low, high = planes.amin(1, keepdim=True), planes.amax(1, keepdim=True)
    width = ((high - low) / _BINS).clamp(min=torch.finfo(planes.dtype).tiny)
    bins = ((planes - low) / width).long().clamp(0, _BINS - 1)
    histogram = planes.new_zeros(len(planes), _BINS).scatter_add_(1, bins, torch.ones_like(planes))
    centres = low + width * (torch.arange(_BINS, dtype=planes.dtype, device=planes.device) + 0.5)
    below, mass = histogram.cumsum(1), (histogram * centres).cumsum(1)
    above = below[:, -1:] - below
    gap = mass / below.clamp(min=1) - (mass[:, -1:] - mass) / above.clamp(min=1)
    between = (below * above * gap.square())[:, :-1]
    return centres.gather(1, between.argmax(1, keepdim=True)).squeeze(1)
