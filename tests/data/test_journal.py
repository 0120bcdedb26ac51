import pytest

from ssgnet_monai.data.journal import Journal, file_stamps


def journal_of(folder, **signatures):
    return Journal(folder / "journal.jsonl", signatures, lambda record: [folder / record["file"]])


def make(folder, journal):
    journal.begin()
    for name in journal.todo:
        (folder / name).write_text("made")
        journal.note(name, {"file": name})


def test_only_what_changed_or_is_gone_is_left_to_do(tmp_path):
    first = journal_of(tmp_path, a="a1", b="b1", c="c1")
    assert first.todo == ["a", "b", "c"]
    make(tmp_path, first)
    (tmp_path / "b").unlink()
    again = journal_of(tmp_path, a="a1", b="b1", c="c2")
    assert again.todo == ["b", "c"]
    make(tmp_path, again)
    assert again.records() == [{"file": "a"}, {"file": "b"}, {"file": "c"}]
    assert journal_of(tmp_path, a="a1", b="b1", c="c2").todo == []


def test_files_that_were_replaced_are_not_taken_for_the_earlier_ones(tmp_path):
    for signature in ("wide", "narrow"):
        make(tmp_path, journal_of(tmp_path, a=signature))
    assert journal_of(tmp_path, a="wide").todo == ["a"]
    journal_of(tmp_path, a="wide").begin()  # and then killed before or after the file is written
    assert journal_of(tmp_path, a="narrow").todo == ["a"]


def test_a_line_cut_short_spoils_no_other(tmp_path):
    make(tmp_path, journal_of(tmp_path, a="a1", b="b1"))
    path = tmp_path / "journal.jsonl"
    path.write_text(path.read_text()[:-9])
    assert journal_of(tmp_path, a="a1", b="b1").todo == ["b"]


def test_stamps_change_with_the_file(tmp_path):
    file = tmp_path / "x"
    file.write_text("1")
    before = file_stamps([file, None])
    file.write_text("22")
    assert file_stamps([file]) != before
    with pytest.raises(FileNotFoundError):
        file_stamps([tmp_path / "none"])
