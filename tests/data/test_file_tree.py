from ssgnet_monai.data.file_tree import files_below


def test_links_are_followed_once_and_side_files_are_passed_by(tmp_path):
    names = ("far/case/x.txt", "in/b/deep/c.txt", "in/b/.hidden/d.txt", "in/__MACOSX/e.txt", "in/Thumbs.db", "in/z.txt")
    for name in names:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("")
    (tmp_path / "in/a").symlink_to(tmp_path / "far/case")
    (tmp_path / "in/b/loop").symlink_to(tmp_path / "in")
    (tmp_path / "in/gone").symlink_to(tmp_path / "nowhere")
    found = [path.relative_to(tmp_path / "in").as_posix() for path in files_below(tmp_path / "in")]
    assert found == ["z.txt", "a/x.txt", "b/deep/c.txt"]
    assert files_below(tmp_path / "nowhere") == []
