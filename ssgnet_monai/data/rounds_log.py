"""The record of pseudo-label rounds and of their real-only control: ``rounds.json``."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ssgnet_monai.data.atomic_write import write_json

BASELINE = "baseline"
PSEUDO_LABEL, REAL_ONLY = "pseudo_label", "real_only"
"""The arms: rounds with a pool, and their control."""


class RoundsLog:
    """Rounds of each arm, written after every change.

    Args:
        path: the JSON file.
        header: what describes the whole run (seed, steps, labelled images, ...). A file with another value
            of one of these is refused, since its rounds would not be comparable.

    Raises:
        ValueError: the file on disk belongs to other settings.
    """

    def __init__(self, path: str | Path, header: dict[str, Any]) -> None:
        self.path = Path(path)
        self.content: dict[str, Any] = {**header, "arms": {}}
        if self.path.exists():
            found = json.loads(self.path.read_text(encoding="utf-8"))
            changed = [key for key, value in header.items() if found.get(key, value) != value]
            if changed:
                key = changed[0]
                raise ValueError(
                    f"Expected {self.path} to hold rounds with {key} = {header[key]!r}, found {found.get(key)!r}. "
                    "Give the settings of these rounds (those of version 0.1.0 are `recipe: paper`) or another "
                    "output_dir, or move the old one away."
                )
            self.content = found

    def records(self, arm: str) -> list[dict[str, Any]]:
        """Completed and current rounds of an arm, in order."""
        return self.content["arms"].get(arm, [])

    def record(self, arm: str, record: dict[str, Any]) -> None:
        """Set the record of round ``record["round"]``; later rounds of the arm are dropped."""
        arms = self.content["arms"]
        arms[arm] = [*(r for r in self.records(arm) if r["round"] < record["round"]), record]
        write_json(self.path, self.content)

    def choose(self, arm: str, control: str, by: str = "best") -> dict[str, Any]:
        """Write down each arm's answer, before any test.

        A control that was not run has none.

        Args:
            arm: its name.
            control: of the arm that it is compared with.
            by: "best" round on validation, see ``best_record``, or the "last" one.

        Returns:
            The choice: arm, round, model, sha256, val_dice.
        """
        for key, name in (("choice", arm), ("control_choice", control)):
            if name == control and not self.records(name):
                continue
            records = self.records(name)
            taken = best_record(records) if by == "best" else records[-1]
            self.content[key] = {"arm": name, **{k: taken[k] for k in ("round", "model", "sha256", "val_dice")}}
        write_json(self.path, self.content)
        return self.content["choice"]


def best_record(records: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """The record of the highest validation Dice, the earlier one on a tie; the last one where none has a score."""
    scored = [record for record in records if record["val_dice"] is not None]
    return max(scored, key=lambda record: (record["val_dice"], -record["round"])) if scored else records[-1]
