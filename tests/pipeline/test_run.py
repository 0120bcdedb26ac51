"""The pipeline as a user starts it: a tiny budget, real processes, kills."""

import json
import re
import shutil
import signal
import subprocess
import sys
import time
from functools import partial

import psutil
import pytest

from ssgnet_monai.data.atomic_write import sha256_file
from ssgnet_monai.shipped import CONFIGS

pytestmark = pytest.mark.slow
TINY = [
    "synthesis.images=24",
    "synthesis.config={kimg: 0.128, tick_kimg: 0.032, channel_max: 8}",
    "segmentation.unet.config={steps: 6, epoch_length: 2, num_rounds: 1, pool: both}",
]


def command(experiment, output, *overrides):
    path = str(CONFIGS / "experiments" / f"{experiment}.yaml")
    return [sys.executable, "-m", "ssgnet_monai.cli", "run", path, *TINY, f"output_dir={output}", *overrides]


def wait_for(condition, process, seconds=240):
    deadline = time.monotonic() + seconds
    while not condition():
        assert process.poll() is None, process.stderr.read()
        assert time.monotonic() < deadline
        time.sleep(0.05)


def report_of(output):
    return json.loads((output / "report.json").read_text())


def test_the_demo_survives_a_kill_and_goes_on(tmp_path):
    output = tmp_path / "run with space"
    longer = "synthesis.config={kimg: 0.512, tick_kimg: 0.032, channel_max: 8}"  # still training when it is killed
    words = command("demo", output, "prepare.num_images=[28,12]", longer)
    process = subprocess.Popen(words, stderr=subprocess.PIPE, text=True)
    wait_for(lambda: (output / "stages.json").exists(), process)
    second = subprocess.run(words, capture_output=True, text=True, check=False)
    assert second.returncode == 2
    assert "another `ssgnet run` is working in it" in second.stderr
    stats = output / "generators" / "irregular" / "state"
    wait_for(lambda: list(stats.glob("checkpoint_*.pt")), process)
    for victim in [*psutil.Process(process.pid).children(recursive=True), psutil.Process(process.pid)]:
        victim.kill()
    process.wait()
    kept = sorted(stats.glob("checkpoint_*.pt"))
    assert kept, "the kill must not delete what training resumes from"
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "going on from step" in (output / "logs" / "generator_irregular.log").read_text()
    assert (output / "report.html").stat().st_size > 10_000
    assert "segmentation" in report_of(output)
    rounds, control = (output / "segmentation" / row / "seed0" for row in ("unet", "unet-equal_total_steps"))
    assert json.loads((control / "metrics.json").read_text())["chosen"] == "model"
    steps = json.loads((control / "state" / "train" / "training.json").read_text())["steps"]
    assert steps == 2 * json.loads((rounds / "rounds.json").read_text())["steps"] == 12
    again = subprocess.run(words, capture_output=True, text=True, check=False)
    assert again.returncode == 0, again.stderr
    (counts,) = re.findall(r"(\d+) stages, (\d+) already done", again.stderr)
    assert counts[0] == "8"  # two generators and their images, the rounds, their two controls, the report
    assert counts[1] in "78"


@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_ctrl_c_and_sigterm_end_every_process_of_the_run(number, status, tmp_path):
    output = tmp_path / "run"
    words = command("demo", output, "prepare.num_images=[28,12]", "synthesis.config={kimg: 50, channel_max: 8}")
    heard = partial(signal.signal, signal.SIGINT, signal.SIG_DFL)  # a test run in the background ignores Ctrl-C
    process = subprocess.Popen(words, stderr=subprocess.PIPE, text=True, start_new_session=True, preexec_fn=heard)
    logs = output / "logs"
    wait_for(lambda: any("kimg" in log.read_text() for log in logs.glob("generator_*.log")), process)
    children = psutil.Process(process.pid).children(recursive=True)
    assert children
    process.send_signal(number)  # to the run alone: it has to end its jobs itself
    assert process.wait(timeout=45) == status
    _, alive = psutil.wait_procs(children, timeout=5)
    assert alive == []
    saved = [log.stem.removeprefix("generator_") for log in logs.glob("gen*") if "saved at step" in log.read_text()]
    assert saved
    assert all(list((output / "generators" / name / "state").glob("*.pt")) for name in saved)
    assert "the same command goes on" in process.stderr.read()


