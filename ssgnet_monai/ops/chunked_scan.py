"""The diagonal state recurrence of a selective scan, in plain PyTorch, fast on CPUs and on GPUs without a compiler.

Rows are gathered in *lanes* (one batch entry and one group of channels), time comes first, and the work is cut into
blocks small enough for the processor's cache. Inside a block everything but ``h = a h + b`` is one large operation.
Where the lanes are too few to fill the device, time itself is folded into lanes: all chunks run at once from a zero
state, their end states are carried over the chunks with ``exp(A sum(dt))``, and a second pass starts from the true
states. No quotient and no exponent of another sign than ``A dt`` is ever formed, so nothing can overflow that the
step-by-step recurrence would not overflow.

Source: Gu and Dao 2023 (arXiv 2312.00752), Eq. 2 and section 3.3 (recomputation in the backward pass).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import torch
from torch.autograd.function import once_differentiable

# Elements of one (time, lane, state, channel) buffer: the working set stays near the second-level cache.
_BLOCK_ELEMENTS = {"cpu": 2**19, "cuda": 2**24}
# Elements of one time step that keep the device busy, under which time is folded into lanes.
_STEP_ELEMENTS = {"cpu": 2**12, "cuda": 2**23}
_MAX_CHUNK = 64


def chunked_scan(
    delta: torch.Tensor, u: torch.Tensor, a: torch.Tensor, b: torch.Tensor, c: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """Run ``h_t = exp(delta_t A) h_{t-1} + delta_t B_t u_t`` and ``y_t = C_t . h_t`` from a zero state.

    Args:
        delta: step sizes, (L, M, d): time, lane, channel; float32 or float64, like all others.
        u: input, (L, M, d).
        a: state matrix diagonals, (M, N, d).
        b: input projections, (L, M, N).
        c: output projections, (L, M, N).

    Returns:
        The outputs ``y`` (L, M, d) and the last state (M, N, d). Differentiable once; the backward pass keeps only
        the inputs and the state at the start of every block.

    Source: Gu and Dao 2023 (arXiv 2312.00752), Eq. 2a and 2b.
    """
    length, lanes, channels = delta.shape
    folds = _number_of_folds(length, lanes * a.shape[1] * channels, delta.device.type)
    if folds > 1:
        return _FoldedScan.apply(delta, u, a, b, c, folds)
    return _SequentialScan.apply(delta, u, a, b, c)


def _number_of_folds(length: int, step_elements: int, device: str) -> int:
    """How many stretches of time run side by side: 1 where the lanes already fill the device or time is short."""
    wanted = -(-_STEP_ELEMENTS.get(device, _STEP_ELEMENTS["cuda"]) // max(step_elements, 1))
    shortest = min(_MAX_CHUNK, max(length // 16, 1))
    folds = min(wanted, length // shortest)
    return folds if length >= 64 and folds >= 4 else 1


def _block_shape(length: int, lanes: int, lane_elements: int, device: str) -> tuple[int, int]:
    """Steps and lanes of a block: the lanes that leave room for 16 steps, then as many steps as the buffer holds."""
    budget = _BLOCK_ELEMENTS.get(device, _BLOCK_ELEMENTS["cuda"])
    block_lanes = min(lanes, max(1, budget // (min(16, length) * lane_elements)))
    steps = min(length, _MAX_CHUNK, max(16, budget // (block_lanes * lane_elements)))
    return steps, block_lanes


def _blocks(length: int, lanes: int, steps: int, block_lanes: int, backwards: bool = False) -> Iterator[_Block]:
    """Cut (time, lane) into blocks, all times of the first lanes first."""
    starts = range(0, length, steps)
    for lane in range(0, lanes, block_lanes):
        at = slice(lane, min(lane + block_lanes, lanes))
        for start in reversed(starts) if backwards else starts:
            yield _Block(start // steps, slice(start, min(start + steps, length)), at)


class _Block(NamedTuple):
    number: int
    time: slice
    lanes: slice


class _Buffer:
    """Reused memory (T, M, N, d) of one block, with its steps as separate tensors (taking them apart costs time)."""

    def __init__(self, like: torch.Tensor, steps: int, lanes: int) -> None:
        self.memory = like.new_empty((steps, lanes, *like.shape[1:]))
        self.steps = self.memory.unbind(0)

    def cut(self, block: _Block, extra: int = 0) -> tuple[torch.Tensor, Sequence[torch.Tensor]]:
        """Return the part that ``block`` fills, whole and as a list of steps."""
        size = block.time.stop - block.time.start + extra
        width = block.lanes.stop - block.lanes.start
        whole = self.memory[:size, :width]
        return whole, self.steps[:size] if width == self.memory.shape[1] else whole.unbind(0)


class _Workspace:
    """States and decay factors of one block after another."""

    def __init__(self, a: torch.Tensor, steps: int, lanes: int) -> None:
        self._a = a
        self._decay, self._history = _Buffer(a, steps, lanes), _Buffer(a, steps + 1, lanes)

    def states(
        self, block: _Block, delta: torch.Tensor, x: torch.Tensor, b: torch.Tensor, first: torch.Tensor
    ) -> tuple[torch.Tensor, Sequence[torch.Tensor], torch.Tensor]:
        """Return the decay factors (T, M, N, d), the same as a list, and T + 1 states that begin with ``first``."""
        decay, factors = self._decay.cut(block)
        history, steps = self._history.cut(block, extra=1)
        torch.mul(delta.unsqueeze(2), self._a[block.lanes], out=decay)
        decay.exp_()
        torch.mul(x.unsqueeze(2), b.unsqueeze(3), out=history[1:])
        state = steps[0].copy_(first)
        for factor, step in zip(factors, steps[1:], strict=True):
            state = step.addcmul_(factor, state)
        return decay, factors, history


def _advance(
    delta: torch.Tensor,
    u: torch.Tensor,
    a: torch.Tensor,
    b: torch.Tensor,
    c: torch.Tensor | None,
    first: torch.Tensor | None = None,
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the outputs (left unset without ``c``) and the states at every block start, the last state at the end."""
    length, lanes, channels = delta.shape
    steps, block_lanes = _block_shape(length, lanes, a.shape[1] * channels, delta.device.type)
    y = torch.empty_like(delta, memory_format=torch.contiguous_format)
    starts = a.new_empty((-(-length // steps) + 1, *a.shape))
    starts[0] = 0 if first is None else first
    workspace = _Workspace(a, steps, block_lanes)
    for block in _blocks(length, lanes, steps, block_lanes):
        index, *at = block
        step = delta[*at]
        *_, history = workspace.states(block, step, step * u[*at], b[*at], starts[index, block.lanes])
        starts[index + 1, block.lanes] = history[-1]
        if c is not None:
            y[*at] = torch.matmul(c[*at].unsqueeze(2), history[1:]).squeeze(2)
    return y, starts


def _retreat(
    delta: torch.Tensor,
    u: torch.Tensor,
    a: torch.Tensor,
    b: torch.Tensor,
    c: torch.Tensor,
    dy: torch.Tensor,
    starts: torch.Tensor,
    d_last: torch.Tensor,
) -> tuple[torch.Tensor, ...]:
    """Mirror image of `_advance`: gradients of (delta, u, a, b, c), from the states at the block starts."""
    with torch.autocast(device_type=delta.device.type, enabled=False):  # backward() may be called under autocast
        return _retreat_in_full_precision(delta, u, a, b, c, dy, starts, d_last)


def _retreat_in_full_precision(
    delta: torch.Tensor,
    u: torch.Tensor,
    a: torch.Tensor,
    b: torch.Tensor,
    c: torch.Tensor,
    dy: torch.Tensor,
    starts: torch.Tensor,
    d_last: torch.Tensor,
) -> tuple[torch.Tensor, ...]:
    length, lanes, channels = delta.shape
    steps, block_lanes = _block_shape(length, lanes, a.shape[1] * channels, delta.device.type)
    d_delta, d_u, d_b, d_c = (torch.empty_like(t, memory_format=torch.contiguous_format) for t in (delta, u, b, c))
    d_a, carried = torch.zeros_like(a), d_last.clone()
    workspace, costates = _Workspace(a, steps, block_lanes), _Buffer(a, steps, block_lanes)
    for block in _blocks(length, lanes, steps, block_lanes, backwards=True):
        index, *at = block
        step, value, d_out = delta[*at], u[*at], dy[*at]
        x = step * value
        decay, factors, history = workspace.states(block, step, x, b[*at], starts[index, block.lanes])
        d_c[*at] = torch.matmul(d_out.unsqueeze(2), history[1:].transpose(2, 3)).squeeze(2)
        grad, grads = costates.cut(block)
        _fill_costates(d_out, c[*at], factors, grad, grads, carried[block.lanes])
        torch.mul(factors[0], grads[0], out=carried[block.lanes])
        d_b[*at] = torch.matmul(x.unsqueeze(2), grad.transpose(2, 3)).squeeze(2)
        d_x = torch.matmul(b[*at].unsqueeze(2), grad).squeeze(2)
        d_u[*at] = d_x * step
        # d(delta A) = costate * decay * previous state, shared by delta and A.
        grad.mul_(decay).mul_(history[:-1])
        d_a[block.lanes] += torch.mul(grad, step.unsqueeze(2), out=decay).sum(0)
        d_delta[*at] = grad.mul_(a[block.lanes]).sum(2).addcmul_(d_x, value)
    return d_delta, d_u, d_a, d_b, d_c


def _fill_costates(
    dy: torch.Tensor,
    c: torch.Tensor,
    factors: Sequence[torch.Tensor],
    grad: torch.Tensor,
    grads: Sequence[torch.Tensor],
    carried: torch.Tensor,
) -> None:
    """Fill ``grad`` (T, M, N, d) with the loss gradient at every state, ``carried`` coming from later times."""
    torch.mul(dy.unsqueeze(2), c.unsqueeze(3), out=grad)
    later = grads[-1].add_(carried)
    for step, factor in zip(reversed(grads[:-1]), reversed(factors[1:]), strict=True):
        later = step.addcmul_(factor, later)


class _SequentialScan(torch.autograd.Function):
    """One pass through time, lanes side by side."""

    @staticmethod
    def forward(
        ctx: Any, delta: torch.Tensor, u: torch.Tensor, a: torch.Tensor, b: torch.Tensor, c: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        y, starts = _advance(delta, u, a, b, c)
        ctx.save_for_backward(delta, u, a, b, c, starts)
        return y, starts[-1].clone()

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, dy: torch.Tensor, d_last: torch.Tensor) -> tuple[torch.Tensor, ...]:
        delta, u, a, b, c, starts = ctx.saved_tensors
        return _retreat(delta, u, a, b, c, dy, starts, d_last)


class _FoldedScan(torch.autograd.Function):
    """Chunks of time as lanes of their own: a pass from zero states, a carry over chunks, a pass from true states."""

    @staticmethod
    def forward(
        ctx: Any,
        delta: torch.Tensor,
        u: torch.Tensor,
        a: torch.Tensor,
        b: torch.Tensor,
        c: torch.Tensor,
        folds: int,
    ) -> tuple[torch.Tensor, torch.Tensor]:
        ctx.length, ctx.folds = delta.shape[0], folds
        folded = tuple(_fold(t, folds) for t in (delta, u, b, c))
        delta, u, b, c = folded
        lanes = a.repeat(folds, 1, 1)
        _, ends = _advance(delta, u, lanes, b, None)
        # The product of a chunk's decay factors: exp(A sum(delta)) of (K, M, N, d).
        through = torch.exp(lanes * delta.sum(0).unsqueeze(1)).unflatten(0, (folds, -1))
        firsts, last = _carry(through, ends[-1].unflatten(0, (folds, -1)), torch.zeros_like(a))
        y, starts = _advance(delta, u, lanes, b, c, firsts.flatten(0, 1))
        ctx.save_for_backward(delta, u, a, b, c, starts, through)
        return _unfold(y, folds, ctx.length), last

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, dy: torch.Tensor, d_last: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        delta, u, a, b, c, starts, through = ctx.saved_tensors
        folds = ctx.folds
        dy = _fold(dy, folds)
        lanes = a.repeat(folds, 1, 1)
        local = _first_costate(delta, lanes, c, dy).unflatten(0, (folds, -1))
        carried, _ = _carry(through.flip(0), local.flip(0), d_last)
        d_delta, d_u, d_a, d_b, d_c = _retreat(delta, u, lanes, b, c, dy, starts, carried.flip(0).flatten(0, 1))
        d_delta, d_u, d_b, d_c = (_unfold(t, folds, ctx.length) for t in (d_delta, d_u, d_b, d_c))
        return d_delta, d_u, d_a.unflatten(0, (folds, -1)).sum(0), d_b, d_c, None


def _fold(x: torch.Tensor, folds: int) -> torch.Tensor:
    """(L, M, e) -> (ceil(L / K), K M, e), chunk by chunk; the padding at the end is zero: it leaves states alone."""
    steps = -(-x.shape[0] // folds)
    x = torch.nn.functional.pad(x, (0, 0, 0, 0, 0, steps * folds - x.shape[0]))
    return x.unflatten(0, (folds, steps)).transpose(0, 1).flatten(1, 2)


def _unfold(x: torch.Tensor, folds: int, length: int) -> torch.Tensor:
    """Inverse of `_fold`."""
    return x.unflatten(1, (folds, -1)).transpose(0, 1).flatten(0, 1)[:length]


def _carry(through: torch.Tensor, ends: torch.Tensor, first: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Return every chunk's first state (K, M, N, d) and the last one, from end states reached from zero."""
    firsts = torch.empty_like(ends)
    state = first
    for chunk, (factor, end) in enumerate(zip(through, ends, strict=True)):
        firsts[chunk] = state
        state = torch.addcmul(end, factor, state)
    return firsts, state


def _first_costate(delta: torch.Tensor, a: torch.Tensor, c: torch.Tensor, dy: torch.Tensor) -> torch.Tensor:
    """Loss gradient at the state before the first step, (M, N, d), when nothing arrives from later times."""
    costate = torch.zeros_like(a)
    for step, out, row in zip(delta.flip(0), dy.flip(0), c.flip(0), strict=True):
        costate.addcmul_(out.unsqueeze(1), row.unsqueeze(2))
        costate.mul_(torch.exp(step.unsqueeze(1) * a))
    return costate
