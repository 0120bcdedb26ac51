from ssgnet_monai.networks import stylegan3 as stylegan3
