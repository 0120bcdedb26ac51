"""``ssgnet report RUN_DIR``."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from ssgnet_monai.report.page import write_report


def add_report_command(subparsers: Any) -> None:
    """Add ``ssgnet report`` to the subparsers."""
    parser = subparsers.add_parser(
        "report",
        help="write report.html and report.json of a finished run",
        description="Builds the page from the results in RUN_DIR; stages that have not run are shown as such.",
    )
    parser.add_argument("run_dir", type=Path, metavar="RUN_DIR", help="the experiment's output folder")
    parser.set_defaults(handler=_report)


def _report(arguments: argparse.Namespace) -> int:
    write_report(arguments.run_dir)
    return 0
