"""Selective scan: definition, parity with the reference kernel, agreement of the back ends, errors."""

import math
import re
import sys

import numpy as np
import pytest
import torch

from ssgnet_monai.ops import scan as scan_module
from ssgnet_monai.ops import selective_scan
from ssgnet_monai.ops.chunked_scan import _FoldedScan, _number_of_folds, _SequentialScan


def _inputs(batch, channels, groups, states, length, dtype=torch.float64, gate=True, seed=0):
    g = torch.Generator().manual_seed(seed)

    def draw(*shape):
        return torch.randn(*shape, generator=g, dtype=torch.float64).to(dtype).requires_grad_()

    tensors = {
        "u": draw(batch, channels, length),
        "delta": draw(batch, channels, length),
        "A": (-torch.rand(channels, states, generator=g, dtype=torch.float64) * 8).to(dtype).requires_grad_(),
        "B": draw(batch, groups, states, length),
        "C": draw(batch, groups, states, length),
        "D": draw(channels),
        "delta_bias": draw(channels),
    }
    return {**tensors, "z": draw(batch, channels, length)} if gate else tensors


def _all(inputs, **kwargs):
    """Outputs, last state and every gradient of a loss that reads both."""
    y, last = selective_scan(**inputs, delta_softplus=True, return_last_state=True, **kwargs)
    weights = torch.linspace(-1, 1, y.numel(), dtype=y.dtype).view_as(y)
    grads = torch.autograd.grad((y * weights).sum() + last.sin().sum(), list(inputs.values()))
    return [y, last, *grads]


def _relative_errors(got, expected):
    return [((a - b).abs().max() / b.abs().max().clamp(min=1e-30)).item() for a, b in zip(got, expected, strict=True)]


@pytest.mark.parametrize("backend", ["reference", "chunked"])
def test_by_hand(backend):
    """Two steps, one channel, one state: h1 = 0.5*2*3 = 3, h2 = e^-1 * 3 + 1*4*5 = 21.1036; y = C h + D u."""
    one = torch.ones(1, 1, 1, 1)
    y, last = selective_scan(
        torch.tensor([[[3.0, 5.0]]]),
        torch.tensor([[[0.5, 1.0]]]),
        torch.tensor([[-1.0]]),
        torch.cat([2 * one, 4 * one], dim=-1),
        torch.cat([one, 10 * one], dim=-1),
        D=torch.tensor([0.5]),
        return_last_state=True,
        backend=backend,
    )
    second = 3 * math.exp(-1) + 20
    torch.testing.assert_close(y, torch.tensor([[[4.5, 10 * second + 2.5]]]))
    torch.testing.assert_close(last, torch.tensor([[[second]]]))


@pytest.mark.parametrize("backend", ["reference", "chunked", "auto"])
def test_parity(parity, backend):
    for case in parity("selective_scan.pt"):
        inputs = {name: value.clone().requires_grad_() for name, value in case["inputs"].items()}
        y, last = selective_scan(
            **inputs, delta_softplus=case["delta_softplus"], return_last_state=True, backend=backend
        )
        torch.testing.assert_close(y, case["y"], atol=1e-12, rtol=1e-12)
        torch.testing.assert_close(last, case["last_state"], atol=1e-12, rtol=1e-12)
        grads = torch.autograd.grad((y * case["dy"]).sum(), list(inputs.values()))
        for name, grad in zip(inputs, grads, strict=True):
            torch.testing.assert_close(grad, case["grads"][name], atol=1e-11, rtol=1e-11)


@pytest.mark.parametrize("length", [1, 3, 16, 63, 64, 65, 300])
@pytest.mark.parametrize(("batch", "channels", "groups"), [(2, 8, 4), (1, 6, 1), (3, 4, 2)])
def test_chunked_equals_reference(length, batch, channels, groups):
    inputs = _inputs(batch, channels, groups, 5, length)
    assert max(_relative_errors(_all(inputs, backend="chunked"), _all(inputs, backend="reference"))) < 1e-12


@pytest.fixture(params=["chunked", "numba"])
def fast_backend(request):
    reason = scan_module.available_backends()[request.param]
    return request.param if reason is None else pytest.skip(reason)


def test_float32_error_is_small(fast_backend):
    single = _inputs(2, 32, 4, 16, 700, torch.float32, gate=False)
    double = {name: value.detach().double().requires_grad_() for name, value in single.items()}
    assert max(_relative_errors(_all(single, backend=fast_backend), _all(double, backend="reference"))) < 1e-5


