import importlib
from typing import TYPE_CHECKING, Any

from ssgnet_monai.data.datalist import datalist_sha256, load_datalist, save_datalist, select_items
from ssgnet_monai.data.datalist import training_sha256 as training_sha256
from ssgnet_monai.data.generator_record import GeneratorRecord as GeneratorRecord
from ssgnet_monai.data.generator_record import generated_classes as generated_classes
from ssgnet_monai.data.grow import class_sizes as class_sizes
from ssgnet_monai.data.image_io import write_mask_png
from ssgnet_monai.data.items_for_generator import generator_choice as generator_choice
from ssgnet_monai.data.items_for_generator import generator_items as generator_items
from ssgnet_monai.data.items_in_folder import inference_items as inference_items
from ssgnet_monai.data.items_in_folder import picture_items as picture_items
from ssgnet_monai.data.items_in_folder import volume_items as volume_items
from ssgnet_monai.data.items_of_class import class_items as class_items
from ssgnet_monai.data.label_items import served_items as served_items
from ssgnet_monai.data.label_space import IGNORED as IGNORED
from ssgnet_monai.data.label_space import count_classes as count_classes
from ssgnet_monai.data.label_space import resolved_label_names as resolved_label_names
from ssgnet_monai.data.labeled_items import split_labeled, with_true_masks, without_labels
from ssgnet_monai.data.latents import LatentDataset as LatentDataset
from ssgnet_monai.data.latents import class_counts as class_counts
from ssgnet_monai.data.latents import class_cycle as class_cycle
from ssgnet_monai.data.mixture import Mixture as Mixture
from ssgnet_monai.data.phantom import write_phantom
from ssgnet_monai.data.phantom_volume import write_phantom_volumes as write_phantom_volumes
from ssgnet_monai.data.pool import pool_items as pool_items
from ssgnet_monai.data.pool import pool_sha256 as pool_sha256
from ssgnet_monai.data.prepare.folder import prepare_folder
from ssgnet_monai.data.rounds_log import RoundsLog as RoundsLog
from ssgnet_monai.data.splits import split_items

if TYPE_CHECKING:
    from ssgnet_monai.data.paired_stream import PairedStream as PairedStream
    from ssgnet_monai.data.sample_stream import SampleStream as SampleStream
    from ssgnet_monai.data.sample_stream import StreamSampler as StreamSampler
    from ssgnet_monai.data.slice_list import SliceDataset as SliceDataset
    from ssgnet_monai.data.slice_list import slice_items as slice_items
    from ssgnet_monai.data.soft_label_collate import label_collate as label_collate

WITH_MONAI = {
    "PairedStream": "paired_stream",
    "SampleStream": "sample_stream",
    "SliceDataset": "slice_list",
    "StreamSampler": "sample_stream",
    "label_collate": "soft_label_collate",
    "slice_items": "slice_list",
}


def __getattr__(name: str) -> Any:
    """Import what needs MONAI when it is first named: the commands for data need not wait seconds for it."""
    if name in WITH_MONAI:
        return getattr(importlib.import_module(f"{__name__}.{WITH_MONAI[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
