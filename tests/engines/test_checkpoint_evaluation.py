"""Scores of K classes over cases: pictures, volumes of slices in any order, whole volumes; references and pictures."""

import csv
import json
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from monai.data import DataLoader, Dataset
from monai.engines import SupervisedEvaluator
from monai.handlers import IgniteMetricHandler, from_engine
from PIL import Image

from ssgnet_monai.data.atomic_write import sha256_file
from ssgnet_monai.engines import CheckpointEvaluation
from ssgnet_monai.engines.case_measurement import CaseMeasurement
from ssgnet_monai.metrics import PooledConfusionMetric, surface_distances
from ssgnet_monai.transforms import BatchClassNumbersd
from tests.volume_files import write

NAMES = ["background", "organ", "tumour"]
SPACING = (0.5, 0.8, 5.0)


class Told(torch.nn.Module):
    """Answers with what the image's second channel says, with ``shift`` pixels to the right."""

    def __init__(self):
        super().__init__()
        self.shift = torch.nn.Parameter(torch.zeros(1))

    def forward(self, images):
        classes = images[:, 1].round().long().roll(int(self.shift), -1)
        return classes.unsqueeze(1).to(torch.uint8)


def scene(seed, shape):
    """Truth with an organ and, in even scenes, a tumour; a prediction that errs; unknown pixels in a corner."""
    g = np.random.default_rng(seed)
    truth = np.zeros(shape, np.uint8)
    truth[..., 2:9, 3:10] = 1
    if seed % 2 == 0:
        truth[..., 4:6, 5:8] = 2
    found = np.where(g.random(shape) < 0.15, g.integers(0, 3, shape), truth).astype(np.uint8)
    truth[..., :2, :2] = 255
    return found, truth


def evaluate(tmp_path, items, samples, names=NAMES, batch_size=3, rounds=None, **options):
    data = [{"index": index, **item} for index, item in enumerate(items)]

    def load(item):
        found, truth = samples[item["index"]]
        image = np.stack([truth / 255, found]).astype(np.float32)
        return {"image": torch.from_numpy(image), "label": torch.from_numpy(truth[None].astype(np.float32))}

    dataset = Dataset(data, load)
    network = Told()
    folder = tmp_path / "run"
    (folder / "models").mkdir(parents=True)
    if rounds is None:
        torch.save(network.state_dict(), folder / "model.pt")
    else:
        arms = {"pseudo_label": [], "real_only": []}
        for arm, number, shift in rounds:
            path = f"models/{arm}_{number}.pt"
            torch.save({"shift": torch.tensor([float(shift)])}, folder / path)
            arms[arm].append({"round": number, "model": path, "sha256": sha256_file(folder / path)})
        choice = {"arm": "pseudo_label", "round": 1}
        log = {"arms": arms, "choice": choice, "control_choice": {"arm": "real_only", "round": 1}}
        (folder / "rounds.json").write_text(json.dumps(log))
    handler = IgniteMetricHandler(PooledConfusionMetric(len(names)), output_transform=from_engine(["pred", "label"]))
    evaluator = SupervisedEvaluator(
        torch.device("cpu"),
        DataLoader(dataset, batch_size=batch_size),
        network,
        key_val_metric={"val_dice": handler},
        decollate=False,
    )
    loader = DataLoader(dataset, batch_size=batch_size)
    CheckpointEvaluation(
        evaluator, network, dataset, names, folder, folder / "model.pt", loader, loader, **options
    ).run()
    with open(folder / "per_case.csv", newline="") as file:
        return json.loads((folder / "metrics.json").read_text()), list(csv.DictReader(file)), folder / "examples"


def expected(found, truth, number, spacing=None):
    known = truth != 255
    found, true = (found == number) & known, (truth == number) & known
    together = (found & true).sum()
    dice = 2 * together / (found.sum() + true.sum()) if found.any() or true.any() else None
    return dice, surface_distances(found, true), surface_distances(found, true, spacing) if spacing else None