@pytest.mark.parametrize("length", [1, 31, 32, 33, 100])
@pytest.mark.parametrize(("batch", "channels", "groups"), [(2, 8, 4), (1, 97, 1), (1, 193, 1)])
def test_compiled_scan_equals_reference(length, batch, channels, groups):
    """Chunks of 32 steps and tiles of 96 channels that do not come out even."""
    pytest.importorskip("numba")
    inputs = _inputs(batch, channels, groups, 5, length, torch.float32)
    assert max(_relative_errors(_all(inputs, backend="numba"), _all(inputs, backend="reference"))) < 1e-5


def test_what_is_compiled_is_right_as_plain_python(monkeypatch):
    """Tiles of 2 channels and chunks of 3 steps that do not come out even: where results part, the compiler erred."""
    scan = pytest.importorskip("ssgnet_monai.ops.numba_scan")
    for name in ("_exp", "_advance", "_retreat"):
        monkeypatch.setattr(scan, name, getattr(scan, name).py_func)
    monkeypatch.setattr(scan, "_TILE", 2)
    monkeypatch.setattr(scan, "_CHUNK", 3)
    inputs = _inputs(2, 6, 2, 2, 7, torch.float32)
    assert max(_relative_errors(_all(inputs, backend="numba"), _all(inputs, backend="reference"))) < 1e-5


def test_compiled_scan_does_not_depend_on_threads():
    pytest.importorskip("numba")
    inputs = _inputs(2, 100, 2, 5, 40, torch.float32)
    threads = torch.get_num_threads()
    results = []
    try:
        for count in (1, 3):
            torch.set_num_threads(count)
            results.append([t.detach().clone() for t in _all(inputs, backend="numba")])
    finally:
        torch.set_num_threads(threads)
    # The compiled part is equal to the bit; softplus and gates around it are torch's own.
    assert max(_relative_errors(*results)) < 1e-6


def test_compiled_exponential():
    scan = pytest.importorskip("ssgnet_monai.ops.numba_scan")
    x = np.concatenate([np.linspace(-87, 88, 20001), [-200, -1e30]]).astype(np.float32)
    got = np.array([scan._exp(value) for value in x], dtype=np.float64)
    np.testing.assert_allclose(got, np.exp(x.astype(np.float64)), rtol=2e-7, atol=2e-38)
    assert math.isnan(scan._exp(np.float32("nan")))
    assert math.isinf(scan._exp(np.float32(100)))


def test_a_nan_reaches_the_output(fast_backend):
    inputs = _inputs(1, 8, 2, 4, 40, torch.float32, gate=False)
    inputs["delta"].data[0, 3, 20] = math.nan
    y = selective_scan(**inputs, backend=fast_backend)
    assert torch.isnan(y[0, 3, 20:]).all()
    assert torch.isfinite(y[0, 2]).all()


@pytest.mark.parametrize("folds", [2, 4, 7])
@pytest.mark.parametrize("length", [64, 101])
def test_folding_time_into_lanes_changes_nothing(folds, length):
    g = torch.Generator().manual_seed(3)
    shapes = [(length, 3, 4), (length, 3, 4), (3, 6, 4), (length, 3, 6), (length, 3, 6)]
    tensors = [torch.randn(*shape, generator=g, dtype=torch.float64) for shape in shapes]
    tensors[0] = tensors[0].abs()
    tensors[2] = -tensors[2].abs()
    results = []
    for scan in (lambda *t: _FoldedScan.apply(*t, folds), _SequentialScan.apply):
        leaves = [t.clone().requires_grad_() for t in tensors]
        y, last = scan(*leaves)
        results.append([y, last, *torch.autograd.grad(y.sin().sum() + last.cos().sum(), leaves)])
    assert max(_relative_errors(*results)) < 1e-12


def test_blocks_that_split_lanes_and_time_change_nothing(monkeypatch):
    chunked = sys.modules["ssgnet_monai.ops.chunked_scan"]
    inputs = _inputs(3, 8, 4, 5, 50)
    whole = _all(inputs, backend="chunked")
    monkeypatch.setattr(chunked, "_block_shape", lambda *_: (7, 5))
    assert max(_relative_errors(_all(inputs, backend="chunked"), whole)) < 1e-13


def test_time_is_folded_only_where_lanes_are_few():
    assert _number_of_folds(4096, 768 * 16, "cpu") == 1
    assert _number_of_folds(4096, 64, "cpu") == 64
    assert _number_of_folds(4096, 768 * 16, "cuda") == 64
    assert _number_of_folds(16, 64, "cuda") == 1


