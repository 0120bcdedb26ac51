"""Standard normal noise that is a function of numbered places: the same on every device and in every export."""

from __future__ import annotations

import math

import torch

_PRIME = 2**31 - 1  # 5 does not divide its predecessor, so that x -> x^5 is a permutation; products fit into 63 bits
_FACTOR, _SEED_FACTOR = 1_103_515_245, 741_103_597
_SHIFTS = (374_761_393, 668_265_263, 1_274_126_177)


def counter_noise(places: torch.Tensor, seed: int = 0) -> torch.Tensor:
    """Noise in place of ``torch.randn``, without a generator: integer arithmetic modulo a prime, then Box-Muller.

    Nothing of torch's state is read or moved. An export keeps the arithmetic, where of ``torch.randn`` it would keep
    one drawing, or draw anew.

    Args:
        places: int64 of any shape, numbers from 0 to 2^31 - 2; equal numbers get equal noise.
        seed: at least 0.

    Returns:
        float32 of the places' shape.

    Source: Eichenauer-Herrmann 1993 (Int. Stat. Rev. 61, nonlinear generators); Box & Muller 1958.
    """
    x = (places * _FACTOR + (seed + 1) * _SEED_FACTOR % _PRIME) % _PRIME
    x = _mix(_mix(x, _SHIFTS[0]), _SHIFTS[1])
    radius = torch.sqrt(-2 * torch.log(_uniform(x)))
    return radius * torch.cos(2 * math.pi * _uniform(_mix(x, _SHIFTS[2])))


def _mix(x: torch.Tensor, shift: int) -> torch.Tensor:
    square = x * x % _PRIME
    return (square * square % _PRIME * x + shift) % _PRIME


def _uniform(x: torch.Tensor) -> torch.Tensor:
    """In (0, 1], of numbers modulo the prime."""
    return (x.float() + 0.5) / _PRIME
