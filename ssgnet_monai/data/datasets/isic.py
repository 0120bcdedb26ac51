"""ISIC 2017 and ISIC 2018 task 1: photographs of skin lesions with masks, in the challenges' splits."""

from __future__ import annotations

import csv
import io
import logging
from pathlib import Path

from ssgnet_monai.data.datasets.adapter import Adapter
from ssgnet_monai.data.datasets.layout import find_root
from ssgnet_monai.data.image_files import ONE_CLASS, ImagePair, SourceImage, find_images, listed, stem_key, stem_of
from ssgnet_monai.data.pair_files import pair_files
from ssgnet_monai.data.text_file import read_text

logger = logging.getLogger(__name__)

TASKS = ("segmentation", "classification")
# The owner's names, by what is in there; {} is the part.
NAMES = {
    "isic2017": {
        "images": "ISIC-2017_{}_Data",
        "masks": "ISIC-2017_{}_Part1_GroundTruth",
        "table": "ISIC-2017_{}_Part3_GroundTruth.csv",
    },
    "isic2018": {"images": "ISIC2018_Task1-2_{}_Input", "masks": "ISIC2018_Task1_{}_GroundTruth"},
}
# By split: the part and its number of images.
PARTS = {
    "isic2017": {"training": ("Training", 2000), "validation": ("Validation", 150), "test": ("Test_v2", 600)},
    "isic2018": {"training": ("Training", 2594), "validation": ("Validation", 100), "test": ("Test", 1000)},
}
ANSWERS = ("melanoma", "seborrheic_keratosis")
NEVUS, MELANOMA, KERATOSIS = (0, 0), (1, 0), (0, 1)
CLASSES = {
    "diagnosis": {NEVUS: "nevus", MELANOMA: "melanoma", KERATOSIS: "seborrheic_keratosis"},
    "melanoma": {NEVUS: "other", MELANOMA: "melanoma", KERATOSIS: "other"},
    "seborrheic_keratosis": {NEVUS: "other", MELANOMA: "other", KERATOSIS: "seborrheic_keratosis"},
}


def read_2017(source: Path, staging: Path, task: str = "segmentation", classes: str | None = None) -> list[SourceImage]:
    """Read ISIC 2017: masks of part 1, diagnoses of part 3.

    The official validation and test stay what they are; where one is absent, it is drawn from the training images.

    Args:
        source: the folder in which the owner's archives were unpacked and the tables of part 3 lie.
        staging: not used.
        task: "segmentation" or "classification".
        classes: "diagnosis" (nevus, melanoma, seborrheic_keratosis; for classification the default), or one of the
            challenge's two questions, "melanoma" or "seborrheic_keratosis" against all others. None: one class.

    Raises:
        FileNotFoundError: another layout.
        ValueError: unknown options, images without mask or diagnosis, a table with other columns or values.
    """
    if task not in TASKS or classes not in (None, *CLASSES):
        raise ValueError(
            f"Expected task {' or '.join(TASKS)} and classes out of {sorted(CLASSES)}, got {task!r} and {classes!r}."
        )
    classification = task == "classification"
    return _read("isic2017", source, masks=not classification, classes=classes or ("diagnosis" * classification))


def read_2018(source: Path, staging: Path) -> list[SourceImage]:
    """Read ISIC 2018 task 1, by the challenge's splits (see ``read_2017``) or from ``images/`` and ``masks/``.

    Args:
        source: the folder in which the owner's archives were unpacked.
        staging: not used.

    Raises:
        FileNotFoundError: another layout.
        ValueError: images without masks.
    """
    return _read("isic2018", source, masks=True, classes="")


