"""The SSGNet paper's own figures, for the report's "paper" column, with what must be known before comparing.

Source: SSGNet (BMVC 2025, arXiv 2510.06123), Tables 1 to 6; printed percentages are stored as fractions.
"""

from __future__ import annotations

import re
from typing import Any

from ssgnet_monai.report.published_classification import published_classification

_MEASURES = ("miou", "dice", "accuracy", "specificity", "sensitivity")
_MODELS = ("VM-UNet (reproduced)", "SSGNet + VM-UNet", "t-vMF (reproduced)", "SSGNet + t-vMF")

# Table 2, per cent: mIoU, F1/Dice, accuracy, specificity, sensitivity; one tuple a model, in the order of _MODELS.
_TABLE_2 = {
    "isic2017": (
        (78.80, 88.10, 96.10, 97.40, 88.10),
        (80.54, 89.23, 96.44, 98.10, 88.15),
        (84.63, 91.43, 94.59, 96.31, 87.40),
        (86.90, 92.81, 95.45, 96.76, 89.98),
    ),
    "isic2018": (
        (80.22, 89.04, 94.81, 96.10, 90.33),
        (81.54, 89.83, 95.02, 96.70, 91.80),
        (84.44, 91.42, 94.02, 96.59, 85.32),
        (87.10, 92.96, 95.11, 97.45, 87.20),
    ),
    "cbis_ddsm": (
        (52.51, 68.86, 94.99, 95.60, 64.22),
        (56.99, 72.60, 95.25, 97.20, 74.15),
        (59.63, 71.10, 87.20, 91.28, 55.33),
        (60.98, 72.22, 88.51, 93.10, 52.60),
    ),
    "kvasir_seg": (
        (74.51, 85.37, 95.50, 96.22, 84.14),
        (76.94, 87.02, 95.77, 97.53, 87.03),
        (86.35, 92.37, 95.99, 98.70, 82.40),
        (86.79, 92.70, 96.15, 98.87, 82.50),
    ),
}
# Table 5, per cent: mIoU, Dice, accuracy after rounds 0, 1 and 2 with VM-UNet.
_TABLE_5 = {
    "cbis_ddsm": ((52.51, 68.86, 94.97), (56.68, 72.35, 95.36), (56.91, 72.54, 95.44)),
    "kvasir_seg": ((74.54, 85.42, 95.49), (76.10, 86.43, 95.79), (76.91, 86.95, 95.84)),
    "isic2017": ((78.79, 88.14, 96.05), (79.94, 88.85, 96.33), (80.55, 89.23, 96.44)),
    "isic2018": ((80.16, 88.98, 94.75), (81.09, 89.56, 94.93), (81.48, 89.80, 95.03)),
}
# Table 6, per cent: mIoU, Dice, accuracy after rounds 0, 1 and 2 with Adaptive t-vMF, its swapped columns put right.
_TABLE_6 = {
    "cbis_ddsm": ((59.63, 71.10, 87.20), (60.45, 71.80, 87.97), (60.98, 72.22, 88.51)),
    "kvasir_seg": ((86.35, 92.38, 95.99), (86.79, 92.70, 96.15), (82.44, 92.53, 94.61)),
    "isic2017": ((84.63, 91.42, 94.59), (86.90, 92.81, 95.45), (85.26, 91.81, 94.82)),
    "isic2018": ((84.55, 91.42, 94.02), (86.37, 92.53, 94.82), (87.10, 92.96, 95.11)),
}
# Table 1: FID a generator.
_TABLE_1 = {
    "isic2018": {"all": 35.40},
    "isic2017": {"all": 40.34},
    "chest_xray": {"Normal": 27.16, "Pneumonia": 29.31},
    "cbis_ddsm": {"Benign": 48.47, "Malignant": 53.09},
    "kvasir_seg": {"Normal": 52.96, "Polyp": 57.02, "full-size polyps": 45.12},
    "brain_tumor": {"No": 101.33, "Yes": 108.52},
    "breastmnist": {},
}
_OTHER_NAMES = {"kvasir_seg": {"negative": "Normal", "positive": "Polyp", "all": "full-size polyps"}}
_IMPLIED_MIOU = {"kvasir_seg": ".527", "cbis_ddsm": ".199"}

_CAVEATS = (
    "Not a like-for-like comparison: other images, other sizes, other splits and far larger budgets. "
    "It shows the order of magnitude, no more.",
    "The VM-UNet rows are foreground values pooled over all test pixels (the main table's form). The t-vMF rows are "
    "means over background and foreground (the two-class form). The two blocks of the paper's Table 2 are therefore "
    "not comparable with each other.",
    "The authors' scripts choose the best model on the images that they later report; here validation and test are "
    "separate lists.",
    "The paper's Table 6 prints its mIoU and Dice columns swapped (Dice is never below IoU); they are put right here.",
)


def published_results(dataset_name: str) -> dict[str, Any] | None:
    """The paper's figures for a dataset.

    Args:
        dataset_name: the datalist's name; case, blanks, hyphens and underscores do not matter.

    Returns:
        ``{"dataset", "fid", "segmentation", "rounds", "caveats", "classification"}`` with fractions in [0, 1] (FID as
        printed), or ``None`` where the paper has no such dataset. What it does not report for the dataset is empty,
        ``classification`` then ``None``.

    Source: SSGNet, Tables 1 to 6.
    """
    names = {re.sub(r"[^a-z0-9]", "", name): name for name in _TABLE_1}
    name = names.get(re.sub(r"[^a-z0-9]", "", dataset_name.lower()))
    if name is None:
        return None
    caveats = list(_CAVEATS)
    if name in _IMPLIED_MIOU:
        caveats.append(
            "The paper's VM-UNet sensitivity and specificity do not fit its own mIoU on this dataset: they imply "
            f"{_IMPLIED_MIOU[name]} for the reproduced baseline."
        )
    return {
        "dataset": name,
        "fid": _TABLE_1[name],
        "segmentation": [
            {
                "model": model,
                "form": "pooled foreground" if "VM-UNet" in model else "two-class mean",
                **_fractions(_MEASURES, row),
            }
            for model, row in zip(_MODELS, _TABLE_2.get(name, ()), strict=False)
        ],
        "rounds": [
            {"model": model, "form": form, "round": index, **_fractions(_MEASURES[:3], row)}
            for model, form, table in (
                ("VM-UNet", "pooled foreground", _TABLE_5),
                ("Adaptive t-vMF", "two-class mean", _TABLE_6),
            )
            for index, row in enumerate(table.get(name, ()))
        ],
        "caveats": caveats,
        "classification": published_classification(name),
    }


def published_fid(paper: dict[str, Any], class_name: str) -> float | None:
    """The paper's FID of the generator of a class, whatever the case of its name.

    Args:
        paper: what ``published_results`` returned.
        class_name: the generator's class, or "all".

    Source: SSGNet, Table 1.
    """
    known = {name.lower(): fid for name, fid in paper["fid"].items()}
    other = _OTHER_NAMES.get(paper["dataset"], {}).get(class_name.lower(), class_name)
    return known.get(other.lower())


def _fractions(names: tuple[str, ...], per_cent: tuple[float, ...]) -> dict[str, float]:
    return {name: round(value / 100, 4) for name, value in zip(names, per_cent, strict=True)}
