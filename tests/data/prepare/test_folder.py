import csv
import json
import logging
import shutil
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

from ssgnet_monai.data import load_datalist, prepare_folder
from ssgnet_monai.data.prepare.write_dataset import percentile_window
from ssgnet_monai.data.splits import SPLIT_NAMES

SIZE = (10, 14)  # height, width


def picture(seed, shape=(*SIZE, 3)):
    return np.random.default_rng(seed).integers(0, 256, shape, np.uint8)


def disc(radius=3):
    y, x = np.mgrid[0 : SIZE[0], 0 : SIZE[1]]
    return (y - 4) ** 2 + (x - 6) ** 2 < radius**2


def write(path, values, **options):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.asarray(values)).save(path, **options)


def make(root, number=6, image_suffix=".png", mask_name="{}.png", value=255):
    for index in range(number):
        write(root / "images" / f"case{index}{image_suffix}", picture(index))
        write(root / "masks" / mask_name.format(f"case{index}"), disc().astype(np.uint8) * value)
    return root / "images", root / "masks"


def everything(datalist):
    return [item for split in (*SPLIT_NAMES, "unlabeled") for item in datalist[split]]


@pytest.mark.parametrize("mask_name", ["{}.png", "{}_mask.png", "{}_Segmentation.PNG", "{}_lesion.bmp"])
@pytest.mark.parametrize("value", [1, 255])
def test_pairs_and_encodings(tmp_path, mask_name, value):
    path = prepare_folder(*make(tmp_path, 6, ".BMP", mask_name, value), tmp_path / "out", size=None, name="toy")
    datalist = load_datalist(path)
    assert [len(datalist[split]) for split in SPLIT_NAMES] == [4, 1, 1]
    assert datalist["classes"] == ["all"]
    assert datalist["labels"] == {"0": "background", "1": "lesion"}
    assert datalist["num_channels"] == 3
    assert datalist["intensity_window"] == [0, 255]
    assert datalist["image_size"] is None
    for item in everything(datalist):
        index = int(item["image"].removesuffix(".png")[-1])
        np.testing.assert_array_equal(np.asarray(Image.open(item["image"])), picture(index))
        np.testing.assert_array_equal(np.asarray(Image.open(item["label"])), disc())
    found = json.loads((tmp_path / "out" / "prepare.json").read_text())
    assert found["masks"]["encodings"] == {f"0/{value}": 6}
    assert found["images"]["formats"] == {"BMP": 6}
    assert str(tmp_path) not in (tmp_path / "out" / "prepare.json").read_text() + path.read_text()


def test_sizes_are_height_first_and_masks_stay_binary(tmp_path):
    datalist = load_datalist(prepare_folder(*make(tmp_path), tmp_path / "out", size=(24, 16)))
    item = datalist["training"][0]
    assert Image.open(item["image"]).size == (16, 24)
    assert Image.open(item["label"]).size == (16, 24)
    assert set(np.unique(np.asarray(Image.open(item["label"])))) == {0, 1}
    assert datalist["image_size"] == [24, 16]


def test_mask_kinds(tmp_path):
    make(tmp_path, 7)
    masks, mask = tmp_path / "masks", disc()
    for path in masks.iterdir():
        path.unlink()
    write(masks / "case0.jpg", mask.astype(np.uint8) * 255, quality=70)
    palette = Image.fromarray(mask.astype(np.uint8), "L").convert("P")
    palette.putpalette([0, 0, 0, 128, 0, 0])
    palette.save(masks / "case1.png")
    white = Image.fromarray(mask.astype(np.uint8), "L").convert("P")
    white.putpalette([255, 255, 255, 200, 0, 0])  # index 0 is the background, whatever its colour
    white.save(masks / "case2.png")
    Image.fromarray(mask.astype(np.uint8) * 255).convert("1").save(masks / "case3.png")
    write(masks / "case4.png", np.where(mask[..., None], (200, 30, 30), (0, 0, 0)).astype(np.uint8))
    write(masks / "case5.png", np.dstack([np.zeros((*SIZE, 3), np.uint8), mask.astype(np.uint8) * 255]))
    write(masks / "case6.png", np.zeros(SIZE, np.uint8))
    datalist = load_datalist(prepare_folder(tmp_path / "images", masks, tmp_path / "out", size=None))
    for item in everything(datalist):
        stored = np.asarray(Image.open(item["label"])) > 0
        if item["label"].endswith("case0.png"):
            assert (stored != mask).mean() < 0.05
        else:
            np.testing.assert_array_equal(
                stored, mask & (not item["label"].endswith("case6.png")), err_msg=item["label"]
            )
    found = json.loads((tmp_path / "out" / "prepare.json").read_text())["masks"]
    assert found["empty"] == 1
    assert found["encodings"]["0/255 with ringing or grey edges"] == 1


