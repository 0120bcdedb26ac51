"""File names as nnU-Net wants them: ``case_0000.nii.gz`` and its further channels, ``case.nii.gz`` for the mask."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Collection, Iterable
from pathlib import Path

CHANNEL = re.compile(r"(.+)_(\d{4})", re.DOTALL)


def case_names(stems: Iterable[tuple[Path, str]], masks: Collection[str] | None) -> dict[Path, str]:
    """The names of cases for images whose names end in the number of a channel.

    Args:
        stems: image files with their stems, in the form in which stems are compared.
        masks: stems of the masks; None: there are none, and the files are volumes.

    Returns:
        The case of every image that is called so; none, where all masks are called as their images are.

    Raises:
        ValueError: several channels of a case.
    """
    cases: dict[str, list[Path]] = defaultdict(list)
    for path, stem in stems:
        ending = CHANNEL.fullmatch(stem)
        if ending and stem not in (masks or ()):
            cases[ending[1]].append(path)
    several = [paths for paths in cases.values() if len(paths) > 1]
    # without masks, one name with many numbers is a row of numbered scans
    if (masks is None and len(several) < 2) or (masks is not None and not set(cases) & set(masks)):
        return {}
    if several:
        names = ", ".join(path.name for path in several[0][:4])
        raise ValueError(
            f"Expected one image a case, got {len(several)} cases of several channels (names of nnU-Net), such as "
            f"{names} in {several[0][0].parent}. Copy the files of one channel, such as {several[0][0].name}, into a "
            "folder of their own."
        )
    return {path: case for case, (path,) in cases.items()} if masks is not None else {}
