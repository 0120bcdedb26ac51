import os
import signal
import subprocess

import pytest
import torch
from ignite.engine import Engine
from torch.utils.data import DataLoader, Dataset

from ssgnet_monai.data import reading as reading_module
from ssgnet_monai.data.reading import reading
from ssgnet_monai.handlers import FailureAdvice, failure_advice


@pytest.fixture(autouse=True)
def nothing_read_yet():
    reading_module._slots[:] = [0] * len(reading_module._slots)


def run(step, data=(0, 0)):
    engine = Engine(step)
    FailureAdvice({"micro_batch": None, "batch_size": 32}).attach(engine)
    engine.run(data)


@pytest.mark.parametrize(
    "error",
    [
        torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB. GPU 0 has a total capacity of 12 GiB"),
        RuntimeError("[enforce fail at alloc_cpu.cpp] . DefaultCPUAllocator: can't allocate memory: you tried"),
    ],
)
def test_too_little_memory_names_the_keys_to_lower(error):
    def step(engine, _):
        if engine.state.iteration == 2:
            raise error

    with pytest.raises(
        RuntimeError, match=r"Expected step 2 to fit.*Lower micro_batch \(now null\), or batch_size"
    ) as e:
        run(step)
    assert e.value.__cause__ is error
    assert "(now 32), and run the same command again" in str(e.value)


class Deadly(Dataset):
    """Its first item kills the process that reads it, as the kernel does where memory is short."""

    def __len__(self):
        return 4

    def __getitem__(self, index):
        with reading({"image": f"image{index}.png"}):
            if index == 0:
                os.kill(os.getpid(), signal.SIGKILL)
        return index


def test_a_dead_loader_process_names_its_file():
    with pytest.raises(RuntimeError, match=r"one (is killed|exited) .*; it was reading image0.png.*num_workers"):
        run(lambda *_: None, DataLoader(Deadly(), num_workers=1))


def test_a_connection_that_breaks_with_a_loader_process_is_its_death_too(monkeypatch):
    process = subprocess.Popen(["true"])
    process.wait()
    monkeypatch.setattr(failure_advice, "files_being_read", lambda: {process.pid: "dead.png", os.getpid(): "live.png"})

    def step(*_):
        raise EOFError

    with pytest.raises(RuntimeError, match=r"one died; it was reading dead.png\. Look"):
        run(step)


@pytest.mark.parametrize("error", [EOFError(), ValueError("other"), KeyboardInterrupt(), SystemExit(75)])
def test_other_errors_pass_as_they_are(error):
    def step(*_):
        raise error

    with pytest.raises(type(error)) as raised:
        run(step)
    assert raised.value is error
