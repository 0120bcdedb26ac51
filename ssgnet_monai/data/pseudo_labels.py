"""A round of pseudo-labels: probabilities become masks, written one by one and published as a folder by one rename."""

from __future__ import annotations

import hashlib
import json
import logging
import math
import os
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch

from ssgnet_monai.data.atomic_write import atomic_path, fsync_folder, sha256_file, write_json
from ssgnet_monai.data.label_space import IGNORED, decide, mask_image
from ssgnet_monai.data.label_vote import LabelVote
from ssgnet_monai.data.soft_labels import soft_planes, write_soft_label
from ssgnet_monai.data.volumes.mask_volume import write_mask_volume
from ssgnet_monai.data.volumes.volume import Volume

logger = logging.getLogger(__name__)
KINDS = ("mask", "soft")
"""Of a label's files, as a manifest names them."""


@dataclass(frozen=True)
class LabelTask:
    """What a round leaves to be labelled.

    Args:
        items: the pool.
        folder: of the round's masks.
        models: weights that label, one file or several that vote.
        round: of these weights.
        soft: whether the probabilities are kept beside the masks.
    """

    items: Sequence[dict[str, Any]]
    folder: Path
    models: Sequence[Path]
    round: int
    soft: bool = False

    @cached_property
    def sha256(self) -> str:
        """SHA-256 of the model; of the models' SHA-256 in a row where there are several."""
        of_each = [sha256_file(model) for model in self.models]
        return of_each[0] if len(of_each) == 1 else hashlib.sha256("".join(of_each).encode()).hexdigest()


class PseudoLabelFolder:
    """``round_0t/`` with one mask per pool image and ``manifest.json``: PNG of a picture or slice, NIfTI of a volume.

    While labelling, the folder is called ``round_0t.partial`` and ``progress.jsonl`` has one line per finished mask;
    after a kill, finished masks are kept if the model is the same. Publishing renames the folder; a published round
    is never changed. Soft labels, see ``soft_labels``, lie beside the masks and are named by the manifest.

    Args:
        folder: the final folder.
        model_sha256: SHA-256 of the model that labels.
    """

    def __init__(self, folder: str | Path, model_sha256: str) -> None:
        self.folder, self.model_sha256 = Path(folder), model_sha256
        self.partial = self.folder.with_name(self.folder.name + ".partial")
        self.records: dict[str, dict[str, Any]] = {}

    @property
    def published(self) -> bool:
        """Whether the round is complete, by this model."""
        manifest = self.folder / "manifest.json"
        return manifest.exists() and read_manifest(self.folder)["model_sha256"] == self.model_sha256

    def begin(self, items: Sequence[dict[str, Any]]) -> list[int]:
        """Open the partial folder; returns the indices of ``items`` that still need a mask."""
        progress = self.partial / "progress.jsonl"
        lines = progress.read_text(encoding="utf-8").splitlines() if progress.exists() else []
        for line in lines:
            try:
                record = json.loads(line)
            except json.JSONDecodeError:  # the last line of a killed run
                break
            files = [self.partial / record[kind] for kind in KINDS if kind in record]
            if record["model_sha256"] == self.model_sha256 and all(file.exists() for file in files):
                self.records[record["image"]] = record
        if not self.records:
            shutil.rmtree(self.partial, ignore_errors=True)
            self.partial.mkdir(parents=True)
        with atomic_path(progress) as temporary:
            temporary.write_text("".join(json.dumps(r) + "\n" for r in self.records.values()), encoding="utf-8")
        return [i for i, item in enumerate(items) if self._key(item) not in self.records]

    def write(self, indices: Sequence[int], items: Sequence[dict[str, Any]], labels: dict[str, torch.Tensor]) -> None:
        """Write a batch of masks and its progress lines.

        Args:
            indices: position of each sample in ``items``.
            items: the pool.
            labels: what :func:`pseudo_labels` gave.
        """
        masks = labels["mask"].cpu().numpy().astype(np.uint8)[:, 0]
        confidence, classes, stability = (labels[key].tolist() for key in ("confidence", "classes", "stability"))
        lines = []
        for k, i in enumerate(indices):
            shares = [round(share, 6) for share in classes[k]]
            soft = {"soft": self._save_soft(labels["soft"][k], i)} if "soft" in labels else {}
            record = {
                "image": self._key(items[i]),
                "mask": self._save(masks[k], i, items[i]["image"]),
                **soft,
                "mean_confidence": round(confidence[k], 6),
                "stability": round(stability[k], 6),
                "foreground": round(sum(classes[k]), 6),
                **({"classes": shares} if len(shares) > 1 else {}),
                "model_sha256": self.model_sha256,
            }
            self.records[record["image"]] = record
            lines.append(json.dumps(record) + "\n")
        with open(self.partial / "progress.jsonl", "a", encoding="utf-8") as file:
            file.writelines(lines)

    def publish(self, items: Sequence[dict[str, Any]], extra: dict[str, Any]) -> None:
        """Write the manifest and rename the folder. A round left by another model is replaced."""
        records = [self.records[self._key(item)] for item in items]
        write_json(self.partial / "manifest.json", {"model_sha256": self.model_sha256, **extra, "masks": records})
        (self.partial / "progress.jsonl").unlink()
        if self.folder.exists():
            logger.warning("replacing %s: its masks are of another model", self.folder)
            shutil.rmtree(self.folder)
        os.replace(self.partial, self.folder)
        fsync_folder(self.folder.parent)

    def _save(self, mask: np.ndarray, index: int, image: str) -> str:
        if mask.ndim == 2:
            name = f"mask{index:06d}.png"
            mask_image(mask).save(self.partial / name)
            return name
        name, volume = f"mask{index:06d}.nii.gz", Volume(image)
        if mask.shape != volume.shape:
            raise ValueError(
                f"Expected a mask of {volume.shape} voxels, as {image} has, got {mask.shape}. Preprocessing may turn "
                "and resample a volume (voxel_spacing), not crop or pad it."
            )
        write_mask_volume(self.partial / name, mask, volume)
        return name

    def _save_soft(self, planes: torch.Tensor, index: int) -> str:
        name = f"soft{index:06d}.npz"
        write_soft_label(self.partial / name, planes.cpu().numpy())
        return name

    def _key(self, item: dict[str, Any]) -> str:
        return _relative(item, self.folder)


