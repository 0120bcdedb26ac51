"""Further classes of the phantom's masks: a dark core in the lesion, a red satellite beside it."""

from __future__ import annotations

import math

import numpy as np

LESION = "lesion"
STRUCTURES = ("core", "satellite")
"""Names of mask values 2 and 3."""
CORE_LIGHT, SATELLITE_LIGHT = np.array([[0.42, 0.36, 0.36], [0.90, 0.52, 0.50]], np.float32)
"""Fraction of red, green and blue that they let through."""
SHARES = (0.9, 0.7)
"""Of the pictures that have one."""
EDGE = 0.008


def draw_structures(
    generator: np.random.Generator,
    colour: np.ndarray,
    distance: np.ndarray,
    x: np.ndarray,
    y: np.ndarray,
    number: int,
) -> tuple[np.ndarray, np.ndarray]:
    """Draw structures into a lesion's picture.

    Args:
        generator: source of everything that is particular to them.
        colour: (H, W, 3) of the skin with the lesion.
        distance: (H, W), to the lesion's border in image sides, negative inside.
        x: (H, W), place in image sides, 0 in the middle.
        y: (H, W), the same downwards.
        number: how many of ``STRUCTURES``.

    Returns:
        (colour with them, (H, W) uint8 mask: 1 lesion, 2 core, 3 satellite).
    """
    mask = (distance < 0).astype(np.uint8)
    for value, draw in ((2, _core), (3, _satellite))[:number]:
        away, light = draw(generator, distance, x, y)
        if generator.random() < SHARES[value - 2]:
            weight = 1 / (1 + np.exp(np.clip(away / EDGE, -30, 30)))
            colour = colour * (1 - weight[..., None] * (1 - light))
            mask[away < 0] = value
    return colour.astype(np.float32), mask


def _core(
    generator: np.random.Generator, distance: np.ndarray, x: np.ndarray, y: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Deeper than a share of the lesion, its border waved."""
    depth = generator.uniform(0.35, 0.6) * -float(distance.min())
    turn, waves = generator.uniform(0, 2 * math.pi), 0.12 * depth
    wave = waves * np.sin(18 * (math.cos(turn) * x + math.sin(turn) * y) + turn)
    return np.maximum(distance + depth + wave, distance + 0.3 * depth), CORE_LIGHT


def _satellite(
    generator: np.random.Generator, distance: np.ndarray, x: np.ndarray, y: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """A spot on the skin, clear of the lesion."""
    turn, radius = generator.uniform(0, 2 * math.pi), generator.uniform(0.04, 0.065)
    away = np.hypot(x - 0.38 * math.cos(turn), y - 0.38 * math.sin(turn)) - radius
    return np.maximum(away, 0.02 - distance), SATELLITE_LIGHT
