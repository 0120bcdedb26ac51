"""Masks of several classes: what is read off the whole set, what is refused, and whether the advice is right."""

import json
import re

import numpy as np
import pytest
from PIL import Image

from ssgnet_monai.data import load_datalist, prepare_folder
from ssgnet_monai.data.splits import SPLIT_NAMES

SIDE = 24
RED, GREEN = (255, 0, 0), (0, 200, 0)


def drawn(*values):
    """Squares of values on 0, apart from each other."""
    mask = np.zeros((SIDE, SIDE), np.uint8)
    for place, value in enumerate(values):
        row, column = divmod(place, 3)
        mask[2 + 7 * row : 7 + 7 * row, 2 + 7 * column : 7 + 7 * column] = value
    return mask


def indexed(mask, *colours):
    picture = Image.fromarray(mask).convert("P")
    picture.putpalette([part for colour in ((0, 0, 0), *colours) for part in colour])
    return picture


def coloured(mask, *colours):
    return Image.fromarray(np.array([(0, 0, 0), *colours], np.uint8)[mask])


def folder(root, masks, ending=".png"):
    """Images of noise and these masks."""
    noise = np.random.default_rng(0)
    for index, mask in enumerate(masks):
        for kind in ("images", "masks"):
            (root / kind).mkdir(parents=True, exist_ok=True)
        Image.fromarray(noise.integers(0, 256, (SIDE, SIDE), np.uint8)).save(root / "images" / f"i{index:02d}.png")
        mask = Image.fromarray(mask) if isinstance(mask, np.ndarray) else mask
        mask.save(root / "masks" / f"i{index:02d}{ending}")
    return root


def prepared(root, **options):
    path = prepare_folder(
        root, None, root / "out" if "out" not in options else options.pop("out"), size=None, **options
    )
    datalist = load_datalist(path)
    items = [item for split in SPLIT_NAMES for item in datalist[split]]
    masks = {}
    for item in items:
        with Image.open(item["label"]) as mask:
            assert mask.mode == "P"
            masks[item["label"].rsplit("/")[-1].removesuffix(".png")] = np.asarray(mask)
    record = json.loads((path.parent / "prepare.json").read_text())
    return datalist["labels"], [masks[name] for name in sorted(masks)], record


def pasted(message):
    """The example of a label file that a message gives."""
    return re.search(r"holding (\{.*?\})", message)[1]


SETS = {
    "every mask has all": [drawn(1, 2, 3)] * 5,
    "gaps": [drawn(1, 2, 3), drawn(2, 3), drawn(1, 3), drawn(3), drawn()],
    "each mask looks binary": [drawn(1), drawn(2), drawn(2), drawn(1), drawn()],
    "one inside the other": [drawn(1), drawn(1, 2), drawn(1), drawn(1, 2), drawn()],
    "in several places": [drawn(1, 1, 2), drawn(1, 2, 2, 3), drawn(2, 1, 2, 3, 4, 4), drawn(1), drawn()],
    "a mask without background": [drawn(1, 2, 3), np.where(drawn(1) > 0, 2, 3).astype(np.uint8), drawn(1), drawn(3)],
}


@pytest.mark.parametrize("masks", SETS.values(), ids=SETS)
@pytest.mark.parametrize("kind", ["grey", "palette"])
def test_small_numbers_of_the_whole_set_are_classes(tmp_path, masks, kind):
    pictures = masks if kind == "grey" else [indexed(mask, RED, GREEN, (9, 9, 9), (9, 0, 9)) for mask in masks]
    labels, found, record = prepared(folder(tmp_path, pictures))
    highest = max(mask.max() for mask in masks)
    assert labels == {"0": "background", **{str(n): f"class {n}" for n in range(1, highest + 1)}}
    for one, other in zip(found, masks, strict=True):
        np.testing.assert_array_equal(one, other)
    told = next(text for text in record["warnings"] if "are taken as classes" in text)
    named = json.loads(pasted(told))
    assert prepared(tmp_path, labels=pasted(told), out=tmp_path / "named")[0] == named == labels


def test_masks_without_mask_value_and_of_one_foreground_stay_binary(tmp_path):
    for index, masks in enumerate(
        ([drawn(1), drawn(255), drawn(), drawn(1, 1)], [drawn(7), drawn(7, 7), drawn(), drawn(7)])
    ):
        labels, found, record = prepared(folder(tmp_path / str(index), masks))
        assert labels == {"0": "background", "1": "lesion"}
        for one, other in zip(found, masks, strict=True):
            np.testing.assert_array_equal(one, other > 0)
        assert not [text for text in record["warnings"] if "classes" in text]


