"""Measure the fast back ends against their references, in one run, on this machine.

    python scripts/benchmark_ops.py --output benchmark.json

Every pair is measured in turns, so that a busy machine slows both; the ratio is that of the fastest turns.
Set OMP_WAIT_POLICY=PASSIVE and GOMP_SPINCOUNT=0 where other programs run.
"""

from __future__ import annotations

import argparse
import logging
import math
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch
from monai.networks.nets import UNet
from monai.transforms import (
    Compose,
    RandAdjustContrastd,
    RandAffined,
    RandFlipd,
    RandGaussianNoised,
    RandGaussianSmoothd,
    RandScaleIntensityd,
    RandShiftIntensityd,
)

from ssgnet_monai.data.atomic_write import write_json
from ssgnet_monai.engines.stylegan3_iteration import R1_INTERVAL, stylegan3_optimizers, stylegan3_step
from ssgnet_monai.losses import segmentation_loss
from ssgnet_monai.networks import VMUNet
from ssgnet_monai.networks.stylegan3 import Discriminator, Generator
from ssgnet_monai.ops import selective_scan
from ssgnet_monai.transforms import (
    BatchBlurNoise,
    BatchFlipRotate,
    BatchIntensity,
    BatchMixing,
    StrongAugmentation,
)

logger = logging.getLogger("benchmark_ops")


def main(arguments: Sequence[str] | None = None) -> dict[str, Any]:
    """Run the benchmarks named on the command line and return what is written."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--output", type=Path, help="JSON file to write")
    parser.add_argument("--only", nargs="+", choices=sorted(BENCHMARKS), default=sorted(BENCHMARKS))
    parser.add_argument("--repeats", type=int, default=2, help="turns of every pair (default 2)")
    parser.add_argument("--threads", type=int, default=torch.get_num_threads(), help="CPU threads")
    parser.add_argument("--length", type=int, default=4096, help="steps of the selective scan (default 4096)")
    parser.add_argument("--size", type=int, default=256, help="image side for VM-UNet (default 256)")
    parser.add_argument("--batch", type=int, default=8, help="batch of the StyleGAN3 step (default 8)")
    options = parser.parse_args(arguments)
    logging.basicConfig(level=logging.INFO, format="%(message)s", force=True)
    torch.set_num_threads(options.threads)
    record: dict[str, Any] = {"torch": torch.__version__, "threads": options.threads}
    logger.info("torch %s, %d thread(s)", torch.__version__, options.threads)
    logger.info("%-16s %12s %12s %8s   %s", "benchmark", "reference s", "fast s", "ratio", "notes")
    for name in options.only:
        result = BENCHMARKS[name](options)
        record[name] = result
        notes = ", ".join(f"{key} {value:.3g}" for key, value in result["notes"].items())
        logger.info(
            "%-16s %12.3f %12.3f %8.1f   %s", name, result["reference_s"], result["fast_s"], result["ratio"], notes
        )
    if options.output:
        write_json(options.output, record)
    return record


def benchmark_scan(options: argparse.Namespace) -> dict[str, Any]:
    """Selective scan, forward and backward: 768 rows in 4 groups, 16 states, against the loop over ``unbind``."""
    inputs = _scan_inputs(options.length)
    single = {name: value.float().requires_grad_() for name, value in inputs.items()}
    result = _in_turns(lambda b: _scan_with_gradients(single, b), options.repeats)
    double = {name: value.requires_grad_() for name, value in inputs.items()}
    truth = _scan_with_gradients(double, "reference")
    result["notes"] |= {
        "error_float32": _error(_scan_with_gradients(single, "auto"), truth),
        "error_float64": _error(_scan_with_gradients(double, "auto"), truth),
    }
    return result


def benchmark_vmunet(options: argparse.Namespace) -> dict[str, Any]:
    """VM-UNet of the paper's size, one image, forward and backward, against the loop over ``unbind``."""
    torch.manual_seed(0)
    network = VMUNet(drop_path_rate=0.0)
    image = torch.randn(1, 3, options.size, options.size)
    scans = [module for module in network.modules() if hasattr(module, "scan_backend")]

    results = {}

    def step(backend: str) -> None:
        for module in scans:
            module.scan_backend = backend
        network.zero_grad(set_to_none=True)
        logits = network(image)
        logits.square().mean().backward()
        results[backend] = [logits.detach()]

    result = _in_turns(step, options.repeats)
    result["notes"] |= {"logit_error": _error(results["auto"], results["reference"])}
    return result


