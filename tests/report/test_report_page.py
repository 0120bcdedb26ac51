"""The page and its JSON: the same numbers in both, hostile names harmless, missing stages said, no network."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from ssgnet_monai.cli import main
from ssgnet_monai.report import write_report

Build = Callable[..., Path]


class Page(HTMLParser):
    """Collects what the tests ask about a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.values: list[float] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.words: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attributes)))
        if tag not in ("meta", "img", "image", "use", "path", "rect", "circle", "br", "link"):
            self.open.append(tag)
        if tag == "data":
            self.values.append(float(dict(attributes)["value"] or "nan"))

    def handle_startendtag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attributes)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, text: str) -> None:
        if "style" not in self.open:
            self.words.append(text)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).split())


def numbers(content: Any) -> Iterator[float]:
    if isinstance(content, dict):
        content = list(content.values())
    if isinstance(content, list):
        for value in content:
            yield from numbers(value)
    elif isinstance(content, (int, float)):
        yield float(content)


def written(run: Path) -> tuple[str, Page, dict[str, Any]]:
    page = write_report(run)
    assert page == run / "report.html"
    text = page.read_text(encoding="utf-8")
    return text, Page(text), json.loads((run / "report.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("seeds", [(0,), (0, 1, 2)])
def test_every_number_of_the_page_is_in_the_json(build_run: Build, seeds: tuple[int, ...]) -> None:
    _, page, report = written(build_run(seeds=seeds))
    known = set(numbers(report)) | {float(len(seeds))}
    assert len(page.values) > 150
    assert not [value for value in page.values if value not in known]
    assert page.open == []  # every element is closed


def test_scores_of_the_run_are_shown(build_run: Build) -> None:
    text, page, report = written(build_run())
    row = report["segmentation"][0]
    assert row["chosen"]["pooled"]["dice"]["mean"] == 0.5512
    assert row["validation"][2]["val_dice"]["mean"] == pytest.approx(0.5622)
    for value in (0.5303, 0.5417, 0.5512, 0.5409, 0.4117, 0.2603, 0.0312, 87.654, 1834.25, 184.5):
        assert value in page.values
    for words in (
        "Noticed in the data: 2 images repeat",
        "Modality: RGB.",
        "Otsu’s threshold",
        "Every pixel foreground",
        "Real only (control), round 2",
        "feedfeedfe",
        "torch",
    ):
        assert words in page.text
    assert ">1\u202f834</data>" in text
    assert [split["images"] for split in report["data"]["splits"].values()] == [6, 2, 4, 3]
    assert row["examples"][0]["dice"]["control"] < 1


def test_validation_and_test_stand_in_different_tables(build_run: Build) -> None:
    text, _, _ = written(build_run())
    tables = re.findall(r"<table.*?</table>", text, flags=re.DOTALL)
    with_test = [table for table in tables if "Test scores" in table]
    with_validation = [table for table in tables if "Validation and pool" in table]
    assert len(with_test) == len(with_validation) == 1
    test_dice, validation_dice = 'value="0.5512"', 'value="0.5622"'  # of the chosen round
    assert test_dice in with_test[0]
    assert test_dice not in with_validation[0]
    assert validation_dice in with_validation[0]
    assert validation_dice not in with_test[0]


def test_hostile_class_name_is_text(build_run: Build) -> None:
    hostile = "<script>alert(1)</script>\"'><img src=x onerror=alert(2)>&amp;"
    text, page, report = written(build_run(classes=(hostile, "plain")))
    assert report["data"]["classes"][0] == hostile
    assert "<script" not in text
    assert "onerror=alert(2)>" not in text.replace("&gt;", "")
    assert not [tag for tag, attributes in page.tags if any(name.startswith("on") for name in attributes)]
    assert hostile in page.text


def test_nothing_is_fetched_and_nothing_is_executed(build_run: Build) -> None:
    text, page, _ = written(build_run())
    links = [value for _, a in page.tags for name, value in a.items() if name in ("src", "href", "action", "data")]
    assert links
    assert all(value and value.startswith(("#", "data:image/png;base64,")) for value in links)
    assert not re.search(r"https?://|@import|url\(", text)
    assert not {"script", "link", "iframe", "object", "base"} & {tag for tag, _ in page.tags}


def test_tables_and_pictures_are_named_for_those_who_do_not_see_them(build_run: Build) -> None:
    text, page, _ = written(build_run())
    assert text.count("<caption>") == text.count("<table") > 8
    assert all("scope" in attributes for tag, attributes in page.tags if tag == "th")
    assert all("alt" in attributes for tag, attributes in page.tags if tag == "img")
    pictures = [a for tag, a in page.tags if tag == "svg" and "aria-hidden" not in a]
    assert pictures
    assert all(a.get("role") == "img" and a.get("aria-label") for a in pictures)
    ids = [a["id"] for _, a in page.tags if "id" in a]
    targets = [(a.get("href") or "")[1:] for tag, a in page.tags if tag in ("a", "use")]
    assert len(set(ids)) == len(ids)
    assert set(targets) <= set(ids)


def test_empty_run_says_not_run(tmp_path: Path) -> None:
    _, page, report = written(tmp_path)
    assert report["not_run"] == ["data", "synthesis", "segmentation", "classification", "benchmarks"]
    for stage in ("Data", "Synthesis", "Segmentation", "Classification", "Benchmarks"):
        assert f"{stage}: not run." in page.text


@pytest.mark.parametrize(
    ("missing", "said"),
    [
        ("segmentation/unet_30/seed0/metrics.json", "Test evaluation: not run."),
        ("segmentation/unet_30/seed0/rounds.json", "Rounds: not run."),
        ("generators/class0/metrics.json", "Evaluation of this generator: not run."),
        ("data/datalist.json", "Data: not run."),
        ("experiment.json", "Commands: not recorded."),
    ],
)
def test_unfinished_run_keeps_the_rest(build_run: Build, missing: str, said: str) -> None:
    run = build_run()
    assert said not in written(run)[1].text
    (run / missing).unlink()
    _, page, _ = written(run)
    assert said in page.text
    assert "Time and peak memory per stage" in page.text


def test_report_is_deterministic(build_run: Build) -> None:
    run = build_run()
    assert written(run)[0] == written(run)[0]


def test_broken_results_file_is_named(build_run: Build) -> None:
    run = build_run()
    (run / "generators" / "class0" / "metrics.json").write_text('{"kid": ', encoding="utf-8")
    with pytest.raises(ValueError, match=r"Expected a JSON object in .*class0/metrics\.json.*run its stage again"):
        write_report(run)


def test_command(build_run: Build, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = build_run()
    assert main(["report", str(run)]) == 0
    assert (run / "report.html").is_file()
    assert main(["report", str(tmp_path / "nowhere")]) == 2
    assert "Expected the folder of a run" in capsys.readouterr().err


def test_paper_figures_only_for_its_datasets(build_run: Build) -> None:
    _, page, report = written(build_run(name="Kvasir-SEG"))
    assert report["paper"]["dataset"] == "kvasir_seg"
    assert "imply .527" in page.text
    assert 0.7694 in page.values


def test_phantom_is_named_phantom(build_run: Build) -> None:
    _, page, report = written(build_run(name="phantom"))
    assert report["paper"] is None
    assert "no patients" in page.text
