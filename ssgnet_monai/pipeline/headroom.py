"""A short look before a long run: the labelled images alone, and with true masks on the pool, at a small budget."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import yaml

from ssgnet_monai.data.atomic_write import atomic_path, write_json
from ssgnet_monai.data.names import folder_name
from ssgnet_monai.pipeline.experiment import load_experiment
from ssgnet_monai.pipeline.layout import RunLayout
from ssgnet_monai.pipeline.methods import METHODS, OF_CONTROLS
from ssgnet_monai.pipeline.run import run_experiment
from ssgnet_monai.pipeline.settings import BUNDLE_OF, VOLUMES, bundle_ids, root_id
from ssgnet_monai.report import write_report
from ssgnet_monai.report.headroom import headroom_of, headroom_text

logger = logging.getLogger(__name__)

ALONE, ORACLE = "equal_total_steps", "oracle"
"""Methods of the two trainings of a row; the steps of the first are left at those of one training."""


def run_headroom(
    path: str | Path,
    overrides: Iterable[str] = (),
    budget: float = 0.1,
    cores: int | None = None,
    trust_code: bool = False,
) -> str | None:
    """Train, test and say what is worth doing; after a kill the same call goes on.

    The run lies beside the experiment's own, in ``OUTPUT_DIR_headroom``: its experiment file ``headroom.yaml``, its
    report and ``headroom.json``.

    Args:
        path: the experiment file.
        overrides: ``key=value`` words.
        budget: share of the training, in (0, 1].
        cores: CPU cores to use; None: all that this process may use.
        trust_code: whether the experiment may name code that `ssgnet verify` does not know.

    Returns:
        Figures and advice; None where a stage failed (its log has been shown).

    Raises:
        ValueError: a wrong setting, or an experiment without rows of segmentation.
    """
    experiment = load_experiment(path, overrides, trust_code)
    short = headroom_experiment(experiment, budget)
    folder = Path(short["output_dir"]).expanduser().absolute()
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / "headroom.yaml"
    with atomic_path(file) as temporary:
        temporary.write_text(yaml.safe_dump(short, sort_keys=False), encoding="utf-8")
    if run_experiment(file, cores=cores, trust_code=trust_code):
        return None
    pairs = {
        folder_name(name): folder_name(other) if (other := f"{name}-{ORACLE}") in short["segmentation"] else None
        for name, row in short["segmentation"].items()
        if row["method"] == ALONE
    }
    found = headroom_of(RunLayout(folder), pairs)
    write_json(RunLayout(folder).headroom, {"budget": budget, "rows": found})
    write_report(folder)  # which was written before anybody knew the headroom
    return headroom_text(found, budget)


def headroom_experiment(experiment: dict[str, Any], budget: float) -> dict[str, Any]:
    """The experiment of the short look: one seed, no generators and classifiers, two trainings a row.

    Rows that differ only in what a short look does not do (their method, their rounds) are looked at once. A row that
    hides no masks, without ``num_labeled`` and ``labeled_list``, has no training with true masks on the pool.

    Args:
        experiment: the resolved experiment.
        budget: of the short look.

    Raises:
        ValueError: there are no rows of segmentation.
    """
    rows: dict[str, dict[str, Any]] = {}
    bundle = BUNDLE_OF["segmentation"]
    read = bundle_ids(bundle, ("train", VOLUMES, *METHODS[ALONE].overlays))
    for name, row in experiment["segmentation"].items():
        theirs = bundle_ids(bundle, METHODS[row["method"]].overlays)
        unread = METHODS["rounds"].controls[ALONE].unread | (theirs - read)
        config = {key: value for key, value in row["config"].items() if root_id(key) not in unread}
        alone = {**row, "method": ALONE, "config": config, "controls": []}
        if row["method"] in OF_CONTROLS or alone in rows.values():
            continue
        rows[name] = alone
        if row["num_labeled"] is not None or row["labeled_list"] is not None:
            rows[f"{name}-{ORACLE}"] = {**alone, "method": ORACLE}
        else:
            logger.warning("segmentation.%s uses every mask, so that none is left to stand on the pool.", name)
    if not rows:
        raise ValueError(
            "Expected rows of segmentation in the experiment, got none: headroom is what unlabelled images can bring "
            "to a segmenter. Add a row."
        )
    return {
        **experiment,
        "name": f"{experiment['name']}_headroom",
        "output_dir": f"{experiment['output_dir'].rstrip('/')}_headroom",
        "budget": budget,
        "seeds": experiment["seeds"][:1],
        "controls": [],
        "synthesis": None,
        "segmentation": rows,
        "classification": {},
        "growth": {},
    }
