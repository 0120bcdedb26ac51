"""Tables of class probabilities: written for a folder of images, written and read for scored images."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from ignite.engine import Engine, Events
from monai.engines import Evaluator

from ssgnet_monai.data.atomic_write import atomic_path
from ssgnet_monai.metrics import predicted_classes


def write_probabilities(evaluator: Evaluator, folder: str | Path, path: str | Path, classes: Sequence[str]) -> None:
    """Run an evaluator over images and write image, predicted class and p_<class> of each, batch by batch.

    Args:
        evaluator: gives items with ``image`` (with the file's name in its meta) and ``pred`` (K,) probabilities.
        folder: of the images; they are named by their path below it.
        path: CSV file to write; it appears when all images are done.
        classes: the K class names.

    Raises:
        ValueError: the network has another number of classes.
    """
    with _table(path, ["image", "predicted", *_columns(classes)]) as writer:

        def write(engine: Engine) -> None:
            items: Any = engine.state.output
            for item in items:
                probabilities = torch.as_tensor(item["pred"]).detach().cpu()
                if probabilities.shape != (len(classes),):
                    raise ValueError(
                        f"Expected {len(classes)} probabilities for classes {list(classes)}, got "
                        f"{tuple(probabilities.shape)}. Set classes to those of training, in the datalist's order."
                    )
                image = Path(item["image"].meta["filename_or_obj"]).relative_to(folder).as_posix()
                best = classes[int(predicted_classes(probabilities[None]))]
                writer.writerow([image, best, *_digits(probabilities)])

        with evaluator.add_event_handler(Events.ITERATION_COMPLETED, write):
            evaluator.run()


def write_scored_images(
    path: str | Path,
    images: Sequence[str | Path],
    labels: torch.Tensor,
    probabilities: torch.Tensor,
    classes: Sequence[str],
) -> None:
    """Write image, true and predicted class and p_<class> of every image.

    Args:
        path: CSV file to write, atomically.
        images: files; their names are written.
        labels: (n,) class numbers.
        probabilities: (n, K).
        classes: the K class names.
    """
    predicted = predicted_classes(probabilities).tolist()
    with _table(path, ["image", "true", "predicted", *_columns(classes)]) as writer:
        for image, label, found, row in zip(images, labels.tolist(), predicted, probabilities, strict=True):
            writer.writerow([Path(image).name, classes[label], classes[found], *_digits(row)])


def read_scored_images(path: str | Path, like: str | Path) -> torch.Tensor:
    """Probabilities (n, K) out of another run's table.

    Args:
        path: a table of :func:`write_scored_images`.
        like: the table whose images, true classes and class names it must share.

    Raises:
        FileNotFoundError: there is no such table.
        ValueError: it is of other images or classes.
    """
    if not Path(path).is_file():
        raise FileNotFoundError(f"Expected another run's per_image.csv at reference {path}, found none.")
    ours, others = _read(like), _read(path)
    if len(ours) != len(others):
        raise ValueError(f"Expected the same {len(ours) - 1} images in reference {path}, got {len(others) - 1}.")
    own_header, header = ours[0], others[0]
    if header != own_header:
        raise ValueError(f"Expected columns {own_header} in reference {path}, got {header}. Compare the same classes.")
    for line, (own, other) in enumerate(zip(ours[1:], others[1:], strict=True), start=2):
        if own[:2] != other[:2]:
            raise ValueError(
                f"Expected image {own[0]} of class {own[1]} in line {line} of reference {path}, got {other[0]} of "
                f"class {other[1] if len(other) > 1 else None}. Both runs must evaluate the same split."
            )
    try:
        return torch.tensor([[float(value) for value in row[3:]] for row in others[1:]], dtype=torch.float64)
    except ValueError as error:
        raise ValueError(f"Expected probabilities in every row of reference {path}, got {error}.") from error


def read_answers(path: str | Path) -> tuple[list[str], torch.Tensor]:
    """Names of the images and numbers of their true classes (n,) out of a table of :func:`write_scored_images`.

    Raises:
        ValueError: a row without a known true class.
    """
    header, *rows = _read(path)
    classes = [name.removeprefix("p_") for name in header[3:]]
    try:
        return [row[0] for row in rows], torch.tensor([classes.index(row[1]) for row in rows])
    except (IndexError, ValueError) as error:
        raise ValueError(f"Expected an image and one of {classes} in every row of {path}, got {error}.") from error


def _columns(classes: Sequence[str]) -> list[str]:
    return [f"p_{name}" for name in classes]


def _digits(probabilities: torch.Tensor) -> list[str]:
    return [f"{value:.9g}" for value in probabilities.tolist()]  # nine digits give back the same float32


@contextmanager
def _table(path: str | Path, header: Sequence[str]) -> Iterator[Any]:
    with atomic_path(path) as temporary, open(temporary, "w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(header)
        yield writer


def _read(path: str | Path) -> list[list[str]]:
    with open(path, newline="", encoding="utf-8") as file:
        return list(csv.reader(file))
