import hashlib
import io
import zipfile

import pytest

from ssgnet_monai.data.datasets.adapter import Adapter, RemoteFile
from ssgnet_monai.data.datasets.fetch import fetch_dataset
from tests.file_server import serving


def zipped(**files):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return buffer.getvalue()


def adapter(*files):
    return Adapter("toy", ("segmentation",), "MR", "3 images", "CC0", "https://toy.org", lambda s, t: [], files=files)


def test_archives_are_unpacked_and_optional_files_wait_to_be_named(tmp_path):
    content = zipped(**{"toy/1.png": b"pixels"})
    with serving(content) as server:
        known = {"url": server.url, "sha256": hashlib.sha256(content).hexdigest()}
        toy = adapter(RemoteFile(name="toy.zip", **known), RemoteFile(name="more.npz", **known, optional=True))
        for _ in range(2):
            fetch_dataset(toy, tmp_path / "out", schemes=("http",))
        assert len(server.asked) == 1
        assert (tmp_path / "out/toy/toy/1.png").read_bytes() == b"pixels"
        assert not (tmp_path / "out/toy.zip").exists()
        fetch_dataset(toy, tmp_path / "out", ["more.npz"], schemes=("http",))
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [".lock", "more.npz", "toy"]


def test_a_harmful_archive_leaves_nothing_unpacked(tmp_path):
    content = zipped(**{"../toy.png": b"pixels"})
    with serving(content) as server:
        toy = adapter(RemoteFile(server.url, "toy.zip", size=len(content)))
        with pytest.raises(ValueError, match="got '../toy.png'"):
            fetch_dataset(toy, tmp_path / "out", schemes=("http",))
    assert sorted(path.name for path in tmp_path.rglob("*")) == [".lock", "out", "toy.zip"]
