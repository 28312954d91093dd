"""A convolutional network with trained attention at two depths, after Jetley et al."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.functional import softmax

from course_utils.networks.pooled_cnn import convolution, convolutions

SHALLOW_LAYERS = 4  # the first depth lies after `block2`, the second at the end of the convolutions


class Attended(NamedTuple):
    """What the attention of one depth sees and does."""

    local_features: Tensor  # l: (N, K, h, w)
    global_feature: Tensor  # g: (N, K)
    attention: Tensor  # a: (N, h, w), sums to 1 for each image
    pooled: Tensor  # g_a: (N, K)


class AttentionCNN(nn.Module):
    r"""Attention decides where to look before the network may classify.

    At each of two depths s, with local features l_hw and the global feature g of the whole image:

        c_hw = l_hw · g        compatibility
        a = softmax_hw(c)      attention, positive and summing to 1 over the positions
        g_a = Σ_hw a_hw l_hw   what was attended to

    and the logits are a linear function of both depths' g_a, and of nothing else.

    `attend` shows all of it. Hook `features.last` for Grad-CAM.

    Shapes: images (N, 1, H, W); l (N, K, H/4, W/4) and (N, K, H/8, W/8); logits (N, classes).

    Source: Jetley, Lord, Lee and Torr, "Learn to pay attention", ICLR 2018.
    """

    def __init__(self, classes: int, width: int = 32) -> None:
        super().__init__()
        n_features = 4 * width
        self.features = convolutions(width)
        # The global feature must have as many entries as the local ones for their dot product.
        self.shallow_local = nn.Conv2d(2 * width, n_features, 1, bias=False)
        self.deep_local = nn.Conv2d(n_features, n_features, 1, bias=False)
        self.summary = convolution(n_features, n_features, stride=2)
        self.shallow_global = nn.Linear(n_features, n_features)
        self.deep_global = nn.Linear(n_features, n_features)
        # In training a whole depth is left out now and then: each must learn to look by itself.
        self.leave_out = nn.Dropout1d(0.4)
        self.classify = nn.Linear(2 * n_features, classes)

    def attend(self, images: Tensor) -> tuple[Attended, Attended]:
        """Local features, global feature, attention and pooled feature, shallow depth first."""
        shallow = self.features[:SHALLOW_LAYERS](images)  # (N, 2·width, H/4, W/4)
        deep = self.features[SHALLOW_LAYERS:](shallow)  # (N, K, H/8, W/8)
        summary = self.summary(deep).mean(dim=(2, 3))  # (N, K)
        return (
            _attend(self.shallow_local(shallow), self.shallow_global(summary)),
            _attend(self.deep_local(deep), self.deep_global(summary)),
        )

    def forward(self, images: Tensor) -> Tensor:
        pooled = torch.stack([depth.pooled for depth in self.attend(images)], dim=1)  # (N, 2, K)
        return self.classify(self.leave_out(pooled).flatten(1))  # (N, classes)


def _attend(local_features: Tensor, global_feature: Tensor) -> Attended:
    compatibility = (local_features * global_feature[:, :, None, None]).sum(dim=1)  # (N, h, w)
    attention = softmax(compatibility.flatten(1), dim=1).view_as(compatibility)  # (N, h, w)
    pooled = (attention[:, None] * local_features).sum(dim=(2, 3))  # (N, K)
    return Attended(local_features, global_feature, attention, pooled)
