import pytest

from ssgnet_monai.engines import chosen_recipe


def test_an_unknown_recipe_is_told_with_the_known_ones():
    recipes = {"scratch": {"freeze": None}, "paper": {"freeze": 2}}
    assert chosen_recipe(recipes, "paper") == {"freeze": 2}
    with pytest.raises(ValueError, match=r"one of \['scratch', 'paper'\], got 'papr'"):
        chosen_recipe(recipes, "papr")
