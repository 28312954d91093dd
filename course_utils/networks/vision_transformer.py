"""A small vision transformer with a convolutional stem, which shows its attention."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.functional import gelu, softmax

from course_utils.networks.pooled_cnn import convolutions


class SelfAttention(nn.Module):
    r"""Each token gathers from all: A = softmax(q kᵀ / √d) for each head, output A v.

    Shapes: tokens (N, T, D) -> tokens (N, T, D) and A (N, heads, T, T); each row of A sums to 1.
    """

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.query_key_value = nn.Linear(width, 3 * width)
        self.project = nn.Linear(width, width)

    def forward(self, tokens: Tensor) -> tuple[Tensor, Tensor]:
        n, t, width = tokens.shape
        split = self.query_key_value(tokens).view(n, t, 3, self.heads, width // self.heads)
        queries, keys, values = split.permute(2, 0, 3, 1, 4)  # (N, heads, T, d) each
        scores = queries @ keys.mT / keys.shape[-1] ** 0.5  # (N, heads, T, T)
        attention = softmax(scores, dim=-1)
        gathered = (attention @ values).transpose(1, 2).reshape(n, t, width)  # (N, T, D)
        return self.project(gathered), attention


class Block(nn.Module):
    """Self-attention, then a two-layer network on each token; each is added to what came in."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.normalise_attention = nn.LayerNorm(width)
        self.attention = SelfAttention(width, heads)
        self.normalise_mlp = nn.LayerNorm(width)
        self.widen = nn.Linear(width, 3 * width)
        self.narrow = nn.Linear(3 * width, width)

    def forward(self, tokens: Tensor) -> tuple[Tensor, Tensor]:
        gathered, attention = self.attention(self.normalise_attention(tokens))
        tokens = tokens + gathered
        tokens = tokens + self.narrow(gelu(self.widen(self.normalise_mlp(tokens))))
        return tokens, attention


class VisionTransformer(nn.Module):
    r"""Patch tokens from a convolutional stem, a class token before them, blocks, a linear layer.

    `attentions` shows the attention matrices. For Grad-CAM on tokens hook
    `blocks.2.normalise_attention`, the last layer whose patches still reach the class token.

    Attributes:
        grid: (h, w), how many patches there are; token 0 is the class token and token
            1 + row · w + column the patch at (row, column), so T = 1 + h · w.

    Shapes: images (N, 1, size, size) -> logits (N, classes).

    Source: Dosovitskiy et al., "An image is worth 16x16 words", ICLR 2021; the stem: Xiao et al.,
    "Early convolutions help transformers see better", NeurIPS 2021.
    """

    def __init__(
        self,
        classes: int,
        size: int = 64,
        width: int = 96,
        depth: int = 3,
        heads: int = 4,
        stem_width: int = 32,
    ) -> None:
        super().__init__()
        self.grid = (size // 8, size // 8)
        self.features = convolutions(stem_width)[:5]  # to 1/8 of the size, 4·stem_width channels
        self.embed = nn.Conv2d(4 * stem_width, width, 1)
        self.class_token = nn.Parameter(torch.zeros(1, 1, width))
        n_tokens = 1 + self.grid[0] * self.grid[1]
        self.positions = nn.Parameter(0.02 * torch.randn(1, n_tokens, width))
        self.blocks = nn.ModuleList(Block(width, heads) for _ in range(depth))
        self.normalise = nn.LayerNorm(width)
        self.classify = nn.Linear(width, classes)

    def forward(self, images: Tensor) -> Tensor:
        return self._run(images)[0]

    def attentions(self, images: Tensor) -> list[Tensor]:
        """Each block's attention A, (N, heads, T, T), rows (queries) summing to 1, first first."""
        return self._run(images)[1]

    def _run(self, images: Tensor) -> tuple[Tensor, list[Tensor]]:
        patches = self.embed(self.features(images)).flatten(2).mT  # (N, h·w, D)
        class_tokens = self.class_token.expand(len(patches), -1, -1)  # (N, 1, D)
        tokens = torch.cat([class_tokens, patches], dim=1) + self.positions  # (N, T, D)
        attentions = []
        for block in self.blocks:
            tokens, attention = block(tokens)
            attentions.append(attention)
        return self.classify(self.normalise(tokens[:, 0])), attentions
