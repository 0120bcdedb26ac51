"""The diagonal state recurrence of a selective scan, compiled by Numba for CPUs when it first runs (float32).

A job is one lane (a batch entry and a group of channels) and a tile of its channels: its states stay in the first-level
cache over all of time, and nothing of size (time, state, channel) is ever written. Jobs run on plain threads, which
share no results: the outcome does not depend on their number.
"""

from __future__ import annotations

import functools
import itertools
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numba
import numpy as np
import torch
from torch.autograd.function import once_differentiable

_TILE = 96
# Steps between kept states; the backward pass recomputes a chunk's states from its first.
_CHUNK = 32

_LOG2_E, _LN2_HIGH, _LN2_LOW = np.float32(1.4426950408889634), np.float32(0.693359375), np.float32(-2.12194440e-4)
# Minimax polynomial of (exp(r) - 1 - r) / r^2 on [-ln(2) / 2, ln(2) / 2], highest power first.
_P5, _P4, _P3, _P2, _P1, _P0 = (
    np.float32(p) for p in (1.98756915e-4, 1.3981999e-3, 8.3334519e-3, 4.1665796e-2, 1.6666667e-1, 5.0000001e-1)
)
# Adding it rounds a float32 to an integer, which then lies in the lowest bits.
_ROUNDER = np.float32(1.5 * 2**23)
_SMALLEST, _LARGEST = np.float32(-87.3), np.float32(88.8)
_ONE, _ZERO, _BIAS, _MANTISSA = np.float32(1), np.float32(0), np.int32(127), np.int32(23)


