"""TransUNet: a ResNet, a transformer over its last map, and a U-shaped decoder."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import nn

from ssgnet_monai.networks.convert.vit_npz import load_vit_npz
from ssgnet_monai.networks.resnet_v2 import ResNetV2

_STRIDE = 16
_HEAD_CHANNELS = 512
_NORM_EPS = 1e-6


class TransUNet(nn.Module):
    """R50 + ViT TransUNet, returning logits; state-dict keys and shapes equal the public implementation's.

    Args:
        img_size: side, or (height, width), of the images in pixels; multiples of 16.
        in_channels: 3, or 1: a grey image is repeated to three channels.
        num_classes: output channels.
        hidden_size: features of a token, a multiple of ``num_heads``.
        mlp_dim: features inside the transformer's two-layer perceptrons.
        num_heads: of the attention.
        num_layers: of the transformer.
        resnet_units: bottlenecks in each of the three blocks of the ResNet.
        width_factor: of the ResNet's channels (64 in the stem); 0.5 or a whole number.
        decoder_channels: of the four decoder blocks, deepest first.
        skip_channels: of the skips that the decoder blocks take; those of 1/8, 1/4 and 1/2 and none at full size.
        n_skip: how many decoder blocks take a skip, 0 to 3, deepest first.
        dropout: rate after the embedding and in the perceptrons, in [0, 1).
        pretrained: path of Google's ``R50+ViT-B_16.npz``, or of one with other sizes; None: random weights.

    Raises:
        ValueError: If the sizes do not fit, or the file of weights.
        FileNotFoundError: If there is no file of weights.

    Source: Chen et al. 2021, TransUNet (arXiv 2102.04306), section 3.

    Example:
        >>> small = {"hidden_size": 96, "mlp_dim": 192, "num_heads": 4, "num_layers": 2, "resnet_units": (1, 1, 1)}
        >>> network = TransUNet(img_size=64, num_classes=3, **small)
        >>> network(torch.zeros(2, 3, 64, 64)).shape
        torch.Size([2, 3, 64, 64])
    """

    def __init__(
        self,
        img_size: int | Sequence[int] = 224,
        in_channels: int = 3,
        num_classes: int = 2,
        hidden_size: int = 768,
        mlp_dim: int = 3072,
        num_heads: int = 12,
        num_layers: int = 12,
        resnet_units: Sequence[int] = (3, 4, 9),
        width_factor: float = 1,
        decoder_channels: Sequence[int] = (256, 128, 64, 16),
        skip_channels: Sequence[int] = (512, 256, 64, 0),
        n_skip: int = 3,
        dropout: float = 0.1,
        pretrained: str | Path | None = None,
    ) -> None:
        super().__init__()
        height, width = (img_size, img_size) if isinstance(img_size, int) else img_size
        stem = int(64 * width_factor)
        _check_sizes(height, width, in_channels, hidden_size, num_heads, stem, skip_channels, n_skip)
        self.in_channels, self.image_size = in_channels, (height, width)
        self.transformer = Transformer(
            grid=(height // _STRIDE, width // _STRIDE), stem_channels=stem, resnet_units=resnet_units,
            hidden_size=hidden_size, mlp_dim=mlp_dim, num_heads=num_heads, num_layers=num_layers, dropout=dropout,
        )  # fmt: skip
        self.decoder = Decoder(hidden_size, decoder_channels, skip_channels[:n_skip])
        self.segmentation_head = nn.Sequential(nn.Conv2d(decoder_channels[-1], num_classes, 3, padding=1))
        if pretrained is not None:
            self.load_pretrained(pretrained)

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        """Segment images.

        Args:
            image: (B, in_channels, H, W) float of ``img_size``.

        Returns:
            Logits (B, num_classes, H, W).

        Raises:
            ValueError: If the images have another shape.
        """
        if image.shape[1:] != (self.in_channels, *self.image_size):
            raise ValueError(
                f"Expected images (B, {self.in_channels}, {self.image_size[0]}, {self.image_size[1]}), got "
                f"{tuple(image.shape)}. Resize them, or give the network their size as img_size."
            )
        if self.in_channels == 1:
            image = image.expand(-1, 3, -1, -1)
        tokens, skips = self.transformer(image)
        return self.segmentation_head(self.decoder(tokens.unflatten(1, self.transformer.grid), skips))

    def load_pretrained(self, path: str | Path) -> None:
        """Begin with the encoder of Google's ``R50+ViT-B_16.npz``; see ``convert.load_vit_npz``."""
        load_vit_npz(self, path)


