"""The doctor names what is wrong and the line that mends it."""

from __future__ import annotations

import json
from collections.abc import Callable
from importlib import metadata
from pathlib import Path
from typing import Any

import pytest
import torch

from ssgnet_monai import cli, doctor
from ssgnet_monai.doctor import Check
from ssgnet_monai.networks import imagenet_weights


def versions(**found: str) -> Callable[[str], str]:
    def version_of(name: str) -> str:
        if name not in found:
            raise metadata.PackageNotFoundError(name)
        return found[name]

    return version_of


def test_packages_are_compared_with_their_lower_bounds() -> None:
    lines = ["torch>=2.8", "monai>=1.6.1", "numpy>=1.26", "scipy", "timm>=1.0", 'pytest>=8.0; extra == "test"']
    found = versions(torch="2.15.0+cu132", monai="1.6.0", numpy="1.26.4", scipy="1.11")
    checks = {check.name: check for check in doctor.check_packages(lines, found)}
    assert sorted(checks) == ["monai", "numpy", "scipy", "timm", "torch"]
    assert [checks[name].status for name in ("torch", "numpy", "scipy")] == ["ok", "ok", "ok"]  # 2.15 > 2.8
    assert checks["monai"].detail == "1.6.0; 1.6.1 or later is needed"
    assert str(checks["monai"].remedy).endswith('-m pip install "monai>=1.6.1"')
    assert (checks["timm"].status, checks["timm"].detail) == ("problem", "not installed")


def test_own_requirements_are_met_here() -> None:
    checks = doctor.check_packages()
    assert {"torch", "monai", "numpy", "pytorch-ignite"} <= {check.name for check in checks}
    assert [check for check in checks if check.status != "ok"] == []


def test_a_malformed_requirement_is_named() -> None:
    with pytest.raises(ValueError, match=r"Expected a requirement such as 'torch>=2.8', got '>=3'"):
        doctor.check_packages([">=3"])


def test_python() -> None:
    assert doctor.check_python()[0].status == "ok"
    old = doctor.check_python((3, 10, 4))[0]
    assert (old.status, old.detail) == ("problem", "3.10.4; 3.11 or later is needed")
    assert old.remedy == "make demo PYTHON=python3.11"


def test_a_mismatched_torchvision_is_found_by_importing_it(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(name: str) -> Any:
        if name == "torchvision":
            raise RuntimeError("operator torchvision::nms does not exist\nmore")
        return object()

    monkeypatch.setattr(doctor.importlib, "import_module", fail)
    [check] = doctor.check_torch()
    assert (check.name, check.status) == ("import torchvision", "problem")
    assert check.detail == "RuntimeError: operator torchvision::nms does not exist"
    assert str(check.remedy).endswith("--force-reinstall torch torchvision")


@pytest.mark.parametrize(
    ("build", "driver", "detail", "mends"),
    [
        (None, None, "not used: this torch is a CPU build", False),
        (None, "/usr/bin/nvidia-smi", "not used: this torch is a CPU build", True),
        ("13.2", None, "not used: no NVIDIA driver (nvidia-smi) on this machine", False),
        ("13.2", "/usr/bin/nvidia-smi", "not used: a driver is installed, but torch finds no device", True),
    ],
)
def test_why_cuda_is_not_used(
    build: str | None, driver: str | None, detail: str, mends: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.version, "cuda", build)
    monkeypatch.setattr(doctor.shutil, "which", lambda name: driver)
    check = doctor.check_devices()[-1]
    assert (check.name, check.status, check.detail) == ("cuda", "note", detail)
    assert (check.remedy is not None) == mends


def test_cuda_devices_are_listed_with_their_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda index: (3 * 2**29, 2**31))
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda index: "Card")
    assert doctor.check_devices()[-1] == Check("cuda:0", "ok", "Card, 1.5 of 2.0 GiB free")


def test_backends_say_why_others_are_not_used() -> None:
    checks = {check.name: check for check in doctor.check_backends()}
    assert sorted(checks) == ["filtered_lrelu", "selective_scan"]
    assert checks["filtered_lrelu"].detail == "reference, matrix"
    assert checks["selective_scan"].status == "ok"
    if not torch.cuda.is_available():
        assert "not used: " in checks["selective_scan"].detail


