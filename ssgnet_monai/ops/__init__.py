from ssgnet_monai.ops.bias_act import bias_act
from ssgnet_monai.ops.conv2d_resample import conv2d_resample
from ssgnet_monai.ops.filtered_lrelu import filtered_lrelu
from ssgnet_monai.ops.modulated_conv2d import modulated_conv2d
from ssgnet_monai.ops.ranks import shard as shard
from ssgnet_monai.ops.ranks import shard_size as shard_size
from ssgnet_monai.ops.selective_scan import selective_scan as selective_scan
from ssgnet_monai.ops.upfirdn2d import downsample2d, filter2d, setup_filter, upfirdn2d, upsample2d
