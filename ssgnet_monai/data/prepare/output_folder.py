"""Where a prepared dataset may be written."""

from __future__ import annotations

from pathlib import Path


def check_apart(out: Path, *sources: Path | None) -> None:
    """Refuse an output folder in which written files would mix with the sources.

    Raises:
        ValueError: it lies inside a source folder.
    """
    for source in sources:
        if source is None:
            continue
        place, written = source.resolve(), [out.resolve(), (out / "images").resolve(), (out / "masks").resolve()]
        if any(folder == place or place in folder.parents for folder in written):
            raise ValueError(
                f"Expected an output folder apart from the source pictures, got {out} and {source}. "
                "The prepared files would mix with the sources; choose another folder."
            )
