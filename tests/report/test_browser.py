"""The page in a real browser, without a network: whole at two widths, usable by keyboard and by screen reader."""

from __future__ import annotations

import itertools
import json
import os
import select
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from ssgnet_monai.report import write_report

Build = Callable[..., Path]
SILENT_SECONDS = 120
FLAGS = (
    "--headless=new",
    "--remote-debugging-pipe",
    "--no-sandbox",  # containers lack what the sandbox needs, and the page is our own
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--host-resolver-rules=MAP * ~NOTFOUND",
)
LOOK = """(async () => {
  const faults = [], page = document.documentElement;
  for (const details of document.querySelectorAll('details')) details.open = true;
  if (page.scrollWidth > page.clientWidth) faults.push('wider than the window');
  for (const image of document.querySelectorAll('img, image')) await image.decode().catch(() => faults.push('broken'));
  for (const part of document.querySelectorAll('body *')) {
    const hides = ['auto', 'scroll', 'hidden'].includes(getComputedStyle(part).overflowX);
    if (hides && part.scrollWidth > part.clientWidth && !(part.tabIndex >= 0 && part.ariaLabel))
      faults.push('scrolls without the keyboard');
  }
  const levels = [...document.querySelectorAll('h1, h2, h3, h4')].map(heading => +heading.tagName[1]);
  levels.forEach((level, i) => level > (levels[i - 1] ?? 0) + 1 && faults.push(`h${level} after h${levels[i - 1]}`));
  if (!page.lang) faults.push('no language');
  if (document.querySelector('figure:not(:has(figcaption))')) faults.push('figure without caption');
  if (document.querySelector('th:not([scope])')) faults.push('head without scope');
  return faults;
})()"""
FOCUS = """(() => {
  const focused = document.activeElement, box = focused.getBoundingClientRect();
  const visible = getComputedStyle(focused).outlineStyle !== 'none' && box.right > 0 && box.left < innerWidth;
  return [focused.ariaLabel || focused.textContent, visible];
})()"""


