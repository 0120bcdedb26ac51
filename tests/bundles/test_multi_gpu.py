"""Two processes on a CPU, started by torchrun, against one process with the same batch_size."""

import json
import os
import shutil
import subprocess
import sys

import pytest
import torch
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from ssgnet_monai.data.phantom_volume import write_phantom_volumes
from tests.bundles.conftest import REPOSITORY, TINY_CLASSIFIER, TINY_GAN, TINY_SEGMENTER, run_workflow

SETTINGS = {
    # ADA from the first step, moved after the fourth; 2 x 4 images fill the groups of the minibatch deviation
    "synthesis": {**TINY_GAN, "batch_size": 8, "tick_kimg": 0.008, "augment_def#p": 0.5},
    # SGD: Adam would turn a gradient that is rounding alone into a full step
    "classification": {
        **TINY_CLASSIFIER,
        "batch_size": 8,
        "epoch_length": 1,
        "optimizer": {"_target_": "torch.optim.SGD", "params": "$@network.parameters()", "lr": 0.01},
    },
    # the schedule's length belongs to the whole run, also of its first part
    "segmentation": {
        **TINY_SEGMENTER,
        "batch_size": 8,
        "epoch_length": 1,
        "lr_scheduler#T_max": 5,
        "strong_augmentation": True,
    },
    # a V-Net, whose batch normalisation is that of both processes and turns rounding into differences: small steps
    "volumes": {
        "patch_size": [32, 32, 16],
        "network_def#width": 2,
        "epoch_length": 1,
        "optimizer": {"_target_": "torch.optim.SGD", "params": "$@network.parameters()", "lr": 0.001},
        "lr_scheduler#T_max": 5,
    },
}
LENGTHS = {
    "synthesis": ("kimg", 0.024, 0.040),
    **dict.fromkeys(["segmentation", "volumes", "classification"], ("steps", 3, 5)),
}
BUNDLES = sorted(SETTINGS)
CURVES = ("loss_g", "loss_d", "r1", "ada_rt", "ada_p")
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def runs(phantom, tmp_path_factory):
    """Folder with BUNDLE_one, BUNDLE_two and BUNDLE_resumed: five steps by one process, by two, by two after one."""
    folder = tmp_path_factory.mktemp("ranks")
    volumes = write_phantom_volumes(folder / "scans", volumes=6, size=32).parent

    def job(bundle, name, length, *configs):
        output = str(folder / f"{bundle}_{name}")
        key, *lengths = LENGTHS[bundle]
        whole = bundle == "volumes"
        return {
            "bundle": "segmentation" if whole else bundle,
            "names": ["train", *(["volumes"] if whole else []), *configs],
            **SETTINGS[bundle],
            **{
                "dataset_dir": str(volumes if whole else phantom),
                "output_dir": output,
                "ckpt_dir": output,
                key: lengths[length],
            },
        }

    for bundle in BUNDLES:
        run_workflow(**job(bundle, "one", 1))
        run_workflow(**job(bundle, "first", 0))
        shutil.copytree(folder / f"{bundle}_first", folder / f"{bundle}_resumed")  # this process holds the first
    jobs = [job(bundle, name, 1, "multi_gpu_train") for bundle in BUNDLES for name in ("two", "resumed")]
    (folder / "jobs.json").write_text(json.dumps(jobs))
    torchrun("-m", "tests.bundles.rank_worker", str(folder / "jobs.json"))
    return folder


def torchrun(*words):
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nnodes=1"]
    done = subprocess.run(
        [*command, "--nproc_per_node=2", *words],
        cwd=REPOSITORY,
        env={**os.environ, "PYTHONPATH": str(REPOSITORY), "CUDA_VISIBLE_DEVICES": "", "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]


def curves(folder, bundle):
    """Name -> values of every step."""
    if bundle == "synthesis":
        records = [json.loads(line) for line in (folder / "state" / "stats.jsonl").read_text().splitlines()]
        return {key: [r[key] for r in records if r[key] is not None] for key in CURVES}
    board = EventAccumulator(str(folder / "tensorboard" / "train")).Reload()
    return {tag: [event.value for event in board.Scalars(tag)] for tag in board.Tags()["scalars"]}


def session(folder):
    newest = max(folder.rglob("checkpoint_*.pt"))
    assert newest.name == "checkpoint_000000005.pt"
    return torch.load(newest, weights_only=True)["session"]


@pytest.mark.parametrize("name", ["two", "resumed"])
@pytest.mark.parametrize("bundle", BUNDLES)
def test_losses_and_scores_of_every_step_are_those_of_one_process(runs, bundle, name):
    one, two = curves(runs / f"{bundle}_one", bundle), curves(runs / f"{bundle}_{name}", bundle)
    assert one.keys() == two.keys()
    assert len(next(iter(one.values()))) == 5
    for key, values in one.items():
        assert two[key] == pytest.approx(values, rel=1e-5, abs=1e-7), key


@pytest.mark.parametrize("name", ["two", "resumed"])
@pytest.mark.parametrize("bundle", BUNDLES)
def test_final_weights_are_those_of_one_process(runs, bundle, name):
    one, two = session(runs / f"{bundle}_one"), session(runs / f"{bundle}_{name}")
    assert one["best_epoch"] == two["best_epoch"]
    if one["best_metric"] is not None:  # generators have none
        assert one["best_metric"] == pytest.approx(two["best_metric"], rel=1e-5)
    for network in {"generator", "generator_ema", "discriminator", "augment", "network"} & one["objects"].keys():
        for key, value in one["objects"][network].items():
            if not key.endswith("conv.bias"):  # before a normalisation its gradient is rounding alone
                torch.testing.assert_close(two["objects"][network][key], value, atol=2e-6, rtol=1e-5, msg=key)
    assert two["objects"].get("ada_controller") == pytest.approx(one["objects"].get("ada_controller"))
