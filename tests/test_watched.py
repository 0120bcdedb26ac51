"""The watch over the network sees what it is for."""

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.watched import Watch, can_watch, interrupt

ASK = """
import socket, sys
for address in sys.argv[1:]:
    with socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_DGRAM) as asked:
        try:
            asked.connect((address, 9))
        except OSError:
            pass
"""
FROM_A_CHILD = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {ASK!r}, *sys.argv[1:]], check=True)"


@pytest.fixture
def watch(tmp_path):
    if not can_watch():
        pytest.skip("strace is not installed or may not trace")
    return Watch(tmp_path)


@pytest.mark.parametrize("code", [ASK, FROM_A_CHILD], ids=["itself", "its child"])
def test_foreign_addresses_are_seen_and_this_machine_is_none(watch, code):
    for addresses in (["127.0.0.1", "::1"], ["192.0.2.1"], ["2001:db8::1", "127.0.0.1"]):
        subprocess.run(watch([sys.executable, "-c", code, *addresses]), check=True)
    assert list(watch.foreign().values()) == [{"192.0.2.1 port 9"}, {"2001:db8::1 port 9"}]


def test_a_name_that_is_looked_up_is_seen_other_than_this_machine_s(watch):
    names = Path("/etc/resolv.conf")
    if not (names.exists() and "nameserver" in names.read_text(encoding="utf-8")):
        pytest.skip("no name server is configured here")
    for look in ("getaddrinfo('example.invalid', 80)", "getnameinfo(('::ffff:127.0.0.1', 80), 0)"):
        words = [sys.executable, "-c", f"import socket; socket.{look}"]
        subprocess.run(watch(words), stderr=subprocess.DEVNULL, check=False)
    assert [command.split("socket.")[1][:11] for command in watch.foreign()] == ["getaddrinfo"]


def test_ctrl_c_reaches_the_command(watch):
    ended = "signal.signal(signal.SIGINT, signal.SIG_DFL)"  # ignored in the background, and then inherited
    wait = f"import signal, time; {ended}; print('ready', flush=True); time.sleep(60)"
    with subprocess.Popen(watch([sys.executable, "-c", wait]), stdout=subprocess.PIPE) as process:
        assert process.stdout.readline() == b"ready\n"
        interrupt(process)
        assert process.wait(20) == -signal.SIGINT
