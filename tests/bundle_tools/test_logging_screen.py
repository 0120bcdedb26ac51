import pytest

from ssgnet_monai.bundle_tools.logging_screen import screen_logging

GOOD = """[loggers]
keys=root
[handlers]
keys=console
[formatters]
keys=plain
[logger_root]
level=INFO
handlers=console
[handler_console]
class=StreamHandler
args=(sys.stdout,)
[formatter_plain]
format=%(message)s
"""


def refused(tmp_path, text):
    file = tmp_path / "logging.conf"
    file.write_text(text, encoding="utf-8")
    return [(finding.id, finding.refusal) for finding in screen_logging(file) if finding.refusal]


def test_standard_output_passes(tmp_path):
    assert refused(tmp_path, GOOD) == []


@pytest.mark.parametrize(
    ("old", "new", "place"),
    [
        ("(sys.stdout,)", "(os.system('id'),)", "handler_console::args"),
        ("(sys.stdout,)", "('/x/y', 'w')", "handler_console::args"),
        ("class=StreamHandler", "class=FileHandler", "handler_console::class"),
        ("class=StreamHandler", "class=os.system", "handler_console::class"),
        ("args=(sys.stdout,)\n", "", "handler_console::args"),
        ("args=(sys.stdout,)", "args=(sys.stdout,)\nkwargs={'a': exec('x')}", "handler_console::kwargs"),
        ("format=", "class=os.system\nformat=", "formatter_plain::class"),
        ("[loggers]", "[DEFAULT]\nclass=os.system\n[loggers]", "formatter_plain::class"),
    ],
)
def test_what_logging_would_evaluate_is_refused(tmp_path, old, new, place):
    assert place in [id_ for id_, _ in refused(tmp_path, GOOD.replace(old, new))]


def test_a_file_that_does_not_read_is_refused(tmp_path):
    assert "does not read as a logging file" in refused(tmp_path, "class=x")[0][1]
