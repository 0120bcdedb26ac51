"""What a picture file holds by its own header: what Pillow hides, cuts or does not know."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from PIL import Image, TiffImagePlugin

BITS, SAMPLE_FORMAT, SAMPLES, PHOTOMETRIC = 258, 339, 277, 262
WHITE_IS_ZERO = 0
SIGNED = 2
TIFF_STARTS = (b"II*\0", b"MM\0*", b"II+\0")
PNG_START = b"\x89PNG\r\n\x1a\n"
PNG_CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}
SAMPLE_FORMATS = {1: "", 2: ", signed", 3: ", floating point", 5: ", complex integers", 6: ", complex"}
PILLOW_CHANNELS = 4


def white_is_zero(image: Image.Image) -> bool:
    """Whether an open picture is a TIFF whose value 0 is shown white (PhotometricInterpretation 0)."""
    return getattr(image, "tag_v2", {}).get(PHOTOMETRIC) == WHITE_IS_ZERO


def is_signed(image: Image.Image) -> bool:
    """Whether an open picture is a TIFF of signed numbers, of which Pillow reads 8 bits as unsigned ones."""
    return set(getattr(image, "tag_v2", {}).get(SAMPLE_FORMAT, (1,))) == {SIGNED}


def layout_of(path: str | Path) -> tuple[str, int, int] | None:
    """What a PNG or TIFF holds.

    Args:
        path: of any file.

    Returns:
        (in words such as "TIFF with 5 channels of 16 bits", channels, most bits a channel); None for other formats and
        headers that cannot be read.
    """
    try:
        with open(path, "rb") as file:
            head = file.read(26)
        if head.startswith(PNG_START):
            found, channels, bits, form = "PNG", PNG_CHANNELS[head[25]], head[24], ""
        elif not head.startswith(TIFF_STARTS):
            return None
        else:
            tags = _tiff_tags(path, head)
            found, channels, bits = "TIFF", int(tags.get(SAMPLES, 1)), max(tags.get(BITS, (1,)))
            form = SAMPLE_FORMATS.get(tags.get(SAMPLE_FORMAT, (1,))[0], ", undefined")
            form += ", WhiteIsZero" * (tags.get(PHOTOMETRIC) == WHITE_IS_ZERO)
    except Exception:  # whatever a damaged header leads to; the words are for a message
        return None
    return f"{found} with {channels} channel{'s' * (channels > 1)} of {bits} bits{form}", channels, bits


def check_layout(path: str | Path) -> None:
    """Refuse what Pillow would read with fewer bits or channels than the file has, without a word.

    Raises:
        ValueError: more than eight bits a channel of several, or more than four channels.
    """
    layout = layout_of(path)
    if layout is None:
        return
    words, channels, bits = layout
    if channels > 1 and bits > 8:
        raise ValueError(
            f"Expected colour of 8 bits a channel, or grey of 8 or 16 bits without alpha, got a {words} in {path}. "
            "Reading it would keep the upper 8 bits alone. Save its grey channel as 16-bit PNG or TIFF; or scale the "
            "colours of all pictures by one factor, so that the brightest becomes 255, and save them with 8 bits."
        )
    if channels > PILLOW_CHANNELS:
        raise ValueError(
            f"Expected one grey or three colour channels, got a {words} in {path}. Save the channels to be used as a "
            "picture of their own."
        )


def _tiff_tags(path: str | Path, head: bytes) -> Any:
    header = head[:16] if head[2:3] == b"+" else head[:8]  # BigTIFF
    tags = TiffImagePlugin.ImageFileDirectory_v2(header)
    with open(path, "rb") as file:
        if tags.next >= file.seek(0, 2):
            raise ValueError("cut off before its tags")
        file.seek(tags.next)
        tags.load(file)
    return tags
