"""Low-pass filters of the generator's layers and the plan of cutoffs, rates and sizes they follow."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch

_FIRST_CUTOFF = 2.0
_FIRST_STOPBAND = 2**2.1
_LAST_STOPBAND_REL = 2**0.3


@dataclass(frozen=True)
class LayerPlan:
    """Where one layer's output lives: sampling grid and pass band.

    Args:
        cutoff: f_c, cycles per unit (the image is one unit wide).
        half_width: f_h, half of the transition band, cycles per unit.
        sampling_rate: s, samples per unit.
        size: width and height of the grid with its margins, samples.
        channels: feature maps.
    """

    cutoff: float
    half_width: float
    sampling_rate: int
    size: int
    channels: int


def plan_layers(
    img_resolution: int,
    img_channels: int,
    channel_base: int,
    channel_max: int,
    num_layers: int,
    num_critical: int,
    margin_size: int,
) -> list[LayerPlan]:
    """Cutoffs, half-widths, rates, sizes and channels of layers 0..num_layers (the last one is ToRGB).

    Args:
        img_resolution: width and height of the images, a power of two.
        img_channels: channels of the images.
        channel_base: sets the number of channels, ``(channel_base / 2) / f_c``.
        channel_max: upper limit of channels.
        num_layers: layers before ToRGB.
        num_critical: last layers that are critically sampled.
        margin_size: samples around the image in the inner layers.

    Returns:
        num_layers + 1 plans.

    Source: Karras et al. 2021, section 3.2 and appendix C (geometric progression of cutoffs and stopbands).
    """
    last_cutoff = img_resolution / 2
    last_stopband = last_cutoff * _LAST_STOPBAND_REL
    plans = []
    for i in range(num_layers + 1):
        exponent = min(i / (num_layers - num_critical), 1)
        cutoff = _FIRST_CUTOFF * (last_cutoff / _FIRST_CUTOFF) ** exponent
        stopband = _FIRST_STOPBAND * (last_stopband / _FIRST_STOPBAND) ** exponent
        rate = 2 ** math.ceil(math.log2(min(2 * stopband, img_resolution)))
        last = i >= num_layers - 1
        plans.append(
            LayerPlan(
                cutoff=cutoff,
                half_width=max(stopband, rate / 2) - cutoff,
                sampling_rate=rate,
                size=img_resolution if last else rate + 2 * margin_size,
                channels=img_channels if i == num_layers else round(min((channel_base / 2) / cutoff, channel_max)),
            )
        )
    return plans


def design_lowpass_filter(
    numtaps: int, cutoff: float, width: float, fs: float, radial: bool = False
) -> torch.Tensor | None:
    """Kaiser-windowed low-pass filter with unit response at zero frequency.

    Args:
        numtaps: length in samples; 1 is the identity.
        cutoff: frequency of half response, in the unit of ``fs``.
        width: of the transition band, in the unit of ``fs``; sets the window's shape.
        fs: sampling rate.
        radial: rotationally symmetric (jinc) instead of separable (sinc).

    Returns:
        Taps of shape (numtaps,), or (numtaps, numtaps) when radial, float32 on the CPU; None when numtaps is 1.

    Raises:
        ValueError: for no taps or a cutoff that is not between 0 and fs / 2.

    Source: Karras et al. 2021, appendix C; Kaiser 1974 (window and its two formulas for attenuation and beta).
    """
    if numtaps < 1 or not 0 < cutoff < fs / 2:
        raise ValueError(
            f"Expected at least one tap and a cutoff between 0 and fs / 2 = {fs / 2}, "
            f"got numtaps {numtaps} and cutoff {cutoff}."
        )
    if numtaps == 1:
        return None
    n = torch.arange(numtaps, dtype=torch.float64, device="cpu") - (numtaps - 1) / 2
    attenuation = 2.285 * (numtaps - 1) * math.pi * width / (fs / 2) + 7.95
    window = torch.special.i0(_kaiser_beta(attenuation) * (1 - (2 * n / (numtaps - 1)).square()).clamp(min=0).sqrt())
    if not radial:
        taps = torch.special.sinc(2 * cutoff / fs * n) * window
    else:
        # J1(a r) / (pi r) tends to the cutoff at r = 0, which an odd number of taps samples
        r = torch.hypot(n[:, None], n[None, :]) / fs
        safe = torch.where(r > 0, r, 1.0)
        jinc = torch.where(r > 0, torch.special.bessel_j1(2 * math.pi * cutoff * safe) / (math.pi * safe), cutoff)
        taps = jinc * (window[:, None] * window[None, :])
    return (taps / taps.sum()).to(torch.float32)


def _kaiser_beta(attenuation: float) -> float:
    """Shape of the Kaiser window for a stop-band attenuation in dB."""
    if attenuation > 50:
        return 0.1102 * (attenuation - 8.7)
    if attenuation > 21:
        return 0.5842 * (attenuation - 21) ** 0.4 + 0.07886 * (attenuation - 21)
    return 0.0