def test_real_images_from_a_folder(realdata, tmp_path):
    source = realdata("kvasir_seg")
    for kind in ("images", "masks"):
        (tmp_path / "polyps" / kind).mkdir(parents=True)
        for file in sorted((source / kind).iterdir())[:24]:
            shutil.copy(file, tmp_path / "polyps" / kind)
    words = command("folder", tmp_path / "run", f"dataset_dir={tmp_path / 'polyps'}", "image_size=32")
    done = subprocess.run([*words, "segmentation.unet.num_labeled=8"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    log = json.loads((tmp_path / "run" / "segmentation" / "unet" / "seed0" / "rounds.json").read_text())
    pool = log["arms"]["pseudo_label"][0]["pool"]
    assert pool["synthetic"] == 24
    assert pool["real"] > 0
    metrics = json.loads((tmp_path / "run" / "segmentation" / "unet" / "seed0" / "metrics.json").read_text())
    assert metrics["split"] == "test"
    assert metrics["chosen"] == f"pseudo_label/round_{log['choice']['round']:02d}"
    assert "pseudo_label/round_00" in metrics["checkpoints"]


@pytest.mark.parametrize(
    ("data", "config", "classes"),
    [
        ({"volumes": 8}, {"patch_size": [16, 16, 8]}, ["large organ", "small organ"]),
        ({"num_images": [28, 12], "num_classes": 3}, {"batch_size": 4}, ["lesion", "core"]),
    ],
    ids=["volumes", "pictures"],
)
def test_rounds_of_several_classes_from_the_data_to_the_report(data, config, classes, tmp_path):
    small = {"steps": 2, "epoch_length": 1, "num_rounds": 1, "pool": "real", "network_def#channels": [4, 4, 4, 4]}
    row = {"network": "unet", "num_labeled": 2, "config": {**small, **config}}
    experiment = {"dataset": "phantom", "prepare": data, "image_size": 16, "segmentation": {"unet": row}}
    path, output = tmp_path / "several.yaml", tmp_path / "run"
    path.write_text(json.dumps(experiment))  # JSON is YAML
    words = [sys.executable, "-m", "ssgnet_monai.cli", "run", str(path), f"output_dir={output}"]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    folder = output / "segmentation" / "unet" / "seed0"
    assert len(list((folder / "pseudo_labels" / "round_01").glob("*.nii.gz" if "volumes" in data else "*.png"))) > 1
    assert json.loads((folder / "rounds.json").read_text())["arms"]["pseudo_label"][1]["pool"]["real"] > 1
    page = (output / "report.html").read_text()
    assert all(name in page for name in classes)


def test_a_classifier_is_compared_with_itself_without_generated_images(tmp_path):
    words = [
        "dataset=phantom",
        "prepare={num_images: [28, 12]}",
        "image_size=32",
        "seeds=[0]",
        "synthesis.profile=synthesis_32px_cpu",
        "synthesis.config={kimg: 0.032, tick_kimg: 0.032, channel_max: 8}",
        "classification.resnet.settings=[original,balanced]",
        "classification.resnet.config={steps: 4, epoch_length: 2, batch_size: 8}",
        f"output_dir={tmp_path}",
    ]
    path = str(CONFIGS / "experiments" / "classification.yaml")
    run = [sys.executable, "-m", "ssgnet_monai.cli", "run", path, *words]
    done = subprocess.run(run, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    real, grown = (json.loads((tmp_path / name / "datalist.json").read_text()) for name in ("data", "grown/balanced"))
    sizes = {name: sum(item["class"] == name for item in real["training"]) for name in real["classes"]}
    assert set(grown["growth"]["added"].values()) == {0, abs(sizes["regular"] - sizes["irregular"])}
    assert sorted(path.name for path in (tmp_path / "generators").iterdir()) == ["irregular"]  # the smaller class
    rows = [tmp_path / "classification" / "resnet" / setting / "seed0" for setting in ("original", "balanced")]
    original, balanced = (json.loads((row / "metrics.json").read_text()) for row in rows)
    assert original["stage"] == balanced["stage"] == "classification"
    assert original["steps"] == balanced["steps"] == 4
    assert balanced["train_counts"]["synthetic"] == grown["growth"]["added"]
    assert not original.get("paired_bootstrap")
    assert balanced["paired_bootstrap"]
    assert (tmp_path / "report.html").exists()


def test_a_failing_stage_shows_its_log_and_says_that_nothing_is_lost(tmp_path):
    words = command("demo", tmp_path / "run", "prepare.num_images=[28,12]", "synthesis.config={image_size: 33}")
    failed = subprocess.run(words, capture_output=True, text=True, check=False)
    assert failed.returncode == 1
    assert "power of two" in failed.stderr
    assert "run the same command again" in failed.stderr


def test_a_dry_run_beside_a_live_run_leaves_every_file_as_it_is(tmp_path):
    output = tmp_path / "run"
    words = command(
        "demo", output, "controls=[]", "prepare.num_images=[28,12]",
        "synthesis.config={kimg: 50, tick_kimg: 0.064, channel_max: 8}",
    )  # fmt: skip
    process = subprocess.Popen(words, stderr=subprocess.PIPE, text=True)

    def hashes():
        written = [path for path in sorted(output.rglob("*")) if path.is_file()]
        return {path: (sha256_file(path), path.stat().st_mtime_ns) for path in written}

    alive = []
    try:
        wait_for(lambda: list(output.glob("generators/*/state/checkpoint_*.pt")), process)
        alive = [psutil.Process(process.pid), *psutil.Process(process.pid).children(recursive=True)]
        for one in alive:  # so that every file is that of the dry run alone
            one.suspend()
        before = hashes()
        changed = "synthesis.config={kimg: 50, tick_kimg: 0.064, channel_max: 8, r1_gamma: 9}"  # of what is trained
        for more, status in ((["segmentation.unet.config.steps=7"], 0), ([changed], 2)):
            done = subprocess.run([*words, *more, "--dry-run"], capture_output=True, text=True, check=False)
            assert done.returncode == status, done.stderr
            assert hashes() == before
    finally:
        for one in alive:
            one.resume()
        process.send_signal(signal.SIGTERM)
        process.wait(timeout=60)


def test_dry_run_writes_nothing(tmp_path):
    done = subprocess.run(
        [*command("demo", tmp_path / "run"), "--dry-run"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0
    assert "data phantom" in done.stderr
    assert not (tmp_path / "run").exists()
