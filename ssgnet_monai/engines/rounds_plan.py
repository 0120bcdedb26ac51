"""What is decided about pseudo-label rounds before they run, and by their validation while they do."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ssgnet_monai.data.mixture import PROPORTIONAL, Mixture
from ssgnet_monai.data.rounds_log import best_record
from ssgnet_monai.handlers.best_weights import check_choose


@dataclass(frozen=True)
class RoundsPlan:
    """The settings that rounds with a pool share with their control.

    Args:
        num_rounds: rounds after the baseline.
        seed: of the run; round t trains with seed + t.
        start: "cold" begins every round from the first weights, "warm" from the arm's best model so far.
        gate: only a model that is the arm's best so far on validation labels the pool.
        choose: the arm's answer: "last" round, or the "best" on validation.
        teachers: networks trained in each round, which label the pool together; the first of them is the round's model.
        steadiest_share: share of the pool that the first round learns from, see ``with_pseudo_labels``, in (0, 1].
        synthetic_stability_floor: generated images of less stable labels are left out of a round, in [0, 1]; None: none
            are, see ``without_unsteady``.
        labels: what the pool is given: "hard" class numbers or "soft" probabilities.
        mixture: shares of labelled, real and synthetic samples in a round.
        min_delta: with ``patience``, the smallest gain in validation Dice that counts as one.
        patience: rounds without such a gain after which the arm with the pool stops. None: all rounds are run.

    Raises:
        ValueError: a setting is outside its range.
    """

    num_rounds: int = 2
    seed: int = 0
    start: str = "cold"
    gate: bool = True
    choose: str = "best"
    teachers: int = 1
    steadiest_share: float = 1.0
    synthetic_stability_floor: float | None = None
    labels: str = "hard"
    mixture: Mixture = PROPORTIONAL
    min_delta: float = 0.001
    patience: int | None = None

    def __post_init__(self) -> None:
        if self.start not in ("cold", "warm"):
            raise ValueError(f"Expected start 'cold' or 'warm', got {self.start!r}.")
        check_choose(self.choose)
        if self.labels not in ("hard", "soft"):
            raise ValueError(f"Expected labels 'hard' or 'soft', got {self.labels!r}.")
        if self.teachers < 1:
            raise ValueError(f"Expected teachers >= 1, got {self.teachers}.")
        if not 0 < self.steadiest_share <= 1:
            raise ValueError(f"Expected steadiest_share in (0, 1], got {self.steadiest_share}.")
        floor = self.synthetic_stability_floor
        if floor is not None and not 0 <= floor <= 1:
            raise ValueError(f"Expected synthetic_stability_floor in [0, 1] or null, got {floor}.")
        if self.num_rounds < 0:
            raise ValueError(f"Expected num_rounds >= 0, got {self.num_rounds}.")
        if self.patience is not None and self.patience < 1:
            raise ValueError(f"Expected patience of at least 1 round or null, got {self.patience}.")

    def labeller(self, records: Sequence[dict[str, Any]]) -> dict[str, Any]:
        """Record of the model that labels the pool now: the best so far with the gate, else the newest.

        Args:
            records: of an arm's rounds so far, in order; each with "val_dice", None where validation cannot tell.
        """
        return best_record(records) if self.gate else records[-1]

    def converged(self, records: Sequence[dict[str, Any]]) -> bool:
        """Whether the last ``patience`` rounds with a score gained less than ``min_delta``; see :meth:`labeller`."""
        if self.patience is None:
            return False
        best, without_gain = float("-inf"), 0
        for dice in (record["val_dice"] for record in records if record["val_dice"] is not None):
            without_gain = 0 if dice > best + self.min_delta else without_gain + 1
            best = max(best, dice)
        return without_gain >= self.patience
