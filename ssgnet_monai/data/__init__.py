from ssgnet_monai.data.datalist import datalist_sha256, load_datalist, save_datalist, select_items
from ssgnet_monai.data.image_io import write_mask_png
from ssgnet_monai.data.splits import hide_labels, split_items
from ssgnet_monai.data.prepare import prepare_folder
