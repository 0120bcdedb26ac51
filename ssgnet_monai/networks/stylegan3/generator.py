"""StyleGAN3 generator (configurations T and R)."""

from __future__ import annotations

import torch
from torch import nn

from ssgnet_monai.networks.stylegan3.filters import plan_layers
from ssgnet_monai.networks.stylegan3.fourier_input import FourierInput
from ssgnet_monai.networks.stylegan3.mapping import MappingNetwork
from ssgnet_monai.networks.stylegan3.synthesis_layer import SynthesisLayer

_OUTPUT_SCALE = 0.25


class SynthesisNetwork(nn.Module):
    """Fourier input followed by ``num_layers`` alias-free layers and ToRGB; arguments as :class:`Generator`.

    ``filter_backend`` (an attribute, ``"auto"``) chooses how the low-pass filters are applied.

    Source: Karras et al. 2021, figure 4 and appendix C.
    """

    def __init__(
        self,
        w_dim: int,
        img_resolution: int,
        img_channels: int,
        channel_base: int = 32768,
        channel_max: int = 512,
        num_layers: int = 14,
        num_critical: int = 2,
        margin_size: int = 10,
        conv_kernel: int = 3,
        use_radial_filters: bool = False,
        conv_clamp: float | None = 256,
        num_fp16_res: int = 4,
        magnitude_ema_beta: float = 0.999,
    ) -> None:
        super().__init__()
        _check_arguments(img_resolution, img_channels, num_layers, num_critical, margin_size, conv_kernel)
        self.w_dim, self.num_ws = w_dim, num_layers + 2
        self.img_resolution, self.img_channels = img_resolution, img_channels
        self.num_layers, self.num_critical = num_layers, num_critical
        self.filter_backend = "auto"
        plans = plan_layers(
            img_resolution, img_channels, channel_base, channel_max, num_layers, num_critical, margin_size
        )
        if min(plan.channels for plan in plans) < 1:
            raise ValueError(
                f"Expected channel_base of at least img_resolution {img_resolution} and channel_max of at least 1, "
                f"got {channel_base} and {channel_max}."
            )
        first = plans[0]
        self.input = FourierInput(w_dim, first.channels, first.size, first.sampling_rate, first.cutoff)
        self.layer_names: list[str] = []
        for i, plan in enumerate(plans):
            layer = SynthesisLayer(
                w_dim,
                source=plans[max(i - 1, 0)],
                plan=plan,
                is_torgb=i == num_layers,
                is_critically_sampled=i >= num_layers - num_critical,
                use_fp16=plan.sampling_rate * 2**num_fp16_res > img_resolution,
                conv_kernel=conv_kernel,
                use_radial_filters=use_radial_filters,
                conv_clamp=conv_clamp,
                magnitude_ema_beta=magnitude_ema_beta,
            )
            name = f"L{i}_{plan.size}_{plan.channels}"
            self.add_module(name, layer)
            self.layer_names.append(name)

    def forward(self, ws: torch.Tensor, update_emas: bool = False) -> torch.Tensor:
        """Images (B, img_channels, R, R), float32, for ws of shape (B, num_ws, w_dim)."""
        if ws.ndim != 3 or ws.shape[1:] != (self.num_ws, self.w_dim):
            raise ValueError(f"Expected ws of shape (B, {self.num_ws}, {self.w_dim}), got {tuple(ws.shape)}.")
        first, *rest = ws.to(torch.float32).unbind(dim=1)
        x = self.input(first)
        for name, w in zip(self.layer_names, rest, strict=True):
            x = getattr(self, name)(x, w, update_emas=update_emas, backend=self.filter_backend)
        return x.to(torch.float32) * _OUTPUT_SCALE


