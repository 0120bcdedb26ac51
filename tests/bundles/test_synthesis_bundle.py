import json
import shutil
from collections import Counter

import numpy as np
import pytest
import torch
from PIL import Image

from ssgnet_monai.data import datalist_sha256, load_datalist, pool_items, save_datalist
from ssgnet_monai.data.latents import latent
from tests.bundles.conftest import TINY_GAN


@pytest.fixture
def train(run_bundle, phantom, tmp_path):
    def run(name="gan", kimg=0.024, **overrides):
        folder = str(tmp_path / name)
        settings = {**TINY_GAN, "dataset_dir": str(phantom), "output_dir": folder, "ckpt_dir": folder, "kimg": kimg}
        return run_bundle("synthesis", ["train"], **{**settings, **overrides})

    return run


@pytest.fixture
def generate(run_bundle, phantom, tmp_path):
    def run(name="gan", **overrides):
        folder = str(tmp_path / name)
        settings = {**TINY_GAN, "dataset_dir": str(phantom), "output_dir": folder, "ckpt_dir": folder}
        return run_bundle("synthesis", ["inference"], **{**settings, **overrides})

    return run


def listed(folder):
    return json.loads((folder / "synthetic.json").read_text())["unlabeled"]


def pictures(folder):
    return {path.name: path.read_bytes() for path in sorted((folder / "images").glob("*.png"))}


def same_weights(one, other):
    one, other = (torch.load(path, weights_only=True) for path in (one, other))
    return one.keys() == other.keys() and all(torch.equal(one[key], other[key]) for key in one)


def test_properties_are_complete(train):
    assert train(kimg=0.008).check_properties() == []


def test_a_run_in_two_parts_equals_one_without_a_stop(train, tmp_path):
    train("whole")
    train("parts", kimg=0.016)
    (tmp_path / "parts" / "model.pt").unlink()
    train("parts")
    assert same_weights(tmp_path / "whole" / "model.pt", tmp_path / "parts" / "model.pt")
    stats = [json.loads(line) for line in (tmp_path / "parts" / "state" / "stats.jsonl").read_text().splitlines()]
    assert [record["kimg"] for record in stats] == pytest.approx([0.008, 0.016, 0.024])
    assert all(np.isfinite([record["loss_g"], record["loss_d"], record["ada_p"]]).all() for record in stats)


def test_a_damaged_checkpoint_falls_back_to_the_one_before(train, tmp_path, caplog):
    train("whole")
    train("damaged", kimg=0.016)
    newest = sorted((tmp_path / "damaged" / "state").glob("checkpoint_*.pt"))[-1]
    newest.write_bytes(newest.read_bytes()[:1000])
    train("damaged")
    assert "trying the one before" in caplog.text
    assert same_weights(tmp_path / "whole" / "model.pt", tmp_path / "damaged" / "model.pt")


def test_images_depend_on_their_seed_and_not_on_the_batch(train, generate, tmp_path):
    train()
    generate(num_images=5, batch_size=5)
    images = sorted((tmp_path / "gan" / "images").glob("*.png"))
    together = [np.asarray(Image.open(path)).astype(int) for path in images]
    for path in images:
        path.unlink()
    generate(num_images=5, batch_size=2)
    apart = [np.asarray(Image.open(path)).astype(int) for path in images]
    assert max(np.abs(a - b).max() for a, b in zip(together, apart, strict=True)) <= 1
    assert together[0].shape == (32, 32, 3)
    assert np.abs(together[0] - together[1]).max() > 0


def test_generation_goes_on_and_notices_another_generator(train, generate, tmp_path):
    train()
    generate(num_images=3)
    first = tmp_path / "gan" / "images" / "seed0000000.png"
    before = first.stat().st_mtime_ns
    generate(num_images=4)
    assert first.stat().st_mtime_ns == before
    entries = json.loads((tmp_path / "gan" / "synthetic.json").read_text())["unlabeled"]
    assert [entry["seed"] for entry in entries] == [0, 1, 2, 3]
    assert all(entry["origin"] == "synthetic" and entry["class"] == "irregular" for entry in entries)
    train(kimg=0.032)
    generate(num_images=4)
    assert first.stat().st_mtime_ns != before
    again = json.loads((tmp_path / "gan" / "synthetic.json").read_text())["unlabeled"]
    assert again[0]["generator_sha256"] != entries[0]["generator_sha256"]


