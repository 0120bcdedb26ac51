"""Measure TransUNet's forward pass against its layers alone, as plain PyTorch modules, in one run on this machine.

    python scripts/benchmark_transunet.py --output transunet.json

Whole and layers are measured in turns on one thread, in seconds of the processor, so that other programs disturb
little; the ratio is that of the fastest turns. The layers are those with weights and the attention: resizing, joining,
padding and activations count for the whole only.
"""

from __future__ import annotations

import argparse
import logging
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import nn

from ssgnet_monai.data.atomic_write import write_json
from ssgnet_monai.networks import TransUNet
from ssgnet_monai.networks.transunet import Attention

logger = logging.getLogger("benchmark_transunet")
LAYERS = (nn.Conv2d, nn.GroupNorm, nn.BatchNorm2d, nn.LayerNorm, nn.Linear)
Call = Callable[[], torch.Tensor]


def main(arguments: Sequence[str] | None = None) -> dict[str, Any]:
    """Run the benchmark and return what is written."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--output", type=Path, help="JSON file to write")
    parser.add_argument("--repeats", type=int, default=5, help="turns (default 5)")
    parser.add_argument("--size", type=int, default=224, help="image side (default 224)")
    options = parser.parse_args(arguments)
    logging.basicConfig(level=logging.INFO, format="%(message)s", force=True)
    torch.set_num_threads(1)
    torch.manual_seed(0)
    network, image = TransUNet(options.size).eval(), torch.randn(1, 3, options.size, options.size)
    with torch.inference_mode():
        record = measure(network, image, options.repeats)
    logger.info("TransUNet at %d px, one thread: %.3f s", options.size, record["whole_s"])
    for kind, seconds in sorted(record["layers"].items(), key=lambda pair: -pair[1]):
        logger.info("  %-10s %.3f s", kind, seconds)
    logger.info("its layers in plain PyTorch: %.3f s; ratio %.3f", record["layers_s"], record["ratio"])
    if options.output:
        write_json(options.output, {"torch": torch.__version__, "size": options.size, **record})
    return record


def measure(network: nn.Module, image: torch.Tensor, repeats: int) -> dict[str, Any]:
    """Seconds of the whole and of its layers by kind, of the fastest of several turns.

    Args:
        network: in evaluation mode.
        image: (1, C, H, W).
        repeats: turns.
    """
    layers = plain_layers(network, image)
    whole: list[float] = []
    parts: dict[str, list[float]] = {kind: [] for kind in layers}
    for _ in range(repeats + 1):  # the first turn warms up
        whole.append(_seconds([lambda: network(image)]))
        for kind, calls in layers.items():
            parts[kind].append(_seconds(calls))
    fastest = {kind: min(seconds[1:]) for kind, seconds in parts.items()}
    total = sum(fastest.values())
    return {"whole_s": min(whole[1:]), "layers_s": total, "ratio": min(whole[1:]) / total, "layers": fastest}


def plain_layers(network: nn.Module, image: torch.Tensor) -> dict[str, list[Call]]:
    """Every layer with weights as PyTorch's own module, and the attention, each with the input that it gets."""
    found: dict[str, list[Call]] = {}

    def note(module: nn.Module, given: tuple[torch.Tensor, ...], _: Any) -> None:
        x = given[0]
        if isinstance(module, Attention):
            heads = x.unflatten(2, (module.num_heads, -1)).transpose(1, 2)
            found.setdefault("attention", []).append(lambda: F.scaled_dot_product_attention(heads, heads, heads))
            return
        plain = _plain(module)
        found.setdefault(type(plain).__name__, []).append(lambda: plain(x))

    kinds = (*LAYERS, Attention)
    hooks = [module.register_forward_hook(note) for module in network.modules() if isinstance(module, kinds)]
    network(image)
    for hook in hooks:
        hook.remove()
    return found


def _plain(module: nn.Module) -> nn.Module:
    """PyTorch's convolution in place of one that standardises its weights at each call."""
    if not isinstance(module, nn.Conv2d) or type(module) is nn.Conv2d:
        return module
    size: Any = (module.kernel_size, module.stride, module.padding)
    return nn.Conv2d(module.in_channels, module.out_channels, *size, bias=module.bias is not None).eval()


def _seconds(calls: Sequence[Call]) -> float:
    start = time.process_time()
    for call in calls:
        call()
    return time.process_time() - start


if __name__ == "__main__":
    main()
