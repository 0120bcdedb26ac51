"""The commands ``ssgnet data prepare`` and ``ssgnet data phantom``."""

from __future__ import annotations

import argparse
from typing import Any

from ssgnet_monai.data.grow_cli import add_grow


def add_data_commands(subparsers: Any) -> None:
    """Add ``ssgnet data`` with its two commands to the subparsers."""
    data = subparsers.add_parser("data", help="prepare a folder of images and masks, or make the phantom")
    commands = data.add_subparsers(dest="data_command", metavar="COMMAND", required=True)
    _add_prepare(commands)
    _add_phantom(commands)
    add_grow(commands)


def _add_prepare(commands: Any) -> None:
    parser = commands.add_parser("prepare", help="make a dataset from a folder of images and masks")
    parser.add_argument("--images", required=True, metavar="DIR", help="PNG, JPEG, TIFF, BMP (8, 16 bit), NIfTI")
    parser.add_argument("--masks", metavar="DIR", help="same stems, or stem_mask, stem_segmentation, stem_lesion")
    parser.add_argument("--out", required=True, metavar="DIR", help="folder to write datalist.json and PNG files to")
    parser.add_argument("--classes", metavar="CSV|folders", help="table of stem,class, or: sub-folders are classes")
    parser.add_argument("--groups", metavar="CSV|REGEX", help="table of stem,patient, or a regex with one group")
    parser.add_argument("--size", type=int, nargs="+", default=[256], metavar="PIXELS", help="side, or height width")
    parser.add_argument("--split", type=float, nargs=3, default=[0.7, 0.1, 0.2], metavar="SHARE")
    parser.add_argument("--seed", type=int, default=0, help="seed of the split")
    parser.add_argument("--name", help="dataset name (default: that of the output folder)")
    parser.add_argument("--modality", help="written into the datalist (default: RGB or grey)")
    parser.add_argument("--foreground", default="lesion", help="name of mask value 1")
    parser.add_argument("--num-channels", type=int, choices=(1, 3), help="default: 3 if any image has colour")
    parser.add_argument("--mask-threshold", type=int, metavar="VALUE", help="mask values above it are foreground")
    parser.add_argument("--unlabeled-ok", action="store_true", help="images without a mask become unlabelled ones")
    parser.add_argument("--max-megapixels", type=float, default=120, metavar="N", help="refuse larger images (120)")
    parser.add_argument(
        "--slice-plane",
        choices=("axial", "coronal", "sagittal"),
        help="of volumes (default: across the largest spacing)",
    )
    parser.add_argument("--empty-slices", choices=("keep", "drop"), default="keep", help="of volumes with masks")
    parser.add_argument("--workers", type=int, metavar="N", help="decoding threads (default: cores, at most 8)")
    parser.set_defaults(handler=_prepare)


def _add_phantom(commands: Any) -> None:
    parser = commands.add_parser("phantom", help="generate the embedded data set: lesion photographs of two classes")
    parser.add_argument("--out", required=True, metavar="DIR", help="folder to write datalist.json and PNG files to")
    parser.add_argument(
        "--num-images", type=int, nargs=2, default=[240, 80], metavar=("REGULAR", "IRREGULAR"), help="per class"
    )
    parser.add_argument("--size", type=int, default=64, metavar="PIXELS")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--workers", type=int, metavar="N", help="threads (default: cores, at most 8)")
    parser.set_defaults(handler=_phantom)


def _prepare(arguments: argparse.Namespace) -> int:
    from ssgnet_monai.data.prepare import prepare_folder

    if len(arguments.size) > 2:
        raise ValueError(f"Expected --size PIXELS or --size HEIGHT WIDTH, got {arguments.size}.")
    prepare_folder(
        arguments.images,
        arguments.masks,
        arguments.out,
        classes=arguments.classes,
        groups=arguments.groups,
        size=arguments.size[0] if len(arguments.size) == 1 else arguments.size,
        name=arguments.name,
        modality=arguments.modality,
        foreground=arguments.foreground,
        split=arguments.split,
        seed=arguments.seed,
        num_channels=arguments.num_channels,
        mask_threshold=arguments.mask_threshold,
        unlabeled_ok=arguments.unlabeled_ok,
        max_megapixels=arguments.max_megapixels,
        slice_plane=arguments.slice_plane,
        empty_slices=arguments.empty_slices,
        workers=arguments.workers,
    )
    return 0


def _phantom(arguments: argparse.Namespace) -> int:
    from ssgnet_monai.data.phantom import write_phantom

    write_phantom(
        arguments.out,
        num_images=tuple(arguments.num_images),
        size=arguments.size,
        seed=arguments.seed,
        workers=arguments.workers,
    )
    return 0
