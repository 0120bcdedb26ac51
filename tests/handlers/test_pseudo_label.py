"""Labelling streams: a batch is written before the next is read, and a killed run reads only what is missing."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch
from PIL import Image

from ssgnet_monai.data.pseudo_labels import PseudoLabelFolder, read_manifest
from ssgnet_monai.handlers import PseudoLabelHandler

NUMBER, BATCH = 22, 4


@pytest.fixture
def rounds(tmp_path):
    """What the handler asks of the rounds engine, over a pool of constant images."""
    torch.save(torch.nn.Identity().state_dict(), tmp_path / "model.pt")
    return SimpleNamespace(
        pool=[{"image": str(tmp_path / f"image{k:02d}.png")} for k in range(NUMBER)],
        round=0,
        output_dir=tmp_path,
        labeller=lambda: {"round": 0, "model": "model.pt"},
        label_folder=lambda t: tmp_path / "pseudo_labels" / f"round_{t:02d}",
    )


@pytest.fixture
def events(monkeypatch):
    """Reads and writes in the order in which they happen."""
    happened, write = [], PseudoLabelFolder.write

    def noted(self, indices, items, labels):
        write(self, indices, items, labels)
        happened.extend(("write", index) for index in indices)

    monkeypatch.setattr(PseudoLabelFolder, "write", noted)
    return happened


def handler(events, stop_at=None):
    def read(item):
        index = int(item["image"][-6:-4])
        if index == stop_at:
            raise KeyboardInterrupt
        events.append(("read", index))
        return {"image": torch.full((1, 8, 8), 5.0 if index % 2 else -5.0)}

    return PseudoLabelHandler(torch.nn.Identity(), read, "cpu", batch_size=BATCH)


def test_no_more_than_a_batch_is_held(rounds, events):
    handler(events)(rounds)
    held = 0
    for kind, _ in events:
        held += 1 if kind == "read" else -1
        assert 0 <= held <= BATCH
    assert held == 0
    assert events.index(("write", 0)) < events.index(("read", BATCH))
    masks = read_manifest(rounds.label_folder(0))["masks"]
    assert [record["image"] for record in masks] == [f"../image{k:02d}.png" for k in range(NUMBER)]
    with Image.open(rounds.label_folder(0) / masks[1]["mask"]) as mask:
        assert (np.asarray(mask) == 255).all()


def test_a_stopped_run_goes_on_behind_the_last_batch_it_wrote(rounds, events):
    with pytest.raises(KeyboardInterrupt):
        handler(events, stop_at=10)(rounds)
    assert not rounds.label_folder(0).exists()
    events.clear()
    handler(events)(rounds)
    assert [index for kind, index in events if kind == "read"] == list(range(8, NUMBER))
    assert len(read_manifest(rounds.label_folder(0))["masks"]) == NUMBER
    events.clear()
    handler(events)(rounds)
    assert events == []


def test_a_floor_that_is_no_confidence_is_refused():
    with pytest.raises(ValueError, match=r"confidence_floor in \[0.5, 1\] or null, got 0.4"):
        PseudoLabelHandler(torch.nn.Identity(), dict, "cpu", confidence_floor=0.4)
