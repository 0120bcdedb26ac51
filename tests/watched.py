"""Which addresses a command and everything it starts asked for, seen by strace."""

from __future__ import annotations

import re
import shutil
import signal
import subprocess
from functools import cache
from pathlib import Path

import psutil
import pytest

# By --seccomp-bpf only those two calls are stopped, or a training takes several times as long.
STRACE = ["strace", "-f", "--seccomp-bpf", "-qq", "-e", "signal=none", "-e", "trace=connect,sendto", "-o"]
CALL = re.compile(
    r"(?P<process>\d+) +\w+\((?P<file>\d+), .*?sa_family=AF_INET6?, .*?htons\((?P<port>\d+)\)"
    r'.*?(?:inet_addr\(|inet_pton\(AF_INET6, )"(?P<address>[^"]+)"'
)
LOOPBACK = re.compile(r"127\.|::1$|::ffff:127\.")
# torch.distributed asks the name server, over a connection of its own, what 127.0.0.1 is called.
OWN_NAME = re.compile(r"(?P<process>\d+) +sendto\((?P<file>\d+), .*\\003127\\7in-addr")


@cache
def can_watch() -> bool:
    """Whether this machine has strace and lets it trace."""
    words = [*STRACE, "/dev/null", "true"]
    return bool(shutil.which("strace")) and not subprocess.run(words, check=False).returncode


def interrupt(process: subprocess.Popen[bytes]) -> None:
    """Ctrl-C of a watched command; strace itself lets no signal end it."""
    started = psutil.Process(process.pid)
    for command in started.children() if can_watch() else [started]:
        command.send_signal(signal.SIGINT)


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
            if asked := _foreign(self.folder / f"{number:03d}"):
                found[command] = asked
        return found


def _foreign(record: Path) -> set[str]:
    asked: dict[tuple[str, str], list[str]] = {}  # (process, open file) -> addresses
    for line in record.read_text(encoding="utf-8", errors="replace").splitlines():
        if (call := CALL.match(line)) and not LOOPBACK.match(call["address"]):
            asked.setdefault((call["process"], call["file"]), []).append(f"{call['address']} port {call['port']}")
        elif own := OWN_NAME.match(line):
            here = asked.get((own["process"], own["file"]))
            if here and here[-1].endswith(" port 53"):
                here.pop()
    return {address for addresses in asked.values() for address in addresses}
