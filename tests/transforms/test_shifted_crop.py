"""A crop and its shifted twins."""

import pytest
import torch

from ssgnet_monai.transforms import ShiftedCropd


def numbered(*sides):
    return torch.arange(torch.Size(sides).numel()).view(1, *sides)


def agree(crops):
    """Whether every shifted crop shows the same voxels as the fixed one where its offset says so."""
    fixed = crops[0]["image"][0]
    for crop in crops[1:]:
        image, offset = crop["image"][0], crop["offset"].tolist()
        mine = tuple(slice(max(0, e), min(n, n + e)) for e, n in zip(offset, fixed.shape, strict=True))
        its = tuple(slice(max(0, -e), min(n, n - e)) for e, n in zip(offset, fixed.shape, strict=True))
        if not torch.equal(fixed[mine], image[its]):
            return False
    return True


@pytest.mark.parametrize("directions", ["axes", "diagonals"])
@pytest.mark.parametrize(("sides", "patch"), [((9, 9), (6, 6)), ((11, 8, 6), (6, 6, 4))])
def test_crops_overlap_as_the_offset_says_with_flips_turns_and_at_borders(sides, patch, directions):
    axes = list(range(len(sides)))
    crop = ShiftedCropd("image", 3, patch, 4, directions, axes, [[0, 1]])
    shifts = set()
    for seed in range(60):
        crops = crop.set_random_state(seed)({"image": numbered(*sides)})
        assert len(crops) == 5
        assert agree(crops)
        assert all(one["image"].shape[1:] == patch for one in crops)
        assert all(one["offset"].any() for one in crops[1:])
        shifts |= {tuple(one["offset"].abs().tolist()) for one in crops[1:]}
    assert max(max(shift) for shift in shifts) == 3
    assert min(max(shift) for shift in shifts) < 3  # clipped at a border
    assert all(not any(shift[2:]) for shift in shifts)


def test_a_direction_without_room_gives_way_to_another():
    crop = ShiftedCropd("image", 2, (4, 4), flip_axes=(), turn_planes=())
    offsets = {tuple(crop.set_random_state(s)({"image": numbered(4, 9)})[1]["offset"].tolist()) for s in range(60)}
    assert {offset[0] for offset in offsets} == {0}
    assert {offset[1] for offset in offsets} >= {2, -2}
    assert (0, 0) not in offsets


def test_a_picture_repeats_its_border():
    crop = ShiftedCropd("image", 1, flip_axes=(), turn_planes=())
    fixed, shifted = crop.set_random_state(0)({"image": numbered(3, 3)})
    assert torch.equal(fixed["image"], numbered(3, 3))
    rows, columns = ((torch.arange(3) + e).clamp(0, 2) for e in shifted["offset"].tolist())
    assert torch.equal(shifted["image"][0], numbered(3, 3)[0][rows][:, columns])
    assert shifted["offset"].abs().sum() == 1


def test_bad_settings():
    with pytest.raises(ValueError, match=r"Expected a shift smaller than the crop of \(8, 8, 4\) voxels, got 8"):
        ShiftedCropd("image", 8, (8, 8, 4))
    with pytest.raises(ValueError, match=r"Expected equal sides of the crop in the plane \[0, 1\]"):
        ShiftedCropd("image", 2, (8, 6))
    with pytest.raises(ValueError, match="Expected shift_directions out of axes, diagonals, got 'up'"):
        ShiftedCropd("image", 2, shift_directions="up")
    with pytest.raises(ValueError, match="shifts_used from 1 to 4, got 2 and 5"):
        ShiftedCropd("image", 2, shifts_used=5)
