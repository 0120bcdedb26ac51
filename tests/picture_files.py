"""Small pictures for miniatures of datasets."""

import struct

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


def write_white_is_zero(path, values, bits=8, order="<"):
    """A WhiteIsZero TIFF of one uncompressed strip."""
    rows, columns = values.shape
    stored = (values[..., None] >> np.arange(bits)[::-1]) & 1
    data = values.astype(f"{order}u2").tobytes() if bits == 16 else np.packbits(stored.reshape(rows, -1), 1).tobytes()
    tags = {256: columns, 257: rows, 258: bits, 259: 1, 262: 0, 273: 8, 277: 1, 278: rows, 279: len(data)}
    entries = b"".join(struct.pack(f"{order}HHII", tag, 4, 1, value) for tag, value in tags.items())
    mark = b"II" if order == "<" else b"MM"
    header = mark + struct.pack(f"{order}HI", 42, 8 + len(data))
    path.write_bytes(header + data + struct.pack(f"{order}H", len(tags)) + entries + bytes(4))
