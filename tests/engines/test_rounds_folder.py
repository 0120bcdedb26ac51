"""What an earlier run left in the folder of the rounds."""

from pathlib import Path

import pytest

from ssgnet_monai.engines.rounds_folder import begin_rounds

EARLIER = {"rounds.json", "pseudo_labels/round_00/mask.png", "models/round_00.pt", "state/baseline/checkpoint_1.pt"}


def files(folder):
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file() and path.name != ".lock"}


@pytest.mark.parametrize("moves", range(6))
def test_a_fresh_start_killed_between_any_two_moves_loses_nothing(moves, tmp_path, monkeypatch):
    for name in EARLIER:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    done = []

    def rename(self, target, whole=Path.rename):
        if len(done) == moves:
            raise KeyboardInterrupt
        done.append(whole(self, target))

    with monkeypatch.context() as patch:
        patch.setattr(Path, "rename", rename)
        with pytest.raises(KeyboardInterrupt):
            begin_rounds(tmp_path, "fresh")
    assert {Path(name).name for name in files(tmp_path)} == {Path(name).name for name in EARLIER}
    begin_rounds(tmp_path, "fresh")
    kept = {"earlier/" + name for name in EARLIER if not name.startswith("state")}
    assert files(tmp_path) == kept | {"state/earlier/baseline/checkpoint_1.pt"}


def test_a_fresh_start_that_was_killed_is_finished_whatever_the_next_one_says(tmp_path):
    (tmp_path / ".earlier").mkdir()
    (tmp_path / ".earlier" / "rounds.json").touch()
    (tmp_path / "models").mkdir()
    begin_rounds(tmp_path, "auto")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["earlier", "state"]
    assert sorted(path.name for path in (tmp_path / "earlier").iterdir()) == ["models", "rounds.json"]
