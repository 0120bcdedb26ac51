"""Fetching Inception's weights: kept only when whole, given up when the line is too slow."""

import io
import logging

from ssgnet_monai.metrics import inception


class Answer(io.BytesIO):
    """What urlopen returns: bytes and the length that the server promised."""

    def __init__(self, content: bytes, promised: int):
        super().__init__(content)
        self.headers = {"Content-Length": str(promised)}


def fetch(monkeypatch, folder, answer, **options):
    monkeypatch.setattr(inception.urllib.request, "urlopen", lambda *_, **__: answer)
    return inception.inception_features(folder=folder, fetch_timeout=5, **options)


def test_whole_weights_are_kept(monkeypatch, tmp_path):
    fetch(monkeypatch, tmp_path, Answer(b"all of it", 9))
    assert [path.name for path in tmp_path.iterdir()] == [inception.WEIGHTS]
    assert (tmp_path / inception.WEIGHTS).read_bytes() == b"all of it"


def test_weights_cut_short_are_not_kept(monkeypatch, tmp_path, caplog):
    with caplog.at_level(logging.WARNING):
        assert fetch(monkeypatch, tmp_path, Answer(b"half", 9)) is None
    assert "ended after 4 of 9 bytes" in caplog.text
    assert list(tmp_path.iterdir()) == []


def test_a_line_too_slow_is_given_up(monkeypatch, tmp_path, caplog):
    with caplog.at_level(logging.WARNING):
        assert fetch(monkeypatch, tmp_path, Answer(b"all of it", 9), fetch_seconds=-1.0) is None
    assert "was not complete after" in caplog.text
    assert list(tmp_path.iterdir()) == []


def test_fetching_can_be_turned_off(tmp_path, caplog):
    with caplog.at_level(logging.WARNING):
        assert inception.inception_features(folder=tmp_path, fetch_timeout=0) is None
    assert "is absent and fetching is turned off" in caplog.text
