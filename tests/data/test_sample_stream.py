import gzip

import torch
from monai.data import DataLoader
from monai.transforms import Compose, Lambdad, RandFlipd, RandSpatialCropSamplesd

from ssgnet_monai.data import SampleStream, StreamSampler, slice_items
from ssgnet_monai.data.mixture import Mixture
from ssgnet_monai.transforms import ClassPlacesd, LoadImageMaskd, LoadVolumed, RandomPatchd
from tests.volume_files import ct, f_mask, write

ITEMS = [{"image": torch.full((1, 2, 2), float(i))} for i in range(5)]
POOL = [{"image": torch.full((1, 2, 2), 100.0 + i)} for i in range(15)]


def values(stream, n):
    return [float(stream[k]["image"].flatten()[0]) for k in range(n)]


def test_sample_k_is_the_same_wherever_the_stream_begins():
    transform = Compose([Lambdad("image", lambda x: x + torch.arange(4).view(1, 2, 2)), RandFlipd("image", prob=0.5)])
    first, later = SampleStream(ITEMS, transform, seed=1), SampleStream(ITEMS, transform, seed=1)
    expected = [torch.as_tensor(first[k]["image"]).clone() for k in range(40)]
    assert all(torch.equal(torch.as_tensor(later[k]["image"]), expected[k]) for k in range(39, 19, -1))
    flipped = sum(int(image[0, 0, 0] > image[0, 0, 1]) for image in expected)
    assert 5 < flipped < 35


def test_deterministic_transforms_run_once_per_item():
    calls = []

    def count(x):
        calls.append(1)
        return x

    stream = SampleStream(ITEMS, Lambdad("image", count), pool=POOL, mixture=Mixture(0.5))
    drawn = values(stream, 60)
    assert len(calls) == len(set(drawn)) == 20


def test_a_volume_and_its_mask_are_read_once_for_all_their_slices(tmp_path, monkeypatch):
    items, read = [], []
    for index in range(3):
        image, label = (tmp_path / f"{name}{index}.nii.gz" for name in ("image", "mask"))
        items.append({"image": str(write(image, ct(index))), "label": str(write(label, f_mask()))})
    slices = slice_items(items)
    stream = SampleStream(slices, LoadImageMaskd(voxel_window=[-1024, 900]))
    unpack = gzip.open
    monkeypatch.setattr(gzip, "open", lambda path: read.append(path) or unpack(path))
    number = len(slices)
    assert number == 3 * ct().shape[2]
    samples = [stream[k] for k in range(number)]
    assert sorted(read) == sorted(path for item in items for path in item.values())
    alone = LoadImageMaskd(voxel_window=[-1024, 900])
    for k in (0, number - 1):
        expected = alone(slices[stream.order.locate(k)])
        for key in ("image", "label"):
            torch.testing.assert_close(samples[k][key], expected[key])


def test_random_patches_of_whole_volumes(tmp_path, monkeypatch):
    """A volume is read once and kept as it is stored; each sample is a crop that (seed, k) decides."""
    items, read = [], []
    for index in range(2):
        image, label = (tmp_path / f"{name}{index}.nii.gz" for name in ("image", "mask"))
        items.append({"image": str(write(image, ct(index))), "label": str(write(label, f_mask()))})
    assert slice_items(items, None, 3) == items
    steps = [
        LoadVolumed(voxel_window=[-1024, 900]),
        ClassPlacesd("label", 2),
        RandomPatchd(["image", "label"], [4, 4, 4]),
    ]
    unpack = gzip.open
    monkeypatch.setattr(gzip, "open", lambda path: read.append(path) or unpack(path))
    stream = SampleStream(items, steps, seed=7)
    expected = [stream[k] for k in range(20)]
    assert all(sample["image"].shape == sample["label"].shape == (1, 4, 4, 4) for sample in expected)
    assert len({tuple(sample["patch_start"].tolist()) for sample in expected}) > 5
    assert len(read) == len(set(read)) == 4
    later = SampleStream(items, steps, seed=7)
    for k in (19, 3, 11):
        torch.testing.assert_close(later[k]["image"], expected[k]["image"])


def test_several_crops_of_an_item_are_several_samples_of_one_batch():
    crops = RandSpatialCropSamplesd("image", roi_size=[1, 1], num_samples=3, random_size=False)
    flip = RandFlipd("image", prob=0.5)
    stream = SampleStream([{"image": torch.arange(16.0).view(1, 4, 4)}], [crops, flip], seed=2)
    batch = next(iter(DataLoader(stream, batch_size=2, sampler=StreamSampler())))
    assert batch["image"].shape == (6, 1, 1, 1)
    again = [sample["image"] for k in (1, 0) for sample in reversed(stream[k])]
    assert torch.equal(torch.stack([torch.as_tensor(x) for x in reversed(again)]), torch.as_tensor(batch["image"]))


def test_a_sample_tells_whether_it_comes_from_the_pool():
    stream = SampleStream(ITEMS, pool=POOL, mixture=Mixture(0.25))
    batch = next(iter(DataLoader(stream, batch_size=8, sampler=StreamSampler())))
    assert batch["from_pool"].dtype == torch.bool
    assert batch["from_pool"].tolist() == [float(x) >= 100 for x in batch["image"][:, 0, 0, 0]]
    assert batch["from_pool"].sum() == 2
    assert "from_pool" not in POOL[0]
    crops = RandSpatialCropSamplesd("image", roi_size=[1, 1], num_samples=3, random_size=False)
    stream = SampleStream(ITEMS, crops, pool=POOL, mixture=Mixture(0.5))
    batch = next(iter(DataLoader(stream, batch_size=2, sampler=StreamSampler())))
    assert batch["from_pool"].tolist() == [False] * 3 + [True] * 3


def test_a_round_may_set_the_share_of_synthetic_images():
    stream = SampleStream(ITEMS)
    pool = [{**item, "origin": "synthetic" if i < 12 else "real"} for i, item in enumerate(POOL)]
    stream.set_data(ITEMS, pool, seed=3, mixture=Mixture(0.5, 0.25, labeled_from=80))
    drawn = [stream[k] for k in range(100)]
    assert sum(sample["from_pool"] for sample in drawn) == 40
    assert sum(sample.get("origin") == "synthetic" for sample in drawn) == 10


def test_sampler_counts_on_from_its_start():
    numbers = iter(StreamSampler(7))
    assert [next(numbers) for _ in range(3)] == [7, 8, 9]
