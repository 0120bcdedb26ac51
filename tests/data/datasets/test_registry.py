"""Options of datasets: every one is of a known kind, and another kind is refused before anything is read."""

import inspect

import pytest

from ssgnet_monai.data.datasets import adapters, prepare_dataset
from ssgnet_monai.data.datasets.registry import KINDS


def test_the_kind_of_every_option_is_known():
    for adapter in adapters().values():
        parameters = inspect.signature(adapter.read).parameters
        for option in adapter.read_options:
            assert set(parameters[option].annotation.split(" | ")) <= set(KINDS), (adapter.name, option)


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("brats2019", {"margin": "wide"}, "Expected float as margin of brats2019, got 'wide'"),
        ("brats2019", {"target": ["whole"]}, r"Expected str as target of brats2019, got \['whole'\]"),
        ("brats2019", {"lists": 5}, "Expected Lists or None as lists of brats2019, got 5"),
        ("cbis_ddsm", {"crop": "flase"}, "Expected bool as crop of cbis_ddsm, got 'flase'"),
        ("cbis_ddsm", {"max_side": True}, "Expected int as max_side of cbis_ddsm, got True"),
        ("breastmnist", {"pixels": [28]}, r"Expected int or None as pixels of breastmnist, got \[28\]"),
    ],
)
def test_an_option_of_another_kind_is_refused(tmp_path, name, options, message):
    with pytest.raises(ValueError, match=message):
        prepare_dataset(name, tmp_path, tmp_path.parent / "out", options)


def test_numbers_are_what_they_are(tmp_path):
    for margin in (0, 1, 2.5):
        with pytest.raises(FileNotFoundError, match="brats2019"):  # the folder is empty, the option fine
            prepare_dataset("brats2019", tmp_path, tmp_path.parent / "out", {"margin": margin, "lists": None})
