"""What each process of torchrun does in test_multi_gpu: run the jobs, and find its state equal to the others'."""

from __future__ import annotations

import hashlib
import json
import sys
from pathlib import Path

import torch
from torch import distributed

from tests.bundles.conftest import run_workflow


def digest(state) -> str:
    """Hash of all numbers in nested dictionaries and lists; tensors bit by bit."""
    if isinstance(state, dict):
        state = [[str(key), digest(value)] for key, value in state.items()]
    elif isinstance(state, list):
        state = [digest(value) for value in state]
    elif isinstance(state, torch.Tensor):
        state = state.cpu().numpy().tobytes().hex()
    return hashlib.sha256(repr(state).encode()).hexdigest()


def main() -> None:
    for job in json.loads(Path(sys.argv[1]).read_text(encoding="utf-8")):
        workflow = run_workflow(**job)
        state = workflow.parser.get_parsed_content("session").state_dict()
        states = [None] * distributed.get_world_size()
        distributed.all_gather_object(states, digest(state))
        assert len(set(states)) == 1, f"{job['bundle']}: the processes have gone apart"
    workflow.finalize()


if __name__ == "__main__":
    main()
