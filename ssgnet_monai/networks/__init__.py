from ssgnet_monai.networks import stylegan3 as stylegan3
from ssgnet_monai.networks.vmunet import VMUNet as VMUNet
