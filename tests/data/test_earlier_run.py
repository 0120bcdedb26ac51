import pytest

from ssgnet_monai.data.earlier_run import check_resume, set_aside


def test_what_is_there_is_moved_in_place_of_what_was_moved_before(tmp_path):
    set_aside(tmp_path / "nothing yet")
    (tmp_path / ".lock").touch()
    for content in ("first", "second"):
        (tmp_path / "model").mkdir()
        (tmp_path / "model" / "a").write_text(content)
        set_aside(tmp_path)
        set_aside(tmp_path)  # nothing is there now: what was moved stays
    assert (tmp_path / "earlier" / "model" / "a").read_text() == "second"
    assert sorted(path.name for path in tmp_path.iterdir()) == [".lock", "earlier"]


def test_some_are_moved_by_name(tmp_path):
    for name in "abc":
        (tmp_path / name).touch()
    set_aside(tmp_path, ["a", "c", "d"])
    assert sorted(path.name for path in tmp_path.iterdir()) == ["b", "earlier"]


def test_other_words_are_refused():
    assert check_resume("fresh") == "fresh"
    with pytest.raises(ValueError, match="resume 'auto', 'fresh' or 'never', got 'no'"):
        check_resume("no")
