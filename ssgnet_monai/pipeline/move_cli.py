"""``ssgnet move RUN_OR_BUNDLE``."""

from __future__ import annotations

import argparse
import logging
from pathlib import Path
from typing import Any

logger = logging.getLogger(__name__)


def add_move_command(subparsers: Any) -> None:
    """Add ``ssgnet move`` to the subparsers."""
    parser = subparsers.add_parser(
        "move",
        help="bring a run or a served bundle of an earlier version over to this one",
        description="Changes the files of a run in place; of a bundle, the earlier one stays beside it. A move that "
        "was cut short is taken up by the same command.",
    )
    parser.add_argument("folder", type=Path, metavar="RUN_OR_BUNDLE", help="output folder of a run, or a bundle's")
    parser.set_defaults(handler=_move)


def _move(arguments: argparse.Namespace) -> int:
    from ssgnet_monai.bundle_tools.earlier_bundle import move_bundle
    from ssgnet_monai.pipeline.earlier_run import move_run
    from ssgnet_monai.pipeline.layout import RunLayout

    folder = arguments.folder
    if RunLayout(folder).experiment.is_file():
        for sentence in move_run(folder):
            logger.warning("%s", sentence)
        logger.info("moved %s: run its experiment again, which scores its segmenters anew", folder)
    elif (folder / "configs").is_dir() or not folder.exists():
        kept = move_bundle(folder)
        logger.info("moved %s; the earlier one is kept in %s", folder, kept)
    else:
        raise ValueError(f"Expected the folder of a run (experiment.json) or of a bundle (configs/), got {folder}.")
    return 0