def test_scores_come_with_their_scale(train, generate, run_bundle, phantom, tmp_path):
    train()
    generate(num_images=16)
    folder = str(tmp_path / "gan")
    settings = {**TINY_GAN, "dataset_dir": str(phantom), "output_dir": folder, "ckpt_dir": folder}
    run_bundle("synthesis", ["train", "evaluate"], **settings)
    record = json.loads((tmp_path / "gan" / "metrics.json").read_text())
    assert record["fid_biased"] is True
    assert record["n_synthetic"] == 16
    assert set(record["references"]) == {"real_vs_real", "blurred_real", "untrained"}
    assert record["references"]["real_vs_real"]["kid"]["mean"] < record["references"]["untrained"]["kid"]["mean"]
    assert len(record["features"]["sha256"]) == 64
    assert (tmp_path / "gan" / "grid.png").exists()


def test_a_class_too_small_to_score_ends_with_a_sentence(train, generate, run_bundle, phantom, tmp_path):
    content = json.loads((phantom / "datalist.json").read_text())
    rare = [item for item in content["training"] if item["class"] == "irregular"][:2]
    content["training"] = [item for item in content["training"] if item["class"] != "irregular"] + rare
    small = shutil.copytree(phantom, tmp_path / "small")
    (small / "datalist.json").write_text(json.dumps(content))
    train(kimg=0.008, dataset_dir=str(small))
    generate(num_images=4, dataset_dir=str(small))
    folder = str(tmp_path / "gan")
    settings = {**TINY_GAN, "dataset_dir": str(small), "output_dir": folder, "ckpt_dir": folder}
    run_bundle("synthesis", ["train", "evaluate"], **settings)
    record = json.loads((tmp_path / "gan" / "metrics.json").read_text())
    assert (record["fid"], record["kid"], record["references"]) == (None, None, {})
    assert record["left_out"].startswith(
        "Expected at least 4 real images to score against, got 2: KID and FID are left out"
    )
    assert (tmp_path / "gan" / "grid.png").exists()
    # and images of a generator of other data are not scored against these
    with pytest.raises(RuntimeError) as error:
        run_bundle("synthesis", ["train", "evaluate"], **{**settings, "dataset_dir": str(phantom)})
    assert "may be test images here" in chain(error.value)


def test_one_conditional_generator_for_all_classes(train, generate, tmp_path):
    train("both", class_name="all", conditional=True)
    generate("both", class_name="all", conditional=True, num_images=10, class_mix="equal")
    entries = json.loads((tmp_path / "both" / "synthetic.json").read_text())["unlabeled"]
    assert [entry["class"] for entry in entries] == ["irregular", "regular"] * 5


def test_transfer_starts_from_another_run(train, tmp_path):
    train("first")
    checkpoint = sorted((tmp_path / "first" / "state").glob("checkpoint_*.pt"))[-1]
    train("second", kimg=0.008, transfer=str(checkpoint), g_lr=1.0e-12, d_lr=1.0e-12)
    start = torch.load(checkpoint, weights_only=True)["session"]["objects"]["generator"]
    state = sorted((tmp_path / "second" / "state").glob("checkpoint_*.pt"))[-1]
    end = torch.load(state, weights_only=True)["session"]["objects"]["generator"]
    assert torch.allclose(start["mapping.fc0.weight"], end["mapping.fc0.weight"], atol=1e-6)


def test_a_fresh_run_is_the_first_once_more_its_transfer_included(train, tmp_path):
    """The checkpoints that it sets aside do not count as its own."""
    train("earlier")
    start = str(sorted((tmp_path / "earlier" / "state").glob("checkpoint_*.pt"))[-1])
    train("run", transfer=start, ada=False)
    (tmp_path / "run" / "model.pt").rename(tmp_path / "first.pt")
    train("run", transfer=start, ada=False, resume="fresh")
    assert same_weights(tmp_path / "first.pt", tmp_path / "run" / "model.pt")
    state = tmp_path / "run" / "state"
    assert (state / "earlier" / "stats.jsonl").read_text().count("\n") == (state / "stats.jsonl").read_text().count(
        "\n"
    )


def test_a_class_without_images_is_an_error_that_names_the_classes(train):
    with pytest.raises(RuntimeError) as error:
        train(class_name="benign")
    assert "irregular" in str(error.value.__cause__)


def test_generating_without_a_model_says_what_to_do(generate):
    with pytest.raises(RuntimeError) as error:
        generate(num_images=1)
    assert isinstance(error.value.__cause__, FileNotFoundError)


