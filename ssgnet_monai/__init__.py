"""ssgnet-monai: class-wise StyleGAN3 synthesis and iterative pseudo-labels as MONAI bundles."""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ssgnet_monai.api import load_generator as load_generator
    from ssgnet_monai.api import load_segmenter as load_segmenter
    from ssgnet_monai.data import load_datalist as load_datalist
    from ssgnet_monai.data.grow import grow_datalist as grow_datalist
    from ssgnet_monai.data.prepare.folder import prepare_folder as prepare_dataset
    from ssgnet_monai.engines import train_rounds as train_rounds
    from ssgnet_monai.engines import train_segmenter as train_segmenter
    from ssgnet_monai.networks import TransUNet as TransUNet
    from ssgnet_monai.networks import VMUNet as VMUNet
    from ssgnet_monai.networks.stylegan3 import Generator as Generator
    from ssgnet_monai.ops import selective_scan as selective_scan

__version__ = "0.1.0"
SUBPACKAGES = ("api", "data", "engines", "handlers", "losses", "metrics", "networks", "ops", "pipeline", "transforms")
EXPORTED = {
    "Generator": "networks.stylegan3:Generator",
    "TransUNet": "networks:TransUNet",
    "VMUNet": "networks:VMUNet",
    "grow_datalist": "data.grow:grow_datalist",
    "load_datalist": "data:load_datalist",
    "load_generator": "api:load_generator",
    "load_segmenter": "api:load_segmenter",
    "prepare_dataset": "data.prepare.folder:prepare_folder",
    "selective_scan": "ops:selective_scan",
    "train_rounds": "engines:train_rounds",
    "train_segmenter": "engines:train_segmenter",
}
"""Name -> where it is. Nothing is imported before it is named."""


def __getattr__(name: str) -> Any:
    """Import a subpackage or an exported name when it is first named: the commands need not wait seconds for torch."""
    if name in SUBPACKAGES:
        return importlib.import_module(f"{__name__}.{name}")
    if name in EXPORTED:
        module, _, attribute = EXPORTED[name].partition(":")
        return getattr(importlib.import_module(f"{__name__}.{module}"), attribute)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *SUBPACKAGES, *EXPORTED})
