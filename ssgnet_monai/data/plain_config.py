"""Reads YAML and JSON of strangers as plain data, in bounded time and memory."""

from __future__ import annotations

import json
from collections.abc import Hashable, Iterable, Iterator
from pathlib import Path
from typing import Any

import yaml

MAX_BYTES = 200_000
MAX_DEPTH, MAX_ENTRIES = 50, 200_000
MAX_MERGED = 1000
MAX_DIGITS = 40
"""YAML reads `1:2:3` as a number to the base of 60; a long one takes time with the square of its length."""


class PlainLoader(yaml.SafeLoader):
    """Plain data only; a key given twice is refused, because readers differ on which one counts."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        """A mapping whose keys differ."""
        merge = "tag:yaml.org,2002:merge"
        _refuse_twice(self.construct_object(key, deep=True) for key, _ in node.value if key.tag != merge)
        return super().construct_mapping(node, deep)

    def flatten_mapping(self, node: yaml.MappingNode) -> None:
        """Merge `<<` as YAML does, up to a bound: merges of merges grow with the power of their depth."""
        merged = [value for key, value in node.value if key.tag == "tag:yaml.org,2002:merge"]
        if any(len(value.value) > MAX_MERGED // 10 for value in merged if isinstance(value, yaml.SequenceNode)):
            raise ValueError(f"<< merges a list of more than {MAX_MERGED // 10} mappings")
        super().flatten_mapping(node)
        if len(node.value) > MAX_MERGED:
            raise ValueError(f"a mapping has more than {MAX_MERGED} keys, with those that << merges into it")

    def construct_scalar(self, node: yaml.ScalarNode | yaml.MappingNode) -> Any:
        """A scalar; one that is read as a number is short."""
        if node.tag in ("tag:yaml.org,2002:int", "tag:yaml.org,2002:float") and len(node.value) > MAX_DIGITS:
            raise ValueError(f"a number has more than {MAX_DIGITS} characters")
        return super().construct_scalar(node)


def read_plain(file: Path) -> Any:
    """Content of a YAML or JSON file (by its ending) as plain data.

    Args:
        file: at most 200 kB.

    Raises:
        ValueError: it is too large, does not parse, gives a key twice, or unfolds to far more than it holds.
        OSError: it does not open.
    """
    if file.stat().st_size > MAX_BYTES:
        raise ValueError(f"it is larger than {MAX_BYTES} bytes")
    return parse_plain(file.read_text(encoding="utf-8"), is_json=file.suffix.lower() == ".json")


def parse_plain(text: str, is_json: bool = False) -> Any:
    """As :func:`read_plain`, of a text."""
    try:
        content = json.loads(text, object_pairs_hook=_pairs) if is_json else PlainLoader(text).get_single_data()
        if sum(1 for _ in _entries(content)) > MAX_ENTRIES:
            raise ValueError(f"it unfolds to more than {MAX_ENTRIES} entries")
    except (yaml.YAMLError, RecursionError) as error:
        raise ValueError(" ".join(str(error).split())) from error
    return content


def _pairs(items: list[tuple[str, Any]]) -> dict[str, Any]:
    _refuse_twice(key for key, _ in items)
    return dict(items)


def _refuse_twice(keys: Iterable[Any]) -> None:
    seen: set[Any] = set()
    for key in keys:
        if not isinstance(key, Hashable):
            raise ValueError(f"the key {key!r} is no plain value")
        if key in seen:
            raise ValueError(f"the key {str(key)!r} is given twice")
        seen.add(key)


def _entries(value: Any) -> Iterator[None]:
    """One None a value, up to the bound; lists that hold themselves are met by the depth."""
    level, total = [value], 0
    for _ in range(MAX_DEPTH):
        following: list[Any] = []
        for item in level:
            total += 1
            if total > MAX_ENTRIES + 1:
                return
            yield None
            following += item.values() if isinstance(item, dict) else item if isinstance(item, list) else ()
            if len(following) > 2 * MAX_ENTRIES:
                raise ValueError(f"it unfolds to more than {MAX_ENTRIES} entries")
        level = following
    if level:
        raise ValueError(f"it is nested deeper than {MAX_DEPTH} levels")