def pseudo_labels(
    voted: LabelVote, threshold: float = 0.5, confidence_floor: float | None = None, soft: bool = False
) -> dict[str, torch.Tensor]:
    """Turn a vote into masks of class numbers.

    Args:
        voted: of pictures or of volumes.
        threshold: with two classes, the probability from which a pixel is foreground; see ``label_space.decide``.
        confidence_floor: pixels whose most probable class is less probable become ``IGNORED``. None: no pixel does.
        soft: whether the probabilities are wanted too.

    Returns:
        ``mask`` (B, 1, ...) uint8, class numbers and ``IGNORED``, which stands too where networks disagree;
        ``confidence`` (B,) mean probability of a pixel's most probable class, max(p, 1 - p) of two; ``classes``
        (B, K - 1) share of the pixels of each class but the background, ignored ones counted too; ``stability`` (B,)
        of the vote; and, if wanted, ``soft`` (B, K - 1, ...) uint8, see ``soft_planes``, ignored where the mask is.
    """
    probabilities = voted.probabilities
    mask = decide(probabilities, threshold)
    shares = [(mask == number).flatten(1).float().mean(1) for number in range(1, probabilities.shape[1])]
    confidence = probabilities.amax(1, keepdim=True)
    mask[voted.disagreed] = IGNORED
    if confidence_floor is not None:
        mask[confidence < confidence_floor] = IGNORED
    summary = {"confidence": confidence.flatten(1).mean(1), "classes": torch.stack(shares, 1)}
    planes = {"soft": soft_planes(probabilities, mask == IGNORED)} if soft else {}
    return {"mask": mask, **planes, **summary, "stability": voted.stability}


def read_manifest(folder: str | Path) -> dict[str, Any]:
    """The manifest of a published round."""
    return json.loads((Path(folder) / "manifest.json").read_text(encoding="utf-8"))


def with_pseudo_labels(
    items: Sequence[dict[str, Any]], folder: str | Path, steadiest_share: float = 1.0, soft: bool = False
) -> list[dict[str, Any]]:
    """Pool items with their labels of a round as "label", marked by "pseudo_label": True.

    Args:
        items: the pool.
        folder: of the round.
        steadiest_share: share of the real and of the synthetic items that is taken, those of the highest stability of
            their masks, in (0, 1]; all where one network and one view have labelled, since that tells no stability.
        soft: whether "label" names the soft labels instead.

    Returns:
        The items taken, in the given order.

    Raises:
        ValueError: an item has no mask in the round.
    """
    records = {record["image"]: record for record in read_manifest(folder)["masks"]}
    found = [records.get(_relative(item, folder)) for item in items]
    kind = KINDS[soft]
    missing = [item["image"] for item, record in zip(items, found, strict=True) if kind not in (record or ())]
    if missing:
        raise ValueError(
            f"Expected a {kind} label for every pool image in {folder}, {len(missing)} have none, the first is "
            f"{missing[0]}. The pool has changed since: move the run's folder away and start anew."
        )
    stability = [record["stability"] if record else 1.0 for record in found] if steadiest_share < 1 else []
    taken = _steadiest(items, stability, steadiest_share) if len(set(stability)) > 1 else range(len(items))
    labels = [str(Path(folder) / record[kind]) for record in found if record is not None]
    return [{**items[k], "label": labels[k], "pseudo_label": True} for k in taken]


def without_unsteady(
    items: Sequence[dict[str, Any]], folder: str | Path, synthetic_floor: float | None
) -> list[dict[str, Any]]:
    """Pool items without the generated images that views and networks label too differently.

    Args:
        items: the pool.
        folder: of a published round.
        synthetic_floor: least stability of a synthetic image's label, in [0, 1]. None: all stay. Where one network
            and one view have labelled, every stability is 1.
    """
    if synthetic_floor is None:
        return list(items)
    stability = {record["image"]: record["stability"] for record in read_manifest(folder)["masks"]}
    return [
        item
        for item in items
        if item.get("origin") != "synthetic" or stability.get(_relative(item, folder), 1.0) >= synthetic_floor
    ]


def _steadiest(items: Sequence[dict[str, Any]], stability: Sequence[float], share: float) -> list[int]:
    taken = list[int]()
    for origin in ("real", "synthetic"):
        own = [k for k, item in enumerate(items) if item.get("origin", "real") == origin]
        own.sort(key=lambda k: (-stability[k], k))
        taken += own[: math.ceil(share * len(own))]
    return sorted(taken)


def _relative(item: dict[str, Any], folder: str | Path) -> str:
    path = Path(os.path.relpath(item["image"], Path(folder).parent)).as_posix()
    return f"{path}#{item['slice']}" if "slice" in item else path  # of a volume
