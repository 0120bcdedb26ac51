"""StyleGAN3 generator and the residual discriminator it trains with."""

from ssgnet_monai.networks.stylegan3.discriminator import Discriminator as Discriminator
from ssgnet_monai.networks.stylegan3.generator import Generator as Generator
