"""The colours of the report: text stands out from every ground it lies on, in light and in dark."""

from __future__ import annotations

import re
from itertools import product
from pathlib import Path

import pytest

import ssgnet_monai.report

STYLE = Path(ssgnet_monai.report.__file__).with_name("templates") / "style.css.j2"
TEXT = ("ink", "soft", "accent", "good", "bad", "open")
GROUNDS = ("page", "panel", "tint")
LINES = ("a", "b", "c", "d")


def palettes() -> dict[str, dict[str, str]]:
    """Colours by name of each scheme, dark and print on top of light."""
    light, dark, printed = (
        dict(re.findall(r"--(\w+): (#\w+);", block))
        for block in re.findall(r":root \{(.*?)\}", STYLE.read_text(encoding="utf-8"), flags=re.DOTALL)
    )
    return {"light": light, "dark": light | dark, "print": light | printed}


def luminance(colour: str) -> float:
    """Relative luminance. Source: WCAG 2.2, definition of relative luminance."""
    digits = colour[1:] if len(colour) == 7 else "".join(2 * digit for digit in colour[1:])
    channels = [int(digits[at : at + 2], 16) / 255 for at in (0, 2, 4)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    dark, light = sorted((luminance(one), luminance(other)))
    return (light + 0.05) / (dark + 0.05)


def test_contrast_of_known_pairs() -> None:
    assert contrast("#000", "#ffffff") == pytest.approx(21)
    assert contrast("#777777", "#fff") == pytest.approx(4.48, abs=0.01)  # the well-known grey that just fails


@pytest.mark.parametrize("scheme", ["light", "dark", "print"])
def test_text_and_lines_stand_out(scheme: str) -> None:
    colours = palettes()[scheme]
    ratios = {pair: contrast(colours[pair[0]], colours[pair[1]]) for pair in product(TEXT, GROUNDS)}
    assert {pair: ratio for pair, ratio in ratios.items() if ratio < 4.5} == {}
    drawn = {line: contrast(colours[line], colours["page"]) for line in LINES}
    assert {line: ratio for line, ratio in drawn.items() if ratio < 3} == {}
