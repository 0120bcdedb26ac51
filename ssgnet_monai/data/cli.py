"""The commands of ``ssgnet data``: ``prepare`` and ``phantom`` here, the others in files of their own."""

from __future__ import annotations

import argparse
from typing import Any

from ssgnet_monai.data.datasets.catalogue_cli import add_catalogue
from ssgnet_monai.data.grow_cli import add_grow
from ssgnet_monai.data.key_values import option_value

# Words of `ssgnet data prepare` that say what to do; the others are options of the preparation.
NOT_OPTIONS = {"command", "data_command", "debug", "handler", "dataset", "overrides", "source", "out"}


def add_data_commands(subparsers: Any) -> None:
    """Add ``ssgnet data`` with its commands to the subparsers."""
    data = subparsers.add_parser("data", help="list, download and prepare datasets, or make the phantom")
    commands = data.add_subparsers(dest="data_command", metavar="COMMAND", required=True)
    add_catalogue(commands)
    _add_prepare(commands)
    _add_phantom(commands)
    add_grow(commands)


def _add_prepare(commands: Any) -> None:
    parser = commands.add_parser(
        "prepare",
        help="make a dataset from a folder of images, or from the folder of a public dataset",
        description="NAME: a dataset of `ssgnet data list` with --source; none: your own folder with --images.",
        argument_default=argparse.SUPPRESS,
    )
    parser.add_argument("dataset", nargs="?", metavar="NAME", default=None, help="see `ssgnet data list`")
    parser.add_argument("overrides", nargs="*", metavar="key=value", default=[], help="options of the dataset NAME")
    parser.add_argument("--source", metavar="DIR", help="the folder of dataset NAME, as unpacked")
    parser.add_argument("--images", metavar="DIR", help="your own: PNG, JPEG, TIFF, BMP, DICOM, NIfTI")
    parser.add_argument("--masks", metavar="DIR", help="same stems, or stem_mask, stem_segmentation, stem_lesion")
    parser.add_argument("--out", required=True, metavar="DIR", help="folder to write datalist.json and PNG files to")
    parser.add_argument("--classes", metavar="CSV|folders", help="table of stem,class, or: sub-folders are classes")
    parser.add_argument("--groups", metavar="CSV|REGEX", help="table of stem,patient, or a regex with one group")
    parser.add_argument(
        "--splits",
        metavar="CSV",
        help="table of stem,split: training, validation, test, unlabeled; what it lacks is drawn (--split 1 0 0: not)",
    )
    parser.add_argument("--unlabeled-ok", action="store_true", help="images without a mask become unlabelled ones")
    parser.add_argument(
        "--unlabeled",
        nargs="*",
        metavar="DIR",
        help="folders of images without masks (unlabeled, beside the images)",
    )
    parser.add_argument("--reviewed", action="store_true", help="no patient data is visible in the DICOM pictures")
    parser.add_argument("--size", type=int, nargs="+", metavar="PIXELS", help="side, or height width (256)")
    parser.add_argument(
        "--split", nargs="+", metavar="SHARE", help="three shares (0.7 0.1 0.2), or: official (default with NAME)"
    )
    parser.add_argument("--seed", type=int, help="seed of the split (0)")
    parser.add_argument("--name", help="dataset name (default: NAME, or that of the output folder)")
    parser.add_argument("--modality", help="written into the datalist (default: RGB or grey)")
    parser.add_argument("--foreground", help="name of the class of binary masks (lesion)")
    parser.add_argument(
        "--labels",
        metavar="FILE",
        help="JSON or CSV: class of each mask value, index, colour (#ff0000) or, with a mask for each class, of the "
        'ending of its name or its folder; or JSON text: \'{"0": "background", "1": "organ", "2": "tumour"}\'',
    )
    parser.add_argument("--num-channels", type=int, choices=(1, 3), help="default: 3 if any image has colour")
    parser.add_argument("--mask-threshold", type=int, metavar="VALUE", help="mask values above it are foreground")
    parser.add_argument(
        "--mask-foreground", choices=("bright", "dark"), help="of a mask's two values, as viewers show them"
    )
    parser.add_argument("--clean-masks", type=int, metavar="PIXELS", help="open and close masks, disk radius (0)")
    parser.add_argument("--clahe", action="store_true", help="equalise the contrast of pictures locally")
    parser.add_argument("--max-megapixels", type=float, metavar="N", help="refuse larger images (120)")
    parser.add_argument(
        "--slice-plane",
        choices=("axial", "coronal", "sagittal"),
        help="of volumes (default: across the largest spacing)",
    )
    parser.add_argument("--empty-slices", choices=("keep", "drop"), help="of volumes with masks (keep)")
    parser.add_argument("--form", choices=("slices", "volumes"), help="of volumes: cut, or whole as .nii.gz (slices)")
    parser.add_argument(
        "--spacing",
        type=float,
        nargs=3,
        metavar="MM",
        help="of whole volumes: left-right, back-front, down-up (their own)",
    )
    parser.add_argument("--workers", type=int, metavar="N", help="threads (default: twice the cores, at most 8)")
    parser.set_defaults(handler=_prepare)


