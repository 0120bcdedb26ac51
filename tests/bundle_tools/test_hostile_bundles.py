"""Bundles of attackers do not pass, in bounded time; bundles as others write them get lines to read, or pass."""

import time
from pathlib import Path

import pytest
import torch

from ssgnet_monai.bundle_tools.verify import verify_bundle
from tests.bundle_tools.hostile_bundles import HOSTILE

ZOO = """
imports: [$import glob, $import os]
bundle_root: .
dataset_dir: /data/Task09
ckpt_dir: $@bundle_root + '/models'
output_dir: $@bundle_root + '/eval'
datalist: $list(sorted(glob.glob(@dataset_dir + '/imagesTs/*.nii.gz')))
network_def: {_target_: UNet, spatial_dims: 3, in_channels: 1, out_channels: 2, channels: [16, 32], strides: [2]}
network: $@network_def.to('cpu')
preprocessing:
  _target_: Compose
  transforms:
  - {_target_: LoadImaged, keys: image}
  - {_target_: EnsureChannelFirstd, keys: image}
  - {_target_: Orientationd, keys: image, axcodes: RAS}
  - {_target_: Spacingd, keys: image, pixdim: [1.5, 1.5, 2.0], mode: bilinear}
  - {_target_: ScaleIntensityRanged, keys: image, a_min: -57, a_max: 164, b_min: 0, b_max: 1, clip: true}
dataset: {_target_: Dataset, data: "$[{'image': i} for i in @datalist]", transform: '@preprocessing'}
dataloader: {_target_: DataLoader, dataset: '@dataset', batch_size: 1, shuffle: false, num_workers: 4}
inferer: {_target_: SlidingWindowInferer, roi_size: [96, 96, 96], sw_batch_size: 4, overlap: 0.5}
postprocessing:
  _target_: Compose
  transforms:
  - {_target_: Activationsd, keys: pred, softmax: true}
  - {_target_: Invertd, keys: pred, transform: '@preprocessing', orig_keys: image, nearest_interp: false}
  - {_target_: AsDiscreted, keys: pred, argmax: true}
  - {_target_: SaveImaged, keys: pred, output_dir: '@output_dir'}
handlers:
- {_target_: CheckpointLoader, load_path: $@ckpt_dir + '/model.pt', load_dict: {model: '@network'}}
- {_target_: StatsHandler, iteration_log: false}
evaluator:
  _target_: SupervisedEvaluator
  device: cpu
  val_data_loader: '@dataloader'
  network: '@network'
  inferer: '@inferer'
  postprocessing: '@postprocessing'
  val_handlers: '@handlers'
run: [$@evaluator.run()]
"""
# Bundle -> ids of the lines to read.
HONEST: dict[str, tuple[str, set[str]]] = {
    "as in the model zoo, files found by glob": (ZOO, {"imports::0", "datalist"}),
    "as in the model zoo, files from a list": (
        ZOO.replace("$import glob, ", "").replace(
            "$list(sorted(glob.glob(@dataset_dir + '/imagesTs/*.nii.gz')))", "[a.nii]"
        ),
        set(),
    ),
    "training": (
        "n: {_target_: SegResNet, spatial_dims: 3, init_filters: 16}\n"
        "loss: {_target_: DiceCELoss, to_onehot_y: true, softmax: true}\n"
        "optimizer: {_target_: torch.optim.AdamW, params: $@n.parameters(), lr: 0.001}\n"
        "other: $torch.optim.SGD(@n.parameters(), lr=0.1, momentum=0.9)\n"
        "metric: {_target_: MeanDice, output_transform: \"$monai.handlers.from_engine(['pred', 'label'])\"}",
        set(),
    ),
    "code of its own": ("n: {_target_: scripts.net.Net}", {"n::_target_"}),
    "a Lambda": ("t: {_target_: Lambdad, keys: image, func: '$lambda x: x + 1'}", {"t::_target_"}),
    "output elsewhere": ("t: {_target_: SaveImaged, keys: pred, output_dir: /results}", {"t::output_dir"}),
}


def write(folder: Path, files: str | dict[str, str]) -> None:
    for name, text in ({"configs/train.yaml": files} if isinstance(files, str) else files).items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_bundles_do_not_pass(tmp_path, name):
    write(tmp_path, HOSTILE[name])
    began = time.process_time()
    assert [finding for finding in verify_bundle(tmp_path) if finding.refusal]
    assert time.process_time() - began < 20


@pytest.mark.parametrize("name", HONEST)
def test_honest_bundles_pass_or_get_the_lines_to_read(tmp_path, name):
    text, ids = HONEST[name]
    write(tmp_path, text)
    assert {finding.id for finding in verify_bundle(tmp_path) if finding.refusal} == ids


def test_weights_pass_as_names_and_tensors_alone(tmp_path):
    write(tmp_path, {"a.yaml": "a: 1", "docs/README.md": "x", "LICENSE": "x"})
    torch.save({"w": torch.ones(2)}, tmp_path / "good.pt")
    torch.save({"w": [torch.ones(2)]}, tmp_path / "list.pt")
    torch.save(torch.nn.Linear(1, 1), tmp_path / "module.pt")
    torch.jit.script(torch.nn.Linear(1, 1)).save(tmp_path / "script.pt")
    refused = {finding.file.name for finding in verify_bundle(tmp_path) if finding.refusal}
    assert refused == {"list.pt", "module.pt", "script.pt"}