UNCLEAR = {
    "large numbers": ([drawn(38, 75), drawn(38), drawn(), drawn(75)], "38, 75"),
    "another foreground from mask to mask": ([drawn(38), drawn(75), drawn(), drawn(75)], "38, 75"),
    "a gap in all": ([drawn(1, 3), drawn(1), drawn(), drawn(3)], "0, 1, 3"),
    "a void": ([drawn(1, 2, 255), drawn(1), drawn(2), drawn(255)], "0, 1, 2, 255"),
    "a trimap": ([drawn(128, 255), drawn(255), drawn(255), drawn(255)], "0, 128, 255"),
    "no background": ([np.maximum(drawn(2, 3), 1)] * 4, "1, 2, 3"),
    "16 bits": ([drawn(1).astype(np.uint16) * 1000 + drawn(0, 1) * np.uint16(300)] * 4, "300, 1000"),
    "colours": ([coloured(drawn(1, 2), RED, GREEN)] * 4, "#000000, #00c800, #ff0000"),
    "another colour from mask to mask": (
        [coloured(drawn(1), RED), coloured(drawn(1), GREEN)] * 2,
        "#000000, #00c800, #ff0000",
    ),
}


@pytest.mark.parametrize(("masks", "values"), UNCLEAR.values(), ids=UNCLEAR)
def test_other_values_are_refused_with_labels_that_work(tmp_path, masks, values):
    folder(tmp_path, masks)
    with pytest.raises(ValueError, match=f"{values} in 4 masks, such as .*masks.i0.*--labels FILE.json") as refused:
        prepared(tmp_path)
    labels, found, _ = prepared(tmp_path, labels=pasted(str(refused.value)))
    given = [name for name in json.loads(pasted(str(refused.value))).values() if name != "background"]
    assert [*labels.values()] == ["background", *given]
    for one, other in zip(found, masks, strict=True):
        pixels = np.asarray(other).reshape(SIDE, SIDE, -1)[..., :3].astype(int)
        codes = pixels @ np.array([1, 256, 65536])[: pixels.shape[-1]]
        assert len(np.unique(one)) == len(np.unique(codes))
        assert len(np.unique(one.astype(int) * 2**24 + codes)) == len(np.unique(codes))  # one class for each value
    if "mask_threshold=0" in str(refused.value):
        assert prepared(tmp_path, mask_threshold=0)[0] == {"0": "background", "1": "lesion"}


def test_masks_that_number_objects_are_no_classes(tmp_path):
    masks = [drawn(*range(1, number + 1)) for number in (3, 1, 5, 2, 9, 4, 0)]
    folder(tmp_path, masks)
    with pytest.raises(ValueError, match=r"values 0 to 9.*number objects or be classes.*--mask-threshold 0") as refused:
        prepared(tmp_path)
    labels, found, _ = prepared(tmp_path, mask_threshold=0)
    assert labels == {"0": "background", "1": "lesion"}
    for one, other in zip(found, masks, strict=True):
        np.testing.assert_array_equal(one, other > 0)
    named, found, _ = prepared(tmp_path, labels=pasted(str(refused.value)))
    assert len(named) == 10
    for one, other in zip(found, masks, strict=True):
        np.testing.assert_array_equal(one, other)


def test_photographs_and_jpeg_are_refused_by_name(tmp_path):
    noise = np.random.default_rng(1).integers(0, 256, (SIDE, SIDE), np.uint8)
    folder(tmp_path / "photograph", [drawn(1), noise, drawn(2), drawn(1, 2)])
    with pytest.raises(ValueError, match=r"2 of 4 images: .*masks.i01\.png.*masks.i03\.png"):
        prepared(tmp_path / "photograph")
    folder(tmp_path / "jpeg", [drawn(60, 120, 250, 60, 120, 250)] * 4, ".jpg")
    with pytest.raises(ValueError, match=r"4 of 4 images: Expected a mask of values .*i00\.jpg"):
        prepared(tmp_path / "jpeg")
    with pytest.raises(ValueError, match=r"those of its classes, got a JPEG, which changes them, .*i00\.jpg.*as PNG"):
        prepared(tmp_path / "jpeg", labels={"60": "a", "120": "b", "250": "c"})


