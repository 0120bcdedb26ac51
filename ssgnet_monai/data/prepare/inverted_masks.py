"""Whether masks are the wrong way round: background marked, objects left out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ssgnet_monai.data.image_files import SourceImage, is_volume, listed
from ssgnet_monai.data.label_map import HOW, LabelMap, example
from ssgnet_monai.data.mask_picture import CHOOSE, FOREGROUNDS

ON_BORDER = 0.75
"""Share of a mask's border from which the foreground looks like the background around the objects."""


def check_mask_options(sources: Sequence[SourceImage], threshold: int | None, foreground: str | None) -> None:
    """Refuse a choice of foreground that would do nothing or is said twice.

    Raises:
        ValueError: an unknown word, with a threshold too, without masks, or for volumes.
    """
    if foreground is None:
        return
    if foreground not in FOREGROUNDS or threshold is not None:
        raise ValueError(
            f"Expected mask_foreground {' or '.join(FOREGROUNDS)}, and no mask_threshold beside it, got "
            f"{foreground!r} and mask_threshold {threshold}. Give one of both."
        )
    masks = [mask for source in sources for mask in source.masks]
    if not masks or any(map(is_volume, masks)):
        raise ValueError(
            f"Expected mask pictures for mask_foreground {foreground}, got "
            f"{listed([mask for mask in masks if is_volume(mask)]) or 'images without masks'}. Leave it out."
        )


def refuse_inverted(records: Sequence[Mapping[str, Any]], labels: LabelMap) -> None:
    """Refuse masks of which most have their foreground all around the border.

    Args:
        records: of ``convert_pair``.
        labels: read off the masks.

    Raises:
        ValueError: they look inverted, and nobody has said what is foreground.
    """
    filled = [record for record in records if record.get("foreground")]
    around = [record for record in filled if record["border_foreground"] >= ON_BORDER]
    named = range(1, len(labels.names))
    if 2 * len(around) > len(filled):
        raise ValueError(
            f"Expected objects on a background, but in {len(around)} of {len(filled)} masks that are not empty the "
            f"foreground lies all along the border of the picture, such as {listed([r['stem'] for r in around])} "
            f"(foreground {around[0]['foreground']:.0%}). Either the masks are inverted, or the object does reach "
            f"around. {CHOOSE if len(labels.names) == 2 else f'Name the classes with {HOW} holding {example(named)}.'}"
        )