def test_image_kinds(tmp_path):
    images = tmp_path / "images"
    grey = {name: picture(seed, SIZE) for seed, name in enumerate("abcd")}
    write(images / "a.png", grey["a"])
    write(images / "b.tif", np.dstack([grey["b"]] * 3))
    write(images / "c.png", np.dstack([grey["c"], np.full(SIZE, 255, np.uint8)]))
    Image.fromarray(grey["d"]).convert("P").save(images / "d.png")
    datalist = load_datalist(prepare_folder(images, None, tmp_path / "out", size=None))
    assert datalist["num_channels"] == 1
    assert datalist["modality"] == {"0": "grey"}
    for item in everything(datalist):
        np.testing.assert_array_equal(np.asarray(Image.open(item["image"])), grey[item["image"][-5]])
        assert "label" not in item


def test_copies_share_a_split(tmp_path):
    images, masks = make(tmp_path, 20)
    for index in range(0, 20, 2):
        shutil.copy(images / f"case{index}.png", images / f"copy{index}.png")
        shutil.copy(masks / f"case{index}.png", masks / f"copy{index}.png")
    datalist = load_datalist(prepare_folder(images, masks, tmp_path / "out", size=None))
    place = {item["image"].rsplit("/")[-1]: split for split in SPLIT_NAMES for item in datalist[split]}
    assert all(place[f"case{index}.png"] == place[f"copy{index}.png"] for index in range(0, 20, 2))
    assert json.loads((tmp_path / "out" / "prepare.json").read_text())["images"]["identical"] == 10


def test_sixteen_bits_stay_and_get_one_window_from_training(tmp_path):
    generator = np.random.default_rng(0)
    values = {index: generator.integers(500, 40000, SIZE).astype(np.uint16) for index in range(10)}
    for index, array in values.items():
        write(tmp_path / "images" / f"x{index}.{'png' if index % 2 else 'tif'}", array)
    datalist = load_datalist(prepare_folder(tmp_path / "images", None, tmp_path / "out", size=None))
    training = [values[int(item["image"][-5])] for item in datalist["training"]]
    low, high = datalist["intensity_window"]
    expected = np.percentile(np.concatenate(training), [0.5, 99.5], method="inverted_cdf")
    assert [low, high] == expected.tolist()
    for item in everything(datalist):
        stored = Image.open(item["image"])
        assert stored.mode == "I;16"
        np.testing.assert_array_equal(np.asarray(stored), values[int(item["image"][-5])])
    write(tmp_path / "images" / "eight.png", picture(0, SIZE))
    with pytest.raises(ValueError, match=r"one bit depth, found 1 images of 8 bits \(eight.png\) and 10 of 16"):
        prepare_folder(tmp_path / "images", None, tmp_path / "out2")
    write(tmp_path / "flat.png", np.full(SIZE, 7, np.uint16))
    with pytest.raises(ValueError, match="nothing but grey level 7"):
        percentile_window([tmp_path / "flat.png"])


def test_classes_from_folders_and_groups_from_names(tmp_path):
    for index in range(30):
        name = "normal" if index % 3 else "tumour"
        write(tmp_path / "d" / "d" / name / f"person{index // 2}_{index}.png", picture(index))
    path = prepare_folder(tmp_path / "d", None, tmp_path / "out", classes="folders", groups=r"^(person\d+)_", size=8)
    datalist = load_datalist(path)
    assert datalist["classes"] == ["normal", "tumour"]
    assert datalist["group_source"] == r"^(person\d+)_"
    groups = [{item["group"] for item in datalist[split]} for split in SPLIT_NAMES]
    assert sum(map(len, groups)) == len(set.union(*groups)) == 15
    assert {item["class"] for item in datalist["training"]} == {"normal", "tumour"}