def test_strong_decay_neither_overflows_nor_divides(fast_backend):
    """exp(A delta) underflows to 0 here; forms with quotients of decay factors give inf or nan."""
    length = 200
    ones = torch.ones(1, 4, length)
    inputs = [ones.clone().requires_grad_(), (50 * ones).requires_grad_(), torch.full((4, 2), -30.0)]
    b = torch.ones(1, 1, 2, length)
    y = selective_scan(*inputs, b, b, backend=fast_backend)
    torch.testing.assert_close(y, torch.full_like(y, 100.0))
    assert all(torch.isfinite(g).all() for g in torch.autograd.grad(y.sum(), inputs[:2]))


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_half_precision_is_computed_in_float32(dtype):
    half = {name: value.detach().to(dtype) for name, value in _inputs(1, 8, 2, 4, 80).items()}
    y, last = selective_scan(**half, delta_softplus=True, return_last_state=True)
    expected = selective_scan(**{name: value.float() for name, value in half.items()}, delta_softplus=True)
    assert (y.dtype, last.dtype) == (dtype, torch.float32)
    torch.testing.assert_close(y, expected.to(dtype), rtol=0, atol=0)


def test_autocast_changes_nothing():
    inputs = _inputs(1, 8, 2, 4, 80, torch.float32)
    plain = _all(inputs)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        automatic = _all(inputs)
    assert max(_relative_errors(automatic, plain)) == 0


def test_time_first_memory_is_not_copied():
    u = torch.randn(10, 2, 8).permute(1, 2, 0)
    assert scan_module._time_first(u, torch.float32).data_ptr() == u.data_ptr()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"u": torch.zeros(2, 8)}, r"Expected u of shape \(b, d, l >= 1\)"),
        ({"delta": torch.zeros(2, 8, 4)}, r"Expected delta of shape \(2, 8, 5\), got \(2, 8, 4\)"),
        ({"A": torch.zeros(4, 3)}, r"Expected A of shape \(d=8, n\), got \(4, 3\)"),
        ({"B": torch.zeros(2, 3, 5)}, r"Expected B of shape \(b=2, g, n=3, l=5\), got \(2, 3, 5\)"),
        ({"C": torch.zeros(2, 1, 3, 5)}, r"divides d=8, got 2 in B and 1 in C"),
        ({"D": torch.zeros(3)}, r"Expected D of shape \(8,\), got \(3,\)"),
        ({"backend": "fast"}, "Expected backend 'auto' or one of"),
    ],
)
def test_bad_arguments(change, message):
    good = {
        "u": torch.zeros(2, 8, 5),
        "delta": torch.zeros(2, 8, 5),
        "A": torch.zeros(8, 3),
        "B": torch.zeros(2, 2, 3, 5),
        "C": torch.zeros(2, 2, 3, 5),
    }
    selective_scan(**good)
    with pytest.raises(ValueError, match=message):
        selective_scan(**{**good, **change})


def test_missing_kernel_is_a_clear_error_and_auto_goes_on():
    inputs = _inputs(1, 4, 1, 2, 6, torch.float32)
    with pytest.raises(RuntimeError, match=r"'mamba_ssm' to be usable, but .*Use backend='auto'"):
        selective_scan(**inputs, backend="mamba_ssm")
    assert selective_scan(**inputs).shape == (1, 4, 6)


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ("raise OSError('undefined symbol: _ZN3c10')", "does not import .OSError: undefined symbol"),
        ("import causal_conv1d_that_is_absent", "'causal_conv1d_that_is_absent' is not installed"),
        ("value = 1", "does not import .AttributeError"),
    ],
)
def test_broken_package_is_a_reason_not_an_error(tmp_path, monkeypatch, source, reason):
    package = tmp_path / "mamba_ssm" / "ops"
    package.mkdir(parents=True)
    for folder in (package.parent, package):
        (folder / "__init__.py").write_text("")
    (package / "selective_scan_interface.py").write_text(source)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    for name in [name for name in sys.modules if name.partition(".")[0] == "mamba_ssm"]:
        monkeypatch.delitem(sys.modules, name)
    scan_module._kernel.cache_clear()
    try:
        backends = scan_module.available_backends()
    finally:
        scan_module._kernel.cache_clear()
        for name in [name for name in sys.modules if name.partition(".")[0] == "mamba_ssm"]:
            del sys.modules[name]
    assert backends["reference"] is None
    assert backends["chunked"] is None
    assert re.search(reason, backends["mamba_ssm"])
