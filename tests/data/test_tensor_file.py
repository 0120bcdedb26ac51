import logging
import random
import zipfile

import pytest
import torch

from ssgnet_monai.data.atomic_write import sha256_file
from ssgnet_monai.data.tensor_file import CHECKSUM_BYTES, load_tensors, save_tensors


def test_tensors_come_back_here_and_with_torch_alone(tmp_path, caplog):
    save_tensors(tmp_path / "x.pt", {"a": torch.arange(3), "step": 7})
    for content in (load_tensors(tmp_path / "x.pt"), torch.load(tmp_path / "x.pt", weights_only=True, mmap=True)):
        assert content["a"].tolist() == [0, 1, 2]
        assert content["step"] == 7
    assert not caplog.records
    assert zipfile.ZipFile(tmp_path / "x.pt").testzip() is None


def test_the_same_tensors_give_the_same_bytes(tmp_path):
    for name in ("a.pt", "b.pt"):
        save_tensors(tmp_path / name, {"w": torch.arange(3.0)})
    assert sha256_file(tmp_path / "a.pt") == sha256_file(tmp_path / "b.pt")


def damaged(content, bit):
    changed = bytearray(content)
    changed[bit // 8] ^= 1 << bit % 8
    return bytes(changed)


def test_every_flipped_bit_is_noticed(tmp_path):
    path = tmp_path / "model.pt"
    save_tensors(path, {"w": torch.randn(64, 64), "b": torch.zeros(64)})
    content = path.read_bytes()
    bits = 8 * len(content)
    end = range(bits - 8 * (CHECKSUM_BYTES + 22), bits)  # the archive's end and the checksum itself
    for bit in [0, *random.Random(0).sample(range(bits), 100), *end]:
        path.write_bytes(damaged(content, bit))
        with pytest.raises(ValueError, match="model.pt as it was written, got other bytes"):
            load_tensors(path)
    path.write_bytes(content)
    load_tensors(path)


def test_a_file_that_was_not_copied_to_its_end_is_noticed(tmp_path):
    path = tmp_path / "model.pt"
    save_tensors(path, {"w": torch.randn(64, 64)})
    content = path.read_bytes()
    for kept in (len(content) - 1, len(content) - CHECKSUM_BYTES, len(content) // 2, 100):
        path.write_bytes(content[:kept])
        with pytest.raises(ValueError, match="not copied to its end"):
            load_tensors(path)


@pytest.mark.parametrize("archive", [True, False])
def test_a_file_of_other_software_loads_with_a_word(tmp_path, caplog, archive):
    torch.save({"w": torch.ones(2)}, tmp_path / "other.pt", _use_new_zipfile_serialization=archive)
    with caplog.at_level(logging.INFO):
        assert load_tensors(tmp_path / "other.pt")["w"].tolist() == [1, 1]
    assert "other.pt has no checksum" in caplog.text


def test_a_missing_file_is_a_missing_file(tmp_path):
    with pytest.raises(FileNotFoundError):
        load_tensors(tmp_path / "none.pt")
