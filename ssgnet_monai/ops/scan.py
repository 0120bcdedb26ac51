"""Selective scan: the input-dependent state-space recurrence of Mamba, with a choice of back ends.

``chunked`` works everywhere without a compiler; where those packages work, ``numba`` is used for float32 on CPUs and
``mamba_ssm`` for CUDA tensors; ``reference`` is the step-by-step definition.
"""

from __future__ import annotations

import functools
import importlib
from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F

from ssgnet_monai.ops.chunked_scan import chunked_scan

__all__ = ["available_backends", "selective_scan"]

_BACKENDS = ("reference", "chunked", "numba", "mamba_ssm")
# back end of an optional package -> (module, function, extra that installs it)
_PACKAGES = {
    "numba": ("ssgnet_monai.ops.numba_scan", "numba_scan", "numba"),
    "mamba_ssm": ("mamba_ssm.ops.selective_scan_interface", "selective_scan_fn", "mamba"),
}


def selective_scan(
    u: torch.Tensor,
    delta: torch.Tensor,
    A: torch.Tensor,
    B: torch.Tensor,
    C: torch.Tensor,
    D: torch.Tensor | None = None,
    z: torch.Tensor | None = None,
    delta_bias: torch.Tensor | None = None,
    delta_softplus: bool = False,
    return_last_state: bool = False,
    backend: str = "auto",
) -> torch.Tensor | tuple[torch.Tensor, torch.Tensor]:
    """Compute ``h_t = exp(delta_t A) h_{t-1} + delta_t B_t u_t``, ``y_t = C_t . h_t + D u_t``, times SiLU(z).

    Half precision is computed in float32, float64 in float64. The result does not depend on autocast.

    Args:
        u: input, (b, d, l), floating point.
        delta: step sizes before bias and softplus, (b, d, l).
        A: diagonal state matrix, (d, n), negative in practice.
        B: input projections, (b, g, n, l); the d channels form g groups of equal size.
        C: output projections, (b, g, n, l).
        D: skip weights, (d,), or None.
        z: gate, (b, d, l), or None; the output is multiplied by SiLU(z).
        delta_bias: added to ``delta`` before the softplus, (d,), or None.
        delta_softplus: apply softplus to ``delta``.
        return_last_state: also return the state after the last step.
        backend: "auto", "reference", "chunked", "numba" or "mamba_ssm".

    Returns:
        ``y`` (b, d, l) in the dtype of ``u``; with ``return_last_state`` a pair of it and the state (b, d, n), which
        is float32 (float64 for float64 input).

    Raises:
        ValueError: If shapes do not fit, or ``backend`` is not a known name.
        RuntimeError: If the back end asked for cannot be used here; the message says why and what to do.

    Source: Gu and Dao 2023 (arXiv 2312.00752), Eq. 2 and Algorithm 2; groups as in VMamba (arXiv 2401.10166).

    Example:
        >>> u, delta = torch.randn(2, 8, 50), torch.rand(2, 8, 50)
        >>> B, C = torch.randn(2, 1, 4, 50), torch.randn(2, 1, 4, 50)
        >>> selective_scan(u, delta, -torch.rand(8, 4), B, C).shape
        torch.Size([2, 8, 50])
    """
    _check_shapes(u, delta, A, B, C, D, z, delta_bias)
    name = _choose(backend, u)
    with torch.autocast(device_type=u.device.type, enabled=False):
        if name == "mamba_ssm":
            return _mamba_ssm(u, delta, A, B, C, D, z, delta_bias, delta_softplus, return_last_state)
        dtype = torch.float64 if u.dtype == torch.float64 else torch.float32
        # Time first for all but the reference: a step is then one stretch of memory. (b, d, l) is then a view.
        layout = (lambda x: x.to(dtype)) if name == "reference" else (lambda x: _time_first(x, dtype).movedim(0, -1))
        x, step = layout(u), layout(delta)
        if delta_bias is not None:
            step = step + delta_bias.to(dtype).unsqueeze(-1)
        if delta_softplus:
            step = F.softplus(step)
        if name == "reference":
            y, last = _reference(x, step, A.to(dtype), B.to(dtype), C.to(dtype))
        else:
            scan = _kernel("numba")[0] if name == "numba" else chunked_scan
            y, last = _in_lanes(scan, x, step, A.to(dtype), B.to(dtype), C.to(dtype))
        if D is not None:
            y = torch.addcmul(y, x, D.to(dtype).unsqueeze(-1))
        if z is not None:
            y = y * F.silu(layout(z))
        y = y.to(u.dtype)
    return (y, last) if return_last_state else y