def test_tables(tmp_path):
    images, masks = make(tmp_path, 9)
    with open(tmp_path / "t.csv", "w", newline="", encoding="utf-8-sig") as file:
        rows = [[f"case{i}.png", f" p{i // 2}", "ab"[i % 2]] for i in range(9)]
        csv.writer(file).writerows([["Image", "patient", "grade"], *rows, ["elsewhere", "p", "a"]])
    table = tmp_path / "t.csv"
    path = prepare_folder(images, masks, tmp_path / "out", classes=f"{table}:grade", groups=table, size=8)
    items = {item["image"][-5]: item for item in everything(load_datalist(path))}
    assert items["3"]["class"] == "b"
    assert items["3"]["group"] == "p1"
    assert load_datalist(path)["group_source"] == "t.csv"
    with pytest.raises(ValueError, match=r"column 'size' in .*t\.csv, found \['Image', 'patient', 'grade'\]"):
        prepare_folder(images, masks, tmp_path / "o2", classes=f"{table}:size")
    table.write_text("stem,class\ncase0,a\ncase1,b\n")
    with pytest.raises(ValueError, match="class for every image in .*none for 7 of 9: case2, case3"):
        prepare_folder(images, masks, tmp_path / "o2", classes=table)
    table.write_text("case0,a\ncase0,b\n")
    with pytest.raises(ValueError, match=r"one class for case0 .* got 'a' in row \d+ and 'b' in row \d+\. Remove"):
        prepare_folder(images, masks, tmp_path / "o2", classes=table)


def test_side_files_doubled_folders_and_symlink_loops(tmp_path):
    images, _masks = make(tmp_path / "set" / "set", 4)
    write(images / "case0_superpixels.png", picture(9))
    for name in ("._case0.png", "Thumbs.db", ".DS_Store", "LICENSE.txt"):
        (images / name).write_bytes(b"junk")
    write(images / "__MACOSX" / "case0.png", picture(8))
    (images / "again").symlink_to(images, target_is_directory=True)
    (tmp_path / "set" / ".hidden").mkdir()
    datalist = load_datalist(prepare_folder(tmp_path / "set", None, tmp_path / "out", size=8))
    assert len(everything(datalist)) == 4
    assert all("label" in item for item in everything(datalist))


def test_one_flat_folder_of_images_and_masks(tmp_path):
    for index in range(5):
        write(tmp_path / "flat" / f"case{index}.png", picture(index))
        write(tmp_path / "flat" / f"case{index}_mask.png", disc().astype(np.uint8))
    datalist = load_datalist(prepare_folder(tmp_path / "flat", tmp_path / "flat", tmp_path / "out", size=8))
    assert len(everything(datalist)) == 5
    assert all("label" in item for item in everything(datalist))


def test_images_without_mask_become_unlabelled_unless_their_patient_is_held_out(tmp_path):
    images, masks = make(tmp_path, 20)
    for index in range(1, 20, 2):  # every patient has one image with mask and one without
        (masks / f"case{index}.png").unlink()
    table = tmp_path / "g.csv"
    table.write_text("\n".join(f"case{i},p{i // 2}" for i in range(20)))
    with pytest.raises(ValueError, match="found 10 of 20 images without: case1.png, .*--unlabeled-ok"):
        prepare_folder(images, masks, tmp_path / "out", groups=table)
    datalist = load_datalist(prepare_folder(images, masks, tmp_path / "out", groups=table, unlabeled_ok=True, size=8))
    assert [len(datalist[split]) for split in (*SPLIT_NAMES, "unlabeled")] == [7, 1, 2, 7]
    assert {item["group"] for item in datalist["unlabeled"]} == {item["group"] for item in datalist["training"]}
    assert not any("label" in item for item in datalist["unlabeled"])


