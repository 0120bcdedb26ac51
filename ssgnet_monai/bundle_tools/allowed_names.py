"""The names of packages that a config may use: functions and classes that compute, none that load or run code."""

from __future__ import annotations

import ast
import functools
import importlib.util
import re
from pathlib import Path

PACKAGES = ("ignite", "monai", "ssgnet_monai", "timm", "torch", "torchvision")


def words(text: str) -> frozenset[str]:
    """The words of a text."""
    return frozenset(text.split())


# Of these packages a name counts if the module's own __init__.py lists it; monai.apps, monai.bundle, monai.fl,
# monai.utils and ssgnet_monai.pipeline download, write and run things and are left out.
EXPORTS = {
    "monai": words(
        "data engines handlers inferers losses metrics networks networks.blocks networks.layers networks.nets "
        "networks.schedulers optimizers transforms visualize"
    ),
    "ssgnet_monai": words("data engines handlers losses metrics networks networks.stylegan3 ops transforms"),
}
# Of these modules any public name counts, one level deep: torch.nn.Conv2d, but not torch.nn.modules.torch.load.
OPEN_MODULES = words(
    "ignite.engine ignite.handlers ignite.metrics torch.nn torch.nn.functional torch.nn.init torch.nn.parallel "
    "torch.optim torch.optim.lr_scheduler torch.utils.data torch.utils.data.distributed torchvision.models "
    "torchvision.transforms torchvision.transforms.v2"
)
SINGLE_NAMES = words(
    """
    ignite.distributed.device ignite.distributed.get_local_rank ignite.distributed.get_rank
    ignite.distributed.get_world_size monai.utils.set_determinism timm.create_model
    torch.device torch.Generator torch.Tensor torch.tensor torch.as_tensor torch.arange torch.cat torch.linspace
    torch.ones torch.rand torch.randn torch.stack torch.zeros torch.argmax torch.sigmoid torch.softmax
    torch.bfloat16 torch.bool torch.float16 torch.float32 torch.float64 torch.int64 torch.long torch.uint8
    torch.manual_seed torch.no_grad torch.nn.SyncBatchNorm.convert_sync_batchnorm torch.set_num_threads
    torch.cuda.current_device torch.cuda.device_count torch.cuda.is_available torch.cuda.set_device
    torch.distributed.destroy_process_group torch.distributed.get_rank torch.distributed.get_world_size
    torch.distributed.init_process_group torch.distributed.is_available torch.distributed.is_initialized
    copy.copy copy.deepcopy math.ceil math.floor math.log2 math.sqrt
    os.environ os.path.basename os.path.dirname os.path.exists os.path.join pathlib.Path
    """
) | {
    f"{package}.{name}"
    for package in ("np", "numpy")
    for name in words("array asarray ceil clip float16 float32 float64 floor inf int32 int64 pi round uint8")
}
# What `$import` may name. MONAI itself provides monai, torch, np and numpy.
IMPORTS = frozenset((*PACKAGES, "copy", "ignite.distributed", "math", "numpy", "os", "os.path", "pathlib"))
ROOTS = IMPORTS | {"np"}
# These arguments hold the name of a class, which MONAI looks up anywhere: they are read like `_target_`.
NAMING_KEYS = frozenset(("_target_", "reader", "writer", "merger_cls"))


def refuse_name(name: str) -> str | None:
    """Say why a config must not use a name, or None if it may.

    Args:
        name: dotted name such as ``torch.optim.AdamW``, or the bare name of a MONAI class such as ``UNet``.

    Returns:
        The reason, or None.
    """
    if not re.fullmatch(r"[A-Za-z]\w*(\.[A-Za-z]\w*)*", name, re.ASCII):
        return f"{name!r} is not a plain dotted name without leading underscores"
    module, _, last = name.rpartition(".")
    package = name.partition(".")[0]
    if not module:
        known = any(name in exported_names(f"monai.{part}") for part in EXPORTS["monai"])
        return None if known else f"{name} is no public name of MONAI's data, networks, transforms and the like"
    if name in SINGLE_NAMES or module in OPEN_MODULES:
        return None
    if module.partition(".")[2] in EXPORTS.get(package, ()):
        return None if last in exported_names(module) else f"{last} is no public name of {module}"
    if package not in PACKAGES:
        return f"{package} is none of the packages {', '.join(PACKAGES)}"
    return f"{name} is not among the names of {package} that a config may use"


@functools.cache
def exported_names(module: str) -> frozenset[str]:
    """Names that a package's ``__init__.py`` imports, at once or (``if TYPE_CHECKING``) when they are first named.

    They are read from its source; nothing is imported.

    Args:
        module: dotted name of a package, such as ``monai.data``.

    Returns:
        The names, empty if there is no such package.
    """
    package, _, inner = module.partition(".")
    spec = importlib.util.find_spec(package)  # a top-level name: finding it runs no code
    if spec is None or not spec.submodule_search_locations:
        return frozenset()
    source = Path(next(iter(spec.submodule_search_locations)), *inner.split("."), "__init__.py")
    if not source.is_file():
        return frozenset()
    tree = ast.parse(source.read_text(encoding="utf-8"))
    later = [node for node in tree.body if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"]
    nodes = [*tree.body, *(node for block in later for node in block.body)]
    imports = [node for node in nodes if isinstance(node, ast.ImportFrom)]
    return frozenset(alias.asname or alias.name for node in imports for alias in node.names)
