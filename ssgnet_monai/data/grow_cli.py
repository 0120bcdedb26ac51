"""The command ``ssgnet data grow``."""

from __future__ import annotations

import argparse
from typing import Any


def add_grow(commands: Any) -> None:
    """Add ``grow`` to the subparsers of ``ssgnet data``."""
    parser = commands.add_parser("grow", help="add generated images to the training list of a classifier")
    parser.add_argument("--datalist", required=True, metavar="DATA", help="prepared folder, or its datalist.json")
    parser.add_argument(
        "--synthetic", required=True, nargs="+", metavar="JSON", help="synthetic.json of each class's generator"
    )
    parser.add_argument(
        "--target", type=_target, default="balanced", metavar="balanced|N", help="images that each class is brought to"
    )
    parser.add_argument(
        "--extra", type=float, default=0.0, metavar="SHARE", help="more of each class, as a share of that (0.2: 20 %%)"
    )
    parser.add_argument("--out", required=True, metavar="PATH", help=".json file, or folder for datalist.json")
    parser.add_argument("--seed", type=int, default=0, help="seed of the draw")
    parser.set_defaults(handler=_grow)


def _target(text: str) -> int | str:
    return int(text) if text.isdigit() else text


def _grow(arguments: argparse.Namespace) -> int:
    from ssgnet_monai.data.grow import grow_datalist

    grow_datalist(
        arguments.datalist,
        arguments.synthetic,
        arguments.out,
        target=arguments.target,
        extra=arguments.extra,
        seed=arguments.seed,
    )
    return 0
