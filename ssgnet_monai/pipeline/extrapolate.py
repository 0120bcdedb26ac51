"""From two short runs to a long one, and from stages to the whole: the arithmetic of ``ssgnet estimate``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ssgnet_monai.pipeline.stage import Stage


def straight_line(small: tuple[float, float], large: tuple[float, float]) -> tuple[float, float]:
    """Start-up cost and cost per unit from two runs.

    Args:
        small: (units, seconds) of the shorter run.
        large: those of the longer one.

    Returns:
        (a, b) of ``seconds = a + b * units``, neither below 0.

    Raises:
        ValueError: the runs are of one size.
    """
    (n1, t1), (n2, t2) = small, large
    if n2 <= n1:
        raise ValueError(f"Expected a longer second run, got {n1} and {n2} units.")
    slope = max(0.0, (t2 - t1) / (n2 - n1))
    return max(0.0, t1 - slope * n1), slope


def makespan(stages: Sequence[Stage], seconds: Mapping[str, float], cores: int, gpus: int | None = None) -> float:
    """Wall time of stages that run side by side as their inputs, the cores and the GPUs allow.

    Args:
        stages: in their order; a stage waits for those that write its inputs.
        seconds: by the stage's name.
        cores: a stage takes its ``threads`` of them.
        gpus: a stage takes its ``gpu`` of them; None: there is none to wait for.

    Returns:
        Seconds until the last one ends.
    """
    writer = {output: stage.name for stage in stages for output in stage.outputs.files()}
    waiting, running, done, now = list(stages), dict[str, tuple[float, Stage]](), set[str](), 0.0
    while waiting or running:
        for stage in list(waiting):
            busy = [other for _, other in running.values()]
            fits = not busy or sum(other.threads for other in busy) + stage.threads <= cores
            fits &= gpus is None or not busy or sum(other.gpu for other in busy) + stage.gpu <= gpus
            if fits and all(writer[name] in done for name in map(str, stage.inputs) if name in writer):
                running[stage.name] = (now + seconds[stage.name], stage)
                waiting.remove(stage)
        now, ended = min((end, name) for name, (end, _) in running.items())
        del running[ended]
        done.add(ended)
    return now
