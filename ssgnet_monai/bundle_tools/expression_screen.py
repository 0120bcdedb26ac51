"""Reads one `$` expression of a config as a syntax tree, without evaluating it."""

from __future__ import annotations

import ast
import builtins
import re

from ssgnet_monai.bundle_tools.allowed_names import IMPORTS, ROOTS, refuse_name, words

REFERENCE = re.compile(r"@(?:\w*)(?:::\w*)*")  # as in monai.bundle.ReferenceResolver
LOCALS = "__local_refs"  # the name that MONAI puts in a reference's place
FUNCTIONS = words("abs all any bool dict enumerate float int len list max min range round set sorted str sum tuple zip")
# What may follow a value: `@network.parameters()`. Methods that write files or take code are left out.
ATTRIBUTES = words(
    """
    all_items argmax batch begin classes cpu cuda data detach device dtype endswith epoch eval finish float get item
    items iteration join keys long lower mean metrics module modules name named_parameters ndim numpy output
    parameters parent requires_grad_ run shape size split squeeze startswith state state_dict stem strip suffix sum
    to train type unsqueeze upper values
    """
)
# Switches that make a loader run what it reads, or stop in a debugger.
UNSAFE_ARGUMENTS = frozenset(("_debug_", "allow_pickle", "pickle_module", "trust_remote_code", "trust_repo"))
NODES = (
    *(ast.Constant, ast.Name, ast.Load, ast.Store, ast.Attribute, ast.Subscript, ast.Slice, ast.Starred),
    *(ast.Tuple, ast.List, ast.Dict, ast.Set, ast.Call, ast.keyword, ast.IfExp, ast.Lambda, ast.arguments, ast.arg),
    *(ast.BinOp, ast.operator, ast.UnaryOp, ast.unaryop, ast.BoolOp, ast.boolop, ast.Compare, ast.cmpop),
    *(ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp, ast.comprehension, ast.JoinedStr, ast.FormattedValue),
)


def refuse_expression(text: str) -> str | None:
    """Say why an expression must not be evaluated, or None if it may.

    Args:
        text: the expression without its dollar sign.

    Returns:
        The reason, or None.
    """
    try:
        body = ast.parse(_as_evaluated(text)).body
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        return f"it does not parse: {error}"
    if len(body) != 1:
        return f"it holds {len(body)} statements, one expression is allowed"
    if isinstance(body[0], ast.Import | ast.ImportFrom):
        return _refuse_import(body[0])
    if not isinstance(body[0], ast.Expr):
        return f"{type(body[0]).__name__} is no expression"
    return _refuse_tree(body[0].value)


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


def _refuse_tree(tree: ast.expr) -> str | None:
    nodes = list(ast.walk(tree))  # parents come before their children
    bound = {node.arg for node in nodes if isinstance(node, ast.arg)}
    bound |= {node.id for node in nodes if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)}
    if hidden := bound & ({*dir(builtins), LOCALS} | ROOTS):
        return f"{min(hidden)} as the name of a variable hides another meaning"
    judged: set[ast.AST] = set()
    for node in nodes:
        reason = None if node in judged else _refuse_node(node, bound, judged)
        if reason:
            return reason
    return None


def _refuse_node(node: ast.AST, bound: set[str], judged: set[ast.AST]) -> str | None:
    if not isinstance(node, NODES):
        return f"{type(node).__name__} is not allowed in an expression"
    if isinstance(node, ast.keyword) and (node.arg in UNSAFE_ARGUMENTS or node.arg == "weights_only"):
        return f"the argument {node.arg} is not allowed"
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id not in FUNCTIONS:
        return f"calling {node.func.id} is not allowed, only {', '.join(sorted(FUNCTIONS))}"
    if isinstance(node, ast.Call) and not isinstance(node.func, ast.Name | ast.Attribute):
        return "only functions and methods that are named may be called"
    if isinstance(node, ast.Subscript) and isinstance(node.value, ast.Name) and node.value.id == LOCALS:
        judged.add(node.value)
        return _refuse_reference(node.slice)
    if isinstance(node, ast.Attribute):
        return _refuse_attribute(node, bound, judged)
    if isinstance(node, ast.Name) and node.id not in bound | FUNCTIONS:
        what = "a whole package may not be passed on" if node.id in ROOTS else "the name is not known"
        return f"{node.id}: {what}"
    return None


def _refuse_reference(key: ast.expr) -> str | None:
    name = key.value if isinstance(key, ast.Constant) else None
    if not isinstance(name, str):
        return f"{ast.unparse(key)} is no reference"
    return "a reference to an import hands on a whole package" if names_an_import(name) else None


def names_an_import(reference: str) -> bool:
    """Whether a reference or macro (without its sign) points at the list ``imports`` or at the whole config."""
    return reference.replace("#", "::").strip(":").partition("::")[0] in ("", "imports")


def _refuse_attribute(node: ast.Attribute, bound: set[str], judged: set[ast.AST]) -> str | None:
    chain: list[ast.AST] = [node]
    names: list[str] = []
    while isinstance(chain[-1], ast.Attribute):
        names.insert(0, chain[-1].attr)
        chain.append(chain[-1].value)
    root = chain[-1]
    if isinstance(root, ast.Name) and root.id not in bound | FUNCTIONS:
        judged.update(chain)
        return _refuse_package_name([root.id, *names])
    judged.update(chain[:-1])
    wrong = [name for name in names if name not in ATTRIBUTES]
    return f"the attribute {wrong[0]} is not on the list" if wrong else None


def _refuse_package_name(names: list[str]) -> str | None:
    """``torch.float32.itemsize``: a name that is allowed, then attributes that are."""
    for length in range(len(names), 1, -1):
        if refuse_name(".".join(names[:length])) is None and set(names[length:]) <= ATTRIBUTES:
            if names[0] == "monai" and names[length - 1][0].isupper():
                return f"{'.'.join(names)}: a MONAI class is built by _target_, so that its arguments can be read"
            return None
    return refuse_name(".".join(names))
