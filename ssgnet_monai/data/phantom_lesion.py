"""One phantom photograph: a skin lesion under a dermatoscope, with its exact mask, drawn from random numbers."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from ssgnet_monai.data.phantom_structures import draw_structures

PHANTOM_CLASSES = ("regular", "irregular")

# sRGB in [0, 1], from pale to dark.
SKIN_TONES = np.array([[0.95, 0.80, 0.72], [0.90, 0.70, 0.58], [0.80, 0.58, 0.46], [0.62, 0.43, 0.33]], np.float32)
# Pigments as the fraction of red, green and blue that they let through.
BROWN, DARK, RED, BLUE_GREY, TAN = np.array(
    [[0.66, 0.52, 0.45], [0.40, 0.33, 0.31], [0.88, 0.58, 0.58], [0.58, 0.64, 0.74], [0.82, 0.71, 0.60]], np.float32
)
STRAY_LIGHT = np.float32(0.02)
BLUSH = np.array([0.01, -0.05, -0.04], np.float32)  # change of colour where the skin is redder


@dataclass(frozen=True)
class Patient:
    """What the images of one patient share: skin, light and instrument.

    Attributes:
        skin: sRGB of the skin in [0, 1].
        light: colour of the light, around 1.
        slope: brightness change per image side along x and y.
        vignette: fraction of light lost in the corners.
        aperture: radius of the instrument's round field in image sides; beyond it the picture is black.
        hairs: expected number of hairs an image.
        gel: expected number of bubbles and reflections an image.
    """

    skin: np.ndarray
    light: np.ndarray
    slope: np.ndarray
    vignette: float
    aperture: float
    hairs: float
    gel: float


def draw_patient(generator: np.random.Generator) -> Patient:
    """Draw a patient."""
    tone = generator.uniform(0, len(SKIN_TONES) - 1)
    below = int(tone)
    skin = SKIN_TONES[below] * (1 - tone + below) + SKIN_TONES[below + 1] * (tone - below)
    warmth = generator.normal(0, 0.03)
    return Patient(
        skin=skin,
        light=np.array([1 + warmth, 1, 1 - warmth], np.float32) * generator.uniform(0.88, 1.05),
        slope=generator.normal(0, 0.22, 2).astype(np.float32),
        vignette=generator.uniform(0.15, 0.6),
        aperture=generator.uniform(0.5, 0.62) if generator.random() < 0.4 else 2.0,
        hairs=generator.choice([0.0, 2.0, 6.0], p=[0.4, 0.35, 0.25]),
        gel=generator.choice([0.0, 1.5, 3.5], p=[0.45, 0.35, 0.2]),
    )


def render_lesion(
    generator: np.random.Generator,
    patient: Patient,
    class_name: str,
    size: int,
    structures: tuple[np.random.Generator, int] | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """Draw a photograph of a lesion and its mask.

    Args:
        generator: source of everything that is particular to this image.
        patient: what it shares with the patient's other images.
        class_name: ``"regular"`` (smooth round border, one colour) or ``"irregular"`` (wavy border, several colours).
        size: pixels of both sides.
        structures: source of the random numbers of further structures, and how many there are; they change nothing
            else in the picture.

    Returns:
        (image (size, size, 3) uint8, mask (size, size) uint8: 0 skin, 1 lesion, further numbers structures).

    Raises:
        ValueError: an unknown class.
    """
    if class_name not in PHANTOM_CLASSES:
        raise ValueError(f"Expected a class out of {PHANTOM_CLASSES}, got {class_name!r}.")
    irregular = class_name == "irregular"
    y, x = np.mgrid[0:size, 0:size].astype(np.float32) / size + np.float32(0.5 / size - 0.5)
    depth, distance = _border(generator, x, y, irregular)
    skin = patient.skin * (1 + 0.05 * _noise(generator, size, 6) + 0.035 * _noise(generator, size, 24))[..., None]
    skin = skin * (1 + _noise(generator, size, 4)[..., None] * BLUSH)
    colour = skin * (1 + depth[..., None] * (_pigment(generator, size, irregular, distance) - 1))
    mask = (distance < 0).astype(np.uint8)
    if structures is not None:
        colour, mask = draw_structures(structures[0], colour, distance, x, y, structures[1])
    # Redness of the skin around the lesion moves the apparent border outwards.
    halo = np.exp(-(np.maximum(distance, 0) ** 2) / 0.004) * (1 - depth) * generator.uniform(0, 0.22)
    colour = colour * (1 - halo[..., None] * np.array([0.15, 1.0, 0.9], np.float32))
    colour = _add_hairs(generator, colour, x, y, generator.poisson(patient.hairs))
    colour = _add_gel(generator, colour, x, y, generator.poisson(patient.gel))
    radius = np.hypot(x, y)
    shade = 1 + patient.slope[0] * x + patient.slope[1] * y - patient.vignette * np.minimum(2 * radius**2, 1.2)
    field = _sigmoid((patient.aperture - radius) / 0.012)
    colour = colour * (patient.light * (np.maximum(shade, 0.1) * field)[..., None]) + STRAY_LIGHT
    colour = colour + 0.012 * generator.standard_normal(colour.shape, np.float32)
    return np.rint(np.clip(colour, 0, 1) * 255).astype(np.uint8), mask


def _border(
    generator: np.random.Generator, x: np.ndarray, y: np.ndarray, irregular: bool
) -> tuple[np.ndarray, np.ndarray]:
    """Pigment density in [0, 1], soft at the border, and the distance to it in image sides (negative inside)."""
    centre = generator.normal(0, 0.07, 2).clip(-0.14, 0.14).astype(np.float32)
    base = generator.uniform(0.13, 0.31)
    turn, stretch = generator.uniform(0, np.pi), generator.uniform(1.0, 1.5 if irregular else 1.25)
    dx, dy = x - centre[0], y - centre[1]
    # A smooth displacement of the plane makes lobes and notches; it grows with the lesion.
    bumps = ((3, 0.055), (7, 0.03), (12, 0.012)) if irregular else ((3, 0.012),)
    for cells, height in bumps:
        dx = dx + height * (base + 0.1) / 0.3 * _noise(generator, len(x), cells)
        dy = dy + height * (base + 0.1) / 0.3 * _noise(generator, len(x), cells)
    u = (math.cos(turn) * dx + math.sin(turn) * dy) / math.sqrt(stretch)
    v = (math.cos(turn) * dy - math.sin(turn) * dx) * math.sqrt(stretch)
    distance = np.hypot(u, v) - base
    # Ambiguous borders: the transition's width changes along the border.
    side = generator.uniform(0, 2 * np.pi)
    along = (math.cos(side) * u + math.sin(side) * v) / (distance + base + 1e-3)
    width = 0.004 + generator.uniform(0.008, 0.03) * (1 + 0.9 * along)
    return _sigmoid(-distance / width), distance


def _pigment(generator: np.random.Generator, size: int, irregular: bool, distance: np.ndarray) -> np.ndarray:
    """Fraction of light let through, (size, size, 3) or (3,)."""
    if not irregular:
        kinds, strength = generator.dirichlet([3.0, 0.7, 1.0, 1.5]), generator.uniform(0.55, 1.0)
        even = kinds.astype(np.float32) @ np.stack([BROWN, DARK, RED, TAN])
        texture = 1 + 0.05 * _noise(generator, size, 20)[..., None]
        return (1 + strength * (even - 1)) * texture
    fields = np.stack([_noise(generator, size, cells) for cells in (4, 5, 4, 6, 5)], -1)
    weights = np.exp(2.2 * fields + 0.7 * generator.standard_normal(5, np.float32))
    weights /= weights.sum(-1, keepdims=True)
    mixed = weights @ np.stack([BROWN, DARK, RED, BLUE_GREY, TAN])
    deeper = 1 + 0.6 * np.clip(distance, -0.2, 0)  # thicker, hence darker, towards the middle
    return np.clip((1 + generator.uniform(0.7, 1.0) * (mixed - 1)) * deeper[..., None], 0, 1)


def _add_hairs(
    generator: np.random.Generator, colour: np.ndarray, x: np.ndarray, y: np.ndarray, number: int
) -> np.ndarray:
    if not number:
        return colour
    turn, shift = generator.uniform(0, np.pi), generator.normal(0, 0.28, number)
    turns, bend = turn + generator.uniform(-0.5, 0.5, number), generator.normal(0, 0.5, number)
    start, length = generator.uniform(-0.8, 0.2, number), generator.uniform(0.35, 1.2, number)
    thick = generator.uniform(0.003, 0.007, number)
    drawn = np.stack([np.cos(turns), np.sin(turns), shift, bend, start, start + length, thick]).astype(np.float32)
    cosine, sine, shift, bend, start, stop, thick = drawn[..., None, None]
    along, across = cosine * x + sine * y, cosine * y - sine * x
    gap = np.abs(across - shift - bend * along**2) / np.sqrt(1 + (2 * bend * along) ** 2)
    cover = np.exp(-((gap / thick) ** 2)) * ((along > start) & (along < stop))
    left = np.prod(1 - 0.75 * cover, axis=0)[..., None]
    return colour * left + np.array([0.12, 0.08, 0.06], np.float32) * (1 - left)


def _add_gel(
    generator: np.random.Generator, colour: np.ndarray, x: np.ndarray, y: np.ndarray, number: int
) -> np.ndarray:
    """Bubbles (bright rims) and reflections (bright spots)."""
    for bubble in generator.random(number) < 0.5:
        centre = generator.uniform(-0.45, 0.45, 2).astype(np.float32)
        away = np.hypot(x - centre[0], y - centre[1])
        if bubble:
            radius = generator.uniform(0.02, 0.06)
            light = 0.32 * np.exp(-(((away - radius) / 0.007) ** 2)) - 0.05 * (away < radius)
        else:
            light = 0.75 * np.exp(-((away / generator.uniform(0.008, 0.022)) ** 2))
        colour = colour + light[..., None]
    return colour


def _noise(generator: np.random.Generator, size: int, cells: int) -> np.ndarray:
    """Smooth noise of about unit spread, (size, size): a grid of normal values, interpolated."""
    weights = _interpolation(size, cells)
    return weights @ generator.standard_normal((cells + 1, cells + 1), np.float32) @ weights.T


@lru_cache(maxsize=64)
def _interpolation(size: int, cells: int) -> np.ndarray:
    place = (np.arange(size) + 0.5) / size * cells
    below = np.minimum(place.astype(int), cells - 1)
    share = place - below
    share = share * share * (3 - 2 * share)
    weights = np.zeros((size, cells + 1), np.float32)
    weights[np.arange(size), below] = 1 - share
    weights[np.arange(size), below + 1] = share
    return weights


def _sigmoid(values: np.ndarray) -> np.ndarray:
    return (1 / (1 + np.exp(-np.clip(values, -30, 30)))).astype(np.float32)
