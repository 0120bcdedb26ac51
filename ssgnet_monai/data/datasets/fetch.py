"""From the owner's server to a folder that ``ssgnet data prepare NAME --source`` reads."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ssgnet_monai.data.datasets.adapter import Adapter
from ssgnet_monai.data.datasets.download import download_file
from ssgnet_monai.data.datasets.unpack import archive_stem, unpack_archive
from ssgnet_monai.data.folder_lock import hold_folder

logger = logging.getLogger(__name__)


def fetch_dataset(adapter: Adapter, out: str | Path, names: Sequence[str] = (), **how: Any) -> None:
    """Download the files of a dataset, check them, unpack archives (which are then removed).

    What is there from an earlier run is not fetched again.

    Args:
        adapter: of the dataset; it has ``files``.
        out: folder to write; created.
        names: the files wanted; by default all that are not optional.
        how: options of ``download_file``.

    Raises:
        ConnectionError: the server cannot be reached.
        ValueError: unknown names, or a file that is not what is expected.
    """
    known = [file.name for file in adapter.files]
    if unknown := sorted(set(names) - set(known)):
        raise ValueError(f"Expected files {known} of {adapter.name}, got {unknown[0]!r}.")
    out = Path(out)
    hold_folder(out, "download")
    for file in adapter.files:
        if (names and file.name not in names) or (file.optional and not names):
            continue
        stem = archive_stem(file.name)
        if stem and (out / stem).is_dir():
            logger.info("%s is already there, unpacked.", stem)
            continue
        path = download_file(file, out, **how)
        if stem:
            unpack_archive(path, out / stem)
            path.unlink()
    logger.info("Next: ssgnet data prepare %s --source %s --out DIR", adapter.name, out)