def check(row, case, spacing):
    dice, voxels, in_mm = expected(*case, NAMES.index(row["class"]), spacing)
    assert row["dice"] == ("" if dice is None else str(dice)) or float(row["dice"]) == pytest.approx(dice)
    for name, distances in (("voxels", voxels), ("mm", in_mm)):
        for measure in ("hd95", "assd"):
            text = row[f"{measure}_{name}"]
            if distances is None or np.isnan(distances.hd95):
                assert text == ""
            else:
                assert float(text) == pytest.approx(getattr(distances, measure))


def volume_slices(number, stem):
    affine = np.diag([*SPACING, 1]).tolist()
    place = {"volume": f"{stem}.nii.gz", "axis": 2, "affine": affine, "shape": [24, 12, 6]}
    return {"image": f"{stem}_{number:04d}.png", "slice": number, "group": stem[0], **place}


def test_slices_in_any_order_are_scored_as_the_volumes_that_they_are(tmp_path):
    """Slice 2 was left out of the data; 24 columns were resized to 12."""
    volumes = {stem: scene(seed, (6, 12, 12)) for seed, stem in enumerate(("a1", "a2", "b1"))}
    places = [(stem, number) for stem in volumes for number in (5, 0, 3, 1, 4)]
    order = np.random.default_rng(1).permutation(len(places))
    items = [volume_slices(number, stem) for stem, number in (places[i] for i in order)]
    samples = [tuple(mask[number] for mask in volumes[stem]) for stem, number in (places[i] for i in order)]
    record, rows, examples = evaluate(tmp_path, items, samples)
    assert (record["n"], record["n_images"], record["n_groups"], record["n_empty"]) == (3, 15, 2, 0)
    assert record["labels"] == NAMES
    whole = {}
    for stem, masks in volumes.items():
        found, truth = (mask.copy() for mask in masks)
        found[2] = truth[2] = 0
        whole[stem] = (found, truth)
    models = [row for row in rows if row["model"] == "model"]
    assert len(models) == 3 * 2
    for row in models:
        check(row, whole[row["case"]], (5.0, 0.8, 1.0))
    scores = record["checkpoints"]["model"]
    for number, name in enumerate(NAMES[1:], start=1):
        found = [expected(*case, number, (5.0, 0.8, 1.0)) for case in whole.values()]
        mean = np.mean([dice for dice, _, _ in found if dice is not None])
        assert scores["classes"][name]["per_case"]["dice_mean"] == pytest.approx(mean)
        assert scores["classes"][name]["distances"]["hd95_mm_mean"] == pytest.approx(
            np.nanmean([in_mm.hd95 for _, _, in_mm in found])
        )
    assert scores["classes"]["tumour"]["distances"]["n_undefined"] == 1  # found in a2, where there is none
    assert set(record["references"]) == {"image_blind"}
    assert "otsu" in record["references_left_out"]
    assert sorted(path.name for path in examples.iterdir()) == [
        f"{number}_{part}.png" for number in range(3) for part in ("final", "image", "truth")
    ]


def test_whole_volumes_of_different_sizes(tmp_path):
    shapes = [(12, 12, 4), (14, 12, 6)]
    items, samples = [], []
    for number, shape in enumerate(shapes):
        path = write(tmp_path / f"v{number}.nii.gz", np.zeros(shape, np.int16), np.diag([*SPACING, 1]))
        items.append({"image": str(path)})
        found, truth = scene(2 * number, (shape[2], *shape[:2]))
        truth[1, 2:9, 3:10] = 2  # the slice with the most foreground, without unknown pixels
        truth[1, :2, :2] = 1
        samples.append(tuple(np.moveaxis(mask, 0, -1) for mask in (found, truth)))
    record, rows, examples = evaluate(tmp_path, items, samples, batch_size=1)
    for row in (row for row in rows if row["model"] == "model"):
        check(row, samples[int(row["case"][1])], SPACING)
    assert record["references"] == {}
    assert record["references_left_out"]["image_blind"] == "The training masks are of different sizes."
    drawn = np.asarray(Image.open(examples / "0_truth.png"))
    # Axial, as radiologists see it: rows run to the back, columns to the patient's left, both against the file's axes.
    np.testing.assert_array_equal(drawn, samples[0][1][::-1, ::-1, 1].T)
    np.testing.assert_array_equal(np.asarray(Image.open(examples / "0_final.png")), samples[0][0][::-1, ::-1, 1].T)


