"""Several seeds of one experiment as one number: mean, standard deviation, interval, or the value that all share."""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterable, Sequence
from typing import Any

from scipy.special import stdtrit


def statistic(values: Iterable[float | None]) -> dict[str, Any] | None:
    """Mean and sample standard deviation over seeds.

    Args:
        values: one number a seed; ``None`` and non-finite entries are left out.

    Returns:
        ``{"mean", "sd", "values"}`` (``sd`` is ``None`` for one value), or ``None`` without any value.
    """
    present = [float(value) for value in values if value is not None and math.isfinite(value)]
    if not present:
        return None
    sd = statistics.stdev(present) if len(present) > 1 else None
    return {"mean": statistics.fmean(present), "sd": sd, "values": present}


def common(values: Iterable[Any]) -> Any:
    """The one value that all seeds share; ``None`` where there is none, a list where they differ."""
    distinct = sorted({value for value in values if value is not None})
    return distinct[0] if len(distinct) == 1 else distinct or None


def seed_interval(values: Sequence[float], intervals: Sequence[Sequence[float | None] | None]) -> list[float] | None:
    """95 % interval of the mean over seeds that holds both chances: of the test images and of the training.

    The seeds share their test images, so averaging over seeds does not shrink that part: it is the mean of the seeds'
    own half-widths, as if they erred alike (an upper bound). The part of the training is Student's t interval of the
    mean over seeds. The two are independent and add in squares, below and above the mean each.

    Args:
        values: one number a seed.
        intervals: [low, high] of each over resampled test images; ``None`` where there is none.

    Returns:
        [low, high], the seed's own interval where there is one seed; ``None`` where a seed has none.
    """
    known = [(i[0], i[1]) for i in intervals if i is not None and i[0] is not None and i[1] is not None]
    if not known or len(known) < len(values):
        return None
    if len(values) == 1:
        return list(known[0])
    mean = statistics.fmean(values)
    training = float(stdtrit(len(values) - 1, 0.975)) * statistics.stdev(values) / math.sqrt(len(values))
    low, high = (statistics.fmean(ends) for ends in zip(*known, strict=True))
    return [mean - math.hypot(mean - low, training), mean + math.hypot(high - mean, training)]
