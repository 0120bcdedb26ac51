"""Where tests find material that is not part of the repository; absent material is a skip that says so."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

REPOSITORY = Path(__file__).resolve().parents[1]


def _material(variable: str, default: str, name: str) -> Path:
    path = Path(os.environ.get(variable, REPOSITORY.parent / "shared" / default)) / name
    if not path.exists():
        pytest.skip(f"{path} is absent; set {variable} to the folder that holds {name}")
    return path


@pytest.fixture(scope="session")
def parity() -> Callable[[str], Any]:
    """``parity("vmunet_small.pt")`` -> the fixture's content, or a skip."""
    return lambda name: torch.load(_material("SSGNET_PARITY", "parity", name), weights_only=True)


@pytest.fixture(scope="session")
def realdata() -> Callable[[str], Path]:
    """``realdata("kvasir_seg")`` -> the folder of real images, or a skip."""
    return lambda name: _material("SSGNET_REALDATA", "realdata", name)


def pytest_configure(config: pytest.Config) -> None:
    """pytest-xdist takes the files in our order, not those with the most tests first."""
    config.option.loadscopereorder = False


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Files with slow tests go first, so that no worker is left alone with one of them at the end."""
    slow = {item.path for item in items if item.get_closest_marker("slow")}
    items.sort(key=lambda item: item.path not in slow)
