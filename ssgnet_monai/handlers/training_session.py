"""Everything that a training run must keep to go on after a kill, in one object."""

from __future__ import annotations

import copy
import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from monai.utils import set_determinism

from ssgnet_monai.data.earlier_run import check_resume, half_set_aside

SCORES = ("best_metric", "best_epoch", "trained_metric", "earlier_metric")


class TrainingSession:
    """The stateful objects of a training run, its seed, and where its files go.

    Handlers share it: the checkpoint handler saves and restores ``objects``; the seed handler reads ``seed``; the
    best-weights handler writes ``best_path``, and ``PublishModel`` makes it ``model_path``. The pseudo-label rounds
    call :meth:`restart` to begin anew.

    A checkpoint needs no generator states and no sampler: torch's generators (CPU and CUDA) are seeded from (seed,
    step) before each step, MONAI's random transforms from (seed, sample number), order and permutations are functions
    of (seed, sample number), and nothing draws from NumPy's or Python's global generators once networks are built. The
    step also gives the images seen and the position in the stream; rounds and masks are recorded in files of their
    own (``rounds.json``, ``progress.jsonl``). What only history knows is saved: networks and their running means, the
    averaged generator, optimisers, schedules, the GradScaler, the strength of the augmentation with its statistic, and
    the best validation score.

    Args:
        objects: name -> object with ``state_dict`` and ``load_state_dict`` (networks, optimisers, schedulers, ...).
        state_dir: folder of the checkpoints to resume from.
        model_path: file of the final weights, a plain state dict.
        seed: seed of the run; step i uses the pair (seed, i).
        data_sha256: hash of the training list; a run goes on from checkpoints of the same one only. None: not known.
        other_data: what happens to checkpoints of another list: "anew" sets them aside and trains anew; "refuse" stops
            before anything is trained or scored.
        trained_with: further settings that checkpoints must share, plain values; others are refused.
        resume: "auto" goes on where the last run stopped; "fresh" sets what is there aside and begins anew, each time
            the training starts, as label servers and federated clients need; "never" refuses a folder with checkpoints.

    Raises:
        ValueError: ``other_data`` or ``resume`` is none of its words.
    """

    def __init__(
        self,
        objects: Mapping[str, Any],
        state_dir: str | Path,
        model_path: str | Path,
        seed: int = 0,
        data_sha256: str | None = None,
        other_data: str = "anew",
        trained_with: Mapping[str, Any] | None = None,
        resume: str = "auto",
    ) -> None:
        if other_data not in ("anew", "refuse"):
            raise ValueError(f"Expected other_data 'anew' or 'refuse', got {other_data!r}.")
        self.objects = {name: value for name, value in objects.items() if value is not None}
        self.state_dir, self.model_path, self.seed = Path(state_dir), Path(model_path), int(seed)
        self.data_sha256, self.other_data, self.trained_with = data_sha256, other_data, dict(trained_with or {})
        self.resume = check_resume(resume)
        self.transferred_from: list[str] = []  # hashes of the lists of earlier generators that the networks come from
        self.best_metric: float | None = None
        self.best_epoch = 0
        self.trained_metric: float | None = None  # best score of this training alone
        self.earlier_metric: float | None = None  # of the model that it has to beat
        self._first_state: dict[str, Any] | None = None

    def state_dict(self) -> dict[str, Any]:
        """States of all objects and the best validation score so far; tensors, numbers and the data's hash."""
        states = {name: value.state_dict() for name, value in self.objects.items()}
        scores = {name: getattr(self, name) for name in SCORES}
        data = {"data_sha256": self.data_sha256, "trained_with": self.trained_with}
        return {"objects": states, **scores, **data, "transferred_from": self.transferred_from}

    def is_of_these_data(self, state: Mapping[str, Any]) -> bool:
        """Whether a saved state is one of this training list.

        Raises:
            ValueError: it is not, and ``other_data`` is "refuse"; or it was trained with other settings.
        """
        remedy = f"Choose another output_dir, or move {self.state_dir} away to train anew."
        refuse = self.other_data == "refuse"
        found = state.get("data_sha256", None if refuse else self.data_sha256)
        if refuse and found != self.data_sha256:
            told = "was trained by an earlier version, which did not note its data"
            if found:
                told = f"is of another list ({found[:12]}): the data were prepared anew"
            raise ValueError(
                f"Expected a training on the present datalist ({str(self.data_sha256)[:12]}) in {self.state_dir}, got "
                f"one that {told}. What it has learnt from may be test images now. {remedy}"
            )
        before = state.get("trained_with", self.trained_with)
        for key in sorted(before.keys() | self.trained_with.keys()):
            if before.get(key) != self.trained_with.get(key):
                raise ValueError(
                    f"Expected {key}: {before.get(key)!r}, with which {self.state_dir} has been trained so far, got "
                    f"{self.trained_with.get(key)!r}. {remedy}"
                )
        return found == self.data_sha256

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Restore what :meth:`state_dict` gave.

        Raises:
            ValueError: the objects' names differ from the saved ones.
        """
        if set(state["objects"]) != set(self.objects):
            raise ValueError(
                f"Expected a checkpoint of {sorted(self.objects)}, got one of {sorted(state['objects'])}. "
                f"Move {self.state_dir} away to start anew."
            )
        for name, value in state["objects"].items():
            self.objects[name].load_state_dict(value)
        for name in SCORES:
            setattr(self, name, state.get(name))
        self.transferred_from = list(state.get("transferred_from", ()))

    @property
    def best_path(self) -> Path:
        """File of the best weights so far, until training ends and they become ``model_path``."""
        return self.state_dir / "best.pt"

    def checkpoints(self) -> list[Path]:
        """Files to resume from, oldest first."""
        return sorted(self.state_dir.glob("checkpoint_*.pt"))

    @property
    def goes_on(self) -> bool:
        """Whether the training will go on from a checkpoint, as far as the folder and ``resume`` tell."""
        return self.resume == "auto" and bool(self.checkpoints()) and not half_set_aside(self.state_dir)

    def last_checkpoint(self) -> str:
        """One sentence for a message about a run that ends here."""
        files = self.checkpoints()
        return f"The last good checkpoint is {files[-1]}." if files else f"{self.state_dir} holds no checkpoint yet."

    def restart(self, state_dir: str | Path, model_path: str | Path, seed: int) -> None:
        """Put every object back to its first state and continue in other folders with another seed."""
        if self._first_state is None:
            self._first_state = copy.deepcopy(self.state_dict())
        self.load_state_dict(copy.deepcopy(self._first_state))
        self.state_dir, self.model_path, self.seed = Path(state_dir), Path(model_path), int(seed)


def seed_step(seed: int, step: int) -> None:
    """Seed torch with a number that depends on (seed, step) alone."""
    digest = hashlib.sha256(f"{seed}:{step}".encode()).digest()
    torch.manual_seed(int.from_bytes(digest[:8], "little") >> 1)


def seed_everything(seed: int) -> None:
    """Seed Python, numpy and torch before networks are built (deterministic kernels where torch has them)."""
    set_determinism(seed=seed % 2**32)
