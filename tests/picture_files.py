"""Small pictures for miniatures of datasets."""

import numpy as np
from PIL import Image


def write_picture(path, seed, shape=(12, 16)):
    """Noise, grey or colour by its shape; the same seed gives the same pixels."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.random.default_rng(seed).integers(0, 256, shape, np.uint8)).save(path)


def write_values(path, values):
    """An array as a picture."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.asarray(values, np.uint8)).save(path, quality=95)
