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

from collections.abc import Iterator
from typing import Any

import torch
from torch.autograd.function import once_differentiable

# Elements of one (time, lane, state, channel) buffer: the working set stays near the second-level cache.
_BLOCK_ELEMENTS = {"cpu": 2**18, "cuda": 2**24}
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


class _Workspace:
    """Reused memory of one block: decay factors, states and costates, whole (T, M, N, d) and as separate steps.

    Taking tensors apart costs about as long as a step of the recurrence, so it is done once, not in every block.
    """

    def __init__(self, a: torch.Tensor, steps: int, backwards: bool = False) -> None:
        self.a = a
        self.decay = a.new_empty((steps, *a.shape))
        self.history = a.new_empty((steps + 1, *a.shape))
        self.states, self.before = self.history[1:], self.history[:-1]
        self.factor_steps, self.history_steps = self.decay.unbind(0), self.history.unbind(0)
        if backwards:
            self.costates = torch.empty_like(self.decay)
            self.costate_steps = self.costates.unbind(0)

    def advance(self, delta: torch.Tensor, x: torch.Tensor, b: torch.Tensor, first: torch.Tensor) -> torch.Tensor:
        """Fill decay factors and states from ``first``, and return the last state."""
        torch.mul(delta.unsqueeze(2), self.a, out=self.decay)
        self.decay.exp_()
        torch.mul(x.unsqueeze(2), b.unsqueeze(3), out=self.states)
        state = self.history_steps[0].copy_(first)
        for factor, step in zip(self.factor_steps, self.history_steps[1:], strict=True):
            state = step.addcmul_(factor, state)
        return state

    def retreat(self, dy: torch.Tensor, c: torch.Tensor, carried: torch.Tensor) -> None:
        """Fill the loss gradients at the states; ``carried`` comes from later times and is replaced for earlier."""
        torch.mul(dy.unsqueeze(2), c.unsqueeze(3), out=self.costates)
        later = self.costate_steps[-1].add_(carried)
        for step, factor in zip(reversed(self.costate_steps[:-1]), reversed(self.factor_steps[1:]), strict=True):
            later = step.addcmul_(factor, later)
        torch.mul(self.factor_steps[0], later, out=carried)


def _lane_blocks(lanes: int, width: int) -> Iterator[slice]:
    return (slice(lane, min(lane + width, lanes)) for lane in range(0, lanes, width))


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
    steps, width = _block_shape(length, lanes, a.shape[1] * channels, delta.device.type)
    y = torch.empty_like(delta, memory_format=torch.contiguous_format)
    starts = a.new_empty((-(-length // steps) + 1, *a.shape))
    starts[0] = 0 if first is None else first
    for lane in _lane_blocks(lanes, width):
        work = _Workspace(a[lane], steps)
        edges = starts[:, lane].unbind(0)
        parts = [t[:, lane].split(steps) for t in (delta, u, b, y, y if c is None else c.unsqueeze(2))]
        for step, value, row, out, column, start, end in zip(*parts, edges, edges[1:], strict=False):
            if len(step) < len(work.decay):
                work = _Workspace(a[lane], len(step))
            end.copy_(work.advance(step, step * value, row, start))
            if c is not None:
                out.copy_(torch.matmul(column, work.states).squeeze(2))
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
        length, lanes, channels = delta.shape
        steps, width = _block_shape(length, lanes, a.shape[1] * channels, delta.device.type)
        dy = dy.contiguous()  # a transposed gradient would be read across its rows in every block
        d_delta, d_x, d_b, d_c = (torch.empty_like(t, memory_format=torch.contiguous_format) for t in (delta, u, b, c))
        d_a, carried = torch.zeros_like(a), d_last.clone()
        for lane in _lane_blocks(lanes, width):
            ends = [t[:, lane].split(steps) for t in (delta, u, b, c, dy, d_delta, d_x, d_b, d_c)]
            blocks = list(zip(*ends, starts[:, lane].unbind(0), strict=False))
            work = None
            for block in reversed(blocks):
                if work is None or len(block[0]) > len(work.decay):
                    work = _Workspace(a[lane], len(block[0]), backwards=True)
                _retreat_block(work, block, carried[lane], d_a[lane])
        d_delta.addcmul_(d_x, u)
        return d_delta, d_x.mul_(delta), d_a, d_b, d_c


def _retreat_block(work: _Workspace, block: tuple[torch.Tensor, ...], carried: torch.Tensor, d_a: torch.Tensor) -> None:
    """Write the gradients of one block: delta's by way of A, those of x = delta u, of B and C; add to that of A."""
    delta, u, b, c, dy, d_delta, d_x, d_b, d_c, start = block
    x = delta * u
    work.advance(delta, x, b, start)
    d_c.copy_(torch.matmul(dy.unsqueeze(2), work.states.transpose(2, 3)).squeeze(2))
    work.retreat(dy, c, carried)
    d_b.copy_(torch.matmul(x.unsqueeze(2), work.costates.transpose(2, 3)).squeeze(2))
    d_x.copy_(torch.matmul(b.unsqueeze(2), work.costates).squeeze(2))
    # d(delta A) = costate * decay * previous state, shared by delta and A.
    exponent = work.decay.mul_(work.costates).mul_(work.before)
    d_a.add_(torch.mul(exponent, delta.unsqueeze(2), out=work.costates).sum(0))
    torch.sum(exponent.mul_(work.a), 2, out=d_delta)


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
