from collections import Counter

import pytest

from ssgnet_monai.data.splits import draw_labeled, split_items


def singles(**counts):
    return [
        {"image": f"{name}_{i}.png", "label": f"{name}_{i}_m.png", "class": name}
        for name, n in counts.items()
        for i in range(n)
    ]


def test_class_counts_of_single_images_are_exact():
    splits = split_items(singles(a=240, b=80))
    counts = {split: Counter(item["class"] for item in items) for split, items in splits.items()}
    assert counts == {"training": {"a": 168, "b": 56}, "validation": {"a": 24, "b": 8}, "test": {"a": 48, "b": 16}}


def test_groups_stay_together_and_shares_are_near():
    items = [
        {"image": f"{i}.png", "class": "ab"[i % 4 == 0], "group": f"p{i // 4 if i % 3 else i // 7}"} for i in range(400)
    ]
    splits = split_items(items, seed=3)
    groups = [{item["group"] for item in part} for part in splits.values()]
    assert not groups[0] & groups[1]
    assert not groups[0] & groups[2]
    assert not groups[1] & groups[2]
    assert sum(map(len, splits.values())) == 400
    for name, share in zip(splits, (0.7, 0.1, 0.2), strict=True):
        for kind in "ab":
            total = sum(item["class"] == kind for item in items)
            assert abs(sum(item["class"] == kind for item in splits[name]) - share * total) <= 4


def test_split_depends_on_seed_and_not_on_listing_order():
    items = singles(a=50)
    images = {seed: {item["image"] for item in split_items(items, seed=seed)["test"]} for seed in (0, 1)}
    again = {item["image"] for item in split_items(items[::-1], seed=0)["test"]}
    assert images[0] == again != images[1]


def test_every_wanted_split_gets_a_group_and_unwanted_ones_none():
    items = [{"image": f"{i}", "class": "a", "group": "xyz"[min(i // 20, 2)]} for i in range(45)]
    assert all(split_items(items).values())
    two = split_items(singles(a=10), (0.8, 0.2, 0.0))
    assert [len(part) for part in two.values()] == [8, 2, 0]


def test_bad_input_is_named():
    with pytest.raises(ValueError, match="at least 3 groups .* got 1 in 4 images"):
        split_items([{"image": f"{i}", "group": "p"} for i in range(4)])
    with pytest.raises(ValueError, match="add up to 1"):
        split_items(singles(a=9), (0.7, 0.1, 0.1))


def test_hidden_labels_are_gone_nested_and_stratified():
    items = singles(a=150, b=50)
    few, rest = draw_labeled(items, 20, seed=5)
    many, _ = draw_labeled(items, 120, seed=5)
    assert Counter(item["class"] for item in few) == {"a": 15, "b": 5}
    assert all("label" in item for item in few)
    assert not any("label" in item for item in rest)
    assert len(rest) == 180
    assert {item["image"] for item in few} < {item["image"] for item in many}
    assert "label" in items[0], "the given items are left as they were"
    assert draw_labeled(items, 20, seed=6)[0] != few
    assert draw_labeled(items, 200, seed=5) == (items, [])


def test_choice_does_not_depend_on_where_the_data_lies():
    items = singles(a=30)
    moved = [{**item, "image": f"/elsewhere/{item['image']}"} for item in items]
    here, there = draw_labeled(items, 7, seed=0)[0], draw_labeled(moved, 7, seed=0)[0]
    assert [f"/elsewhere/{item['image']}" for item in here] == [item["image"] for item in there]


@pytest.mark.parametrize("number", [0, 11])
def test_draw_labeled_range(number):
    with pytest.raises(ValueError, match=f"from 1 to 10 .* got {number}"):
        draw_labeled(singles(a=10), number, seed=0)


def test_draw_labeled_needs_masks():
    with pytest.raises(ValueError, match="1 without, first x.png"):
        draw_labeled([*singles(a=2), {"image": "x.png"}], 1, seed=0)


def test_draw_labeled_refuses_synthetic_images():
    items = [{"image": "a.png", "label": "a.png"}, {"image": "s.png", "origin": "synthetic", "label": "s.png"}]
    with pytest.raises(ValueError, match=r"got 1 synthetic ones, first s\.png\. Give the prepared datalist"):
        draw_labeled(items, 1, 0)


def test_whole_patients_keep_their_masks(caplog):
    items = [
        {"image": f"p{g}_{k}.png", "label": "m.png", "class": "a", "group": f"p{g}"} for g in range(10) for k in "abc"
    ]
    few, rest = draw_labeled(items, 8, seed=5)
    assert len(few) == 6
    assert not {item["group"] for item in few} & {item["group"] for item in rest}
    many, _ = draw_labeled(items, 20, seed=5)
    assert {item["image"] for item in few} < {item["image"] for item in many}
    alone, hidden = draw_labeled(items, 8, seed=5, labeled_by="image")
    assert len(alone) == 8
    assert {item["group"] for item in alone} & {item["group"] for item in hidden}
    assert len(draw_labeled(items, 2, seed=5)[0]) == 3
    assert "its 3 images are labelled" in caplog.text
    assert len(draw_labeled(items, 2, seed=5, labeled_by="image")[0]) == 2


def test_groups_of_one_image_are_drawn_as_images():
    items = [{**item, "group": f"p{i}"} for i, item in enumerate(singles(a=20, b=10))]
    items = [{**item, "label": "m.png"} for item in items]
    assert draw_labeled(items, 7, seed=3) == draw_labeled(items, 7, seed=3, labeled_by="image")
