import torch

from ssgnet_monai.data.label_space import to_probabilities
from ssgnet_monai.transforms import BatchClassNumbersd, ClassNumbersd, ClassProbabilitiesd
from ssgnet_monai.transforms.class_numbers import SLAB


def test_an_image_and_a_batch_are_decided_alike():
    generator = torch.Generator().manual_seed(0)
    for logits in (torch.randn(3, 1, 4, 5, generator=generator), torch.randn(3, 4, 4, 5, 2, generator=generator)):
        batch = BatchClassNumbersd("pred", 0.3)({"pred": logits, "image": 1})
        assert batch["image"] == 1
        assert batch["pred"].shape == (3, 1, *logits.shape[2:])
        for image, expected in zip(logits, batch["pred"], strict=True):
            probabilities = ClassProbabilitiesd("pred")({"pred": image})
            torch.testing.assert_close(probabilities["pred"].sum(0), torch.ones(logits.shape[2:]))
            assert torch.equal(ClassNumbersd("pred", 0.3)(probabilities)["pred"], expected)


def test_probabilities_of_a_large_volume_take_the_place_of_its_logits():
    logits = torch.randn(14, 2 * SLAB + 3, 5, 6, generator=torch.Generator().manual_seed(0))
    expected, memory = to_probabilities(logits[None])[0], logits.data_ptr()
    found = ClassProbabilitiesd("pred")({"pred": logits})["pred"]
    assert found.data_ptr() == memory
    torch.testing.assert_close(found, expected, rtol=1e-6, atol=1e-7)
    assert torch.equal(found.argmax(0), expected.argmax(0))
