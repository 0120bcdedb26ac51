"""Tables of probabilities: nothing is lost on the way through a file, and another run's table is not taken unseen."""

import pytest
import torch

from ssgnet_monai.engines.class_probabilities import read_scored_images, write_scored_images

PROBABILITIES = torch.tensor([[0.5, 0.5], [1 / 3, 2 / 3], [0.9, 0.1]])


@pytest.fixture
def table(tmp_path):
    path = tmp_path / "per_image.csv"
    labels = torch.tensor([0, 0, 1])
    write_scored_images(path, ["data/a.png", "data/b.png", "data/c.png"], labels, PROBABILITIES, ["ill", "well"])
    return path


def test_rows_say_what_was_true_and_what_was_found(table):
    lines = table.read_text().splitlines()
    assert lines[0] == "image,true,predicted,p_ill,p_well"
    assert lines[1] == "a.png,ill,ill,0.5,0.5"  # not above 0.5
    assert lines[2].startswith("b.png,ill,well,0.33333")


def test_probabilities_come_back_bit_for_bit(table):
    assert torch.equal(read_scored_images(table, table).float(), PROBABILITIES)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda text: text.rpartition("c.png")[0], "the same 3 images in reference .*other.csv, got 2"),
        (lambda text: text.replace("b.png", "x.png"), "image b.png of class ill in line 3 of .*got x.png of class ill"),
        (lambda text: text.replace("c.png,well", "c.png,ill"), "class well in line 4 of reference"),
        (lambda text: text.replace("p_", "q_"), "Compare the same classes"),
        (lambda text: text.replace("ill,0.5", "ill,half"), "probabilities in every row of reference .*half"),
    ],
)
def test_a_table_of_other_images_is_refused(table, tmp_path, change, message):
    other = tmp_path / "other.csv"
    other.write_text(change(table.read_text()))
    with pytest.raises(ValueError, match=message):
        read_scored_images(other, table)


def test_an_absent_table_is_named(table):
    with pytest.raises(FileNotFoundError, match="per_image.csv at reference absent.csv, found none"):
        read_scored_images("absent.csv", table)
