"""What a generator's training takes when nothing is said."""

import pytest
from monai.bundle import ConfigParser

from tests.bundles.conftest import REPOSITORY, TINY_GAN

CONFIG = next(REPOSITORY.glob("bundles/*_synthesis")) / "configs" / "train.yaml"


def parsed(phantom, tmp_path, **overrides):
    parser = ConfigParser()
    parser.read_config(str(CONFIG))
    parser.update({**TINY_GAN, "dataset_dir": str(phantom), "device": "cpu", "output_dir": str(tmp_path), **overrides})
    return parser


@pytest.mark.parametrize(
    ("size", "batch", "gamma"), [(128, 32, 0.5), (256, 32, 2), (512, 32, 8.2), (32, 8, 0.128), (64, 32, 0.128)]
)
def test_the_weight_of_r1_follows_size_and_batch(phantom, tmp_path, size, batch, gamma):
    parser = parsed(phantom, tmp_path, image_size=size, batch_size=batch)
    assert parser.get_parsed_content("r1_gamma") == pytest.approx(gamma, rel=0.03)


def test_the_weight_of_r1_can_be_given(phantom, tmp_path):
    assert parsed(phantom, tmp_path, r1_gamma=0.7).get_parsed_content("train#trainer").r1_gamma == 0.7


@pytest.mark.parametrize(("transfer", "kimg", "ramp"), [(None, 500, 0.05), ("earlier.pt", 100, None)])
def test_a_transfer_adapts_faster_and_has_no_ramp(phantom, tmp_path, transfer, kimg, ramp):
    handlers = parsed(phantom, tmp_path, transfer=transfer).get_parsed_content("train#handlers")
    named = {type(handler).__name__: handler for handler in handlers}
    assert named["AdaController"].kimg == kimg
    assert named["NetworkAverage"].ramp == ramp


@pytest.mark.parametrize("interval", [4, 16])
def test_one_interval_reaches_the_trainer_and_the_optimiser(phantom, tmp_path, interval):
    trainer = parsed(phantom, tmp_path, r1_interval=interval).get_parsed_content("train#trainer")
    assert trainer.r1_interval == interval
    assert trainer.d_optimizer.defaults["lr"] == pytest.approx(0.002 * interval / (interval + 1))
