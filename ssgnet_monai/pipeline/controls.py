"""The controls of an experiment's rows: rows of their own, that differ from theirs in one thing."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

from ssgnet_monai.engines.recipe import chosen_recipe
from ssgnet_monai.pipeline.known_names import check_names
from ssgnet_monai.pipeline.methods import CONTROLS, METHODS
from ssgnet_monai.pipeline.settings import root_id, settings_of


def with_controls(experiment: dict[str, Any]) -> dict[str, Any]:
    """Add the rows that the controls of other rows are trained as.

    Rows with the same control share it. A row's ``controls`` become a mapping from the control to the name of its row.
    Among them may be names of other rows, which are compared with and stay rows like any.

    Args:
        experiment: checked, with ``controls`` of its own and of rows, which win.

    Raises:
        ValueError: a control that does not exist or cannot be had, or a row that has its name.
    """
    rows = dict(experiment["segmentation"])
    of_controls = dict[str, dict[str, Any]]()
    for name, row in rows.items():
        wanted = experiment["controls"] if row["controls"] is None else row["controls"]
        check_names(wanted, (*CONTROLS, *experiment["segmentation"]), f"controls of segmentation.{name}")
        if not METHODS[row["method"]].pooled:
            rows[name] = {**row, "controls": {}}
            continue
        others = set(experiment["segmentation"]) - {name, *CONTROLS}
        found = {other: other for other in wanted if other in others}
        for control in (c for c in wanted if c in METHODS[row["method"]].controls):
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
    made = METHODS[row["method"]].controls[control]
    config = {key: value for key, value in row["config"].items() if root_id(key) not in made.unread}
    if (trainings := _trainings(experiment, name, control)) > 1:
        steps = _merged(experiment, name)["steps"]
        config["steps"] = f"$({steps[1:]}) * {trainings}" if isinstance(steps, str) else steps * trainings
    if control == "oracle" and row["num_labeled"] is None and row["labeled_list"] is None:
        raise ValueError(
            f"Expected num_labeled or labeled_list in segmentation.{name} for its oracle, got neither: only masks that "
            "exist and are not used can be those of the pool. Set one of them, or take the oracle out of controls."
        )
    return {**row, "method": made.method, "config": {**config, **made.given}, "controls": {}}


def _trainings(experiment: Mapping[str, Any], name: str, control: str) -> int:
    """How many trainings of a row have their steps in its control.

    For equal total steps all of them: of its rounds and teachers, or of its two networks. For what takes the place of
    the pool as many as one network went through: a warm start goes on from round to round.
    """
    networks = METHODS[experiment["segmentation"][name]["method"]].networks
    if networks > 1:
        return networks if control == "equal_total_steps" else 1
    merged = _merged(experiment, name)
    rounds, teachers = merged["num_rounds"], merged["teachers"]
    if type(rounds) is not int or type(teachers) is not int:
        raise ValueError(
            f"Expected whole numbers for num_rounds and teachers of segmentation.{name}, whose control has the steps "
            f"of all trainings together, got {rounds!r} and {teachers!r}."
        )
    if control == "equal_total_steps":
        return (rounds + 1) * teachers
    start = merged["start"]
    if start.startswith("$"):  # nobody said otherwise
        start = chosen_recipe(merged["recipes"], merged["recipe"])["start"]
    return rounds + 1 if start == "warm" else 1


def _merged(experiment: Mapping[str, Any], name: str) -> dict[str, Any]:
    return settings_of({**experiment, "budget": 1}, "segmentation", name).merged
