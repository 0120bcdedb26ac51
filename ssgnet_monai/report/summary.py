"""The answer in plain words, made from the numbers and from nothing else; it says so when the method loses."""

from __future__ import annotations

from typing import Any

from ssgnet_monai.report.comparisons import verdict
from ssgnet_monai.report.number_format import MISSING, fixed, signed, significant
from ssgnet_monai.report.segmentation_row import mean_dice
from ssgnet_monai.report.table import said

_WORDS = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
_VERDICTS = {
    "gain": ("better", "gain"),
    "no difference": ("unclear", "no difference seen"),
    "loss": ("worse", "loss"),
}


def row_answers(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """One paragraph a segmentation row; its first sentence says gain, no difference that could be seen, or loss.

    A gain is claimed where the 95 % interval of the difference to the better control lies above zero.

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
    if _dice(row["chosen"]) is None:
        sentence = "Trained, but not yet evaluated on test." if row["validation"] else "Not run."
        return _answer(row, "not run", "not run", [sentence])
    baseline = _dice(row["baseline"]) is not None
    sentences = [_given_sentence(row, row["baseline"] if baseline else row["chosen"])]
    if baseline:
        sentences.append(_chosen_sentence(row))
    elif not row["together"]:
        sentences.append("No pseudo-label rounds were run.")
    if row["together"]:
        sentences.append(_partner_sentence(row))
    colour, headline = "unclear", "nothing to compare"
    if row["better"]:
        colour, headline = _VERDICTS[verdict(row["better"]["per_case"])]
        sentences = [_verdict_sentence(row), *sentences, *_control_sentences(row)]
        headline += ", one seed" if len(row["better"]["seeds"]) == 1 else ""
        headline += ", controls unfinished" if row["unfinished"] else ""
    elif baseline:
        sentences.append("Without a control, or without per_case.csv of both, nothing can be said about a gain.")
    return _answer(row, colour, headline, [*sentences, *_floor_sentences(row)])


def _answer(row: dict[str, Any], colour: str, headline: str, sentences: list[str]) -> dict[str, Any]:
    answer = {"row": row["row"], "verdict": colour, "headline": headline, "sentences": sentences}
    return {**answer, "changes": [], "cautions": []}


def _verdict_sentence(row: dict[str, Any]) -> str:
    better, found = row["better"], row["better"]["per_case"]
    controls = sum(entry["kind"] == "control" for entry in row["comparisons"])
    which = "its control" if controls == 1 else f"the better of {controls} controls"
    low, high = found["ci95"]
    if low == high == 0:
        return f"No difference: the chosen model is {which} itself ({_tested(row)})."
    said_of = verdict(found).capitalize()
    if low <= 0 <= high:
        said_of += f" that this test could see (it resolves {fixed(found['detectable'])})"
    size = f"{signed(found['difference'])} in mean Dice [95% CI {signed(low)} to {signed(high)}]"
    return f"{said_of}: {size} against {_uncapitalised(better['name'])}, {which} ({_tested(row)})."


def _tested(row: dict[str, Any]) -> str:
    better = row["better"]
    cases, groups, seeds = better["n"], better["per_case"]["n_groups"], len(better["seeds"])
    words = f"{cases} test {row['case']}s" + (f" of {groups} patients" if groups < cases else "")
    if seeds == 1:
        return f"one seed: the interval holds the chance of the {words} alone"
    return f"{seeds} seeds, {words}"


def _given_sentence(row: dict[str, Any], first: dict[str, Any]) -> str:
    masks, learned = row["masks"], "labelled images" if row["case"] == "picture" else "masks"
    given = f"With {masks['training']} {learned}" if masks["training"] is not None else f"With the {learned}"
    if masks["validation"]:
        given += f" to learn from and {masks['validation']} for validation"
    dice = mean_dice(first)
    return f"{given} the segmenter reached a {_measure(row)} of {_mean_sd(dice)} {_seeds_said(dice)}."


def _chosen_sentence(row: dict[str, Any]) -> str:
    chosen = {choice["chosen"] for choice in row["choices"] if choice["chosen"]}
    if chosen == {"pseudo_label/round_00"}:
        return "Validation preferred this baseline to every pseudo-label round, so it stays."
    if row["together"]:
        after = "Trained together with a partner on images without masks too,"
    elif len(chosen) == 1 and (key := next(iter(chosen))).startswith("pseudo_label/round_"):
        rounds = int(key.rpartition("_")[2])
        word = _WORDS[rounds] if rounds < len(_WORDS) else str(rounds)
        after = f"After {word} pseudo-label round{'s' if rounds > 1 else ''}"
    else:
        after = "After the pseudo-label round that was chosen in each seed"
    return f"{after} it reached {_mean_sd(mean_dice(row['chosen']))}."


def _partner_sentence(row: dict[str, Any]) -> str:
    found = {entry["checkpoint"]: _mean_sd(mean_dice(entry)) for entry in row["test"]}
    return (
        f"Its partner reached {found.get('partner', MISSING)}, the mean of both networks {found['ensemble']}; which of "
        "them counts was settled before the test."
    )


def _control_sentences(row: dict[str, Any]) -> list[str]:
    controls = [entry for entry in row["comparisons"] if entry["kind"] == "control"]
    parts = [f"{_uncapitalised(entry['name'])} {_mean_sd(entry['dice'])}" for entry in controls]
    sentences = [f"Controls: {'; '.join(parts)}."]
    pooled = row["better"]["pooled"]
    if pooled["ci95"]:
        low, high = pooled["ci95"]
        sentences.append(f"In pooled Dice: {signed(pooled['difference'])} [95% CI {signed(low)} to {signed(high)}].")
    for entry in row["comparisons"]:
        if entry["kind"] == "row" and entry["per_case"]["ci95"]:
            low, high = entry["per_case"]["ci95"]
            difference = signed(entry["per_case"]["difference"])
            sentences.append(f"Against row {entry['control']}: {difference} [{signed(low)} to {signed(high)}].")
    for entry in (entry for entry in row["comparisons"] if entry["kind"] == "headroom" and entry["per_case"]["ci95"]):
        low, high = entry["per_case"]["ci95"]
        sentences.append(
            f"With true masks on the pool it would be {_mean_sd(entry['dice'])}: the headroom is "
            f"{signed(-entry['per_case']['difference'])} [{signed(-high)} to {signed(-low)}]."
        )
    if row["unfinished"]:
        missing = "; ".join(map(_uncapitalised, row["unfinished"]))
        sentences.append(f"A control is not finished, so that this may change: {missing}.")
    return sentences


def _floor_sentences(row: dict[str, Any]) -> list[str]:
    answers = [entry for entry in row["references"] if _dice(entry) is not None]
    if not answers:
        return []
    parts = [f"{_uncapitalised(entry['name'])} {fixed(_dice(entry))}" for entry in answers]
    sentences = [f"Without a network: {'; '.join(parts)}."]
    floors = [entry["per_case"] for entry in row["comparisons"] if entry["kind"] == "floor"]
    unclear = any(found["ci95"] and found["ci95"][0] <= 0 for found in floors)
    if unclear or max(_dice(entry) or 0 for entry in answers) >= (_dice(row["chosen"]) or 0):
        sentences.append("The trained network is not clearly better than these simple answers.")
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


def _dice(scores: dict[str, Any] | None) -> float | None:
    dice = mean_dice(scores)
    return dice["mean"] if dice else None


def _measure(row: dict[str, Any]) -> str:
    over = f" and {len(row['labels']) - 1} classes" if len(row["labels"]) > 2 else ""
    return f"mean test Dice over {said(row['n'])} {row['case']}s{over}"


def _uncapitalised(name: str) -> str:
    return name if name.startswith("Otsu") else name[:1].lower() + name[1:]


def _mean_sd(dice: dict[str, Any] | None) -> str:
    if dice is None:
        return MISSING
    return fixed(dice["mean"]) if dice["sd"] is None else f"{fixed(dice['mean'])} ± {fixed(dice['sd'])}"


def _seeds_said(dice: dict[str, Any] | None) -> str:
    seeds = len(dice["values"]) if dice else 0
    return "(one seed)" if seeds == 1 else f"(mean ± sd of {seeds} seeds)"
