"""Bounded memory for threads that decode pictures: a budget of pixels that all of them share."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager


class PixelBudget:
    """Threads decode side by side while their pictures fit the budget together; a larger picture is decoded alone.

    Args:
        pixels: the budget.
    """

    def __init__(self, pixels: int) -> None:
        self.pixels = self._free = pixels
        self._changed = threading.Condition()

    @contextmanager
    def take(self, pixels: int) -> Iterator[None]:
        """Wait until ``pixels`` fit, and hold them within the block."""
        share = min(pixels, self.pixels)
        with self._changed:
            self._changed.wait_for(lambda: self._free >= share)
            self._free -= share
        try:
            yield
        finally:
            with self._changed:
                self._free += share
                self._changed.notify_all()
