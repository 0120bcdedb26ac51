"""What one command costs: its wall time, the most memory it held, and the most of the GPU's."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from ssgnet_monai.pipeline.progress import ERROR_LINE

GPU_QUERY = ("nvidia-smi", "--query-gpu=memory.used", "--format=csv,noheader,nounits")
LINES_SHOWN = 15


@dataclass(frozen=True)
class Cost:
    """Seconds, peak resident memory and peak GPU memory (0 without a GPU), both in MiB."""

    seconds: float
    memory: float
    gpu_memory: float


def measure(command: Sequence[str], folder: Path, environment: Mapping[str, str] | None = None) -> Cost:
    """Run a command to its end.

    Args:
        command: its words.
        folder: where it runs.
        environment: added to that of this process.

    Returns:
        Its cost. GPU memory is what all programs on the first GPU hold more than before.

    Raises:
        RuntimeError: the command failed; its error lines, the first cause first.
    """
    log = folder / "measured.log"
    idle, memory, gpu, began = _gpu_memory(), 0.0, 0.0, time.monotonic()
    with open(log, "wb") as file:
        process = subprocess.Popen(
            command,
            cwd=folder,
            env={**os.environ, **(environment or {})},
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=subprocess.STDOUT,
        )
        try:
            while process.poll() is None:
                memory = max(memory, _high_water(process.pid))
                gpu = max(gpu, _gpu_memory() - idle)
                time.sleep(0.05)
        except BaseException:
            process.kill()
            process.wait()
            raise
    if process.returncode:
        lines = log.read_text(encoding="utf-8", errors="replace").splitlines()
        causes = [line for line in lines if ERROR_LINE.match(line)] or lines[-LINES_SHOWN:]
        raise RuntimeError(
            f"Expected the timing run to end well, got status {process.returncode} of {shlex.join(command)}: "
            + " | ".join(dict.fromkeys(causes))
        )
    return Cost(time.monotonic() - began, memory, gpu)


def _high_water(pid: int) -> float:
    """MiB that a process has held at most; what ``getrusage`` tells of a child counts its parent's memory too."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text(encoding="utf-8").splitlines()
    except OSError:  # it has just ended
        return 0.0
    return next((float(line.split()[1]) / 1024 for line in lines if line.startswith("VmHWM")), 0.0)


def _gpu_memory() -> float:
    """MiB in use on the first GPU."""
    if shutil.which(GPU_QUERY[0]) is None:
        return 0.0
    answer = subprocess.run(GPU_QUERY, capture_output=True, text=True, check=False)
    return float(answer.stdout.split()[0]) if answer.returncode == 0 and answer.stdout.strip() else 0.0
