"""Integrated gradients, from a baseline to the image: section 2.1 of the lecture notes."""

from __future__ import annotations

from typing import Literal

import numpy as np
import torch
from torch import Tensor

from course_utils.gradients import vanilla_gradient
from course_utils.scores import ScoreFunction, score_values
from course_utils.smoothgrad import blocks
from course_utils.validation import (
    require_count,
    require_function,
    require_images,
    require_same_shape,
)

__all__ = [
    "completeness_gap",
    "integrated_gradients",
    "mean_path_gradient",
    "quadrature",
    "straight_path",
]

Rule = Literal["midpoint", "right", "gauss-legendre"]


def quadrature(n_steps: int, rule: Rule = "midpoint") -> tuple[Tensor, Tensor]:
    r"""Where on [0, 1] to look, and how much each look counts: ∫₀¹ g(α) dα ≈ Σ_k w_k g(α_k).

    Args:
        n_steps: n, how many points, at least 1.
        rule: "midpoint", α_k = (k − ½)/n, or "right", α_k = k/n, with k = 1, …, n and the
            weights 1/n; or "gauss-legendre", exact for polynomials of degree up to 2n − 1. The
            error falls as 1/n² with the midpoints, as 1/n with the right ends.

    Returns:
        α and w: (n_steps,) each, in float64; the weights sum to 1.

    Raises:
        TypeError, ValueError: if `n_steps` is no whole number of at least 1, or there is no such
            rule.
    """
    require_count(n_steps, "n_steps")
    equal = torch.full((n_steps,), 1 / n_steps, dtype=torch.float64)
    k = torch.arange(1, n_steps + 1, dtype=torch.float64)
    if rule == "midpoint":
        return (k - 0.5) / n_steps, equal
    if rule == "right":
        return k / n_steps, equal
    if rule == "gauss-legendre":
        points, weights = map(torch.from_numpy, np.polynomial.legendre.leggauss(n_steps))
        return (1 + points) / 2, weights / 2  # from [-1, 1] to [0, 1]
    raise ValueError(f'rule must be "midpoint", "right" or "gauss-legendre", got {rule!r}.')


def straight_path(
    baselines: Tensor, images: Tensor, n_steps: int, *, rule: Rule = "midpoint"
) -> Tensor:
    r"""Points on the straight line from baseline to image, B + α_k (I − B).

    Args:
        baselines: B, (N, C, H, W).
        images: I, (N, C, H, W).
        n_steps: n, how many points for each image, at least 1.
        rule: which points, see `quadrature`; "midpoint" takes the middle of n equal pieces, and
            "right" their ends, the last of which is the image itself.

    Returns:
        (N, n_steps, C, H, W), from baseline to image.

    Raises:
        TypeError, ValueError: if the shapes differ, or as `quadrature`.

    Source: lecture notes, section 2.1 ("Integrated gradients").
    """
    _require_pair(baselines, images)
    images, baselines = images.detach(), baselines.detach().to(images)
    alpha, _ = quadrature(n_steps, rule)  # (n_steps,)
    alpha = alpha.to(images)[None, :, None, None, None]
    return baselines[:, None] + alpha * (images - baselines)[:, None]  # (N, n_steps, C, H, W)


def mean_path_gradient(
    f: ScoreFunction, images: Tensor, baselines: Tensor, n_steps: int, *, rule: Rule = "midpoint"
) -> Tensor:
    r"""The mean gradient on the way from baseline to image, ∫₀¹ ∇f(B + α (I − B)) dα.

    The notes' definition: equation 1 with the samples I_k = B + α_k (I − B) of `straight_path`.
    They are made in blocks, so the memory does not grow with n.

    Args:
        f: score function, images (N, C, H, W) -> (N,); each score depends on its own image alone.
            It is given batches of other sizes than `images`.
        images: I, (N, C, H, W), values in [0, 1].
        baselines: B, (N, C, H, W), for instance black, `torch.zeros_like(images)`.
        n_steps: n, how many points on the path, at least 1.
        rule: which points and weights, see `quadrature`.

    Returns:
        (N, C, H, W), in score per unit of pixel value.

    Raises:
        TypeError, ValueError: as `vanilla_gradient` and `straight_path`.

    Source: lecture notes, section 2.1 ("Integrated gradients").
    """
    require_function(f)
    _require_pair(baselines, images)
    images, baselines = images.detach(), baselines.detach().to(images)
    alpha, weights = (
        values.to(images)[:, None, None, None] for values in quadrature(n_steps, rule)
    )
    total = torch.zeros_like(images)
    for samples in blocks(len(images) * n_steps):
        of, k = samples // n_steps, samples % n_steps  # which image, which point: (samples,)
        points = baselines[of] + alpha[k] * (images[of] - baselines[of])  # (samples, C, H, W)
        total.index_add_(0, of.to(total.device), weights[k] * vanilla_gradient(f, points))
    return total


def integrated_gradients(
    f: ScoreFunction, images: Tensor, baselines: Tensor, n_steps: int, *, rule: Rule = "midpoint"
) -> Tensor:
    r"""Integrated gradients: (I − B) · ∫₀¹ ∇f(B + α (I − B)) dα, pixel by pixel.

    The paper's definition: the mean path gradient times how far each pixel travelled. Only so do
    the attributions add up to f(I) − f(B) (completeness).

    Args:
        f, images, baselines, n_steps, rule: as for `mean_path_gradient`.

    Returns:
        (N, C, H, W), with its sign, in units of the score.

    Raises:
        TypeError, ValueError: as `mean_path_gradient`.

    Source: Sundararajan, Taly and Yan, "Axiomatic attribution for deep networks", ICML 2017,
    equations 1 and 3; lecture notes, section 2.1.
    """
    gradient = mean_path_gradient(f, images, baselines, n_steps, rule=rule)
    return (images.detach() - baselines.detach().to(images)) * gradient


def completeness_gap(
    f: ScoreFunction, images: Tensor, baselines: Tensor, attributions: Tensor
) -> Tensor:
    r"""How far the attributions are from adding up: Σ attributions − (f(I) − f(B)).

    Args:
        f: score function, images (N, C, H, W) -> (N,).
        images, baselines, attributions: (N, C, H, W) each.

    Returns:
        (N,), with its sign, in units of the score; 0 for exact integrated gradients.

    Raises:
        TypeError, ValueError: if the shapes differ, or `f` does not return one number an image.

    Source: Sundararajan, Taly and Yan, "Axiomatic attribution for deep networks", ICML 2017,
    proposition 1.
    """
    _require_pair(baselines, images)
    require_images(attributions, "attributions")
    require_same_shape(attributions, images, "attributions", "images")
    difference = score_values(f, images) - score_values(f, baselines.to(images))  # (N,)
    return attributions.detach().sum(dim=(1, 2, 3)) - difference  # (N,)


def _require_pair(baselines: Tensor, images: Tensor) -> None:
    require_images(images)
    require_images(baselines, "baselines")
    require_same_shape(baselines, images, "baselines", "images")
