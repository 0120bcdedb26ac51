"""Segments of a viewer become class numbers by their names, whatever their numbers; without a server."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import itk
import nibabel
import numpy as np
import pytest
from PIL import Image

from ssgnet_monai.data.label_space import mask_image
from ssgnet_monai.data.volumes.label_volume import read_label_volume
from ssgnet_monai.label_app.label_check import check_label, read_label
from ssgnet_monai.label_app.label_classes import listed_segments, numbered_label, submitted_classes
from tests.volume_files import ct, oblique, write

NAMES = ["background", "Organ", "tumour"]
DRAWN = np.zeros((20, 24, 6), np.uint8)
DRAWN[2:9, 3:12, 1:4] = 1
DRAWN[4:7, 5:8, 2] = 2
SWAPPED = np.choose(DRAWN, [0, 2, 1]).astype(np.uint8)
LISTED = [{"name": "tumour", "idx": 1}, {"name": "organ", "idx": 2}]  # in Slicer's order, names as MONAI lists them
IN_ORDER = [{"name": "organ", "idx": 1}, {"name": "tumour", "idx": 2}]


def seg_nrrd(path: Path, layers: np.ndarray, *segments: tuple[str, int, int]) -> Path:
    """A segmentation as 3D Slicer stores it: (name, value, layer) of each segment in the header."""
    if layers.ndim == 4:
        image = itk.image_from_array(np.ascontiguousarray(layers.transpose(2, 1, 0, 3)), is_vector=True)
    else:
        image = itk.image_from_array(np.ascontiguousarray(layers.T))
    itk.imwrite(image, str(path))
    head, _, voxels = path.read_bytes().partition(b"\n\n")
    for place, (name, value, layer) in enumerate(segments):
        fields = {"ID": f"S{place}", "Name": name, "LabelValue": value, "Layer": layer}
        head += b"".join(f"\nSegment{place}_{field}:={text}".encode() for field, text in fields.items())
    path.write_bytes(head + b"\n\n" + voxels)
    return path


def classes_of(label: Path, listed: list[dict[str, Any]] | None = None) -> np.ndarray:
    return submitted_classes(label, NAMES, listed or [])[0]


def test_names_count_before_numbers(tmp_path: Path) -> None:
    label = write(tmp_path / "label.nii.gz", SWAPPED)
    np.testing.assert_array_equal(classes_of(label, LISTED), DRAWN)
    np.testing.assert_array_equal(classes_of(label), SWAPPED)  # nothing is said of its values
    itk.imwrite(itk.image_from_array(np.ascontiguousarray(SWAPPED.T)), str(tmp_path / "label.nrrd"))
    np.testing.assert_array_equal(classes_of(tmp_path / "label.nrrd", LISTED), DRAWN)
    Image.fromarray(SWAPPED[..., 2]).save(tmp_path / "label.png")
    np.testing.assert_array_equal(classes_of(tmp_path / "label.png", LISTED), DRAWN[..., 2])
    mask_image(DRAWN[..., 2]).save(tmp_path / "own.png")
    np.testing.assert_array_equal(classes_of(tmp_path / "own.png"), DRAWN[..., 2])


def test_names_in_a_file_count_before_the_list(tmp_path: Path) -> None:
    label = seg_nrrd(tmp_path / "a.seg.nrrd", SWAPPED, ("Tumour", 1, 0), ("organ", 2, 0))
    np.testing.assert_array_equal(classes_of(label, IN_ORDER), DRAWN)
    layers = np.stack([DRAWN == 2, DRAWN > 0], axis=-1).astype(np.uint8)  # Slicer's, where segments overlap
    label = seg_nrrd(tmp_path / "b.seg.nrrd", layers, ("tumour", 1, 0), ("organ", 1, 1))
    np.testing.assert_array_equal(classes_of(label), DRAWN)  # the later class lies over the earlier one


def test_what_is_written_trains_as_it_was_drawn(tmp_path: Path) -> None:
    image = write(tmp_path / "image.nii.gz", ct())
    label = write(tmp_path / "label.nii.gz", SWAPPED)
    numbered = numbered_label(label, NAMES, LISTED, tmp_path)
    check_label(image, numbered, num_classes=3)
    np.testing.assert_array_equal(read_label(image, numbered, 3), DRAWN)
    np.testing.assert_allclose(read_label_volume(numbered, 3)[1], oblique(), atol=1e-5)
    in_order = write(tmp_path / "in_order.nii.gz", DRAWN)
    assert numbered_label(in_order, NAMES, IN_ORDER, tmp_path) == in_order  # kept as it came
    Image.fromarray(np.zeros((24, 20, 3), np.uint8)).save(tmp_path / "picture.png")
    Image.fromarray(SWAPPED[..., 2].T.copy()).save(tmp_path / "drawn.png")
    numbered = numbered_label(tmp_path / "drawn.png", NAMES, LISTED, tmp_path)
    np.testing.assert_array_equal(read_label(tmp_path / "picture.png", numbered, 3), DRAWN[..., 2].T)
    sliver = write(tmp_path / "sliver.nii.gz", SWAPPED[..., 2:3], np.diag([-1.0, -1, 1, 1]))
    numbered = numbered_label(sliver, NAMES, LISTED, tmp_path)  # what Slicer draws on a picture
    np.testing.assert_array_equal(read_label(tmp_path / "picture.png", numbered, 3), DRAWN[..., 2].T)


@pytest.mark.parametrize(
    ("voxels", "listed", "said"),
    [
        (DRAWN, [{"name": "organ", "idx": 1}, {"name": "Segment_2", "idx": 2}], "Expected segments called 'Organ' (1)"),
        (DRAWN, [{"name": "Segment_1", "idx": 1}, {"name": "Segment_2", "idx": 2}], "got 'Segment_1', 'Segment_2'"),
        (DRAWN, [{"name": "organ", "idx": 1}], "Expected one name for each value, got values 1, 2"),
        (DRAWN * 3, [], "Expected the numbers of 'Organ' (1), 'tumour' (2), got values 3, 6"),
        (np.where(DRAWN == 2, 255, 0).astype(np.uint8), [], "got values 255"),
        (DRAWN * 0.5, [], "Expected a mask of whole numbers"),
    ],
)
def test_what_is_no_class_is_refused_with_the_names(
    tmp_path: Path, voxels: np.ndarray, listed: list[dict[str, Any]], said: str
) -> None:
    label = tmp_path / "label.nii.gz"
    nibabel.save(nibabel.Nifti1Image(voxels, oblique()), label)
    with pytest.raises(ValueError, match=re.escape(said)):
        numbered_label(label, NAMES, listed, tmp_path)


def test_an_unknown_segment_without_a_voxel_does_not_matter(tmp_path: Path) -> None:
    label = seg_nrrd(tmp_path / "a.seg.nrrd", DRAWN, ("organ", 1, 0), ("tumour", 2, 0), ("Segment_3", 3, 0))
    np.testing.assert_array_equal(classes_of(label), DRAWN)
    label = write(tmp_path / "label.nii.gz", DRAWN)
    np.testing.assert_array_equal(classes_of(label, [*IN_ORDER, {"name": "Segment_3", "idx": 3}]), DRAWN)


def test_an_empty_label_and_unknown_pixels(tmp_path: Path) -> None:
    assert not classes_of(write(tmp_path / "empty.nii.gz", DRAWN * 0), LISTED).any()
    values = DRAWN.copy()
    values[0] = 255
    np.testing.assert_array_equal(classes_of(write(tmp_path / "label.nii.gz", values)), values)


def test_how_viewers_number_segments() -> None:
    after_background = [{"name": "organ", "idx": 2}, {"name": "tumour", "idx": 3}]  # Slicer's own: values 1 and 2
    assert [part[:2] for part in listed_segments([1, 2], after_background)] == [("organ", 1), ("tumour", 2)]
    assert [part[:2] for part in listed_segments([2], [{"name": "tumour", "idx": 2}])] == [("tumour", 2)]  # by idx
    with pytest.raises(ValueError, match="Remove the segments that are of no class, such as 'background'"):
        listed_segments([2], after_background)
    assert listed_segments([1], []) == []


def test_one_segment_of_two_classes(tmp_path: Path) -> None:
    image = write(tmp_path / "image.nii.gz", ct())
    check_label(image, write(tmp_path / "one.nii.gz", 7 * (DRAWN > 0).astype(np.uint8)))
    with pytest.raises(ValueError, match="Expected one segment, got several"):
        check_label(image, write(tmp_path / "two.nii.gz", DRAWN))
    layers = np.stack([DRAWN == 2, DRAWN == 1], axis=-1).astype(np.uint8)
    with pytest.raises(ValueError, match="Expected one segment, got several"):
        check_label(image, seg_nrrd(tmp_path / "b.seg.nrrd", layers, ("a", 1, 0), ("b", 1, 1)))