def _read(year: str, source: Path, masks: bool, classes: str) -> list[SourceImage]:
    wanted = ["images", *["masks"] * masks, *["table"] * bool(classes)]
    layouts = [[NAMES[year][kind].format("Training") for kind in wanted]]
    if wanted == ["images", "masks"]:
        layouts.append(wanted)
    root, entries = find_root(source, *layouts, dataset=year)
    if "images" in entries:
        pairs = pair_files(find_images(entries["images"]), find_images(entries["masks"]))
        return [SourceImage(pair.stem, pair.image, pair.mask) for pair in pairs]
    found = {split: part for split in PARTS[year] if (part := _part(root, year, split, wanted))}
    for split in sorted(set(PARTS[year]) - set(found)):
        folder = NAMES[year]["images"].format(PARTS[year][split][0])
        logger.warning("%s: no %s can be used: the %s is drawn and is not the challenge's.", year, folder, split)
    sources = []
    for split, part in found.items():
        # With an official validation and test, nothing is drawn from the training images.
        fixed = split if split != "training" or len(found) == len(PARTS[year]) else None
        images = find_images(part["images"])
        if masks:
            pairs = pair_files(images, find_images(part["masks"]))
        else:
            pairs = [ImagePair(stem_of(image), image, None) for image in images]
        class_of = _read_table(part["table"], CLASSES[classes], pairs) if classes else {}
        sources += [
            SourceImage(pair.stem, pair.image, pair.mask, class_of.get(pair.stem, ONE_CLASS), split=fixed)
            for pair in pairs
        ]
        if len(pairs) != PARTS[year][split][1]:
            logger.warning(
                "%s: the owner has %d images for %s, this folder %d.", year, PARTS[year][split][1], split, len(pairs)
            )
    return sources


def _part(root: Path, year: str, split: str, wanted: list[str]) -> dict[str, Path]:
    """Folders and table of an official part; none where the images are absent or cannot be used."""
    entries = {entry.name.casefold(): entry for entry in sorted(root.iterdir())}
    names = {kind: NAMES[year][kind].format(PARTS[year][split][0]) for kind in wanted}
    there = {kind: entries[name.casefold()] for kind, name in names.items() if name.casefold() in entries}
    if "images" in there and (missing := [names[kind] for kind in wanted if kind not in there]):
        logger.warning("%s: %s is left out: there is no %s.", year, names["images"], " and no ".join(missing))
    return there if len(there) == len(wanted) else {}


def _read_table(path: Path, names: dict[tuple[int, int], str], pairs: list[ImagePair]) -> dict[str, str]:
    """Class by stem, from a table of part 3."""
    reader = csv.DictReader(io.StringIO(read_text(path)), skipinitialspace=True)
    if missing := {"image_id", *ANSWERS} - set(reader.fieldnames or ()):
        raise ValueError(f"Expected columns image_id, {', '.join(ANSWERS)} in {path}, found no {sorted(missing)}.")
    class_of: dict[str, str] = {}
    for row in reader:
        try:
            stem, name = stem_key(row["image_id"]), names[float(row[ANSWERS[0]]), float(row[ANSWERS[1]])]  # type: ignore[index]
            if class_of.setdefault(stem, name) != name:
                raise ValueError(stem)
        except (KeyError, ValueError, TypeError) as error:
            raise ValueError(
                f"Expected 0 or 1, and one diagnosis at most of an image, for {' and '.join(ANSWERS)} in {path}, got "
                f"{row}."
            ) from error
    stems = {stem_key(pair.stem): pair.stem for pair in pairs}
    if odd := sorted(set(stems) ^ set(class_of)):
        raise ValueError(
            f"Expected a row for every image and an image for every row of {path}, found {len(odd)} without: "
            f"{listed(odd)}. Complete the download."
        )
    return {stem: class_of[key] for key, stem in stems.items()}


INSTRUCTIONS = "Download {} from https://challenge.isic-archive.com/data/ and unpack every archive into one folder{}."
ADAPTERS = (
    Adapter(
        name="isic2017",
        tasks=TASKS,
        modality="dermoscopy",
        content="2,750 photographs of skin lesions with masks; nevus, melanoma, seborrheic keratosis",
        licence="CC0",
        home="https://challenge.isic-archive.com/landing/2017/",
        read=read_2017,
        instructions=INSTRUCTIONS.format(
            "ISIC-2017_{Training,Validation,Test_v2}_{Data,Part1_GroundTruth}.zip",
            "; put ISIC-2017_{Training,Validation,Test_v2}_Part3_GroundTruth.csv beside them for the diagnoses",
        ),
    ),
    Adapter(
        name="isic2018",
        tasks=("segmentation",),
        modality="dermoscopy",
        content="3,694 photographs of skin lesions with masks; many are in ISIC 2017 too, also in its test",
        licence="CC BY-NC 4.0",
        home="https://challenge.isic-archive.com/landing/2018/45/",
        read=read_2018,
        instructions=INSTRUCTIONS.format(
            "ISIC2018_Task1-2_{Training,Validation,Test}_Input.zip and "
            "ISIC2018_Task1_{Training,Validation,Test}_GroundTruth.zip",
            "",
        ),
    ),
)
