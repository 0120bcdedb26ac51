"""Reports are shared: folders that are called after patients stay at home."""

import json
import shlex

from ssgnet_monai.pipeline.experiment import load_experiment
from ssgnet_monai.pipeline.layout import LAYOUT
from ssgnet_monai.pipeline.prepare_command import prepare_command
from ssgnet_monai.report.page import write_report
from ssgnet_monai.report.private_paths import PrivatePaths
from ssgnet_monai.shipped import CONFIGS


def test_neither_page_nor_numbers_name_the_folders(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    source, run_dir = tmp_path / "Mustermann Erika", tmp_path / "runs" / "Mustermann"
    for folder in (source / "images", source / "masks", run_dir):
        folder.mkdir(parents=True)
    (source / "t.csv").write_text("image,class\n")
    path = CONFIGS / "experiments" / "folder.yaml"
    for dataset_dir, output_dir in ((str(source), str(run_dir)), ("Mustermann Erika", "runs/Mustermann")):
        overrides = [
            f"dataset_dir={dataset_dir}",
            f"output_dir={output_dir}",
            f"prepare.classes={source / 't.csv'}:class",
            f"synthesis.config={{transfer: '{source}/state/checkpoint_1.pt'}}",
        ]
        experiment = load_experiment(path, overrides)
        commands = [shlex.join(["ssgnet", "run", str(path), *overrides])]
        commands += [shlex.join(["ssgnet", *prepare_command(experiment)[4:]]), "python -m x \"['a b','c']\""]
        content = {"name": "x", "layout": LAYOUT, "config": experiment, "commands": commands, "versions": {}}
        (run_dir / "experiment.json").write_text(json.dumps(content))
        write_report(run_dir)
        for file in ("report.html", "report.json"):
            assert "Mustermann" not in (run_dir / file).read_text(encoding="utf-8")
        found = json.loads((run_dir / "report.json").read_text())["experiment"]
        assert found["config"]["dataset_dir"] == "DATASET_DIR"
        assert "--images DATASET_DIR/images" in found["commands"][1]
        assert "dataset_dir=DATASET_DIR" in found["commands"][0]
        assert found["commands"][2] == "python -m x '['\"'\"'a b'\"'\"','\"'\"'c'\"'\"']'"


def test_other_settings_stay(tmp_path):
    paths = PrivatePaths({"dataset_dir": "d", "output_dir": "o"}, tmp_path)
    config = {"dataset_dir": "d", "steps": 3, "network_def": "$x / 2", "rows": [{"a": "b/c", "d": "data"}]}
    assert paths.config(config) == {**config, "dataset_dir": "DATASET_DIR"}
