import hashlib
import socket

import pytest

from ssgnet_monai.data.datasets.adapter import RemoteFile
from ssgnet_monai.data.datasets.download import ATTEMPTS, download_file
from tests.file_server import serving

CONTENT = bytes(range(256)) * 40
HTTP = ("http",)


def remote(server, **known):
    known = known or {"sha256": hashlib.sha256(CONTENT).hexdigest(), "size": len(CONTENT)}
    return RemoteFile(server.url, "images.bin", **known)


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_a_file_arrives_and_is_not_fetched_twice(tmp_path):
    with serving(CONTENT) as server:
        file = remote(server)
        assert download_file(file, tmp_path / "new", schemes=HTTP).read_bytes() == CONTENT
        download_file(file, tmp_path / "new", schemes=HTTP)
    assert server.asked == [None]
    assert names(tmp_path / "new") == ["images.bin"]


def test_cuts_are_taken_up_where_they_broke(tmp_path):
    with serving(CONTENT, cut=[1000, 3000]) as server:
        path = download_file(remote(server), tmp_path, schemes=HTTP)
    assert server.asked == [None, "bytes=1000-", "bytes=4000-"]
    assert path.read_bytes() == CONTENT
    assert names(tmp_path) == ["images.bin"]


def test_the_next_command_goes_on(tmp_path):
    with serving(CONTENT, cut=[100] * ATTEMPTS) as server:
        with pytest.raises(ConnectionError, match=f"cut {ATTEMPTS} times. {100 * ATTEMPTS} bytes are kept"):
            download_file(remote(server), tmp_path, schemes=HTTP)
        assert not (tmp_path / "images.bin").exists()
        assert (tmp_path / "images.bin.part").read_bytes() == CONTENT[: 100 * ATTEMPTS]
        assert download_file(remote(server), tmp_path, schemes=HTTP).read_bytes() == CONTENT
    assert server.asked[-1] == f"bytes={100 * ATTEMPTS}-"


@pytest.mark.parametrize("faults", [{"ranges": False}, {"tag": None}, {"tag": 'W/"1"'}])
def test_servers_that_cannot_go_on_begin_anew(tmp_path, faults):
    with serving(CONTENT, cut=[1000], **faults) as server:
        assert download_file(remote(server), tmp_path, schemes=HTTP).read_bytes() == CONTENT
    assert len(server.asked) == 2


def test_a_file_that_changed_between_two_commands_begins_anew(tmp_path):
    with serving(b"old" * 4000, cut=[100] * ATTEMPTS, tag='"old"') as server, pytest.raises(ConnectionError):
        download_file(remote(server, md5="0"), tmp_path, schemes=HTTP)
    with serving(CONTENT, tag='"new"') as server:
        assert download_file(remote(server), tmp_path, schemes=HTTP).read_bytes() == CONTENT
    assert server.asked == [f"bytes={100 * ATTEMPTS}-"]


def test_a_part_that_is_whole_already_is_only_checked(tmp_path):
    (tmp_path / "images.bin.part").write_bytes(CONTENT)
    (tmp_path / "images.bin.part.tag").write_text('"1"')
    with serving(CONTENT) as server:
        assert download_file(remote(server), tmp_path, schemes=HTTP).read_bytes() == CONTENT
    assert server.asked == []


def test_a_part_longer_than_the_file_begins_anew(tmp_path):
    (tmp_path / "images.bin.part").write_bytes(CONTENT + b"more")
    (tmp_path / "images.bin.part.tag").write_text('"1"')
    with serving(CONTENT) as server:
        assert download_file(remote(server), tmp_path, schemes=HTTP).read_bytes() == CONTENT


@pytest.mark.parametrize("known", [{"sha256": "0" * 64}, {"md5": "0" * 32}])
def test_a_wrong_hash_removes_the_file(tmp_path, known):
    kind = next(iter(known))
    with (
        serving(CONTENT) as server,
        pytest.raises(ValueError, match=f"Expected images.bin with {kind} 0+, got .* It was removed"),
    ):
        download_file(remote(server, **known), tmp_path, schemes=HTTP)
    assert names(tmp_path) == []


def test_another_size_is_told_before_anything_is_fetched(tmp_path):
    with serving(CONTENT) as server, pytest.raises(ValueError, match=f"of 7 bytes, .* offers {len(CONTENT)}"):
        download_file(remote(server, size=7), tmp_path, schemes=HTTP)
    assert names(tmp_path) == []


def test_a_file_of_the_users_that_differs_stays(tmp_path):
    (tmp_path / "images.bin").write_bytes(b"mine")
    with pytest.raises(ValueError, match=r"of 7 bytes, got 4 .* remove it to download it again"):
        download_file(RemoteFile("https://localhost/file", "images.bin", size=7), tmp_path)
    assert (tmp_path / "images.bin").read_bytes() == b"mine"


def test_https_only(tmp_path):
    with (
        serving(CONTENT) as server,
        pytest.raises(ValueError, match="Expected an address of https, was sent to 'http:"),
    ):
        download_file(remote(server), tmp_path)
    assert server.asked == []


def test_a_redirect_to_another_scheme_is_refused(tmp_path):
    with serving(CONTENT) as other, serving(b"", location=other.url) as server:
        assert download_file(remote(server), tmp_path / "a", schemes=HTTP).read_bytes() == CONTENT
    for address in ("https://localhost/x", "ftp://localhost/x"):
        with (
            serving(b"", location=address) as server,
            pytest.raises(ValueError, match=f"was sent to '{address}'. Nothing was fetched"),
        ):
            download_file(remote(server), tmp_path / "b", schemes=HTTP)
    with serving(b"", location="file:///etc/hostname") as server, pytest.raises(ConnectionError, match="not allowed"):
        download_file(remote(server), tmp_path / "b", schemes=HTTP)
    assert names(tmp_path / "b") == []


def test_no_network_and_refusals(tmp_path):
    with serving(CONTENT, status=404) as server, pytest.raises(ConnectionError, match="got 404 Not Found"):
        download_file(remote(server), tmp_path, schemes=HTTP)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))  # bound, not listening: nobody answers
        file = RemoteFile(f"https://127.0.0.1:{free.getsockname()[1]}/file", "images.bin", size=1)
        with pytest.raises(ConnectionError, match=r"Expected an answer of 127.0.0.1, got .* Check the network"):
            download_file(file, tmp_path)
    assert names(tmp_path) == []


def test_a_server_that_falls_silent(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as silent:
        file = RemoteFile(f"http://127.0.0.1:{silent.getsockname()[1]}/file", "images.bin", size=1)
        with pytest.raises(ConnectionError, match="timed out"):
            download_file(file, tmp_path, schemes=HTTP, timeout=0.05)


def test_a_full_disk_is_told(tmp_path):
    (tmp_path / "images.bin.part").symlink_to("/dev/full")
    with (
        serving(CONTENT) as server,
        pytest.raises(OSError, match=r"Expected to write .*images.bin.part, got 'No space"),
    ):
        download_file(remote(server), tmp_path, schemes=HTTP)
