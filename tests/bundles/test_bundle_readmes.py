"""Every command of every bundle's README, in its order, within a copy of the bundle, with small budgets."""

import os
import re
import shlex
import shutil
import subprocess
import sys

import pytest

from ssgnet_monai.data.phantom_volume import write_phantom_volumes
from tests.bundles.test_zoo_checks import BUNDLES
from tests.watched import Watch

pytestmark = pytest.mark.slow
SMALL = {
    "ssgnet_synthesis": (
        "--image_size 32 --batch_size 4 --num_layers 4 --margin_size 2 --channel_max 8 --z_dim 16 --w_dim 16 "
        "--kimg 0.016 --tick_kimg 0.008 --num_images 16"
    ),
    "ssgnet_classification": (
        "--architecture test_resnet --small_images False --image_size 32 --batch_size 4 --steps 2 --epoch_length 1"
    ),
    "ssgnet_segmentation": (
        "--image_size 32 --batch_size 4 --steps 2 --epoch_length 1 --num_rounds 1 --pool real --num_labeled 12 "
        "--network_def#dims '[4,8,16,32]' --network_def#d_state 2"
    ),
}
SMALL_VOLUMES = "--patch_size '[16,16,16]' --network_def#width 2"
SMALL_VOLUME_TRAINING = f"{SMALL_VOLUMES} --steps 2 --epoch_length 1"


def commands(bundle):
    blocks = re.findall(r"```bash\n(.*?)```", (bundle / "docs" / "README.md").read_text(encoding="utf-8"), re.DOTALL)
    lines = "".join(blocks).replace("\\\n", " ").splitlines()
    return [line for line in lines if line and not line.startswith("#")]


def small(command, bundle, phantom, volumes):
    places = {
        "DATA": str(phantom),
        "IMAGES": str(phantom / "images"),
        "CLASS": "irregular",
        "MASKS": "masks",
        "OUTPUT": "output",
        "VOLUMES": str(volumes),
        "FILES": str(volumes / "images"),
    }
    words = [places.get(word, word) for word in shlex.split(command)]
    own = SMALL.get(bundle.name, "")
    if "volumes" in command:
        own = SMALL_VOLUMES if "inference" in command else SMALL_VOLUME_TRAINING
    options = shlex.split(own)
    if "monai.bundle run" in command:
        for flag, value in zip(options[::2], options[1::2], strict=True):
            if flag in words:
                words[words.index(flag) + 1] = value
            else:
                words += [flag, value]
    return words


@pytest.mark.parametrize("bundle", BUNDLES, ids=lambda path: path.name)
def test_every_command_works(bundle, phantom, tmp_path):
    volumes = write_phantom_volumes(tmp_path / "volumes", volumes=6, size=16).parent
    copy = shutil.copytree(bundle, tmp_path / bundle.name)
    environment = {**os.environ, "PATH": f"{os.path.dirname(sys.executable)}{os.pathsep}{os.environ['PATH']}"}
    lines = commands(bundle)
    assert lines
    (tmp_path / "calls").mkdir()
    watch = Watch(tmp_path / "calls")
    for line in lines:
        words = watch(small(line, bundle, phantom, volumes))
        done = subprocess.run(words, cwd=copy, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, f"{line}\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}"
    assert any((copy / "models").glob("model.pt"))
    assert watch.foreign() == {}
