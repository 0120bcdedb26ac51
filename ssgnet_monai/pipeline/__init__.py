"""Experiments: what is run for a report, in which order, with which settings, and where it lies."""

from typing import Any

__all__ = ["run_experiment"]


def __getattr__(name: str) -> Any:
    """``run_experiment``, imported when it is named: the layout of a run alone loads neither torch nor MONAI."""
    if name == "run_experiment":
        from ssgnet_monai.pipeline.run import run_experiment

        return run_experiment
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
