"""Reads one `$` expression of a config as a syntax tree, without evaluating it."""

from __future__ import annotations

import ast
import builtins
import re
from collections.abc import Callable, Iterable, Iterator

from ssgnet_monai.bundle_tools.allowed_names import IMPORTS, ROOTS, VALUES, allowed_names, refuse_name

MAX_LENGTH = 2000
REFERENCE = re.compile(r"@(?:\w*)(?:::\w*)*")  # as in monai.bundle.ReferenceResolver
LOCALS = "__local_refs"  # the name that MONAI puts in a reference's place
FUNCTIONS = frozenset(
    [
        "abs",
        "all",
        "any",
        "bool",
        "dict",
        "enumerate",
        "float",
        "int",
        "len",
        "list",
        "max",
        "min",
        "range",
        "round",
        "set",
        "sorted",
        "str",
        "sum",
        "tuple",
        "zip",
    ]
)
# What may follow a value, called and not called: `@network.parameters()`. None takes code, writes or opens a file.
METHODS = frozenset(
    [
        "argmax",
        "begin",
        "cpu",
        "cuda",
        "detach",
        "endswith",
        "eval",
        "finish",
        "float",
        "get",
        "item",
        "items",
        "keys",
        "long",
        "lower",
        "max",
        "mean",
        "min",
        "named_parameters",
        "numpy",
        "parameters",
        "requires_grad_",
        "run",
        "split",
        "squeeze",
        "startswith",
        "state_dict",
        "strip",
        "sum",
        "to",
        "train",
        "unsqueeze",
        "upper",
        "values",
    ]
)
ATTRIBUTES = frozenset(
    [
        "all_items",
        "batch",
        "device",
        "dtype",
        "epoch",
        "index",
        "iteration",
        "metrics",
        "ndim",
        "output",
        "shape",
        "state",
        "type",
    ]
)
NODES = (
    *(ast.Constant, ast.Load, ast.Store, ast.Subscript, ast.Slice, ast.Starred, ast.Name),
    *(ast.Tuple, ast.List, ast.Dict, ast.Set, ast.keyword, ast.IfExp, ast.Lambda, ast.arguments, ast.arg),
    *(ast.BinOp, ast.operator, ast.UnaryOp, ast.unaryop, ast.BoolOp, ast.boolop, ast.Compare, ast.cmpop),
    *(ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp, ast.comprehension, ast.JoinedStr, ast.FormattedValue),
)
# Judges the value of an argument of a kind: (kind, argument, value) -> reason or None.
JudgeArgument = Callable[[str, str, ast.expr], str | None]


def refuse_expression(text: str, judge: JudgeArgument = lambda kind, name, value: None) -> str | None:
    """Say why an expression must not be evaluated, or None if it may.

    Args:
        text: the expression without its dollar sign.
        judge: says what speaks against a value as an argument of a kind (see ``allowed_names``).

    Returns:
        The reason, or None.
    """
    try:
        body = parse(text)
    except ValueError as error:
        return str(error)
    if len(body) != 1:
        return f"it holds {len(body)} statements, one expression is allowed"
    if isinstance(body[0], ast.Import | ast.ImportFrom):
        return _refuse_import(body[0])
    if not isinstance(body[0], ast.Expr):
        return f"{type(body[0]).__name__} is no expression"
    nodes = list(ast.walk(body[0]))
    bound = {node.arg for node in nodes if isinstance(node, ast.arg)}
    bound |= {node.id for node in nodes if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)}
    if hidden := bound & ({*dir(builtins), LOCALS} | ROOTS):
        return f"{min(hidden)} as the name of a variable hides another meaning"
    return next(_Reasons(bound, judge).of(body[0].value), None)


def parse(text: str) -> list[ast.stmt]:
    """The statements of the text that MONAI evaluates.

    Raises:
        ValueError: it is too long or does not parse.
    """
    if len(text) > MAX_LENGTH:
        raise ValueError(f"it is longer than {MAX_LENGTH} characters")
    try:
        return ast.parse(_as_evaluated(text)).body
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise ValueError(f"it does not parse: {error}") from error


def reference_of(node: ast.AST) -> str | None:
    """The id that a node stands for: ``__local_refs['a::b']`` -> ``a::b``."""
    if isinstance(node, ast.Subscript) and isinstance(node.value, ast.Name) and node.value.id == LOCALS:
        return node.slice.value if isinstance(node.slice, ast.Constant) and isinstance(node.slice.value, str) else None
    return None


def names_an_import(reference: str) -> bool:
    """Whether a reference or macro (without its sign) points at the list ``imports`` or at the whole config."""
    return reference.replace("#", "::").strip(":").partition("::")[0] in ("", "imports")


