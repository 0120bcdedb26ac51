"""What synthetic images did to a classifier, in plain words made from the numbers alone."""

from __future__ import annotations

from typing import Any

from ssgnet_monai.report.classification_row import ORIGINAL
from ssgnet_monai.report.comparisons import verdict
from ssgnet_monai.report.number_format import count, fixed, signed
from ssgnet_monai.report.table import said


def verdict_of(difference: dict[str, Any] | None) -> str | None:
    """What the interval of a difference shows, see ``verdict``; ``None`` without one."""
    return verdict({"ci95": difference["interval"]}) if difference and difference["interval"] else None


def classification_answers(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """One paragraph a classification row.

    Args:
        rows: the entries of ``classification_row``.

    Returns:
        ``[{"row", "verdict", "headline", "sentences", "changes", "cautions"}]``; ``verdict`` is ``better``, ``worse``,
        ``unclear`` or ``not run``. ``changes`` has one entry a setting, ``cautions`` limit what they say.
    """
    return [_answer(row) for row in rows]


def _answer(row: dict[str, Any]) -> dict[str, Any]:
    scored = [setting for setting in row["settings"] if setting["macro_f1"]]
    answer = {"row": row["row"], "verdict": "not run", "headline": "not run", "changes": [], "cautions": []}
    if not scored:
        return {**answer, "sentences": ["Not yet evaluated on test."]}
    sentences = [_original_sentence(row, setting) for setting in scored if setting["setting"] == ORIGINAL]
    sentences += _majority_sentences(row, scored)
    compared = [setting for setting in scored if setting["difference"] and setting["difference"]["macro_f1"]]
    colour, headline = _verdict(compared)
    return {
        **answer,
        "verdict": colour,
        "headline": headline,
        "sentences": sentences,
        "changes": [_change(setting) for setting in compared],
        "cautions": _cautions(row, compared),
    }


def _verdict(compared: list[dict[str, Any]]) -> tuple[str, str]:
    if not compared:
        return "unclear", "nothing to compare yet"
    if any(len(setting["difference"]["macro_f1"]["values"]) == 1 for setting in compared):
        return "unclear", "one seed is no evidence"
    found = [verdict_of(setting["difference"]["macro_f1"]) for setting in compared]
    said_of = [f"{word} in {found.count(word)} of {len(found)} settings" for word in ("gain", "loss") if word in found]
    colour = "unclear" if len(said_of) != 1 else "better" if "gain" in found else "worse"
    return colour, " and ".join(said_of) or "no difference seen"


def _cautions(row: dict[str, Any], compared: list[dict[str, Any]]) -> list[str]:
    cautions = []
    if row["unfinished"]:
        cautions.append(f"Unfinished trainings, not counted here: {row['unfinished']}.")
    if isinstance(row["steps"], list):
        cautions.append(f"Steps of training differ ({said(row['steps'])}): differences are not due to images alone.")
    differences = [setting["difference"]["macro_f1"] for setting in compared]
    if any(len(difference["values"]) == 1 for difference in differences):
        cautions.append("One seed is no evidence: another training may turn the sign. Run three or more.")
    elif len(compared) > 1 and any(verdict_of(difference) in ("gain", "loss") for difference in differences):
        cautions.append(f"With {len(compared)} settings compared, one may stand out by chance alone.")
    return cautions


def _original_sentence(row: dict[str, Any], original: dict[str, Any]) -> str:
    real = original["train_counts"]["real"]["all"]
    given = f"the {count(real)} real training images" if isinstance(real, int) else "the real training images"
    seeds = len(original["seeds"])
    how = "one seed" if seeds == 1 else f"mean ± sd of {seeds} seeds"
    others = f"accuracy {_mean_sd(original['accuracy'])}, ROC-AUC {_mean_sd(original['roc_auc'])}"
    return (
        f"With {given} alone the classifier reached macro-F1 {_mean_sd(original['macro_f1'])} ({others}; {how}) "
        f"on {said(row['n'])} test images."
    )


def _majority_sentences(row: dict[str, Any], scored: list[dict[str, Any]]) -> list[str]:
    majority = row["majority_class"]["macro_f1"]
    if not isinstance(majority, float):
        return []
    sentences = [f"Always answering the most frequent class scores macro-F1 {fixed(majority)}."]
    if max(setting["macro_f1"]["mean"] for setting in scored) <= majority:
        sentences.append("The trained network does not beat that.")
    return sentences


def _change(setting: dict[str, Any]) -> str:
    found, added = setting["difference"]["macro_f1"], setting["train_counts"]["synthetic"]["all"]
    images = f"{count(added)} synthetic image{'s' * (added != 1)}" if isinstance(added, int) else "synthetic images"
    size = f"{images} changed macro-F1 by {signed(found['mean'])}"
    if not found["interval"]:
        return f"{setting['name']}: {size}; without a confidence interval this shows nothing yet."
    low, high = found["interval"]
    said_of = verdict_of(found)
    if said_of == "no difference":
        said_of += f" that this test could see (it resolves {fixed(found['detectable'])})"
    alone = "; the interval holds the chance of the test images alone" if len(found["values"]) == 1 else ""
    return f"{setting['name']}: {said_of}, {size} [95% CI {signed(low)} to {signed(high)}]{alone}."


def _mean_sd(stat: dict[str, Any] | None) -> str:
    if not stat:
        return fixed(None)
    return fixed(stat["mean"]) if stat["sd"] is None else f"{fixed(stat['mean'])} ± {fixed(stat['sd'])}"
