"""Non-saturating logistic GAN losses and the R1 gradient penalty."""

from __future__ import annotations

import torch
import torch.nn.functional as F


def suggested_r1_gamma(image_size: int, batch_size: int) -> float:
    """Weight of R1 to begin with: it grows with the pixels of an image and falls with the images of a step.

    At 32 images a step that is 0.5 at 128 pixels, 2 at 256, 8 at 512 and 33 at 1024, the values of the published
    trainings. The best weight depends on the data: try a quarter and four times of it, and choose by KID.

    Args:
        image_size: side of the images, pixels.
        batch_size: images of one step, over all devices.

    Returns:
        ``0.001 * image_size ** 2 / batch_size``.

    Source: Karras et al. 2020 (ADA), whose automatic setting has this form; Karras et al. 2021, table of
    configurations, for the factor.
    """
    return 0.001 * image_size**2 / batch_size


def generator_loss(fake_logits: torch.Tensor) -> torch.Tensor:
    """Non-saturating loss ``mean(-log sigmoid(D(G(z))))``.

    Args:
        fake_logits: discriminator's logits of generated images, any shape.

    Returns:
        Scalar.

    Source: Goodfellow et al. 2014, section 3.
    """
    return F.softplus(-fake_logits).mean()


def discriminator_fake_loss(fake_logits: torch.Tensor) -> torch.Tensor:
    """Logistic loss on generated images, ``mean(-log(1 - sigmoid(D(G(z)))))``; argument as :func:`generator_loss`."""
    return F.softplus(fake_logits).mean()


def discriminator_real_loss(real_logits: torch.Tensor) -> torch.Tensor:
    """Logistic loss on real images, ``mean(-log sigmoid(D(x)))``; argument: logits of real images."""
    return F.softplus(-real_logits).mean()


def r1_penalty(real_logits: torch.Tensor, real: torch.Tensor) -> torch.Tensor:
    """Squared norm of the gradient of D at each real image; differentiable, to be weighted by gamma / 2.

    Args:
        real_logits: logits (B, 1) computed from ``real``.
        real: images (B, C, H, W) that require a gradient, before any augmentation.

    Returns:
        Penalty per image, shape (B,).

    Raises:
        ValueError: when ``real`` does not require a gradient.

    Source: Mescheder et al. 2018, equation 9.
    """
    if not real.requires_grad:
        raise ValueError("Expected real images that require a gradient; call real.requires_grad_() before D(real).")
    (gradient,) = torch.autograd.grad(real_logits.sum(), real, create_graph=True)
    return gradient.square().sum(dim=tuple(range(1, real.ndim)))