def _add_phantom(commands: Any) -> None:
    parser = commands.add_parser("phantom", help="generate the embedded data set: lesion photographs of two classes")
    parser.add_argument("--out", required=True, metavar="DIR", help="folder to write datalist.json and PNG files to")
    parser.add_argument(
        "--num-images", type=int, nargs=2, default=[240, 80], metavar=("REGULAR", "IRREGULAR"), help="per class"
    )
    parser.add_argument(
        "--classes",
        "--num-classes",
        dest="num_classes",
        type=int,
        choices=(2, 3, 4),
        help="of the pictures' masks, with the background: 2 lesion (default), 3 lesion and core, 4 satellite too",
    )
    parser.add_argument(
        "--volumes", type=int, nargs="?", const=12, metavar="N", help="instead: volumes of a body with two organs (12)"
    )
    parser.add_argument("--form", choices=("volumes", "slices"), help="of the volumes: whole, or cut (volumes)")
    parser.add_argument(
        "--split", type=float, nargs=3, metavar="SHARE", help="of training, validation, test (0.7 0.1 0.2)"
    )
    parser.add_argument("--size", type=int, default=64, metavar="PIXELS")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--workers", type=int, metavar="N", help="threads (default: cores, at most 8)")
    parser.set_defaults(handler=_phantom)


def _prepare(arguments: argparse.Namespace) -> int:
    from ssgnet_monai.data.datasets import prepare_dataset
    from ssgnet_monai.data.datasets.registry import find_adapter, option_annotation
    from ssgnet_monai.data.prepare.folder import prepare_folder

    options = {key: value for key, value in vars(arguments).items() if key not in NOT_OPTIONS}
    if len(options.get("size", [0])) > 2:
        raise ValueError(f"Expected --size PIXELS or --size HEIGHT WIDTH, got {options['size']}.")
    if len(options.get("size", [])) == 1:
        options["size"] = options["size"][0]
    if "split" in options:
        options["split"] = _split(options["split"])
    if arguments.dataset is None or "=" in arguments.dataset:
        if not hasattr(arguments, "images") or hasattr(arguments, "source") or arguments.dataset:
            raise ValueError(
                "Expected either NAME and --source (a public dataset), or --images (your own folder). "
                "`ssgnet data list` tells the names."
            )
        prepare_folder(options.pop("images"), options.pop("masks", None), arguments.out, **options)
        return 0
    if not hasattr(arguments, "source"):
        raise ValueError(f"Expected --source DIR, the folder of {arguments.dataset}, or no NAME and --images DIR.")
    pairs = [word.partition("=") for word in arguments.overrides]
    if wrong := [word for word, mark, _ in pairs if not mark]:
        raise ValueError(f"Expected key=value after {arguments.dataset}, got {wrong[0]!r}.")
    adapter = find_adapter(arguments.dataset)
    options |= {key: option_value(value, key, option_annotation(adapter, key)) for key, _, value in pairs}
    prepare_dataset(arguments.dataset, arguments.source, arguments.out, options)
    return 0


def _split(words: list[str]) -> str | list[float]:
    if words == ["official"]:
        return words[0]
    try:
        return [float(word) for word in words]
    except ValueError as error:
        raise ValueError(f"Expected --split official or three shares like 0.7 0.1 0.2, got {words}.") from error


def _phantom(arguments: argparse.Namespace) -> int:
    from ssgnet_monai.data.phantom import write_phantom
    from ssgnet_monai.data.phantom_volume import write_phantom_volumes

    split = {} if arguments.split is None else {"split": arguments.split}
    if arguments.volumes is not None:
        if arguments.num_classes is not None:
            raise ValueError("Expected --classes for pictures alone; the volumes have two organs. Leave it out.")
        write_phantom_volumes(
            arguments.out,
            arguments.volumes,
            arguments.size,
            arguments.seed,
            form=arguments.form or "volumes",
            workers=arguments.workers,
            **split,
        )
        return 0
    if arguments.form:
        raise ValueError(f"Expected --volumes beside --form {arguments.form}, got pictures. Add --volumes.")
    write_phantom(
        arguments.out,
        num_images=tuple(arguments.num_images),
        size=arguments.size,
        seed=arguments.seed,
        num_classes=arguments.num_classes or 2,
        workers=arguments.workers,
        **split,
    )
    return 0
