"""All parts of the strong augmentation together."""

import pytest
import torch

from ssgnet_monai.data.soft_labels import class_planes
from ssgnet_monai.transforms import (
    BatchBlurNoise,
    BatchFlipRotate,
    BatchFlipTurn,
    BatchIntensity,
    BatchMixing,
    StrongAugmentation,
)


def strong(geometry=None, **parts):
    return StrongAugmentation(
        geometry or BatchFlipRotate(scale=(0.7, 1.4)),
        **{"mixing": BatchMixing(), "intensity": BatchIntensity(), "blur_noise": BatchBlurNoise(), **parts},
    )


def checkerboard(n=12, side=64):
    """Images that show their label, with cells of 16 pixels of the values 0, 1, 2 and 255."""
    cells = torch.tensor([0.0, 1.0, 2.0, 255.0])[torch.randint(4, (n, 1, side // 16, side // 16))]
    label = cells.repeat_interleave(16, -1).repeat_interleave(16, -2)
    return {"image": label.repeat(1, 3, 1, 1), "label": label, "from_pool": torch.arange(n) % 2 == 1}


def run(augment, batch, seed=0):
    torch.manual_seed(seed)
    return augment(batch, "cpu")


def test_image_and_label_stay_together_through_geometry_and_mixing():
    batch = checkerboard()
    mixing = BatchMixing(cutmix_prob=1, paste_prob=1)
    image, label = run(strong(mixing=mixing, intensity=None, blur_noise=None), batch)
    assert set(label.unique().tolist()) <= {0.0, 1.0, 2.0, 255.0}
    assert ((image - label).abs() < 0.5).float().mean() > 0.85  # but for the interpolated edges of the cells
    assert not torch.equal(label, batch["label"])


def test_values_of_labels_stay_and_images_change():
    batch = checkerboard()
    batch["image"] = torch.randn_like(batch["image"])
    image, label = run(strong(), batch)
    assert set(label.unique().tolist()) <= {0.0, 1.0, 2.0, 255.0}
    assert image.shape == batch["image"].shape
    assert image.dtype == torch.float32
    assert image.isfinite().all()


def test_a_batch_of_a_seed_is_the_same_wherever_it_is_made():
    """As after a resume: what was drawn before does not matter, and the batch itself is not changed."""
    batch = checkerboard()
    kept = {key: value.clone() for key, value in batch.items()}
    first = run(strong(), batch, 7)
    run(strong(), batch, 8)
    again = run(strong(), batch, 7)
    assert all(torch.equal(a, b) for a, b in zip(first, again, strict=True))
    assert not torch.equal(first[0], run(strong(), batch, 8)[0])
    assert all(torch.equal(batch[key], value) for key, value in kept.items())


def test_a_batch_that_names_no_pool_is_not_mixed():
    batch = checkerboard()
    del batch["from_pool"]
    mixing = BatchMixing(cutmix_prob=1, paste_prob=1)
    plain = run(StrongAugmentation(BatchFlipRotate()), batch)
    found = run(strong(BatchFlipRotate(), mixing=mixing, intensity=None, blur_noise=None), batch)
    assert all(torch.equal(a, b) for a, b in zip(plain, found, strict=True))


def test_volumes_too():
    label = torch.randint(0, 3, (4, 1, 8, 8, 6)).to(torch.uint8)
    batch = {"image": torch.randn(4, 1, 8, 8, 6), "label": label, "from_pool": torch.tensor([False, True, True, True])}
    image, moved = run(strong(BatchFlipTurn((0, 1), [[0, 1]], scale=(0.7, 1.4), scale_prob=0.5)), batch)
    assert image.shape == batch["image"].shape
    assert moved.dtype == torch.uint8
    assert set(moved.unique().tolist()) <= {0, 1, 2}


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_a_gpu_draws_what_the_cpu_draws():
    batch = checkerboard()
    expected = run(strong(), batch)
    torch.manual_seed(0)
    image, label = strong()(batch, "cuda")
    assert (image.cpu() - expected[0]).abs().median() < 1e-3
    assert (label.cpu() == expected[1]).float().mean() > 0.99


@pytest.mark.parametrize("shape", [(32, 40), (16, 12, 20)])
def test_soft_labels_go_the_way_of_the_mask(shape):
    """Of three classes and pixels that are not known: planes of the mask, augmented, are those of the augmented one."""
    classes = torch.randint(3, (8, 1, *shape), generator=torch.Generator().manual_seed(0)).float()
    classes[:, :, 3:6] = 255
    planes = torch.stack([class_planes(label, 3) for label in classes])
    geometry = BatchFlipRotate(scale=(0.7, 1.4)) if len(shape) == 2 else BatchFlipTurn(scale=(0.7, 1.4), scale_prob=1)
    augment = StrongAugmentation(geometry, BatchMixing(cutmix_prob=1, paste_prob=1))
    from_pool, results = torch.arange(8) > 2, []
    for label in (classes, planes):
        torch.manual_seed(1)
        batch = {"image": torch.zeros(8, 1, *shape), "label": label, "from_pool": from_pool}
        results.append(augment(batch, "cpu")[1])
    assert not torch.equal(results[0], classes)
    assert torch.equal(torch.stack([class_planes(label, 3) for label in results[0]]), results[1])
