import os

import pytest
from torch.utils.data import DataLoader, Dataset

from ssgnet_monai.data.reading import files_being_read, reading


class Files(Dataset):
    """Three items; reading the first does ``fault``."""

    def __init__(self, fault):
        self.fault = fault

    def __len__(self):
        return 3

    def __getitem__(self, index):
        with reading({"image": f"bild ü{index}.png", "label": f"{index}_mask.png", "class": "polyp"}):
            if index == 0:
                self.fault()
        return index


def fail():
    raise ValueError("12 channels")


def die():
    os._exit(9)


@pytest.mark.parametrize("workers", [0, 2])
def test_an_error_names_the_files(workers):
    with pytest.raises(RuntimeError, match=r"read bild ü0.png, 0_mask.png, got: 12 channels. Mend"):
        list(DataLoader(Files(fail), num_workers=workers))
    assert files_being_read() == {}


def test_an_error_in_a_transform_is_told_itself():
    def transform():
        try:
            fail()
        except ValueError as error:
            raise RuntimeError("applying transform <Load object at 0x7f>") from error

    with pytest.raises(RuntimeError, match="got: 12 channels"):
        list(DataLoader(Files(transform)))


def test_the_files_outlive_the_process_that_died_over_them():
    with pytest.raises(RuntimeError, match="DataLoader worker") as error:
        list(DataLoader(Files(die), num_workers=1))
    ((pid, files),) = files_being_read().items()
    assert files == r"bild \xfc0.png, 0_mask.png"
    assert str(pid) in str(error.value)
    assert list(DataLoader(Files(lambda: None), num_workers=2)) == list(range(3))
    assert files_being_read() == {}
