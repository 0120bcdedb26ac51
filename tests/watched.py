"""Which addresses a command and everything it starts asked for, seen by strace."""

from __future__ import annotations

import re
import shutil
import subprocess
from functools import cache
from pathlib import Path

import pytest

# -D: the command stays the child of whoever starts it, so that signals reach it.
STRACE = ["strace", "-D", "-f", "-qq", "-e", "signal=none", "-e", "trace=connect,sendto", "-o"]
ADDRESS = re.compile(r'sa_family=AF_INET6?, .*?(?:inet_addr\(|inet_pton\(AF_INET6, )"([^"]+)"')
LOOPBACK = re.compile(r"127\.|::1$|::ffff:127\.")


@cache
def can_watch() -> bool:
    """Whether this machine has strace and lets it trace."""
    return bool(shutil.which("strace")) and not subprocess.run([*STRACE, "/dev/null", "true"], check=False).returncode


class Watch:
    """Puts strace before commands, where there is one.

    Args:
        folder: an empty folder for the records.
    """

    def __init__(self, folder: Path) -> None:
        self.folder, self.commands = folder, list[str]()

    def __call__(self, words: list[str]) -> list[str]:
        """The words of a command that is watched."""
        self.commands.append(" ".join(words))
        return [*STRACE, str(self.folder / f"{len(self.commands):03d}"), *words] if can_watch() else words

    def foreign(self) -> dict[str, set[str]]:
        """Command -> addresses other than this machine's that it asked for; only commands that asked for one."""
        if not can_watch():
            pytest.skip("the commands work; that none asks the network is seen where strace is installed and may trace")
        found = {}
        for number, command in enumerate(self.commands, 1):
            calls = (self.folder / f"{number:03d}").read_text(encoding="utf-8", errors="replace")
            if asked := {address for address in ADDRESS.findall(calls) if not LOOPBACK.match(address)}:
                found[command] = asked
        return found