def test_rounds_are_compared_with_their_control_by_pooled_and_by_case_scores(tmp_path):
    samples = [scene(2 * seed, (12, 12)) for seed in range(8)]
    items = [{"image": f"p{number}.png", "group": number // 2} for number in range(8)]
    rounds = [("pseudo_label", 0, 1), ("pseudo_label", 1, 0), ("real_only", 0, 1), ("real_only", 1, 2)]
    record, rows, examples = evaluate(tmp_path, items, samples, rounds=rounds, examples=2)
    scores = record["checkpoints"]
    assert list(scores) == ["pseudo_label/round_00", "pseudo_label/round_01", "real_only/round_01"]
    compared, chosen, control = record["paired_bootstrap"], *(scores[record[name]] for name in ("chosen", "control"))
    assert compared["difference"] == pytest.approx(chosen["pooled"]["dice"] - control["pooled"]["dice"])
    assert compared["per_case"]["difference"] == pytest.approx(
        chosen["per_case"]["dice_mean"] - control["per_case"]["dice_mean"]
    )
    assert compared["n_groups"] == compared["per_case"]["n_groups"] == 4
    assert compared["per_case"]["ci95"][0] > 0
    assert all(row["hd95_mm"] == "" for row in rows)
    assert scores["real_only/round_01"]["distances"]["hd95_mm_mean"] is None
    drawn = {name: np.asarray(Image.open(examples / f"1_{name}.png")) for name in ("baseline", "control", "final")}
    last = samples[-1][0]
    for name, shift in (("final", 0), ("baseline", 1), ("control", 2)):
        np.testing.assert_array_equal(drawn[name], np.roll(last, shift, -1))


class Rolled(torch.nn.Module):
    """Another architecture than ``Told``: the same answer, moved, as probabilities that are nearly certain."""

    def __init__(self, num_classes):
        super().__init__()
        self.num_classes = num_classes
        self.moved, self.sure = torch.nn.Parameter(torch.zeros(1)), torch.nn.Parameter(torch.ones(1))

    def forward(self, images):
        classes = images[:, 1].round().long().roll(int(self.moved), -1)
        one_hot = torch.nn.functional.one_hot(classes, max(self.num_classes, 2)).movedim(-1, 1).float()
        return ((one_hot[:, 1:] - 0.5) * 2 if self.num_classes == 1 else one_hot) * self.sure


@pytest.mark.parametrize("logits", [1, 2, 3])
@pytest.mark.parametrize("shape", [(12, 12), (6, 12, 12)])
def test_networks_that_were_trained_together_and_their_mean(logits, shape, tmp_path):
    """The partner is moved by a pixel and surer of itself, so that the mean answers as it does."""
    samples = [scene(2 * seed, shape) for seed in range(3)]
    if logits < 3:
        samples = [tuple(np.where(mask == 2, 1, mask) for mask in pair) for pair in samples]
    names = NAMES[: max(logits, 2)]
    folder = tmp_path / "run"
    folder.mkdir()

    def saved(name, moved, sure):
        state = {"moved": torch.tensor([float(moved)]), "sure": torch.tensor([float(sure)])}
        torch.save(state, folder / f"{name}.pt")

    saved("model", 0, 1)
    saved("partner", 1, 9)
    network, partner = Rolled(logits), Rolled(logits)
    dataset = Dataset(
        [{"image": f"p{number}.png", "index": number} for number in range(3)],
        lambda item: {
            "image": torch.from_numpy(np.stack([samples[item["index"]][1] / 255, samples[item["index"]][0]])).float(),
            "label": torch.from_numpy(samples[item["index"]][1][None]).float(),
        },
    )
    handler = IgniteMetricHandler(PooledConfusionMetric(len(names)), output_transform=from_engine(["pred", "label"]))
    loader = DataLoader(dataset, batch_size=2)
    evaluator = SupervisedEvaluator(
        torch.device("cpu"), loader, network, postprocessing=BatchClassNumbersd("pred"),
        key_val_metric={"val_dice": handler}, decollate=False,
    )  # fmt: skip
    CheckpointEvaluation(
        evaluator, network, dataset, names, folder, folder / "model.pt", loader, loader, partners={"partner": partner}
    ).run()
    record = json.loads((folder / "metrics.json").read_text())
    assert (list(record["checkpoints"]), record["chosen"]) == (["model", "partner", "ensemble"], "model")
    assert "control" not in record
    with open(folder / "per_case.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    for row in (row for row in rows if row["model"] in record["checkpoints"]):
        found, truth = samples[int(row["case"][1])]
        moved = np.roll(found, 0 if row["model"] == "model" else 1, -1)
        dice = expected(moved, truth, names.index(row["class"]))[0]
        assert float(row["dice"]) == pytest.approx(dice)
    assert evaluator.network is network
    saved("partner", 1, float("nan"))
    with pytest.raises(ValueError, match=r"finite weights in .*partner\.pt"):
        CheckpointEvaluation(
            evaluator,
            network,
            dataset,
            names,
            folder,
            folder / "model.pt",
            loader,
            loader,
            partners={"partner": partner},
        ).run()


def test_two_classes_have_otsu_and_all_foreground_too(tmp_path):
    samples = [tuple(np.where(mask == 2, 1, mask) for mask in scene(seed, (12, 12))) for seed in range(3)]
    samples.append((np.zeros((12, 12), np.uint8), np.zeros((12, 12), np.uint8)))
    items = [{"image": f"p{number}.png"} for number in range(4)]
    record, rows, _ = evaluate(tmp_path, items, samples, names=["background", "lesion"])
    assert set(record["references"]) == {"image_blind", "otsu", "all_foreground"}
    assert record["references_left_out"] == {}
    assert record["n_empty"] == 1
    scores = record["checkpoints"]["model"]
    assert "classes" not in scores
    by_case = [expected(*sample, 1)[0] for sample in samples[:3]]
    assert scores["per_case"]["dice_mean"] == pytest.approx((sum(by_case) + 1) / 4)  # both empty: 1
    assert scores["distances"]["n_undefined"] == 0
    assert [row["class"] for row in rows if row["model"] == "model"] == ["lesion"] * 4


def test_a_missing_model_is_told_before_test_images_are_read(tmp_path):
    untouched = SimpleNamespace(data=[{"image": "a.png"}])
    evaluation = CheckpointEvaluation(None, Told(), untouched, NAMES, tmp_path, tmp_path / "model.pt", None, None)
    with pytest.raises(FileNotFoundError, match=r"Expected trained weights at .*model\.pt"):
        evaluation.run()
    torch.save(Told().state_dict(), tmp_path / "model.pt")
    evaluation.partners = {"partner": Told()}
    with pytest.raises(FileNotFoundError, match=r"Expected trained weights at .*partner\.pt"):
        evaluation.run()


def test_a_run_that_ended_early_is_no_result():
    measured = CaseMeasurement([{"image": "a.png"}, {"image": "b.png"}], 2)
    masks = {"pred": torch.ones(1, 1, 4, 4), "label": torch.ones(1, 1, 4, 4)}
    measured(SimpleNamespace(state=SimpleNamespace(output=masks)))
    with pytest.raises(ValueError, match="a run over all 2 images, it ended after 1"):
        measured.distances()
    measured(SimpleNamespace(state=SimpleNamespace(output=masks)))
    assert measured.distances()[:, 0, :2].tolist() == [[0, 0], [0, 0]]
