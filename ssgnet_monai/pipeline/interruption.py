"""What Ctrl-C, SIGTERM and a closed terminal do to a run: its jobs save and end, then the run itself."""

from __future__ import annotations

import logging
import signal
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from types import FrameType

import psutil

logger = logging.getLogger(__name__)
SHELLS = ("bash", "sh", "dash")


@contextmanager
def signals_raise() -> Iterator[None]:
    """SIGTERM and SIGHUP raise ``SystemExit(128 + number)``, as Ctrl-C raises ``KeyboardInterrupt``.

    An ignored SIGHUP (``nohup``) stays ignored. Outside the main thread nothing changes.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGHUP)}
    for number, action in before.items():
        if action is not signal.SIG_IGN:
            signal.signal(number, _exit)
    try:
        yield
    finally:
        for number, action in before.items():
            signal.signal(number, action)


def end_jobs(process: subprocess.Popen[bytes], grace: float = 30.0) -> None:
    """End Snakemake at once, so that it starts nothing more; its jobs get SIGTERM and some time to save.

    Args:
        process: Snakemake, whose jobs are commands in shells.
        grace: seconds until what still runs is killed; checkpoints survive that too. A second Ctrl-C does not wait.
    """
    process.send_signal(signal.SIGSTOP)
    descendants = psutil.Process(process.pid).children(recursive=True)
    process.kill()
    logger.info("the running stages save what they have (at most %.0f s)", grace)
    try:
        shells = {p.pid: p for p in descendants if _name(p) in SHELLS}
        jobs = [p for p in descendants if p.pid not in shells and _parent(p) in shells]  # loader processes are not told
        for shell in shells.values():  # or they would start a stage's next command
            _send(shell, signal.SIGKILL)
        for job in jobs:
            _send(job, signal.SIGTERM)
        psutil.wait_procs(descendants, timeout=grace)
    finally:
        for survivor in descendants:
            _send(survivor, signal.SIGKILL)
        process.wait()


def _exit(number: int, frame: FrameType | None) -> None:
    logger.warning("%s: ending; the same command goes on from the last saved step", signal.Signals(number).name)
    raise SystemExit(128 + number)


def _send(process: psutil.Process, number: int) -> None:
    with suppress(psutil.NoSuchProcess):
        process.send_signal(number)


def _name(process: psutil.Process) -> str:
    with suppress(psutil.NoSuchProcess):
        return process.name()
    return ""


def _parent(process: psutil.Process) -> int:
    with suppress(psutil.NoSuchProcess):
        return process.ppid()
    return 0
