"""Published results of semi-supervised segmentation of whole volumes, to stand beside a run on the same dataset.

Sources: of each line, in ``SOURCES``; printed percentages are stored as fractions, distances in voxels as printed.
"""

from __future__ import annotations

import re
from typing import Any

SOURCES = {
    "A": "Cheng et al. 2024 (doi 10.1109/bibm62325.2024.10822604), their table on the left atrium",
    "C": "training log in CAML's repository (Gao et al. 2023); the checkpoint was chosen on the test cases",
    "H": "H-SAM (Cheng et al. 2024), their table",
    "M": "performance.txt in MC-Net+'s repository (Wu et al. 2022), of its released weights",
    "T": "results.md in TraCoCo's repository (Liu et al. 2022)",
}
# Method, Dice, Jaccard, HD95 and ASD as printed, source; in the order of their tables.
_Line = tuple[str, float, float | None, float | None, float | None, str]
_TABLES: dict[str, dict[int, tuple[_Line, ...]]] = {
    "la2018": {
        4: (
            ("V-Net, labelled scans alone", 52.55, 39.60, 47.05, 9.87, "A"),
            ("UA-MT", 82.26, 70.98, 13.71, 3.82, "A"),
            ("SASSNet", 81.60, 69.63, 16.16, 3.58, "A"),
            ("DTC", 81.25, 69.33, 14.90, 3.99, "A"),
            ("URPC", 82.48, 71.35, 14.65, 3.65, "A"),
            ("MC-Net", 83.59, 72.36, 14.07, 2.70, "A"),
            ("SS-Net", 86.33, 76.15, 9.97, 2.31, "A"),
            ("CAML", 87.70, None, None, None, "C"),
            ("BCP", 88.02, None, None, None, "H"),
        ),
        8: (
            ("V-Net, labelled scans alone", 82.74, 71.70, 13.33, 3.26, "A"),
            ("UA-MT", 84.25, 73.48, 13.84, 3.36, "T"),
            ("SASSNet", 87.32, 77.72, 9.62, 2.55, "T"),
            ("DTC", 87.51, 78.17, 8.23, 2.36, "T"),
            ("LG-ER-MT", 85.54, 75.12, 13.29, 3.77, "T"),
            ("DUWM", 85.91, 75.75, 12.67, 3.31, "T"),
            ("URPC", 86.92, 77.03, 11.13, 2.28, "A"),
            ("MC-Net", 87.71, 78.31, 9.36, 2.18, "T"),
            ("MC-Net+, first decoder", 88.96, 80.25, 7.93, 1.86, "M"),
            ("SS-Net", 88.55, 79.62, 7.49, 1.90, "A"),
            ("CAML", 89.61, None, None, None, "C"),
            ("TraCoCo, last checkpoint", 89.29, 80.82, 6.92, 2.28, "T"),
            ("TraCoCo, best on the test cases", 89.86, 81.70, 6.81, 2.01, "T"),
        ),
        16: (
            ("UA-MT", 88.88, 80.21, 7.32, 2.26, "T"),
            ("SASSNet", 89.54, 81.24, 8.24, 2.20, "T"),
            ("DTC", 89.42, 80.98, 7.32, 2.10, "T"),
            ("LG-ER-MT", 89.62, 81.31, 7.16, 2.06, "T"),
            ("DUWM", 89.65, 81.35, 7.04, 2.03, "T"),
            ("MC-Net", 90.34, 82.48, 6.00, 1.77, "T"),
            ("MC-Net+, first decoder", 91.07, 83.67, 5.84, 1.67, "M"),
            ("CAML", 91.14, None, None, None, "C"),
            ("TraCoCo, last checkpoint", 90.94, 83.47, 5.49, 1.79, "T"),
            ("TraCoCo, best on the test cases", 91.51, 84.40, 5.63, 1.79, "T"),
        ),
        80: (("V-Net, labelled scans alone", 91.44, 84.55, 5.48, 1.53, "A"),),
    },
    "pancreas_ct": {
        6: (
            ("UA-MT", 66.44, 52.02, 17.04, 3.03, "T"),
            ("SASSNet", 68.97, 54.29, 18.83, 1.96, "T"),
            ("URPC", 73.53, 59.44, 22.57, 7.85, "T"),
            ("MC-Net+, their table", 74.01, 60.02, 12.59, 3.34, "T"),
            ("MC-Net+, released weights", 70.00, 55.66, 16.03, 3.87, "M"),
            ("TraCoCo", 79.22, 66.04, 8.46, 2.57, "T"),
        ),
        12: (
            ("UA-MT", 76.10, 62.62, 10.84, 2.43, "T"),
            ("SASSNet", 76.39, 63.17, 11.06, 1.42, "T"),
            ("URPC", 80.02, 67.30, 8.51, 1.98, "T"),
            ("MC-Net+, their table", 80.59, 68.08, 6.47, 1.74, "T"),
            ("MC-Net+, released weights", 79.37, 66.83, 8.52, 1.72, "M"),
            ("TraCoCo", 81.80, 69.56, 5.70, 1.49, "T"),
        ),
    },
    "brats2019": {
        25: (
            ("UA-MT", 84.64, 74.76, 10.47, 2.36, "T"),
            ("SASSNet", 84.73, 74.89, 9.88, 2.44, "T"),
            ("URPC", 84.53, 74.60, 9.79, 2.55, "T"),
            ("MC-Net+", 84.96, 75.14, 9.45, 2.36, "T"),
            ("TraCoCo", 85.71, 76.39, 9.20, 2.27, "T"),
        ),
        50: (
            ("UA-MT", 85.32, 75.93, 8.68, 1.98, "T"),
            ("SASSNet", 85.64, 76.33, 9.17, 2.04, "T"),
            ("URPC", 85.38, 76.14, 8.36, 1.87, "T"),
            ("MC-Net+", 86.02, 76.98, 8.74, 1.98, "T"),
            ("TraCoCo", 86.69, 77.69, 8.04, 1.93, "T"),
        ),
    },
}
_CAVEATS = {
    "la2018": "The published volumes are cropped around the true atrium, those of the test too: only a run on data "
    "that were prepared with crop=label_box is like them.",
    "pancreas_ct": "The published volumes are cropped around the true pancreas, those of the test too; 62 train and 20 "
    "test, of which 61 and 19 are left since the owner withdrew two copies.",
}
_FOR_ALL = (
    "Most published trainings choose their checkpoint on the test cases, every 200 steps; here the last one counts, or "
    "validation chooses.",
    "Published code counts an empty prediction as a distance of 0, which makes means smaller; here it has none.",
)


