"""Which saved labels choose the checkpoint: drawn, and the same ones again, so that no model has trained with them."""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Sequence
from pathlib import Path

from ssgnet_monai.data.atomic_write import write_json

logger = logging.getLogger(__name__)


def draw_validation(names: Sequence[str], share: float, record: Path) -> set[str]:
    """Draw validation images by their names' hashes; labels that were saved since the last training fill up first.

    Args:
        names: of the labelled images.
        share: of them that validate, in [0, 1): at least one image, and one stays to train, where there are two.
        record: JSON file of what validated and trained before.

    Returns:
        Names of the validation images; none with ``share`` 0 or a single label.
    """
    before = json.loads(record.read_text(encoding="utf-8")) if record.exists() else {"validation": [], "training": []}
    number = min(max(round(share * len(names)), 1), len(names) - 1) if share > 0 and len(names) > 1 else 0

    def rank(name: str) -> tuple[int, str]:
        known = 0 if name in before["validation"] else 2 if name in before["training"] else 1
        return known, hashlib.sha256(name.encode()).hexdigest()

    chosen = sorted(names, key=rank)[:number]
    seen = sorted(set(chosen) & set(before["training"]))
    if seen:
        logger.warning("%s validate now and have trained before: scores of the present model are too good", seen)
    trained = sorted((set(before["training"]) | set(names)) - set(chosen))
    write_json(
        record, {"validation": sorted((set(before["validation"]) - set(trained)) | set(chosen)), "training": trained}
    )
    return set(chosen)
