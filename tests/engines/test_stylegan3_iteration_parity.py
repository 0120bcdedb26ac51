"""Three training iterations against numbers of the public reference implementation."""

from __future__ import annotations

import pytest
import torch

from ssgnet_monai.engines import stylegan3_optimizers, stylegan3_step
from ssgnet_monai.networks.stylegan3 import Discriminator, Generator


def test_three_iterations(parity):
    fixture = parity("stylegan3_train3.pt")
    config = fixture["config"]
    shared = {
        "c_dim": 0,
        "img_resolution": config["res"],
        "img_channels": 3,
        "channel_base": config["channel_base"],
        "channel_max": config["channel_max"],
        "conv_clamp": config["conv_clamp"],
        "num_fp16_res": config["num_fp16_res"],
    }
    generator = Generator(
        z_dim=config["zdim"],
        w_dim=config["zdim"],
        num_layers=config["num_layers"],
        margin_size=config["margin_size"],
        magnitude_ema_beta=config["magnitude_ema_beta"],
        **shared,
    )
    discriminator = Discriminator(**shared)
    generator.load_state_dict(fixture["G0"])
    discriminator.load_state_dict(fixture["D0"])
    g_optimizer, d_optimizer = stylegan3_optimizers(generator, discriminator, config["G_lr"], 0.002)
    assert d_optimizer.defaults["lr"] == pytest.approx(config["D_lr"])
    assert d_optimizer.defaults["betas"] == pytest.approx(config["D_betas"])
    for index, iteration in enumerate(fixture["its"]):
        losses = stylegan3_step(
            generator,
            discriminator,
            g_optimizer,
            d_optimizer,
            iteration["real"],
            *iteration["zs"][:2],
            r1_gamma=config["gamma"],
            r1_now=index == 0,
        )
        assert ("r1" in losses) == (index == 0)
        for network, norms in ((generator, iteration["G_norms"]), (discriminator, iteration["D_norms"])):
            state = network.state_dict()
            for key, norm in norms.items():
                assert state[key].double().norm().item() == pytest.approx(norm, rel=1e-2, abs=1e-4), (index, key)
    for network, expected in ((generator, fixture["G3"]), (discriminator, fixture["D3"])):
        for key, value in network.state_dict().items():
            error = (value - expected[key]).double().norm() / expected[key].double().norm().clamp(min=1e-3)
            assert error < 1e-2, (key, error)
    with torch.no_grad():
        images = generator(fixture["its"][0]["zs"][0])
    torch.testing.assert_close(images, fixture["img3"], atol=1e-2, rtol=1e-2)
