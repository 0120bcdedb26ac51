"""Finds everything in config files that MONAI would evaluate, import, open or write, and judges it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from ssgnet_monai.bundle_tools.allowed_names import LATER, NETWORK, allowed_names, refuse_name
from ssgnet_monai.bundle_tools.expression_screen import names_an_import, refuse_expression
from ssgnet_monai.bundle_tools.place_rule import Places
from ssgnet_monai.data.plain_config import read_plain

CONFIG_FILE = re.compile(r".*\.(json|ya?ml)", re.IGNORECASE)
MAX_TOTAL = 1_000_000
SILENT = "not a finding"
OWN_KEYS = frozenset(("_target_", "_disabled_", "_requires_", "_desc_", "_mode_"))
KEY = re.compile(r"[\w\s./:,()-]+", re.ASCII)
Id = tuple[str, ...]
HANDLERS: frozenset[Id] = frozenset((("train", "handlers"), ("validate", "handlers")))
"""Lists that an overlay may lengthen where the bundle is not seen: what it adds is judged by itself."""
OUTPUTS = frozenset((name,) for name in ("bundle_root", "ckpt_dir", "features_dir", "model_path", "output_dir"))
"""Places that bundles write to: an overlay may set them where no argument is seen."""


@dataclass(frozen=True)
class Finding:
    """One thing that a config names or would evaluate.

    Attributes:
        file: where it stands.
        id: MONAI's id of the place, such as ``train::handlers::0::_target_``.
        text: what stands there.
        refusal: why it does not pass by itself, or None.
        line: of the file, from 1; None: not known.
    """

    file: Path
    id: str
    text: str
    refusal: str | None
    line: int | None = None


@dataclass(frozen=True)
class _Entry:
    """A value at its place, and the mapping that holds it; ``loose`` says how it is set from outside that mapping."""

    id: Id
    value: Any
    node: Mapping[str, Any] | None
    loose: str = ""  # "path": a key like a#b, "merge": one like +a


def screen_configs(
    files: Mapping[Path, Any], known: Mapping[Path, Any] | None = None, merged: Iterable[Any] | None = None
) -> Iterator[Finding]:
    """List what configs that are read together name, evaluate or set, each with a verdict; nothing is evaluated.

    Args:
        files: file -> its content as plain data.
        known: further configs that these are merged with, which are not judged themselves.
        merged: what all of them come to, in each way that they are read; None: not known, so that an id such as ``a#b``
            may change what stands at ``a`` in any of them.

    Yields:
        The findings by file, in the files' order.
    """
    entries = {file: list(_walk(content, ())) for file, content in {**(known or {}), **files}.items()}
    every = [entry for listed in entries.values() for entry in listed]
    screen = _Screen(every, every if merged is None else [entry for content in merged for entry in _walk(content, ())])
    for file in files:
        for entry in entries[file]:
            refusal = screen.judge(entry)
            if refusal is not SILENT:
                yield Finding(file, "::".join(entry.id), str(entry.value), refusal)


def screen_files(files: list[Path]) -> Iterator[Finding]:
    """As :func:`screen_configs`, of files; one that does not read is one finding.

    Args:
        files: YAML and JSON files.
    """
    contents, total = {}, 0
    for file in files:
        try:
            total += file.stat().st_size
            if total > MAX_TOTAL:
                raise ValueError(f"with it the configs are larger than {MAX_TOTAL} bytes")
            contents[file] = read_plain(file)
        except (OSError, ValueError) as error:
            yield Finding(file, "", "", f"it does not read as plain data: {error}", 1)
    trees: dict[Path, yaml.Node | None] = {}
    for finding in screen_configs(contents):
        line = None
        if finding.refusal:
            if finding.file not in trees:
                trees[finding.file] = _tree(finding.file)
            line = _line(trees[finding.file], finding.id.split("::"))
        yield Finding(finding.file, finding.id, finding.text, finding.refusal, line)


def _walk(value: Any, id_: Id, node: Mapping[str, Any] | None = None, loose: str = "") -> Iterator[_Entry]:
    yield _Entry(id_, value, node, loose)
    if isinstance(value, dict):
        for key, inner in value.items():
            name = str(key)
            if not id_:  # at the root alone a key is a path, and + merges
                path = _split(name)
                outside = "merge" if name.startswith("+") else "path" if len(path) > 1 else ""
                yield from _walk(inner, path, None if outside else value, outside)
            else:
                yield from _walk(inner, (*id_, name), value)
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from _walk(inner, (*id_, str(index)), node)


def _split(key: str) -> Id:
    return tuple(key.removeprefix("+").replace("#", "::").split("::"))


class _Screen:
    def __init__(self, entries: Iterable[_Entry], named: Iterable[_Entry]) -> None:
        """``named`` are the entries whose ``_target_`` is that of what an id changes."""
        self.targets: dict[Id, set[str]] = {}
        for entry in named:
            if entry.id and entry.id[-1] == "_target_":
                self.targets.setdefault(entry.id[:-1], set()).add(str(entry.value))
        self.defined: set[Id] = set()
        roots: dict[str, list[Any]] = {}
        for entry in entries:
            self.defined.add(entry.id)
            if len(entry.id) == 1:
                roots.setdefault(entry.id[0], []).append(entry.value)
        self.places = Places(roots)

    def judge(self, entry: _Entry) -> str | None:
        """The reason against a value, None if it may stay, SILENT if there is nothing to report."""
        key = entry.id[-1] if entry.id else ""
        if not all(KEY.fullmatch(part) and "::" not in part for part in entry.id):
            return "a key may hold letters, digits, spaces and ./:,()- only: MONAI copies keys into expressions"
        if entry.loose and (reason := self._refuse_loose(entry)):
            return reason
        if key == "_target_":
            return self._judge_target(entry)
        if key == "_mode_":
            return self._judge_mode(entry)
        if key not in OWN_KEYS and isinstance(entry.node, dict) and "_target_" in entry.node and key in entry.node:
            reason = self._refuse_argument(str(entry.node["_target_"]), key, entry.value)
            if reason:
                return reason
        if entry.id in OUTPUTS and (reason := self.places.refuse("!", key, entry.value)):
            return reason
        return self._judge_text(entry) if isinstance(entry.value, str) else SILENT

    def _judge_target(self, entry: _Entry) -> str | None:
        if not isinstance(entry.value, str):
            return "_target_ is the name of a class, written out"
        if entry.loose:
            return "a _target_ stands in the mapping of its arguments, so that they can be read with it"
        return refuse_name(entry.value)

    def _judge_mode(self, entry: _Entry) -> str | None:
        if entry.value == "default":
            return None
        targets = {str(entry.node["_target_"])} if entry.node and "_target_" in entry.node else set()
        targets |= self.targets.get(entry.id[:-1], set())
        fine = entry.value == "callable" and targets and targets <= LATER
        return (
            None if fine else f"_mode_ may be callable for {', '.join(sorted(LATER))} only: the rest is called at once"
        )

    def _refuse_argument(self, target: str, name: str, value: Any) -> str | None:
        kinds = allowed_names().get(target)
        if kinds is None:
            return None  # the name itself is reported
        if name not in kinds:
            return f"{name} is not on the list of arguments of {target}"
        return self.places.refuse(kinds[name], name, value)

    def _refuse_loose(self, entry: _Entry) -> str | None:
        """A key such as ``network_def#dims`` changes something that stands elsewhere."""
        if any(re.fullmatch(r"\s*[+-]?[\d_]+\s*", part) for part in entry.id):
            return "a list is written out whole: what stands at a number depends on the order of the files"
        if entry.loose == "merge" and isinstance(entry.value, dict) and "_target_" in entry.value:
            return "a _target_ stands in the mapping of its arguments, so that they can be read with it"
        changed = [(entry.id, entry.value)]
        if isinstance(entry.value, dict) and entry.id in self.targets and "_target_" not in entry.value:
            changed += [((*entry.id, str(key)), value) for key, value in entry.value.items()]
        found = False
        for id_, value in changed:
            for end in range(1, len(id_)):
                for target in sorted(self.targets.get(id_[:end], ())):
                    found = True
                    name, inside = id_[end], end + 1 < len(id_)
                    if name in OWN_KEYS:
                        continue
                    kinds = allowed_names().get(target, {})
                    if name not in kinds or (inside and kinds[name]):
                        return f"{name} is not on the list of arguments of {target}"
                    if not inside and (reason := self.places.refuse(kinds[name], name, value)):
                        return reason
        if len(entry.id) > 1 and not found and entry.id[:1] not in self.defined:
            network = entry.id[0] == "network_def" and len(entry.id) == 2 and entry.id[1] in NETWORK.split()
            added = entry.loose == "merge" and entry.id in HANDLERS and isinstance(entry.value, list)
            return None if network or added else f"it changes {entry.id[0]}, which is in none of these files"
        return None

    def _judge_text(self, entry: _Entry) -> str | None:
        value = entry.value
        if value.startswith("$"):
            reason = refuse_expression(value[1:], self.places.refuse)
            is_import = re.match(r"\$\s*(import|from)\b", value)
            if reason is None and is_import and not (len(entry.id) == 2 and entry.id[0] == "imports"):
                return "an import belongs into the list `imports`, elsewhere its id would be a whole package"
            return reason
        if value.startswith("%"):
            if re.search(r"\.(json|ya?ml)", value, re.IGNORECASE):
                return "a macro that copies from another file brings in what nobody has looked at"
            return "a macro that copies an import" if names_an_import(value[1:]) else None
        if value.startswith("@") and names_an_import(value[1:]):
            return "a reference to an import hands on a whole package"
        return SILENT


def _tree(file: Path) -> yaml.Node | None:
    try:
        return yaml.compose(file.read_text(encoding="utf-8"), Loader=yaml.SafeLoader)
    except (OSError, yaml.YAMLError, RecursionError):
        return None


def _line(node: yaml.Node | None, parts: list[str]) -> int | None:
    """The line of an id, or of the last part of it that stands there (a merge stands elsewhere)."""
    line = None
    while node is not None:
        line = node.start_mark.line + 1
        following = None
        if isinstance(node, yaml.SequenceNode) and parts and parts[0].isdigit() and int(parts[0]) < len(node.value):
            following, parts = node.value[int(parts[0])], parts[1:]
        elif isinstance(node, yaml.MappingNode):
            for key, value in node.value:
                path = list(_split(str(key.value)))
                if parts[: len(path)] == path:
                    following, parts, line = value, parts[len(path) :], key.start_mark.line + 1
                    break
        if not parts:
            return line
        node = following
    return line