def benchmark_stylegan3(options: argparse.Namespace) -> dict[str, Any]:
    """Training step of StyleGAN3-T at 32 px: 6 layers, margin 10, channel_base 1024; R1 every 16th, in proportion."""

    def steps(backend: str) -> float:
        torch.manual_seed(0)
        generator = Generator(64, 0, 64, 32, 3, channel_base=1024, num_layers=6, margin_size=10, num_fp16_res=0)
        discriminator = Discriminator(0, 32, 3, channel_base=1024, num_fp16_res=0)
        for module in [*generator.modules(), *discriminator.modules()]:
            if hasattr(module, "filter_backend"):
                module.filter_backend = backend
        optimizers = stylegan3_optimizers(generator, discriminator)
        real = torch.randn(options.batch, 3, 32, 32)
        z = torch.randn(options.batch, 64)
        seconds = {}
        for r1_now in (False, False, True):  # the first call also builds what is kept
            began = time.perf_counter()
            stylegan3_step(generator, discriminator, *optimizers, real, z, z, r1_gamma=0.05, r1_now=r1_now)
            seconds[r1_now] = time.perf_counter() - began
        return ((R1_INTERVAL - 1) * seconds[False] + seconds[True]) / R1_INTERVAL

    turns = [(steps("reference"), steps("auto")) for _ in range(options.repeats)]
    reference, fast = (min(turn[i] for turn in turns) for i in (0, 1))
    per_hour = {"kimg_per_hour": 3.6 * options.batch / fast, "kimg_per_hour_reference": 3.6 * options.batch / reference}
    return {"reference_s": reference, "fast_s": fast, "ratio": reference / fast, "notes": per_hour}


def benchmark_augmentation(options: argparse.Namespace) -> dict[str, Any]:
    """Strong augmentation of 16 pictures of 96 x 96, half of a pool, at once, against MONAI's transforms one by one.

    The notes tell milliseconds a batch: flips and rotation alone, the strong augmentation, and a training step of a
    small U-Net that it stands before.
    """
    torch.manual_seed(0)
    label = (torch.rand(16, 1, 12, 12) < 0.3).float().repeat_interleave(8, 2).repeat_interleave(8, 3)
    batch = {"image": torch.randn(16, 3, 96, 96), "label": label, "from_pool": torch.arange(16) % 2 == 1}
    samples = [{"image": image, "label": mask} for image, mask in zip(batch["image"], label, strict=True)]
    plain, one_by_one = BatchFlipRotate(), _dictionary_transforms()
    strong = StrongAugmentation(BatchFlipRotate(scale=(0.7, 1.4)), BatchMixing(), BatchIntensity(), BatchBlurNoise())
    network = UNet(2, 3, 1, channels=(16, 32, 64, 128), strides=(2, 2, 2), num_res_units=2)
    optimizer, loss = torch.optim.AdamW(network.parameters()), segmentation_loss(1)

    def train() -> None:
        optimizer.zero_grad(set_to_none=True)
        loss(network(batch["image"]), label).backward()
        optimizer.step()

    runs: dict[str, Callable[[], Any]] = {
        "monai": lambda: [one_by_one(sample) for sample in samples],
        "strong": lambda: strong(batch, "cpu"),
        "plain": lambda: plain(batch, "cpu"),
        "unet_step": train,
    }
    best = dict.fromkeys(runs, math.inf)
    for turn in range(1 + options.repeats):  # the first also builds what is kept
        for name, run in runs.items():
            began, draws = time.perf_counter(), 10
            for draw in range(draws):
                torch.manual_seed(draw)
                run()
            if turn:
                best[name] = min(best[name], (time.perf_counter() - began) / draws)
    return {
        "reference_s": best["monai"],
        "fast_s": best["strong"],
        "ratio": best["monai"] / best["strong"],
        "notes": {f"{name}_ms": 1000 * best[name] for name in ("plain", "strong", "unet_step")},
    }


