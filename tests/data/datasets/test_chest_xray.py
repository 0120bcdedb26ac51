import numpy as np
import pytest
from PIL import Image

from ssgnet_monai.data import load_datalist
from ssgnet_monai.data.datasets import prepare_dataset


def write(path, seed):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.random.default_rng(seed).integers(0, 256, (12, 16), np.uint8)).save(path)


def owners_folder(root, kaggle=False):
    """A miniature of the Mendeley archive; Kaggle's copy adds val, a second full tree and side files."""
    for number in range(6):
        write(root / "train/NORMAL" / f"IM-01{number}5-0001.jpeg", number)
        write(root / "train/PNEUMONIA" / f"person{number}_bacteria_{number + 30}.jpeg", 10 + number)
        write(root / "train/PNEUMONIA" / f"person{number}_virus_{number + 50}.jpeg", 20 + number)
    write(root / "test/NORMAL/NORMAL2-IM-1427-0001.jpeg", 31)
    write(root / "test/NORMAL/IM-0540-0001-0002.jpeg", 32)
    write(root / "test/PNEUMONIA/person1_virus_6.jpeg", 33)
    if kaggle:
        write(root / "val/NORMAL/NORMAL2-IM-1431-0001.jpeg", 34)
        write(root / "val/PNEUMONIA/person1946_bacteria_4874.jpeg", 35)
        owners_folder(root / "chest_xray")
        (root / "__MACOSX").mkdir()
        (root / "train/NORMAL/.DS_Store").write_bytes(b"x")


@pytest.mark.parametrize("kaggle", [False, True])
def test_official_test_stays_and_patients_keep_together(tmp_path, kaggle):
    owners_folder(tmp_path / "source/chest_xray", kaggle)
    datalist = load_datalist(prepare_dataset("chest_xray", tmp_path / "source", tmp_path / "out", {"size": 8}))
    assert datalist["classes"] == ["normal", "pneumonia"]
    assert datalist["num_channels"] == 1
    assert sorted(item["group"] for item in datalist["test"]) == ["test/im-0540", "test/im-1427", "test/person1"]
    rest = datalist["training"] + datalist["validation"]
    assert len(rest) == 18 + 2 * kaggle
    assert datalist["validation"]
    sides = [{i["group"] for i in datalist[split]} for split in ("training", "validation")]
    assert not sides[0] & sides[1]


def test_pathogens_come_from_the_file_names(tmp_path):
    owners_folder(tmp_path / "source")
    datalist = load_datalist(
        prepare_dataset("chest_xray", tmp_path / "source", tmp_path / "out", {"size": 8, "classes": "pathogen"})
    )
    assert datalist["classes"] == ["bacteria", "normal", "virus"]
    assert datalist["test"][-1]["class"] == "virus"


def test_third_version(tmp_path, caplog):
    for split, count in (("train", 4), ("test", 2)):
        for kind, folder in (("BACTERIA", "PNEUMONIA"), ("VIRUS", "PNEUMONIA"), ("NORMAL", "NORMAL")):
            for number in range(count):
                seed = len(split) * 100 + len(kind) * 10 + number
                write(tmp_path / f"CellData/OCT/{split}/NORMAL/NORMAL-{number}-1.jpeg", number)  # of the same archive
                write(tmp_path / f"CellData/chest_xray/{split}/{folder}/{kind}-{1000 + number}-000{number}.jpeg", seed)
    datalist = load_datalist(prepare_dataset("chest_xray", tmp_path, tmp_path.parent / "out3", {"size": 8}))
    assert len(datalist["test"]) == 6
    assert {item["group"] for item in datalist["test"]} == {"test/1000", "test/1001"}
    assert "chest_xray: the owner has 5856 images, this folder 18." in caplog.text


def test_names_that_tell_no_kind(tmp_path):
    owners_folder(tmp_path / "source")
    write(tmp_path / "source/train/PNEUMONIA/scan 7.jpeg", 1)
    with pytest.raises(ValueError, match=r"Expected names like person1_bacteria_2.jpeg .* got scan 7.jpeg"):
        prepare_dataset("chest_xray", tmp_path / "source", tmp_path / "out", {})
    assert not (tmp_path / "out").exists()


def test_unknown_option_folder_and_layout(tmp_path):
    with pytest.raises(FileNotFoundError, match="Expected the folder of chest_xray"):
        prepare_dataset("chest_xray", tmp_path / "none", tmp_path / "out", {})
    (tmp_path / "chest_xray.zip").write_bytes(b"x")
    with pytest.raises(FileNotFoundError, match=r"at .*chest_xray\.zip, found a file\. Unpack an archive"):
        prepare_dataset("chest_xray", tmp_path / "chest_xray.zip", tmp_path / "out", {})
    (tmp_path / "source/other").mkdir(parents=True)
    with pytest.raises(FileNotFoundError, match=r"Expected \{train/PNEUMONIA, test/PNEUMONIA\} or .* found other"):
        prepare_dataset("chest_xray", tmp_path / "source", tmp_path / "out", {})
    with pytest.raises(ValueError, match="Did you mean 'classes'"):
        prepare_dataset("chest_xray", tmp_path / "source", tmp_path / "out", {"class": "pathogen"})
    with pytest.raises(ValueError, match="Did you mean 'chest_xray'"):
        prepare_dataset("chest-xray", tmp_path / "source", tmp_path / "out", {})


def test_real_images(realdata, tmp_path):
    datalist = load_datalist(prepare_dataset("chest_xray", realdata("chest_xray"), tmp_path / "out", {"size": 16}))
    assert len(datalist["training"]) + len(datalist["validation"]) + len(datalist["test"]) == 301
    assert all("group" in item for item in datalist["test"])
