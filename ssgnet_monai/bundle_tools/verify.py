"""What a bundle would run, read without running it: ``ssgnet verify``."""

from __future__ import annotations

import itertools
import zipfile
from collections.abc import Iterable, Iterator
from pathlib import Path

from ssgnet_monai.bundle_tools.config_screen import CONFIG_FILE, Finding, screen_files
from ssgnet_monai.bundle_tools.logging_screen import screen_logging

MAX_FILES = 10_000
# Beside the configs these would be imported: the folder that a bundle is run from is first on Python's path.
CODE_ENDINGS = (".dll", ".dylib", ".egg", ".pth", ".py", ".pyc", ".pyd", ".pyw", ".so", ".whl", ".zip")
# Files that nothing runs or reads as settings.
INERT_ENDINGS = (".csv", ".gif", ".jpeg", ".jpg", ".md", ".nii", ".nii.gz", ".png", ".rst", ".svg", ".tsv", ".txt")
INERT_NAMES = ("CITATION.cff", "LICENSE", "NOTICE")
CAN_STILL = (
    "What passes can still read images and weights that you may read, write below its own folder and the output_dir "
    "that you name, download published weights of timm (pretrained: true), and use the processors, GPUs, memory and "
    "disk for as long as it likes. Nothing is said about how good its weights are, or whose images they remember."
)
NOT_ALL = (
    "The other lines are not on the list of names and arguments that compute only. They may be harmless or run "
    "anything: read each of them, or have them read, before you run the bundle."
)


def verify_bundle(bundle: Path) -> list[Finding]:
    """Read every file of a bundle without evaluating or importing anything, and hold it against a list of what may be.

    The list is positive: single names with the arguments that each may take, and kinds of files. What is on it
    computes; what is not is a line to read.

    Args:
        bundle: folder of the bundle, or one config file.

    Returns:
        The findings by file; one that is not on the list has a ``refusal``.

    Raises:
        FileNotFoundError: nothing is there, or a folder without any config file.
    """
    files = [bundle] if bundle.is_file() else sorted(itertools.islice(bundle.rglob("*"), MAX_FILES + 1))
    configs = [file for file in files if _is_plain(file) and CONFIG_FILE.fullmatch(file.name)]
    if not configs:
        raise FileNotFoundError(f"Expected a bundle's folder or a config file, found no .yaml or .json at {bundle}.")
    findings = list(screen_files([file for file in configs if not _lists_downloads(file)]))
    findings += [finding for file in files for finding in _look_at(file)]
    if len(files) > MAX_FILES:
        findings.append(Finding(bundle, "", "", f"it holds more than {MAX_FILES} files, the rest was not looked at"))
    return sorted(findings, key=lambda finding: finding.file)


def _is_plain(file: Path) -> bool:
    return file.is_file() and not file.is_symlink()


def _lists_downloads(file: Path) -> bool:
    return file.name.lower().startswith("large_files.")


def _look_at(file: Path) -> Iterator[Finding]:
    name = file.name.lower()
    if file.is_symlink():
        yield Finding(file, "", str(file.readlink()), "a link leads to files that nobody has looked at")
    elif file.is_dir():
        return
    elif not file.is_file():
        yield Finding(file, "", "", "it is neither a file nor a folder")
    elif name.endswith(CODE_ENDINGS):
        yield Finding(file, "", "", "a bundle holds no code: it would be imported in place of the installed packages")
    elif _lists_downloads(file):
        yield Finding(file, "", "", "`monai.bundle download` fetches what it names, to where it says: read it", 1)
    elif CONFIG_FILE.fullmatch(file.name):
        return
    elif name.endswith((".conf", ".ini", ".cfg")):
        yield from screen_logging(file)
    elif name.endswith(".pt"):
        reason = _refuse_weights(file)
        yield Finding(file, "", "weights", reason)
    elif not (name.endswith(INERT_ENDINGS) or file.name in INERT_NAMES):
        yield Finding(file, "", "", "this kind of file is not known to be without code")


def _refuse_weights(file: Path) -> str | None:
    """Say what speaks against a file of weights; only tensors and plain numbers by name are read from it."""
    import torch  # takes a second; a bundle without weights is looked at without it

    wanted = "it is no plain state dict (names and tensors), but "
    try:
        # A TorchScript file is a program; torch asks for it before it looks at weights_only.
        if zipfile.is_zipfile(file) and any("/code/" in name for name in zipfile.ZipFile(file).namelist()):
            return f"{wanted}a program (TorchScript)"
        content = torch.load(file, map_location="meta", weights_only=True)
    except Exception as error:  # what a hostile file makes of a reader is not known
        return f"{wanted}does not load as one: {type(error).__name__}"
    plain = isinstance(content, dict) and all(isinstance(value, torch.Tensor) for value in content.values())
    return None if plain else f"{wanted}{type(content).__name__} of other things"


def render(bundle: Path, findings: Iterable[Finding]) -> str:
    """Format the findings for a terminal: one line each, the reason against it below."""
    findings = list(findings)
    open_lines = sum(finding.refusal is not None for finding in findings)
    lines = [_shown(bundle)]
    for file in dict.fromkeys(finding.file for finding in findings):
        lines.append(f"  {_shown(file if file == bundle else file.relative_to(bundle))}")
        own = [finding for finding in findings if finding.file == file]
        width = min(48, max(len(finding.id) for finding in own))
        for finding in own:
            verdict = "ok" if finding.refusal is None else f"READ {finding.line or ''}"
            lines.append(f"    {verdict:<9} {_shown(finding.id):<{width}}  {_shown(finding.text)}".rstrip())
            if finding.refusal:
                lines.append(f"    {'':<9} -> {_shown(finding.refusal)}")
    verdict = f"{open_lines} are not on the list: it does not pass" if open_lines else "all on the list: it passes"
    lines += [f"  {len(findings)} looked at, {verdict}", f"  {NOT_ALL if open_lines else CAN_STILL}"]
    return "\n".join(lines)


def _shown(text: object, most: int = 300) -> str:
    """A text of strangers on one line, without codes that a terminal would act on."""
    plain = "".join(character if character.isprintable() else " " for character in str(text))
    plain = " ".join(plain.split())
    return plain if len(plain) <= most else f"{plain[:most]} ... ({len(plain)} characters)"
