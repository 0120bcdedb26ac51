"""``ssgnet label``: set up, check and start MONAI Label's server for 3D Slicer."""

from __future__ import annotations

import argparse
import subprocess
import sys
from pathlib import Path
from typing import Any

from ssgnet_monai.label_app.environment import create_environment, default_environment, environment_python
from ssgnet_monai.label_app.label_history import restore, versions

APPS = ("stock", "ssgnet")
"""MONAI Label's app for bundles, or with training on unlabelled studies and the strategy disagreement."""


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
    start.add_argument("--origin", default="", metavar="URL", help="of a proxy before the server: https://HOST")
    start.add_argument(
        "--conf", nargs=2, action="append", default=[], metavar=("KEY", "VALUE"), help="setting of MONAI Label's app"
    )
    start.set_defaults(handler=_start)
    review = commands.add_parser("review", help="review a round's synthetic images and pseudo-labels in Slicer")
    review.add_argument("--pool", type=Path, metavar="ROUND", help="such as .../seed0/pseudo_labels/round_02")
    review.add_argument("--folder", type=Path, required=True, metavar="DIR", help="of this review and its decisions")
    review.add_argument("--out", type=Path, metavar="DIR", help="write a datalist of the decisions so far, and stop")
    review.add_argument("--port", type=int, default=8000)
    review.set_defaults(handler=_review)
    history = commands.add_parser("history", help="list the earlier versions of saved labels")
    back = commands.add_parser("restore", help="make an earlier label the saved one again")
    for parser in (history, back):
        parser.add_argument("--studies", type=Path, required=True, metavar="DIR", help="folder of the studies")
    history.add_argument("image", nargs="?", help="name of a study, without its ending; without it: all")
    back.add_argument("image", help="name of the study, without its ending")
    back.add_argument("version", nargs="?", help="as `history` names it; without it: the newest")
    history.set_defaults(handler=_history)
    back.set_defaults(handler=_restore)
    for parser in (setup, check, start, review):
        parser.add_argument(
            "--env", type=Path, default=default_environment(), metavar="DIR", help="of MONAI Label (%(default)s)"
        )


def _setup(arguments: argparse.Namespace) -> int:
    create_environment(arguments.env.absolute())
    return 0


def _check(arguments: argparse.Namespace) -> int:
    command = [environment_python(arguments.env), "-m", "ssgnet_monai.label_app.check", arguments.bundle.absolute()]
    return subprocess.run(command, check=False).returncode


def _review(arguments: argparse.Namespace) -> int:
    # These import MONAI, for which the other commands need not wait.
    from ssgnet_monai.label_app.review import open_review, write_reviewed
    from ssgnet_monai.label_app.server import start_server

    if arguments.out is not None:
        found = write_reviewed(arguments.folder, arguments.out)
        counts = ", ".join(f"{number} {name}" for name, number in found.items())
        sys.stdout.write(f"{counts}: {arguments.out / 'datalist.json'}\n")
        return 0
    if arguments.pool is None:
        raise ValueError("Expected --pool ROUND to review, or --out DIR to write the decisions, got neither.")
    studies = open_review(arguments.pool, arguments.folder)
    return start_server([], str(studies), arguments.env, "ssgnet", port=arguments.port, conf={"review": "true"})


def _history(arguments: argparse.Namespace) -> int:
    for path in versions(arguments.studies, arguments.image):
        sys.stdout.write(f"{path.parent.name}  {path.name}\n")
    return 0


def _restore(arguments: argparse.Namespace) -> int:
    sys.stdout.write(f"{restore(arguments.studies, arguments.image, arguments.version)}\n")
    return 0


def _start(arguments: argparse.Namespace) -> int:
    from ssgnet_monai.label_app.server import start_server

    return start_server(
        arguments.bundle,
        arguments.studies,
        arguments.env,
        arguments.app,
        arguments.host,
        arguments.port,
        dict(arguments.conf),
        arguments.origin,
    )
