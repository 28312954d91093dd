"""Gradients as saliency maps: section 2.1 of the lecture notes."""

from __future__ import annotations

import torch
from torch import Tensor

from course_utils.scores import ScoreFunction, class_score
from course_utils.validation import (
    require_function,
    require_images,
    require_number,
    require_scores,
    require_tensor,
)

__all__ = [
    "channel_mean",
    "class_score",
    "logistic_gradient",
    "steepest_step",
    "vanilla_gradient",
]


def vanilla_gradient(f: ScoreFunction, images: Tensor) -> Tensor:
    r"""The vanilla gradient saliency map, S(I) = ∇_I f(I), with its sign.

    Args:
        f: score function, images (N, C, H, W) -> (N,); each score depends on its own image alone.
        images: (N, C, H, W), values in [0, 1].

    Returns:
        (N, C, H, W), in score per unit of pixel value. Detached; `images` stays as it is.

    Raises:
        TypeError, ValueError: if `images` is not a finite floating-point batch, or if `f` does not
            return one differentiable number for each image.

    Source: lecture notes, section 2.1; Simonyan, Vedaldi and Zisserman, "Deep inside convolutional
    networks", ICLR workshop 2014.
    """
    require_function(f)
    require_images(images)
    inputs = images.detach().clone().requires_grad_()  # a copy: the caller's tensor stays as it is
    with torch.enable_grad():
        scores = differentiable_scores(f, inputs)  # (N,)
        (gradient,) = torch.autograd.grad(scores.sum(), inputs)  # (N, C, H, W)
    return gradient.detach()


def differentiable_scores(f: ScoreFunction, inputs: Tensor) -> Tensor:
    """f(inputs), after making sure that it is one differentiable number for each image."""
    scores = f(inputs)
    require_scores(scores, len(inputs))
    if not scores.requires_grad:
        raise ValueError(
            "f must be differentiable with respect to the images, "
            "got scores without a gradient (was f computed without gradients, or detached?)."
        )
    return scores


def channel_mean(gradients: Tensor) -> Tensor:
    r"""One map for each image: the mean over the colour channels, S_hw = (1/C) Σ_c G_chw.

    Args:
        gradients: (N, C, H, W).

    Returns:
        (N, H, W), with its sign, in the units of `gradients`.

    Raises:
        TypeError, ValueError: if `gradients` is not a finite floating-point batch.

    Source: lecture notes, section 2.1, footnote 1.
    """
    require_images(gradients, "gradients")
    return gradients.detach().mean(dim=1)


def logistic_gradient(weights: Tensor, bias: float | Tensor, images: Tensor) -> Tensor:
    r"""The gradient of logistic regression in closed form.

    f(I) = σ(w·I + b) has the gradient ∇f(I) = f(I) (1 − f(I)) w: its length depends on the image,
    its direction, w, does not.

    Args:
        weights: w, (C, H, W).
        bias: b, a number (or a tensor holding one).
        images: (N, C, H, W).

    Returns:
        (N, C, H, W), in probability per unit of pixel value.

    Raises:
        TypeError, ValueError: if a shape or type is another one.

    Source: lecture notes, section 2.1 ("Context: Gradients as explanations"), figure 1 (left).
    """
    logits = linear_logits(weights, bias, images)  # (N,)
    probabilities = torch.sigmoid(logits)  # (N,)
    slopes = probabilities * torch.sigmoid(-logits)  # (N,): f (1 - f), also where f rounds to 1
    return slopes[:, None, None, None] * weights.detach().to(images)  # (N, C, H, W)


def linear_logits(weights: Tensor, bias: float | Tensor, images: Tensor) -> Tensor:
    """w·I + b, (N,), for weights (C, H, W) of the shape of an image and one number b."""
    require_tensor(weights, "weights", "(C, H, W)")
    require_images(images)
    if images.shape[1:] != weights.shape:
        raise ValueError(
            f"weights must have the shape of one image, {tuple(images.shape[1:])}, "
            f"got {tuple(weights.shape)}."
        )
    bias = _one_number(bias, "bias")
    return (weights.detach().to(images) * images.detach()).sum(dim=(1, 2, 3)) + bias


def _one_number(value: float | Tensor, name: str) -> float:
    if isinstance(value, Tensor):
        if value.numel() != 1:
            raise ValueError(f"{name} must be one number, got shape {tuple(value.shape)}.")
        value = value.item()
    require_number(value, name)
    return value


def steepest_step(f: ScoreFunction, images: Tensor, length: float) -> Tensor:
    r"""The perturbation r of L2 norm `length` with the largest first-order gain ∇f(I)·r.

    r = length · ∇f(I) / ‖∇f(I)‖₂, for each image by its own norm (Cauchy–Schwarz). Where the
    gradient is zero every direction gains nothing, and r is zero.

    Args:
        f: score function, images (N, C, H, W) -> (N,).
        images: (N, C, H, W), values in [0, 1].
        length: the L2 norm of each image's perturbation, at least 0, in units of pixel value.

    Returns:
        r: (N, C, H, W). The box [0, 1] is not considered: I + r may leave it.

    Raises:
        TypeError, ValueError: as `vanilla_gradient`, and if `length` is negative or not finite.

    Source: lecture notes, section 2.1, Fundamental Question 2.
    """
    require_number(length, "length", minimum=0)
    gradient = vanilla_gradient(f, images)  # (N, C, H, W)
    norms = torch.linalg.vector_norm(gradient, dim=(1, 2, 3), keepdim=True)  # (N, 1, 1, 1)
    directions = torch.where(
        norms > 0, gradient / norms.clamp_min(torch.finfo(norms.dtype).tiny), 0
    )
    return length * directions
