"""What is written of a teacher when its pretraining ends."""

import json
import logging

import torch
from ignite.engine import Engine

from ssgnet_monai.handlers import TeacherCheck
from ssgnet_monai.networks import DiffusionSegmenter


def test_a_teacher_that_says_nothing_is_written_down(tmp_path, caplog):
    torch.manual_seed(0)
    teacher = DiffusionSegmenter(in_channels=1, width=2)
    with torch.no_grad():
        teacher.denoiser.last.bias[1] += 100
    engine = Engine(lambda *_: None)
    TeacherCheck(teacher, [{"image": torch.rand(1, 16, 16)}] * 40, tmp_path / "run" / "masks.json").attach(engine)
    with caplog.at_level(logging.WARNING):
        engine.run([0])
    found = json.loads((tmp_path / "run" / "masks.json").read_text())
    assert found == {"images": 32, "foreground_share": 1.0, "deviation": 0.0, "constant": True}
    assert "the pretrained teacher gives nearly the same mask to all of 32 images" in caplog.text
    assert teacher.training