def test_second_run_decodes_nothing_and_a_changed_source_only_itself(tmp_path, caplog, monkeypatch):
    images, masks = make(tmp_path)
    caplog.set_level(logging.INFO)
    first = prepare_folder(images, masks, tmp_path / "out", size=8).read_bytes()
    with open(tmp_path / "out" / ".prepare_records.jsonl", "a") as file:
        file.write('["cut sho')  # a kill in the middle of a line
    write(images / "case3.png", picture(99))
    seen = []
    import ssgnet_monai.data.prepare.convert as module

    convert = module.convert_pair
    monkeypatch.setattr(module, "convert_pair", lambda pair, *rest: seen.append(pair.stem) or convert(pair, *rest))
    assert prepare_folder(images, masks, tmp_path / "out", size=8).read_bytes() == first
    assert seen == ["case3"]
    assert "5 of 6 images were prepared before" in caplog.text


@pytest.mark.parametrize("workers", [1, 3])
def test_all_refusals_are_told_together(tmp_path, workers):
    images, masks = make(tmp_path, 4)
    write(masks / "case1.png", np.arange(140, dtype=np.uint8).reshape(SIZE))
    write(masks / "case2.png", (disc() * 3 + disc(1)).astype(np.uint8))
    with pytest.raises(
        ValueError, match=r"2 of 4 images: .*case1\.png.*\{0, 3, 4\} in .*case2\.png.*--mask-threshold 0"
    ):
        prepare_folder(images, masks, tmp_path / "out", workers=workers)
    datalist = load_datalist(prepare_folder(images, masks, tmp_path / "out", mask_threshold=2, size=None))
    item = next(item for item in everything(datalist) if item["label"].endswith("case2.png"))
    np.testing.assert_array_equal(np.asarray(Image.open(item["label"])) > 0, disc())


def spoil_size(images, masks):
    write(masks / "case1.png", disc().astype(np.uint8).T)


def spoil_extra(images, masks):
    write(masks / "other.png", disc().astype(np.uint8))


def spoil_unreadable(images, masks):
    (images / "case1.png").write_bytes(b"no picture")


def spoil_truncated(images, masks):
    (images / "case1.png").write_bytes((images / "case1.png").read_bytes()[:200])


def spoil_double_stem(images, masks):
    write(images / "CASE1.jpg", picture(0))


def spoil_double_mask(images, masks):
    write(masks / "case1_mask.png", disc().astype(np.uint8))


def spoil_float(images, masks):
    write(images / "case1.tif", np.zeros(SIZE, np.float32))
    (images / "case1.png").unlink()


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (spoil_size, r"size 14x10 \(width x height\), got 10x14 in .*case1\.png"),
        (spoil_extra, r"1 of 5 masks without: other\.png.*an image is called case0\.png"),
        (
            spoil_unreadable,
            r"readable picture, got no known picture format \(the file begins with b'no pictu'\) in .*case1\.png",
        ),
        (spoil_truncated, r"readable picture, got .*case1\.png"),
        (spoil_double_stem, r"one image a stem, found two: images/.* and images/.*Rename"),
        (spoil_double_mask, r"one mask a stem, found two"),
        (spoil_float, r"8 or 16 bits, got a TIFF with 1 channel of 32 bits, floating point in .*case1\.tif"),
    ],
)
def test_bad_sources(tmp_path, spoil, message):
    images, masks = make(tmp_path, 4)
    spoil(images, masks)
    with pytest.raises(ValueError, match=message):
        prepare_folder(images, masks, tmp_path / "out")
    assert not (tmp_path / "out" / "datalist.json").exists()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"groups": "(case)(.)"}, "one capture group, got 2"),
        ({"groups": "["}, "regular expression of groups"),
        ({"groups": "^(x)"}, "none in 4 of 4: case0"),
        ({"groups": "(case)"}, "at least 3 groups .* got 1 in 4 images"),
        ({"classes": "folders"}, "every image in a class folder, found case0.png directly"),
        ({"size": 0}, "at least 1 pixel"),
    ],
)
def test_bad_options(tmp_path, options, message):
    with pytest.raises(ValueError, match=message):
        prepare_folder(*make(tmp_path, 4), tmp_path / "out", **options)


