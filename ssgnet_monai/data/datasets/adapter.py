"""What an adapter is: the facts of a public dataset and the function that reads its owner's folder."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ssgnet_monai.data.image_files import SourceImage


@dataclass(frozen=True)
class RemoteFile:
    """A file that its owner lets anybody download.

    At least one of ``sha256``, ``md5`` and ``size`` (bytes) is known, and checked after the download. What is
    ``optional`` is fetched only when asked for by its name.
    """

    url: str
    name: str
    size: int | None = None
    sha256: str | None = None
    md5: str | None = None
    optional: bool = False


@dataclass(frozen=True)
class Adapter:
    """A public dataset.

    Args:
        name: as typed in ``ssgnet data prepare NAME``.
        tasks: "segmentation", "classification" or both.
        modality: for the datalist and the list of datasets.
        content: number and kind of images, one line.
        licence: as declared by the owner.
        home: the owner's page.
        read: ``read(source, staging, **options)`` returns the source images. ``source`` is the owner's folder as
            unpacked; ``staging`` a folder of the adapter's own, for pictures that do not exist as files yet.
        options: options of a ``Preparation`` that suit the dataset, such as ``foreground`` or ``mask_threshold``.
        group_source: where the groups (patients) come from, for the record.
        files: what ``ssgnet data download`` fetches; empty where the owner wants a login or an agreement.
        instructions: how to get the data by hand.
    """

    name: str
    tasks: tuple[str, ...]
    modality: str
    content: str
    licence: str
    home: str
    read: Callable[..., Sequence[SourceImage]]
    options: Mapping[str, Any] = field(default_factory=dict)
    group_source: str | None = None
    files: tuple[RemoteFile, ...] = ()
    instructions: str = ""

    @property
    def read_options(self) -> list[str]:
        """Names of the options of ``read``."""
        return sorted(set(list(inspect.signature(self.read).parameters)[2:]))
