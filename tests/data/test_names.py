import pytest

from ssgnet_monai.data.names import folder_name, is_fit_name, look_alikes, plain_name, plain_number


def test_a_name_has_one_form():
    assert plain_name(" Me\u0301lanome ") == "M\xe9lanome"


@pytest.mark.parametrize("name", ["a", "007", "in situ", "HER2+", "कैंसर", "خوش\u200cخیم", "M\xe9lanome", "T.1-b_2"])
def test_letters_of_every_script_make_names(name):
    assert is_fit_name(name)


@pytest.mark.parametrize("name", ["", "..", "-x", "a/b", "a\\b", "a\nb", "a:b", "a\x1b[1m", " a", "a$"])
def test_what_is_no_name(name):
    assert not is_fit_name(name)


def test_folders_keep_letters_with_their_marks():
    assert folder_name("कैंसर b/c") == "कैंसर_b_c"
    assert look_alikes(["कैंसर", "क सर"]) == []


def test_names_that_would_share_a_folder_are_found():
    assert look_alikes(["a b", "c", "A_b"]) == [["A_b", "a b"]]
    assert look_alikes(["HER2+", "HER2-"]) == []


@pytest.mark.parametrize(("name", "plain"), [("007", "7"), ("7.0", "7"), ("0", "0"), ("7.5", "7.5"), ("a1.0", "a1.0")])
def test_a_whole_number_has_one_form(name, plain):
    assert plain_number(name) == plain
    assert bool(look_alikes({name, plain})) == (name != plain)
