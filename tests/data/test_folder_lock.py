import errno
import fcntl
import multiprocessing

import pytest

from ssgnet_monai.data import folder_lock
from ssgnet_monai.data.folder_lock import hold_folder


def try_in_another_process(folder):
    """The message that a fresh process gets, or None."""

    def other():
        folder_lock._held.clear()  # a fork's copy; it does not hold the lock
        try:
            answers.put(hold_folder(folder, "training run"))
        except RuntimeError as error:
            answers.put(str(error))

    context = multiprocessing.get_context("fork")
    answers = context.Queue()
    process = context.Process(target=other)
    process.start()
    answer = answers.get(timeout=60)
    process.join()
    return answer


def test_a_second_process_is_refused_and_the_same_one_is_not(tmp_path):
    hold_folder(tmp_path / "state", "training run")
    hold_folder(tmp_path / "state", "training run")
    refused = try_in_another_process(tmp_path / "state")
    assert "free, another training run is working in it. Wait for it, or choose another" in refused
    assert try_in_another_process(tmp_path / "other") is None


def test_the_lock_ends_with_its_process(tmp_path):
    assert try_in_another_process(tmp_path) is None
    hold_folder(tmp_path, "training run")


def test_where_locks_do_not_exist_work_goes_on_with_a_warning(tmp_path, monkeypatch, caplog):
    def no_locks(*_):
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(fcntl, "lockf", no_locks)
    hold_folder(tmp_path, "training run")
    assert "cannot be locked" in caplog.text
    assert tmp_path / ".lock" not in folder_lock._held


@pytest.fixture(autouse=True)
def forget(monkeypatch):
    monkeypatch.setattr(folder_lock, "_held", {})
