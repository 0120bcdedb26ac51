"""What the mask pictures of a dataset mean: as their owner says, or as all of them together show."""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

from ssgnet_monai.data.image_files import ImagePair
from ssgnet_monai.data.journal import Journal, file_stamps
from ssgnet_monai.data.label_map import HOW, LabelMap, binary
from ssgnet_monai.data.prepare.mask_survey import decide_labels, label_notes, survey_mask
from ssgnet_monai.data.threads import for_each_pair

JOURNAL = ".prepare_masks.jsonl"
FORMAT = 1  # of the records


def picture_labels(
    pairs: Sequence[ImagePair],
    out: Path,
    labels: LabelMap | None,
    foreground: str,
    max_megapixels: float,
    workers: int,
    *,
    told_binary: bool,
) -> tuple[LabelMap, list[str]]:
    """The classes of a dataset's mask pictures.

    Args:
        pairs: images with their masks.
        out: the prepared folder, where what masks hold is noted for the next time.
        labels: what their owner says; None: it is read off the masks.
        foreground: name of the one class of binary masks.
        max_megapixels: most millions of pixels.
        workers: threads.
        told_binary: whether a threshold or the brighter value says what is foreground.

    Returns:
        (the classes, what to tell).

    Raises:
        ValueError: labels that fit no mask, or masks that mean nothing without a word.
    """
    masks = list(dict.fromkeys(mask for pair in pairs for mask in pair.masks))
    if labels is not None:
        _check_use(labels, pairs, told_binary)
        return labels, []
    if told_binary or not masks:
        return binary(foreground), []
    out.mkdir(parents=True, exist_ok=True)
    settings = [max_megapixels, FORMAT]
    journal = Journal(
        out / JOURNAL, {mask: json.dumps([file_stamps([mask]), settings]) for mask in masks}, lambda record: []
    )
    if journal.todo:
        journal.begin()
        survey = partial(survey_mask, max_megapixels=max_megapixels)
        for_each_pair(survey, journal.todo, workers, "reading masks", journal.note)
    contents: list[dict[str, Any]] = journal.records()
    decided = decide_labels(masks, contents, foreground)
    return decided, label_notes(decided, contents)


def _check_use(labels: LabelMap, pairs: Sequence[ImagePair], told_binary: bool) -> None:
    named = labels.source or "labels"
    if not any(pair.masks for pair in pairs):
        raise ValueError(f"Expected masks for {named}, got images without any. Give masks, or leave the labels out.")
    if not labels.parts and told_binary:
        raise ValueError(
            f"Expected {HOW}, or what makes masks binary (mask_threshold, mask_foreground), got both. Leave one out."
        )
    if labels.parts and not any(pair.parts for pair in pairs):
        raise ValueError(
            f"Expected masks for each of {', '.join(labels.parts)}, as {named} says, such as "
            f"{pairs[0].stem}_{next(iter(labels.parts))}.png or a folder of this name, got one mask an image, such as "
            f"{next(mask for pair in pairs for mask in pair.masks)}. Name their values or colours instead."
        )
