"""``key=value`` words: a value is YAML, but paths and names are the text that was typed."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import yaml

MOST_NODES = 100_000
KEY = "<key>"
PLAIN = tuple(f"tag:yaml.org,2002:{kind}" for kind in ("int", "float", "bool", "timestamp"))

Path = tuple[str, ...]  # keys from the root


def is_text(annotation: object) -> bool:
    """Whether a parameter with this annotation takes text alone: a path or a name."""
    kinds = words_of(annotation)
    return bool(kinds - {"None"}) and kinds <= {"str", "Path", "None"}


def words_of(annotation: object) -> set[str]:
    """The words of an annotation as it is written down: ``str | None`` has two."""
    return set(re.findall(r"\w+", str(annotation)))


def option_value(text: str, key: str, annotation: object) -> Any:
    """The value of a ``key=value`` word for a parameter with this annotation.

    Raises:
        ValueError: no YAML.
    """
    kinds = words_of(annotation)
    if is_text(annotation) or ("Lists" in kinds and not text.lstrip().startswith("{")):
        return None if text == "null" and "None" in kinds else text
    return read_yaml(text, key, lambda _: "Lists" in kinds)


def read_yaml(text: str, where: str, text_at: Callable[[Path], bool], at: Path = ()) -> Any:
    """YAML in which ``007``, ``yes`` or ``2024-11-28`` are text where a path or a name is wanted.

    Args:
        text: the YAML.
        where: file or key, for messages.
        text_at: whether text is wanted below these keys; ``KEY`` as the last one asks for the keys themselves.
        at: keys under which the content stands.

    Raises:
        ValueError: no YAML; aliases that grow beyond all measure.
    """
    try:
        loader = yaml.SafeLoader(text)
        try:
            node = loader.get_single_node()
            if node is None:
                return None
            _check_size(node, where, {})
            _keep_text(node, text_at, at, set())
            return loader.construct_document(node)
        finally:
            loader.dispose()
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        if isinstance(error, ValueError) and str(error).startswith("Expected"):
            raise
        raise ValueError(
            f"Expected YAML in {where}, got {' '.join(str(error).split()) or type(error).__name__}. Text with signs "
            "like ':' or '#' needs quotes there."
        ) from error


def _keep_text(node: yaml.Node, text_at: Callable[[Path], bool], at: Path, seen: set[tuple[int, Path]]) -> None:
    if (id(node), at) in seen:
        return
    seen.add((id(node), at))
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            _keep_text(key, text_at, (*at, KEY), seen)
            _keep_text(value, text_at, (*at, str(key.value)), seen)
    elif isinstance(node, yaml.SequenceNode):
        for value in node.value:
            _keep_text(value, text_at, at, seen)
    elif isinstance(node, yaml.ScalarNode) and node.tag in PLAIN and text_at(at):
        node.tag = "tag:yaml.org,2002:str"


def _check_size(node: yaml.Node, where: str, sizes: dict[int, float]) -> float:
    """Nodes of a document with its aliases written out; one that contains itself has no end."""
    if id(node) in sizes:
        return sizes[id(node)]
    sizes[id(node)] = float("inf")
    children: list[yaml.Node] = []
    if isinstance(node, yaml.MappingNode):
        children = [part for pair in node.value for part in pair]
    elif isinstance(node, yaml.SequenceNode):
        children = node.value
    size = 1 + sum(_check_size(child, where, sizes) for child in children)
    if size > MOST_NODES:
        raise ValueError(
            f"Expected settings in {where}, got aliases (&name, *name) that make more than {MOST_NODES} values of them."
        )
    sizes[id(node)] = size
    return size
