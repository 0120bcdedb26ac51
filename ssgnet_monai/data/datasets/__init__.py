from ssgnet_monai.data.datasets.registry import adapters as adapters
from ssgnet_monai.data.datasets.registry import find_adapter as find_adapter
from ssgnet_monai.data.datasets.registry import prepare_dataset as prepare_dataset
