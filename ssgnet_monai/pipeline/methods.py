"""The methods that a row of segmentation may name: what each lays over the supervised training."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

CONTROLS = ("equal_steps", "equal_total_steps", "duplicate_real", "oracle")
"""What a row with a pool is compared with."""
OF_ROUNDS = frozenset({
    "num_rounds", "pool", "synthetic", "synthetic_fraction", "start", "gate", "label_views", "teachers",
    "confidence_floor", "steadiest_share", "convergence_min_delta", "convergence_patience", "real_only_control",
    "synthetic_distances", "synthetic_stability_floor", "labels",
})  # fmt: skip
"""Settings of rounds that a training with known masks does not read."""
OF_POOL = frozenset({"pool_fraction", "finetune_steps"})
"""Settings of rounds that a training without a pool does not read."""


@dataclass(frozen=True)
class Method:
    """A method of the segmentation bundle.

    ``overlays`` are its configurations over ``train.yaml``, ``run_id`` is what runs them, ``pooled`` says whether it
    learns from unlabelled images too (real ones and those of the experiment's generators), ``partners`` whether it
    trains several networks, and ``may_grow`` are the settings of which a larger number continues a finished training.
    ``controls`` are those of a row with this method: control -> the method that trains it. ``unread`` are settings of
    such a row that this method, as a control, does not read.
    """

    overlays: tuple[str, ...] = ()
    run_id: str = "run"
    pooled: bool = False
    partners: bool = False
    may_grow: tuple[str, ...] = ()
    controls: Mapping[str, str] = field(default_factory=dict)
    unread: frozenset[str] = frozenset()


METHODS: dict[str, Method] = {
    "supervised": Method(),
    "rounds": Method(
        overlays=("rounds",),
        run_id="rounds",
        pooled=True,
        may_grow=("num_rounds",),
        controls={name: name for name in CONTROLS if name != "equal_steps"},  # which is their own round 0
    ),
    "equal_total_steps": Method(("rounds",), "equal_total_steps", unread=OF_ROUNDS | OF_POOL),
    "duplicate_real": Method(("rounds",), "duplicate_real", unread=OF_ROUNDS),
    "oracle": Method(("rounds",), "oracle", unread=OF_ROUNDS),
}
OF_CONTROLS = {control for method in METHODS.values() for control in method.controls.values()}
"""Methods that the pipeline gives to the controls of other rows."""
