"""MONAI Label's environment and what is checked before the server starts, without either."""

import errno
import json
import logging
import os
from types import SimpleNamespace

import pytest
import torch

from ssgnet_monai.data.tensor_file import save_tensors
from ssgnet_monai.label_app import environment, server
from ssgnet_monai.label_app.environment import READY, create_environment, environment_python
from ssgnet_monai.label_app.served_bundle import check_bundle
from ssgnet_monai.shipped import BUNDLES
from tests.label.conftest import SEGMENTER, make_bundle


@pytest.fixture
def commands(monkeypatch):
    """Commands instead of their runs."""
    found = []
    monkeypatch.setattr(environment, "_run", lambda command: found.append([str(word) for word in command]))
    return found


def test_an_environment_is_made_once_and_linked_anew(tmp_path, commands, monkeypatch):
    folder = tmp_path / "label"
    with pytest.raises(FileNotFoundError, match="Run `ssgnet label setup`"):
        environment_python(folder)
    create_environment(folder)
    made, installed = commands
    assert made[1:] == ["-m", "venv", str(folder)]
    assert installed[-3:] == [str(environment.REQUIREMENTS), "--editable", str(BUNDLES.parent)]
    assert environment_python(folder) == folder / "bin" / "python"
    commands.clear()
    create_environment(folder)
    assert commands == []
    monkeypatch.setattr(environment, "_own_source", lambda: ["--editable", "/elsewhere"])
    create_environment(folder)
    assert [command[-3:] for command in commands] == [[str(environment.REQUIREMENTS), "--editable", "/elsewhere"]]


@pytest.mark.parametrize("failing", ["venv", "pip"])
def test_a_stopped_set_up_begins_anew(tmp_path, commands, monkeypatch, failing):
    def stop(command):
        if failing in command:
            raise RuntimeError

    with monkeypatch.context() as patched:
        patched.setattr(environment, "_run", stop)
        with pytest.raises(RuntimeError):
            create_environment(tmp_path / "label")
    with pytest.raises(FileNotFoundError, match="none that is complete"):
        environment_python(tmp_path / "label")
    create_environment(tmp_path / "label")
    assert [command[2] for command in commands] == ["venv", "pip"]


def test_other_requirements_begin_anew(tmp_path, commands):
    create_environment(tmp_path)
    record = json.loads((tmp_path / READY).read_text())
    (tmp_path / READY).write_text(json.dumps({**record, "requirements": "monailabel==0"}))
    (tmp_path / "lib").mkdir()
    (tmp_path / "lib64").symlink_to("lib")
    commands.clear()
    create_environment(tmp_path)
    assert len(commands) == 2
    assert [path.name for path in tmp_path.iterdir()] == [READY]


@pytest.mark.parametrize("file", ["thesis.docx", "pyvenv.cfg"])
def test_a_folder_with_other_files_is_not_touched(tmp_path, commands, file):
    (tmp_path / file).touch()
    with pytest.raises(ValueError, match="Expected a new folder, or an environment that `ssgnet label setup`"):
        create_environment(tmp_path)
    assert commands == []


def test_an_installed_package_installs_itself(tmp_path, monkeypatch):
    monkeypatch.setattr(environment.ssgnet_monai, "__file__", str(tmp_path / "site" / "ssgnet_monai" / "__init__.py"))
    wheel = tmp_path / "a b.whl"
    wheel.touch()
    direct = SimpleNamespace(read_text=lambda name: json.dumps({"url": wheel.as_uri()}))
    monkeypatch.setattr(environment.metadata, "distribution", lambda name: direct)
    assert environment._own_source() == [str(wheel)]
    direct.read_text = lambda name: json.dumps({"url": tmp_path.as_uri(), "dir_info": {}})
    assert environment._own_source() == [str(tmp_path)]
    direct.read_text = lambda name: None
    assert environment._own_source() == [f"ssgnet-monai=={environment.ssgnet_monai.__version__}"]


def test_a_python_that_monai_label_needs(tmp_path, commands, monkeypatch):
    monkeypatch.setattr(environment, "PYTHON", (3, 1))
    with pytest.raises(ValueError, match=r"Expected Python 3\.1 for MONAI Label, got 3\..* and found no other"):
        create_environment(tmp_path)
    assert commands == []


def test_a_failed_installation_says_so(tmp_path):
    with pytest.raises(RuntimeError, match="Expected false to succeed, it ended with status 1"):
        environment._run(["false"])


