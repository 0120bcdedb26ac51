import datetime

import pytest

from ssgnet_monai.data.key_values import KEY, is_text, option_value, read_yaml

TYPED = ["2024-11-28", "007", "yes", "Study #3", "A: B", "1_000", "1e5", "~", "{a", "'x'", "*a", "- b", " c "]


@pytest.mark.parametrize("word", TYPED)
def test_a_path_or_a_name_is_what_was_typed(word):
    assert option_value(word, "images", "str | Path") == word
    assert option_value(word, "masks", "str | Path | None") == word


def test_null_is_nothing_where_nothing_is_allowed_and_a_name_elsewhere():
    assert option_value("null", "masks", "str | Path | None") is None
    assert option_value("null", "images", "str | Path") == "null"


def test_other_values_are_yaml():
    assert option_value("[1, 2]", "size", "int | Sequence[int]") == [1, 2]
    assert option_value("007", "lists", "Lists | None") == "007"
    assert option_value("{train: 007, test: yes}", "lists", "Lists | None") == {"train": "007", "test": "yes"}
    assert not is_text("str | Sequence[float]")
    assert not is_text("")


def test_text_is_kept_only_where_it_is_wanted():
    text = "dir: 007\nday: 2024-11-28\nnone: ~\nrows: {3: {dir: yes}}\n"
    found = read_yaml(text, "x", lambda keys: keys[-1] in ("dir", KEY))
    assert found == {"dir": "007", "day": datetime.date(2024, 11, 28), "none": None, "rows": {"3": {"dir": "yes"}}}
    assert read_yaml("", "x", lambda _: True) is None


@pytest.mark.parametrize("text", ["a: [", "a: b: c", "\ta: 1", "a: 2024-13-45", "&a [*a]"])
def test_broken_yaml_is_named(text):
    with pytest.raises(ValueError, match="Expected (YAML|settings) in mine.yaml, got"):
        read_yaml(text, "mine.yaml", lambda _: False)


def test_aliases_may_share_but_not_explode():
    bomb = "a0: &a0 [1,1,1,1,1,1,1,1,1,1]\n" + "".join(
        f"a{k}: &a{k} [{','.join([f'*a{k - 1}'] * 10)}]\n" for k in range(1, 9)
    )
    with pytest.raises(ValueError, match="aliases .* that make more than"):
        read_yaml(bomb, "x", lambda _: True)
    assert read_yaml("base: &b {x: 1}\none: {<<: *b, y: 2}\n", "x", lambda _: False)["one"] == {"x": 1, "y": 2}
