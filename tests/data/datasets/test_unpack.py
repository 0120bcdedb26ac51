import io
import stat
import tarfile
import zipfile

import numpy as np
import pytest

from ssgnet_monai.data.datasets.unpack import archive_stem, unpack_archive

NOISE = np.random.default_rng(0).integers(0, 256, 5000, np.uint8).tobytes()


def write_zip(path, entries):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for entry, content in entries:
            archive.writestr(entry, content)


def write_tar(path, entries):
    with tarfile.open(path, f"w:{'gz' if path.suffix == '.gz' else ''}") as archive:
        for entry, content in entries:
            member = entry if isinstance(entry, tarfile.TarInfo) else tarfile.TarInfo(entry)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))


WRITERS = {"a.zip": write_zip, "a.tar": write_tar, "a.tar.gz": write_tar}


def zip_entry(kind):
    entry = zipfile.ZipInfo("images/odd")
    entry.external_attr = (kind | 0o777) << 16
    return entry


def tar_entry(kind):
    entry = tarfile.TarInfo("images/odd")
    entry.type, entry.linkname = kind, "../../outside"
    return entry


def left(folder):
    return sorted(path.name for path in folder.iterdir())


@pytest.mark.parametrize("name", WRITERS)
def test_files_and_folders_come_out_whole(tmp_path, name):
    (tmp_path / ".data.unpacking").mkdir()  # a run that was killed
    WRITERS[name](tmp_path / name, [("images/ü 1.png", NOISE), ("images/deep/2.png", b""), ("read me.txt", b"x")])
    folder = unpack_archive(tmp_path / name, tmp_path / "data")
    assert (folder / "images/ü 1.png").read_bytes() == NOISE
    assert sorted(path.name for path in folder.rglob("*") if path.is_file()) == ["2.png", "read me.txt", "ü 1.png"]
    assert left(tmp_path) == [name, "data"]
    with pytest.raises(FileExistsError, match="it is already there"):
        unpack_archive(tmp_path / name, folder)


@pytest.mark.parametrize("name", WRITERS)
@pytest.mark.parametrize("entry", ["../out.png", "a/../../out.png", "/out.png", "a\\..\\..\\out.png", "C:\\out.png"])
def test_entries_that_leave_the_folder(tmp_path, name, entry):
    (tmp_path / "in").mkdir()
    WRITERS[name](tmp_path / "in" / name, [("good.png", NOISE), (entry, NOISE)])
    with pytest.raises(ValueError, match=r"Expected entries below .* Nothing was unpacked"):
        unpack_archive(tmp_path / "in" / name, tmp_path / "in/data")
    assert left(tmp_path / "in") == [name]
    assert left(tmp_path) == ["in"]


@pytest.mark.parametrize(
    ("name", "entry"),
    [
        *(("a.zip", zip_entry(kind)) for kind in (stat.S_IFLNK, stat.S_IFCHR, stat.S_IFIFO)),
        *(("a.tar", tar_entry(kind)) for kind in (tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.FIFOTYPE)),
    ],
)
def test_links_and_devices(tmp_path, name, entry):
    content = b"../../outside" if name == "a.zip" else b""
    WRITERS[name](tmp_path / name, [("good.png", NOISE), (entry, content), ("images/odd/x.png", NOISE)])
    with pytest.raises(ValueError, match=r"got the link or device 'images/odd' .* Nothing was unpacked"):
        unpack_archive(tmp_path / name, tmp_path / "data")
    assert left(tmp_path) == [name]


@pytest.mark.parametrize("name", ["a.zip", "a.tar.gz"])
def test_bombs(tmp_path, name):
    WRITERS[name](tmp_path / name, [("good.png", NOISE[:10]), ("zeros.bin", bytes(3_000_000))])
    with pytest.raises(ValueError, match=r"100 times the bytes .* at 'zeros.bin'"):
        unpack_archive(tmp_path / name, tmp_path / "data")
    assert left(tmp_path) == [name]


def damaged(path):
    content = bytearray(path.read_bytes())
    content[200:260] = bytes(60)
    path.write_bytes(content)


def cut(path):
    path.write_bytes(path.read_bytes()[:2000])


def encrypted(path):
    content = path.read_bytes()
    at = content.index(b"PK\x01\x02") + 8
    path.write_bytes(content[:6] + b"\x01" + content[7:at] + b"\x01" + content[at + 1 :])


def page(path):
    path.write_bytes(b"<html>log in first</html>")


@pytest.mark.parametrize(
    ("name", "harm"),
    [("a.zip", damaged), ("a.zip", cut), ("a.zip", encrypted), ("a.zip", page), ("a.tar.gz", cut), ("a.tar", page)],
)
def test_damaged_archives(tmp_path, name, harm):
    WRITERS[name](tmp_path / name, [("images/1.png", NOISE)])
    harm(tmp_path / name)
    with pytest.raises(ValueError, match=f"(?s)Expected a whole archive .*{name}.*download it again"):
        unpack_archive(tmp_path / name, tmp_path / "data")
    assert left(tmp_path) == [name]


def test_one_name_twice_and_a_file_in_a_folders_place(tmp_path):
    for entries in ([("a", b"1"), ("a", b"2")], [("a", b"1"), ("a/b", b"2")]):
        write_tar(tmp_path / "a.tar", entries)
        with pytest.raises(ValueError, match="names differ|File exists|Not a directory"):
            unpack_archive(tmp_path / "a.tar", tmp_path / "data")
        assert left(tmp_path) == ["a.tar"]


@pytest.mark.parametrize(
    "names", [("A.png", "a.png"), ("é.png", "e\u0301.png"), ("ﬁ.png", "fi.png"), ("a\x1b[2J.png",)]
)
def test_names_that_other_systems_or_eyes_take_for_one(tmp_path, names):
    write_tar(tmp_path / "a.tar", [(name, b"1") for name in names])
    with pytest.raises(ValueError, match="names differ|control characters"):
        unpack_archive(tmp_path / "a.tar", tmp_path / "data")
    assert left(tmp_path) == ["a.tar"]


def test_names_of_archives():
    assert archive_stem("Kvasir-SEG.ZIP") == "Kvasir-SEG"
    assert archive_stem("x.tar.gz") == "x"
    assert archive_stem("breastmnist_64.npz") is None
