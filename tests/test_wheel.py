"""The wheel alone, in an empty folder and without a network, runs the whole method."""

import json
import os
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path
from zipfile import ZipFile

import pytest

REPOSITORY = Path(__file__).resolve().parents[1]
TINY = [
    "prepare.num_images=[28,12]",
    "synthesis.images=24",
    "synthesis.config={kimg: 0.064, tick_kimg: 0.032, channel_max: 8}",
    "segmentation.unet.config={steps: 4, epoch_length: 2, num_rounds: 1, pool: both}",
]
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """Built from a copy of the repository's files, so that nothing is left in the checkout."""
    folder = tmp_path_factory.mktemp("build")
    left_by_runs = shutil.ignore_patterns("__pycache__", "data", "models", "output")
    for name in ("bundles", "configs"):
        shutil.copytree(REPOSITORY / name, folder / name, ignore=left_by_runs)
    shutil.copytree(REPOSITORY / "ssgnet_monai", folder / "ssgnet_monai", ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("setup.py", "setup.cfg", "pyproject.toml", "MANIFEST.in", "README.md", "LICENSE"):
        shutil.copy(REPOSITORY / name, folder)
    (folder / "bundles" / "ssgnet_segmentation" / "models").mkdir()
    (folder / "bundles" / "ssgnet_segmentation" / "models" / "model.pt").write_bytes(b"weights of a run")
    words = ["-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation", "--wheel-dir", "dist", "."]
    subprocess.run([sys.executable, *words], cwd=folder, check=True)
    return next((folder / "dist").glob("*.whl"))


@pytest.fixture(scope="module")
def python(wheel, tmp_path_factory):
    """An interpreter with the wheel installed, all other packages of this environment, and no checkout."""
    folder = tmp_path_factory.mktemp("environment")
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder], check=True)
    own = sysconfig.get_path("purelib", vars={"base": str(folder)})
    install = ["-m", "pip", "install", "--quiet", "--no-deps", "--no-index", "--target", own, str(wheel)]
    subprocess.run([sys.executable, *install], check=True)
    present = [path for path in sys.path if path.endswith("site-packages")]
    Path(own, "present.pth").write_text("\n".join(present), encoding="utf-8")
    return folder / "bin" / "python"


@pytest.fixture
def clean_environment():
    return {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "VIRTUAL_ENV"))}


def test_what_the_wheel_holds(wheel):
    with ZipFile(wheel) as archive:
        names = set(archive.namelist())
    shipped = [*REPOSITORY.glob("bundles/*/configs/*"), *REPOSITORY.glob("configs/*/*.yaml")]
    missing = [
        path for path in shipped if f"ssgnet_monai/shipped_files/{path.relative_to(REPOSITORY).as_posix()}" not in names
    ]
    assert missing == []
    assert {"ssgnet_monai/pipeline/Snakefile", "ssgnet_monai/report/templates/report.html.j2"} <= names
    assert not [name for name in names if name.endswith(".pt") or name.startswith("tests")]
    assert wheel.stat().st_size < 5e6


def test_the_installed_package_is_used(python, clean_environment, tmp_path):
    code = "import ssgnet_monai.shipped as s; print(s.__file__, s.BUNDLES.is_dir(), s.CONFIGS.is_dir())"
    words = [python, "-c", code]
    done = subprocess.run(words, cwd=tmp_path, env=clean_environment, capture_output=True, text=True, check=True)
    file, *found = done.stdout.split()
    assert Path(file).is_relative_to(python.parents[1])
    assert found == ["True", "True"]


@pytest.mark.parametrize("network", ["with", "without"])
def test_the_demo_runs_in_an_empty_folder(python, clean_environment, tmp_path, network):
    command = [str(python), "-m", "ssgnet_monai.cli", "demo", *TINY, "output_dir=run"]
    if network == "without":
        command = ["unshare", "--user", "--map-root-user", "--net", *command]
        if not shutil.which("unshare") or subprocess.run([*command[:4], "true"], check=False).returncode:
            pytest.skip("this machine does not permit a network namespace of one's own")
    done = subprocess.run(command, cwd=tmp_path, env=clean_environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    experiment = json.loads((tmp_path / "run" / "experiment.json").read_text())
    assert str(REPOSITORY) + os.sep not in " ".join(experiment["commands"])
    assert (tmp_path / "run" / "report.html").stat().st_size > 10_000
