import json

import pytest

from ssgnet_monai.data import datalist_sha256, pool_items, pool_sha256
from ssgnet_monai.data.atomic_write import write_json
from ssgnet_monai.data.pool import synthetic_items


@pytest.fixture
def dataset(tmp_path):
    write_json(tmp_path / "data" / "datalist.json", {"training": []})
    return tmp_path / "data"


def synthetic(tmp_path, digest):
    entry = {"image": "images/seed0.png", "class": "a", "origin": "synthetic", "datalist_sha256": digest}
    write_json(tmp_path / "gan" / "synthetic.json", {"unlabeled": [entry]})
    return tmp_path / "gan" / "synthetic.json"


DATALIST = {"unlabeled": [{"image": "/u.png"}]}
HIDDEN = [{"image": "/h.png", "origin": "real"}]


def test_origins_are_told_apart(dataset, tmp_path):
    path = synthetic(tmp_path, datalist_sha256(dataset))
    both = pool_items(DATALIST, HIDDEN, [path], "both", dataset)
    assert [item["origin"] for item in both] == ["real", "real", "synthetic"]
    assert both[2]["image"] == str(tmp_path / "gan" / "images" / "seed0.png")
    assert [i["image"] for i in pool_items(DATALIST, HIDDEN, [path], "real", dataset)] == ["/u.png", "/h.png"]
    assert len(pool_items(DATALIST, HIDDEN, [path], "synthetic", dataset)) == 1


def test_no_label_reaches_the_pool(dataset):
    items = pool_items({"unlabeled": [{"image": "/u.png", "label": "/m.png"}]}, [], [], "real", dataset)
    assert json.dumps(items) == json.dumps([{"origin": "real", "image": "/u.png"}])


def test_images_of_a_generator_of_other_data_are_refused(dataset, tmp_path):
    with pytest.raises(ValueError, match="may be test images here"):
        pool_items(DATALIST, [], [synthetic(tmp_path, "0" * 64)], "both", dataset)


def test_an_unknown_pool_is_named(dataset):
    with pytest.raises(ValueError, match="'synthetic', 'real' or 'both', got 'all'"):
        pool_items(DATALIST, [], [], "all", dataset)


def test_a_list_of_images_that_is_gone_or_is_none_is_named(dataset, tmp_path):
    path = tmp_path / "gan" / "synthetic.json"
    with pytest.raises(FileNotFoundError, match=r"generated images at .*synthetic\.json, found none\. Generate"):
        pool_items(DATALIST, [], [path], "both", dataset)
    for content in ({"training": []}, []):
        write_json(path, content)
        with pytest.raises(ValueError, match=r"list 'unlabeled' in .*synthetic\.json, got \w+Error"):
            pool_items(DATALIST, [], [path], "both", dataset)
    write_json(path, {"unlabeled": [{"image": "a.png"}]})
    with pytest.raises(ValueError, match="Expected 'image' and 'datalist_sha256' of every image in"):
        pool_items(DATALIST, [], [path], "both", dataset)


def test_the_items_of_a_generator_carry_what_its_file_tells_and_are_synthetic(dataset, tmp_path):
    path = synthetic(tmp_path, datalist_sha256(dataset))
    content = json.loads(path.read_text())
    del content["unlabeled"][0]["origin"]
    write_json(path, {"unlabeled": [{**content["unlabeled"][0], "label": "m.png", "seed": 7}]})
    image = str(tmp_path / "gan" / "images" / "seed0.png")
    digest = datalist_sha256(dataset)
    assert synthetic_items([path], dataset) == [
        {"image": image, "class": "a", "seed": 7, "datalist_sha256": digest, "origin": "synthetic"}
    ]


def test_the_hash_of_a_pool_is_that_of_its_images_and_generators_wherever_they_lie():
    one = {"image": "/a/seed0.png", "origin": "synthetic", "generator_sha256": "f"}
    other = {"image": "/a/seed1.png", "origin": "real"}
    assert pool_sha256([one, other]) == pool_sha256([other, {**one, "image": "/b/seed0.png"}])
    changed = ([one], [other, {**one, "generator_sha256": "e"}], [{**other, "origin": "synthetic"}, one])
    assert len({pool_sha256(items) for items in ([one, other], *changed)}) == 4
