from ssgnet_monai.ops.biased_activation import bias_act
from ssgnet_monai.ops.filtered_activation import filtered_lrelu
from ssgnet_monai.ops.fir_filter import setup_filter, upfirdn2d
from ssgnet_monai.ops.modulated_convolution import modulated_conv2d
from ssgnet_monai.ops.ranks import shard as shard
from ssgnet_monai.ops.ranks import shard_size as shard_size
from ssgnet_monai.ops.resampled_convolution import conv2d_resample
from ssgnet_monai.ops.scan import selective_scan as selective_scan