class Generator(nn.Module):
    """StyleGAN3 generator: latent (and class) to image. Keys and shapes of the state dict are the published ones.

    Configuration T is the default; configuration R is ``conv_kernel=1, use_radial_filters=True`` with ``channel_base``
    and ``channel_max`` doubled.

    Args:
        z_dim: length of the latent code.
        c_dim: length of the class vector; 0 is unconditional.
        w_dim: length of the intermediate latent.
        img_resolution: width and height of the images, a power of two of at least 16.
        img_channels: 1 for grey, 3 for RGB.
        channel_base: channels of a layer with cutoff f_c are ``(channel_base / 2) / f_c``...
        channel_max: ...but at most this.
        num_layers: layers before ToRGB.
        num_critical: last layers that are critically sampled, at least 1 and less than num_layers.
        margin_size: samples around the image in the inner layers.
        conv_kernel: kernel size of the convolutions.
        use_radial_filters: rotationally symmetric down filters (not on the critically sampled layers).
        conv_clamp: largest absolute activation; None for no limit.
        num_fp16_res: highest resolutions that compute in float16 on CUDA; elsewhere all is float32.
        mapping_layers: layers of the mapping network.
        magnitude_ema_beta: decay of the layers' running magnitudes, ``0.5 ** (batch_size / 20000)``.

    Raises:
        ValueError: for sizes that give no valid network, with the value and what is expected.

    Source: Karras et al. 2021, "Alias-Free Generative Adversarial Networks", section 3 and appendix.

    Example:
        >>> sizes = {"channel_max": 16, "num_layers": 4, "margin_size": 2}
        >>> generator = Generator(z_dim=16, c_dim=0, w_dim=16, img_resolution=32, img_channels=3, **sizes).eval()
        >>> generator(torch.randn(2, 16), truncation_psi=0.7).shape
        torch.Size([2, 3, 32, 32])
    """

    def __init__(
        self,
        z_dim: int,
        c_dim: int,
        w_dim: int,
        img_resolution: int,
        img_channels: int,
        channel_base: int = 32768,
        channel_max: int = 512,
        num_layers: int = 14,
        num_critical: int = 2,
        margin_size: int = 10,
        conv_kernel: int = 3,
        use_radial_filters: bool = False,
        conv_clamp: float | None = 256,
        num_fp16_res: int = 4,
        mapping_layers: int = 2,
        magnitude_ema_beta: float = 0.999,
    ) -> None:
        super().__init__()
        if z_dim < 1 or c_dim < 0 or w_dim < 1:
            raise ValueError(f"Expected z_dim >= 1, c_dim >= 0 and w_dim >= 1, got {z_dim}, {c_dim} and {w_dim}.")
        self.z_dim, self.c_dim, self.w_dim = z_dim, c_dim, w_dim
        self.img_resolution, self.img_channels = img_resolution, img_channels
        self.synthesis = SynthesisNetwork(
            w_dim=w_dim,
            img_resolution=img_resolution,
            img_channels=img_channels,
            channel_base=channel_base,
            channel_max=channel_max,
            num_layers=num_layers,
            num_critical=num_critical,
            margin_size=margin_size,
            conv_kernel=conv_kernel,
            use_radial_filters=use_radial_filters,
            conv_clamp=conv_clamp,
            num_fp16_res=num_fp16_res,
            magnitude_ema_beta=magnitude_ema_beta,
        )
        self.num_ws = self.synthesis.num_ws
        self.mapping = MappingNetwork(z_dim, c_dim, w_dim, num_ws=self.num_ws, num_layers=mapping_layers)

    def forward(
        self,
        z: torch.Tensor,
        c: torch.Tensor | None = None,
        truncation_psi: float = 1,
        truncation_cutoff: int | None = None,
        update_emas: bool = False,
    ) -> torch.Tensor:
        """Generate images. In ``eval()`` mode an image depends on its own latent alone, not on its batch.

        Args:
            z: latents (B, z_dim), standard normal.
            c: classes (B, c_dim), one-hot; None when c_dim is 0.
            truncation_psi: pull w towards its mean: 1 keeps it, 0 gives the mean image.
            truncation_cutoff: layers that are truncated, from the first; None is all.
            update_emas: move the mean w and the layers' running magnitudes by this batch (training: discriminator's
                step only).

        Returns:
            Images (B, img_channels, R, R), float32, about [-1, 1] (not clamped).
        """
        ws = self.mapping(z, c, truncation_psi, truncation_cutoff, update_emas=update_emas)
        return self.synthesis(ws, update_emas=update_emas)


def _check_arguments(
    img_resolution: int, img_channels: int, num_layers: int, num_critical: int, margin_size: int, conv_kernel: int
) -> None:
    if img_resolution < 16 or img_resolution & (img_resolution - 1):
        raise ValueError(f"Expected img_resolution as a power of two of at least 16, got {img_resolution}.")
    if img_channels < 1:
        raise ValueError(f"Expected img_channels of at least 1, got {img_channels}.")
    if not 1 <= num_critical < num_layers:
        raise ValueError(
            f"Expected 1 <= num_critical < num_layers, got num_critical={num_critical}, num_layers={num_layers}. "
            "Use more layers or fewer critically sampled ones."
        )
    if margin_size < 0:
        raise ValueError(f"Expected margin_size of at least 0, got {margin_size}.")
    if conv_kernel < 1 or conv_kernel % 2 == 0:
        raise ValueError(f"Expected an odd conv_kernel, got {conv_kernel}.")
