"""``ssgnet verify BUNDLE``."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

from ssgnet_monai.bundle_tools.verify import render, verify_bundle


def add_verify_command(subparsers: Any) -> None:
    """Add ``ssgnet verify`` to the subparsers."""
    parser = subparsers.add_parser(
        "verify",
        help="list what a bundle's configs would run and refuse what they must not, without running it",
        description="Reads every target and expression of the configs as text. Exit status 1: something is refused",
    )
    parser.add_argument("bundles", nargs="+", type=Path, metavar="BUNDLE", help="a bundle's folder or a config file")
    parser.set_defaults(handler=_verify)


def _verify(arguments: argparse.Namespace) -> int:
    refused = False
    for bundle in arguments.bundles:
        findings = verify_bundle(bundle)
        refused |= any(finding.refusal for finding in findings)
        sys.stdout.write(render(bundle, findings) + "\n")
    return int(refused)
