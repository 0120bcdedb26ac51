"""Earlier labels and what is known of them, without a server."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from ssgnet_monai.label_app.label_history import FINAL, INDEX, LABELS, keep, restore, versions

NOON = 1_793_620_800  # 2026-11-02 12:00 UTC


@pytest.fixture
def label(tmp_path: Path) -> Path:
    """A study with a saved label of three classes, and MONAI Label's index."""
    path = tmp_path / LABELS / FINAL / "a.png"
    path.parent.mkdir(parents=True)
    save(path, "first", {"ts": NOON, "client_id": "Dr. B", "classes": ["background", "organ", "tumour"]})
    return path


def save(label: Path, content: str, info: dict[str, Any]) -> None:
    label.unlink(missing_ok=True)  # kept labels are second names of the data
    label.write_text(content)
    saved = {"objects": {"a": {"labels": {"final": {"ext": label.suffix, "info": info}}}}}
    (label.parents[2] / INDEX).write_text(json.dumps(saved))


def info_of(studies: Path) -> dict[str, Any]:
    return json.loads((studies / INDEX).read_text())["objects"]["a"]["labels"]["final"]["info"]


def test_a_kept_label_is_named_by_time_and_user(tmp_path: Path, label: Path) -> None:
    kept = keep(tmp_path, "a", label, {"ts": NOON, "client_id": "Dr. B"})
    again = keep(tmp_path, "a", label, {"ts": NOON, "client_id": "Dr. B"})
    assert (kept.name, again.name) == ("20261102T120000Z_Dr--B.png", "20261102T120000Z_Dr--B_2.png")
    assert versions(tmp_path) == versions(tmp_path, "a") == [kept, again]


def test_a_restored_label_has_the_classes_it_was_saved_with(tmp_path: Path, label: Path) -> None:
    first = info_of(tmp_path)
    keep(tmp_path, "a", label, first)
    save(label, "second", {"ts": NOON + 60, "client_id": "Dr. C", "classes": ["background", "lesion"]})
    assert restore(tmp_path, "a").read_text() == "first"
    assert info_of(tmp_path)["classes"] == first["classes"]
    names = [path.name for path in versions(tmp_path, "a")]
    assert names == ["20261102T120000Z_Dr--B.png", "20261102T120100Z_Dr--C.png"]
    assert restore(tmp_path, "a", "20261102T120100Z_Dr--C.png").read_text() == "second"
    assert info_of(tmp_path)["classes"] == ["background", "lesion"]


def test_nothing_is_made_up_of_a_label_without_classes(tmp_path: Path, label: Path) -> None:
    """One that an earlier version kept."""
    keep(tmp_path, "a", label, {"ts": NOON})
    restore(tmp_path, "a")
    assert "classes" not in info_of(tmp_path)
    with pytest.raises(FileNotFoundError, match="Expected an earlier label of a named x.png, found 20261102T120000Z"):
        restore(tmp_path, "a", "x.png")
