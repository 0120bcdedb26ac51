"""The paper's Tables 3 and 4: consistent with each other, and paired with our classes by name or by size."""

from __future__ import annotations

import pytest

from ssgnet_monai.report.published_classification import paired_classes, published_classification


@pytest.mark.parametrize("name", ["kvasir_seg", "chest_xray", "breastmnist", "cbis_ddsm"])
def test_tables_three_and_four_agree(name: str) -> None:
    paper = published_classification(name)
    assert paper is not None
    plain, grown = paper["summary"]
    original = paper["settings"]["original"]
    assert plain["accuracy"] == original["accuracy"]
    assert grown["accuracy"] == max(setting["accuracy"] or 0 for setting in paper["settings"].values())
    scores = [entry["f1"] for entry in original["classes"].values()]
    if None not in scores:
        assert sum(scores) / 2 == pytest.approx(plain["macro_f1"], abs=0.0051)
    for setting in paper["settings"].values():
        for entry in setting["classes"].values():
            if entry["f1"] is not None:
                p, r = entry["precision"], entry["recall"]
                assert entry["f1"] == pytest.approx(2 * p * r / (p + r), abs=0.011)


def test_unreadable_cells_are_none_and_other_datasets_unknown() -> None:
    chest = published_classification("chest_xray") or {}
    assert chest["settings"]["balanced"]["classes"]["Normal"] == {"precision": None, "recall": None, "f1": None}
    assert published_classification("brain_tumor") is None


def test_classes_are_paired_by_name_but_those_of_breastmnist_by_size() -> None:
    cbis, breast = (published_classification(name) or {} for name in ("cbis_ddsm", "breastmnist"))
    assert paired_classes(cbis, {"BENIGN": 10, "malignant": 90}) == {"BENIGN": "Benign", "malignant": "Malignant"}
    assert paired_classes(cbis, {"other": 3}) == {}
    assert paired_classes(breast, {"normal, benign": 114, "malignant": 42}) == {
        "malignant": "Benign",
        "normal, benign": "Malignant",
    }
    assert paired_classes(breast, {"a": 42, "b": 42}) == {}
    assert "swapped" in breast["pairing"]
