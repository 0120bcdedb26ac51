"""What a running experiment shows on the terminal: each stage's start, its last progress line, and its end."""

from __future__ import annotations

import logging
import re
import time
from pathlib import Path

from ssgnet_monai.pipeline.layout import RunLayout
from ssgnet_monai.pipeline.stage import Stage

logger = logging.getLogger(__name__)
ERROR_LINE = re.compile(r"[A-Za-z_.]*(Error|Exception|Interrupt)\b")


class StageWatch:
    """Follows the stages of a run by their files.

    Args:
        run_dir: folder of the run.
        stages: its stages.
        interval: seconds between progress lines of a stage.
    """

    def __init__(self, run_dir: Path, stages: list[Stage], interval: float = 20.0) -> None:
        self.run_dir, self.interval = run_dir, interval
        self._waiting = {stage.name: stage for stage in stages if not stage.is_done(run_dir)}
        self._sizes = {name: self._log_size(name) for name in self._waiting}
        self._started: dict[str, float] = {}
        self._told = time.monotonic()
        ready = len(stages) - len(self._waiting)
        logger.info("%d stages, %d already done", len(stages), ready)

    def update(self) -> None:
        """Log what has changed since the last call."""
        for name, stage in list(self._waiting.items()):
            if name not in self._started and self._log_size(name) != self._sizes[name]:
                self._started[name] = time.monotonic()
                logger.info("%s: started (log: %s)", name, self.log(name))
            if stage.is_done(self.run_dir):
                seconds = time.monotonic() - self._started.get(name, time.monotonic())
                logger.info("%s: done in %.0f s", name, seconds)
                del self._waiting[name]
        if time.monotonic() - self._told > self.interval:
            self._told = time.monotonic()
            for name in self.unfinished():
                if line := self.tail(name, 1):
                    logger.info("%s: %s", name, line)

    def unfinished(self) -> list[str]:
        """Names of stages that have started and are not done."""
        return [name for name in self._started if name in self._waiting]

    def causes(self, name: str) -> str:
        """The error lines at the end of a stage's log, the first cause first; without any, its last lines."""
        errors = [line for line in self.tail(name, 1000).splitlines() if ERROR_LINE.match(line)]
        return "\n".join(dict.fromkeys(errors)) or self.tail(name, 25)

    def tail(self, name: str, lines: int) -> str:
        """Last lines of a stage's log; a progress bar counts as one line."""
        path = self.log(name)
        if not path.exists():
            return ""
        with open(path, "rb") as file:
            file.seek(max(0, path.stat().st_size - 20_000))
            text = file.read().decode("utf-8", "replace")
        kept = [line.rsplit("\r", 1)[-1].strip() for line in text.replace("\r\n", "\n").split("\n")]
        return "\n".join([line for line in kept if line][-lines:])

    def log(self, name: str) -> Path:
        """Where a stage's log lies."""
        return RunLayout(self.run_dir).log(name)

    def _log_size(self, name: str) -> int:
        return self.log(name).stat().st_size if self.log(name).exists() else -1
