"""A generator by its folder: the images that the bundle writes, by their seeds."""

import json

import numpy as np
import pytest
import torch
from PIL import Image

from ssgnet_monai import Generator, load_generator
from ssgnet_monai.data.generator_record import write_generator_record
from tests.bundles.conftest import run_workflow

SIZES = {"image_size": 16, "num_channels": 1, "num_layers": 4, "margin_size": 2, "channel_max": 8, "z_dim": 8}
CLASSES = ["left", "right"]


def finished_generator(root, classes):
    folder = root / "generators" / "all"
    folder.mkdir(parents=True)
    (root / "data").mkdir(exist_ok=True)
    Image.new("L", (16, 16)).save(root / "data" / "a.png")
    datalist = {"labels": {"0": "background", "1": "lesion"}, "classes": CLASSES, "intensity_window": [0, 255]}
    datalist |= {"name": "t", "modality": {"0": "grey"}, "num_channels": 1, "training": [{"image": "a.png"}]}
    (root / "data" / "datalist.json").write_text(json.dumps(datalist))
    (folder / "config.yaml").write_text("dataset_dir: data\n")
    settings = {**SIZES, "w_dim": 8, "conditional": bool(classes), "batch_size": 3}
    (folder / "trained_with.json").write_text(json.dumps({"configs": ["train"], "settings": settings}))
    torch.manual_seed(0)
    network = Generator(8, len(classes), 8, 16, 1, channel_max=8, num_layers=4, margin_size=2)
    torch.save(network.state_dict(), folder / "model.pt")
    record = {"datalist_sha256": "0" * 64, "class_name": "all", "classes": classes, "intensity_window": [0, 255]}
    write_generator_record(folder / "model.pt", {**record, "class_counts": {"left": 3, "right": 1}})
    return folder, network.eval()


def test_an_image_follows_from_its_seed(tmp_path):
    folder, _ = finished_generator(tmp_path / "run", [])
    generator = load_generator(folder, "cpu")
    images = generator.sample(range(20), truncation=0.7)
    assert images.shape == (20, 1, 16, 16)
    assert -1 <= images.min() < images.max() <= 1
    torch.testing.assert_close(generator.sample(17, truncation=0.7)[0], images[17], atol=1e-5, rtol=0)
    assert not torch.allclose(generator.sample(17)[0], images[17])
    with pytest.raises(ValueError, match=r"truncation as a number in \[0, 1\], got 2"):
        generator.sample(0, truncation=2)
    with pytest.raises(ValueError, match=r"class out of none for each, got 1 seeds and \['left'\]"):
        generator.sample(0, class_names="left")


def test_a_conditional_generator_is_told_the_class(tmp_path):
    folder, network = finished_generator(tmp_path / "run", CLASSES)
    generator = load_generator(folder, "cpu")
    assert generator.classes == CLASSES
    both = generator.sample([5, 5], class_names=["left", "right"])
    z = torch.randn(1, 8, generator=torch.Generator().manual_seed(5))
    with torch.no_grad():
        right = network(z, torch.tensor([[0.0, 1.0]])).clamp(-1, 1)
    torch.testing.assert_close(both[1:], right, atol=1e-5, rtol=0)
    assert not torch.allclose(both[0], both[1])
    with pytest.raises(ValueError, match=r"class out of \['left', 'right'\] for each, got 1 seeds and \[None\]"):
        generator.sample(0)
    with pytest.raises(FileNotFoundError, match="Expected a trained bundle"):
        load_generator(tmp_path)


def test_the_images_are_those_that_the_bundle_writes(tmp_path):
    folder, _ = finished_generator(tmp_path / "run", [])
    run_workflow(
        "synthesis", ["inference"], ckpt_dir=str(folder), output_dir=str(tmp_path / "out"), num_images=3,
        dataset_dir=str(tmp_path / "run" / "data"), w_dim=8, **SIZES,
    )  # fmt: skip
    files = sorted((tmp_path / "out").rglob("*.png"))
    assert len(files) == 3
    written = np.stack([np.asarray(Image.open(file)) for file in files]).astype(np.float32)
    ours = (load_generator(folder, "cpu").sample(range(3))[:, 0].numpy() + 1) * 127.5
    assert np.abs(ours - written).max() <= 1
