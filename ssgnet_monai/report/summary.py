"""The answer in plain words, made from the numbers and from nothing else; it says so when the method loses."""

from __future__ import annotations

from typing import Any

from ssgnet_monai.report.number_format import MISSING, fixed, signed, significant
from ssgnet_monai.report.segmentation_row import headline_dice
from ssgnet_monai.report.table import said

_WORDS = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
_HEADLINES = {
    "better": "pseudo-labels ahead",
    "worse": "pseudo-labels behind",
    "unclear": "no clear difference",
    "not run": "not run",
}


def row_answers(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """One paragraph a segmentation row.

    Args:
        rows: the entries of ``segmentation_row``.

    Returns:
        ``[{"row", "verdict", "headline", "sentences", "changes", "cautions"}]``, the last two empty; ``verdict`` is
        ``better``, ``worse``, ``unclear`` or ``not run``.
    """
    return [_row_answer(row) for row in rows]


def generator_sentences(synthesis: list[dict[str, Any]]) -> list[str]:
    """One sentence a generator: its KID against the untrained generator's and the blurred real images'."""
    return [_generator_sentence(entry) for entry in synthesis]


def _row_answer(row: dict[str, Any]) -> dict[str, Any]:
    if _dice(row, row["chosen"]) is None:
        sentence = "Trained, but not yet evaluated on test." if row["validation"] else "Not run."
        return _answer(row, "not run", [sentence])
    first = row["baseline"] if _dice(row, row["baseline"]) is not None else row["chosen"]
    masks, learned = row["masks"], "labelled images" if row["case"] == "picture" else "masks"
    given = f"With {masks['training']} {learned}" if masks["training"] is not None else f"With the {learned}"
    if masks["validation"]:
        given += f" to learn from and {masks['validation']} for validation"
    dice = headline_dice(row, first)
    sentences = [f"{given} the segmenter reached {_dice_of(row)} {_mean_sd(dice)} {_seeds_said(dice)}."]
    sentences.append(_chosen_sentence(row) if first is row["baseline"] else "No pseudo-label rounds were run.")
    verdict, headline = "unclear", None if row["control"] else "nothing to compare"
    if row["difference"]:
        verdict, text = _verdict(row["difference"])
        sentences.append(text)
    sentences += _reference_sentences(row)
    return _answer(row, verdict, sentences, headline)


def _answer(row: dict[str, Any], verdict: str, sentences: list[str], headline: str | None = None) -> dict[str, Any]:
    answer = {
        "row": row["row"],
        "verdict": verdict,
        "headline": headline or _HEADLINES[verdict],
        "sentences": sentences,
    }
    return {**answer, "changes": [], "cautions": []}


def _chosen_sentence(row: dict[str, Any]) -> str:
    dice = headline_dice(row, row["control"])
    control = (
        f"the real-only control with the same number of optimiser steps reached {_mean_sd(dice)}"
        if dice
        else "the real-only control has not run"
    )
    chosen = {choice["chosen"] for choice in row["choices"] if choice["chosen"]}
    if chosen == {"pseudo_label/round_00"}:
        return f"Validation preferred this baseline to every pseudo-label round, so it stays; {control}."
    if len(chosen) == 1 and (key := next(iter(chosen))).startswith("pseudo_label/round_"):
        rounds = int(key.rpartition("_")[2])
        word = _WORDS[rounds] if rounds < len(_WORDS) else str(rounds)
        after = f"After {word} pseudo-label round{'s' if rounds > 1 else ''} (chosen on validation)"
    else:
        after = "After the pseudo-label round that validation chose in each seed"
    return f"{after} it reached {_mean_sd(headline_dice(row, row['chosen']))}; {control}."


def _verdict(difference: dict[str, Any]) -> tuple[str, str]:
    by_seed = difference["by_seed"]
    intervals = [entry["ci95"] for entry in by_seed if entry["ci95"]]
    if len(by_seed) == 1:
        text = f"Difference of chosen and control: {signed(by_seed[0]['difference'])}"
        if not intervals:
            return "unclear", f"{text}; without a confidence interval this shows nothing yet."
        low, high = intervals[0]
        text += f" [95% CI {signed(low)} to {signed(high)}, one seed]"
        if low > 0:
            return "better", f"{text}: on these test images the pseudo-labels helped."
        if high < 0:
            return "worse", f"{text}: on these test images the pseudo-labels did harm."
        return "unclear", f"{text}: the interval holds zero, so this run shows no difference either way."
    values, total = difference["values"], len(by_seed)
    above, below = sum(low > 0 for low, _ in intervals), sum(high < 0 for _, high in intervals)
    text = (
        f"Difference of chosen and control: {signed(difference['mean'])} ± {fixed(difference['sd'])} over {total} "
        f"seeds (the 95% CI lies above zero in {above} and below zero in {below} of {total})"
    )
    side = "ahead" if values[0] > 0 else "behind"
    if all(value > 0 for value in values) or all(value < 0 for value in values):
        if 2 * max(above, below) <= total:
            return "unclear", f"{text}: {side} in every seed, but most intervals hold zero: a hint, not a finding."
        verdict = "better" if side == "ahead" else "worse"
        return verdict, f"{text}: the pseudo-labels were {side} in every seed."
    return "unclear", f"{text}: the sign changes between seeds, so no difference is shown."


def _reference_sentences(row: dict[str, Any]) -> list[str]:
    scored = {entry["reference"]: _dice(row, entry) for entry in row["references"]}
    answers = {name: dice for name, dice in scored.items() if dice is not None}
    parts = []
    if "otsu" in answers:
        parts.append(f"Otsu’s threshold scores {fixed(answers['otsu'])}")
    if "all_foreground" in answers:
        parts.append(f"calling every pixel foreground {fixed(answers['all_foreground'])}")
    if "majority_mask" in answers:
        parts.append(f"the class that most training masks have at each place scores {fixed(answers['majority_mask'])}")
    if not parts:
        return []
    sentences = [f"On the same images {' and '.join(parts)}."]
    chosen = _dice(row, row["chosen"])
    if chosen is not None and max(answers.values()) >= chosen:
        sentences.append("The trained network does not beat these simple answers.")
    return sentences


def _generator_sentence(entry: dict[str, Any]) -> str:
    if not entry["evaluated"]:
        return f"Generator “{entry['class']}”: not evaluated."
    kid = {row["images"]: (row["kid"] or {}).get("mean") for row in entry["distances"]}
    own, untrained, blurred = kid.get("synthetic"), kid.get("untrained"), kid.get("blurred_real")
    if own is None:
        return f"Generator “{entry['class']}”: {entry.get('left_out') or 'KID was not measured.'}"
    text = f"Generator “{entry['class']}”: KID {significant(own)}"
    if untrained is not None and own > 0:
        ratio = untrained / own
        compared = f"{ratio:.0f} times smaller than" if ratio >= 1.5 else ("close to" if ratio > 0.67 else "above")
        text += f", {compared} the untrained generator’s {significant(untrained)}"
    if blurred is not None:
        side = "below" if own < blurred else "not below"
        text += f" and {side} the {significant(blurred)} of blurred real images"
    return f"{text}."


def _dice(row: dict[str, Any], scores: dict[str, Any] | None) -> float | None:
    dice = headline_dice(row, scores)
    return dice["mean"] if dice else None


def _dice_of(row: dict[str, Any]) -> str:
    if row["headline"] == "pooled":
        return "test Dice"
    over = f" and {len(row['labels']) - 1} classes" if len(row["labels"]) > 2 else ""
    return f"a mean test Dice over {said(row['n'])} {row['case']}s{over} of"


def _mean_sd(dice: dict[str, Any] | None) -> str:
    if dice is None:
        return MISSING
    return fixed(dice["mean"]) if dice["sd"] is None else f"{fixed(dice['mean'])} ± {fixed(dice['sd'])}"


def _seeds_said(dice: dict[str, Any] | None) -> str:
    seeds = len(dice["values"]) if dice else 0
    return "(one seed)" if seeds == 1 else f"(mean ± sd of {seeds} seeds)"