def test_weights_are_listed_with_their_hashes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    snapshot = tmp_path / "hub" / "models--timm--resnet18.a1_in1k" / "snapshots" / "abc"
    for folder in (snapshot, tmp_path / "torch" / "checkpoints"):
        folder.mkdir(parents=True)
    (snapshot / "model.safetensors").write_bytes(b"abc")
    (snapshot / "config.json").write_text("{}")
    (tmp_path / "torch" / "checkpoints" / "resnet34.pth").write_bytes(b"")
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path / "torch"))
    monkeypatch.setattr(imagenet_weights, "packaged_file", lambda: None)
    absent, *found = doctor.check_weights([snapshot / "model.safetensors", tmp_path / "none.pt"])
    assert (absent.status, absent.name) == ("note", "weights: package")
    assert str(absent.remedy).endswith('-m pip install "ssgnet-monai[pretrained]"')
    abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"  # FIPS 180-2, B.1
    assert [check.name for check in found] == ["weights: downloaded"] * 2 + ["weights: file"] * 2
    assert found[0].detail == f"{snapshot / 'model.safetensors'}, SHA-256 {abc}"
    assert "resnet34.pth, SHA-256 e3b0c44298fc" in found[1].detail
    assert [check.status for check in found] == ["ok", "ok", "ok", "note"]
    assert found[3].detail == f"no file {tmp_path / 'none.pt'}"
    monkeypatch.setattr(imagenet_weights, "packaged_file", lambda: snapshot / "model.safetensors")
    assert "is missing or damaged" in doctor.check_weights()[0].detail


def test_memory_and_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert doctor.check_memory(8_000_000_000) == Check("memory", "ok", "8.0 GB free")
    little = doctor.check_memory(2_500_000_000)
    assert (little.status, little.detail) == ("note", "2.5 GB free; the demo may need 6")
    assert doctor.check_memory().detail.endswith(("free", "may need 6"))
    monkeypatch.setattr(doctor, "DEMO_DISK_GB", 1e9)
    full = doctor.check_disk(tmp_path)
    assert full.status == "note"
    assert str(tmp_path) in full.detail


@pytest.mark.parametrize(
    ("policy", "status"), [("PASSIVE", "ok"), ("passive", "ok"), ("ACTIVE", "note"), (None, "note")]
)
def test_spinning_threads_are_noted(policy: str | None, status: str) -> None:
    check = doctor.check_threads({} if policy is None else {"OMP_WAIT_POLICY": policy, "OMP_NUM_THREADS": "1"})
    assert check.status == status
    assert f"OMP_WAIT_POLICY {policy or 'unset'}" in check.detail
    if status == "note":
        assert check.remedy == "export OMP_WAIT_POLICY=PASSIVE GOMP_SPINCOUNT=0"


def test_report_puts_the_mending_line_below() -> None:
    text = doctor.render([Check("torch", "problem", "not installed", "pip install torch"), Check("disk", "ok", "9 GB")])
    assert text.splitlines() == [
        "problem  torch  not installed",
        "                -> pip install torch",
        "ok       disk   9 GB",
        "1 problem(s): the base does not work.",
    ]


@pytest.mark.parametrize(("status", "code"), [("ok", 0), ("note", 0), ("problem", 1)])
def test_exit_status(
    status: Any, code: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(doctor, "examine", lambda **_: [Check("x", status, "found", "mend")])
    assert cli.main(["doctor", "--json"]) == code
    content = json.loads(capsys.readouterr().out)
    expected = {"name": "x", "status": status, "detail": "found", "remedy": "mend"}
    assert content == {"works": code == 0, "checks": [expected]}


def test_this_environment_works(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    assert cli.main(["doctor"]) == 0
    written = capsys.readouterr().out
    assert written.endswith("The base works.\n")
    for name in (
        "python",
        "torch build",
        "selective_scan",
        "snakemake",
        "memory",
        "disk",
        "threads",
    ):
        assert f" {name} " in written