def test_empty_folders_and_classes(tmp_path):
    (tmp_path / "images").mkdir()
    with pytest.raises(ValueError, match="Expected pictures .* found none among 0 files .the folder is empty"):
        prepare_folder(tmp_path / "images", None, tmp_path / "out")
    with pytest.raises(FileNotFoundError, match="Expected a folder of pictures"):
        prepare_folder(tmp_path / "absent", None, tmp_path / "out")
    for index in range(4):
        write(tmp_path / "images" / "a" / f"{index}.png", picture(index))
    (tmp_path / "images" / "b").mkdir()
    with pytest.raises(ValueError, match=r"every class folder of .*, found none in \['b'\]"):
        prepare_folder(tmp_path / "images", None, tmp_path / "out", classes="folders")
    with pytest.raises(ValueError, match="apart from the source pictures"):
        prepare_folder(tmp_path / "images", None, tmp_path)


def test_photographs_are_turned_upright(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6  # stored on its side
    values = picture(0)
    for index in range(3):
        write(tmp_path / "images" / f"{index}.png", picture(index), exif=exif)
        shape = disc() if index == 2 else np.rot90(disc(), -1)
        write(tmp_path / "masks" / f"{index}.png", shape.astype(np.uint8))
    datalist = load_datalist(prepare_folder(tmp_path / "images", tmp_path / "masks", tmp_path / "out", size=None))
    stored = {item["image"][-5]: np.asarray(Image.open(item["image"])) for item in everything(datalist)}
    np.testing.assert_array_equal(stored["0"], np.rot90(values, -1))
    np.testing.assert_array_equal(stored["2"], np.rot90(picture(2), -1))  # its mask was drawn on the stored pixels
    label = next(item["label"] for item in everything(datalist) if item["image"].endswith("2.png"))
    np.testing.assert_array_equal(np.asarray(Image.open(label)) > 0, np.rot90(disc(), -1))


@pytest.mark.parametrize(
    ("name", "count", "size", "encoding"),
    [("kvasir_seg", 12, 32, "0/255"), ("isic", 12, 32, "0/255"), ("dsb2018", 12, (20, 32), "0/255")],
)
def test_real_images(tmp_path, realdata, name, count, size, encoding):
    source = realdata(name)
    for path in sorted((source / "images").iterdir())[:count]:
        for kind, file in (("images", path), ("masks", source / "masks" / f"{path.stem}.png")):
            (tmp_path / kind).mkdir(exist_ok=True)
            shutil.copy(file, tmp_path / kind)
    datalist = load_datalist(prepare_folder(tmp_path, None, tmp_path.with_name("out"), size=size))
    found = json.loads((tmp_path.with_name("out") / "prepare.json").read_text())
    assert found["masks"]["encodings"] == {encoding: count}
    assert found["images"]["count"] == count
    for item in everything(datalist):
        stem = item["image"].rsplit("/")[-1].removesuffix(".png")
        with Image.open(source / "masks" / f"{stem}.png") as mask:
            truth = (np.asarray(mask) > 127).mean()
        assert abs((np.asarray(Image.open(item["label"])) == 1).mean() - truth) < 0.03


def test_pictures_are_prepared_without_the_seconds_that_monai_takes_to_import(tmp_path):
    images, masks = make(tmp_path / "source")
    code = (
        "import sys; from ssgnet_monai.data import prepare_folder; "
        f"prepare_folder({str(images)!r}, {str(masks)!r}, {str(tmp_path / 'out')!r}); "
        "print('monai' in sys.modules); from ssgnet_monai.data import SampleStream; print('monai' in sys.modules)"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout.split()[-2:] == ["False", "True"]


@pytest.mark.parametrize("option", [{"mask_threshold": 0}, {"clean_masks": 2}])
def test_options_of_masks_are_refused_without_masks(tmp_path, option):
    images, masks = make(tmp_path)
    shutil.rmtree(masks)
    with pytest.raises(ValueError, match="Expected masks"):
        prepare_folder(images, None, tmp_path / "out", **option)
    assert not (tmp_path / "out").exists()
