"""The SSGNet paper's own classification figures, and which of its classes is which of ours.

Source: SSGNet (BMVC 2025, arXiv 2510.06123), Tables 3 and 4; printed percentages are stored as fractions. Cells of
Table 4 that cannot be read with certainty are ``None``; its block "Chest X-ray (Rebal)", which the paper does not
explain, is left out.
"""

from __future__ import annotations

from typing import Any

# Table 3, per cent: accuracy and macro-F1 of ResNet50, then of SSGNet + ResNet50.
_TABLE_3 = {
    "kvasir_seg": ((86.0, 86.5), (91.0, 91.0)),
    "chest_xray": ((77.0, 70.5), (84.0, 80.5)),
    "breastmnist": ((81.0, 70.0), (87.0, 82.5)),
    "cbis_ddsm": ((60.0, 56.5), (63.0, 61.5)),
}
_SETTINGS = ("original", "balanced", "extra_20", "extra_50")
_MEASURES = ("precision", "recall", "f1")
_CLASSES = {
    "kvasir_seg": ("Negative", "Positive"),
    "chest_xray": ("Normal", "Pneumonia"),
    "breastmnist": ("Benign", "Malignant"),
    "cbis_ddsm": ("Benign", "Malignant"),
}
# Table 4, per cent, a line a setting in the order of _SETTINGS: accuracy, then precision, recall, F1 of both classes.
_TABLE_4: dict[str, tuple[tuple[Any, Any, Any], ...]] = {
    "kvasir_seg": (
        (86, None, None),
        (None, None, None),
        (91, None, None),
        (91, None, None),
    ),
    "chest_xray": (
        (77, (95, 39, 56), (74, 99, 85)),
        (79, None, None),
        (82, None, None),
        (84, None, (80, 98, 88)),
    ),
    "breastmnist": (
        (81, (80, 38, 52), (81, 96, 88)),
        (85, (76, 62, 68), (87, 93, 90)),
        (85, None, None),
        (87, (77, 71, 74), (90, 92, 91)),
    ),
    "cbis_ddsm": (
        (60, (61, 80, 69), (59, 35, 44)),
        (60, (63, 70, 66), (56, 48, 52)),
        (63, (65, 75, 70), (60, 48, 53)),
        (58, (61, 65, 63), (52, 48, 50)),
    ),
}
_CAVEATS = (
    "Not a like-for-like comparison: a network that started from ImageNet weights, other sizes and splits and far "
    "larger budgets. It shows the order of magnitude, no more.",
    "The authors' scripts choose the best model on the images that they later report; here validation and test are "
    "separate lists. The paper gives one figure a setting, without seeds or intervals.",
)
_SWAPPED = (
    "The paper's Table 4 prints the class names of BreastMNIST swapped: its “Benign” rows fit only the smaller class "
    "(42 of 156 test images), which is the malignant one. Its rows are therefore paired here by class size."
)


def published_classification(dataset: str) -> dict[str, Any] | None:
    """The paper's Tables 3 and 4 for a dataset.

    Args:
        dataset: its name as ``published_results`` has it.

    Returns:
        ``{"summary": [{"model", "accuracy", "macro_f1"}], "settings": {setting: {"accuracy", "classes": {name as
        printed: {"precision", "recall", "f1"}}}}, "pairing", "caveats"}`` with fractions in [0, 1], ``None`` for
        unreadable cells. ``pairing`` says why classes are paired by size; it is ``None`` where names decide. ``None``
        where the paper has no such dataset.

    Source: SSGNet, Tables 3 and 4.
    """
    if dataset not in _TABLE_3:
        return None
    models = ("ResNet50", "SSGNet + ResNet50")
    return {
        "summary": [
            {"model": model, **_fractions(("accuracy", "macro_f1"), row)}
            for model, row in zip(models, _TABLE_3[dataset], strict=True)
        ],
        "settings": {
            setting: {
                **_fractions(("accuracy",), (accuracy,)),
                "classes": {
                    name: _fractions(_MEASURES, cells or (None, None, None))
                    for name, cells in zip(_CLASSES[dataset], classes, strict=True)
                },
            }
            for setting, (accuracy, *classes) in zip(_SETTINGS, _TABLE_4[dataset], strict=True)
        },
        "pairing": _SWAPPED if dataset == "breastmnist" else None,
        "caveats": list(_CAVEATS),
    }


def paired_classes(paper: dict[str, Any], support: dict[str, int]) -> dict[str, str]:
    """Which class of the paper's Table 4 stands beside which of ours: by name, or by size where its names are swapped.

    Args:
        paper: what ``published_classification`` returned.
        support: test images of each of our classes.

    Returns:
        The paper's printed name for each of our classes that has one.
    """
    printed = list(paper["settings"]["original"]["classes"])
    if paper["pairing"] is None:
        names = {name.lower(): name for name in printed}
        return {ours: names[ours.lower()] for ours in support if ours.lower() in names}
    small_to_large = sorted(support, key=lambda name: support[name])
    if len(small_to_large) != 2 or len(set(support.values())) != 2:
        return {}
    return dict(zip(small_to_large, ("Benign", "Malignant"), strict=True))


def _fractions(names: tuple[str, ...], per_cent: tuple[float | None, ...]) -> dict[str, float | None]:
    return {n: None if value is None else round(value / 100, 4) for n, value in zip(names, per_cent, strict=True)}
