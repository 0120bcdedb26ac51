import pytest
import torch
from monai.data import MetaTensor

from ssgnet_monai.transforms import CleanMaskd


def test_a_speck_goes_in_its_channel_alone():
    mask = torch.zeros(2, 12, 12)
    mask[:, 3:9, 3:9] = 1
    mask[1, 0, 0] = 1
    result = CleanMaskd(["label", "pred"], 1, allow_missing_keys=True)({"pred": MetaTensor(mask, meta={"a": 1})})
    cleaned = result["pred"]
    assert cleaned.meta["a"] == 1
    assert cleaned.dtype == torch.float32
    assert torch.equal(cleaned[0], cleaned[1])
    assert mask[0].sum() - cleaned[0].sum() == 4  # the corners


def test_probabilities_are_refused():
    with pytest.raises(ValueError, match=r"values 0 and 1 under 'pred', got 0\.2 to 0\.8.*Threshold it first"):
        CleanMaskd("pred", 1)({"pred": torch.tensor([[[0.2, 0.8]]])})
