import json

import pytest

from ssgnet_monai.data.staging import StagingJob, stage_pictures


def jobs_in(folder, names="abc"):
    folder.mkdir(exist_ok=True)
    for name in names:
        (folder / name).write_text(name)
    return [StagingJob(name, (folder / name,)) for name in names]


def maker(staging, made):
    def make(job):
        made.append(job.name)
        text = job.sources[0].read_text()
        if text == "bad":
            raise ValueError(f"Expected good, got {text} in {job.sources[0].name}.")
        (staging / f"{job.name}.png").write_text(text)
        return {f"{job.name}.png": {"length": len(text)}}

    return make


def test_only_new_changed_and_lost_pictures_are_made(tmp_path):
    staging, made = tmp_path / "staging", []
    make, jobs = maker(staging, made), jobs_in(tmp_path / "source")
    first = stage_pictures(jobs, staging, make, {"tile": 4})
    assert first == [{f"{name}.png": {"length": 1}} for name in "abc"]
    assert sorted(made) == ["a", "b", "c"]
    (staging / "a.png").unlink()
    (tmp_path / "source/b").write_text("longer")
    (staging / ".c.png.cut.png").write_text("half")
    assert stage_pictures(jobs, staging, make, {"tile": 4})[1] == {"b.png": {"length": 6}}
    assert sorted(made[3:]) == ["a", "b"]
    assert not (staging / ".c.png.cut.png").exists()
    stage_pictures(jobs, staging, make, {"tile": 8})
    assert sorted(made[5:]) == ["a", "b", "c"]
    stage_pictures(jobs, staging, make, {"tile": 4})  # whose pictures were replaced
    assert len(made) == 11


def test_refusals_are_told_and_the_others_kept(tmp_path):
    staging, made = tmp_path / "staging", []
    jobs = jobs_in(tmp_path / "source")
    jobs[1].sources[0].write_text("bad")
    with pytest.raises(ValueError, match="1 of 3 images: Expected good, got bad in b"):
        stage_pictures(jobs, staging, maker(staging, made))
    kept = [json.loads(line)[1] for line in (staging / "journal.jsonl").read_text().splitlines()]
    assert kept == [{"a.png": {"length": 1}}, {"c.png": {"length": 1}}]