def _dictionary_transforms() -> Compose:
    """What MONAI's dictionary transforms offer of the same: no mixing of images, no colour."""
    keys = ["image", "label"]
    return Compose(
        [
            RandFlipd(keys, prob=0.5, spatial_axis=0),
            RandFlipd(keys, prob=0.5, spatial_axis=1),
            RandAffined(
                keys,
                prob=0.75,
                rotate_range=math.pi,
                scale_range=(-0.3, 0.4),
                translate_range=10,
                mode=["bilinear", "nearest"],
                padding_mode="reflection",
            ),
            RandAdjustContrastd("image", prob=0.3, gamma=(0.7, 1.5), retain_stats=True),
            RandScaleIntensityd("image", prob=0.8, factors=0.5, channel_wise=True),
            RandShiftIntensityd("image", prob=0.8, offsets=0.5, channel_wise=True),
            RandGaussianSmoothd("image", prob=0.3, sigma_x=(0.5, 1.5), sigma_y=(0.5, 1.5)),
            RandGaussianNoised("image", prob=0.2, std=0.2),
        ]
    ).set_random_state(0)


BENCHMARKS: dict[str, Callable[[argparse.Namespace], dict[str, Any]]] = {
    "selective_scan": benchmark_scan,
    "vmunet": benchmark_vmunet,
    "stylegan3_step": benchmark_stylegan3,
    "augmentation": benchmark_augmentation,
}


def _in_turns(run: Callable[[str], Any], repeats: int) -> dict[str, Any]:
    """Seconds of the scan's back ends, the fastest of ``repeats`` turns each; the fast ones run once before."""
    best = dict.fromkeys(("reference", "chunked", "auto"), math.inf)
    for name in ("chunked", "auto"):
        run(name)
    for _ in range(repeats):
        for name in best:
            began = time.perf_counter()
            run(name)
            best[name] = min(best[name], time.perf_counter() - began)
    return {
        "reference_s": best["reference"],
        "fast_s": best["auto"],
        "ratio": best["reference"] / best["auto"],
        "notes": {"ratio_without_numba": best["reference"] / best["chunked"]},
    }


def _scan_inputs(length: int, rows: int = 768, groups: int = 4, states: int = 16) -> dict[str, torch.Tensor]:
    """Inputs in float64, like those of a first VM-UNet stage."""
    g = torch.Generator().manual_seed(0)

    def draw(*shape: int) -> torch.Tensor:
        return torch.randn(*shape, generator=g).double()

    return {
        "u": draw(1, rows, length),
        "delta": draw(1, rows, length),
        "A": -torch.arange(1, states + 1).double().repeat(rows, 1),
        "B": draw(1, groups, states, length),
        "C": draw(1, groups, states, length),
        "D": draw(rows),
        "delta_bias": draw(rows) - 4,
    }


def _scan_with_gradients(inputs: dict[str, torch.Tensor], backend: str) -> list[torch.Tensor]:
    y = selective_scan(**inputs, delta_softplus=True, backend=backend)
    return [y.detach(), *torch.autograd.grad(y.square().mean(), list(inputs.values()))]


def _error(values: Sequence[torch.Tensor], truth: Sequence[torch.Tensor]) -> float:
    """Largest difference of any output or gradient, as a part of that tensor's largest value."""
    pairs = zip(values, truth, strict=True)
    return max(((value - true).abs().max() / true.abs().max()).item() for value, true in pairs)


if __name__ == "__main__":
    main()
