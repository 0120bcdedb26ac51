"""``ssgnet verify BUNDLE``, ``ssgnet bundle list`` and ``ssgnet bundle copy NAME DIR``."""

from __future__ import annotations

import argparse
import shlex
import sys
from pathlib import Path
from typing import Any

from ssgnet_monai.bundle_tools.shipped_bundles import copy_bundle, shipped_bundles
from ssgnet_monai.bundle_tools.trained_copy import copy_trained
from ssgnet_monai.bundle_tools.verify import render, verify_bundle


def add_verify_command(subparsers: Any) -> None:
    """Add ``ssgnet verify`` to the subparsers."""
    parser = subparsers.add_parser(
        "verify",
        help="hold what a bundle would run against a list of what may be, without running it",
        description="Reads every file of the bundle as text. Exit status 1: there are lines that you have to read.",
    )
    parser.add_argument("bundles", nargs="+", type=Path, metavar="BUNDLE", help="a bundle's folder or a config file")
    parser.set_defaults(handler=_verify)


def add_bundle_commands(subparsers: Any) -> None:
    """Add ``ssgnet bundle`` with its two commands to the subparsers."""
    commands = subparsers.add_parser("bundle", help="list the bundles that ship, or copy one").add_subparsers(
        dest="bundle_command", metavar="COMMAND", required=True
    )
    commands.add_parser("list", help="name, version, task and folder of each").set_defaults(handler=_list)
    copy = commands.add_parser("copy", help="copy one to a new folder, to change its configs")
    copy.add_argument("name", metavar="NAME", help="as `ssgnet bundle list` shows it")
    copy.add_argument("folder", type=Path, metavar="DIR", help="new folder; nothing is overwritten")
    copy.add_argument(
        "--trained", type=Path, metavar="ROW", help="with weights and settings of runs/NAME/segmentation/ROW/seed0"
    )
    copy.add_argument(
        "--trust-code", action="store_true", help="let the row's settings name code that `ssgnet verify` does not know"
    )
    copy.set_defaults(handler=_copy)


def _verify(arguments: argparse.Namespace) -> int:
    refused = False
    for bundle in arguments.bundles:
        findings = verify_bundle(bundle)
        refused |= any(finding.refusal for finding in findings)
        sys.stdout.write(render(bundle, findings) + "\n")
    return int(refused)


def _list(_: argparse.Namespace) -> int:
    for bundle in shipped_bundles():
        lines = (f"{bundle.name} {bundle.version}", f"  {bundle.task}", f"  {bundle.description}", f"  {bundle.path}")
        sys.stdout.write("\n".join(lines) + "\n")
    return 0


def _copy(arguments: argparse.Namespace) -> int:
    if arguments.trained is not None:
        copy = copy_trained(arguments.name, arguments.trained, arguments.folder, arguments.trust_code)
        sys.stdout.write(f"copied {arguments.name} with the weights of {arguments.trained} to {copy}\n")
        return 0
    copy = copy_bundle(arguments.name, arguments.folder)
    sys.stdout.write(
        f"copied {arguments.name} to {copy}\nnext: cd {shlex.quote(str(copy))} && "
        "python -m monai.bundle run --config_file configs/train.yaml --dataset_dir DATA\n"
        "(DATA: a folder that `ssgnet data prepare` or `ssgnet data phantom` wrote; its settings: configs/train.yaml)\n"
    )
    return 0
