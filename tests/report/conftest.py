"""A run folder as the stages leave it, with tiny images and made-up but consistent numbers."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from ssgnet_monai.data.label_space import mask_image
from ssgnet_monai.pipeline.layout import LAYOUT
from tests.report.case_files import TEST_CASES, case_dices, write_cases
from tests.report.class_files import add_classification

SIZE = 24
BuildRun = Callable[..., Path]


def write(path: Path, content: Any) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content), encoding="utf-8")


def disc(radius: float, shift: int = 0) -> np.ndarray:
    rows, columns = np.mgrid[:SIZE, :SIZE]
    return (rows - SIZE / 2) ** 2 + (columns - SIZE / 2 - shift) ** 2 < radius**2


def photograph(generator: np.random.Generator, mask: np.ndarray) -> Image.Image:
    noise = generator.integers(0, 40, (SIZE, SIZE, 3))
    return Image.fromarray((noise + 90 + 80 * mask[..., None] * [1, 0, 0]).clip(0, 255).astype(np.uint8))


def save_mask(path: Path, mask: np.ndarray) -> None:
    Image.fromarray(mask.astype(np.uint8) * 255).save(path)


def scores(dice: float) -> dict[str, Any]:
    return {
        "pooled": {
            "dice": dice,
            "iou": dice / (2 - dice),
            "accuracy": 0.9 + dice / 100,
            "sensitivity": dice + 0.0123,
            "specificity": 0.95123,
        },
        "macro": {"dice": dice / 2 + 0.48, "iou": dice / 2 + 0.44},
        "per_case": {"dice_mean": dice - 0.021, "dice_sd": 0.281, "iou_mean": dice - 0.117, "iou_sd": 0.243},
    }


ORGANS = ["background", "right ventricle", "myocardium"]


def organ_scores(dice: float, distances: bool = True) -> dict[str, Any]:
    """Scores of volumes of three classes: the myocardium is .1 worse and missed in one case."""

    def one(dice: float, undefined: int) -> dict[str, Any]:
        found = {"pooled": scores(dice)["pooled"], "per_case": {**scores(dice)["per_case"], "n_absent": 2 * undefined}}
        if distances:
            away = {f"{m}_{u}": (1 - dice) * k for u, k in (("mm", 30), ("voxels", 12)) for m in ("hd95", "assd")}
            spread = {
                f"{name}_{of}": value / (1 + (of == "sd")) for name, value in away.items() for of in ("mean", "sd")
            }
            found["distances"] = {**spread, "n_undefined": undefined}
        return found

    classes = {ORGANS[1]: one(dice + 0.05, 0), ORGANS[2]: one(dice - 0.05, 1)}
    return {**one(dice, 1), "macro": scores(dice)["macro"], "classes": classes}


def add_data(run: Path, classes: list[str], name: str, masks: bool = True) -> None:
    generator = np.random.default_rng(0)
    datalist: dict[str, Any] = {
        "name": name,
        "modality": {"0": "RGB"},
        "labels": {"0": "background", "1": "polyp"},
        "classes": classes,
        "num_channels": 3,
        "intensity_window": [0, 255],
        "image_size": [SIZE, SIZE],
        "split_seed": 7,
        "group_source": "one group an image",
    }
    (run / "data" / "images").mkdir(parents=True)
    (run / "data" / "masks").mkdir(parents=True)
    index = 0
    for split, n in (("training", 6), ("validation", 2), ("test", 4), ("unlabeled", 3)):
        datalist[split] = []
        for position in range(n):
            mask = disc(5 + position)
            stem = f"{index:03d}.png"
            photograph(generator, mask).save(run / "data" / "images" / stem)
            item = {"image": f"images/{stem}", "class": classes[index % len(classes)], "origin": "real"}
            item["group"] = f"p{index}"
            if masks and split != "unlabeled":
                save_mask(run / "data" / "masks" / stem, mask)
                item["label"] = f"masks/{stem}"
            datalist[split].append(item)
            index += 1
    write(run / "data" / "datalist.json", datalist)
    write(
        run / "data" / "prepare.json",
        {"found": {"images": index, "masks": 12}, "inferred": {"channels": 3}, "warnings": ["2 images repeat"]},
    )


def add_generator(run: Path, folder: str, class_name: str, n: int = 120) -> None:
    generator = np.random.default_rng(1)
    place = run / "generators" / folder
    (place / "images").mkdir(parents=True)
    for seed in range(4):
        photograph(generator, disc(6)).save(place / "images" / f"seed{seed:06d}.png")
    item = {"class": class_name, "origin": "synthetic"}
    write(place / "synthetic.json", {"unlabeled": [{**item, "image": f"images/seed{s:06d}.png"} for s in range(4)]})
    (place / "state").mkdir()
    ticks = [
        {
            "kimg": k,
            "seconds_per_kimg": 9.5,
            "loss_g": 1.1 + k / 40,
            "loss_d": 1.3 - k / 50,
            "r1": 0.01,
            "ada_p": k / 90,
            "ada_rt": 0.3 + k / 60,
        }
        for k in range(1, 21)
    ]
    lines = [json.dumps(tick) for tick in ticks]
    (place / "state" / "stats.jsonl").write_text("\n".join(lines) + '\n{"kimg": 21, "loss', encoding="utf-8")
    reference = {"n": n // 2, "fid": 12.345, "kid": {"mean": 0.0021, "sd": 0.0006}}
    metrics = {
        "stage": "synthesis", "class": class_name, "split": "training", "n_real": n, "n_synthetic": 4 * n, "seed": 3,
        "config_sha256": "c0ffee" * 10, "seconds": 41.5, "resizer": "clean",
        "features": {"name": "trained on the real training images", "sha256": "feed" * 16},
        "fid": 87.654, "fid_biased": n < 2048, "kid": {"mean": 0.0312, "sd": 0.0041, "subsets": 50, "subset_size": 60},
        "references": {
            "real_vs_real": reference,
            "blurred_real": {**reference, "fid": 99.9, "kid": {"mean": 0.0934, "sd": 0.0051}},
            "untrained": {**reference, "fid": 301.7, "kid": {"mean": 1.214, "sd": 0.0322}},
        },
    }  # fmt: skip
    write(place / "metrics.json", metrics)


def add_control(run: Path, row: str, seed: int, dice: float, noise: float = 0.0) -> None:
    """A row that is a control of others: trained once, without rounds."""
    place = run / "segmentation" / row / f"seed{seed}"
    write(
        place / "metrics.json",
        {
            "stage": "segmentation", "n": 4, "seed": seed, "config_sha256": "cafe" * 16, "chosen": "model",
            "checkpoints": {"model": scores(dice)}, "references": {},
            "n_training_masks": 50 if row.endswith("oracle") else 30,
        },
    )  # fmt: skip
    write_cases(place, {"model": case_dices(dice, noise)}, TEST_CASES)


def add_segmentation(
    run: Path,
    row: str,
    seed: int,
    dices: tuple[float, float, float],
    control: float,
    noise: float,
    chosen: int = 2,
    num_labeled: int | None = 30,
) -> Path:
    place = run / "segmentation" / row / f"seed{seed}"

    def record(index: int, dice: float, arm: str) -> dict[str, Any]:
        return {
            "round": index, "val_dice": dice + 0.011, "label_change": 0.031 if index else None,
            "mean_confidence": 0.91, "foreground": 0.147, "seconds": 64.5, "used_for_labels": index != 1,
            "pool": {"synthetic": 500, "real": 150} if arm == "pseudo_label" and index else {"synthetic": 0, "real": 0},
            "model": f"models/{arm}_{index}.pt", "sha256": f"{index}abc" * 16,
        }  # fmt: skip

    arms = {
        "pseudo_label": [record(index, dice, "pseudo_label") for index, dice in enumerate(dices)],
        "real_only": [record(index, control - 0.004 * (2 - index), "real_only") for index in (1, 2)],
    }
    arms["real_only"].insert(0, {**arms["pseudo_label"][0], "used_for_labels": None})
    names = [f"pseudo_label/round_{index:02d}" for index in range(3)]
    write(
        place / "rounds.json",
        {
            "arms": arms,
            "num_labeled": num_labeled,
            "seed": seed,
            "steps": 1500,
            "config_sha256": "beef" * 16,
            "choice": {
                "arm": "pseudo_label",
                "round": chosen,
                "sha256": "2abc" * 16,
                "val_dice": dices[chosen] + 0.011,
            },
            "control_choice": {"arm": "real_only", "round": 2, "sha256": "9abc" * 16, "val_dice": control + 0.011},
        },
    )
    checkpoints = {name: scores(dice) for name, dice in zip(names, dices, strict=True)}
    checkpoints |= {"real_only/round_01": scores(control - 0.004), "real_only/round_02": scores(control)}
    write(
        place / "metrics.json",
        {
            "stage": "segmentation",
            "split": "test",
            "n": 4,
            "n_empty": 1,
            "seed": seed,
            "seconds": 12.5,
            "config_sha256": "beef" * 16,
            "checkpoints": checkpoints,
            "chosen": names[chosen],
            "references": {"otsu": scores(0.4117), "all_foreground": scores(0.2603)},
            "control": "real_only/round_02",
        },
    )
    of_cases = {
        name: case_dices(dice, noise * (index > 0)) for index, (name, dice) in enumerate(zip(names, dices, strict=True))
    }
    of_cases |= {
        "real_only/round_02": case_dices(control),
        "otsu": case_dices(0.4117),
        "all_foreground": case_dices(0.2603),
    }
    write_cases(place, of_cases, TEST_CASES)
    return place


def add_examples(place: Path, empty_final: bool = False) -> None:
    folder = place / "examples"
    folder.mkdir(parents=True)
    photograph(np.random.default_rng(2), disc(6)).save(folder / "0_image.png")
    for name, mask in (("truth", disc(6)), ("baseline", disc(6, 4)), ("control", disc(7)), ("final", disc(6, 1))):
        save_mask(folder / f"0_{name}.png", np.zeros_like(mask) if empty_final and name == "final" else mask)


@pytest.fixture
def build_classification_run(tmp_path: Path) -> BuildRun:
    """``build_classification_run(...)`` -> a run of classifiers alone; ``gains`` is what each setting finds more."""

    def build(
        classes: tuple[str, ...] = ("malignant", "normal, benign"),
        name: str = "breastmnist",
        seeds: tuple[int, ...] = (0, 1, 2),
        gains: tuple[int, ...] = (0, 1, 2, 2),
    ) -> Path:
        run = tmp_path / "classifiers"
        add_data(run, list(classes), name, masks=False)
        for index, class_name in enumerate(classes):
            add_generator(run, f"class{index}", class_name)
        for seed in seeds:
            right = dict(zip(("original", "balanced", "extra_20", "extra_50"), gains, strict=True))
            right = {setting: 20 + 2 * seed + gain for setting, gain in right.items()}
            for setting in right:
                add_classification(run, "resnet50", setting, seed, right, classes)
        config = {"seeds": list(seeds), "segmentation": {}, "classification": {"resnet50": {"steps": 400}}}
        write(
            run / "experiment.json",
            {"name": "Breast ultrasound", "layout": LAYOUT, "config": config, "commands": ["ssgnet run x"]},
        )
        return run

    return build


@pytest.fixture
def build_organ_run(build_run: BuildRun) -> BuildRun:
    """``build_organ_run(...)`` -> a finished run on slices of volumes with three classes, scored by volume."""

    def build(**options: Any) -> Path:
        run = build_run(**options)
        path = run / "data" / "datalist.json"
        datalist = json.loads(path.read_text(encoding="utf-8"))
        datalist["labels"] = {str(value): name for value, name in enumerate(ORGANS)}
        for split in ("training", "validation", "test"):
            for number, item in enumerate(datalist[split]):
                old = run / "data" / item["image"]
                item |= {"image": f"images/{split}_{number:04d}.png", "slice": number, "axis": 2, "volume": "v.nii.gz"}
                old.rename(run / "data" / item["image"])
        write(path, datalist)
        for place in sorted((run / "segmentation").glob("*/seed*")):
            metrics = json.loads((place / "metrics.json").read_text(encoding="utf-8"))
            checkpoints = {
                name: organ_scores(entry["pooled"]["dice"]) for name, entry in metrics["checkpoints"].items()
            }
            dices = {name: entry["pooled"]["dice"] for name, entry in metrics["checkpoints"].items()}
            of_cases = {
                name: case_dices(dice, 0.03 * (name == metrics["chosen"]), 16)
                for name, dice in {**dices, "majority_mask": 0.2}.items()
            }
            write_cases(place, of_cases, [f"v{number}" for number in range(16)], tuple(ORGANS[1:]))
            organs = {
                "labels": ORGANS,
                "case": "volume",
                "n": 16,
                "n_images": 136,
                "n_groups": 8,
                "n_empty": 0,
                "checkpoints": checkpoints,
                "references": {"majority_mask": organ_scores(0.2, distances=False)},
            }
            write(place / "metrics.json", {**metrics, **organs})
            for name in ("truth", "baseline", "control", "final"):
                mask = place / "examples" / f"0_{name}.png"
                classes = (np.asarray(Image.open(mask)) > 0).astype(np.uint8)
                classes[:, SIZE // 2 :] *= 2
                mask_image(classes).save(mask)
        return run

    return build


@pytest.fixture
def build_run(tmp_path: Path) -> BuildRun:
    """``build_run(...)`` -> a finished run folder; keyword arguments change what the report should say."""

    def build(
        classes: tuple[str, ...] = ("benign", "malignant"),
        name: str = "kvasir_seg",
        seeds: tuple[int, ...] = (0,),
        dices: tuple[float, float, float] = (0.5303, 0.5417, 0.5512),
        control: float = 0.5409,
        noise: float = 0.02,
        **options: Any,
    ) -> Path:
        run = tmp_path / "run"
        add_data(run, list(classes), name)
        for index, class_name in enumerate(classes):
            add_generator(run, f"class{index}", class_name)
        for seed in seeds:
            shifted = tuple(dice + 0.01 * seed for dice in dices)
            place = add_segmentation(run, "unet_30", seed, shifted, control + 0.006 * seed, noise, **options)
            add_examples(place)
        header = "s\th:m:s\tmax_rss\tmax_vms\tmax_uss\tmax_pss\tio_in\tio_out\tmean_load\tcpu_time\n"
        (run / "benchmarks").mkdir()
        long = "184.5\t0:03:04\t1834.25\t9000\t1800\t1810\t0.0\t1.0\t180.0\t331.5\n"
        (run / "benchmarks" / "rounds.tsv").write_text(header + long, encoding="utf-8")
        short = "0.4\t0:00:00\t-\t-\t-\t-\t-\t-\t-\tNA\n"
        (run / "benchmarks" / "prepare.tsv").write_text(header + short, encoding="utf-8")
        write(
            run / "experiment.json",
            {
                "name": "Polyps, 30 labels",
                "layout": LAYOUT,
                "config": {"num_rounds": 2, "pool": "both", "rows": {"unet_30": {"steps": 1500}}},
                "commands": ["ssgnet run configs/experiments/kvasir_small.yaml dataset_dir=polyps"],
                "versions": {"torch": "2.8.0", "monai": "1.6.1"},
            },
        )
        return run

    return build
