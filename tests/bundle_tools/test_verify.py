import re
from pathlib import Path

import pytest

from ssgnet_monai import cli
from ssgnet_monai.bundle_tools.verify import render, verify_bundle

REPOSITORY = Path(__file__).resolve().parents[2]
SHIPPED = [*sorted((REPOSITORY / "bundles").iterdir()), REPOSITORY / "configs"]


@pytest.mark.parametrize("bundle", SHIPPED, ids=lambda path: path.name)
def test_everything_that_ships_passes(bundle):
    findings = verify_bundle(bundle)
    refused = [(str(f.file.relative_to(REPOSITORY)), f.id, f.text, f.refusal) for f in findings if f.refusal]
    assert refused == []
    listed = {(f.file.name, f.id) for f in findings}
    if bundle.name != "configs":
        assert {("train.yaml", "run::0"), ("logging.conf", "handler_consoleHandler::args")} <= listed


def test_every_target_and_expression_is_listed():
    bundle = SHIPPED[0]
    written = [
        re.split("[#,}]", line.split("_target_:")[1])[0].strip()
        for file in sorted(bundle.rglob("*.yaml"))
        for line in file.read_text(encoding="utf-8").splitlines()
        if "_target_:" in line and not line.lstrip().startswith("#")
    ]
    assert sorted(written) == sorted(f.text for f in verify_bundle(bundle) if f.id.endswith("_target_"))


def test_code_and_links_in_a_bundle_are_refused(tmp_path):
    (tmp_path / "configs").mkdir()
    (tmp_path / "configs" / "train.yaml").write_text("a: 1")
    (tmp_path / "torch.PY").write_text("")
    (tmp_path / "more").symlink_to(tmp_path / "configs")
    refused = {f.file.name: f.refusal for f in verify_bundle(tmp_path)}
    assert "a bundle holds no code" in refused["torch.PY"]
    assert "a link leads" in refused["more"]


def test_a_folder_without_configs_is_an_error(tmp_path):
    for path in (tmp_path, tmp_path / "absent.yaml"):
        with pytest.raises(FileNotFoundError, match="Expected a bundle's folder or a config file"):
            verify_bundle(path)


def test_the_command_says_file_place_text_and_reason(tmp_path, capsys):
    good, bad = tmp_path / "good.yaml", tmp_path / "bad.yaml"
    good.write_text("a: $1 + 1")
    bad.write_text("steps:\n- $exec('x')")
    assert cli.main(["verify", str(good)]) == 0
    passed = capsys.readouterr().out
    assert "it passes" in passed
    assert "can still read images" in passed
    assert cli.main(["verify", str(good), str(tmp_path)]) == 1
    lines = capsys.readouterr().out.splitlines()
    place = lines.index("    READ 2    steps::0  $exec('x')")
    assert lines[place - 1] == "  bad.yaml"
    assert "-> calling exec is not allowed" in lines[place + 1]
    assert lines[-2] == "  2 looked at, 1 are not on the list: it does not pass"
    assert "read each of them" in lines[-1]
    assert cli.main(["verify", str(tmp_path / "absent")]) == 2


def test_a_file_is_shown_by_its_path(tmp_path):
    file = tmp_path / "a.yaml"
    file.write_text("a: 1")
    assert render(file, verify_bundle(file)).splitlines()[0] == str(file)


def test_control_codes_of_a_file_do_not_reach_the_terminal(tmp_path):
    file = tmp_path / "a.yaml"
    file.write_text('"a": "$exec(\'\\e[2J\')"')
    assert "\x1b" not in render(file, verify_bundle(file))
