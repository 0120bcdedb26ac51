"""One picture of a run: real and synthetic images of each class, and outlines on test images."""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

from ssgnet_monai.data.atomic_write import atomic_path
from ssgnet_monai.report.pictures import CLASS_COLOURS, Example, Grid

TILE, GAP, MARGIN, COLUMNS = 96, 4, 190, 8
COLOURS = {"Truth": (0, 114, 178), "Baseline": (230, 159, 0), "Final": (0, 158, 115)}
PAPER, INK = (255, 255, 255), (40, 40, 40)


def write_overview(path: Path, grids: Sequence[Grid], examples: Sequence[Example]) -> None:
    """Write the picture; a run without generators or examples has fewer rows, one without both has none.

    Args:
        path: PNG file.
        grids: real and synthetic images of each class.
        examples: test images with outlines.
    """
    rows: list[tuple[str, list[Image.Image]]] = []
    for grid in grids:
        rows.append((f"real\n{grid.class_name}", [_tile(_decode(uri)) for uri in grid.real[:COLUMNS]]))
        rows.append((f"generated\n{grid.class_name}", [_tile(_decode(uri)) for uri in grid.synthetic[:COLUMNS]]))
    for title, colour in COLOURS.items():
        found = (_outlined(example, title, colour) for example in examples[:COLUMNS])
        rows.append((f"test images\n{title.lower()}", [tile for tile in found if tile is not None]))
    rows = [row for row in rows if row[1]]
    if not rows:
        return
    picture = Image.new("RGB", (MARGIN + COLUMNS * (TILE + GAP), len(rows) * (TILE + GAP)), PAPER)
    draw, font = ImageDraw.Draw(picture), ImageFont.load_default(18)
    for y, (title, tiles) in enumerate(rows):
        top = y * (TILE + GAP)
        draw.multiline_text((8, top + TILE // 2), title, fill=INK, font=font, anchor="lm", spacing=6)
        for x, tile in enumerate(tiles):
            picture.paste(tile, (MARGIN + x * (TILE + GAP), top))
    with atomic_path(path) as temporary:
        picture.save(temporary, format="PNG", optimize=True)


def _decode(uri: str) -> Image.Image:
    return Image.open(io.BytesIO(base64.b64decode(uri.partition(",")[2]))).convert("RGB")


def _tile(image: Image.Image) -> Image.Image:
    return image.resize((TILE, TILE), Image.Resampling.NEAREST)


def _outlined(example: Example, title: str, colour: tuple[int, int, int]) -> Image.Image | None:
    panel = next((panel for panel in example.panels if panel.title == title), None)
    if panel is None or not panel.paths:
        return None
    tile = _tile(_decode(example.image))
    draw = ImageDraw.Draw(tile)
    scale_x, scale_y = TILE / example.width, TILE / example.height
    classes = [(CLASS_COLOURS[int(style[6:])], path) for style, path in panel.paths if style.startswith("class-")]
    for of, path in classes or [(colour, panel.paths[-1][1])]:
        for piece in filter(None, path.split("Z")):
            points = [tuple(map(float, point.split())) for point in piece.removeprefix("M").split("L")]
            draw.line([(x * scale_x, y * scale_y) for x, y in [*points, points[0]]], fill=of, width=2)
    return tile
