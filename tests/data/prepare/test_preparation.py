"""The options of a preparation, by name and by what they are about."""

from dataclasses import fields

import pytest

from ssgnet_monai.data.prepare.preparation import OPTIONS, PARTS, Preparation, preparation_of


def test_options_come_to_the_part_that_they_are_about():
    preparation = preparation_of({"size": 64, "seed": 3, "form": "volumes", "mask_threshold": 9, "name": "a"})
    assert (preparation.pictures.size, preparation.split.seed, preparation.volumes.form) == (64, 3, "volumes")
    assert (preparation.masks.mask_threshold, preparation.description.name) == (9, "a")
    assert preparation_of({}) == Preparation()
    assert preparation_of({"workers": 2}).workers == 2


def test_every_option_has_one_place():
    names = [one.name for part in PARTS.values() for one in fields(part)]
    assert sorted([*names, "workers"]) == sorted(OPTIONS)
    assert OPTIONS["max_megapixels"] == "float"


def test_an_option_that_there_is_not_is_named():
    with pytest.raises(TypeError, match=r"Expected options \['clahe', .*got 'sizes'\. Did you mean 'size'"):
        preparation_of({"sizes": 3})
