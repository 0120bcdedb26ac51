"""Two folders of pictures as one: images of the first to learn from and to choose by, of the second to test with.

    python scripts/gather_pictures.py --learn FOLDER --test FOLDER --validation 30 --output FOLDER

Each folder holds images/ and masks/ of the same stems. The output has links to the files, and ``splits.csv`` of stem
and split for ``ssgnet run ... dataset_dir=OUTPUT prepare.splits=OUTPUT/splits.csv``.
"""

from __future__ import annotations

import argparse
import csv
import logging
import random
from collections.abc import Sequence
from pathlib import Path

from ssgnet_monai.data.atomic_write import atomic_path

logger = logging.getLogger("gather_pictures")


def main(arguments: Sequence[str] | None = None) -> None:
    """Read the command line and write the folder."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--learn", type=Path, required=True, help="folder of the training and validation images")
    parser.add_argument("--test", type=Path, required=True, help="folder of the test images")
    parser.add_argument("--validation", type=int, default=30, help="images that are drawn to choose by (default 30)")
    parser.add_argument("--seed", type=int, default=0, help="of this draw (default 0)")
    parser.add_argument("--output", type=Path, required=True, help="folder to write")
    options = parser.parse_args(arguments)
    logging.basicConfig(level=logging.INFO, format="%(message)s", force=True)
    gather(options.learn, options.test, options.validation, options.seed, options.output)


def gather(learn: Path, test: Path, validation: int, seed: int, output: Path) -> None:
    """Link the files of both folders into ``output`` and write ``splits.csv``.

    Args:
        learn: folder with ``images`` and ``masks``.
        test: likewise.
        validation: how many images of ``learn`` are validation images.
        seed: of their draw.
        output: folder to write; what is there already is kept.

    Raises:
        ValueError: no training image would be left, or one stem is in both folders.
    """
    images = {folder: sorted((folder / "images").iterdir()) for folder in (learn, test)}
    stems = {folder: [path.stem for path in paths] for folder, paths in images.items()}
    if not 0 <= validation < len(stems[learn]):
        raise ValueError(f"Expected fewer validation images than the {len(stems[learn])} of {learn}, got {validation}.")
    if same := sorted(set(stems[learn]) & set(stems[test])):
        raise ValueError(
            f"Expected no image in both folders, got {len(same)}, such as {same[0]}. Take them out of one."
        )
    chosen = set(random.Random(seed).sample(stems[learn], validation))
    rows = [(stem, "validation" if stem in chosen else "training") for stem in stems[learn]]
    rows += [(stem, "test") for stem in stems[test]]
    for folder in (learn, test):
        for part in ("images", "masks"):
            (output / part).mkdir(parents=True, exist_ok=True)
            for path in sorted((folder / part).iterdir()):
                link = output / part / path.name
                if not link.is_symlink():
                    link.symlink_to(path.absolute())
    with atomic_path(output / "splits.csv") as temporary, open(temporary, "w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([("stem", "split"), *rows])
    logger.info("%d images in %s", len(rows), output)


if __name__ == "__main__":
    main()
