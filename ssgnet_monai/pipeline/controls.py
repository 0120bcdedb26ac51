"""The controls of an experiment's rows: rows of their own, that differ from theirs in one thing."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

from ssgnet_monai.pipeline.known_names import check_names
from ssgnet_monai.pipeline.methods import CONTROLS, METHODS
from ssgnet_monai.pipeline.settings import settings_of

EQUAL_STEPS = "equal_steps"
"""The row's own baseline, which needs no training of its own."""
OF_ROUNDS = {
    "num_rounds", "pool", "synthetic", "synthetic_fraction", "start", "gate", "label_views", "teachers",
    "confidence_floor", "steadiest_share", "convergence_min_delta", "convergence_patience", "real_only_control",
    "synthetic_distances", "synthetic_stability_floor", "labels",
}  # fmt: skip
"""Settings that a training with known masks does not read."""
OF_POOL = {"pool_fraction", "finetune_steps"}
"""Settings that a training without a pool does not read."""


def with_controls(experiment: dict[str, Any]) -> dict[str, Any]:
    """Add the rows that the controls of other rows are trained as.

    Rows with the same control share it. A row's ``controls`` become a mapping from the control to the name of its row.

    Args:
        experiment: checked, with ``controls`` of its own and of rows, which win.

    Raises:
        ValueError: a control that does not exist or cannot be had, or a row that has its name.
    """
    rows = dict(experiment["segmentation"])
    of_controls = dict[str, dict[str, Any]]()
    for name, row in rows.items():
        wanted = experiment["controls"] if row["controls"] is None else row["controls"]
        check_names(wanted, (EQUAL_STEPS, *CONTROLS), f"controls of segmentation.{name}")
        if not METHODS[row["method"]].pooled:
            rows[name] = {**row, "controls": {}}
            continue
        found = dict[str, str]()
        for control in (c for c in wanted if c != EQUAL_STEPS):
            planned = _control_row(experiment, name, control)
            own = f"{name}-{control}"
            if own in experiment["segmentation"]:
                raise ValueError(f"Expected no row {own!r}: the pipeline gives this name to a control. Rename the row.")
            found[control] = next((key for key, other in of_controls.items() if other == planned), own)
            of_controls.setdefault(found[control], planned)
        rows[name] = {**row, "controls": found}
    return {**experiment, "segmentation": rows | of_controls}


def _control_row(experiment: Mapping[str, Any], name: str, control: str) -> dict[str, Any]:
    row = copy.deepcopy(dict(experiment["segmentation"][name]))
    unread = OF_ROUNDS | OF_POOL if control == "equal_total_steps" else OF_ROUNDS
    config = {key: value for key, value in row["config"].items() if key not in unread}
    if control == "equal_total_steps":
        config["steps"] = _total_steps(experiment, name)
    if control == "oracle" and row["num_labeled"] is None and row["labeled_list"] is None:
        raise ValueError(
            f"Expected num_labeled or labeled_list in segmentation.{name} for its oracle, got neither: only masks that "
            "exist and are not used can be those of the pool. Set one of them, or take the oracle out of controls."
        )
    return {**row, "method": control, "config": config, "controls": {}}


def _total_steps(experiment: Mapping[str, Any], name: str) -> int | str:
    merged = settings_of({**experiment, "budget": 1}, "segmentation", name).merged
    steps, rounds, teachers = (merged[key] for key in ("steps", "num_rounds", "teachers"))
    if type(rounds) is not int or type(teachers) is not int:
        raise ValueError(
            f"Expected whole numbers for num_rounds and teachers of segmentation.{name}, whose control has the steps "
            f"of all trainings together, got {rounds!r} and {teachers!r}."
        )
    trainings = (rounds + 1) * teachers
    return f"$({steps[1:]}) * {trainings}" if isinstance(steps, str) else steps * trainings
