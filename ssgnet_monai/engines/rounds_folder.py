"""Before and after pseudo-label rounds: what an earlier run left in their folder, and the model that they end with."""

from __future__ import annotations

import logging
import shutil
from pathlib import Path

from ssgnet_monai.data.atomic_write import atomic_path
from ssgnet_monai.data.earlier_run import check_resume, half_set_aside, set_aside
from ssgnet_monai.data.folder_lock import hold_folder
from ssgnet_monai.data.rounds_log import PSEUDO_LABEL, REAL_ONLY, RoundsLog

logger = logging.getLogger(__name__)
LOG = "rounds.json"
OF_ROUNDS = (LOG, "pseudo_labels", "models")


def begin_rounds(output_dir: str | Path, resume: str = "auto") -> None:
    """Look after the rounds that a folder holds already, before anything of them is read.

    Args:
        output_dir: of the rounds.
        resume: "auto" goes on with them; "fresh" moves them to ``earlier`` and begins anew, also when it was
            stopped while it moved them; "never" refuses.

    Raises:
        FileExistsError: there are rounds, and ``resume`` is "never".
        ValueError: ``resume`` is another word.
    """
    folder, state = Path(output_dir), Path(output_dir) / "state"
    if check_resume(resume) == "never" and ((folder / LOG).exists() or any(state.glob("*/checkpoint_*.pt"))):
        raise FileExistsError(
            f"Expected no rounds in {folder} with resume: never, found some. Use resume: auto to go on, or another "
            "output_dir."
        )
    if resume == "fresh" or half_set_aside(state) or half_set_aside(folder):
        hold_folder(state, "run of pseudo-label rounds")
        set_aside(state)  # checkpoints are what rounds can do without, if this is stopped in between
        set_aside(folder, OF_ROUNDS)


def conclude_rounds(log: RoundsLog, model_path: str | Path, choose: str = "best") -> None:
    """Write down the rounds' answer and copy its weights to ``model_path``; the test set is not read.

    Args:
        log: of the rounds.
        model_path: receives the weights.
        choose: "best" round on validation, or the "last".
    """
    choice = log.choose(PSEUDO_LABEL, REAL_ONLY, choose)
    with atomic_path(model_path) as temporary:
        shutil.copyfile(log.path.parent / choice["model"], temporary)
    logger.info("chosen: round %d (%s), validation Dice %s", choice["round"], choose, choice["val_dice"])
