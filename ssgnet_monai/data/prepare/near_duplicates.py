"""Images that look alike: a perceptual hash of each, and the pairs of them on different sides of a split."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from PIL import Image
from scipy.fft import dctn

SIDE = 32
KEPT = 16
MAX_BITS = 32
"""Most different bits of two images that count as one. JPEG at quality 60, resizing, 15 % more brightness and a crop
of 98 % change up to 38 bits, mostly below 30; of 890 polyps, moles, nuclei and chests no two differ in less than 46.
Pictures without any fine detail escape: their high frequencies are rounding errors."""
BLOCK = 512


def perceptual_hash(values: np.ndarray) -> str:
    """Signs of the low frequencies of an image against their median, 255 bits.

    Args:
        values: (H, W) or (H, W, 3) uint8, or (H, W) uint16.

    Returns:
        64 hexadecimal digits.

    Source: Zauner, "Implementation and benchmarking of perceptual image hash functions" (2010), section 3.2.1.
    """
    grey = Image.fromarray(values.astype(np.float32) if values.dtype == np.uint16 else values)
    grey = grey if grey.mode == "F" else grey.convert("L")
    small = np.asarray(grey.resize((SIDE, SIDE), Image.Resampling.LANCZOS), np.float32)
    coefficients = dctn(small, norm="ortho")[:KEPT, :KEPT].ravel()[1:]
    return np.packbits(coefficients > np.median(coefficients)).tobytes().hex()


def near_pairs(
    hashes: Sequence[str], sides: Sequence[str], max_bits: int = MAX_BITS, most: int = 1000
) -> tuple[list[tuple[int, int, int]], int]:
    """Pairs of images on different sides whose hashes differ in few bits; all pairs are compared, block by block.

    Args:
        hashes: of :func:`perceptual_hash`.
        sides: the side of the split that each image is on.
        max_bits: most different bits.
        most: most pairs to list.

    Returns:
        (index, larger index, different bits) of at most ``most`` pairs, the closest of them first; and how many there
        are in all.
    """
    packed = np.frombuffer(bytes.fromhex("".join(hashes)), np.uint8).reshape(len(hashes), -1)
    signs = 2 * np.unpackbits(packed, axis=1).astype(np.float32) - 1
    side = np.unique(np.asarray(sides), return_inverse=True)[1]
    pairs: list[tuple[int, int, int]] = []
    count = 0
    for start in range(0, len(signs), BLOCK):
        rows = slice(start, start + BLOCK)
        bits = (signs.shape[1] - signs[rows] @ signs[start:].T) / 2
        near = np.triu(bits <= max_bits, 1) & (side[rows, None] != side[None, start:])
        count += int(np.count_nonzero(near))
        found = np.argwhere(near)[: most - len(pairs)]
        pairs += [(int(i) + start, int(j) + start, int(bits[i, j])) for i, j in found]
    return sorted(pairs, key=lambda pair: pair[2]), count