def test_a_second_run_reads_no_mask_again(tmp_path, caplog):
    folder(tmp_path, SETS["gaps"])
    first = prepared(tmp_path)
    with caplog.at_level("INFO"):
        second = prepared(tmp_path)
    assert "5 of 5 images were prepared before" in caplog.text
    assert first[0] == second[0]
    Image.fromarray(drawn(1, 2, 3, 4)).save(tmp_path / "masks" / "i04.png")
    assert len(prepared(tmp_path)[0]) == 5


def test_colours_values_and_indices_by_name(tmp_path):
    mask = drawn(1, 2)
    folder(tmp_path / "colours", [coloured(mask, RED, GREEN), indexed(mask, RED, GREEN), coloured(drawn(1), RED)])
    labels = {"polyp": "#ff0000", "tool": "#00c800"}
    names, found, record = prepared(tmp_path / "colours", labels=labels)
    assert names == {"0": "background", "1": "polyp", "2": "tool"}
    for one, other in zip(found, (mask, mask, drawn(1)), strict=True):
        np.testing.assert_array_equal(one, other)
    assert record["masks"]["encodings"] == {"colours": 3}
    with pytest.raises(ValueError, match=r"grey values or palette indices, as labels names them, got"):
        prepared(tmp_path / "colours", labels={"1": "polyp", "2": "tool"})
    with pytest.raises(ValueError, match=r"\{#000000, #ff0000\} that labels names, got #00c800 in .*'ignored'"):
        prepared(tmp_path / "colours", labels={"#ff0000": "polyp"})
    names, found, _ = prepared(tmp_path / "colours", labels={"#ff0000": "polyp", "#00c800": "ignored"})
    np.testing.assert_array_equal(found[0], np.where(mask == 2, 255, mask))
    folder(tmp_path / "values", [drawn(10, 20, 30), drawn(20), drawn()])
    names, found, _ = prepared(tmp_path / "values", labels={"10": "a", "20": "b", "30": "a"})
    assert names == {"0": "background", "1": "a", "2": "b"}
    np.testing.assert_array_equal(found[0], drawn(1, 2, 1))
    with pytest.raises(ValueError, match=r"\{0, 10, 20\} that labels names, got 30 in .*i00\.png"):
        prepared(tmp_path / "values", labels={"10": "a", "20": "b"})


@pytest.mark.parametrize("layout", ["endings", "folders", "beside"])
def test_a_mask_for_each_class(tmp_path, layout):
    organ = drawn(1)
    organ[2:20, 2:20] = 1
    tumour = drawn(0, 1)
    folder(tmp_path, [drawn()] * 4)
    for path in sorted((tmp_path / "masks").iterdir()):
        path.unlink()
    at = {
        "endings": "masks/{stem}_{part}.png",
        "folders": "masks/{part}/{stem}.png",
        "beside": "images/{stem}_{part}.png",
    }[layout]
    for index in range(4):
        for part, mask, value in (("Tumour", tumour, 255), ("Organ", organ, 1)):
            if part == "Organ" or index:  # the first image has none
                path = tmp_path / at.format(stem=f"i{index:02d}", part=part)
                path.parent.mkdir(exist_ok=True)
                Image.fromarray(mask * np.uint8(value)).save(path)
    masks = tmp_path / ("images" if layout == "beside" else "masks")
    if layout == "beside":
        (tmp_path / "masks").rmdir()
        message = ""
    else:
        with pytest.raises(ValueError, match=r"masks of several classes, name these with --labels") as refused:
            prepare_folder(tmp_path / "images", masks, tmp_path / "out", size=None)
        message = pasted(str(refused.value))
        assert json.loads(message) == {"organ": "class 1", "tumour": "class 2"}
    for labels in filter(None, ({"organ": "liver", "tumour": "lesion"}, message)):
        path = prepare_folder(tmp_path / "images", masks, tmp_path / "out", size=None, labels=labels)
        datalist = load_datalist(path)
        assert len(datalist["labels"]) == 3
        for item in (item for split in SPLIT_NAMES for item in datalist[split]):
            expected = np.where(tumour, 2, organ) if not item["image"].endswith("i00.png") else organ
            np.testing.assert_array_equal(np.asarray(Image.open(item["label"])), expected)
    path = prepare_folder(
        tmp_path / "images", masks, tmp_path / "out", size=None, labels={"tumour": "lesion", "organ": "liver"}
    )
    item = load_datalist(path)["training"][0]
    np.testing.assert_array_equal(np.asarray(Image.open(item["label"])) == 2, organ > 0)  # the organ lies over it
    with pytest.raises(ValueError, match=r"one of organ at the end|for every (mask|image)"):
        prepare_folder(tmp_path / "images", tmp_path / "masks" if layout != "beside" else masks, tmp_path / "out",
                       labels={"organ": "liver"})  # fmt: skip