class Transformer(nn.Module):
    """ResNet and transformer encoder: from images to tokens and skips.

    Args:
        grid: tokens along height and width.
        stem_channels: of the ResNet's stem.
        resnet_units: bottlenecks of the ResNet's blocks.
        hidden_size: features of a token.
        mlp_dim: features inside the perceptrons.
        num_heads: of the attention.
        num_layers: of the encoder.
        dropout: rate after the embedding and in the perceptrons.
    """

    def __init__(
        self, *, grid: tuple[int, int], stem_channels: int, resnet_units: Sequence[int], hidden_size: int,
        mlp_dim: int, num_heads: int, num_layers: int, dropout: float,
    ) -> None:  # fmt: skip
        super().__init__()
        self.grid = grid
        self.embeddings = Embeddings(grid, stem_channels, resnet_units, hidden_size, dropout)
        self.encoder = Encoder(hidden_size, mlp_dim, num_heads, num_layers, dropout)

    def forward(self, image: torch.Tensor) -> tuple[torch.Tensor, list[torch.Tensor]]:
        """(B, 3, H, W) to tokens (B, H W / 256, hidden_size) and the skips, deepest first."""
        tokens, skips = self.embeddings(image)
        return self.encoder(tokens), skips


class Embeddings(nn.Module):
    """Tokens of an image: the ResNet's last map, projected, plus learned positions."""

    def __init__(
        self, grid: tuple[int, int], stem_channels: int, resnet_units: Sequence[int], hidden_size: int, dropout: float
    ) -> None:
        super().__init__()
        self.hybrid_model = ResNetV2(resnet_units, stem_channels)
        self.patch_embeddings = nn.Conv2d(16 * stem_channels, hidden_size, 1)
        self.position_embeddings = nn.Parameter(torch.zeros(1, grid[0] * grid[1], hidden_size))
        self.dropout = nn.Dropout(dropout)

    def forward(self, image: torch.Tensor) -> tuple[torch.Tensor, list[torch.Tensor]]:
        """(B, 3, H, W) to tokens (B, H W / 256, hidden_size) and the skips, deepest first."""
        features, skips = self.hybrid_model(image)
        tokens = self.patch_embeddings(features).flatten(2).transpose(1, 2)
        return self.dropout(tokens + self.position_embeddings), skips


class Encoder(nn.Module):
    """Pre-norm transformer layers and a last norm."""

    def __init__(self, hidden_size: int, mlp_dim: int, num_heads: int, num_layers: int, dropout: float) -> None:
        super().__init__()
        self.layer = nn.ModuleList(Layer(hidden_size, mlp_dim, num_heads, dropout) for _ in range(num_layers))
        self.encoder_norm = nn.LayerNorm(hidden_size, eps=_NORM_EPS)

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        """(B, T, hidden_size) to the same shape."""
        for layer in self.layer:
            tokens = layer(tokens)
        return self.encoder_norm(tokens)


class Layer(nn.Module):
    """Attention and perceptron, each behind a norm and beside a shortcut."""

    def __init__(self, hidden_size: int, mlp_dim: int, num_heads: int, dropout: float) -> None:
        super().__init__()
        self.attention_norm = nn.LayerNorm(hidden_size, eps=_NORM_EPS)
        self.ffn_norm = nn.LayerNorm(hidden_size, eps=_NORM_EPS)
        self.ffn = Perceptron(hidden_size, mlp_dim, dropout)
        self.attn = Attention(hidden_size, num_heads)

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        """(B, T, hidden_size) to the same shape."""
        tokens = tokens + self.attn(self.attention_norm(tokens))
        return tokens + self.ffn(self.ffn_norm(tokens))


class Attention(nn.Module):
    """Multi-head self-attention."""

    def __init__(self, hidden_size: int, num_heads: int) -> None:
        super().__init__()
        self.num_heads = num_heads
        self.query, self.key, self.value, self.out = (nn.Linear(hidden_size, hidden_size) for _ in range(4))

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        """(B, T, hidden_size) to the same shape."""
        heads = (
            projection(tokens).unflatten(2, (self.num_heads, -1)).transpose(1, 2)
            for projection in (self.query, self.key, self.value)
        )
        return self.out(F.scaled_dot_product_attention(*heads).transpose(1, 2).flatten(2))


