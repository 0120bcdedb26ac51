"""The processes that torchrun starts: they join, train as one, and part."""

from __future__ import annotations

import logging
import time

import ignite.distributed as idist
from torch import distributed

GIVE_BACK = 0.2
"""Seconds that gloo's threads get at the end."""


def init_process_group(backend: str) -> None:
    """Join the process group that torchrun's environment describes, once; each process takes its own device.

    The first process tells what happens; the others log warnings and errors only.

    Args:
        backend: "nccl" on CUDA, "gloo" on CPUs.
    """
    if not distributed.is_initialized():
        idist.initialize(backend)
    if idist.get_rank() > 0:
        logging.getLogger().setLevel(logging.WARNING)


def destroy_process_group() -> None:
    """Wait until every process is done, then leave the group."""
    idist.barrier()
    # Gloo's threads give back the tensors of their last messages, for which they need Python. One that Python's end
    # overtakes aborts the process.
    time.sleep(GIVE_BACK)
    idist.finalize()
