"""Labels the whole pool with a round's model, as the rounds engine completes the round."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, Protocol

import torch
from ignite.engine import Engine, Events
from monai.data import DataLoader, Dataset
from tqdm import tqdm

from ssgnet_monai.data.label_vote import LabelVote, vote
from ssgnet_monai.data.pseudo_labels import LabelTask, PseudoLabelFolder, pseudo_labels
from ssgnet_monai.data.reading import reading
from ssgnet_monai.data.volumes.network_grid import on_file_grid
from ssgnet_monai.data.volumes.volume import Volume


class Predict(Protocol):
    """Gives probabilities (B, K, ...) of images (B, C, ...), by the weights of files; see ``engines.Predictor``."""

    def load(self, *models: str | Path) -> None: ...

    def answers(self, images: torch.Tensor) -> Iterable[Iterable[torch.Tensor]]: ...


class PseudoLabelHandler:
    """Re-infers every pool image's mask with the models chosen for labelling (SSGNet, Eq. 5 and 6).

    What is to be labelled, where and by which models is the engine's output, a ``LabelTask``. Masks are written as they
    come; a killed run goes on at the first image without one.

    Args:
        predict: images to probabilities.
        transform: deterministic preprocessing of a pool item, the one used for validation.
        batch_size: images per forward pass; 1 for whole volumes, which differ in size.
        num_workers: loader processes.
        threshold: with two classes, the probability from which a pixel is foreground.
        confidence_floor: pixels whose class is less probable are ignored by the loss, in [0.5, 1]. None: all count.
        voxel_spacing: mm to which ``transform`` resamples whole volumes; None: it does not.

    Raises:
        ValueError: ``confidence_floor`` is outside its range.
    """

    def __init__(
        self,
        predict: Predict,
        transform: Callable,
        batch_size: int = 32,
        num_workers: int = 0,
        threshold: float = 0.5,
        confidence_floor: float | None = None,
        voxel_spacing: Sequence[float] | None = None,
    ) -> None:
        if confidence_floor is not None and not 0.5 <= confidence_floor <= 1:
            raise ValueError(f"Expected confidence_floor in [0.5, 1] or null, got {confidence_floor}.")
        self.predict, self.transform = predict, transform
        self.batch_size, self.num_workers = batch_size, num_workers
        self.threshold, self.confidence_floor, self.voxel_spacing = threshold, confidence_floor, voxel_spacing

    def attach(self, engine: Engine) -> None:
        """Register at ``EPOCH_COMPLETED`` of the rounds engine: one epoch is one round."""
        engine.add_event_handler(Events.EPOCH_COMPLETED, self)

    def __call__(self, engine: Engine) -> None:
        task = engine.state.output
        if isinstance(task, LabelTask) and not (folder := PseudoLabelFolder(task.folder, task.sha256)).published:
            self.predict.load(*task.models)
            self._label(folder, task)

    def _label(self, folder: PseudoLabelFolder, task: LabelTask) -> None:
        items = task.items
        todo = folder.begin(items)
        images = [{key: items[i][key] for key in ("image", "axis", "slice") if key in items[i]} for i in todo]
        loader = DataLoader(Dataset(images, self._load), batch_size=self.batch_size, num_workers=self.num_workers)
        for k, batch in enumerate(tqdm(loader, desc=f"labelling {folder.folder.name}", mininterval=1.0)):
            now = todo[k * self.batch_size : (k + 1) * self.batch_size]
            voted = vote(self.predict.answers(batch["image"]), self.threshold)
            if voted.probabilities.ndim == 5:
                voted = self._on_file_grids(voted, [items[i] for i in now])
            folder.write(now, items, pseudo_labels(voted, self.threshold, self.confidence_floor, task.soft))
        folder.publish(items, {"labelled_by_round": task.round, "threshold": self.threshold})

    def _load(self, item: dict[str, Any]) -> Any:
        with reading(item):
            return self.transform(item)

    def _on_file_grids(self, voted: LabelVote, items: Sequence[dict[str, Any]]) -> LabelVote:
        def restored(values: torch.Tensor) -> torch.Tensor:
            volumes = [Volume(item["image"]) for item in items]
            pairs = zip(values, volumes, strict=True)
            return torch.stack([on_file_grid(v, file.shape, file.affine, self.voxel_spacing) for v, file in pairs])

        return LabelVote(restored(voted.probabilities), restored(voted.disagreed.float()) > 0, voted.stability)
