"""Weights into networks: a trained model for inference, an earlier generator for transfer."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from ssgnet_monai.data.tensor_file import load_tensors
from ssgnet_monai.handlers.training_session import TrainingSession

logger = logging.getLogger(__name__)
TRANSFERRED = ("generator", "generator_ema", "discriminator")


def load_weights(network: torch.nn.Module, path: str | Path) -> None:
    """Load a plain state dict into ``network``.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: the file is damaged, or names or shapes differ from the network's.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(
            f"Expected trained weights at {path}, found none. Train first (configs/train.yaml) or set ckpt_dir to the "
            "folder that holds model.pt."
        )
    _load(network, load_tensors(path), path)


def start_from(path: str | Path | None, session: TrainingSession) -> None:
    """Begin a generator with the networks of an earlier run's checkpoint, unless this run has checkpoints itself.

    Args:
        path: ``state/checkpoint_*.pt`` of the earlier run; None: nothing to do.
        session: of the new run.
    """
    if path is None or any(session.state_dir.glob("checkpoint_*.pt")):
        return
    earlier = load_tensors(path)["session"]
    for name in TRANSFERRED:
        _load(session.objects[name], earlier["objects"][name], path)
    lists = [*earlier.get("transferred_from", ()), earlier.get("data_sha256") or "unknown"]
    session.transferred_from = sorted({one for one in lists if one != session.data_sha256})
    if session.transferred_from:
        logger.warning(
            "%s has seen training images of other lists (%s). Make sure that none of them, nor of their patients, is a "
            "validation or test image of this dataset.",
            path,
            ", ".join(one[:12] for one in session.transferred_from),
        )
    logger.info("networks start from %s", path)


def _load(network: torch.nn.Module, state: Mapping[str, Any], path: str | Path) -> None:
    expected = {key: tuple(value.shape) for key, value in network.state_dict().items()}
    found = {key: tuple(value.shape) for key, value in state.items()}
    if expected != found:
        key = min(key for key in expected.keys() | found.keys() if expected.get(key) != found.get(key))
        raise ValueError(
            f"Expected weights of {type(network).__name__} as configured ({key}: {expected.get(key)}), got {path} with "
            f"{key}: {found.get(key)}. Use the network settings (image_size, layers, channels) of its training."
        )
    network.load_state_dict(state)