class Perceptron(nn.Module):
    """Two linear layers with GELU between and dropout behind each."""

    def __init__(self, hidden_size: int, mlp_dim: int, dropout: float) -> None:
        super().__init__()
        self.fc1, self.fc2 = nn.Linear(hidden_size, mlp_dim), nn.Linear(mlp_dim, hidden_size)
        self.dropout = nn.Dropout(dropout)
        for linear in (self.fc1, self.fc2):
            nn.init.xavier_uniform_(linear.weight)
            nn.init.normal_(linear.bias, std=1e-6)

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        """(B, T, hidden_size) to the same shape."""
        return self.dropout(self.fc2(self.dropout(F.gelu(self.fc1(tokens)))))


class Decoder(nn.Module):
    """Cascaded upsampler: doubles the sides four times, taking a skip where there is one."""

    def __init__(self, hidden_size: int, channels: Sequence[int], skip_channels: Sequence[int]) -> None:
        super().__init__()
        self.conv_more = _conv_norm_relu(hidden_size, _HEAD_CHANNELS)
        inputs = (_HEAD_CHANNELS, *channels[:-1])
        skips = (*skip_channels, *[0] * (len(channels) - len(skip_channels)))
        self.blocks = nn.ModuleList(
            DecoderBlock(before + skip, after) for before, skip, after in zip(inputs, skips, channels, strict=True)
        )
        self.n_skip = len(skip_channels)

    def forward(self, features: torch.Tensor, skips: list[torch.Tensor]) -> torch.Tensor:
        """(B, h, w, hidden_size) and skips, deepest first, to (B, channels[-1], 16 h, 16 w)."""
        x = self.conv_more(features.permute(0, 3, 1, 2))
        for index, block in enumerate(self.blocks):
            x = block(x, skips[index] if index < self.n_skip else None)
        return x


class DecoderBlock(nn.Module):
    """Doubles the sides, joins a skip, and convolves twice."""

    def __init__(self, channels: int, out_channels: int) -> None:
        super().__init__()
        self.conv1 = _conv_norm_relu(channels, out_channels)
        self.conv2 = _conv_norm_relu(out_channels, out_channels)

    def forward(self, x: torch.Tensor, skip: torch.Tensor | None) -> torch.Tensor:
        """(B, C, h, w) and None or a skip (B, S, 2 h, 2 w) to (B, out_channels, 2 h, 2 w)."""
        x = F.interpolate(x, scale_factor=2, mode="bilinear", align_corners=True)
        return self.conv2(self.conv1(x if skip is None else torch.cat((x, skip), dim=1)))


def _conv_norm_relu(channels: int, out_channels: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(channels, out_channels, 3, padding=1, bias=False),
        nn.BatchNorm2d(out_channels),
        nn.ReLU(inplace=True),
    )


def _check_sizes(
    height: int, width: int, in_channels: int, hidden_size: int, num_heads: int, stem: int,
    skip_channels: Sequence[int], n_skip: int,
) -> None:  # fmt: skip
    if height % _STRIDE or width % _STRIDE or min(height, width) < _STRIDE:
        raise ValueError(f"Expected img_size in multiples of {_STRIDE}, got {height} x {width}.")
    if in_channels not in (1, 3):
        raise ValueError(f"Expected in_channels 1 (repeated to 3) or 3, got {in_channels}.")
    if hidden_size % num_heads:
        raise ValueError(f"Expected hidden_size to be a multiple of num_heads, got {hidden_size} and {num_heads}.")
    if stem < 32 or stem % 32:
        raise ValueError(f"Expected a width_factor of .5 or a multiple of it, got {stem / 64}.")
    made = (8 * stem, 4 * stem, stem)
    if not 0 <= n_skip <= 3 or tuple(skip_channels[:n_skip]) != made[:n_skip]:
        raise ValueError(
            f"Expected n_skip from 0 to 3 and skip_channels that begin with {made[:n_skip]}, as width_factor "
            f"{stem / 64} makes them, got n_skip {n_skip} and {tuple(skip_channels)}."
        )
