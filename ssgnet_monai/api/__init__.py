"""What a researcher imports: trained models by the name of a folder. ``ssgnet_monai`` exports these names."""

from ssgnet_monai.api.generator import TrainedGenerator as TrainedGenerator
from ssgnet_monai.api.generator import load_generator as load_generator
from ssgnet_monai.api.segmenter import Segmenter as Segmenter
from ssgnet_monai.api.segmenter import load_segmenter as load_segmenter
