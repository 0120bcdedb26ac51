"""Segments of a viewer's file become classes by their names, or by numbers where nobody has named them."""

import gzip

import numpy as np
import pytest

from ssgnet_monai.data.volumes.label_volume import label_slices, read_label_volume
from ssgnet_monai.data.volumes.segments import Segment, read_segments
from ssgnet_monai.data.volumes.volume import Volume
from ssgnet_monai.transforms import LoadImageMaskd, LoadVolumed
from tests.volume_files import write

NAMES = ("background", "right ventricle", "myocardium", "left ventricle")
SHAPE = (4, 5, 3)


def save(path, layers, segments):
    """A ``.seg.nrrd`` as Slicer writes it: (I, J, K) of one layer, or (L, I, J, K); segments (name, value, layer)."""
    sizes, domains = " ".join(map(str, layers.shape)), "domain domain domain"
    axes, kinds = ("none ", f"list {domains}") if layers.ndim == 4 else ("", domains)
    head = (
        f"NRRD0004\ntype: uint8\ndimension: {layers.ndim}\nspace: left-posterior-superior\nsizes: {sizes}\n"
        f"space directions: {axes}(-1,0,0) (0,-1,0) (0,0,2)\nkinds: {kinds}\nendian: little\nencoding: gzip\n"
        "space origin: (0,0,0)\n"
    )
    for index, (name, value, layer) in enumerate(segments):
        head += f"Segment{index}_LabelValue:={value}\nSegment{index}_Layer:={layer}\nSegment{index}_Name:={name}\n"
    path.write_bytes((head + "\n").encode() + gzip.compress(layers.astype(np.uint8).tobytes(order="F")))
    return path


def volume(*blocks):
    """One layer: values at the first index."""
    layer = np.zeros(SHAPE, np.uint8)
    for index, value in blocks:
        layer[index] = value
    return layer


def test_the_name_counts_and_not_the_number(tmp_path):
    segments = [("Left_Ventricle", 1, 0), ("right ventricle", 2, 0), ("Myocardium", 7, 0)]
    path = save(tmp_path / "a.seg.nrrd", volume((0, 1), (1, 2), (2, 7)), segments)
    assert read_segments(path) == [Segment(*segment) for segment in segments]
    classes, affine = read_label_volume(path, 4, NAMES)
    np.testing.assert_array_equal(classes, volume((0, 3), (1, 1), (2, 2)))
    np.testing.assert_array_equal(affine, np.diag([1, 1, 2, 1]))
    assert classes.dtype == np.uint8


def test_layers_overlap_and_the_later_class_lies_over_the_earlier_one(tmp_path):
    layers = np.stack([volume((0, 1), (1, 1), (2, 2)), volume((1, 1), (2, 1))])
    segments = [("myocardium", 1, 0), ("left ventricle", 2, 0), ("right ventricle", 1, 1)]
    path = save(tmp_path / "a.seg.nrrd", layers, segments)
    np.testing.assert_array_equal(read_label_volume(path, 4, NAMES)[0], volume((0, 2), (1, 2), (2, 3)))


def test_a_binary_dataset_unites_all_segments(tmp_path):
    layers = np.stack([volume((0, 1)), volume((1, 1))])
    path = save(tmp_path / "a.seg.nrrd", layers, [("a", 1, 0), ("b", 1, 1)])
    np.testing.assert_array_equal(read_label_volume(path)[0], volume((0, 1), (1, 1)))
    np.testing.assert_array_equal(read_label_volume(path, 2, ("background", "a"))[0], volume((0, 1), (1, 1)))


@pytest.mark.parametrize("names", [(), NAMES])
def test_segments_without_names_are_known_by_their_numbers(tmp_path, names):
    path = save(tmp_path / "a.seg.nrrd", volume((0, 2), (1, 3)), [("Segment_1", 2, 0), ("Segment_2", 3, 0)])
    np.testing.assert_array_equal(read_label_volume(path, 4, names)[0], volume((0, 2), (1, 3)))
    plain = save(tmp_path / "plain.nrrd", volume((0, 2), (1, 3), (2, 255)), [])
    np.testing.assert_array_equal(read_label_volume(plain, 4, names)[0], volume((0, 2), (1, 3), (2, 255)))


def test_an_empty_segment_of_another_name_does_not_matter(tmp_path):
    path = save(tmp_path / "a.seg.nrrd", volume((0, 1)), [("myocardium", 1, 0), ("scar", 2, 0)])
    np.testing.assert_array_equal(read_label_volume(path, 4, NAMES)[0], volume((0, 2)))


@pytest.mark.parametrize(
    ("layers", "segments", "reason"),
    [
        (volume((0, 1), (1, 2)), [("myocardium", 1, 0), ("scar", 2, 0)], r"called 'right ventricle', .*got 'scar' in"),
        (volume((0, 1), (1, 2)), [("liver", 1, 0), ("spleen", 2, 0)], r"got 'liver', 'spleen' in"),
        (volume((0, 1), (1, 5)), [("myocardium", 1, 0)], r"got voxels of no segment \(value 5\)"),
        (volume((0, 1), (1, 5)), [], r"class numbers 0 to 3 .*got \[5\]"),
        (np.stack([volume((0, 1)), volume((1, 1))]), [], r"value 1 in several layers"),
        (
            np.stack([volume((0, 1)), volume((1, 1))]),
            [("Segment_1", 1, 0), ("Segment_2", 1, 1)],
            r"value 1 in several layers of .*Name the segments",
        ),
    ],
)
def test_segments_of_no_class_are_refused(tmp_path, layers, segments, reason):
    path = save(tmp_path / "a.seg.nrrd", layers, segments)
    with pytest.raises(ValueError, match=reason):
        read_label_volume(path, 4, NAMES)


def test_the_loaders_of_slices_and_of_volumes_know_the_names(tmp_path):
    image = write(tmp_path / "i.nii.gz", np.arange(60, dtype=np.int16).reshape(SHAPE), np.diag([-1, -1, 2, 1]))
    voxels = volume((0, 1), (1, 2))[::-1, ::-1]
    truth = volume((0, 3), (1, 1))
    path = save(tmp_path / "a.seg.nrrd", voxels, [("left ventricle", 1, 0), ("right ventricle", 2, 0)])
    # the label runs the other way along two axes, and ends where the image begins
    (tmp_path / "a.seg.nrrd").write_bytes(
        (tmp_path / "a.seg.nrrd").read_bytes().replace(b"space origin: (0,0,0)", b"space origin: (3,4,0)")
    )
    slices = label_slices(path, Volume(image), 2, 4, NAMES)
    item = {"image": str(image), "label": str(path)}
    read = LoadVolumed(num_classes=4, label_names=NAMES)(item)["label"]
    assert sorted(np.unique(read.numpy()).tolist()) == [0, 1, 3]
    assert (read.numpy() == 3).sum() == (truth == 3).sum() == 15
    for index in range(3):
        load = LoadImageMaskd(num_channels=1, voxel_window=(0, 60), num_classes=4, label_names=NAMES)
        found = load({**item, "axis": 2, "slice": index})["label"].numpy()
        np.testing.assert_array_equal(found[0], slices[index])
        assert set(np.unique(found)) == {0, 1, 3}
