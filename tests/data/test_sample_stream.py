import gzip

import numpy as np
import pytest
import torch
from monai.transforms import Compose, Lambdad, RandFlipd

from ssgnet_monai.data import SampleStream, StreamSampler
from ssgnet_monai.transforms import LoadImageMaskd
from tests.volume_files import ct, f_mask, write

ITEMS = [{"image": torch.full((1, 2, 2), float(i))} for i in range(5)]
POOL = [{"image": torch.full((1, 2, 2), 100.0 + i)} for i in range(15)]


def values(stream, n):
    return [float(stream[k]["image"].flatten()[0]) for k in range(n)]


def test_every_pass_is_a_permutation_and_the_order_is_a_function_of_the_seed():
    drawn = values(SampleStream(ITEMS, seed=3), 10)
    assert sorted(drawn[:5]) == sorted(drawn[5:]) == [0, 1, 2, 3, 4]
    assert drawn == values(SampleStream(ITEMS, seed=3), 10)
    assert values(SampleStream(ITEMS, seed=3), 50) != values(SampleStream(ITEMS, seed=4), 50)


def test_pool_fraction_is_kept_in_every_window():
    drawn = np.array(values(SampleStream(ITEMS, pool=POOL, pool_fraction=0.25), 400))
    assert (drawn >= 100).sum() == 100
    assert all((drawn[i : i + 4] >= 100).sum() == 1 for i in range(0, 400, 4))


def test_without_a_fraction_sources_are_sampled_in_proportion_to_their_sizes():
    drawn = values(SampleStream(ITEMS, pool=POOL), 20)
    assert sorted(drawn) == [0, 1, 2, 3, 4, *range(100, 115)]


def test_sample_k_is_the_same_wherever_the_stream_begins():
    transform = Compose([Lambdad("image", lambda x: x + torch.arange(4).view(1, 2, 2)), RandFlipd("image", prob=0.5)])
    first, later = SampleStream(ITEMS, transform, seed=1), SampleStream(ITEMS, transform, seed=1)
    expected = [torch.as_tensor(first[k]["image"]).clone() for k in range(40)]
    assert all(torch.equal(torch.as_tensor(later[k]["image"]), expected[k]) for k in range(39, 19, -1))
    flipped = sum(int(image[0, 0, 0] > image[0, 0, 1]) for image in expected)
    assert 5 < flipped < 35


def test_deterministic_transforms_run_once_per_item_within_the_cache():
    calls = []

    def count(x):
        calls.append(1)
        return x

    stream = SampleStream(ITEMS, Lambdad("image", count))
    values(stream, 50)
    assert len(calls) == 5
    calls.clear()
    values(SampleStream(ITEMS, Lambdad("image", count), cache_bytes=2 * 16), 50)
    assert len(calls) == 2 + 3 * 10


def test_a_volume_and_its_mask_are_read_once_for_all_their_slices(tmp_path, monkeypatch):
    items, read = [], []
    for index in range(3):
        image, label = (tmp_path / f"{name}{index}.nii.gz" for name in ("image", "mask"))
        items.append({"image": str(write(image, ct(index))), "label": str(write(label, f_mask()))})
    stream = SampleStream(items, LoadImageMaskd(voxel_window=[-1024, 900]))
    unpack = gzip.open
    monkeypatch.setattr(gzip, "open", lambda path: read.append(path) or unpack(path))
    number = len(stream.data)
    assert number == 3 * ct().shape[2]
    samples = [stream[k] for k in range(number)]
    assert sorted(read) == sorted(path for item in items for path in item.values())
    alone = LoadImageMaskd(voxel_window=[-1024, 900])
    for k in (0, number - 1):
        expected = alone(stream.data[stream.locate(k)])
        for key in ("image", "label"):
            torch.testing.assert_close(samples[k][key], expected[key])


def test_sampler_counts_on_from_its_start():
    numbers = iter(StreamSampler(7))
    assert [next(numbers) for _ in range(3)] == [7, 8, 9]


def test_bad_input_is_named():
    with pytest.raises(ValueError, match="class with 0 images cannot be trained"):
        SampleStream([])
    with pytest.raises(ValueError, match=r"pool_fraction in \[0, 1\) or null, got 1.5"):
        SampleStream(ITEMS, pool=POOL, pool_fraction=1.5)
