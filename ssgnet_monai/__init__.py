"""ssgnet-monai: class-wise StyleGAN3 synthesis and iterative pseudo-labels as MONAI bundles."""

import importlib
from types import ModuleType

__version__ = "0.1.0"
SUBPACKAGES = ("data", "engines", "handlers", "losses", "metrics", "networks", "ops", "pipeline", "transforms")


def __getattr__(name: str) -> ModuleType:
    """Import a subpackage when it is first named: bundle configs say ``$import ssgnet_monai`` and no more."""
    if name in SUBPACKAGES:
        return importlib.import_module(f"{__name__}.{name}")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
