"""The methods that a row of segmentation may name: what each lays over the supervised training."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

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

OF_PAIRS = frozenset({
    "pool", "synthetic", "partner", "partner_def", "partner_encoder", "partner_optimizer", "shift", "shifts_used",
    "shift_directions", "sup_weight", "fixed_weight", "dynamic_weight", "unsup_weight", "ramp_steps", "cutmix",
    "pseudo_loss", "dynamic_source",
})  # fmt: skip
"""Settings of co-training that a training with known masks does not read."""


@dataclass(frozen=True)
class Control:
    """How a control of a row is trained.

    ``method`` names the method, ``unread`` the settings of the row that it does not read, ``given`` the settings that
    make the difference; expressions are those of the bundle's configurations.
    """

    method: str
    unread: frozenset[str] = frozenset()
    given: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Method:
    """A method of the segmentation bundle.

    ``overlays`` are its configurations over ``train.yaml``, ``run_id`` is what runs them, ``pooled`` says whether it
    learns from unlabelled images too (real ones and those of the experiment's generators), ``networks`` how many it
    trains together, and ``may_grow`` are the settings of which a larger number continues a finished training.
    ``controls`` are those that a row with this method can have, by name.
    """

    overlays: tuple[str, ...] = ()
    run_id: str = "run"
    pooled: bool = False
    networks: int = 1
    may_grow: tuple[str, ...] = ()
    controls: Mapping[str, Control] = field(default_factory=dict)


ALONE: Mapping[str, Any] = {"partners": {}}
"""Of a training of one network by the settings of two."""
METHODS: dict[str, Method] = {
    "supervised": Method(),
    "rounds": Method(
        overlays=("rounds",),
        run_id="rounds",
        pooled=True,
        may_grow=("num_rounds",),
        controls={  # but equal_steps, which is their own round 0
            "equal_total_steps": Control("equal_total_steps", OF_ROUNDS | OF_POOL),
            "duplicate_real": Control("duplicate_real", OF_ROUNDS),
            "oracle": Control("oracle", OF_ROUNDS),
        },
    ),
    **{name: Method(("rounds",), name) for name in ("equal_total_steps", "duplicate_real", "oracle")},
    "cotraining": Method(
        overlays=("cotraining",),
        run_id="cotraining",
        pooled=True,
        networks=2,
        controls={
            "equal_steps": Control("cotraining_alone", OF_PAIRS, ALONE),
            "equal_total_steps": Control("cotraining_alone", OF_PAIRS, ALONE),
            "duplicate_real": Control(
                "cotraining",
                frozenset({"pool", "synthetic"}),
                {"unlabeled_items": "$ssgnet_monai.data.without_labels(@labeled)"},
            ),
            "oracle": Control(
                "cotraining_alone",
                OF_PAIRS,
                {
                    **ALONE,
                    "known_pool": "$ssgnet_monai.data.with_true_masks(@hidden, @datalist['training'])",
                    "train#dataset#pool": "$ssgnet_monai.data.slice_items(@known_pool, @slice_plane, @spatial_dims)",
                    "train#dataset#mixture": {"_target_": "ssgnet_monai.data.Mixture", "pool_fraction": 0.5},
                    "train#dataloader#batch_size": "$2 * @batch_size",
                },
            ),
        },
    ),
    "cotraining_alone": Method(("cotraining",)),
    "superdiffusion": Method(
        overlays=("superdiffusion",),
        run_id="superdiffusion",
        pooled=True,
        networks=2,
        controls={
            name: Control("superdiffusion_student", given=ALONE) for name in ("equal_steps", "equal_total_steps")
        },
    ),
    "superdiffusion_student": Method(("superdiffusion",)),  # alone, with the labelled images
}
OF_CONTROLS = {control.method for method in METHODS.values() for control in method.controls.values()} - {"cotraining"}
"""Methods that no row of an experiment's author needs to name."""
