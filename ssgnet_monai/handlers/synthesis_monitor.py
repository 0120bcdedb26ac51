"""What a person watches while a generator trains: progress bar, curves and sample grids."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import torch
from ignite.engine import Events
from monai.engines import IterationEvents, Trainer
from torch.utils.tensorboard import SummaryWriter
from tqdm import tqdm

from ssgnet_monai.data.atomic_write import atomic_path
from ssgnet_monai.data.image_grid import image_grid, write_image
from ssgnet_monai.handlers.training_session import TrainingSession
from ssgnet_monai.networks.stylegan3 import Generator
from ssgnet_monai.ops.ranks import rank
from ssgnet_monai.transforms import AdaptiveAugment

LOSSES = ("loss_g", "loss_d", "r1", "real_sign")


class SynthesisMonitor:
    """Progress in kimg, one line of ``stats.jsonl`` per epoch, TensorBoard scalars and sample grids.

    Args:
        session: its ``state_dir`` receives ``stats.jsonl``.
        generator: the averaged generator that draws the sample grids.
        batch_size: images per iteration.
        output_dir: folder for ``tensorboard/`` and ``samples/``.
        augment: the adaptive augmentation whose strength p is logged, or None.
        grid_interval: epochs between sample grids.
        grid_size: rows and columns of a sample grid.
    """

    _stats: Path
    _board: SummaryWriter
    _bar: tqdm
    _sums: dict[str, torch.Tensor]
    _counts: dict[str, int]
    _since: float
    _steps: int

    def __init__(
        self,
        session: TrainingSession,
        generator: Generator,
        batch_size: int,
        output_dir: str | Path,
        augment: AdaptiveAugment | None = None,
        grid_interval: int = 5,
        grid_size: int = 6,
    ) -> None:
        self.session, self.generator, self.batch_size = session, generator, batch_size
        self.output_dir, self.augment = Path(output_dir), augment
        self.grid_interval, self.grid_size = grid_interval, grid_size

    def attach(self, engine: Trainer) -> None:
        """Register at start, every iteration, every epoch and the end; attach after the checkpoint handler."""
        if rank() > 0:
            return
        engine.add_event_handler(Events.STARTED, self._start)
        engine.add_event_handler(IterationEvents.MODEL_COMPLETED, self._iteration)
        engine.add_event_handler(Events.EPOCH_COMPLETED, self._epoch)
        engine.add_event_handler(Events.EPOCH_COMPLETED(every=self.grid_interval), self._grid)
        engine.add_event_handler(Events.COMPLETED, self._finish)

    def _kimg(self, engine: Trainer) -> float:
        return engine.state.iteration * self.batch_size / 1000

    def _start(self, engine: Trainer) -> None:
        self._stats = self.session.state_dir / "stats.jsonl"
        lines = self._stats.read_text(encoding="utf-8").splitlines() if self._stats.exists() else []
        # Lines after the restored checkpoint belong to steps that will be done again.
        kept = [line for line in lines if _kimg_of(line) <= self._kimg(engine)]
        with atomic_path(self._stats) as temporary:
            temporary.write_text("".join(f"{line}\n" for line in kept), encoding="utf-8")
        self._board = SummaryWriter(self.output_dir / "tensorboard", purge_step=engine.state.iteration + 1)
        total = engine.state.max_epochs * engine.state.epoch_length * self.batch_size / 1000
        self._bar = tqdm(total=total, initial=self._kimg(engine), unit="kimg", bar_format=_BAR, mininterval=1.0)
        self._reset()

    def _reset(self) -> None:
        self._sums = {}
        self._counts = {}
        self._since, self._steps = time.perf_counter(), 0

    def _iteration(self, engine: Trainer) -> None:
        for name in LOSSES:
            if name in engine.state.output:  # summed on the device: no synchronisation per step
                value = torch.as_tensor(engine.state.output[name]).detach()
                self._sums[name] = self._sums.get(name, 0) + value
                self._counts[name] = self._counts.get(name, 0) + 1
        self._steps += 1
        self._bar.update(self.batch_size / 1000)

    def _epoch(self, engine: Trainer) -> None:
        images = self._steps * self.batch_size  # fewer than an epoch's where the run was resumed in its middle
        means = {name: float(self._sums[name]) / self._counts[name] for name in self._sums}
        record: dict[str, Any] = {
            "kimg": self._kimg(engine),
            "seconds_per_kimg": (time.perf_counter() - self._since) / images * 1000,
            "loss_g": means.get("loss_g"),
            "loss_d": means.get("loss_d"),
            "r1": means.get("r1"),
            "ada_rt": means.get("real_sign"),
            "ada_p": float(self.augment.p) if self.augment is not None else 0.0,
        }
        with open(self._stats, "a", encoding="utf-8") as file:
            file.write(json.dumps(record) + "\n")
        for name, value in record.items():
            if value is not None and name != "kimg":
                self._board.add_scalar(name, value, engine.state.iteration)
        self._bar.set_postfix_str(
            f"{record['seconds_per_kimg']:.1f} s/kimg  G {record['loss_g']:.2f}  D {record['loss_d']:.2f}  "
            f"p {record['ada_p']:.2f}"
        )
        self._reset()

    @torch.no_grad()
    def _grid(self, engine: Trainer) -> None:
        self.generator.eval()
        latents = torch.randn(self.grid_size**2, self.generator.z_dim, generator=torch.Generator().manual_seed(0))
        c_dim = self.generator.c_dim
        c = torch.eye(c_dim)[torch.arange(len(latents)) % c_dim] if c_dim else None
        device = next(self.generator.parameters()).device
        images = self.generator(latents.to(device), c.to(device) if c is not None else None)
        grid = image_grid((images.cpu() + 1) / 2, self.grid_size)
        write_image(self.output_dir / "samples" / f"kimg{self._kimg(engine):07.1f}.png", grid)
        self._board.add_image("samples", grid, engine.state.iteration)

    def _finish(self, engine: Trainer) -> None:
        self._bar.close()
        self._board.close()


def _kimg_of(line: str) -> float:
    try:
        return json.loads(line)["kimg"]
    except json.JSONDecodeError:  # cut short by a full disk or a power cut: its steps are done again
        return float("inf")


_BAR = "{l_bar}{bar}| {n:.1f}/{total:.1f} kimg [{elapsed}<{remaining}]{postfix}"
