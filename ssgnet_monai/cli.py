"""The command ``ssgnet``: what a person types. Each subcommand is loaded only when it is asked for."""

from __future__ import annotations

import argparse
import importlib
import logging
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from ssgnet_monai import __version__
from ssgnet_monai.printable import printable
from ssgnet_monai.shipped import CONFIGS

# Set before torch is imported: OpenMP's threads read them once. Spinning costs a factor of ten on a busy machine.
THREAD_DEFAULTS = {"OMP_WAIT_POLICY": "PASSIVE", "GOMP_SPINCOUNT": "0"}
EXPECTED_ERRORS = (ValueError, OSError, ImportError, RuntimeError)
DEMO_EXPERIMENT = CONFIGS / "experiments" / "demo.yaml"

Subparsers = Any  # argparse keeps the class private

# name -> (help line, module, function that adds the command's parser to the subparsers)
COMMANDS: dict[str, tuple[str, str, str]] = {
    "demo": ("run the whole method on generated images and write a report", __name__, "add_demo_command"),
    "run": ("run an experiment file: data, generators, pseudo-label rounds, report", __name__, "add_run_command"),
    "estimate": ("hours and memory of an experiment, from some steps of it", __name__, "add_estimate_command"),
    "headroom": ("what unlabelled images could bring at most, from a short run", __name__, "add_headroom_command"),
    "data": ("list, download and prepare datasets, or make the phantom", "ssgnet_monai.data.cli", "add_data_commands"),
    "report": ("write report.html and report.json of a finished run", "ssgnet_monai.report.cli", "add_report_command"),
    "bundle": ("list the bundles that ship, or copy one", "ssgnet_monai.bundle_tools.cli", "add_bundle_commands"),
    "label": ("serve bundles to 3D Slicer through MONAI Label", "ssgnet_monai.label_app.cli", "add_label_commands"),
    "move": (
        "bring a run or a bundle of an earlier version over",
        "ssgnet_monai.pipeline.move_cli",
        "add_move_command",
    ),
    "verify": ("list what a bundle would run, run nothing", "ssgnet_monai.bundle_tools.cli", "add_verify_command"),
    "doctor": ("check this installation and say how to mend it", "ssgnet_monai.doctor", "add_doctor_command"),
}


def main(argv: Sequence[str] | None = None) -> int:
    """Run one ``ssgnet`` command.

    Args:
        argv: the words after ``ssgnet``; ``sys.argv[1:]`` by default.

    Returns:
        The exit status: 0 done, 1 the command failed, 2 wrong input (one line on stderr says which), 130 interrupted.
    """
    words = list(sys.argv[1:] if argv is None else argv)
    debug = "--debug" in words  # before or behind the command
    words = [word for word in words if word != "--debug"]
    for name, value in THREAD_DEFAULTS.items():
        os.environ.setdefault(name, value)
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(PrintableFormatter("%(asctime)s %(levelname)-7s %(message)s", "%H:%M:%S"))
    logging.basicConfig(handlers=[handler])
    logging.getLogger("ssgnet_monai").setLevel(logging.DEBUG if debug else logging.INFO)
    try:
        parser = build_parser(next((word for word in words if not word.startswith("-")), None))
        arguments, rest = parser.parse_known_args(words)
        _take_overrides(parser, arguments, rest)
        return int(arguments.handler(arguments) or 0)
    except KeyboardInterrupt:
        sys.stderr.write("interrupted; the same command goes on from the last saved step\n")
        return 130
    except BrokenPipeError:  # the reader of our output went away (`ssgnet ... | head`)
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except EXPECTED_ERRORS as error:
        if debug:
            raise
        sys.stderr.write(printable(f"error: {' '.join(str(error).split()) or type(error).__name__}\n"))
        return 2


class PrintableFormatter(logging.Formatter):
    """File names may hold codes that a terminal obeys."""

    def format(self, record: logging.LogRecord) -> str:
        return printable(super().format(record))


def build_parser(command: str | None = None) -> argparse.ArgumentParser:
    """Build the parser of ``ssgnet``.

    Args:
        command: the subcommand whose options are wanted; the others get a name and a help line only, so that
            ``ssgnet --help`` imports neither torch nor MONAI.

    Returns:
        The parser. A parsed command's ``handler`` attribute is called with the arguments and returns an exit status.
    """
    parser = argparse.ArgumentParser(
        prog="ssgnet",
        description="Class-wise StyleGAN3 synthesis and iterative pseudo-labels for medical images.",
        epilog="`ssgnet COMMAND --help` tells a command's options.",
    )
    parser.add_argument("--version", action="version", version=f"ssgnet-monai {__version__}")
    parser.add_argument("--debug", action="store_true", help="log more, and show the traceback of an error (any place)")
    subparsers = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    for name, (help_line, module, function) in COMMANDS.items():
        if name == command:
            add: Callable[[Subparsers], Any] = getattr(importlib.import_module(module), function)
            add(subparsers)
        else:
            subparsers.add_parser(name, help=help_line)
    return parser


def add_demo_command(subparsers: Subparsers) -> None:
    """Add ``ssgnet demo`` to the subparsers."""
    parser = subparsers.add_parser("demo", help=COMMANDS["demo"][0], description=f"Runs {DEMO_EXPERIMENT.name}.")
    _add_run_options(parser)
    parser.set_defaults(handler=_run, experiment=DEMO_EXPERIMENT)


