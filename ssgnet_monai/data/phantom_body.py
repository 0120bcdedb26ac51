"""The phantom's volumes: a body with two organs, drawn in millimetres, as CT would show it."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from scipy.ndimage import gaussian_filter

ORGANS = ("large organ", "small organ")
FIELD, HEIGHT = 150.0, 90.0
"""Millimetres of the field of view, across and along the body."""
AIR, TISSUE, SPINE, ORGAN_LEVELS = -1000, 0, 300, (60, 130)
NOISE, TEXTURE = 25.0, 20.0
"""Standard deviations in Hounsfield units, as the other numbers above."""
LONG = 1e6
BLUR = 0.5
"""Of the edges, in voxels."""


class Solid(NamedTuple):
    """An ellipsoid in millimetres around the middle of the field; its surface waves where there are phases."""

    centre: tuple[float, ...]
    radii: tuple[float, ...]
    phases: tuple[float, ...] = ()

    def covers(self, places: np.ndarray) -> np.ndarray:
        """Which of the places, (3, ...) in mm, lie inside: bool array."""
        x, y, z = ((place - c) / r for place, c, r in zip(places, self.centre, self.radii, strict=True))
        far = np.sqrt(x**2 + y**2 + z**2)
        if not self.phases:
            return np.asarray(far < 1)
        around, level = np.arctan2(y, x), np.hypot(x, y) / np.maximum(far, 1e-6)
        waves = 0.12 * np.cos(2 * around + self.phases[0]) + 0.08 * np.cos(3 * around + self.phases[1])
        return np.asarray(far < 1 + level * waves)


class Anatomy(NamedTuple):
    """A patient: what is in the body, the organs' intensities, and the field of view."""

    body: Solid
    spine: Solid
    organs: tuple[Solid, ...]
    levels: tuple[float, ...]
    field: float


def draw_anatomy(rng: np.random.Generator) -> Anatomy:
    """A patient's anatomy, in mm to the patient's right, back and head."""

    def organ(centre: tuple[tuple[float, float], ...], radii: tuple[float, float]) -> Solid:
        place = tuple(rng.uniform(*limits) for limits in centre)
        return Solid(place, tuple(rng.uniform(*radii, 3)), tuple(rng.uniform(0, 2 * np.pi, 2)))

    return Anatomy(
        body=Solid((0, 0, 0), (rng.uniform(62, 70), rng.uniform(48, 56), LONG)),
        spine=Solid((0, 30, 0), (10, 10, LONG)),
        organs=(
            organ(((18, 26), (-12, -2), (-8, 8)), (24, 32)),
            organ(((-34, -26), (8, 20), (-10, 10)), (13, 18)),
        ),
        levels=tuple(level + rng.normal(0, 10) for level in ORGAN_LEVELS),
        field=FIELD * rng.uniform(0.95, 1.05),
    )


def draw_scan(anatomy: Anatomy, rng: np.random.Generator, size: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A scan of a patient, in another breath and with another noise than the next one.

    Args:
        anatomy: the patient.
        rng: of the scan.
        size: voxels across; there are half as many slices.

    Returns:
        ((size, size, size // 2) int16 in Hounsfield units, uint8 class numbers, (4, 4) affine to RAS+ mm).
    """
    shape = (size, size, size // 2)
    spacing = np.array([anatomy.field, anatomy.field, HEIGHT]) / shape
    lines = [(np.arange(length) - (length - 1) / 2) * step for length, step in zip(shape, spacing, strict=True)]
    places = np.stack(np.meshgrid(lines[0][::-1], lines[1], lines[2], indexing="ij"))
    affine = np.diag([*spacing * (-1, -1, 1), 1.0])
    affine[:3, 3] = np.array([lines[0][-1], lines[1][-1], lines[2][0]]) + rng.uniform(-5, 5, 3)
    breath = np.array([0, 0, rng.uniform(-4, 4)]).reshape(3, 1, 1, 1)
    values = np.where(anatomy.body.covers(places), TISSUE, AIR).astype(np.float32)
    inside = values > AIR
    values[anatomy.spine.covers(places)] = SPINE
    classes = np.zeros(shape, np.uint8)
    for number, (organ, level) in enumerate(zip(anatomy.organs, anatomy.levels, strict=True), start=1):
        covered = organ.covers(places - breath)
        classes[covered], values[covered] = number, level
    texture = gaussian_filter(rng.normal(size=shape), 2)
    values = gaussian_filter(values, BLUR)
    values[inside] += TEXTURE / texture.std() * texture[inside]
    values += rng.normal(0, NOISE, shape)
    return np.rint(values).clip(-1024, 3071).astype(np.int16), classes, affine
