"""What is left of a generator's training to look at: samples to compare, curves without a repeated step."""

import json

import pytest
import torch
from PIL import Image

from ssgnet_monai.handlers import SynthesisMonitor, TrainingSession
from tests.handlers.step_engine import step_engine


class Colours(torch.nn.Module):
    """Draws the class as a flat colour: black, grey, white; remembers its latents."""

    z_dim, c_dim = 4, 3

    def __init__(self):
        super().__init__()
        self.weight = torch.nn.Parameter(torch.zeros(1))
        self.latents = []

    def forward(self, z, c):
        self.latents.append(z)
        return (c.argmax(1).float() - 1).view(-1, 1, 1, 1).expand(-1, 3, 8, 8) + self.weight


@pytest.fixture
def monitored(tmp_path):
    """``monitored(max_epochs)`` -> the generator after that many epochs of three steps of 500 images."""

    def train(max_epochs):
        generator = Colours().train()
        engine = step_engine(lambda engine, _: {"loss_g": torch.tensor(float(engine.state.iteration)), "loss_d": 0.5})
        session = TrainingSession({}, tmp_path / "state", tmp_path / "model.pt")
        SynthesisMonitor(session, generator, 500, tmp_path, grid_interval=2, grid_size=3).attach(engine)
        engine.run([None] * 3, max_epochs=max_epochs)
        return generator

    return train


def test_sample_grids_show_every_class_from_latents_that_never_change(monitored, tmp_path):
    generator = monitored(4)
    assert sorted(path.name for path in (tmp_path / "samples").iterdir()) == ["kimg00003.0.png", "kimg00006.0.png"]
    assert torch.equal(*generator.latents)
    assert not generator.training  # or its moving averages would move
    with Image.open(tmp_path / "samples" / "kimg00003.0.png") as grid:
        shades = [[grid.getpixel((8 * x + 4, 8 * y + 4))[0] for x in range(3)] for y in range(3)]
    assert [[round(shade / 127.5) for shade in row] for row in shades] == [[0, 1, 2]] * 3


def test_curves_hold_means_and_forget_what_will_be_done_again(monitored, tmp_path):
    stats = tmp_path / "state" / "stats.jsonl"
    stats.parent.mkdir()
    stats.write_text('{"kimg": 0.0, "loss_g": 7.0}\n{"kimg": 1.5, "loss_g": 8.0}\n', encoding="utf-8")
    monitored(2)
    lines = [json.loads(line) for line in stats.read_text(encoding="utf-8").splitlines()]
    assert [line["kimg"] for line in lines] == [0.0, 1.5, 3.0]
    assert [line["loss_g"] for line in lines] == [7.0, 2.0, 5.0]  # means of steps 1 to 3 and 4 to 6
    assert lines[1]["ada_p"] == 0
    assert lines[1]["r1"] is None