def available_backends() -> dict[str, str | None]:
    """Say which back ends of `selective_scan` work on this machine.

    Returns:
        Back-end name -> None where it works, else the reason why not, in one line.
    """
    return {"reference": None, "chunked": None, **{name: _kernel(name)[1] for name in _PACKAGES}}


def _choose(backend: str, u: torch.Tensor) -> str:
    if backend == "auto":
        if torch.jit.is_tracing() or torch.compiler.is_exporting():
            return "reference"  # plain operations, which a traced graph can hold
        return next((name for name in _PACKAGES if _obstacle(name, u) is None), "chunked")
    if backend not in _BACKENDS:
        raise ValueError(f"Expected backend 'auto' or one of {_BACKENDS}, got {backend!r}.")
    reason = _obstacle(backend, u) if backend in _PACKAGES else None
    if reason is not None:
        raise RuntimeError(
            f"Expected the selective-scan back end {backend!r} to be usable, but {reason}. "
            "Use backend='auto' (or 'chunked'), which works everywhere."
        )
    return backend


def _obstacle(name: str, u: torch.Tensor) -> str | None:
    """Why this package cannot scan this tensor, or None."""
    device = "cpu" if name == "numba" else "cuda"
    if u.device.type != device:
        return f"it computes {device.upper()} tensors only, got a tensor on {u.device}"
    if u.dtype == torch.float64:
        return "it has no float64"
    return _kernel(name)[1]


@functools.cache
def _kernel(name: str) -> tuple[Any, str | None]:
    """Return the package's function and None, or None and the reason; imported on first use, however broken it is."""
    module, function, extra = _PACKAGES[name]
    if name == "mamba_ssm" and not torch.cuda.is_available():
        return None, "no CUDA device is visible to torch (mamba_ssm computes on NVIDIA GPUs only)"
    try:
        return getattr(importlib.import_module(module), function), None
    except ModuleNotFoundError as error:
        return None, f"the module {error.name!r} is not installed (pip install 'ssgnet-monai[{extra}]')"
    except Exception as error:  # a wheel built for another torch fails in many ways (OSError, ImportError, ...)
        return None, f"{name} is installed but does not import ({type(error).__name__}: {error})"


def _check_shapes(
    u: torch.Tensor,
    delta: torch.Tensor,
    A: torch.Tensor,
    B: torch.Tensor,
    C: torch.Tensor,
    D: torch.Tensor | None,
    z: torch.Tensor | None,
    delta_bias: torch.Tensor | None,
) -> None:
    if u.ndim != 3 or u.shape[-1] == 0 or not u.is_floating_point():
        raise ValueError(f"Expected u of shape (b, d, l >= 1), floating point, got {tuple(u.shape)}, {u.dtype}.")
    batch, channels, length = u.shape
    if A.ndim != 2 or A.shape[0] != channels:
        raise ValueError(f"Expected A of shape (d={channels}, n), got {tuple(A.shape)}.")
    states = A.shape[1]
    for name, value in (("B", B), ("C", C)):
        if value.ndim != 4 or (value.shape[0], value.shape[2], value.shape[3]) != (batch, states, length):
            expected = f"(b={batch}, g, n={states}, l={length})"
            raise ValueError(f"Expected {name} of shape {expected}, got {tuple(value.shape)}.")
    groups = B.shape[1]
    if C.shape[1] != groups or groups == 0 or channels % groups:
        raise ValueError(
            f"Expected B and C with one number of groups that divides d={channels}, "
            f"got {groups} in B and {C.shape[1]} in C."
        )
    expected_shapes = {"delta": u.shape, "z": u.shape, "D": (channels,), "delta_bias": (channels,)}
    given = {"delta": delta, "z": z, "D": D, "delta_bias": delta_bias}
    for name, optional in given.items():
        if optional is not None and optional.shape != expected_shapes[name]:
            raise ValueError(f"Expected {name} of shape {tuple(expected_shapes[name])}, got {tuple(optional.shape)}.")


