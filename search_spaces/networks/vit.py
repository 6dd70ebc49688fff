"""A vision transformer of the "tiny" size: width 192, 12 pre-norm blocks, 3 heads, class token.

Source: Dosovitskiy et al., ICLR 2021, arXiv 2010.11929; the size of Touvron et al., "DeiT", ICML 2021,
arXiv 2012.12877, table 1 (DeiT-Ti).
Differs from the papers: the patch shrinks with the image (4 for 32x32, 16 for 224x224); no dropout.
"""

from __future__ import annotations

from collections import OrderedDict

import torch
from torch import Tensor, nn

from search_spaces.architecture import Signature
from search_spaces.networks.reference import CIFAR, ReferenceNetwork

_WIDTH, _DEPTH, _HEADS = 192, 12, 3
_PATCHES_A_SIDE = 7


class Tokens(nn.Module):
    """Image to tokens: one linear map a patch, a class token in front, learned positions added."""

    def __init__(self, channels: int, height: int, width: int, patch: int) -> None:
        super().__init__()
        self.patches = nn.Conv2d(channels, _WIDTH, patch, patch)
        self.first = nn.Parameter(torch.empty(1, 1, _WIDTH))
        self.positions = nn.Parameter(torch.empty(1, 1 + (height // patch) * (width // patch), _WIDTH))

    def initialize_own_(self, generator: torch.Generator) -> None:
        """Fill class token and positions from N(0, 0.02^2), as the DeiT recipe does (there truncated)."""
        self.first.normal_(0.0, 0.02, generator=generator)
        self.positions.normal_(0.0, 0.02, generator=generator)

    def forward(self, images: Tensor) -> Tensor:
        """Return tokens (B, 1 + patches, width) for images (B, channels, H, W)."""
        tokens = self.patches(images).flatten(2).transpose(1, 2)
        first = self.first.expand(images.shape[0], -1, -1)
        return torch.cat([first, tokens], dim=1) + self.positions


class Encoder(nn.Module):
    """One pre-norm block: x + attention(norm x), then x + mlp(norm x)."""

    def __init__(self) -> None:
        super().__init__()
        self.norm1 = nn.LayerNorm(_WIDTH, eps=1e-6)
        self.attention = nn.MultiheadAttention(_WIDTH, _HEADS, batch_first=True)
        self.norm2 = nn.LayerNorm(_WIDTH, eps=1e-6)
        self.mlp = nn.Sequential(
            OrderedDict(fc1=nn.Linear(_WIDTH, 4 * _WIDTH), activation=nn.GELU(), fc2=nn.Linear(4 * _WIDTH, _WIDTH))
        )

    def forward(self, tokens: Tensor) -> Tensor:
        """Return tokens of the same shape (B, T, width)."""
        normed = self.norm1(tokens)
        mixed, _ = self.attention(normed, normed, normed, need_weights=False)
        tokens = tokens + mixed
        out: Tensor = tokens + self.mlp(self.norm2(tokens))
        return out


class FirstToken(nn.Module):
    """Read the class token: (B, T, width) -> (B, width)."""

    def forward(self, tokens: Tensor) -> Tensor:
        """Return the first token of each sequence."""
        return tokens[:, 0]


def vit_tiny(signature: Signature) -> nn.Sequential:
    """Return the network: (B, channels, H, W) -> (B, classes). 5,319,552 weights on CIFAR-10."""
    channels, height, width = signature.input_shape
    parts: OrderedDict[str, nn.Module] = OrderedDict()
    parts["tokens"] = Tokens(channels, height, width, _patch(height, width))
    for number in range(1, _DEPTH + 1):
        parts[f"block{number}"] = Encoder()
    parts["norm"] = nn.LayerNorm(_WIDTH, eps=1e-6)
    parts["first"] = FirstToken()
    parts["head"] = nn.Linear(_WIDTH, signature.classes)
    return nn.Sequential(parts)


def _patch(height: int, width: int) -> int:
    """Return the largest patch of 16, 8, 4, 2 that divides both sides into at least seven; else 1."""
    for patch in (16, 8, 4, 2):
        divides = height % patch == 0 and width % patch == 0
        if divides and min(height, width) // patch >= _PATCHES_A_SIDE:
            return patch
    return 1


VITS = (ReferenceNetwork("vit_tiny", vit_tiny, CIFAR, activation="identity"),)