def add_run_command(subparsers: Subparsers) -> None:
    """Add ``ssgnet run`` to the subparsers."""
    parser = subparsers.add_parser(
        "run",
        help=COMMANDS["run"][0],
        description="Runs every stage that is not done yet; after an interruption the same command goes on.",
    )
    parser.add_argument("experiment", type=Path, metavar="EXPERIMENT.yaml", help="like configs/experiments/demo.yaml")
    _add_run_options(parser)
    parser.set_defaults(handler=_run)


def _add_run_options(parser: argparse.ArgumentParser) -> None:
    _add_experiment_options(parser)
    parser.add_argument("--dry-run", action="store_true", help="say which stages would run, and stop")
    parser.add_argument(
        "--explain",
        metavar="KEY",
        help="say for each row where a setting such as steps or network_def#channels comes from, and stop",
    )
    parser.add_argument(
        "--tracking", choices=["mlflow"], help="also write settings, curves and scores to mlruns.db in the run folder"
    )


def _add_experiment_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("overrides", nargs="*", metavar="key=value", help="replaces a value of the experiment file")
    parser.add_argument("--cores", type=_positive, metavar="N", help="CPU cores of the run (default: all)")
    parser.add_argument(
        "--trust-code", action="store_true", help="let the experiment name code that `ssgnet verify` does not know"
    )


def add_estimate_command(subparsers: Subparsers) -> None:
    """Add ``ssgnet estimate`` to the subparsers."""
    parser = subparsers.add_parser(
        "estimate",
        help=COMMANDS["estimate"][0],
        description="Runs every kind of stage with few steps in a temporary folder; the run's own folder is only read.",
    )
    parser.add_argument("experiment", type=Path, metavar="EXPERIMENT.yaml", help="like configs/experiments/demo.yaml")
    _add_experiment_options(parser)
    parser.set_defaults(handler=_estimate)


def _estimate(arguments: argparse.Namespace) -> int:
    _check_experiment(arguments)
    from ssgnet_monai.pipeline.estimate import estimate_experiment

    text = estimate_experiment(
        arguments.experiment, list(arguments.overrides), cores=arguments.cores, trust_code=arguments.trust_code
    )
    sys.stdout.write(text + "\n")
    return 0


def add_headroom_command(subparsers: Subparsers) -> None:
    """Add ``ssgnet headroom`` to the subparsers."""
    parser = subparsers.add_parser(
        "headroom",
        help=COMMANDS["headroom"][0],
        description="Trains each segmenter for a part of its steps on the labelled images alone, and with the true "
        "masks of images whose masks the experiment hides, then advises: label more, add unlabelled images, or stop. "
        "It writes OUTPUT_DIR_headroom beside the experiment's folder; after an interruption the same command goes on.",
    )
    parser.add_argument("experiment", type=Path, metavar="EXPERIMENT.yaml", help="like configs/experiments/demo.yaml")
    parser.add_argument("--budget", type=float, default=0.1, help="share of the training, up to 1 (default: 0.1)")
    _add_experiment_options(parser)
    parser.set_defaults(handler=_headroom)


def _headroom(arguments: argparse.Namespace) -> int:
    _check_experiment(arguments)
    from ssgnet_monai.pipeline.headroom import run_headroom

    text = run_headroom(
        arguments.experiment, arguments.overrides, arguments.budget, arguments.cores, arguments.trust_code
    )
    if text is None:
        return 1
    sys.stdout.write(printable(text) + "\n")
    return 0


def _check_experiment(arguments: argparse.Namespace) -> None:
    wrong = [word for word in arguments.overrides if not word.partition("=")[0] or "=" not in word]
    if wrong:
        raise ValueError(f"Expected key=value after the experiment, got {wrong[0]!r}.")
    if not arguments.experiment.is_file():
        raise FileNotFoundError(
            f"Expected an experiment file, found none at {arguments.experiment}. "
            f"The shipped ones lie in {CONFIGS / 'experiments'}."
        )


def _run(arguments: argparse.Namespace) -> int:
    _check_experiment(arguments)
    if arguments.explain is not None:
        return _explain(arguments)
    from ssgnet_monai.pipeline import run_experiment

    return run_experiment(
        arguments.experiment,
        list(arguments.overrides),
        cores=arguments.cores,
        dry_run=arguments.dry_run,
        tracking=arguments.tracking,
        trust_code=arguments.trust_code,
    )


def _explain(arguments: argparse.Namespace) -> int:
    from ssgnet_monai.pipeline.experiment import load_experiment
    from ssgnet_monai.pipeline.explain import explain_setting

    experiment, file = (
        load_experiment(arguments.experiment, words, arguments.trust_code) for words in (arguments.overrides, ())
    )
    sys.stdout.write(printable(explain_setting(experiment, arguments.explain, file)) + "\n")
    return 0


def _take_overrides(parser: argparse.ArgumentParser, arguments: argparse.Namespace, rest: list[str]) -> None:
    """argparse closes a list at the first option; key=value words behind ``--cores 2`` are overrides all the same."""
    if rest and hasattr(arguments, "overrides") and not any(word.startswith("-") for word in rest):
        arguments.overrides += rest
    elif rest:
        parser.error(f"unrecognized arguments: {' '.join(rest)}")


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"expected a number of at least 1, got {text}")
    return number


if __name__ == "__main__":
    sys.exit(main())
