"""Labels the whole pool with a round's model, as the rounds engine completes the round."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import torch
from ignite.engine import Events
from monai.data import DataLoader, Dataset
from monai.inferers import Inferer, SimpleInferer
from tqdm import tqdm

from ssgnet_monai.data.atomic_write import sha256_file
from ssgnet_monai.data.pseudo_labels import PseudoLabelFolder, label_probabilities
from ssgnet_monai.data.reading import reading
from ssgnet_monai.data.tensor_file import load_tensors

if TYPE_CHECKING:
    from ssgnet_monai.engines.pseudo_label_rounds import PseudoLabelRounds

logger = logging.getLogger(__name__)


class PseudoLabelHandler:
    """Re-infers every pool image's mask with the model chosen for labelling (SSGNet, Eq. 5 and 6).

    Masks are written as they come; a killed run goes on at the first image without one.

    Args:
        network: segmenter that returns logits (B, 1, H, W).
        transform: deterministic preprocessing of a pool item, the one used for validation.
        device: where to infer.
        inferer: MONAI inferer.
        batch_size: images per forward pass.
        num_workers: loader processes.
        threshold: probability from which a pixel is foreground.
        confidence_floor: pixels with max(p, 1 - p) below it are ignored by the loss. None: all count.
    """

    def __init__(
        self,
        network: torch.nn.Module,
        transform: Callable,
        device: torch.device | str,
        inferer: Inferer | None = None,
        batch_size: int = 32,
        num_workers: int = 0,
        threshold: float = 0.5,
        confidence_floor: float | None = None,
    ) -> None:
        if confidence_floor is not None and not 0.5 <= confidence_floor <= 1:
            raise ValueError(f"Expected confidence_floor in [0.5, 1] or null, got {confidence_floor}.")
        self.network, self.transform, self.device = network, transform, torch.device(device)
        self.inferer = inferer or SimpleInferer()
        self.batch_size, self.num_workers = batch_size, num_workers
        self.threshold, self.confidence_floor = threshold, confidence_floor

    def attach(self, engine: PseudoLabelRounds) -> None:
        """Register at ``EPOCH_COMPLETED`` of the rounds engine: one epoch is one round."""
        engine.add_event_handler(Events.EPOCH_COMPLETED, self)

    def __call__(self, engine: PseudoLabelRounds) -> None:
        if not engine.pool:
            return
        record = engine.labeller()
        model = engine.output_dir / record["model"]
        folder = PseudoLabelFolder(engine.label_folder(engine.round), sha256_file(model))
        if not folder.published:
            self.network.load_state_dict(load_tensors(model, self.device))
            self._label(folder, engine.pool, {"labelled_by_round": record["round"], "threshold": self.threshold})

    def _load(self, item: dict[str, Any]) -> Any:
        with reading(item):
            return self.transform(item)

    @torch.inference_mode()
    def _label(self, folder: PseudoLabelFolder, items: list[dict[str, Any]], extra: dict[str, Any]) -> None:
        todo = folder.begin(items)
        images = [{key: items[i][key] for key in ("image", "axis", "slice") if key in items[i]} for i in todo]
        loader = DataLoader(Dataset(images, self._load), batch_size=self.batch_size, num_workers=self.num_workers)
        self.network.eval()
        for k, batch in enumerate(tqdm(loader, desc=f"labelling {folder.folder.name}", mininterval=1.0)):
            logits = self.inferer(batch["image"].to(self.device), self.network)
            labels = label_probabilities(logits.float().sigmoid(), self.threshold, self.confidence_floor)
            folder.write(todo[k * self.batch_size : k * self.batch_size + len(logits)], items, labels)
        folder.publish(items, extra)
