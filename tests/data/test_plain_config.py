import pytest

from ssgnet_monai.data.plain_config import parse_plain, read_plain


def test_plain_data_is_read_as_yaml_and_json_read_it(tmp_path):
    text = "a: 1:30\nb: &b [1.5, x]\nc: *b\nd: {<<: {e: 1}, f: 2}"
    assert parse_plain(text) == {"a": 90, "b": [1.5, "x"], "c": [1.5, "x"], "d": {"e": 1, "f": 2}}
    (tmp_path / "a.JSON").write_text('{"a": [1, null]}')
    assert read_plain(tmp_path / "a.JSON") == {"a": [1, None]}


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("a: 1\na: 2", "'a' is given twice"),
        ("a: " + "1:" * 30 + "1", "more than 40 characters"),
        ("a: &a [*a]", "nested deeper than 50"),
        ("a: [", "expected the node content"),
        ("a: !!python/name:os.system", "could not determine a constructor"),
    ],
)
def test_what_is_no_plain_data_is_named(text, reason):
    with pytest.raises(ValueError, match=reason):
        parse_plain(text)
