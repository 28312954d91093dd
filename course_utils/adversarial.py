"""Adversarial attacks: section 3 of the lecture notes."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from course_utils.gradients import linear_logits
from course_utils.scores import evaluation_mode
from course_utils.validation import (
    require_count,
    require_images,
    require_labels,
    require_model,
    require_number,
    require_unit_range,
)

__all__ = [
    "attack_success",
    "bim",
    "fgsm",
    "hyperplane_perturbation",
    "loss_gradient",
]


def loss_gradient(model: nn.Module, images: Tensor, labels: Tensor) -> Tensor:
    r"""The gradient of each image's own loss, ∇_I L(θ, I, y), with L the cross-entropy.

    Args:
        model: a network from images (N, C, H, W) to logits (N, classes), evaluated as in use.
        images: I, (N, C, H, W), values in [0, 1].
        labels: y, (N,), the index of a class for each image.

    Returns:
        (N, C, H, W), in loss per unit of pixel value. Not divided by N: an image has the same
        gradient alone as in a batch.

    Raises:
        TypeError, ValueError: if an argument has another shape, type or range, or the model puts
            out no logits (N, classes) with such classes.

    Source: lecture notes, section 3 ("The fast gradient sign method").
    """
    _require_attack(model, images, labels)
    inputs = images.detach().clone().requires_grad_()  # a copy: the caller's tensor stays as it is
    with torch.enable_grad():
        logits = _logits(model, inputs, labels)  # (N, classes)
        if not logits.requires_grad:
            raise ValueError("model must be differentiable, got logits without a gradient.")
        loss = cross_entropy(logits, labels.to(logits.device, torch.int64), reduction="sum")
        (gradient,) = torch.autograd.grad(loss, inputs)  # (N, C, H, W)
    return gradient


def fgsm(
    model: nn.Module, images: Tensor, labels: Tensor, eps: float, targeted: bool = False
) -> Tensor:
    r"""The fast gradient sign method, I + ε sign(∇_I L(θ, I, y)), clipped to [0, 1].

    Args:
        model: a network from images (N, C, H, W) to logits (N, classes), evaluated as in use.
        images: I, (N, C, H, W), values in [0, 1].
        labels: y, (N,): the true classes, which the attack leads away from, or, if `targeted`, the
            classes that it leads to, I − ε sign(∇_I L(θ, I, y)).
        eps: ε, at least 0, in units of pixel value (8 of 255 grey levels are 8/255).
        targeted: whether `labels` are to be reached.

    Returns:
        The attacked images, (N, C, H, W), in [0, 1], no pixel further than ε from where it was.
        Where the gradient is exactly 0, sign(0) = 0 and the pixel stays.

    Raises:
        TypeError, ValueError: as `loss_gradient`, and if `eps` is negative or not finite.

    Source: lecture notes, section 3; Goodfellow, Shlens and Szegedy, "Explaining and harnessing
    adversarial examples", ICLR 2015.
    """
    require_number(eps, "eps", minimum=0)
    uphill = -1 if targeted else 1
    r = uphill * eps * loss_gradient(model, images, labels).sign()
    return clip(images.detach() + r, images, eps)


def bim(
    model: nn.Module,
    images: Tensor,
    labels: Tensor,
    eps: float,
    alpha: float,
    n_steps: int,
    targeted: bool = False,
    *,
    early_stop: bool = False,
) -> Tensor:
    r"""The basic iterative method, I_0 = I, I_{k+1} = Clip(I_k + α sign(∇_I L(θ, I_k, y))).

    Clip goes to the nearest image in [0, 1] of which no pixel is further than ε from I.

    Args:
        model: a network from images (N, C, H, W) to logits (N, classes), evaluated as in use.
        images: I, (N, C, H, W), values in [0, 1].
        labels: y, (N,): the true classes, which the attack leads away from, or, if `targeted`, the
            classes that it leads to, with −α in place of α.
        eps: ε, at least 0, in units of pixel value. The notes bound the box alone: eps=1.
        alpha: α, the length of a step, at least 0, in units of pixel value.
        n_steps: how many steps, at least 1.
        targeted: whether `labels` are to be reached.
        early_stop: whether an image stays as it is once its attack has succeeded.

    Returns:
        The attacked images, (N, C, H, W), in [0, 1], no pixel further than ε from where it was.

    Raises:
        TypeError, ValueError: as `loss_gradient`, and if a number is out of its range.

    Source: lecture notes, section 3; Kurakin, Goodfellow and Bengio, "Adversarial examples in the
    physical world", 2018, equation 2.
    """
    require_number(eps, "eps", minimum=0)
    require_number(alpha, "alpha", minimum=0)
    require_count(n_steps, "n_steps")
    _require_attack(model, images, labels)
    uphill = -1 if targeted else 1
    attacked = images.detach().clone()
    for _ in range(n_steps):
        r = uphill * alpha * loss_gradient(model, attacked, labels).sign()
        if early_stop:
            r[attack_success(model, attacked, labels, targeted)] = 0
        attacked = clip(attacked + r, images, eps)
    return attacked


def clip(attacked: Tensor, images: Tensor, eps: float) -> Tensor:
    """The nearest images in [0, 1] of which no pixel is further than `eps` from `images`."""
    images = images.detach()
    low, high = images - eps, images + eps
    # Rounding may have put a bound outside: then it is the next number inside.
    low = torch.where(images - low > eps, low.nextafter(images), low)
    high = torch.where(high - images > eps, high.nextafter(images), high)
    return attacked.clamp(low.clamp_min(0), high.clamp_max(1))


def attack_success(
    model: nn.Module, attacked: Tensor, labels: Tensor, targeted: bool = False
) -> Tensor:
    r"""Whether the predicted class is another one than `labels`, or, if `targeted`, that one.

    Args:
        model: a network from images (N, C, H, W) to logits (N, classes), evaluated as in use.
        attacked: (N, C, H, W), values in [0, 1].
        labels: (N,), as they were given to the attack.
        targeted: whether `labels` were to be reached.

    Returns:
        (N,), boolean.

    Raises:
        TypeError, ValueError: as `loss_gradient`.
    """
    _require_attack(model, attacked, labels, "attacked")
    with torch.no_grad():
        predicted = _logits(model, attacked.detach(), labels).argmax(dim=1)  # (N,)
    reached = predicted == labels.to(predicted.device)
    return reached if targeted else ~reached


def hyperplane_perturbation(weights: Tensor, bias: float | Tensor, images: Tensor) -> Tensor:
    r"""The smallest step onto a linear boundary, r = −(w·I + b) w / ‖w‖².

    Args:
        weights: w, (C, H, W), not zero.
        bias: b, a number (or a tensor holding one).
        images: I, (N, C, H, W).

    Returns:
        r: (N, C, H, W), with w·(I + r) + b = 0 and ‖r‖ = |w·I + b| / ‖w‖. The box [0, 1] is not
        considered.

    Raises:
        TypeError, ValueError: if a shape or type is another one, or the weights are zero.

    Source: lecture notes, section 3 ("the closest possible crossing of the classification
    boundary") and figure 1 (left); Moosavi-Dezfooli et al., "DeepFool", CVPR 2016, equation 3.
    """
    logits = linear_logits(weights, bias, images)  # (N,)
    w = weights.detach().to(images)
    if not w.any():
        raise ValueError("weights must not be all zero: there is no boundary, got zeros.")
    return -logits[:, None, None, None] * w / (w * w).sum()  # (N, C, H, W)


def _require_attack(model: nn.Module, images: Tensor, labels: Tensor, name: str = "images") -> None:
    require_model(model)
    require_images(images, name)
    require_unit_range(images, name)
    require_labels(labels, len(images))


def _logits(model: nn.Module, images: Tensor, labels: Tensor) -> Tensor:
    """The logits (N, classes), after making sure that they have the classes of `labels`."""
    with evaluation_mode(model):
        logits = model(images)
    if logits.ndim != 2 or len(logits) != len(images) or labels.max() >= logits.shape[1]:
        raise ValueError(
            f"labels must be indices below the number of classes of logits (N, classes), "
            f"got a label {labels.max().item()} and logits of shape {tuple(logits.shape)}."
        )
    return logits
