"""kappa follows validation: parity of the formula, the wiring, what is saved, what is refused."""

import pytest
import torch
from ignite.engine import Engine, Events

from ssgnet_monai.handlers import AdaptiveKappaHandler, TrainingSession
from ssgnet_monai.losses import AdaptiveTvMFDiceLoss, adapted_kappa
from ssgnet_monai.metrics import confusion_counts


def test_parity(parity):
    for case in parity("tvmf_dsc.pt")["cases"]:
        counts = confusion_counts(case["output"].argmax(1, keepdim=True), case["target"][:, None], case["n_classes"])
        torch.testing.assert_close(adapted_kappa(counts, 1.0).float(), case["dsc"], atol=1e-6, rtol=1e-5)
        torch.testing.assert_close(adapted_kappa(counts).float(), case["kappa_next_lambda32"], atol=1e-5, rtol=1e-5)


def validator_with(counts):
    engine = Engine(lambda *_: None)
    engine.state.key_metric_name = "val_dice"
    engine.add_event_handler(Events.EPOCH_COMPLETED, lambda e: setattr(e.state, "metric_details", {"val_dice": counts}))
    return engine


@pytest.fixture
def handler(tmp_path):
    def build(counts, **settings):
        session = TrainingSession({}, tmp_path / "state", tmp_path / "model.pt")
        return AdaptiveKappaHandler(session, AdaptiveTvMFDiceLoss(2), validator_with(counts), **settings), session

    return build


def test_kappa_is_set_when_validation_ends_and_saved_with_the_session(handler):
    # Foreground: 6 of 8 pixels found, 2 false: Dice 12 / 16. Background: 40 right, the same 4 wrong: 80 / 84.
    counts = torch.tensor([[[40.0, 6, 2, 2], [6.0, 40, 2, 2]]])
    adaptive, session = handler(counts)
    trainer = Engine(lambda *_: None)
    for _ in range(2):  # as a new trainer each round does
        adaptive.attach(trainer)
    assert sum(item[0] is adaptive for item in adaptive.validator._event_handlers[Events.COMPLETED]) == 1
    before = session.state_dict()
    assert before["objects"]["loss"]["kappa"].tolist() == [0, 0]
    adaptive.validator.run([None], epoch_length=1)
    assert adaptive.loss.kappa.tolist() == pytest.approx([32 * 80 / 84, 32 * 12 / 16])
    saved = session.state_dict()
    other, its_session = handler(counts)
    its_session.load_state_dict(saved)
    assert torch.equal(other.loss.kappa, adaptive.loss.kappa)


def test_a_lambda_that_is_not_above_nought(handler):
    with pytest.raises(ValueError, match="lambda_ above 0, got 0"):
        handler(None, lambda_=0)


def test_an_absent_class_has_none():
    counts = torch.tensor([[[600.0, 0, 0, 0], [0.0, 600, 0, 0]]])
    assert adapted_kappa(counts).tolist() == [32, 0]
    assert adapted_kappa(counts, 2.0).tolist() == [2, 0]
