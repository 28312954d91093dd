"""Judging what chance has part in: by distribution, not by the order in which noise was drawn."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

# How many standard errors a right answer may be off: chance goes beyond six once in 500 million.
STANDARD_ERRORS = 6


def means_and_stds(noise: Tensor) -> tuple[Tensor, Tensor]:
    """Mean and standard deviation of each image's values, (N,) each, from (N, ...)."""
    values = noise.flatten(1)
    return values.mean(dim=1), values.std(dim=1, correction=0)


def fourth_moments(noise: Tensor) -> Tensor:
    """E[e⁴] of each image's noise at standard deviation 1, (N,): 3 for a normal distribution."""
    return (_standardised(noise) ** 4).flatten(1).mean(dim=1)


def correlations(noise: Tensor) -> Tensor:
    """Correlation of each value with the next one along each axis, (axes,): 0 if independent."""
    standardised = _standardised(noise)
    neighbours = [
        (standardised * standardised.roll(1, axis)).mean()
        if noise.shape[axis] > 1
        else torch.tensor(0)
        for axis in range(noise.ndim)
    ]
    return torch.stack([value.to(noise.dtype) for value in neighbours])


def dependent_axis(noise: Tensor, axes: Sequence[str]) -> str | None:
    """The name of the first axis along which values depend on each other, or None."""
    # Along an axis of length 2 every pair counts twice.
    allowed = STANDARD_ERRORS * (2 / noise.numel()) ** 0.5
    dependent = (correlations(noise).abs() > allowed).tolist()
    return next((name for name, wrong in zip(axes, dependent, strict=True) if wrong), None)


def same_distribution(one: Tensor, other: Tensor) -> bool:
    """Whether two noises (N, ...) of one shape are alike: coarse, to tell mistakes apart."""
    (mean, std), (other_mean, other_std) = means_and_stds(one), means_and_stds(other)
    scale = torch.maximum(torch.maximum(std, other_std), std.new_tensor(0.05))
    return bool(
        ((mean - other_mean).abs() <= 0.15 * scale).all()
        and ((std - other_std).abs() <= 0.15 * scale).all()
        and torch.isclose(correlations(one), correlations(other), rtol=0, atol=0.15).all()
    )


def _standardised(noise: Tensor) -> Tensor:
    each = (-1, *(1 for _ in noise.shape[1:]))
    mean, std = means_and_stds(noise)
    return (noise - mean.view(each)) / std.view(each).clamp_min(1e-12)
