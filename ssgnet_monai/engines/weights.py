"""Weights into networks: a trained model for inference, an earlier generator for transfer."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from ssgnet_monai.data.tensor_file import load_tensors
from ssgnet_monai.handlers.finite_loss import first_not_finite
from ssgnet_monai.handlers.training_session import TrainingSession
from ssgnet_monai.networks.pretrained_encoder import load_encoder

logger = logging.getLogger(__name__)
TRANSFERRED = ("generator", "generator_ema", "discriminator")


def load_weights(network: torch.nn.Module, path: str | Path) -> None:
    """Load a plain state dict into ``network``.

    Every bundle and the label server come here: what passes is a mapping from the network's own names to tensors of its
    shapes and kinds of numbers, all finite. (Damage to the bytes is found by ``load_tensors``.)

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: the file is damaged or holds something else, names or shapes differ from the network's, or a tensor
            holds nan, infinity or numbers of another kind.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(
            f"Expected trained weights at {path}, found none. Train first (configs/train.yaml) or set ckpt_dir to the "
            "folder that holds model.pt."
        )
    _load(network, load_tensors(path), path)


def load_pretrained(network: torch.nn.Module, path: str | Path | None, encoder: str | Path | None = None) -> None:
    """Begin a training with weights from elsewhere, and say in the log which.

    A network with a method ``load_pretrained`` knows the form in which its published weights come (VM-UNet: those of a
    VMamba classifier, TransUNet: ``R50+ViT-B_16.npz``). Any other takes a plain state dict of its own.

    Args:
        network: what will be trained.
        path: the file; None: the network keeps its random weights.
        encoder: without ``path``, ImageNet weights of its encoder alone: "package", "timm" or a file, see
            ``load_encoder``; None: random ones.

    Raises:
        FileNotFoundError: there is no such file, or the package of weights is not installed.
        ValueError: the file is damaged or does not fit the network.
    """
    if path is None and encoder is not None:
        load_encoder(network, encoder)
    elif path is None:
        logger.info("%s trains from scratch; `pretrained` takes the path of weights", type(network).__name__)
    elif callable(loader := getattr(network, "load_pretrained", None)):
        loader(path)
    elif not Path(path).is_file():
        raise FileNotFoundError(f"Expected pretrained to be null or a file of weights, found no file at {path}.")
    else:
        load_weights(network, path)


def start_from(path: str | Path | None, session: TrainingSession) -> None:
    """Begin a generator with the networks of an earlier run's checkpoint, unless this run goes on from one of its own.

    Args:
        path: ``state/checkpoint_*.pt`` of the earlier run; None: nothing to do.
        session: of the new run.
    """
    if path is None or session.goes_on:
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


def _load(network: torch.nn.Module, state: Any, path: str | Path) -> None:
    if not isinstance(state, Mapping):
        raise ValueError(
            f"Expected a state dict (names and tensors) in {path}, got a {type(state).__name__}. "
            "Save network.state_dict()."
        )
    other = [key for key, value in state.items() if not isinstance(value, torch.Tensor)]
    if other:
        raise ValueError(
            f"Expected a plain state dict in {path}, got a {type(state[other[0]]).__name__} under {other[0]!r}. "
            "Save network.state_dict() alone, without what surrounds it in a checkpoint."
        )
    own = network.state_dict()
    expected = {key: tuple(value.shape) for key, value in own.items()}
    found = {key: tuple(value.shape) for key, value in state.items()}
    if expected != found:
        key = min((key for key in expected.keys() | found.keys() if expected.get(key) != found.get(key)), key=str)
        raise ValueError(
            f"Expected weights of {type(network).__name__} as configured ({key}: {expected.get(key)}), got {path} with "
            f"{key}: {found.get(key)}. Use the network settings (image_size, layers, channels) of its training."
        )
    for key, value in state.items():
        if value.is_floating_point() != own[key].is_floating_point() or value.is_complex() != own[key].is_complex():
            raise ValueError(
                f"Expected {key} of {path} as {own[key].dtype}, got {value.dtype}. "
                "Save the weights as the network has them, not quantised or converted."
            )
    if name := first_not_finite(dict(state)):
        raise ValueError(
            f"Expected finite weights in {path}, got nan or infinity in {name}. Train again with a lower learning "
            "rate, or take an earlier file."
        )
    network.load_state_dict(dict(state))
