import os
import signal
import subprocess
import sys
import time

import psutil
import pytest

from ssgnet_monai.pipeline.interruption import end_jobs, signals_raise

# Stands for a stage: on SIGTERM it takes a moment and writes a file; its child (a loader process) must not be told.
JOB = """
import os, signal, sys, time
folder, kind = sys.argv[1:]
def save(*_):
    open(folder + "/saved", "w").close(); sys.exit(75)
signal.signal(signal.SIGTERM, save if kind == "saves" else signal.SIG_IGN)
job = os.getpid()
if os.fork() == 0:
    signal.signal(signal.SIGTERM, lambda *_: open(folder + "/told", "w").close())
    open(folder + "/ready", "w").close()
    while os.getppid() == job:
        time.sleep(0.02)
    os._exit(0)
while True:
    time.sleep(0.02)
"""


@pytest.fixture
def snakemake(tmp_path):
    """A process with a shell that runs a job, and then would run another command."""

    def start(kind):
        command = f'"{sys.executable}" -c \'{JOB}\' "{tmp_path}" {kind}; touch "{tmp_path}/next"'
        parent = "import subprocess, sys; subprocess.run(['bash', '-c', sys.argv[1]])"
        process = subprocess.Popen([sys.executable, "-c", parent, command])
        while not (tmp_path / "ready").exists():
            assert process.poll() is None
            time.sleep(0.01)
        return process

    return start


def test_jobs_save_and_nothing_new_begins(snakemake, tmp_path):
    process = snakemake("saves")
    family = psutil.Process(process.pid).children(recursive=True)
    assert len(family) == 3
    end_jobs(process)
    assert {path.name for path in tmp_path.iterdir()} == {"ready", "saved"}
    assert psutil.wait_procs(family, timeout=5)[1] == []


def test_a_job_that_does_not_end_is_killed(snakemake, tmp_path):
    process = snakemake("ignores")
    family = psutil.Process(process.pid).children(recursive=True)
    end_jobs(process, grace=0.1)
    assert {path.name for path in tmp_path.iterdir()} == {"ready"}
    assert psutil.wait_procs(family, timeout=5)[1] == []


@pytest.mark.parametrize(("number", "status"), [(signal.SIGTERM, 143), (signal.SIGHUP, 129)])
def test_signals_become_exit_statuses(number, status):
    before = signal.signal(number, signal.SIG_DFL)  # under nohup SIGHUP is ignored
    try:
        with pytest.raises(SystemExit) as stop, signals_raise():
            os.kill(os.getpid(), number)
        assert stop.value.code == status
        assert signal.getsignal(number) is signal.SIG_DFL
    finally:
        signal.signal(number, before)


def test_an_ignored_hangup_stays_ignored():
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with signals_raise():
            os.kill(os.getpid(), signal.SIGHUP)
    finally:
        signal.signal(signal.SIGHUP, before)
