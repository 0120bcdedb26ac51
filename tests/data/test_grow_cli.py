"""The words of `ssgnet data grow` reach the function."""

import pytest

from ssgnet_monai import cli
from ssgnet_monai.data import grow


def test_words_become_arguments(monkeypatch):
    told = []
    monkeypatch.setattr(grow, "grow_datalist", lambda *words, **options: told.append((words, options)))
    words = ["data", "grow", "--datalist", "d", "--synthetic", "a.json", "b.json", "--out", "o"]
    assert cli.main(words) == 0
    assert cli.main([*words, "--target", "300", "--extra", "0.2", "--seed", "4"]) == 0
    assert told == [
        (("d", ["a.json", "b.json"], "o"), {"target": "balanced", "extra": 0.0, "seed": 0}),
        (("d", ["a.json", "b.json"], "o"), {"target": 300, "extra": 0.2, "seed": 4}),
    ]


def test_a_wrong_target_is_one_line(tmp_path, capsys: pytest.CaptureFixture[str]):
    (tmp_path / "datalist.json").write_text('{"training": []}')
    words = ["data", "grow", "--datalist", str(tmp_path), "--synthetic", "s.json", "--out", str(tmp_path / "o")]
    assert cli.main([*words, "--target", "most"]) == 2
    assert "error: Expected target 'balanced' or a number" in capsys.readouterr().err
