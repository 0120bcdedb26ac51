import sys

import pytest

from ssgnet_monai.pipeline.measure import measure


def python(code):
    return [sys.executable, "-c", code]


def test_time_and_memory_of_one_process(tmp_path):
    small = measure(python("import time; time.sleep(0.3)"), tmp_path)
    large = measure(python("import time; b = bytearray(200 * 2**20); time.sleep(0.3)"), tmp_path)
    assert small.seconds >= 0.3
    assert 190 < large.memory - small.memory < 260
    assert small.gpu_memory == large.gpu_memory == 0


def test_the_environment_is_added_and_a_failure_told_by_its_causes(tmp_path):
    code = "import os; os.environ['HOME']; raise ValueError(os.environ['WHY'])"
    with pytest.raises(RuntimeError, match=r"status 1 of .*: ValueError: too few"):
        measure(python(code), tmp_path, {"WHY": "too few"})


def test_gpu_memory_is_what_is_held_more_than_before(tmp_path, monkeypatch):
    tool = tmp_path / "nvidia-smi"
    tool.write_text("#!/bin/sh\nif [ -e busy ]; then echo 2500; else echo 400; fi\n")
    tool.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    monkeypatch.chdir(tmp_path)
    code = "import time; open('busy', 'w'); time.sleep(0.4)"
    assert measure(python(code), tmp_path).gpu_memory == 2100
