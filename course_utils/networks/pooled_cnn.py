"""A small convolutional network that ends in global average pooling and one linear layer."""

from __future__ import annotations

from collections import OrderedDict

from torch import Tensor, nn


def convolution(inputs: int, outputs: int, stride: int = 1) -> nn.Sequential:
    """3×3 convolution, batch normalisation, ReLU (not in place: a hook sees what was computed)."""
    return nn.Sequential(
        OrderedDict(
            convolution=nn.Conv2d(inputs, outputs, 3, stride, padding=1, bias=False),
            normalisation=nn.BatchNorm2d(outputs),
            relu=nn.ReLU(),
        )
    )


class Residual(nn.Module):
    """What a layer makes is added to what came in."""

    def __init__(self, layer: nn.Module) -> None:
        super().__init__()
        self.layer = layer

    def forward(self, inputs: Tensor) -> Tensor:
        return inputs + self.layer(inputs)


def convolutions(width: int) -> nn.Sequential:
    """(N, 1, H, W) -> (N, 2·width, H/4, W/4) after `block2`, (N, 4·width, H/8, W/8) at the end."""
    return nn.Sequential(
        OrderedDict(
            stem=convolution(1, width, stride=2),
            block1=Residual(convolution(width, width)),
            down2=convolution(width, 2 * width, stride=2),
            block2=Residual(convolution(2 * width, 2 * width)),
            down3=convolution(2 * width, 4 * width, stride=2),
            last=convolution(4 * width, 4 * width),
        )
    )


class PooledCNN(nn.Module):
    r"""Convolutions down to 1/8 of the size, then global average pooling and a linear layer.

    With A = features(I), z_c = Σ_k w_ck · mean_hw(A_khw) + b_c: the class activation map
    Σ_k w_ck A_khw says where each logit comes from, and Grad-CAM is the same map but for a factor.

    Shapes: images (N, 1, H, W) -> features (N, 4·width, H/8, W/8) -> logits (N, classes).
    Hook `features.last` for Grad-CAM; the linear layer is `classify`.
    """

    def __init__(self, classes: int, width: int = 32) -> None:
        super().__init__()
        self.features = convolutions(width)
        self.classify = nn.Linear(4 * width, classes)

    def forward(self, images: Tensor) -> Tensor:
        features = self.features(images)  # (N, K, h, w)
        return self.classify(features.mean(dim=(2, 3)))  # (N, K) -> (N, classes)
