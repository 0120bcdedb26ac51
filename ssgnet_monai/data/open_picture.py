"""Opening a picture file: its header is checked before anything is decoded, and every refusal names the file."""

from __future__ import annotations

import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from PIL import Image

from ssgnet_monai.data.image_files import is_dicom
from ssgnet_monai.data.orientation import orientation_of
from ssgnet_monai.data.picture_layout import check_layout, layout_of

MAX_MEGAPIXELS = 120.0
"""Most pixels of a picture: decoding takes about ten bytes each, so this stays below 2 GB."""
# What Pillow raises for missing, unknown, truncated and broken files (PNG chunks: SyntaxError).
UNREADABLE = (OSError, SyntaxError, EOFError, struct.error)
_LIMIT = threading.Lock()


@contextmanager
def open_picture(path: str | Path, max_megapixels: float = MAX_MEGAPIXELS) -> Iterator[Image.Image]:
    """Open a picture of one frame, by its content whatever its extension; decode its pixels within the block.

    Args:
        path: the file.
        max_megapixels: most millions of pixels (width times height).

    Yields:
        The Pillow image; only its header has been read.

    Raises:
        ValueError: an empty, unknown, truncated, damaged, too large or animated file, found here or in the block; one
            of more bits or channels than Pillow reads; a pipe or device.
    """
    if Path(path).exists() and not Path(path).is_file():
        raise ValueError(f"Expected a picture file, got a folder, pipe, socket or device at {path}. Remove it.")
    check_layout(path)
    try:
        with _open(path) as image:
            megapixels = image.width * image.height / 1e6
            if megapixels > max_megapixels:
                raise ValueError(
                    f"Expected a picture of at most {max_megapixels:g} megapixels, got {image.width}x{image.height} "
                    f"({megapixels:.0f} megapixels) in {path}. Scale it down, or raise max_megapixels (`ssgnet data "
                    "prepare --max-megapixels`); decoding takes about ten bytes a pixel."
                )
            frames = _frames(image)
            if frames > 1:
                raise ValueError(
                    f"Expected one picture a file, got {frames} frames (animation or pages) in {path}. "
                    "Save them as single files."
                )
            if image.format == "TIFF" and orientation_of(image) >= 5:
                # Pillow maps a file that has a name, and takes the sides after turning for it.
                image.filename = ""  # type: ignore[attr-defined]
            yield image
    except UNREADABLE as error:
        layout = layout_of(path) if isinstance(error, Image.UnidentifiedImageError) else None
        if layout is not None and layout[0].startswith("TIFF"):  # of a PNG, Pillow reads every layout
            raise ValueError(
                f"Expected a picture of 8 or 16 bits, grey or colour, got a {layout[0]} in {path}. Save it as PNG: "
                "grey of up to 16 bits, or colour of 8 bits a channel."
            ) from error
        raise ValueError(
            f"Expected a readable picture, got {_reason(error, Path(path))} in {path}. "
            "Copy it from its source again, or remove it."
        ) from error


def _open(path: str | Path) -> Image.Image:
    """``Image.open`` without Pillow's own limit on pixels, which is global and names no file."""
    with _LIMIT:
        limit, Image.MAX_IMAGE_PIXELS = Image.MAX_IMAGE_PIXELS, None
        try:
            return Image.open(path)
        finally:
            Image.MAX_IMAGE_PIXELS = limit


def _frames(image: Image.Image) -> int:
    if image.format == "MPO":  # a photograph whose further frames are previews
        return 1
    try:
        return int(getattr(image, "n_frames", 1))
    except TypeError as error:  # Pillow's word for a second TIFF page without size
        raise OSError(str(error)) from error


def _reason(error: Exception, path: Path) -> str:
    if path.is_file():
        with open(path, "rb") as file:
            head = file.read(8)
        if not head:
            return "an empty file (0 bytes)"
        if is_dicom(path):
            return "a DICOM file, where PNG, JPEG, TIFF or BMP is read"
        if isinstance(error, Image.UnidentifiedImageError):
            return f"no known picture format (the file begins with {head!r})"
    return f"{type(error).__name__} ({str(error).splitlines()[0] if str(error) else 'no details'})"
