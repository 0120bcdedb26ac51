"""Generation streams: images are on disk before the next latents are drawn, and a stopped run makes the rest."""

import json
from types import SimpleNamespace

import pytest
import torch
from monai.data import DataLoader
from monai.engines import SupervisedEvaluator

from ssgnet_monai.data import LatentDataset
from ssgnet_monai.engines import PrepareLatents
from ssgnet_monai.handlers import SyntheticImages, SyntheticImageWriter, existing_seeds

NUMBER, BATCH = 18, 4


class Picture(torch.nn.Module):
    """A generator of 2 x 2 pixels; stops at its n-th batch when told so."""

    def __init__(self, stop_at=None):
        super().__init__()
        self.batches, self.stop_at = 0, stop_at

    def forward(self, z, *_, **__):
        self.batches += 1
        if self.batches == self.stop_at:
            raise RuntimeError("stopped")
        return z[:, :1, None, None].expand(-1, 3, 2, 2).tanh()


class Latents(LatentDataset):
    """Notes how many images are on disk whenever a latent is drawn."""

    def __getitem__(self, index):
        self.on_disk.append((index, len(list(self.folder.glob("seed*.png")))))
        return super().__getitem__(index)


@pytest.fixture
def generate(tmp_path):
    record = {"model_sha256": "a" * 64, "datalist_sha256": "b" * 64, "intensity_window": [0, 255]}

    def run(generator):
        folder = SyntheticImages(tmp_path, SimpleNamespace(content=record))
        folder.begin()
        dataset = Latents(NUMBER, 3, skip=existing_seeds(folder))
        dataset.on_disk, dataset.folder = [], tmp_path / "images"
        evaluator = SupervisedEvaluator(
            device="cpu",
            val_data_loader=DataLoader(dataset, batch_size=BATCH),
            network=generator,
            prepare_batch=PrepareLatents(),
            val_handlers=[SyntheticImageWriter(folder)],
            decollate=False,
        )
        evaluator.run()
        folder.finish(dataset.all_items)
        return dataset.on_disk

    return run


def test_no_more_than_a_batch_is_ahead_of_the_disk(generate, tmp_path):
    drawn = generate(Picture())
    assert [index for index, _ in drawn] == list(range(NUMBER))
    assert all(index - written < BATCH for index, written in drawn)
    entries = json.loads((tmp_path / "synthetic.json").read_text())["unlabeled"]
    assert [entry["seed"] for entry in entries] == list(range(NUMBER))


def test_a_stopped_run_draws_only_what_is_missing(generate, tmp_path):
    with pytest.raises(RuntimeError, match="stopped"):
        generate(Picture(stop_at=3))
    assert not (tmp_path / "synthetic.json").exists()
    before = {path.name: path.stat().st_mtime_ns for path in sorted((tmp_path / "images").glob("*.png"))}
    assert len(before) == 2 * BATCH
    assert len(generate(Picture())) == NUMBER - 2 * BATCH
    after = {path.name: path.stat().st_mtime_ns for path in sorted((tmp_path / "images").glob("*.png"))}
    assert len(after) == NUMBER
    assert before.items() <= after.items()


def test_a_list_that_was_lost_is_written_again_without_drawing(generate, tmp_path):
    generate(Picture())
    before = (tmp_path / "synthetic.json").read_text()
    (tmp_path / "synthetic.json").unlink()
    assert generate(Picture()) == []
    assert (tmp_path / "synthetic.json").read_text() == before
