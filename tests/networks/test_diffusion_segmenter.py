"""A mask pathway as a segmenter: the same answer everywhere, exports, draws of training, the way back."""

import pytest
import torch

from ssgnet_monai.networks import DiffusionSegmenter
from ssgnet_monai.networks.diffusion_segmenter import MODES, hard_mask_code, mask_code
from ssgnet_monai.ops.diffusion_schedule import add_noise, ddim_times, noise_from_clean


def small(**settings):
    torch.manual_seed(0)
    return DiffusionSegmenter(**{"in_channels": 1, "width": 4, "noises": 2, "ddim_steps": 2, **settings}).eval()


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize(("spatial_dims", "classes"), [(2, 1), (2, 3), (3, 1)])
def test_an_answer_is_a_function_of_the_image(mode, spatial_dims, classes):
    network, images = small(spatial_dims=spatial_dims, out_channels=classes, mode=mode), torch.randn(3, 1, 16, 32)
    images = images if spatial_dims == 2 else images.unsqueeze(-1).expand(-1, -1, -1, -1, 16)
    before = torch.get_rng_state()
    with torch.no_grad():
        found, again = network(images), network(images[1:])
    assert torch.equal(torch.get_rng_state(), before)
    assert found.shape == (3, classes, *images.shape[2:])
    assert found.std() > 0
    torch.testing.assert_close(again, found[1:], rtol=0, atol=1e-5)


@pytest.mark.parametrize("mode", MODES)
def test_torchscript_gives_the_same_for_other_sizes_too(mode, tmp_path):
    network, image = small(mode=mode), torch.randn(2, 1, 16, 16)
    with torch.no_grad():
        traced = torch.jit.trace(network, image)
        assert 'value="cpu"' not in str(traced.inlined_graph)  # nothing keeps it from another device
        traced.save(str(tmp_path / "model.ts"))
        for sample in (image, torch.randn(3, 1, 32, 16)):
            torch.testing.assert_close(torch.jit.load(str(tmp_path / "model.ts"))(sample), network(sample))


@pytest.mark.slow
def test_onnx_gives_the_same(tmp_path):
    onnx = pytest.importorskip("onnx")
    pytest.importorskip("onnxscript")
    reference = pytest.importorskip("onnx.reference")
    network, image, file = (
        small(mode="denoising", ddim_steps=2),
        torch.randn(1, 1, 16, 16),
        str(tmp_path / "model.onnx"),
    )
    torch.onnx.export(network, (image,), file, dynamo=True)
    model = onnx.load(file)
    (found,) = reference.ReferenceEvaluator(model).run(None, {model.graph.input[0].name: image.numpy()})
    with torch.no_grad():
        torch.testing.assert_close(torch.from_numpy(found), network(image), rtol=1e-4, atol=1e-5)


def test_two_classes_are_one_logit_of_the_mean_probability():
    network, image = small(noises=2), torch.randn(1, 1, 16, 16)
    with torch.no_grad():
        noise = network._noise(image, 2)
        noised = add_noise(network._background(noise), noise, network.alphas[999])
        single = [network.denoiser(torch.cat([one[None], image], 1), torch.tensor([999.0])) for one in noised]
        expected = torch.stack(single).softmax(2)[:, :, 1].mean(0)
        torch.testing.assert_close(network(image).sigmoid()[:, 0], expected)
    assert not torch.equal(noise[0], noise[1])


def test_the_way_back_is_that_of_a_loop_by_hand():
    network, image = small(mode="denoising", out_channels=3, noises=1, ddim_steps=3), torch.randn(2, 1, 16, 16)
    with torch.no_grad():
        noised = network._noise(image, 1).expand(2, -1, -1, -1)
        for step, time in enumerate(ddim_times(1000, 3)):
            logits = network.denoiser(torch.cat([noised, image], 1), torch.full((2,), time))
            if step < 2:
                clean, alpha = mask_code(logits), network.alphas[time]
                noise = noise_from_clean(noised, clean, alpha)
                noised = add_noise(clean, noise, network.alphas[ddim_times(1000, 3)[step + 1]])
        torch.testing.assert_close(network(image), logits.log_softmax(1))


def test_training_draws_anew_from_torchs_generator():
    network, images = small(noises=1).train(), torch.randn(4, 1, 16, 16)
    torch.manual_seed(3)
    first, second = network(images), network(images)
    assert first.shape == (4, 1, 16, 16)
    assert not torch.equal(first, second)
    torch.manual_seed(3)
    assert torch.equal(network(images), first)


def seen_by(network, images, masks=None):
    """What the denoiser gets: noisy masks and steps."""
    seen = []
    hook = network.denoiser.register_forward_pre_hook(lambda _, given: seen.append(given))
    network.class_logits(images, masks)
    hook.remove()
    ((inputs, times),) = seen
    return inputs[:, : network.num_classes], times


def test_what_gets_the_noise():
    images = torch.zeros(64, 1, 16, 16)
    masks = hard_mask_code(torch.ones(64, 1, 16, 16), 2)
    for mode, given, foreground in (("faithful", None, -1), ("denoising", masks, 1)):
        network = small(mode=mode).train()
        noised, times = seen_by(network, images, given)
        assert len(times.unique()) > 32
        signal = noised[:, 1].mean((1, 2)) / network.alphas[times].sqrt()
        assert signal[times < 200].mean().item() == pytest.approx(foreground, abs=0.05)
    noised, times = seen_by(small(mode="denoising").train(), images)
    assert times.unique().tolist() == [999]
    assert noised.std().item() == pytest.approx(1, abs=0.02)


def test_codes_of_masks():
    torch.testing.assert_close(mask_code(torch.zeros(1, 4, 1, 1)), torch.full((1, 4, 1, 1), -0.5))
    code = hard_mask_code(torch.tensor([[[[0, 2, 255]]]]), 3)
    assert code[0, :, 0].T.tolist() == [[1, -1, -1], [-1, -1, 1], [0, 0, 0]]


def test_weights_alone_are_saved_and_load_into_another_mode():
    state = small().state_dict()
    assert all(key.startswith("denoiser.") for key in state)
    small(mode="denoising", noises=1, timesteps=50).load_state_dict(state)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"mode": "fast"}, "Expected mode faithful or denoising.*got 'fast', 2"),
        ({"noises": 0}, "at least one of noises, got 'faithful', 0"),
        ({"mode": "denoising", "ddim_steps": 0}, "1 to 1000 steps.*got 0"),
        ({"schedule": "none"}, "got 'none'"),
    ],
)
def test_settings_that_make_no_segmenter(settings, message):
    with pytest.raises(ValueError, match=message):
        small(**settings)