def test_what_a_served_bundle_must_have(tmp_path):
    bundle = make_bundle(tmp_path)
    assert check_bundle(bundle) == SEGMENTER
    torch.save(torch.nn.Linear(2, 2).state_dict(), bundle / "models" / "model.pt")
    with pytest.raises(ValueError, match=r"Expected weights of UNet as configured .* got .*model\.pt"):
        check_bundle(bundle)  # MONAI Label would serve random weights
    save_tensors(bundle / "models" / "model.pt", torch.nn.Linear(2, 2).state_dict())
    content = (bundle / "models" / "model.pt").read_bytes()
    (bundle / "models" / "model.pt").write_bytes(content[:-1])
    with pytest.raises(ValueError, match=r"model\.pt as it was written, got other bytes"):
        check_bundle(bundle)
    (bundle / "models" / "model.pt").unlink()
    with pytest.raises(
        FileNotFoundError, match=r"Expected trained weights at .* `ssgnet bundle copy NAME DIR --trained"
    ):
        check_bundle(bundle)
    other = bundle.rename(tmp_path / "polyps")
    with pytest.raises(ValueError, match="Expected 'segmentation' or 'classification' in the bundle's folder name"):
        check_bundle(other)
    with pytest.raises(FileNotFoundError, match="Expected a bundle with configs/inference.yaml"):
        check_bundle(tmp_path)


def test_an_apps_folder_links_the_bundles_and_is_removed(tmp_path):
    stock, bundle = tmp_path / "stock", make_bundle(tmp_path / "one")
    stock.mkdir()
    (stock / "main.py").write_text("stock")
    with server.app_folder([bundle], stock) as app:
        assert (app / "model" / SEGMENTER).resolve() == bundle
        assert (app / "stock_main.py").read_text() == "stock"
        assert "class LabelApp" in (app / "main.py").read_text()
    assert not app.exists()
    twin = make_bundle(tmp_path / "two")
    with (
        pytest.raises(ValueError, match="Expected bundles of different names"),
        server.app_folder([bundle, twin], stock),
    ):
        pass


def test_what_a_killed_server_left_is_removed(tmp_path, monkeypatch):
    """Downloaded DICOM among it; the folder of a server that lives stays."""
    monkeypatch.setattr(server.tempfile, "gettempdir", lambda: str(tmp_path))
    monkeypatch.setattr(server.tempfile, "tempdir", str(tmp_path))
    stock = tmp_path / "stock"
    stock.mkdir()
    (stock / "main.py").write_text("stock")
    killed = tmp_path / f"{server.PREFIX}killed"
    (killed / "app" / "dicom").mkdir(parents=True)
    (killed / server.LOCK).touch()
    with server.app_folder([], stock) as first:
        assert not killed.exists()
        with server.app_folder([], stock):
            assert first.exists()
    assert list(tmp_path.iterdir()) == [stock]


def test_an_open_address_is_warned_of(tmp_path, caplog, monkeypatch):
    monkeypatch.setattr(server, "environment_python", lambda folder: folder)
    words = []
    monkeypatch.setattr(server.subprocess, "Popen", lambda command, **options: words.extend(command) or Process())
    monkeypatch.setattr(server, "_family", lambda process: [])
    (tmp_path / server.STOCK).mkdir(parents=True)
    (tmp_path / server.STOCK / "main.py").touch()
    bundle = make_bundle(tmp_path / "bundles")
    with caplog.at_level(logging.WARNING):
        server.start_server([bundle], str(tmp_path), tmp_path)
        assert not caplog.text
        server.start_server([bundle], str(tmp_path), tmp_path, host="0.0.0.0", conf={"preload": "true"})
    assert "there is no password and no encryption" in caplog.text
    assert words[-3:] == ["--conf", "preload", "true"]
    with pytest.raises(FileNotFoundError, match="Expected a folder of images or a DICOMweb URL"):
        server.start_server([bundle], str(tmp_path / "none"), tmp_path)


def test_studies_that_cannot_be_written_are_refused_before_the_start(tmp_path, monkeypatch):
    def read_only(**where):
        raise OSError(errno.EROFS, os.strerror(errno.EROFS))

    monkeypatch.setattr(server, "environment_python", lambda folder: folder)
    monkeypatch.setattr(server.tempfile, "TemporaryFile", read_only)
    with pytest.raises(PermissionError, match="can be written, since labels are saved in it, got .*Read-only file sys"):
        server.start_server([], str(tmp_path), tmp_path)


class Process:
    pid = 0

    def wait(self, seconds):
        return 0