def test_labels_of_nn_u_net(tmp_path):
    folder(tmp_path, [drawn(1, 2), drawn(1), drawn(2), drawn()])
    for index in range(4):
        (tmp_path / "images" / f"i{index:02d}.png").rename(tmp_path / "images" / f"i{index:02d}_0000.png")
    (tmp_path / "images").rename(tmp_path / "imagesTr")
    (tmp_path / "masks").rename(tmp_path / "labelsTr")
    (tmp_path / "dataset.json").write_text('{"labels": {"background": 0, "cup": 1, "disc": 2}, "file_ending": ".png"}')
    path = prepare_folder(tmp_path / "imagesTr", tmp_path / "labelsTr", tmp_path / "out", size=None)
    assert load_datalist(path)["labels"] == {"0": "background", "1": "cup", "2": "disc"}


def test_labels_that_fit_nothing(tmp_path):
    folder(tmp_path, [drawn(1)] * 4)
    with pytest.raises(ValueError, match=r"masks called as their image with one of organ, tumour at the end"):
        prepared(tmp_path, labels={"organ": "a", "tumour": "b"})
    with pytest.raises(ValueError, match=r"got both. Leave one out"):
        prepared(tmp_path, labels={"1": "a"}, mask_threshold=0)
    (tmp_path / "masks").rename(tmp_path / "elsewhere")
    with pytest.raises(ValueError, match=r"Expected masks for labels, got images without any"):
        prepare_folder(tmp_path / "images", None, tmp_path / "out", labels={"1": "a"})


def test_each_class_is_resized_cleaned_and_counted(tmp_path):
    organ = np.zeros((SIDE, SIDE), np.uint8)
    organ[2:22, 2:20] = 1
    organ[8:14, 8:14] = 2
    organ[0, 0] = 2  # a speck
    folder(tmp_path, [organ, organ, organ, organ, np.minimum(organ, 1)])
    _, found, record = prepared(tmp_path, clean_masks=1)
    np.testing.assert_array_equal(found[0][8:14, 8:14], ndimage_opened(organ == 2)[8:14, 8:14])
    assert found[0][0, 0] == 0
    assert set(np.unique(found[0])) == {0, 1, 2}
    assert found[0][3:21, 3:19].min() >= 1  # cleaning leaves no hole between the classes
    assert record["masks"]["classes"] == {"class 1": 5, "class 2": 4}
    stored = prepare_folder(tmp_path, None, tmp_path / "small", size=12)
    masks = [Image.open(item["label"]) for split in SPLIT_NAMES for item in load_datalist(stored)[split]]
    assert {mask.size for mask in masks} == {(12, 12)}
    assert all(set(np.unique(np.asarray(mask))) <= {0, 1, 2} for mask in masks)
    rare = tmp_path / "rare"
    folder(rare, [drawn(1)] * 9 + [drawn(1, 2)])
    warnings = " ".join(prepared(rare, labels={"1": "organ", "2": "tumour", "3": "cyst"})[2]["warnings"])
    assert "No mask has a pixel of 'cyst'. Export it too" in warnings
    assert warnings.count("mask has a pixel of 'tumour'") == 1
    assert "'organ'" not in warnings


def ndimage_opened(mask):
    from ssgnet_monai.data.prepare.mask_cleaning import clean_mask

    return np.where(clean_mask(mask, 1), 2, 1)


def test_classes_all_around_the_border_look_inverted(tmp_path):
    inside_out = [np.where(mask > 0, mask, 3).astype(np.uint8) for mask in [drawn(0, 1, 2)] * 4]
    for mask in inside_out:
        mask[10:12, 10:12] = 0
    folder(tmp_path, inside_out)
    with pytest.raises(ValueError, match="foreground lies all along the border.*--labels"):
        prepared(tmp_path)
    assert len(prepared(tmp_path, labels={"0": "object", "1": "a", "2": "b", "3": "c"})[0]) == 4
