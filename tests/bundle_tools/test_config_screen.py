"""Configs that are merged are judged together, and every finding says where it stands."""

from pathlib import Path

from ssgnet_monai.bundle_tools.config_screen import screen_files


def screen(tmp_path: Path, **texts: str) -> dict[tuple[str, str], tuple[int | None, str | None]]:
    for name, text in texts.items():
        (tmp_path / f"{name}.yaml").write_text(text, encoding="utf-8")
    files = [tmp_path / f"{name}.yaml" for name in texts]
    return {(f.file.stem, f.id): (f.line, f.refusal) for f in screen_files(files)}


def test_what_a_config_needs_passes_and_is_listed(tmp_path):
    text = """
imports: [$import ssgnet_monai]
output_dir: out
a: {_target_: UNet, _disabled_: $not @flag, channels: [1, 2], _mode_: default}
b: '%a::channels'
c: '@a'
d: {_target_: SaveImaged, keys: pred, output_dir: $@output_dir + '/masks', writer: PILWriter, output_ext: .png}
e: plain text with a $ and an @
f: {_target_: SupervisedTrainer, _mode_: callable}
"""
    found = screen(tmp_path, a=text)
    listed = {"imports::0", "a::_target_", "a::_disabled_", "a::_mode_", "b", "d::_target_", "d::output_dir"}
    assert {id_ for _, id_ in found} == listed | {"f::_target_", "f::_mode_"}
    assert {refusal for _, refusal in found.values()} == {None}


def test_an_argument_from_another_file_is_held_against_the_target_that_takes_it(tmp_path):
    found = screen(
        tmp_path, a="n: {_target_: UNet}", b="n#channels: [1]", c="n#reader: x", d="+n: {func: x}", e="m#k: 1"
    )
    reasons = {id_: refusal for (_, id_), (_, refusal) in found.items() if refusal}
    assert set(reasons) == {"n::reader", "n", "m::k"}
    assert "reader is not on the list of arguments of UNet" in reasons["n::reader"]
    assert "func is not on the list of arguments of UNet" in reasons["n"]
    assert "changes m, which is in none of these files" in reasons["m::k"]


def test_handlers_that_an_overlay_adds_are_judged_by_themselves(tmp_path):
    good = "+train#handlers:\n- {_target_: StatsHandler, iteration_log: false}\n"
    assert {refusal for _, refusal in screen(tmp_path, a=good).values()} == {None}
    bad = "+train#handlers:\n- {_target_: StatsHandler, name: x}\n- {_target_: os.system}\n- $exec('x')\n"
    reasons = {id_ for (_, id_), (_, refusal) in screen(tmp_path, a=bad).items() if refusal}
    assert reasons == {"train::handlers::0::name", "train::handlers::1::_target_", "train::handlers::2"}
    other = screen(tmp_path, a="+train#files: [x]", b="train#handlers: []")
    assert [refusal for _, refusal in other.values() if refusal] != []


def test_a_finding_tells_its_line(tmp_path):
    text = "a: 1\nb:\n- x\n- c:\n    _target_: os.system\nd#e: $exec('x')\n"
    found = {id_: line for (_, id_), (line, refusal) in screen(tmp_path, a=text).items() if refusal}
    assert found == {"b::1::c::_target_": 5, "d::e": 6}