def numba_scan(
    delta: torch.Tensor, u: torch.Tensor, a: torch.Tensor, b: torch.Tensor, c: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """Run ``h_t = exp(delta_t A) h_{t-1} + delta_t B_t u_t`` and ``y_t = C_t . h_t`` from a zero state.

    Args:
        delta: step sizes, (L, M, d): time, lane, channel; float32 on the CPU, like all others.
        u: input, (L, M, d).
        a: state matrix diagonals, (M, N, d).
        b: input projections, (L, M, N).
        c: output projections, (L, M, N).

    Returns:
        The outputs ``y`` (L, M, d) and the last state (M, N, d). Differentiable once.

    Source: Gu and Dao 2023 (arXiv 2312.00752), Eq. 2a and 2b, section 3.3 (recomputation in the backward pass).
    """
    return _NumbaScan.apply(delta, u, a, b, c)


class _NumbaScan(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, *inputs: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        delta, a = inputs[0], inputs[2]
        y = torch.empty_like(delta, memory_format=torch.contiguous_format)
        last = torch.empty_like(a, memory_format=torch.contiguous_format)
        starts = a.new_empty((-(-delta.shape[0] // _CHUNK), *a.shape))
        _run(_advance, *inputs, y, starts, last)
        ctx.save_for_backward(*inputs, starts)
        return y, last

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, dy: torch.Tensor, d_last: torch.Tensor) -> tuple[torch.Tensor, ...]:
        *inputs, starts = ctx.saved_tensors
        d_delta, d_u, d_a = (torch.empty_like(t, memory_format=torch.contiguous_format) for t in inputs[:3])
        # Every tile of channels has its own part of these sums.
        d_b, d_c = (t.new_empty((-(-d_u.shape[2] // _TILE), *t.shape)) for t in inputs[3:])
        _run(_retreat, *inputs, dy, starts, d_last, d_delta, d_u, d_a, d_b, d_c)
        return d_delta, d_u, d_a, d_b.sum(0), d_c.sum(0)


def _run(kernel: Callable[..., None], *tensors: torch.Tensor) -> None:
    """Run the kernel's jobs on as many threads as torch may use; outputs are contiguous, so views write to them."""
    arrays = [tensor.detach().contiguous().numpy() for tensor in tensors]
    _, lanes, channels = tensors[0].shape
    jobs = lanes * -(-channels // _TILE)
    threads = min(torch.get_num_threads(), jobs)
    if threads <= 1:
        kernel(*arrays, 0, jobs)
        return
    edges = [jobs * i // threads for i in range(threads + 1)]
    with ThreadPoolExecutor(threads) as pool:
        for part in [pool.submit(kernel, *arrays, *ends) for ends in itertools.pairwise(edges)]:
            part.result()


def _compiled(*fastmath: str) -> Callable[[Callable], Callable]:
    def compile_with(function: Callable) -> Callable:
        njit = functools.partial(numba.njit, nogil=True, error_model="numpy", fastmath=set(fastmath))
        try:
            return njit(cache=True)(function)
        except RuntimeError:  # no folder can be written to: compiled again in every process
            return njit()(function)

    return compile_with


@_compiled("contract")
def _exp(x):  # type: ignore[no-untyped-def]
    """e^x within 2e-7 of its value, at least 1e-38; NaN stays NaN. 2^k is written into the exponent's bits."""
    x = _SMALLEST if x < _SMALLEST else x
    x = _LARGEST if x > _LARGEST else x
    rounded = x * _LOG2_E + _ROUNDER
    k = rounded - _ROUNDER
    r = x - k * _LN2_HIGH - k * _LN2_LOW
    p = ((((_P5 * r + _P4) * r + _P3) * r + _P2) * r + _P1) * r + _P0
    power = np.int32((np.float32(rounded).view(np.int32) + _BIAS) << _MANTISSA).view(np.float32)
    return (p * (r * r) + r + _ONE) * power


@_compiled("contract", "reassoc", "nsz")
def _advance(delta, u, a, b, c, y, starts, last, first_job, end_job):  # type: ignore[no-untyped-def]
    """Outputs, the states at chunk starts and the last state, for a range of jobs."""
    length, _, channels = delta.shape
    states = a.shape[1]
    tiles = (channels + _TILE - 1) // _TILE
    state, rate = np.empty((states, _TILE), np.float32), np.empty((states, _TILE), np.float32)
    step, x, out = np.empty(_TILE, np.float32), np.empty(_TILE, np.float32), np.empty(_TILE, np.float32)
    for job in range(first_job, end_job):
        lane, low = job // tiles, (job % tiles) * _TILE
        width = min(_TILE, channels - low)
        for n in range(states):
            for i in range(width):
                state[n, i] = _ZERO
                rate[n, i] = a[lane, n, low + i]
        for t in range(length):
            if t % _CHUNK == 0:
                for n in range(states):
                    for i in range(width):
                        starts[t // _CHUNK, lane, n, low + i] = state[n, i]
            for i in range(width):
                step[i] = delta[t, lane, low + i]
                x[i] = step[i] * u[t, lane, low + i]
                out[i] = _ZERO
            for n in range(states):
                row, column = b[t, lane, n], c[t, lane, n]
                for i in range(width):
                    h = _exp(step[i] * rate[n, i]) * state[n, i] + x[i] * row
                    state[n, i] = h
                    out[i] += column * h
            for i in range(width):
                y[t, lane, low + i] = out[i]
        for n in range(states):
            for i in range(width):
                last[lane, n, low + i] = state[n, i]


@_compiled("contract", "reassoc", "nsz")
def _retreat(  # type: ignore[no-untyped-def]
    delta, u, a, b, c, dy, starts, d_last, d_delta, d_u, d_a, d_b, d_c, first_job, end_job
):
    """Gradients of all inputs, for a range of jobs: chunk by chunk, states recomputed forwards, costates backwards."""
    length, _, channels = delta.shape
    states = a.shape[1]
    tiles = (channels + _TILE - 1) // _TILE
    history = np.empty((_CHUNK + 1, states, _TILE), np.float32)
    decay = np.empty((_CHUNK, states, _TILE), np.float32)
    step, x = np.empty((_CHUNK, _TILE), np.float32), np.empty((_CHUNK, _TILE), np.float32)
    costate, rate = np.empty((states, _TILE), np.float32), np.empty((states, _TILE), np.float32)
    d_rate = np.empty((states, _TILE), np.float32)
    out, d_x, d_step = np.empty(_TILE, np.float32), np.empty(_TILE, np.float32), np.empty(_TILE, np.float32)
    for job in range(first_job, end_job):
        lane, tile = job // tiles, job % tiles
        low = tile * _TILE
        width = min(_TILE, channels - low)
        for n in range(states):
            for i in range(width):
                rate[n, i] = a[lane, n, low + i]
                costate[n, i] = d_last[lane, n, low + i]
                d_rate[n, i] = _ZERO
        for chunk in range((length - 1) // _CHUNK, -1, -1):
            begin = chunk * _CHUNK
            steps = min(_CHUNK, length - begin)
            for n in range(states):
                for i in range(width):
                    history[0, n, i] = starts[chunk, lane, n, low + i]
            for t in range(steps):
                for i in range(width):
                    step[t, i] = delta[begin + t, lane, low + i]
                    x[t, i] = step[t, i] * u[begin + t, lane, low + i]
                for n in range(states):
                    row = b[begin + t, lane, n]
                    for i in range(width):
                        factor = _exp(step[t, i] * rate[n, i])
                        decay[t, n, i] = factor
                        history[t + 1, n, i] = factor * history[t, n, i] + x[t, i] * row
            for t in range(steps - 1, -1, -1):
                for i in range(width):
                    out[i] = dy[begin + t, lane, low + i]
                    d_x[i] = _ZERO
                    d_step[i] = _ZERO
                for n in range(states):
                    row, column = b[begin + t, lane, n], c[begin + t, lane, n]
                    d_row, d_column = _ZERO, _ZERO
                    for i in range(width):
                        g = costate[n, i] + column * out[i]
                        d_column += history[t + 1, n, i] * out[i]
                        d_row += g * x[t, i]
                        d_x[i] += g * row
                        g *= decay[t, n, i]
                        costate[n, i] = g
                        exponent = g * history[t, n, i]  # gradient of delta A, shared by both
                        d_step[i] += exponent * rate[n, i]
                        d_rate[n, i] += exponent * step[t, i]
                    d_b[tile, begin + t, lane, n] = d_row
                    d_c[tile, begin + t, lane, n] = d_column
                for i in range(width):
                    d_u[begin + t, lane, low + i] = d_x[i] * step[t, i]
                    d_delta[begin + t, lane, low + i] = d_step[i] + d_x[i] * u[begin + t, lane, low + i]
        for n in range(states):
            for i in range(width):
                d_a[lane, n, low + i] = d_rate[n, i]