def dotted_name(node: ast.AST) -> str | None:
    """``torch.nn.init`` of the attributes of a plain name, None of anything else."""
    if isinstance(node, ast.Attribute):
        before = dotted_name(node.value)
        return before and f"{before}.{node.attr}"
    return node.id if isinstance(node, ast.Name) else None


def _as_evaluated(text: str) -> str:
    """The text that MONAI evaluates: references are replaced wherever they stand, within quotes too."""
    text = text.replace("#", "::")
    for reference in sorted(set(REFERENCE.findall(text)), key=len, reverse=True):
        text = text.replace(reference, f"{LOCALS}['{reference[1:]}']")
    return text


def _refuse_import(node: ast.Import | ast.ImportFrom) -> str | None:
    if isinstance(node, ast.ImportFrom) or len(node.names) != 1 or node.names[0].asname:
        return "only `$import PACKAGE` is allowed, without from, as or a second name"
    name = node.names[0].name
    return None if name in IMPORTS else f"importing {name} is not allowed, only {', '.join(sorted(IMPORTS))}"


class _Reasons:
    """Yields what speaks against a tree, in the order of reading."""

    def __init__(self, bound: set[str], judge: JudgeArgument) -> None:
        self.bound, self.judge = bound, judge

    def of(self, node: ast.AST) -> Iterator[str]:
        if isinstance(node, ast.Call):
            yield from self._call(node)
        elif isinstance(node, ast.Attribute):
            yield from self._attribute(node)
        elif isinstance(node, ast.Name):
            if node.id in ROOTS:
                yield f"{node.id}: a whole package may not be passed on"
            elif node.id not in self.bound | FUNCTIONS:
                yield f"{node.id}: the name is not known"
        elif isinstance(node, ast.Subscript) and isinstance(node.value, ast.Name) and node.value.id == LOCALS:
            name = reference_of(node)
            if name is None:
                yield f"{ast.unparse(node.slice)} is no reference"
            elif names_an_import(name):
                yield "a reference to an import hands on a whole package"
        elif not isinstance(node, NODES):
            yield f"{type(node).__name__} is not allowed in an expression"
        else:
            yield from self._all(ast.iter_child_nodes(node))

    def _all(self, nodes: Iterable[ast.AST]) -> Iterator[str]:
        for node in nodes:
            yield from self.of(node)

    def _package_name(self, node: ast.AST) -> str | None:
        name = dotted_name(node)
        return name if name and name.partition(".")[0] not in self.bound | FUNCTIONS else None

    def _attribute(self, node: ast.Attribute) -> Iterator[str]:
        if name := self._package_name(node):
            if name not in VALUES:
                known = refuse_name(name) is None
                yield f"{name} may be called, not handed on" if known else f"{name} is not on the list of names"
        elif node.attr not in ATTRIBUTES:
            yield f"the attribute {node.attr} is not on the list"
        else:
            yield from self.of(node.value)

    def _call(self, node: ast.Call) -> Iterator[str]:
        name = self._package_name(node.func)
        if name and not isinstance(node.func, ast.Name):
            yield from self._package_call(node, name)
        elif isinstance(node.func, ast.Name):
            if node.func.id not in FUNCTIONS:
                yield f"calling {node.func.id} is not allowed, only {', '.join(sorted(FUNCTIONS))}"
            elif node.func.id != "dict" and any(word.arg in (None, "key", "default") for word in node.keywords):
                yield f"{node.func.id} takes no key function here: it would call what it is handed"
        elif isinstance(node.func, ast.Attribute):
            if node.func.attr not in METHODS:
                yield f"the attribute {node.func.attr} is not on the list of methods"
            if any(word.arg is None for word in node.keywords):
                yield "arguments are written out, without **"
            yield from self.of(node.func.value)
        else:
            yield "only functions and methods that are named may be called"
        yield from self._all([*node.args, *(word.value for word in node.keywords)])

    def _package_call(self, node: ast.Call, name: str) -> Iterator[str]:
        kinds = allowed_names().get(name)
        if kinds is None:
            yield f"{name} is not on the list of names"
            return
        # The list is in the order of a function's own arguments; of a class only the first place is.
        places = list(kinds)[:1] if name.rpartition(".")[2][0].isupper() else list(kinds)
        if len(node.args) > len(places) or any(isinstance(value, ast.Starred) for value in node.args):
            yield f"{name} takes {len(places)} arguments by position at most: write out their names"
            return
        given = [*zip(places, node.args, strict=False), *((word.arg, word.value) for word in node.keywords)]
        for argument, value in given:
            if argument not in kinds:
                yield f"the argument {argument or '**'} of {name} is not on the list"
            elif reason := self.judge(kinds[argument], argument, value):
                yield f"the argument {argument} of {name}: {reason}"
