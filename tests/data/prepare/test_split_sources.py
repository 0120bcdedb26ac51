from pathlib import Path

from ssgnet_monai.data.image_files import SourceImage
from ssgnet_monai.data.prepare.split_sources import split_sources


def case(count, split=None, group=None, name="a"):
    return [SourceImage(f"{name}{i}", Path(f"{name}{i}.png"), None, "all", group, split) for i in range(count)]


def run(sources, split="official", labelled=()):
    items = [{"image": source.stem, **({"group": source.group} if source.group else {})} for source in sources]
    items = [{**item, "label": "m"} if item["image"] in labelled else item for item in items]
    keys = [item.get("group", item["image"]) for item in items]
    return split_sources(sources, items, keys, split, 0)


def test_official_test_stays_and_validation_is_drawn_from_the_rest():
    splits, notes = run(case(16) + case(4, "test", name="t"))
    assert [item["image"] for item in splits["test"]] == ["t0", "t1", "t2", "t3"]
    assert (len(splits["training"]), len(splits["validation"])) == (14, 2)  # 0.7 : 0.1 of 16
    assert notes == []


def test_shares_put_the_official_split_aside():
    splits, _ = run(case(16) + case(4, "test", name="t"), (0.5, 0.25, 0.25))
    assert [len(splits[name]) for name in ("training", "validation", "test")] == [10, 5, 5]


def test_a_fully_official_split_draws_nothing():
    sources = case(3, "training") + case(2, "validation", name="v") + case(1, "test", name="t")
    splits, _ = run(sources)
    assert [len(splits[name]) for name in ("training", "validation", "test", "unlabeled")] == [3, 2, 1, 0]


def test_a_parted_patient_is_told_and_is_no_group():
    splits, notes = run(case(2, "training", "p1") + case(1, "validation", "p2", "v") + case(1, "test", "p1", "t"))
    assert "1 groups (patients, identical images) on both sides, such as p1" in notes[0]
    assert "group" not in splits["training"][0]
    assert splits["validation"][0]["group"] == "p2"


def test_unlabelled_images_of_a_held_out_patient_are_left_out():
    sources = case(4) + case(1, "test", "p", "t") + case(1, None, "p", "u") + case(1, "unlabeled", None, "w")
    splits, notes = run(sources, labelled={"a0", "a1", "a2", "a3", "t0"})
    assert [item["image"] for item in splits["unlabeled"]] == ["w0"]
    assert "1 images without mask share a patient" in notes[0]