def test_truncation_reaches_the_images_and_their_provenance(train, generate, tmp_path):
    train(kimg=0.008)
    generate(num_images=3)
    plain = pictures(tmp_path / "gan")
    assert {entry["truncation"] for entry in listed(tmp_path / "gan")} == {1.0}
    generate(num_images=3, truncation=0.5)
    half = pictures(tmp_path / "gan")
    assert {entry["truncation"] for entry in listed(tmp_path / "gan")} == {0.5}
    assert all(half[name] != plain[name] for name in plain)
    generate(num_images=3, truncation=0.0)
    assert len(set(pictures(tmp_path / "gan").values())) == 1
    generate(num_images=3, truncation=1.0)
    assert pictures(tmp_path / "gan") == plain


def test_truncation_is_that_of_the_mapping_network(train, generate, tmp_path):
    workflow = train(kimg=0.008)
    generate(num_images=2, truncation=0.5)
    generator = workflow.parser.get_parsed_content("network_ema")
    for seed in range(2):
        with torch.no_grad():
            w = generator.mapping(latent(seed, generator.z_dim)[None])
            image = generator.synthesis(generator.mapping.w_avg + 0.5 * (w - generator.mapping.w_avg))
        expected = ((image[0].clamp(-1, 1) + 1) * 127.5).round().movedim(0, -1).numpy()
        found = np.asarray(Image.open(tmp_path / "gan" / "images" / f"seed{seed:07d}.png"))
        assert np.abs(found - expected).max() <= 1


def test_a_truncation_that_is_none_is_refused(train, generate):
    train(kimg=0.008)
    with pytest.raises(RuntimeError) as error:
        generate(num_images=1, truncation=1.5)
    assert "[0, 1], got 1.5" in chain(error.value)


def test_a_conditional_set_keeps_files_and_classes_when_it_grows(train, generate, tmp_path):
    conditional = {"class_name": "all", "conditional": True}
    train("both", kimg=0.008, **conditional)
    generate("both", num_images=4, **conditional)
    few, files = listed(tmp_path / "both"), pictures(tmp_path / "both")
    times = {name: (tmp_path / "both" / "images" / name).stat().st_mtime_ns for name in files}
    generate("both", num_images=8, **conditional)
    many = listed(tmp_path / "both")
    assert many[:4] == few
    assert (
        times.items()
        <= {path.name: path.stat().st_mtime_ns for path in sorted((tmp_path / "both" / "images").glob("*.png"))}.items()
    )
    assert [entry["seed"] for entry in many] == list(range(8))
    # a picture shows the class of its entry: made alone, with that class, it is the same
    generator = train("both", kimg=0.008, **conditional).parser.get_parsed_content("network_ema")
    for entry in many:
        with torch.no_grad():
            c = torch.eye(2)[["irregular", "regular"].index(entry["class"])][None]
            image = generator(latent(entry["seed"], generator.z_dim)[None], c)[0]
        expected = ((image.clamp(-1, 1) + 1) * 127.5).round().movedim(0, -1).numpy()
        assert np.abs(np.asarray(Image.open(tmp_path / "both" / entry["image"])) - expected).max() <= 1
    # 28 regular, 12 irregular
    assert Counter(entry["class"] for entry in many) == {"regular": 6, "irregular": 2}


def test_images_of_other_seeds_join_the_list(train, generate, tmp_path):
    train(kimg=0.008)
    generate(num_images=3)
    before, files = listed(tmp_path / "gan"), pictures(tmp_path / "gan")
    generate(num_images=2, first_seed=10)
    assert [entry["seed"] for entry in listed(tmp_path / "gan")] == [0, 1, 2, 10, 11]
    assert listed(tmp_path / "gan")[:3] == before
    assert files.items() <= pictures(tmp_path / "gan").items()
    (tmp_path / "gan" / "images" / "seed0000001.png").unlink()
    generate(num_images=1, first_seed=20)
    assert [entry["seed"] for entry in listed(tmp_path / "gan")] == [0, 2, 10, 11, 20]


@pytest.fixture
def prepared_anew(phantom, tmp_path):
    """The same images with other splits: training and test have changed places."""
    content = json.loads((phantom / "datalist.json").read_text())
    content["training"], content["test"] = content["test"], content["training"]
    folder = tmp_path / "anew"
    shutil.copytree(phantom, folder)
    (folder / "datalist.json").write_text(json.dumps(content))
    return folder


