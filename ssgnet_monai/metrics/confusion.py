"""Counts of right and wrong pixels of each class of each image, and of cases."""

from __future__ import annotations

from collections.abc import Hashable, Sequence

import torch


def confusion_counts(
    prediction: torch.Tensor, target: torch.Tensor, num_classes: int = 2, ignore_index: int = 255
) -> torch.Tensor:
    """Count true and false positives and negatives of every class in every image.

    Args:
        prediction: class numbers (B, 1, ...), integer or floating point.
        target: class numbers (B, 1, ...), and ``ignore_index`` where nothing is known: such pixels are not counted.
        num_classes: K, background included, at least 2.
        ignore_index: see ``target``.

    Returns:
        (B, K, 4) float64: TP, TN, FP, FN of class 0, 1, ... against all others.

    Raises:
        ValueError: If the shapes differ, there is more than one channel, or a value is no class.

    Source: SSGNet (arXiv 2510.06123), section 4.
    """
    if prediction.shape != target.shape or prediction.ndim < 3 or prediction.shape[1] != 1:
        raise ValueError(
            "Expected class numbers of prediction and target in one shape (B, 1, ...), "
            f"got {tuple(prediction.shape)} and {tuple(target.shape)}. Of probabilities take the class first."
        )
    found = _class_numbers(prediction, num_classes, None, "prediction")
    true = _class_numbers(target, num_classes, ignore_index, "target")
    images, rows = len(found), num_classes + 1  # the last row takes the pixels that do not count
    cell = (true + rows * torch.arange(images, device=true.device, dtype=true.dtype).unsqueeze(1)) * num_classes + found
    table = torch.bincount(cell.flatten(), minlength=images * rows * num_classes)
    table = table.view(images, rows, num_classes)[:, :num_classes].double()
    tp = table.diagonal(dim1=1, dim2=2)
    fp, fn = table.sum(1) - tp, table.sum(2) - tp
    tn = table.sum((1, 2)).unsqueeze(1) - tp - fp - fn
    return torch.stack([tp, tn, fp, fn], dim=2)


def sum_by_case(counts: torch.Tensor, cases: Sequence[Hashable]) -> torch.Tensor:
    """Counts of cases: those of a volume's slices added up, so that its Dice is that of the volume.

    Args:
        counts: (n, K, 4): TP, TN, FP, FN of images.
        cases: the case of every image.

    Returns:
        (number of cases, K, 4) float64, cases in the order in which they first occur.
    """
    numbers: dict[Hashable, int] = {}
    member = torch.tensor([numbers.setdefault(case, len(numbers)) for case in cases])
    return torch.zeros(len(numbers), *counts.shape[1:], dtype=torch.float64).index_add_(
        0, member, counts.cpu().double()
    )


def count_empty_cases(counts: torch.Tensor) -> int:
    """Number of cases without any true foreground.

    Args:
        counts: (n, K, 4): TP, TN, FP, FN.

    Returns:
        In how many TP + FN = 0 for every class but the background.
    """
    return int((counts[:, 1:, 0] + counts[:, 1:, 3] == 0).all(1).sum())


def _class_numbers(values: torch.Tensor, num_classes: int, ignore_index: int | None, name: str) -> torch.Tensor:
    """(B, pixels) int32; ``ignore_index`` becomes ``num_classes``."""
    classes = values.flatten(1).to(torch.int32, copy=True)
    whole = not values.is_floating_point() or bool((classes == values.flatten(1)).all())
    ignored = torch.zeros((), dtype=torch.bool) if ignore_index is None else classes == ignore_index
    wrong = ((classes < 0) | (classes >= num_classes)) & ~ignored.to(classes.device)
    if not whole or wrong.any():
        also = "" if ignore_index is None else f" or {ignore_index} (not known)"
        got = f"{classes[wrong].unique()[:5].tolist()}" if whole else "fractions"
        raise ValueError(
            f"Expected a {name} of class numbers from 0 to {num_classes - 1}{also}, got {got}. Probabilities become "
            "class numbers with ssgnet_monai.data.label_space.decide; masks have as many classes as num_classes says."
        )
    return classes if ignore_index is None else classes.masked_fill_(ignored, num_classes)
