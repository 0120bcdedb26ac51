import errno
import os
import stat
import subprocess

import pytest
import torch

from ssgnet_monai.data.atomic_write import atomic_path, sha256_file, write_json
from ssgnet_monai.data.tensor_file import save_tensors


def test_a_failed_write_leaves_the_old_file_and_nothing_else(tmp_path):
    path = tmp_path / "folder" / "file.txt"
    with atomic_path(path) as temporary:
        temporary.write_text("old")

    def interrupted():
        with atomic_path(path) as temporary:
            temporary.write_text("half of the n")
            raise RuntimeError("killed")

    with pytest.raises(RuntimeError, match="killed"):
        interrupted()
    assert path.read_text() == "old"
    assert [p.name for p in path.parent.iterdir()] == ["file.txt"]


def test_files_get_ordinary_permissions(tmp_path):
    write_json(tmp_path / "x.json", {})
    umask = os.umask(0)
    os.umask(umask)
    assert stat.S_IMODE((tmp_path / "x.json").stat().st_mode) == 0o666 & ~umask


def test_json_refuses_what_json_cannot_hold(tmp_path):
    with pytest.raises(ValueError, match="JSON"):
        write_json(tmp_path / "x.json", {"loss": float("nan")})
    assert list(tmp_path.iterdir()) == []


def test_sha256_of_nothing_is_the_known_one(tmp_path):
    (tmp_path / "empty").touch()
    assert sha256_file(tmp_path / "empty") == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"


@pytest.fixture
def small_disk(tmp_path):
    """Mounts a file system in memory: ``small_disk("size=1m")``, where this user may."""
    mounted = []

    def mount(options):
        folder = tmp_path / "disk"
        folder.mkdir(exist_ok=True)
        done = subprocess.run(
            ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(folder)], capture_output=True, text=True, check=False
        )
        if done.returncode:
            pytest.skip(f"a file system for the test cannot be mounted here: {done.stderr.strip()}")
        mounted.append(folder)
        return folder

    yield mount
    for folder in reversed(mounted):
        subprocess.run(["umount", str(folder)], check=True)


def test_a_full_disk_keeps_the_old_file_and_says_so(small_disk):
    folder = small_disk("size=1m")
    save_tensors(folder / "x.pt", torch.zeros(10))
    with pytest.raises(OSError, match=r"write x.pt, got 'No space left on device' in .*disk \(.* MiB free\)") as error:
        save_tensors(folder / "x.pt", torch.zeros(1_000_000))
    assert error.value.errno == errno.ENOSPC
    assert len(torch.load(folder / "x.pt", weights_only=True)) == 10
    assert [path.name for path in folder.iterdir()] == ["x.pt"]


def test_a_folder_that_cannot_be_written_is_named(small_disk):
    folder = small_disk("size=1m")
    write_json(folder / "x.json", {"step": 1})
    subprocess.run(["mount", "-o", "remount,ro", str(folder)], check=True)
    for path in (folder / "x.json", folder / "new" / "x.json"):
        with pytest.raises(OSError, match=r"'Read-only file system' in .*disk.* Make space or the folder writable"):
            write_json(path, {"step": 2})
    assert (folder / "x.json").read_text() == '{\n  "step": 1\n}\n'


def test_a_full_disk_behind_the_error_of_a_library_is_found(tmp_path):
    def write():
        with atomic_path(tmp_path / "x.pt") as temporary:
            temporary.write_text("half")
            try:
                raise OSError(errno.ENOSPC, "No space left on device")
            except OSError:
                raise RuntimeError("unexpected pos 704 vs 598")  # noqa: B904

    with pytest.raises(OSError, match="No space left on device"):
        write()
    assert list(tmp_path.iterdir()) == []


def test_other_errors_pass_as_they_are(tmp_path):
    with pytest.raises(FileNotFoundError, match="other"), atomic_path(tmp_path / "x.pt"):
        raise FileNotFoundError("other")
