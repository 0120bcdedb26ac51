import logging

import pytest

from ssgnet_monai import cli
from ssgnet_monai.data.image_files import find_images
from ssgnet_monai.printable import printable


def test_codes_that_a_terminal_obeys_are_written_out():
    assert printable("a\x1b[2Jb\u202ec\n\td \xe9") == "a\\x1b[2Jb\\u202ec\n\td \xe9"


@pytest.mark.parametrize("name", ["a\nb.png", "a\x1b[2J.png", "a\x7f.png"])
def test_file_names_with_control_codes_are_refused_in_words_that_are_safe(tmp_path, name, capsys):
    (tmp_path / name).touch()
    with pytest.raises(ValueError, match="names without line ends and control codes"):
        find_images(tmp_path)
    assert cli.main(["data", "prepare", "--images", str(tmp_path), "--out", str(tmp_path / "o")]) == 2
    assert printable(told := capsys.readouterr().err) == told


def test_log_lines_are_safe_too(tmp_path, capsys):
    formatter = cli.PrintableFormatter("%(message)s")
    record = logging.LogRecord("x", logging.INFO, "x", 1, "file %s", ("\x1b]0;x\x07.png",), None)
    assert formatter.format(record) == "file \\x1b]0;x\\x07.png"
    assert cli.main(["report", str(tmp_path / "\x1b[2J")]) == 2
    assert "\x1b" not in capsys.readouterr().err
