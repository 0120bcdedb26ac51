import pytest

from ssgnet_monai.label_app.score_file import BY_FLIPS, BY_ROUNDS, ScoreFile


@pytest.fixture
def model(tmp_path):
    path = tmp_path / "models" / "model.pt"
    path.parent.mkdir()
    path.write_bytes(b"one")
    return path


def test_scores_belong_to_one_model_and_one_folder_of_studies(tmp_path, model):
    scores = ScoreFile(tmp_path, "studies")
    assert scores.read() == (BY_FLIPS, {})
    scores.write(BY_ROUNDS, {"a": 0.5}, scores.model())
    assert ScoreFile(tmp_path, "studies").read() == (BY_ROUNDS, {"a": 0.5})
    assert ScoreFile(tmp_path, "other").read() == (BY_FLIPS, {})
    model.write_bytes(b"two")
    assert scores.read() == (BY_FLIPS, {})


def test_scores_of_a_model_that_was_replaced_meanwhile_are_dropped(tmp_path, model):
    scores = ScoreFile(tmp_path, "studies")
    before = scores.model()
    model.write_bytes(b"two")
    scores.write(BY_FLIPS, {"b": 1.0}, scores.model())
    scores.write(BY_FLIPS, {"a": 0.5}, before)
    assert scores.read() == (BY_FLIPS, {"b": 1.0})
