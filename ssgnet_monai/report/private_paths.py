"""Settings and commands without the folders of the machine, which may be called after patients."""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Any

# An absolute path inside a list or a mapping; spaces may belong to it.
EMBEDDED = re.compile(r"(?<=[\s'\"=:,\[{(])~?/(?=[\w.])[^'\",\]})]*")
WORD = re.compile(r"[\w.#-]+=")


class PrivatePaths:
    """Calls the folder of the images ``DATASET_DIR``, that of the run ``OUTPUT_DIR``; others keep their last part.

    Args:
        config: the resolved experiment.
        run_dir: folder of the run.
    """

    def __init__(self, config: Mapping[str, Any], run_dir: Path) -> None:
        folders = {str(run_dir.absolute()): "OUTPUT_DIR", str(run_dir.resolve()): "OUTPUT_DIR"}
        for key in ("output_dir", "dataset_dir"):
            if text := config.get(key):
                path = Path(str(text))
                folders |= dict.fromkeys([str(text), str(path), str(path.absolute()), str(path.resolve())], key.upper())
        self._folders = dict(sorted(folders.items(), key=lambda pair: -len(pair[0])))

    def value(self, value: Any) -> Any:
        """A setting, with whatever lies inside."""
        if isinstance(value, Mapping):
            return {key: self.value(inner) for key, inner in value.items()}
        if isinstance(value, list):
            return [self.value(inner) for inner in value]
        return self._text(value) if isinstance(value, str) else value

    def command(self, line: str) -> str:
        """A shell line."""
        try:
            parts = shlex.split(line)
        except ValueError:  # no shell line of ours
            return self._text(line)
        words = []
        for word in parts:
            key = match[0] if (match := WORD.match(word)) else ""
            words.append(key + self._text(word[len(key) :]))
        return shlex.join(words)

    def config(self, config: Mapping[str, Any]) -> dict[str, Any]:
        """The settings of an experiment."""
        hidden = {key: key.upper() for key in ("dataset_dir", "output_dir") if config.get(key)}
        return {**self.value(config), **hidden}

    def _text(self, text: str) -> str:
        for folder, name in self._folders.items():
            if text == folder or text.startswith(folder.rstrip("/") + "/"):
                return name + text[len(folder.rstrip("/")) :]
        if text.startswith(("/", "~/")):
            return f"…/{Path(text).name}"
        return EMBEDDED.sub(lambda found: self._text(found[0]), text)
