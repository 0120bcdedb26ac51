"""Several seeds of one experiment as one number: mean and standard deviation, or the value that all share."""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterable
from typing import Any


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
