"""Items of a training that come from a label server, not from a datalist."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any


def served_items(path: str | Path, name: str) -> list[dict[str, Any]]:
    """One list of the items that the label server trains with; in a configuration, ``#`` in a path would be an id.

    Args:
        path: JSON file that the server wrote.
        name: ``training``, ``validation`` or ``pool``.
    """
    return json.loads(Path(path).read_text(encoding="utf-8"))[name]
