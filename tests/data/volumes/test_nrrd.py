import gzip

import numpy as np
import pytest

from ssgnet_monai.data.volumes.label_volume import read_label_volume
from ssgnet_monai.data.volumes.nrrd import read_nrrd
from tests.nrrd_files import write
from tests.volume_files import ct, f_mask, oblique

HEADER = "NRRD0004\ntype: short\ndimension: 3\nsizes: 2 3 4\nendian: little\nencoding: raw\n"


def test_voxels_and_place(tmp_path):
    voxels, affine = read_nrrd(write(tmp_path / "a.nrrd", ct(), oblique()))
    np.testing.assert_array_equal(voxels, ct())
    np.testing.assert_allclose(affine, oblique(), atol=1e-6)


def test_a_header_read_by_hand(tmp_path):
    """Axes of 1, 2 and 3 mm; space directions in left-posterior-superior become right-anterior-superior."""
    space = "space: left-posterior-superior\nspace directions: (1,0,0) (0,2,0) (0,0,3)\nspace origin: (5,6,7)\n\n"
    values = np.arange(24, dtype="<i2")
    (tmp_path / "a.nrrd").write_bytes((HEADER + space).encode() + values.tobytes())
    voxels, affine = read_nrrd(tmp_path / "a.nrrd")
    assert voxels.shape == (2, 3, 4)
    assert [voxels[1, 0, 0], voxels[0, 1, 0], voxels[0, 0, 1]] == [1, 2, 6]
    np.testing.assert_array_equal(affine, [[-1, 0, 0, -5], [0, -2, 0, -6], [0, 0, 3, 7], [0, 0, 0, 1]])


def test_damaged_and_other_files(tmp_path):
    (tmp_path / "cut.nrrd").write_bytes((HEADER + "\n").encode() + bytes(10))
    (tmp_path / "other.nrrd").write_text("no volume")
    for name in ("cut", "other"):
        with pytest.raises(ValueError, match=rf"Expected a readable NRRD volume, got .* in .*{name}.nrrd. Copy it"):
            read_nrrd(tmp_path / f"{name}.nrrd")
    colour = HEADER.replace("short", "uint8").replace("3\nsizes", "3\nkinds: RGB-color domain domain\nsizes")
    (tmp_path / "colour.nrrd").write_bytes((colour.replace("2 3 4", "3 4 5") + "\n").encode() + bytes(60))
    with pytest.raises(ValueError, match="Expected a grey volume of two or three dimensions, got 2 dimensions and an"):
        read_nrrd(tmp_path / "colour.nrrd")


def test_a_picture_is_one_slice(tmp_path):
    flat = HEADER.replace("dimension: 3\nsizes: 2 3 4", "dimension: 2\nsizes: 4 6")
    (tmp_path / "flat.nrrd").write_bytes((flat + "\n").encode() + np.arange(24, dtype="<i2").tobytes())
    voxels, affine = read_nrrd(tmp_path / "flat.nrrd")
    np.testing.assert_array_equal(voxels[..., 0].T.ravel(), np.arange(24))
    np.testing.assert_array_equal(affine, np.diag([-1, -1, 1, 1]))


def layered(path, layers):
    """A ``.seg.nrrd`` as 3D Slicer writes it of overlapping segments: the first axis is a list of layers."""
    sizes = " ".join(map(str, layers.shape))
    head = (
        f"NRRD0004\ntype: uint8\ndimension: 4\nspace: left-posterior-superior\nsizes: {sizes}\n"
        "space directions: none (1,0,0) (0,1,0) (0,0,3)\nkinds: list domain domain domain\nendian: little\n"
        "encoding: gzip\nspace origin: (5,6,7)\n\n"
    )
    path.write_bytes(head.encode() + gzip.compress(layers.tobytes(order="F")))
    return path


@pytest.mark.parametrize("number", [1, 2, 3, 4, 5])
def test_overlapping_segments_are_layers_and_united(tmp_path, caplog, number):
    layers = np.zeros((number, 10, 12, 4), np.uint8)
    for index in range(number):
        layers[index, index : index + 3, 3:7, 1:3] = index + 1
    with caplog.at_level("INFO"):
        mask, affine = read_label_volume(layered(tmp_path / "a.seg.nrrd", layers))
    np.testing.assert_array_equal(mask, layers.any(0))
    np.testing.assert_array_equal(affine, [[-1, 0, 0, -5], [0, -1, 0, -6], [0, 0, 3, 7], [0, 0, 0, 1]])
    assert (f"its {number} segments" in caplog.text) == (number > 1)


def test_segments_of_one_layer_are_united_with_a_word(tmp_path, caplog):
    labels = f_mask()
    labels[..., 2] *= 2
    with caplog.at_level("INFO"):
        np.testing.assert_array_equal(read_label_volume(write(tmp_path / "a.nrrd", labels, oblique()))[0], f_mask() > 0)
    assert "its 2 segments" in caplog.text


@pytest.mark.parametrize("encoding", ["raw", "gzip"])
def test_bytes_that_were_inserted_are_noticed(tmp_path, encoding):
    values = np.arange(24, dtype="<i2").tobytes()
    pack = gzip.compress if encoding == "gzip" else bytes
    head = (HEADER.replace("raw", encoding) + "\n").encode()
    path = tmp_path / "a.nrrd"
    path.write_bytes(head + pack(values))
    np.testing.assert_array_equal(read_nrrd(path)[0].ravel(order="F"), np.arange(24))
    for wrong in (values + b"xy", values[:6] + b"xy" + values[6:]):
        path.write_bytes(head + pack(wrong))
        with pytest.raises(ValueError, match=r"Expected 48 bytes of voxels, as the header says, got more in .*a\.nrrd"):
            read_nrrd(path)


@pytest.mark.parametrize("kind", ["int8", "int64", "uint64"])
def test_every_whole_number_type_of_masks_is_read(tmp_path, kind):
    header = HEADER.replace("short", kind) + "\n"
    values = np.arange(24).astype(kind) % 3
    (tmp_path / "m.nrrd").write_bytes(header.encode() + values.tobytes())
    mask, _ = read_label_volume(tmp_path / "m.nrrd")
    np.testing.assert_array_equal(mask, values.reshape(2, 3, 4, order="F") > 0)
    if kind == "int8":
        (tmp_path / "m.nrrd").write_bytes(header.encode() + (-values).tobytes())
        with pytest.raises(ValueError, match=r"mask values from 0 on, got \{-2, -1, 0\}"):
            read_label_volume(tmp_path / "m.nrrd")
