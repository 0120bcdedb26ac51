import pytest

from ssgnet_monai.data.text_file import read_text


def test_marks_and_line_ends_do_not_matter_and_other_encodings_are_told(tmp_path):
    path = tmp_path / "table.csv"
    path.write_bytes("stem,class\r\ná,b\rc,d\n".encode("utf-8-sig"))
    assert read_text(path) == "stem,class\ná,b\nc,d\n"
    for encoding in ("utf-16", "latin-1"):
        path.write_bytes("stem,class\ná,b\n".encode(encoding))
        with pytest.raises(ValueError, match=r"Expected text in UTF-8, got other bytes .* in .*table\.csv\. Save it"):
            read_text(path)
