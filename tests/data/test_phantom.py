import numpy as np
import pytest
import torch
from skimage.filters import threshold_otsu

from ssgnet_monai import cli
from ssgnet_monai.data import load_datalist, write_phantom
from ssgnet_monai.data.phantom import draw_phantom, plan_phantom
from ssgnet_monai.data.phantom_lesion import PHANTOM_CLASSES, draw_patient, render_lesion
from ssgnet_monai.transforms import LoadImageMaskd


@pytest.fixture(scope="module")
def phantom(tmp_path_factory):
    return load_datalist(write_phantom(tmp_path_factory.mktemp("phantom"), (60, 20), size=32, seed=0))


def tensors(items):
    loaded = [LoadImageMaskd()(item) for item in items]
    images = np.stack([item["image"].numpy() for item in loaded])
    return images, np.stack([item["label"].numpy()[0] > 0 for item in loaded])


def test_counts_classes_and_patients(phantom):
    assert phantom["name"] == "phantom"
    assert phantom["classes"] == sorted(PHANTOM_CLASSES)
    items = [item for split in ("training", "validation", "test") for item in phantom[split]]
    assert [sum(item["class"] == name for item in items) for name in PHANTOM_CLASSES] == [60, 20]
    assert 16 <= len({item["group"] for item in items}) <= 80
    assert abs(len(phantom["training"]) - 56) <= 3
    assert len(phantom["test"]) >= 12
    masks = tensors(items)[1]
    assert masks.mean((1, 2)).min() > 0.02
    assert masks.mean((1, 2)).max() < 0.5


def test_same_seed_same_pixels_and_others_differ():
    plan = plan_phantom((3, 2), seed=4)
    assert plan == plan_phantom((3, 2), seed=4) != plan_phantom((3, 2), seed=5)
    one, two = draw_phantom(plan[3], 3, 32, seed=4), draw_phantom(plan[3], 3, 32, seed=4)
    assert np.array_equal(one[0], two[0])
    assert np.array_equal(one[1], two[1])
    assert not np.array_equal(one[0], draw_phantom(plan[3], 3, 32, seed=5)[0])


def test_size_changes_sharpness_not_content():
    plan = plan_phantom((2, 2), seed=1)
    small, large = (draw_phantom(plan[0], 0, size, seed=1)[1] for size in (32, 128))
    pooled = large.reshape(32, 4, 32, 4).mean((1, 3)) > 0.5
    assert (pooled != small).mean() < 0.02


def test_a_rewrite_keeps_the_source_and_a_changed_seed_does_not(tmp_path):
    first = write_phantom(tmp_path, (4, 4), size=16, seed=0)
    stamp = (tmp_path / "source" / "images" / "phantom_00000.png").stat().st_mtime_ns
    content = first.read_bytes()
    assert write_phantom(tmp_path, (4, 4), size=16, seed=0).read_bytes() == content
    assert (tmp_path / "source" / "images" / "phantom_00000.png").stat().st_mtime_ns == stamp
    write_phantom(tmp_path, (4, 4), size=16, seed=1)
    assert (tmp_path / "source" / "images" / "phantom_00000.png").stat().st_mtime_ns != stamp


def test_irregular_borders_are_longer():
    def roughness(name):
        values = []
        for index in range(20):
            generator = np.random.default_rng(index)
            mask = render_lesion(generator, draw_patient(generator), name, 64)[1]
            edge = (mask[1:] != mask[:-1]).sum() + (mask[:, 1:] != mask[:, :-1]).sum()
            values.append(edge / np.sqrt(mask.sum()))
        return np.mean(values)

    assert roughness("irregular") > 1.1 * roughness("regular")


def test_otsu_is_no_solution(phantom):
    """Channel and polarity chosen on training; the best threshold method stays below .75 pooled Dice."""

    def score(images, masks, channel, dark):
        red, green, blue = images[:, 0], images[:, 1], images[:, 2]
        spread = images.max(1) - images.min(1)
        values = {"red": red, "green": green, "blue": blue, "saturation": spread / (images.max(1) + 1e-3)}[channel]
        found = np.stack([(value > threshold_otsu(value)) != dark for value in values])
        return 2 * (found & masks).sum() / (found.sum() + masks.sum())

    training, test = tensors(phantom["training"]), tensors(phantom["test"])
    choices = [(channel, dark) for channel in ("red", "green", "blue", "saturation") for dark in (False, True)]
    best = max(choices, key=lambda choice: score(*training, *choice))
    assert 0.3 < score(*test, *best) < 0.75


