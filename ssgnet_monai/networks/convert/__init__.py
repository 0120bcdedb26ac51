from ssgnet_monai.networks.convert.efficientnet_lite import timm_names as timm_names
from ssgnet_monai.networks.convert.vit_npz import load_vit_npz as load_vit_npz
from ssgnet_monai.networks.convert.vmamba import load_vmamba as load_vmamba
