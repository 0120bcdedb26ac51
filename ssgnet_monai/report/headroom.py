"""What a short look before a long run says: how far true masks on the pool would lift the score, and what to do."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ssgnet_monai.pipeline.layout import RunLayout, StageFolder
from ssgnet_monai.report.case_counts import case_groups, read_case_counts
from ssgnet_monai.report.comparisons import answers_of, compare, mean_interval
from ssgnet_monai.report.number_format import fixed, signed
from ssgnet_monai.report.run_files import read_json

SURE_SHARE = 0.5
"""Of the headroom: where pseudo-labels have to bring more than this to be seen, labels are the surer way."""
_OTHERS = {"oracle": "true masks on the pool", "image_blind": "one mask for all images (image-blind)"}
ADVICE = {
    "learn first": (
        "The network is not clearly better than one mask for all images ({blind}). Label more images, or give it "
        "larger ones, a longer training or a pretrained encoder. Unlabelled images come after that: a network that "
        "does not find the structure labels the pool wrongly."
    ),
    "unknown": (
        "Every mask is in use, so that none can stand on the pool. Set num_labeled below the number of images with "
        "masks to measure what unlabelled images could bring at most."
    ),
    "stop": (
        "True masks on the pool change the score by {headroom}, which this test cannot tell from nothing (it resolves "
        "{resolves}). Unlabelled images cannot be shown to help on this test: stop here, or take more test cases."
    ),
    "label more": (
        "True masks on the pool bring {headroom}, but pseudo-labels would have to bring {share} of that before this "
        "test shows it (it resolves {resolves}). Labelling more of these images is the surer way."
    ),
    "add unlabelled images": (
        "True masks on the pool bring {headroom}: pseudo-labels that bring {share} of that can be seen on this test "
        "(it resolves {resolves}). Unlabelled images are worth the run."
    ),
}


def advise(oracle: Mapping[str, Any] | None, blind: Mapping[str, Any] | None) -> tuple[str, str]:
    """What to do, by these rules in this order.

    1. The interval of network minus image-blind answer reaches zero: "learn first".
    2. No masks stand on the pool: "unknown".
    3. The headroom (true masks on the pool, minus labelled images alone) is below the detectable difference: "stop".
    4. The detectable difference is above half of the headroom: "label more".
    5. "add unlabelled images".

    Args:
        oracle: ``paired_bootstrap`` of the network minus that with true masks on the pool; None: there are none.
        blind: the same of the network minus the image-blind answer; None: there is none.

    Returns:
        A name of ``ADVICE`` and its sentences with the numbers.
    """
    if blind and blind["ci95"] and blind["ci95"][0] <= 0:
        return "learn first", ADVICE["learn first"].format(blind=_interval(blind))
    if not oracle or not oracle["ci95"]:
        return "unknown", ADVICE["unknown"]
    headroom, resolves = -oracle["difference"], oracle["detectable"]
    key = "add unlabelled images" if resolves <= SURE_SHARE * headroom else "label more"
    if headroom <= 0 or headroom < resolves:
        key = "stop"
    share = f"{resolves / headroom:.0%}" if headroom > 0 else ""
    said = ADVICE[key].format(headroom=_interval(oracle, -1), resolves=fixed(resolves), share=share)
    return key, said


def headroom_of(run: RunLayout, rows: Mapping[str, str | None]) -> list[dict[str, Any]]:
    """Read a short run.

    Args:
        run: its folder.
        rows: row of labelled images alone -> row with true masks on the pool; None where there are no such masks.

    Returns:
        ``[{"row", "n", "labelled", "dice" (of the labelled images alone), "oracle", "image_blind" (see ``compare``),
        "advice", "sentence"}]``.

    Raises:
        ValueError: a row has not been evaluated.
    """
    groups = case_groups(read_json(run.datalist) or {})
    found = []
    for name, oracle in rows.items():
        folders = run.rows("segmentation")
        metrics = [read_json(stage.metrics) or {} for stage in folders.get(name, [])]
        ours = _answers(folders.get(name, []), "model")
        if not ours:
            raise ValueError(f"Expected test scores of {name} in {run.root}, found none. Run the same command again.")
        others: dict[str, Any] = {
            "oracle": _answers(folders.get(oracle, []) if oracle else [], "model"),
            "image_blind": _answers(folders[name], "image_blind"),
        }
        compared = {entry["control"]: entry for entry in compare(ours, others, groups)}
        both = [compared[key]["per_case"] if key in compared else None for key in others]
        advice, sentence = advise(*both)
        mean = mean_interval(ours, groups)
        found.append(
            {
                "row": name,
                "labelled": metrics[0].get("n_training_masks"),
                "case": metrics[0].get("case", "picture"),
                "n": metrics[0].get("n"),
                "dice": mean and mean["difference"],
                **{key: compared.get(key) for key in others},
                "advice": advice,
                "sentence": sentence,
            }
        )
    return found


def headroom_text(rows: Sequence[Mapping[str, Any]], budget: float) -> str:
    """The figures and the advice as a person reads them in a terminal."""
    lines = []
    for row in rows:
        lines.append(f"{row['row']}: mean Dice over {row['n']} test {row['case']}s, one seed, budget {budget:g}")
        lines += [f"  {figure}" for figure in _figures(row)]
        lines.append(f"  {row['advice'].upper()}. {row['sentence']}")
    return "\n".join([*lines, _caution(budget)])


def headroom_answers(content: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The same for the report of the short run, in the form of ``row_answers``.

    Args:
        content: of ``headroom.json``: "budget", and "rows" as ``headroom_of`` gives them.
    """
    return [
        {
            "row": row["row"],
            "verdict": "better" if row["advice"] == "add unlabelled images" else "unclear",
            "headline": f"headroom: {row['advice']}",
            "sentences": [
                f"Mean Dice over {row['n']} test {row['case']}s, one seed: {'; '.join(_figures(row))}.",
                row["sentence"],
            ],
            "changes": [],
            "cautions": [_caution(content["budget"])],
        }
        for row in content["rows"]
    ]


def _figures(row: Mapping[str, Any]) -> list[str]:
    figures = [f"{row['labelled']} labelled images alone: {fixed(row['dice'])}"]
    for key, name in _OTHERS.items():
        if entry := row[key]:
            more = _interval(entry["per_case"], -1)
            figures.append(f"{name}: {fixed(entry['dice']['mean'])}, difference {more}")
    return figures


def _caution(budget: float) -> str:
    return (
        f"From a training of {budget:.0%} of the length and one seed: a headroom that is seen here is there, but one "
        "that is not may show in a longer training, which makes more of many masks. Repeat it with a larger --budget "
        "before you give a plan up."
    )


def _answers(stages: Sequence[StageFolder], model: str) -> Any:
    tables = {stage.seed: table for stage in stages if (table := read_case_counts(stage.per_case))}
    return answers_of(tables, dict.fromkeys(tables, model))


def _interval(found: Mapping[str, Any], sign: int = 1) -> str:
    low, high = sorted(sign * end for end in found["ci95"])
    return f"{signed(sign * found['difference'])} [95% CI {signed(low)} to {signed(high)}]"
