"""Controls of pseudo-label rounds: one training of the same network with masks that are known."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from ssgnet_monai.data.atomic_write import write_json
from ssgnet_monai.engines.round_training import RoundTraining
from ssgnet_monai.engines.rounds_plan import RoundsPlan
from ssgnet_monai.handlers.publish_model import TRAINING
from ssgnet_monai.ops.ranks import rank


def train_control(
    training: RoundTraining,
    labeled: Sequence[dict[str, Any]],
    plan: RoundsPlan,
    pool: Sequence[dict[str, Any]] = (),
    name: str = "equal_total_steps",
) -> None:
    """Train once, as a round trains, and write the session's model; its ``training.json`` counts the pool's masks too.

    Without a pool it is the labelled images alone, for as many steps as the training is given. With the labelled images
    again as the pool it shows whether the images of a real pool add anything to the mixing; with the pool's true masks,
    what pseudo-labels could reach at most.

    Args:
        training: trains the network.
        labeled: items with "image" and "label".
        plan: of the rounds that this is a control of.
        pool: further items with "image" and "label", mixed in as a round mixes in its pool.
        name: of the control; the checkpoints of another one are refused.

    Raises:
        ValueError: the session's folder holds another control.
    """
    session = training.session
    session.trained_with["control"] = name
    training.run(session.state_dir, session.model_path, plan.seed, (labeled, pool), plan.mixture)
    if rank() == 0:
        path = session.state_dir / TRAINING
        record = json.loads(path.read_text(encoding="utf-8"))
        record["masks"]["training"] = len({item["label"] for item in (*labeled, *pool)})
        write_json(path, record)
