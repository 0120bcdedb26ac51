import pytest
import torch

from ssgnet_monai.data.label_vote import overlap, vote


def answer(*foreground):
    """Probabilities of one image of two classes and as many pixels in a row."""
    p = torch.tensor(foreground).view(1, 1, 1, -1)
    return torch.cat([1 - p, p], 1)


def test_a_single_answer_is_the_outcome():
    outcome = vote([[answer(0.2, 0.9)]])
    assert torch.equal(outcome.probabilities, answer(0.2, 0.9))
    assert outcome.stability.tolist() == [1]
    assert not outcome.disagreed.any()


def test_views_are_averaged_and_their_overlap_with_the_mean_is_the_stability():
    """Means .6, .4, .9. The first view has pixels 1 to 3 (2 of 3 right), the second pixel 3 (1 of 2 right)."""
    outcome = vote([[answer(0.9, 0.6, 0.9), answer(0.3, 0.2, 0.9)]])
    torch.testing.assert_close(outcome.probabilities, answer(0.6, 0.4, 0.9))
    assert outcome.stability.tolist() == pytest.approx([(2 / 3 + 1 / 2) / 2])
    assert not outcome.disagreed.any()  # these are one network's


def test_networks_disagree_where_their_own_masks_differ():
    outcome = vote([[answer(0.9, 0.4)], [answer(0.7, 0.4)], [answer(0.4, 0.1)]])
    assert outcome.disagreed.flatten().tolist() == [True, False]
    torch.testing.assert_close(outcome.probabilities, answer(2.0 / 3, 0.3))


def test_every_network_weighs_the_same_however_many_views_it_has():
    outcome = vote([[answer(0.8), answer(0.8), answer(0.8)], [answer(0.2)]])
    torch.testing.assert_close(outcome.probabilities, answer(0.5))


def test_overlap_of_classes_by_hand():
    a = torch.tensor([[0, 1, 2, 2], [0, 0, 0, 0], [1, 1, 0, 0]]).view(3, 1, 4)
    b = torch.tensor([[0, 1, 1, 2], [0, 0, 0, 0], [0, 0, 1, 1]]).view(3, 1, 4)
    assert overlap(a, b).tolist() == pytest.approx([2 / 3, 1, 0])


def test_networks_are_asked_one_after_the_other():
    order = []

    def views(member):
        for view in range(2):
            order.append((member, view))
            yield answer(0.5)

    vote(views(member) for member in range(2))
    assert order == [(0, 0), (0, 1), (1, 0), (1, 1)]
