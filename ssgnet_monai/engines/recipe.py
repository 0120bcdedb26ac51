"""Settings that go together under a name."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def chosen_recipe(recipes: Mapping[str, Mapping[str, Any]], name: str) -> Mapping[str, Any]:
    """The settings of one recipe.

    Args:
        recipes: name -> settings.
        name: the chosen one.

    Raises:
        ValueError: there is none of that name.
    """
    if name not in recipes:
        raise ValueError(f"Expected recipe to be one of {list(recipes)}, got {name!r}.")
    return recipes[name]
