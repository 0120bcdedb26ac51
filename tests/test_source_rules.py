"""The rules of CONTRIBUTING.md that a machine can check, over every source file."""

from __future__ import annotations

import ast
import importlib
import re
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType

import pytest

REPOSITORY = Path(__file__).resolve().parents[1]
PACKAGE = REPOSITORY / "ssgnet_monai"
SOURCES = sorted(PACKAGE.rglob("*.py"))
FLOORS = {
    "ops": 1,
    **dict.fromkeys(("networks", "losses", "metrics", "transforms", "data"), 2),
    **dict.fromkeys(("handlers", "engines"), 3),
    **dict.fromkeys(("printable", "shipped"), 1),
    **dict.fromkeys(("api", "pipeline", "report", "bundle_tools", "label_app", "cli", "doctor"), 4),
}
UNSAFE_MODULES = {"pickle", "cPickle", "dill", "joblib", "shelve", "marshal", "cloudpickle"}


def parsed(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"), filename=str(path))


def calls(tree: ast.AST) -> Iterator[tuple[str, ast.Call]]:
    """Every call with its dotted name: ``torch.load``, ``print``, ``.iterdir`` for a method of anything else."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            function = node.func
            if isinstance(function, ast.Name):
                yield function.id, node
            elif isinstance(function, ast.Attribute):
                owner = function.value.id if isinstance(function.value, ast.Name) else ""
                yield f"{owner}.{function.attr}", node


def offences(find: Callable[[ast.Module], Iterator[int]]) -> list[str]:
    return [f"{path.relative_to(REPOSITORY)}:{line}" for path in SOURCES for line in find(parsed(path))]


def find_print(tree: ast.Module) -> Iterator[int]:
    return (call.lineno for name, call in calls(tree) if name == "print")


def find_unsafe_load(tree: ast.Module) -> Iterator[int]:
    for name, call in calls(tree):
        if name == "torch.load":
            values = [keyword.value for keyword in call.keywords if keyword.arg == "weights_only"]
            if not any(isinstance(value, ast.Constant) and value.value is True for value in values):
                yield call.lineno
        elif name == "yaml.load":
            yield call.lineno


def find_code_from_data(tree: ast.Module) -> Iterator[int]:
    for name, call in calls(tree):
        if name in {"eval", "exec", "compile", "os.system"} or name.partition(".")[0] in UNSAFE_MODULES:
            yield call.lineno
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and (node.module or "").partition(".")[0] in UNSAFE_MODULES:
            yield node.lineno


def find_unsorted_listing(tree: ast.Module) -> Iterator[int]:
    ordered = [call for name, call in calls(tree) if name in {"sorted", "any", "all"}]
    harmless = {id(inner) for call in ordered for inner in ast.walk(call)}
    sorted_names = {call.args[0].id for call in ordered if call.args and isinstance(call.args[0], ast.Name)}
    for node in ast.walk(tree):
        if (
            isinstance(node, ast.Assign)
            and isinstance(node.targets[0], ast.Name)
            and node.targets[0].id in sorted_names
        ):
            harmless |= {id(inner) for inner in ast.walk(node.value)}
    for name, call in calls(tree):
        if name.partition(".")[2] in {"iterdir", "glob", "rglob", "listdir", "scandir"} and id(call) not in harmless:
            yield call.lineno


def find_bare_except(tree: ast.Module) -> Iterator[int]:
    return (node.lineno for node in ast.walk(tree) if isinstance(node, ast.ExceptHandler) and node.type is None)


def find_missing_docstring(tree: ast.Module) -> Iterator[int]:
    """The module's, and those of its public functions and classes."""
    if tree.body and ast.get_docstring(tree) is None:
        yield 1
    for node in tree.body:
        public = isinstance(node, ast.FunctionDef | ast.ClassDef) and not node.name.startswith("_")
        if public and ast.get_docstring(node) is None:
            yield node.lineno


@pytest.mark.parametrize(
    ("find", "offending", "allowed"),
    [
        (find_print, "print('x')", "logger.info('x')"),
        (find_unsafe_load, "torch.load(p)", "torch.load(p, weights_only=True)"),
        (find_unsafe_load, "torch.load(p, weights_only=False)", "yaml.safe_load(p)"),
        (find_code_from_data, "eval(text)", "network.eval()"),
        (find_code_from_data, "from pickle import loads", "import json"),
        (find_code_from_data, "pickle.loads(data)", "try:\n    f()\nexcept pickle.UnpicklingError:\n    raise"),
        (find_unsorted_listing, "for p in folder.glob('*'): pass", "for p in sorted(folder.glob('*')): pass"),
        (find_unsorted_listing, "a = os.listdir(folder)", "a = sorted(q for q in os.listdir(folder))"),
        (find_unsorted_listing, "a = list(folder.iterdir())\nf(a)", "a = list(folder.iterdir())\nf(sorted(a))"),
        (find_bare_except, "try:\n    f()\nexcept:\n    pass", "try:\n    f()\nexcept OSError:\n    pass"),
        (find_missing_docstring, "'''M.'''\ndef f(): pass", "'''M.'''\ndef _f(): pass"),
    ],
)
def test_the_checks_see_what_they_look_for(
    find: Callable[[ast.Module], Iterator[int]], offending: str, allowed: str
) -> None:
    assert list(find(ast.parse(offending))) != []
    assert list(find(ast.parse(allowed))) == []


def test_the_package_logs_and_never_prints() -> None:
    assert offences(find_print) == []


def test_weights_are_loaded_as_data() -> None:
    assert offences(find_unsafe_load) == []


def test_no_data_becomes_code() -> None:
    assert offences(find_code_from_data) == []


def test_folder_listings_are_sorted() -> None:
    assert offences(find_unsorted_listing) == []


def test_no_bare_except() -> None:
    assert offences(find_bare_except) == []


def test_public_names_have_docstrings() -> None:
    sources = [path for path in SOURCES if path.name != "__init__.py"]
    found = [
        f"{path.relative_to(REPOSITORY)}:{line}" for path in sources for line in find_missing_docstring(parsed(path))
    ]
    assert found == []


def test_no_name_of_a_package_shadows_one_of_its_modules() -> None:
    """``import ssgnet_monai.engines.x as x`` would give what the package calls x, not the module."""
    clashes = []
    for init in sorted(PACKAGE.rglob("__init__.py")):
        name = ".".join(init.parent.relative_to(REPOSITORY).parts)
        if name.startswith("ssgnet_monai.label_app"):
            continue  # is imported in MONAI Label's environment alone
        package = importlib.import_module(name)
        siblings = {path.stem for path in sorted(init.parent.glob("*.py"))} | {
            path.parent.name for path in sorted(init.parent.glob("*/__init__.py"))
        }
        found = {sibling: getattr(package, sibling, None) for sibling in siblings - {"__init__"}}
        clashes += [
            f"{name}.{key}" for key, value in found.items() if value is not None and not isinstance(value, ModuleType)
        ]
    assert clashes == []


def test_files_stay_short() -> None:
    sources = [*SOURCES, *sorted((REPOSITORY / "tests").rglob("*.py")), *sorted((REPOSITORY / "scripts").rglob("*.py"))]
    lengths = {
        str(path.relative_to(REPOSITORY)): len(path.read_text(encoding="utf-8").splitlines()) for path in sources
    }
    assert {name: length for name, length in lengths.items() if length > 400} == {}
    assert [name for name in lengths if Path(name).name in {"utils.py", "helpers.py", "misc.py"}] == []


def test_imports_point_down() -> None:
    upward = []
    for path in SOURCES:
        room = path.relative_to(PACKAGE).parts[0].removesuffix(".py")
        if room == "__init__":
            continue
        for node in ast.walk(parsed(path)):
            for module in _own_modules(node):
                if FLOORS[module.split(".")[1]] > FLOORS[room]:
                    upward.append(f"{path.relative_to(REPOSITORY)}:{node.lineno} imports {module}")
    assert upward == []


def test_no_path_of_one_machine_is_named() -> None:
    """Paths under a home, a scratch or a work folder mean nothing elsewhere."""
    pattern = re.compile(r"(?<![\w./}*-])/(?:work|root|home|tmp|Users|mnt|scratch)/\w")
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=REPOSITORY, capture_output=True, text=True, check=False)
    if listed.returncode:
        pytest.skip("not a git checkout: the list of the repository's files is unknown")
    found = []
    for name in filter(None, listed.stdout.split("\0")):
        path = REPOSITORY / name
        content = path.read_bytes() if path.is_file() else b""
        if b"\0" in content[:8000]:
            continue
        for number, line in enumerate(content.decode("utf-8").splitlines(), start=1):
            if pattern.search(line):
                found.append(f"{name}:{number}")
    assert found == []


def _own_modules(node: ast.AST) -> list[str]:
    modules: list[str] = []
    if isinstance(node, ast.Import):
        modules = [alias.name for alias in node.names]
    elif isinstance(node, ast.ImportFrom) and node.module == "ssgnet_monai":
        modules = [f"ssgnet_monai.{alias.name}" for alias in node.names if alias.name in FLOORS]
    elif isinstance(node, ast.ImportFrom):
        modules = [node.module or ""]
    return [module for module in modules if module.startswith("ssgnet_monai.")]
