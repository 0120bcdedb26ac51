"""How the report writes numbers: fixed decimals for scores, significant digits for distances, a true minus sign."""

from __future__ import annotations

import math

MISSING = "–"


def fixed(value: float | None, decimals: int = 3) -> str:
    """A score with a fixed number of decimals, e.g. ``0.531``; a dash where it is missing.

    Args:
        value: the number, or ``None``.
        decimals: digits after the point.

    Returns:
        The text, with U+2212 as the minus sign.
    """
    if value is None or not math.isfinite(value):
        return MISSING
    return _minus(f"{value:.{decimals}f}")


def signed(value: float | None, decimals: int = 3) -> str:
    """A difference with its sign, e.g. ``+0.012``."""
    if value is None or not math.isfinite(value):
        return MISSING
    return _minus(f"{value:+.{decimals}f}")


def significant(value: float | None, digits: int = 3) -> str:
    """A distance with significant digits, e.g. ``0.0312``, ``57.0``; powers of ten only below 1e-4 or above 1e6.

    Args:
        value: the number, or ``None``.
        digits: significant digits to keep.

    Returns:
        The text, with U+2212 as the minus sign.
    """
    if value is None or not math.isfinite(value):
        return MISSING
    if value == 0:
        return "0"
    exponent = math.floor(math.log10(abs(value)))
    if not -4 <= exponent < 6:
        return _minus(f"{value:.{digits - 1}e}")
    return _minus(f"{value:.{max(digits - 1 - exponent, 0)}f}")


def count(value: float | None) -> str:
    """A whole number with thin spaces between thousands, e.g. ``10 000``."""
    return MISSING if value is None else f"{int(value):,}".replace(",", "\u202f")


def duration(seconds: float | None) -> str:
    """Seconds as a reader says them: ``8.2 s``, ``3 min 05 s``, ``1 h 02 min``."""
    if seconds is None or not math.isfinite(seconds):
        return MISSING
    if seconds < 59.95:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02d} min"


def short_hash(text: str | None, length: int = 10) -> str:
    """The first characters of a SHA-256, enough to tell files apart."""
    return text[:length] if text else MISSING


def _minus(text: str) -> str:
    return text.replace("-", "\u2212")