def published_volumes(dataset_name: str) -> dict[str, Any] | None:
    """What is published of a dataset, by the number of labelled volumes.

    Args:
        dataset_name: the datalist's name; case, blanks, hyphens and underscores do not matter.

    Returns:
        ``{"dataset", "tables": [{"labelled", "rows": [{"model", "dice", "jaccard" (fractions), "hd95", "asd" (voxels),
        "source"}]}], "caveats"}``, ``None`` for what is not published; or ``None`` for other datasets.
    """
    names = {re.sub(r"[^a-z0-9]", "", name): name for name in _TABLES}
    name = names.get(re.sub(r"[^a-z0-9]", "", dataset_name.lower()))
    if name is None:
        return None
    tables = [{"labelled": number, "rows": list(map(_row, lines))} for number, lines in _TABLES[name].items()]
    return {"dataset": name, "tables": tables, "caveats": [*filter(None, [_CAVEATS.get(name)]), *_FOR_ALL]}


def _row(line: _Line) -> dict[str, Any]:
    model, dice, jaccard, hd95, asd, source = line
    overlap = {"dice": round(dice / 100, 4), "jaccard": None if jaccard is None else round(jaccard / 100, 4)}
    return {"model": model, **overlap, "hd95": hd95, "asd": asd, "source": SOURCES[source]}
