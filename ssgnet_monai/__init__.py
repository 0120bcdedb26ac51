"""ssgnet-monai: class-wise StyleGAN3 synthesis and iterative pseudo-labels as MONAI bundles."""

__version__ = "0.1.0"
