"""Preparation streams its images, and a kill leaves a folder that is not finished and can be."""

import json
import multiprocessing
import os
import signal
import threading

import numpy as np
import pytest
from PIL import Image

import ssgnet_monai.data.prepare.convert as journal
from ssgnet_monai.data import load_datalist, prepare_folder
from ssgnet_monai.data.splits import SPLIT_NAMES


def make(folder, number=30):
    folder.mkdir()
    for index in range(number):
        values = np.random.default_rng(index).integers(0, 256, (9, 12, 3), np.uint8)
        Image.fromarray(values).save(folder / f"case{index:02d}.png")
    return folder


def contents(folder):
    return {path.name: path.read_bytes() for path in sorted(folder.glob("images/*"))}


def prepare_until_killed(images, out, at):
    convert, lock, started = journal.convert_pair, threading.Lock(), []

    def dying(pair, *rest):
        with lock:
            started.append(pair)
            if len(started) == at:
                (out / "images" / ".case99.png.left.png").write_bytes(b"half a file")
                os.kill(os.getpid(), signal.SIGKILL)
        return convert(pair, *rest)

    journal.convert_pair = dying
    prepare_folder(images, None, out, size=8, workers=2)


def kill_half_way(images, out, at=15):
    process = multiprocessing.get_context("fork").Process(target=prepare_until_killed, args=(images, out, at))
    process.start()
    process.join()
    assert process.exitcode == -signal.SIGKILL


def test_a_kill_half_way_leaves_no_datalist_and_the_same_command_goes_on(tmp_path, monkeypatch):
    images = make(tmp_path / "images")
    prepare_folder(images, None, tmp_path / "whole", size=8)
    kill_half_way(images, tmp_path / "out")
    assert not (tmp_path / "out" / "datalist.json").exists()
    with pytest.raises(FileNotFoundError, match="ssgnet data prepare"):
        load_datalist(tmp_path / "out")
    convert, again = journal.convert_pair, []
    monkeypatch.setattr(journal, "convert_pair", lambda pair, *rest: again.append(pair) or convert(pair, *rest))
    path = prepare_folder(images, None, tmp_path / "out", size=8, name="whole")
    assert 15 <= len(again) < 30
    assert contents(tmp_path / "out") == contents(tmp_path / "whole")
    assert path.read_text() == (tmp_path / "whole" / "datalist.json").read_text()
    prepare_folder(images, None, tmp_path / "out", size=8, name="whole")
    assert len(again) < 30  # the line cut by the kill spoiled no other


def test_other_settings_over_a_finished_folder_never_leave_a_mixture_that_looks_finished(tmp_path):
    images = make(tmp_path / "images")
    path = prepare_folder(images, None, tmp_path / "out", size=16)
    kill_half_way(images, tmp_path / "out")
    assert not path.exists()


def test_a_refusal_before_the_first_write_keeps_the_finished_folder(tmp_path):
    images = make(tmp_path / "images", 6)
    before = prepare_folder(images, None, tmp_path / "out", size=8).read_text()
    (images / "case06.png").write_bytes(b"")
    with pytest.raises(ValueError, match="empty file"):
        prepare_folder(images, None, tmp_path / "out", size=8)
    assert (tmp_path / "out" / "datalist.json").read_text() == before


def test_large_pictures_are_decoded_one_at_a_time(tmp_path, monkeypatch):
    convert, lock, running, most = journal.convert_pair, threading.Lock(), [], []

    def counted(pair, *rest):
        with lock:
            running.append(pair)
            most.append(len(running))
        record = convert(pair, *rest)
        with lock:
            running.remove(pair)
        return record

    monkeypatch.setattr(journal, "convert_pair", counted)
    monkeypatch.setattr(journal, "DECODED_PIXELS", 150)  # an image has 108
    datalist = load_datalist(prepare_folder(make(tmp_path / "images"), None, tmp_path / "out", size=8, workers=4))
    assert sum(len(datalist[split]) for split in SPLIT_NAMES) == 30
    assert max(most) == 1
    lines = (tmp_path / "out" / journal.JOURNAL).read_text().split("\n")
    assert len([json.loads(line) for line in lines if line]) == 30
