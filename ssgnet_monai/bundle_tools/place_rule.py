"""Where a config may read and write: a place below its own folders, which can be told without evaluating anything."""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping, Sequence
from typing import Any

from ssgnet_monai.bundle_tools.allowed_names import LITERALS
from ssgnet_monai.bundle_tools.expression_screen import dotted_name, parse, reference_of

GIVEN = frozenset(("bundle_root", "ckpt_dir", "dataset_dir", "output_dir"))
"""Places that the command line gives where no config does."""
CODE_ENDINGS = (
    ".dll", ".dylib", ".egg", ".ipynb", ".pth", ".py", ".pyc", ".pyd", ".pyi", ".pyw", ".pyx", ".sh", ".so", ".ts",
    ".whl", ".yaml", ".yml", ".zip", ".conf", ".ini", ".cfg", ".toml",
)  # fmt: skip
WORD = re.compile(r"[\w .+-]*", re.ASCII)


class Places:
    """Judges arguments that name places or stand for a reader or writer.

    Args:
        roots: id at the root of the configs -> every value that it is given in any of them.
    """

    def __init__(self, roots: Mapping[str, Sequence[Any]]) -> None:
        self.roots = roots
        self._judged: dict[tuple[str, bool], str | None] = {}

    def refuse(self, kind: str, argument: str, value: Any) -> str | None:
        """Say what speaks against a value of an argument, or None.

        Args:
            kind: "?" a place that is read, "!" a place that is written, "=" one of a few words, "" anything.
            argument: its name.
            value: as a config holds it, or the syntax tree of a part of an expression.
        """
        if kind == "=":
            words = value if isinstance(value, list) else [value]
            plain = [word.value if isinstance(word, ast.Constant) else word for word in words]
            allowed = LITERALS[argument]
            fine = all(word is None or (isinstance(word, str) and word in allowed) for word in plain)
            return None if fine else f"it may be {', '.join(sorted(allowed))!r} only, written out"
        return self._refuse_place(value, kind == "!") if kind else None

    def _refuse_place(self, value: Any, written: bool) -> str | None:
        if isinstance(value, ast.Constant):
            value = value.value
        if value is None or isinstance(value, bool):
            return None
        if isinstance(value, str) and value.startswith("$"):
            try:
                statement = parse(value[1:])[0]
            except (ValueError, IndexError):
                return "it is no place"
            value = statement.value if isinstance(statement, ast.Expr) else None
        elif isinstance(value, str) and value.startswith("@"):
            return self._refuse_id(value[1:].replace("#", "::"), written)
        if isinstance(value, str):
            return _refuse_text(value, written)
        if isinstance(value, ast.Constant | ast.Subscript | ast.BinOp | ast.Call):
            return self._refuse_tree(value, written)
        return "it is no place that can be told from the config"

    def _refuse_tree(self, node: ast.expr, written: bool) -> str | None:
        if isinstance(node, ast.Constant):
            return self._refuse_place(node, written)
        if (name := reference_of(node)) is not None:
            return self._refuse_id(name, written)
        parts = [node.left, node.right] if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add) else []
        if isinstance(node, ast.Call) and dotted_name(node.func) == "os.path.join" and not node.keywords:
            parts = node.args
        if not parts:
            return f"{ast.unparse(node)} is no place that can be told from the config"
        if reason := self._refuse_tree(parts[0], written):
            return reason
        for part in parts[1:]:
            if not (isinstance(part, ast.Constant) and isinstance(part.value, str)):
                return f"{ast.unparse(part)} is no text that can be told from the config"
            text = part.value
            if isinstance(node, ast.BinOp) and not text.startswith("/"):
                return f"{text!r} goes on with a name: start it with /, so that the whole name can be read"
            if reason := _refuse_text(text.removeprefix("/") if isinstance(node, ast.BinOp) else text, written):
                return reason
        return None

    def _refuse_id(self, name: str, written: bool) -> str | None:
        if name not in self.roots and name not in GIVEN:
            return f"@{name} is none of the places that these configs define"
        if (name, written) not in self._judged:
            self._judged[name, written] = f"@{name} leads back to itself"
            reasons = (self._refuse_place(value, written) for value in self.roots.get(name, ()))
            reason = next((reason for reason in reasons if reason), None)
            self._judged[name, written] = reason and f"@{name}: {reason}"
        return self._judged[name, written]


def _refuse_text(text: str, written: bool) -> str | None:
    if ":" in text or text.startswith(("//", "\\\\")):
        return f"{text!r} is an address"
    if not written:
        return None
    parts = text.split("/")
    if not all(WORD.fullmatch(part) for part in parts) or text.startswith("/") or ".." in parts:
        return f"{text!r} is not below the bundle's own folder"
    if any(part.strip(". ").lower() in ("configs", "docs") for part in parts):
        return f"{text!r} lies among the bundle's own configs"
    if parts[-1].strip(". ").lower().endswith(CODE_ENDINGS):
        return f"{text!r} is a file that programs run or read as settings"
    return None
