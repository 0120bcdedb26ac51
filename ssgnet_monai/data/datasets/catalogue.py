"""The public datasets as a table, and how to get one by hand."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from ssgnet_monai.data.datasets.adapter import Adapter
from ssgnet_monai.data.datasets.registry import adapter_options

HEADER = ("name", "task", "modality", "download", "licence")


def dataset_record(adapter: Adapter) -> dict[str, Any]:
    """What is known of a dataset, as plain JSON."""
    return {
        "name": adapter.name,
        "tasks": list(adapter.tasks),
        "modality": adapter.modality,
        "content": adapter.content,
        "licence": adapter.licence,
        "home": adapter.home,
        "download": bool(adapter.files),
        "files": [
            {"name": file.name, "url": file.url, "size": file.size, "sha256": file.sha256, "md5": file.md5}
            for file in adapter.files
        ],
        "groups": adapter.group_source,
        "options": adapter_options(adapter),
    }


def format_catalogue(adapters: Iterable[Adapter]) -> str:
    """A table of the datasets; below each line its content and its owner's page."""
    found = sorted(adapters, key=lambda adapter: adapter.name)
    rows = [(a.name, "+".join(a.tasks) or "-", a.modality, "yes" if a.files else "by hand", a.licence) for a in found]
    widths = [max(map(len, column)) for column in zip(HEADER, *rows, strict=True)]
    lines = ["  ".join(word.ljust(width) for word, width in zip(HEADER, widths, strict=True)).rstrip()]
    for adapter, row in zip(found, rows, strict=True):
        lines.append("  ".join(word.ljust(width) for word, width in zip(row, widths, strict=True)).rstrip())
        lines += [f"    {adapter.content}", f"    {adapter.home}"]
    return "\n".join(lines)


def instructions(adapter: Adapter) -> str:
    """How to get a dataset whose owner allows no plain download."""
    return "\n".join(
        line
        for line in (
            f"{adapter.name}: {adapter.content}. Licence: {adapter.licence}.",
            f"It cannot be downloaded by a command. Its owner's page: {adapter.home}",
            adapter.instructions,
            f"Then: ssgnet data prepare {adapter.name} --source FOLDER --out DIR",
        )
        if line
    )