def _time_first(x: torch.Tensor, dtype: torch.dtype) -> torch.Tensor:
    """(..., l) -> (l, ...), contiguous; free of copies where the memory is laid out that way already."""
    return x.movedim(-1, 0).to(dtype).contiguous()


def _reference(
    u: torch.Tensor, delta: torch.Tensor, A: torch.Tensor, B: torch.Tensor, C: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """Step by step. ``unbind`` and not indexing: the backward pass of ``x[:, :, t]`` is quadratic in l."""
    groups = B.shape[1]
    grouped = (groups, u.shape[1] // groups)
    decay = torch.exp(delta.unsqueeze(-1) * A.unsqueeze(1))
    drive = torch.einsum("bgdl,bgnl->bgdln", (delta * u).unflatten(1, grouped), B).flatten(1, 2)
    state = torch.zeros_like(decay[:, :, 0])
    history = []
    for factor, push in zip(decay.unbind(2), drive.unbind(2), strict=True):
        state = factor * state + push
        history.append(state)
    y = torch.einsum("bgdln,bgnl->bgdl", torch.stack(history, dim=2).unflatten(1, grouped), C)
    return y.flatten(1, 2), state


def _in_lanes(
    scan: Callable[..., tuple[torch.Tensor, torch.Tensor]],
    u: torch.Tensor,
    delta: torch.Tensor,
    A: torch.Tensor,
    B: torch.Tensor,
    C: torch.Tensor,
) -> tuple[torch.Tensor, torch.Tensor]:
    """Bring the arguments to lanes (batch entry, group) with time first, scan, and bring the results back."""
    batch, channels, length = u.shape
    groups, states = B.shape[1:3]
    lanes, size = batch * groups, channels // groups
    diagonals = A.reshape(groups, size, states).transpose(1, 2).expand(batch, -1, -1, -1)
    y, last = scan(
        _time_first(delta, delta.dtype).view(length, lanes, size),
        _time_first(u, u.dtype).view(length, lanes, size),
        diagonals.reshape(lanes, states, size).contiguous(),
        _time_first(B, B.dtype).flatten(1, 2),
        _time_first(C, C.dtype).flatten(1, 2),
    )
    return y.view(length, batch, channels).movedim(0, -1), last.transpose(1, 2).reshape(batch, channels, states)


def _mamba_ssm(
    u: torch.Tensor,
    delta: torch.Tensor,
    A: torch.Tensor,
    B: torch.Tensor,
    C: torch.Tensor,
    D: torch.Tensor | None,
    z: torch.Tensor | None,
    delta_bias: torch.Tensor | None,
    delta_softplus: bool,
    return_last_state: bool,
) -> torch.Tensor | tuple[torch.Tensor, torch.Tensor]:
    """Call the CUDA kernel, which wants one dtype for the sequences and float32 for the parameters."""
    kernel, _ = _kernel("mamba_ssm")
    return kernel(
        u.contiguous(),
        delta.to(u.dtype).contiguous(),
        A.float().contiguous(),
        B.to(u.dtype).contiguous(),
        C.to(u.dtype).contiguous(),
        D=None if D is None else D.float().contiguous(),
        z=None if z is None else z.to(u.dtype).contiguous(),
        delta_bias=None if delta_bias is None else delta_bias.float().contiguous(),
        delta_softplus=delta_softplus,
        return_last_state=return_last_state,
    )