class Browser:
    """Chromium, spoken to in its DevTools protocol over a pair of pipes."""

    def __init__(self, executable: str, profile: Path) -> None:
        commands, self.commands = os.pipe()
        self.answers, answers = os.pipe()
        command = [executable, *FLAGS, f"--user-data-dir={profile}", "about:blank"]
        self.process = subprocess.Popen(
            ["bash", "-c", f'exec "$@" 3<&{commands} 4>&{answers}', "bash", *command],
            pass_fds=(commands, answers),
            stderr=subprocess.DEVNULL,
        )
        os.close(commands)
        os.close(answers)
        self.numbers, self.unread, self.session = itertools.count(), b"", {}
        self.events: list[dict[str, Any]] = []
        tab = self.call("Target.createTarget", url="about:blank")["targetId"]
        self.session = {"sessionId": self.call("Target.attachToTarget", targetId=tab, flatten=True)["sessionId"]}
        for domain in ("Page", "Runtime", "Log", "Network", "Accessibility"):
            self.call(f"{domain}.enable")

    def message(self) -> dict[str, Any]:
        while b"\0" not in self.unread:
            ready, _, _ = select.select([self.answers], [], [], SILENT_SECONDS)
            part = os.read(self.answers, 1 << 20) if ready else b""
            assert part, "Chromium ended or fell silent"
            self.unread += part
        text, _, self.unread = self.unread.partition(b"\0")
        return json.loads(text)

    def call(self, method: str, **parameters: Any) -> dict[str, Any]:
        number = next(self.numbers)
        command = {"id": number, "method": method, "params": parameters, **self.session}
        os.write(self.commands, json.dumps(command).encode() + b"\0")
        while (answer := self.message()).get("id") != number:
            self.events.append(answer)
        return answer["result"]

    def open(self, page: Path, width: int, scheme: str = "light") -> None:
        self.events = []
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=900, deviceScaleFactor=1, mobile=False)
        self.call("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])
        self.call("Page.navigate", url=page.as_uri())
        while not any(event["method"] == "Page.loadEventFired" for event in self.events):
            self.events.append(self.message())

    def evaluate(self, script: str) -> Any:
        return self.call("Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True)["result"][
            "value"
        ]

    def press(self, key: str, code: int) -> None:
        for kind in ("rawKeyDown", "keyUp"):
            self.call("Input.dispatchKeyEvent", type=kind, key=key, code=key, windowsVirtualKeyCode=code)

    def faults(self) -> list[str]:
        """What is wrong with the open page: for the eye, for the keyboard, for a screen reader, on the wire."""
        faults = self.evaluate(LOOK)
        for node in self.call("Accessibility.getFullAXTree")["nodes"]:
            role = node.get("role", {}).get("value")
            named = node.get("name", {}).get("value", "").strip()
            if not node["ignored"] and role in ("table", "image", "link", "region", "heading") and not named:
                faults.append(f"{role} without a name")
        for event in self.events:
            if event["method"] in ("Log.entryAdded", "Runtime.consoleAPICalled", "Runtime.exceptionThrown"):
                faults.append("said something to the console")
            if event["method"] == "Network.requestWillBeSent":
                url = event["params"]["request"]["url"]
                faults += [] if url.startswith(("file:", "data:")) else [f"asked for {url}"]
        return sorted(set(faults))


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    executable = shutil.which("chromium") or shutil.which("google-chrome")
    if executable is None:
        pytest.skip("Chromium is not installed (Debian: apt-get install chromium)")
    browser = Browser(executable, tmp_path_factory.mktemp("profile"))
    yield browser
    browser.process.terminate()
    browser.process.wait()
    os.close(browser.commands)
    os.close(browser.answers)


def test_a_bad_page_is_seen_as_one(browser: Browser, tmp_path: Path) -> None:
    page = tmp_path / "bad.html"
    page.write_text(
        "<!DOCTYPE html><h1>One</h1><h3>Three</h3><p style='width: 3000px'>wide</p><img src='data:image/png;base64,'>"
        "<div style='overflow: auto; width: 50px'><pre>a line longer than that</pre></div><a href='#x'></a>"
        "<table><tr><th>Head<td>1<tr><th>Head<td>2</table><figure>?</figure><script>console.error('no')</script>"
        "<script src='https://example.org/a.js'></script>",
        encoding="utf-8",
    )
    browser.open(page, 390)
    assert browser.faults() == [
        "asked for https://example.org/a.js",
        "broken",
        "figure without caption",
        "h3 after h1",
        "head without scope",
        "image without a name",
        "link without a name",
        "no language",
        "said something to the console",
        "scrolls without the keyboard",
        "table without a name",
        "wider than the window",
    ]


def test_the_report_has_no_fault_at_any_width(browser: Browser, build_run: Build) -> None:
    page = write_report(build_run(seeds=(0, 1), classes=("benign", "a class with quite a long name, in all respects")))
    for width, scheme in ((1280, "light"), (1280, "dark"), (390, "light"), (390, "dark"), (320, "light")):
        browser.open(page, width, scheme)
        assert browser.faults() == [], (width, scheme)


def test_the_report_of_classifiers_has_no_fault(browser: Browser, build_classification_run: Build) -> None:
    page = write_report(build_classification_run(classes=("benign", "a class with quite a long name, in all respects")))
    for width, scheme in ((1280, "dark"), (320, "light")):
        browser.open(page, width, scheme)
        assert browser.faults() == [], (width, scheme)


def test_the_report_of_an_empty_run_has_no_fault(browser: Browser, tmp_path: Path) -> None:
    browser.open(write_report(tmp_path), 390)
    assert browser.faults() == []


def test_every_part_is_reached_by_the_tab_key(browser: Browser, build_run: Build) -> None:
    browser.open(write_report(build_run()), 390)
    reached = []
    while not reached or reached[-1][0] != "Commands":
        browser.press("Tab", 9)
        reached.append(browser.evaluate(FOCUS))
        assert len(reached) < 60
    names = [name for name, _ in reached]
    assert names[:2] == ["Skip to the answer", "Answer"]
    assert names.index("The answer in one table: mean test Dice over pictures") < names.index("Test scores, unet_30")
    assert "What the words and measures on this page mean" in names
    assert all(visible for _, visible in reached), reached


def test_the_skip_link_leads_to_the_answer(browser: Browser, build_run: Build) -> None:
    browser.open(write_report(build_run()), 390)
    browser.press("Tab", 9)
    browser.evaluate("document.activeElement.click(), true")
    browser.press("Tab", 9)
    assert browser.evaluate(FOCUS)[0] == "The answer in one table: mean test Dice over pictures"
