from ssgnet_monai.networks import stylegan3 as stylegan3
from ssgnet_monai.networks.frozen_norm_unet import pretrained_unet as pretrained_unet
from ssgnet_monai.networks.image_classifier import ImageClassifier as ImageClassifier
from ssgnet_monai.networks.rank_batch_norm import synchronise_batch_norm as synchronise_batch_norm
from ssgnet_monai.networks.res_vnet import ResVNet as ResVNet
from ssgnet_monai.networks.transunet import TransUNet as TransUNet
from ssgnet_monai.networks.vmunet import VMUNet as VMUNet
from ssgnet_monai.networks.vnet import VNet as VNet
