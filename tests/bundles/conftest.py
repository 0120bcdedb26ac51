"""Bundles run in this process on a tiny phantom."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from monai.bundle import ConfigWorkflow

from ssgnet_monai.data.phantom import write_phantom

REPOSITORY = Path(__file__).resolve().parents[2]
TINY_GAN = {
    "class_name": "irregular",
    "image_size": 32,
    "batch_size": 4,
    "tick_kimg": 0.008,
    "num_layers": 4,
    "margin_size": 2,
    "channel_max": 8,
    "z_dim": 16,
    "w_dim": 16,
}
TINY_SEGMENTER = {
    "image_size": 32,
    "batch_size": 4,
    "steps": 6,
    "epoch_length": 2,
    "network_def": {
        "_target_": "UNet",
        "spatial_dims": 2,
        "in_channels": 3,
        "out_channels": 1,
        "channels": [4, 8],
        "strides": [2],
    },
}

TINY_CLASSIFIER = {
    "architecture": "test_resnet",
    "small_images": False,
    "image_size": 32,
    "batch_size": 4,
    "steps": 6,
    "epoch_length": 2,
}


@pytest.fixture(scope="session")
def phantom(tmp_path_factory) -> Path:
    """A prepared folder with 40 images of two classes at 32 px."""
    return write_phantom(tmp_path_factory.mktemp("phantom"), num_images=(28, 12), size=32, seed=0).parent


@pytest.fixture
def run_bundle() -> Callable[..., ConfigWorkflow]:
    """``run_bundle("segmentation", ["train", "rounds"], "rounds", key=value)`` -> the finished workflow."""
    return run_workflow


def run_workflow(
    bundle: str, names: list[str], run_id: str = "run", overlays: Sequence[str] = (), **overrides: Any
) -> ConfigWorkflow:
    folder = next(REPOSITORY.glob(f"bundles/*_{bundle}"))
    workflow = ConfigWorkflow(
        config_file=[*(str(folder / "configs" / f"{name}.yaml") for name in names), *overlays],
        meta_file=str(folder / "configs" / "metadata.json"),
        logging_file=False,
        workflow_type="infer" if names[0] == "inference" else "train",
        run_id=run_id,
        **{"bundle_root": str(folder), "device": "cpu", **overrides},
    )
    workflow.initialize()
    workflow.run()
    return workflow
