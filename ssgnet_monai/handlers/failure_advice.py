"""Failures of a training run whose own message does not say what to change."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, NoReturn

import psutil
import torch
from ignite.engine import Engine, Events

from ssgnet_monai.data.reading import files_being_read

LOADER_DIED = re.compile(r"DataLoader worker \(pid(?:\(s\))? [\d, ]+\) (.*?)\.? *$", re.MULTILINE)
NO_MEMORY = "can't allocate memory"  # the CPU's allocator has no error class of its own


class FailureAdvice:
    """Rewords too little memory (which key to lower) and the death of a loader process (which file it was reading).

    Other errors pass as they are.

    Args:
        memory: configuration keys that lower the need for memory -> their values, the first to change first.
    """

    def __init__(self, memory: Mapping[str, Any]) -> None:
        self.memory = dict(memory)

    def attach(self, engine: Engine) -> None:
        """Register at ``EXCEPTION_RAISED``."""
        engine.add_event_handler(Events.EXCEPTION_RAISED, self)

    def __call__(self, engine: Engine, error: BaseException) -> NoReturn:
        """Raise ``error`` or its plainer form."""
        if isinstance(error, torch.OutOfMemoryError) or (isinstance(error, RuntimeError) and NO_MEMORY in str(error)):
            keys = ", or ".join(
                f"{key} (now {'null' if value is None else value})" for key, value in self.memory.items()
            )
            raise RuntimeError(
                f"Expected step {engine.state.iteration} to fit into memory, got: {str(error).partition('. ')[0]}. "
                f"Lower {keys}, and run the same command again."
            ) from error
        died = LOADER_DIED.search(str(error)) if isinstance(error, RuntimeError) else None
        files = _files_of_the_dead()
        if died or (files and isinstance(error, EOFError | ConnectionError)):
            raise RuntimeError(
                f"Expected loader processes to live as long as the run, one {died[1] if died else 'died'}; "
                f"it was reading {'; '.join(files) or 'no file'}. Look at that file; if it is sound, memory was short: "
                "lower num_workers (0 reads in the training process itself), and run the same command again."
            ) from error
        raise error


def _files_of_the_dead() -> list[str]:
    return [files for pid, files in sorted(files_being_read().items()) if not _lives(pid)]


def _lives(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
