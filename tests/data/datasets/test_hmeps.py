import csv

import numpy as np
import pytest
from PIL import Image

from ssgnet_monai.data import load_datalist
from ssgnet_monai.data.datasets import prepare_dataset

SUBJECTS = (1, 2, 5, 6, 9, 3, 4)  # four of training, two of validation, two of test, with one frame more each
COLUMNS = ["filename", "eye", "blink", "exp", "sub", "roi_x", "w"]


def frame_rows():
    """Two frames a subject: an open eye and a blink; the last subject's second frame shows no eye."""
    rows = []
    for number, subject in enumerate(SUBJECTS):
        for blink in (0, 1):
            eye = "False" if (number, blink) == (len(SUBJECTS) - 1, 1) else "True"
            name = f"{subject:02d} frame_{blink}.{'jpg' if subject % 2 else 'jpeg'}"
            setting = "human" if subject % 2 else "2P-mouse"
            rows.append([name, eye, blink if eye == "True" else 0, setting, subject, 3, 20])
    return rows


def write_table(root, rows, columns=COLUMNS):
    with open(root / "annotation/annotations.csv", "w", newline="") as file:
        csv.writer(file).writerows([columns, *rows])


def owners_folder(root):
    """A miniature of the archive: frames of two sizes, green structures in the masks, empty masks of blinks."""
    (root / "annotation/png").mkdir(parents=True)
    (root / "fullFrames").mkdir()
    for number, (name, eye, blink, *_) in enumerate(frame_rows()):
        size = (16, 20) if number % 2 else (12, 12)
        frame = np.random.default_rng(number).integers(0, 256, size, np.uint8)
        Image.fromarray(frame).save(root / "fullFrames" / name)
        mask = np.zeros((*size, 3), np.uint8)
        mask[1:4, :, 1] = 255
        if eye == "True" and not blink:
            mask[5:9, 5:9, 0] = 255
        picture = Image.fromarray(mask)
        (picture.quantize(4) if number == 2 else picture).save(root / f"annotation/png/{name.rpartition('.')[0]}.png")
    write_table(root, frame_rows())
    return root


def prepare(tmp_path, **options):
    return load_datalist(prepare_dataset("hmeps", tmp_path / "source", tmp_path / "out", {"size": None, **options}))


def test_the_pupil_is_red_and_subjects_keep_to_the_owners_sides(tmp_path):
    owners_folder(tmp_path / "source/NN_human_mouse_eyes")
    datalist = prepare(tmp_path)
    groups = {split: sorted({item["group"] for item in datalist[split]}) for split in ("validation", "test")}
    assert groups == {"validation": ["6", "9"], "test": ["3", "4"]}
    assert len(datalist["training"]) == 6
    assert datalist["group_source"] == "sub of annotations.csv"
    areas = sorted(int((np.asarray(Image.open(item["label"])) == 1).sum()) for item in datalist["training"])
    assert areas == [0, 0, 0, 16, 16, 16]
    assert datalist["labels"]["1"] == "pupil"


def test_classes_and_frames_kept(tmp_path):
    owners_folder(tmp_path / "source")
    datalist = prepare(tmp_path, task="classification")
    assert datalist["classes"] == ["blink", "no_blink"]
    assert "label" not in datalist["test"][0]
    assert [item["class"] for item in prepare(tmp_path, classes="eye")["test"]] == ["eye", "eye", "eye", "no_eye"]
    datalist = prepare(tmp_path, classes="exp", keep="open")
    assert datalist["classes"] == ["2P-mouse", "human"]
    assert [len(datalist[split]) for split in ("training", "validation", "test")] == [3, 2, 2]
    assert len(prepare(tmp_path, keep="eye")["test"]) == 3


def changed(column, value):
    rows = frame_rows()
    rows[3][COLUMNS.index(column)] = value
    return rows


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (changed("filename", "99 frame_0.jpg"), "found 2 without: 02 frame_1, 99 frame_0"),
        ([*frame_rows(), ["99.jpg", 1, 0, "human", 1, 0, 0]], "found 1 without: 99"),
        ([*frame_rows(), frame_rows()[0]], "Expected each frame once in .* got 01 frame_0.jpg again"),
        (changed("eye", "left"), "Expected 0 or 1 as eye and blink"),
        (changed("blink", ""), "Expected 0 or 1 as eye and blink"),
        (changed("exp", "../up"), "a name as exp"),
        (changed("sub", "2.5"), "a number as sub"),
        ([*frame_rows(), ["99.jpg"]], "Expected 0 or 1 as eye and blink"),
    ],
)
def test_tables_that_disagree(tmp_path, rows, message):
    write_table(owners_folder(tmp_path / "source"), rows)
    with pytest.raises(ValueError, match=message):
        prepare(tmp_path)
    assert not (tmp_path / "out").exists()


def test_other_forms(tmp_path):
    root = owners_folder(tmp_path / "source")
    write_table(root, frame_rows(), [*COLUMNS[:4], "subject", "pupil-x", "w"])
    with pytest.raises(ValueError, match=r"found no \['sub'\] among \['filename', .*'subject', 'pupil-x', 'w'\]"):
        prepare(tmp_path)
    write_table(root, frame_rows())
    path = root / "annotation/png/02 frame_0.png"
    Image.open(path).convert("L").save(path)
    with pytest.raises(ValueError, match=r"Expected a mask in colour .* 'L' in .*02 frame_0.png"):
        prepare(tmp_path)
    path.unlink()
    with pytest.raises(ValueError, match="found 1 of 14 images without: 02 frame_0"):
        prepare(tmp_path)
    with pytest.raises(ValueError, match="got 'segmentation', None and 'closed'"):
        prepare(tmp_path, keep="closed")
    (root / "annotation/png").rename(root / "pngs")
    with pytest.raises(FileNotFoundError, match=r"Expected \{annotations.csv, png\}"):
        prepare(tmp_path)