def test_a_small_network_can_learn_it(phantom):
    """A few steps beat Otsu by far: the pictures hold the answer."""
    from monai.networks.nets import UNet

    images, masks = (torch.from_numpy(values).float() for values in tensors(phantom["training"]))
    images = (images - images.mean((2, 3), keepdim=True)) / images.std((2, 3), keepdim=True)
    torch.manual_seed(0)
    network = UNet(2, 3, 1, (16, 32, 64), (2, 2), num_res_units=1)
    optimizer = torch.optim.AdamW(network.parameters(), 5e-3)
    generator = torch.Generator().manual_seed(0)
    for _ in range(80):
        chosen = torch.randint(len(images), (16,), generator=generator)
        logits, truth = network(images[chosen])[:, 0], masks[chosen]
        chance = logits.sigmoid()
        loss = torch.nn.functional.binary_cross_entropy_with_logits(logits, truth)
        loss = loss + 1 - (2 * (chance * truth).sum() + 1) / (chance.sum() + truth.sum() + 1)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    network.eval()
    images, masks = (torch.from_numpy(values).float() for values in tensors(phantom["test"]))
    images = (images - images.mean((2, 3), keepdim=True)) / images.std((2, 3), keepdim=True)
    with torch.no_grad():
        found = network(images)[:, 0] > 0
    dice = 2 * (found & (masks > 0)).sum() / (found.sum() + masks.sum())
    assert dice > 0.75


def test_bad_input(tmp_path):
    with pytest.raises(ValueError, match=r"positive number of images .* got \(3, 0\) and 32"):
        write_phantom(tmp_path, (3, 0), size=32)
    with pytest.raises(ValueError, match="class out of .* got 'odd'"):
        render_lesion(np.random.default_rng(0), draw_patient(np.random.default_rng(0)), "odd", 16)


def test_more_classes_of_masks_in_the_same_pictures(tmp_path):
    datalist = load_datalist(write_phantom(tmp_path, (30, 10), size=32, seed=0, num_classes=3))
    assert datalist["labels"] == {"0": "background", "1": "lesion", "2": "core"}
    items = [item for split in ("training", "validation", "test") for item in datalist[split]]
    load = LoadImageMaskd(num_classes=3)
    masks = [load(item)["label"].numpy()[0] for item in items]
    with_core = [mask for mask in masks if (mask == 2).any()]
    assert 0.7 < len(with_core) / len(masks) < 1
    assert all(set(np.unique(mask)) <= {0, 1, 2} for mask in masks)
    shares = [(mask == 2).sum() / (mask > 0).sum() for mask in with_core]
    assert 0.05 < np.median(shares) < 0.5
    for index, plan in enumerate(plan_phantom((3, 3), seed=0)):
        two, three, four = (draw_phantom(plan, index, 48, 0, classes) for classes in (2, 3, 4))
        np.testing.assert_array_equal(two[1] > 0, three[1] > 0)
        np.testing.assert_array_equal(two[1] > 0, (four[1] > 0) & (four[1] < 3))
        assert (np.abs(two[0].astype(int) - three[0])[three[1] == 0] <= 40).mean() > 0.98  # outside nothing is drawn
        core = three[1] == 2
        if core.any():
            assert three[0][core].mean() < two[0][core].mean() - 8  # it can be seen
    with pytest.raises(ValueError, match="2 to 4 classes, of background, lesion, core, satellite, got 5"):
        write_phantom(tmp_path, num_classes=5)


def test_pictures_of_two_classes_are_those_of_before():
    image, mask = draw_phantom(plan_phantom((2, 2), seed=3)[1], 1, 32, seed=3)
    assert (int(image.astype(int).sum()), int(mask.sum())) == (314372, 299)


def test_the_command_takes_shares_of_the_lists(tmp_path):
    command = ["data", "phantom", "--out", str(tmp_path), "--num-images", "30", "10", "--size", "16"]
    assert cli.main([*command, "--split", "0.3", "0.1", "0.6"]) == 0
    datalist = load_datalist(tmp_path)
    assert sum(len(datalist[split]) for split in ("training", "validation", "test")) == 40
    assert len(datalist["test"]) > len(datalist["training"]) > len(datalist["validation"]) > 0
