"""What a bundle would run, read without running it: ``ssgnet verify``."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

from ssgnet_monai.bundle_tools.config_screen import CONFIG_FILE, Finding, screen_config
from ssgnet_monai.bundle_tools.logging_screen import screen_logging

# Beside the configs these would be imported: the folder that a bundle is run from is first on Python's path.
CODE_ENDINGS = (".dll", ".dylib", ".egg", ".pth", ".py", ".pyc", ".pyd", ".so", ".whl", ".zip")


def verify_bundle(bundle: Path) -> list[Finding]:
    """Read every config and logging file of a bundle, and look for code, without evaluating anything.

    A bundle that passes names only functions and classes of known packages that compute. It can still read and write
    files, and it says nothing about the weights or the data.

    Args:
        bundle: folder of the bundle, or one config file.

    Returns:
        The findings by file; a refused one has a ``refusal``.

    Raises:
        FileNotFoundError: nothing is there, or a folder without any config file.
    """
    files = [bundle] if bundle.is_file() else sorted(bundle.rglob("*"))
    findings = [finding for file in files for finding in _screen(file)]
    if not any(CONFIG_FILE.fullmatch(file.name) for file in files):
        raise FileNotFoundError(f"Expected a bundle's folder or a config file, found no .yaml or .json at {bundle}.")
    return findings


def _screen(file: Path) -> Iterator[Finding]:
    if file.is_symlink():
        yield Finding(file, "", str(file.readlink()), "a link leads to files that nobody has looked at")
    elif file.suffix.lower() in CODE_ENDINGS:
        yield Finding(file, "", "", "a bundle holds no code: it would be imported in place of the installed packages")
    elif file.is_file() and CONFIG_FILE.fullmatch(file.name):
        yield from screen_config(file)
    elif file.is_file() and file.suffix.lower() in (".conf", ".ini", ".cfg"):
        yield from screen_logging(file)


def render(bundle: Path, findings: Iterable[Finding]) -> str:
    """Format the findings for a terminal: one line each, the reason for a refusal below it."""
    findings = list(findings)
    refused = sum(finding.refusal is not None for finding in findings)
    lines = [str(bundle)]
    for file in dict.fromkeys(finding.file for finding in findings):
        lines.append(f"  {file if file == bundle else file.relative_to(bundle)}")
        own = [finding for finding in findings if finding.file == file]
        width = min(48, max(len(finding.id) for finding in own))
        for finding in own:
            verdict = "ok" if finding.refusal is None else "REFUSED"
            lines.append(f"    {verdict:<8} {finding.id:<{width}}  {' '.join(finding.text.split())}".rstrip())
            if finding.refusal:
                lines.append(f"    {'':<8} -> {finding.refusal}")
    lines.append(f"  {len(findings)} looked at, {refused} refused: {'do not run it' if refused else 'it passes'}")
    return "\n".join(lines)
