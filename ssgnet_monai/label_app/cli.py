"""``ssgnet label``: set up, check and start MONAI Label's server for 3D Slicer."""

from __future__ import annotations

import argparse
import subprocess
from pathlib import Path
from typing import Any

from ssgnet_monai.label_app.environment import create_environment, default_environment, environment_python
from ssgnet_monai.label_app.server import APPS, start_server


def add_label_commands(subparsers: Any) -> None:
    """Add ``ssgnet label`` with its commands to the subparsers."""
    commands = subparsers.add_parser("label", help="serve bundles to 3D Slicer through MONAI Label").add_subparsers(
        dest="label_command", metavar="COMMAND", required=True
    )
    setup = commands.add_parser("setup", help="make MONAI Label's own environment (numpy < 2, pydicom < 3)")
    setup.set_defaults(handler=_setup)
    check = commands.add_parser("check", help="load a bundle as the server does and print what Slicer will list")
    check.add_argument("bundle", type=Path, metavar="BUNDLE", help="folder of a trained bundle")
    check.set_defaults(handler=_check)
    start = commands.add_parser("start", help="start the server")
    start.add_argument("--bundle", type=Path, nargs="+", required=True, metavar="DIR", help="trained bundles")
    start.add_argument("--studies", required=True, metavar="DIR|URL", help="folder of images, or a DICOMweb server")
    start.add_argument(
        "--app",
        choices=APPS,
        default=APPS[0],
        help="MONAI Label's own app (stock), or with training on unlabelled studies and the strategy disagreement",
    )
    start.add_argument("--host", default="127.0.0.1", help="address to listen on (this machine alone)")
    start.add_argument("--port", type=int, default=8000)
    start.set_defaults(handler=_start)
    for parser in (setup, check, start):
        parser.add_argument(
            "--env", type=Path, default=default_environment(), metavar="DIR", help="of MONAI Label (%(default)s)"
        )


def _setup(arguments: argparse.Namespace) -> int:
    create_environment(arguments.env.absolute())
    return 0


def _check(arguments: argparse.Namespace) -> int:
    command = [environment_python(arguments.env), "-m", "ssgnet_monai.label_app.check", arguments.bundle.absolute()]
    return subprocess.run(command, check=False).returncode


def _start(arguments: argparse.Namespace) -> int:
    return start_server(
        arguments.bundle, arguments.studies, arguments.env, arguments.app, arguments.host, arguments.port
    )
