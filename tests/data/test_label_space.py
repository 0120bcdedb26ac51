import numpy as np
import pytest
import torch
from PIL import Image

from ssgnet_monai.data.label_space import (
    IGNORED,
    class_numbers,
    count_classes,
    decide,
    label_names,
    mask_image,
    resolved_label_names,
    to_probabilities,
)


def test_names_in_the_order_of_their_values():
    assert label_names({"2": "myocardium", "0": "background", "1": "right ventricle"})[1:] == [
        "right ventricle",
        "myocardium",
    ]
    names = [f"class {value}" for value in range(255)]
    assert label_names({str(value): name for value, name in enumerate(names)}) == names


@pytest.mark.parametrize(
    "labels", [{"0": "background"}, {"0": "a", "2": "b"}, {"1": "a", "2": "b"}, {"0": "a", "1": "a"}]
)
def test_labels_that_are_no_class_numbers_are_refused(labels):
    with pytest.raises(ValueError, match="Expected"):
        label_names(labels)


def test_number_of_classes():
    assert count_classes(["background", "a", "b"], {"labels": {"0": "x", "1": "y"}}) == 3
    assert count_classes(None, {"labels": {"0": "x", "1": "y"}}) == 2
    assert count_classes(None, {}) == 2
    assert resolved_label_names(["background", "a", "b"], {"labels": {"0": "x", "1": "y"}}) == ["background", "a", "b"]
    assert resolved_label_names(None, {"labels": {"1": "y", "0": "x"}}) == ["x", "y"]
    assert resolved_label_names(None, {}) == ["background", "foreground"]


def test_one_logit_is_that_of_the_foreground():
    logits = torch.tensor([[[[0.0, 2.0, -2.0]]]])
    probabilities = to_probabilities(logits)
    assert probabilities.shape == (1, 2, 1, 3)
    torch.testing.assert_close(probabilities[:, 1:], logits.sigmoid())
    torch.testing.assert_close(probabilities.sum(1), torch.ones(1, 1, 3))
    assert decide(probabilities).tolist() == [[[[1, 1, 0]]]]
    assert decide(probabilities, 0.6).tolist() == [[[[0, 1, 0]]]]


@pytest.mark.parametrize("shape", [(4, 5), (3, 4, 5)])
def test_the_most_probable_class(shape):
    logits = torch.randn(2, 4, *shape, dtype=torch.float16, generator=torch.Generator().manual_seed(0))
    probabilities = to_probabilities(logits)
    assert probabilities.dtype == torch.float32
    classes = decide(probabilities)
    assert classes.dtype == torch.uint8
    assert torch.equal(classes[:, 0].long(), logits.float().argmax(1))


def test_two_logits_obey_the_threshold():
    assert decide(to_probabilities(torch.tensor([[[0.0], [1.0]]])), 0.9).tolist() == [[[0]]]


def test_a_mask_keeps_its_numbers_on_disk(tmp_path):
    classes = np.array([[0, 1, 2], [254, IGNORED, 20]], np.uint8)
    mask_image(classes).save(tmp_path / "mask.png")
    with Image.open(tmp_path / "mask.png") as found:
        assert found.mode == "P"
        np.testing.assert_array_equal(np.asarray(found), classes)
        shown = np.asarray(found.convert("RGB"))
    assert shown[0, 0].tolist() == [0, 0, 0]
    assert shown[1, 1].tolist() == [255, 255, 255]
    assert len({tuple(colour) for colour in shown.reshape(-1, 3).tolist()}) == 6


def test_binary_masks_of_others_are_read():
    values = np.array([[0, 255]], np.uint8)
    assert class_numbers(values, 2, "m.png").tolist() == [[0, 1]]
    assert class_numbers(values, 2, "m.png", indexed=True).tolist() == [[0, IGNORED]]
    assert class_numbers(values, 3, "m.png").tolist() == [[0, IGNORED]]
    assert class_numbers(np.array([[0, 1, 255]], np.uint8), 2, "m.png").tolist() == [[0, 1, IGNORED]]
    assert class_numbers(np.zeros((0, 3), np.uint8), 2, "m.png").shape == (0, 3)


def test_values_that_are_no_class_are_refused():
    with pytest.raises(ValueError, match=r"class numbers 0 to 2.*\[3, 7\] in m.png"):
        class_numbers(np.array([[0, 3, 7, 255]]), 3, "m.png")
    with pytest.raises(ValueError, match="-1"):
        class_numbers(np.array([[-1, 1]]), 2, "m.png")
    with pytest.raises(ValueError, match="256"):
        class_numbers(np.array([[0, 256]]), 2, "m.png")
