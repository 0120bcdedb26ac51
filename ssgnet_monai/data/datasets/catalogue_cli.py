"""The commands ``ssgnet data list`` and ``ssgnet data download``."""

from __future__ import annotations

import argparse
import json
import sys
from typing import Any


def add_catalogue(commands: Any) -> None:
    """Add ``list`` and ``download`` to the subparsers of ``ssgnet data``."""
    parser = commands.add_parser("list", help="the public datasets: what they hold, licence, where from")
    parser.add_argument("--json", action="store_true", help="everything that is known of them, as JSON")
    parser.set_defaults(handler=_list)
    parser = commands.add_parser(
        "download",
        help="fetch a public dataset where its owner allows it, else say how to get it",
        description="After an interruption the same command goes on where it stopped.",
    )
    parser.add_argument("dataset", metavar="NAME", help="see `ssgnet data list`; inception: the weights of FID and KID")
    parser.add_argument("--out", required=True, metavar="DIR", help="folder for the owner's files")
    parser.add_argument("--files", nargs="+", default=[], metavar="FILE", help="only these (see `list --json`)")
    parser.set_defaults(handler=_download)


def _list(arguments: argparse.Namespace) -> int:
    from ssgnet_monai.data.datasets import adapters
    from ssgnet_monai.data.datasets.catalogue import dataset_record, format_catalogue

    found = adapters().values()
    text = json.dumps([dataset_record(one) for one in found], indent=2) if arguments.json else format_catalogue(found)
    sys.stdout.write(text + "\n")
    return 0


def _download(arguments: argparse.Namespace) -> int:
    from ssgnet_monai.data.datasets import find_adapter
    from ssgnet_monai.data.datasets.catalogue import instructions
    from ssgnet_monai.data.datasets.fetch import fetch_dataset

    if arguments.dataset == "inception":
        from ssgnet_monai.data.datasets import download
        from ssgnet_monai.metrics.inception import INCEPTION

        download.download_file(INCEPTION, arguments.out)
        return 0
    adapter = find_adapter(arguments.dataset)
    if not adapter.files:
        sys.stdout.write(instructions(adapter) + "\n")
        return 1
    fetch_dataset(adapter, arguments.out, arguments.files)
    return 0
