"""Settings of a classification experiment: how far generated images enlarge each class, and how many that takes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ssgnet_monai.data.grow import class_sizes, missing_images
from ssgnet_monai.pipeline.known_names import check_names

ORIGINAL = "original"
SETTINGS: dict[str, dict[str, Any]] = {
    ORIGINAL: {"target": 0, "extra": 0},
    "balanced": {"target": "balanced", "extra": 0},
    "extra_20": {"target": "balanced", "extra": 0.2},
    "extra_50": {"target": "balanced", "extra": 0.5},
}
"""Name -> options of ``ssgnet data grow``. Source: SSGNet (arXiv 2510.06123), Table 4."""


def all_settings(growth: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """The settings that rows may name: the shipped ones and those of an experiment's ``growth`` group.

    Args:
        growth: name -> ``{"target", "extra"}``, of which either may be left out.

    Raises:
        ValueError: a new meaning of ``original``, an unknown key, or a wrong target or share.
    """
    found = dict(SETTINGS)
    for name, options in growth.items():
        if name == ORIGINAL or not isinstance(options, Mapping):
            raise ValueError(
                f"Expected growth.NAME: {{target: balanced or a number, extra: a share}}, got {name}: {options!r} "
                f"({ORIGINAL!r} always means the real images)."
            )
        check_names(options, SETTINGS[ORIGINAL], f"growth.{name}")
        found[name] = {**SETTINGS["balanced"], **options}
        missing_images({"": 1}, **found[name])
    return found


def used_settings(experiment: Mapping[str, Any]) -> list[str]:
    """Settings that any row of the experiment uses, ``original`` aside, in the order of their first use."""
    rows = experiment["classification"].values()
    return [name for name in dict.fromkeys(name for row in rows for name in row["settings"]) if name != ORIGINAL]


def images_needed(experiment: Mapping[str, Any], datalist: Mapping[str, Any]) -> dict[str, int]:
    """Class -> generated images that the hungriest setting takes; empty where every row trains on real images alone."""
    sizes, settings = class_sizes(datalist["training"]), all_settings(experiment["growth"])
    needs = [missing_images(sizes, **settings[name]) for name in used_settings(experiment)]
    return {name: max(need[name] for need in needs) for name in sizes} if needs else {}
