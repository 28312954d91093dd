"""Logistic regression on pixels: the network whose gradient points the same way everywhere."""

from __future__ import annotations

from torch import Tensor, nn


class LogisticRegression(nn.Module):
    r"""Two classes, and one weight for each pixel and class: z = W·I + b.

    softmax(z)_1 = σ(w·I + b) with w = w_1 − w_0 and b = b_1 − b_0, the lecture's logistic
    regression; `weights` and `bias` give w and b.

    Shapes: images (N, 1, size, size) -> logits (N, 2).
    """

    def __init__(self, size: int = 28) -> None:
        super().__init__()
        self.size = size
        self.linear = nn.Linear(size * size, 2)

    @property
    def weights(self) -> Tensor:
        """w, (1, size, size)."""
        w_0, w_1 = self.linear.weight.detach()
        return (w_1 - w_0).view(1, self.size, self.size)

    @property
    def bias(self) -> Tensor:
        """b, a single number."""
        b_0, b_1 = self.linear.bias.detach()
        return b_1 - b_0

    def forward(self, images: Tensor) -> Tensor:
        return self.linear(images.flatten(1))  # (N, H·W) -> (N, 2)
