"""What the cases of several lectures are made of: random tensors, score functions, a network."""

from __future__ import annotations

import torch
from torch import Tensor, nn


def new_generator(seed: int) -> torch.Generator:
    """A source of random numbers that begins at `seed`."""
    return torch.Generator().manual_seed(seed)


def rand(*shape: int, generator: torch.Generator) -> Tensor:
    """Evenly spread on [0, 1), in float64."""
    return torch.rand(shape, generator=generator, dtype=torch.float64)


def randn(*shape: int, generator: torch.Generator) -> Tensor:
    """Standard normal, in float64."""
    return torch.randn(shape, generator=generator, dtype=torch.float64)


def linear(weights: Tensor):
    """f(I) = w·I, with the gradient w everywhere."""
    return lambda images: (weights * images).sum(dim=(1, 2, 3))


def cubic(coefficients: Tensor):
    """f(I) = Σ a·I³, with the gradient 3a·I²."""
    return lambda images: (coefficients * images**3).sum(dim=(1, 2, 3))


def rise_and_fall(coefficients: Tensor):
    """f(I) = Σ a·(I³ − I), with the gradient a·(3I² − 1), which changes its sign in [0, 1]."""
    return lambda images: (coefficients * (images**3 - images)).sum(dim=(1, 2, 3))


def ramp(images: Tensor) -> Tensor:
    """f(I) = Σ (1 − ReLU(1 − I)): saturated, without a gradient, above 1."""
    return (1 - torch.relu(1 - images)).sum(dim=(1, 2, 3))


def logit(model: nn.Module, target: int):
    """The score function of one class."""
    return lambda images: model(images)[:, target]


def small_network(channels: int, n_classes: int, generator: torch.Generator) -> nn.Module:
    """A small convolutional network with smooth activations and random weights, in float64."""
    network = nn.Sequential(
        nn.Conv2d(channels, 6, 3, padding=1),
        nn.Tanh(),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(6, n_classes),
    ).double()
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.copy_(randn(*parameter.shape, generator=generator))
    return network.eval()
