"""Which training items keep their masks: by number, by a list of names, and what is refused."""

from pathlib import Path

import pytest

from ssgnet_monai.data import split_labeled, without_labels
from ssgnet_monai.data.splits import draw_labeled

SLICES = [
    {"image": f"images/{patient}_f{f}_{k:04d}.png", "label": "m", "group": patient, "volume": f"{patient}_f{f}.nii.gz"}
    for patient in ("p1", "p2", "007")
    for f in (1, 2)
    for k in range(3)
]


def test_a_number_draws_as_before_and_none_keeps_all() -> None:
    assert split_labeled(SLICES, 6, seed=3) == draw_labeled(SLICES, 6, 3)
    assert split_labeled(SLICES, 5, labeled_by="image") == draw_labeled(SLICES, 5, 0, "image")
    assert split_labeled(SLICES) == (SLICES, [])


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (["p1"], range(6)),  # a patient
        (["p2_f1"], range(6, 9)),  # a volume, as lists of public data name it
        (["p2_f1.nii.gz", "p2_f2"], range(6, 12)),
        (["p1_f1_0001.png", " 007 "], [1, *range(12, 18)]),  # an image; numbers stay text
    ],
)
def test_a_list_names_patients_volumes_or_images(tmp_path: Path, names: list[str], expected: range) -> None:
    (tmp_path / "first.list").write_text("\n".join([*names, ""]), encoding="utf-8-sig")
    for given in (names, str(tmp_path / "first.list")):
        labelled, hidden = split_labeled(SLICES, labeled_list=given)
        assert labelled == [SLICES[index] for index in expected]
        assert len(hidden) == len(SLICES) - len(labelled)
        assert all("label" not in item for item in hidden)


def test_what_is_no_choice_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"labeled_list, such as .*got 1 others: p22\. Did you mean 'p2'"):
        split_labeled(SLICES, labeled_list=["p1", "p22"])
    with pytest.raises(ValueError, match="num_labeled or labeled_list, got num_labeled 3 and a list"):
        split_labeled(SLICES, 3, ["p1"])
    (tmp_path / "none.txt").write_text("\n \n")
    with pytest.raises(ValueError, match="at least one name in labeled_list, got none in .*none.txt"):
        split_labeled(SLICES, labeled_list=str(tmp_path / "none.txt"))


def test_items_without_their_labels_are_copies():
    items = [{"image": "a", "label": "b", "group": "c"}, {"image": "d"}]
    assert without_labels(items) == [{"image": "a", "group": "c"}, {"image": "d"}]
    assert items[0]["label"] == "b"