def test_a_generator_of_other_data_cannot_pass_for_one_of_these(train, generate, phantom, prepared_anew, tmp_path):
    train()
    with pytest.raises(RuntimeError) as error:
        train(dataset_dir=str(prepared_anew))
    assert "the data were prepared anew" in chain(error.value)
    assert "Choose another output_dir" in chain(error.value)
    train("other", dataset_dir=str(prepared_anew))  # the advice
    generate(num_images=2, dataset_dir=str(prepared_anew))
    assert {entry["datalist_sha256"] for entry in listed(tmp_path / "gan")} == {datalist_sha256(phantom)}
    made = [tmp_path / "gan" / "synthetic.json"]
    with pytest.raises(ValueError, match="may be test images here"):
        pool_items(load_datalist(prepared_anew), [], made, "both", prepared_anew)
    assert len(pool_items(load_datalist(phantom), [], made, "synthetic", phantom)) == 2


def test_a_finished_run_of_another_class_is_not_taken_for_one_of_this(train, generate):
    train()
    with pytest.raises(RuntimeError) as error:
        train(class_name="regular")
    assert "Expected class_name: 'irregular', with which" in chain(error.value)
    with pytest.raises(RuntimeError) as error:
        generate(num_images=1, class_name="regular")
    assert "Expected class_name: 'irregular', with which" in chain(error.value)


def test_a_generator_goes_on_with_the_same_labelled_images_alone(train):
    labeled = {"generator_images": "labeled", "num_labeled": 20}
    train(kimg=0.008, **labeled)
    train(kimg=0.016, **labeled)
    with pytest.raises(RuntimeError) as error:
        train(labeled_by="image", **labeled)
    assert "Expected labeled: [20, 0], with which" in chain(error.value)
    assert "got [20, 0, 'image']" in chain(error.value)


@pytest.mark.parametrize("conditional", [False, True])
def test_images_without_masks_and_classes_are_learnt_from_where_no_class_is_needed(
    train, phantom, tmp_path, conditional
):
    datalist = load_datalist(phantom)
    hidden = datalist["training"][:4]
    bare = [{"image": item["image"], "group": item["group"], "origin": "real"} for item in hidden]
    folder = tmp_path / "data"
    save_datalist({**datalist, "training": datalist["training"][4:], "unlabeled": bare}, folder / "datalist.json")
    train(kimg=0.008, class_name="all", conditional=conditional, dataset_dir=str(folder))
    counts = json.loads((tmp_path / "gan" / "generator.json").read_text())["class_counts"]
    assert counts.get("all", 0) == (0 if conditional else 4)
    assert sum(counts.values()) == len(datalist["training"]) - (4 if conditional else 0)


def test_a_generator_that_does_not_know_its_data_is_refused(train, generate, tmp_path):
    train()
    record = tmp_path / "gan" / "generator.json"
    kept = record.read_text()
    record.unlink()
    with pytest.raises(RuntimeError) as error:
        generate(num_images=1)
    assert "run the training again with the same command" in chain(error.value)
    train()  # the advice
    assert record.read_text() == kept
    generate(num_images=1)
    checkpoint = sorted((tmp_path / "gan" / "state").glob("checkpoint_*.pt"))[-1]
    content = torch.load(checkpoint, weights_only=True)
    del content["session"]["data_sha256"], content["session"]["trained_with"]
    torch.save(content, checkpoint)
    with pytest.raises(RuntimeError) as error:
        train()
    assert "an earlier version, which did not note its data" in chain(error.value)


def test_weights_beside_the_record_of_others_are_refused(train, generate, tmp_path):
    train()
    train("other", class_name="regular")
    shutil.copy(tmp_path / "other" / "model.pt", tmp_path / "gan" / "model.pt")
    with pytest.raises(RuntimeError) as error:
        generate(num_images=1)
    assert "copy both" in chain(error.value)


def test_a_transfer_from_other_data_is_told(train, generate, phantom, prepared_anew, tmp_path, caplog):
    train("first", dataset_dir=str(prepared_anew))
    checkpoint = sorted((tmp_path / "first" / "state").glob("checkpoint_*.pt"))[-1]
    train("second", kimg=0.008, transfer=str(checkpoint))
    assert "has seen training images of other lists" in caplog.text
    train("second", kimg=0.016, transfer=str(checkpoint))  # goes on, and still knows
    generate("second", num_images=1)
    (entry,) = listed(tmp_path / "second")
    assert entry["transferred_from"] == [datalist_sha256(prepared_anew)]
    assert entry["datalist_sha256"] == datalist_sha256(phantom)


def chain(error):
    """The messages of an error and its causes."""
    return f"{error} <- {chain(error.__cause__)}" if error.__cause__ else str(error)
