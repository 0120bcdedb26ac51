"""What 3D Slicer will list of a bundle, from MONAI Label's own classes: ``python -m ssgnet_monai.label_app.check DIR``.

Runs in MONAI Label's environment.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from monailabel.tasks.infer.bundle import BundleInferTask
from monailabel.tasks.train.bundle import BundleTrainTask

from ssgnet_monai.label_app.semi_supervised import OPTIONS
from ssgnet_monai.label_app.served_bundle import check_bundle


def describe(folder: Path) -> str:
    """Load a bundle as the server does and describe it.

    Args:
        folder: of a trained bundle.

    Returns:
        Lines of text: name, type, labels, options.

    Raises:
        FileNotFoundError: see ``check_bundle``.
        ValueError: see ``check_bundle``, or MONAI Label refuses the bundle.
    """
    name = check_bundle(folder)
    infer = BundleInferTask(str(folder.resolve()), {})
    if not infer.is_valid():
        raise ValueError(f"Expected MONAI Label to accept {folder}, it refused it (see above).")
    train = BundleTrainTask(str(folder.resolve()), {})
    lines = [
        name,
        f"  type      {infer.info()['type']}",
        f"  labels    {', '.join(f'{number} {label}' for label, number in infer.labels.items())}",
        f"  version   {infer.version}",
        f"  about     {infer.description}",
        f"  infer     {_options(infer.config())}",
        f"  train     {_options(train.config()) if train.is_valid() else 'no train.yaml: cannot be trained'}",
    ]
    if (folder / "configs" / "rounds.yaml").exists():
        lines.append(f"            and with --app ssgnet: {_options(OPTIONS)}")
    return "\n".join(lines)


def _options(config: dict[str, Any]) -> str:
    return ", ".join(f"{name}={json.dumps(value)}" for name, value in config.items())


if __name__ == "__main__":
    try:
        sys.stdout.write(describe(Path(sys.argv[1])) + "\n")
    except (OSError, ValueError, RuntimeError) as error:
        sys.exit(f"error: {' '.join(str(error).split())}")
