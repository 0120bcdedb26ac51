import pytest

from ssgnet_monai import cli
from ssgnet_monai.bundle_tools.shipped_bundles import copy_bundle, shipped_bundles
from ssgnet_monai.shipped import BUNDLES

NAME = "ssgnet_segmentation"


def files(folder):
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_the_list_tells_what_each_bundle_is(capsys):
    assert NAME in [bundle.name for bundle in shipped_bundles()]
    assert cli.main(["bundle", "list"]) == 0
    shown = capsys.readouterr().out
    for bundle in shipped_bundles():
        assert f"{bundle.name} {bundle.version}\n  {bundle.task}\n  {bundle.description}\n  {bundle.path}\n" in shown


def test_a_copy_is_whole_and_says_what_comes_next(tmp_path, capsys):
    assert cli.main(["bundle", "copy", NAME, str(tmp_path / "new folder" / "mine")]) == 0
    copied, original = files(tmp_path / "new folder" / "mine"), files(BUNDLES / NAME)
    assert copied == {name: original[name] for name in original if name.split("/")[0] in ("LICENSE", "configs", "docs")}
    assert f"cd '{tmp_path / 'new folder' / 'mine'}' && python -m monai.bundle run" in capsys.readouterr().out
    assert [path.name for path in (tmp_path / "new folder").iterdir()] == ["mine"]


def test_nothing_is_overwritten(tmp_path):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "notes.txt").write_text("kept")
    with pytest.raises(FileExistsError, match="something is at .*mine already"):
        copy_bundle(NAME, tmp_path / "mine")
    assert files(tmp_path / "mine") == {"notes.txt": b"kept"}
    assert copy_bundle(NAME, tmp_path / "empty").is_dir()


def test_an_unknown_bundle_names_the_known_ones(tmp_path):
    with pytest.raises(ValueError, match=f"{NAME}.*got 'vmunet'"):
        copy_bundle("vmunet", tmp_path / "mine")
