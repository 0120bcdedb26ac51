"""``per_case.csv`` of a made-up row."""

from pathlib import Path

TEST_CASES = [f"{number:03d}.png" for number in range(8, 12)]


def write_cases(
    place: Path, models: dict[str, list[float]], cases: list[str], classes: tuple[str, ...] = ("polyp",)
) -> None:
    """``per_case.csv`` as evaluation writes it: every mask of 1000 pixels, all classes of a case with one Dice."""
    lines = ["case,model,class,tp,tn,fp,fn,dice,iou"]
    for model, dices in models.items():
        for case, dice in zip(cases, dices, strict=True):
            hit = 1000 * dice
            lines += [f"{case},{model},{name},{hit},5000,{1000 - hit},{1000 - hit},{dice}," for name in classes]
    place.mkdir(parents=True, exist_ok=True)
    (place / "per_case.csv").write_text("\n".join(lines), encoding="utf-8")


def case_dices(dice: float, noise: float = 0.0, cases: int = 4) -> list[float]:
    """Of each case, with the mean that ``scores`` gives; models with another ``noise`` differ by it, to both sides."""
    return [dice - 0.021 + (-0.2, 0.2)[case % 2] + noise * (1, 1, -1, -1)[case % 4] for case in range(cases)]
