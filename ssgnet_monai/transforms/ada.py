"""Adaptive discriminator augmentation (ADA): the random pipeline that every image passes before the discriminator."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from ssgnet_monai.ops.affine_warp import affine_warp
from ssgnet_monai.ops.ranks import num_ranks, shard

# Symlets, orthonormal (sum sqrt 2). Source: Daubechies 1992, "Ten Lectures on Wavelets", table 6.3.
SYM6 = (
    0.015404109327027373, 0.0034907120842174702, -0.11799011114819057, -0.048311742585633,
    0.4910559419267466, 0.787641141030194, 0.3379294217276218, -0.07263752278646252,
    -0.021060292512300564, 0.04472490177066578, 0.0017677118642428036, -0.007800708325034148,
)  # fmt: skip
SYM2 = tuple((1 + a * 3**0.5 + b) / (4 * 2**0.5) for a, b in ((-1, 0), (-1, 2), (1, 2), (1, 0)))

GEOMETRIC = ("xflip", "rotate90", "xint", "scale", "rotate_pre", "aniso", "rotate_post", "xfrac")
COLOUR = ("brightness", "contrast", "lumaflip", "hue", "saturation")
NOT_GREY_SAFE = ("lumaflip", "hue", "saturation")


def adjust_probability(p: Tensor, statistic: Tensor | float, *, target: float, images: float, ramp: float) -> Tensor:
    """One step of the overfitting heuristic: raise p where D is too sure of real images, lower it where it is not.

    ``p + sign(r_t - target) * images / ramp``, kept in [0, 1] (a probability above 1 would only delay the way back).

    Args:
        p: () augmentation probability.
        statistic: r_t = E[sign D(real)], in [-1, 1], since the last step.
        target: the r_t to hold (0.6).
        images: training images seen since the last step.
        ramp: images over which p may go from 0 to 1 (500,000; 100,000 in transfer learning).

    Returns:
        () the new p.

    Source: Karras et al. 2020, section 3.1.
    """
    direction = torch.sign(torch.as_tensor(statistic, dtype=p.dtype, device=p.device) - target)
    return (p + direction * (images / ramp)).clamp(0, 1)


def octave_filter_bank() -> Tensor:
    """Four zero-phase octave band-pass filters from sym2, lowest band first, sum = unit impulse.

    Returns:
        (4, 43) float32. Published augmentation states hold it beside ``p``; no operation of ours reads it.

    Source: Karras et al. 2020, appendix B (image-space filtering).
    """
    low = np.asarray(SYM2)
    high = low * np.array([1, -1, 1, -1])
    low_band, high_band = (np.convolve(taps, taps[::-1]) / 2 for taps in (low, high))

    def spread(taps: np.ndarray, octave: int) -> np.ndarray:
        out = np.zeros((len(taps) - 1) * 2**octave + 1)
        out[:: 2**octave] = taps
        return out

    bands, below = [], np.ones(1)
    for octave in range(3):
        bands.append(np.convolve(below, spread(high_band, octave)))
        below = np.convolve(below, spread(low_band, octave))
    width = len(below)
    rows = [np.pad(band, (width - len(band)) // 2) for band in [below, *reversed(bands)]]
    return torch.tensor(np.stack(rows), dtype=torch.float32)


class AdaptiveAugment(nn.Module):
    """The ADA pipeline: flips, rotations, translations, scalings and colour changes, each with probability p.

    Drawing (:meth:`sample_parameters`) and applying (:meth:`apply`) are apart, so that a draw can be replayed; both
    together are ``forward``. Everything is differentiable with respect to the images, twice over. At ``p == 0``
    ``forward`` draws nothing and returns its input.

    The image-space filter, noise and cutout of the original, off in every published setting, are left out.

    Args:
        xflip: multiplier of p for the left-right flip; likewise ``rotate90``, ``xint`` (whole-pixel translation),
            ``scale`` (isotropic), ``rotate`` (before and after ``aniso``), ``aniso`` (anisotropic scale), ``xfrac``
            (sub-pixel translation), ``brightness``, ``contrast``, ``lumaflip``, ``hue`` and ``saturation``. 0 turns an
            operation off; all 1 is the published set "bgc".
        xint_max: largest whole-pixel translation, fraction of the image size.
        scale_std: standard deviation of log2 of the isotropic scale.
        rotate_max: largest rotation, 1 = half a turn.
        aniso_std: standard deviation of log2 of the anisotropic scale.
        xfrac_std: standard deviation of the translation, fraction of the image size.
        brightness_std: standard deviation of the added value, images in [-1, 1].
        contrast_std: standard deviation of log2 of the contrast factor.
        hue_max: largest hue rotation, 1 = half a turn.
        saturation_std: standard deviation of log2 of the saturation factor.
        grey_safe: turn luma flip, hue and saturation off, whatever their multipliers: the setting for grey
            modalities, where an inverted image is another kind of image.
        p: augmentation probability at the start, in [0, 1]; later :class:`~ssgnet_monai.handlers.AdaController`
            moves it.

    Raises:
        ValueError: on a negative multiplier or a p outside [0, 1].

    Source: Karras et al. 2020, "Training Generative Adversarial Networks with Limited Data", appendix B.
    """

    p: Tensor
    Hz_geom: Tensor
    Hz_fbank: Tensor

    def __init__(
        self,
        xflip: float = 1.0,
        rotate90: float = 1.0,
        xint: float = 1.0,
        scale: float = 1.0,
        rotate: float = 1.0,
        aniso: float = 1.0,
        xfrac: float = 1.0,
        brightness: float = 1.0,
        contrast: float = 1.0,
        lumaflip: float = 1.0,
        hue: float = 1.0,
        saturation: float = 1.0,
        *,
        xint_max: float = 0.125,
        scale_std: float = 0.2,
        rotate_max: float = 1.0,
        aniso_std: float = 0.2,
        xfrac_std: float = 0.125,
        brightness_std: float = 0.2,
        contrast_std: float = 0.5,
        hue_max: float = 1.0,
        saturation_std: float = 1.0,
        grey_safe: bool = False,
        p: float = 0.0,
    ) -> None:
        super().__init__()
        multipliers = {
            "xflip": xflip, "rotate90": rotate90, "xint": xint, "scale": scale, "rotate_pre": rotate, "aniso": aniso,
            "rotate_post": rotate, "xfrac": xfrac, "brightness": brightness, "contrast": contrast,
            "lumaflip": lumaflip, "hue": hue, "saturation": saturation,
        }  # fmt: skip
        if min(multipliers.values()) < 0:
            raise ValueError(f"Expected multipliers >= 0, got {multipliers}. Use 0 to turn an operation off.")
        if not 0 <= p <= 1:
            raise ValueError(f"Expected the augmentation probability p in [0, 1], got {p}.")
        if grey_safe:
            multipliers.update(dict.fromkeys(NOT_GREY_SAFE, 0.0))
        self.multipliers = multipliers
        self.strengths = {
            "xint": xint_max, "scale": scale_std, "rotate_pre": rotate_max, "aniso": aniso_std,
            "rotate_post": rotate_max, "xfrac": xfrac_std, "brightness": brightness_std, "contrast": contrast_std,
            "hue": hue_max, "saturation": saturation_std,
        }  # fmt: skip
        self.register_buffer("p", torch.tensor(float(p)))
        self.register_buffer("Hz_geom", torch.tensor(SYM6, dtype=torch.float32) / sum(SYM6))
        self.register_buffer("Hz_fbank", octave_filter_bank())

    def forward(self, images: Tensor, generator: torch.Generator | None = None) -> Tensor:
        """Draw parameters and apply them.

        Args:
            images: (B, C, H, W) float, C 1 or 3, range [-1, 1].
            generator: source of the draws, on any device; None = PyTorch's global one.

        Returns:
            (B, C, H, W), the images' dtype.
        """
        if float(self.p) == 0:
            return images
        return self.apply(images, self.sample_parameters(len(images), generator))

    @torch.no_grad()
    def sample_parameters(self, n: int, generator: torch.Generator | None = None) -> dict[str, Tensor]:
        """Draw what happens to each of n images.

        Args:
            n: number of images (of this rank, where several train together).
            generator: source of the draws; they are made on its device, so a CPU generator gives the same draws
                whatever the module's device. None = PyTorch's global one of the module's device.

        Returns:
            For every operation that is not turned off, one value an image on the module's device, float32, neutral
            where the operation is not drawn. (n,): "xflip" and "lumaflip" 0 or 1, "rotate90" quarter turns 0..3,
            "scale", "aniso", "contrast", "saturation" factors, "rotate_pre", "rotate_post", "hue" radians,
            "brightness" the added value. (n, 2): "xint", "xfrac" fractions of (width, height).
        """
        device = self.p.device if generator is None else generator.device

        def everywhere(size: tuple[int, ...]) -> tuple[int, ...]:
            return size[0] * num_ranks(), *size[1:]

        def uniform(*size: int) -> Tensor:
            return shard(torch.rand(everywhere(size), generator=generator, device=device)).to(self.p.device)

        def normal(*size: int) -> Tensor:
            return shard(torch.randn(everywhere(size), generator=generator, device=device)).to(self.p.device)

        draws: dict[str, tuple[Callable[[float], Tensor], float]] = {
            "xflip": (lambda _: (uniform(n) * 2).floor(), 0.0),
            "rotate90": (lambda _: (uniform(n) * 4).floor(), 0.0),
            "xint": (lambda strength: (uniform(n, 2) * 2 - 1) * strength, 0.0),
            "scale": (lambda strength: torch.exp2(normal(n) * strength), 1.0),
            "rotate_pre": (lambda strength: (uniform(n) * 2 - 1) * math.pi * strength, 0.0),
            "aniso": (lambda strength: torch.exp2(normal(n) * strength), 1.0),
            "rotate_post": (lambda strength: (uniform(n) * 2 - 1) * math.pi * strength, 0.0),
            "xfrac": (lambda strength: normal(n, 2) * strength, 0.0),
            "brightness": (lambda strength: normal(n) * strength, 0.0),
            "contrast": (lambda strength: torch.exp2(normal(n) * strength), 1.0),
            "lumaflip": (lambda _: (uniform(n) * 2).floor(), 0.0),
            "hue": (lambda strength: (uniform(n) * 2 - 1) * math.pi * strength, 0.0),
            "saturation": (lambda strength: torch.exp2(normal(n) * strength), 1.0),
        }
        parameters = {}
        for name, (draw, neutral) in draws.items():
            if self.multipliers[name] == 0:
                continue
            probability = self.p * self.multipliers[name]
            if name.startswith("rotate_"):
                # Two chances to rotate: together they leave an image unrotated with probability 1 - p.
                probability = 1 - (1 - probability).clamp(0, 1).sqrt()
            value = draw(self.strengths.get(name, 1.0))
            drawn = uniform(n) < probability
            parameters[name] = torch.where(drawn.view(n, *[1] * (value.ndim - 1)), value, neutral)
        return parameters

    def apply(self, images: Any, parameters: dict[str, Tensor] | None = None) -> Any:
        """Apply drawn parameters, in float32 whatever the precision around.

        Args:
            images: (B, C, H, W) float, C 1 or 3, range [-1, 1].
            parameters: as :meth:`sample_parameters` returns them for B images; absent operations are not applied.
                Without parameters this is ``nn.Module.apply``, which a parent module calls with a function.

        Returns:
            (B, C, H, W), the images' dtype.

        Raises:
            ValueError: on another number of channels, an unknown operation or another batch size.
        """
        if parameters is None:
            return super().apply(images)
        _check(images, parameters)
        height, width = images.shape[2:]
        with torch.autocast(images.device.type, enabled=False):
            out = images.float()
            if any(name in parameters for name in GEOMETRIC):
                out = affine_warp(out, inverse_geometry(parameters, width, height), self.Hz_geom)
            if any(name in parameters for name in COLOUR):
                matrix, offset = colour_map(parameters)
                if images.shape[1] == 1:
                    # A grey image is three equal channels whose mean is kept.
                    matrix, offset = matrix.sum((1, 2)).view(-1, 1, 1) / 3, offset.mean(1, keepdim=True)
                out = torch.baddbmm(offset, matrix, out.flatten(2)).view_as(out)
        return out.to(images.dtype)


def inverse_geometry(parameters: dict[str, Tensor], width: int, height: int) -> Tensor:
    """Map from output to input positions for the drawn flips, turns, shifts and scales.

    Args:
        parameters: see :meth:`AdaptiveAugment.sample_parameters`; at least one geometric operation.
        width, height: image size in pixels.

    Returns:
        (n, 3, 3) float32, homogeneous, in pixels measured from the image centre.
    """

    def turn(angle: Tensor) -> list[Any]:
        return [angle.cos(), -angle.sin(), 0.0, angle.sin(), angle.cos(), 0.0]

    def shift(fraction: Tensor, whole: bool) -> list[Any]:
        pixels = fraction * fraction.new_tensor([width, height])
        pixels = -(pixels.round() if whole else pixels)
        return [1.0, 0.0, pixels[:, 0], 0.0, 1.0, pixels[:, 1]]

    inverse_of: dict[str, Callable[[Tensor], list[Any]]] = {
        "xflip": lambda value: [1 - 2 * value, 0.0, 0.0, 0.0, 1.0, 0.0],
        "rotate90": lambda value: turn(value * (math.pi / 2)),
        "xint": lambda value: shift(value, whole=True),
        "scale": lambda value: [1 / value, 0.0, 0.0, 0.0, 1 / value, 0.0],
        "rotate_pre": turn,
        "aniso": lambda value: [1 / value, 0.0, 0.0, 0.0, value, 0.0],
        "rotate_post": turn,
        "xfrac": lambda value: shift(value, whole=False),
    }
    matrix = None
    for name in GEOMETRIC:
        if name in parameters:
            value = parameters[name].float()
            rows = [value.new_full((len(value),), e) if isinstance(e, float) else e
                    for e in [*inverse_of[name](value), 0.0, 0.0, 1.0]]  # fmt: skip
            step = torch.stack(rows, dim=1).view(-1, 3, 3)
            matrix = step if matrix is None else matrix @ step
    if matrix is None:
        raise ValueError(f"Expected at least one of {GEOMETRIC}, got {sorted(parameters)}.")
    return matrix


def colour_map(parameters: dict[str, Tensor]) -> tuple[Tensor, Tensor]:
    """Affine map of RGB values, ``matrix @ rgb + offset``, for the drawn colour operations.

    Luma is the grey axis (1, 1, 1) / sqrt 3: the luma flip mirrors it, hue turns about it, saturation scales what is
    orthogonal to it.

    Args:
        parameters: see :meth:`AdaptiveAugment.sample_parameters`; at least one colour operation.

    Returns:
        (n, 3, 3) matrix and (n, 3, 1) offset, float32.
    """
    first = next(parameters[name] for name in COLOUR if name in parameters).float()
    eye = torch.eye(3, device=first.device)
    luma = torch.full((3, 3), 1 / 3, device=first.device)
    cross = (first.new_tensor([[0, -1, 1], [1, 0, -1], [-1, 1, 0]])) / math.sqrt(3)
    matrix, offset = eye.expand(len(first), 3, 3), first.new_zeros(len(first), 3, 1)
    for name in COLOUR:
        if name not in parameters:
            continue
        value = parameters[name].float().view(-1, 1, 1)
        if name == "brightness":
            offset = offset + value
            continue
        step = {
            "contrast": lambda v: v * eye,
            "lumaflip": lambda v: eye - 2 * v * luma,
            "hue": lambda v: v.cos() * (eye - luma) + v.sin() * cross + luma,
            "saturation": lambda v: luma + v * (eye - luma),
        }[name](value)
        matrix, offset = step @ matrix, step @ offset
    return matrix, offset


def _check(images: Tensor, parameters: dict[str, Tensor]) -> None:
    if images.ndim != 4 or images.shape[1] not in (1, 3):
        raise ValueError(f"Expected images of shape (B, 1 or 3, H, W), got {tuple(images.shape)}.")
    unknown = sorted(set(parameters) - {*GEOMETRIC, *COLOUR})
    if unknown:
        raise ValueError(f"Expected operations out of {(*GEOMETRIC, *COLOUR)}, got {unknown}.")
    sizes = {name: len(value) for name, value in parameters.items() if len(value) != len(images)}
    if sizes:
        raise ValueError(f"Expected parameters for {len(images)} images, got {sizes}. Draw them for this batch size.")
