from pathlib import Path

import pytest

from ssgnet_monai.data import earlier_run
from ssgnet_monai.data.earlier_run import check_resume, half_set_aside, set_aside


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


@pytest.mark.parametrize("moves", range(5))
def test_a_kill_between_any_two_moves_loses_nothing(moves, tmp_path, monkeypatch):
    (tmp_path / "earlier").mkdir()
    (tmp_path / "earlier" / "of the run before").touch()
    for name in ("best.pt", "checkpoint_1.pt", "checkpoint_2.pt"):
        (tmp_path / name).write_text(name)

    def killed(*_, **__):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        done = []

        def rename(self, target, whole=Path.rename):
            if len(done) == moves:
                killed()
            done.append(whole(self, target))

        patch.setattr(Path, "rename", rename)
        if moves == 4:  # everything is moved, and what lay there before is being removed
            patch.setattr(Path, "rename", Path.rename)
            patch.setattr(earlier_run.shutil, "rmtree", killed)
        with pytest.raises(KeyboardInterrupt):
            set_aside(tmp_path)
    assert half_set_aside(tmp_path)
    everywhere = {path.name for path in tmp_path.rglob("*.pt")}
    assert everywhere == {"best.pt", "checkpoint_1.pt", "checkpoint_2.pt"}
    set_aside(tmp_path)
    assert not half_set_aside(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["earlier"]
    assert {path.name for path in (tmp_path / "earlier").iterdir()} == everywhere
