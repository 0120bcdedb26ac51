"""The methods that a row of segmentation may name: what each lays over the supervised training."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Method:
    """A method of the segmentation bundle.

    ``overlays`` are its configurations over ``train.yaml``, ``run_id`` is what runs them, ``pooled`` says whether it
    learns from unlabelled images too (real ones and those of the experiment's generators), and ``may_grow`` are the
    settings of which a larger number continues a finished training.
    """

    overlays: tuple[str, ...] = ()
    run_id: str = "run"
    pooled: bool = False
    may_grow: tuple[str, ...] = ()


CONTROLS = ("equal_total_steps", "duplicate_real", "oracle")
"""Methods that a row with a pool is compared with: run ids of the rounds' own configurations."""
METHODS: dict[str, Method] = {
    "supervised": Method(),
    "rounds": Method(overlays=("rounds",), run_id="rounds", pooled=True, may_grow=("num_rounds",)),
    **{name: Method(overlays=("rounds",), run_id=name) for name in CONTROLS},
}
