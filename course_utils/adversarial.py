"""Adversarial attacks: section 3 of the lecture notes."""

from __future__ import annotations

from typing import NamedTuple

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
    "MinimalPerturbation",
    "attack_success",
    "bim",
    "fgsm",
    "hyperplane_perturbation",
    "loss_gradient",
    "minimal_perturbation",
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
    return _loss_gradient(model, images, labels)


def _loss_gradient(model: nn.Module, images: Tensor, labels: Tensor) -> Tensor:
    inputs = images.detach().clone().requires_grad_()  # a copy: the caller's tensor stays as it is
    with torch.enable_grad():
        logits = _logits(model, inputs, labels)  # (N, classes)
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
    lowest, highest = allowed(images, eps)
    return (images.detach() + r).clamp(lowest, highest)


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
    lowest, highest = allowed(images, eps)
    attacked = images.detach().clone()
    for _ in range(n_steps):
        r = uphill * alpha * _loss_gradient(model, attacked, labels).sign()
        if early_stop:
            r[attack_success(model, attacked, labels, targeted)] = 0
        attacked = (attacked + r).clamp(lowest, highest)
    return attacked


def allowed(images: Tensor, eps: float) -> tuple[Tensor, Tensor]:
    """The lowest and the highest image in [0, 1] with no pixel further than `eps` from `images`."""
    images = images.detach()
    low, high = images - eps, images + eps
    # Rounding may have put a bound outside: then it is the next number inside.
    low = torch.where(images - low > eps, low.nextafter(images), low)
    high = torch.where(high - images > eps, high.nextafter(images), high)
    return low.clamp_min(0), high.clamp_max(1)


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


class MinimalPerturbation(NamedTuple):
    """The shortest perturbations that were found, and for which images there is one."""

    perturbation: Tensor  # r: (N, C, H, W), zero where none was found
    success: Tensor  # (N,), boolean: the model predicts the target at I + r


def minimal_perturbation(
    model: nn.Module, images: Tensor, targets: Tensor, *, n_searches: int = 8, n_steps: int = 50
) -> MinimalPerturbation:
    r"""The smallest change to a class: minimise ‖r‖² while f(I + r) = l and I + r in [0, 1].

    As Szegedy et al. do, the constraint on the class becomes a penalty, ‖r‖² + c · p(I + r), which
    is minimised inside the box, and the smallest c that still reaches the class is found for each
    image by bisection. Their p is the cross-entropy; here it is how much the target's logit falls
    short of the largest other one, max(0, max_{k≠l} z_k − z_l), which is zero as soon as the class
    is reached (Carlini and Wagner). The problem is not convex: the result is a short r, mostly
    close to the shortest, and no proof that there is none shorter.

    Args:
        model: a network from images (N, C, H, W) to logits (N, classes), evaluated as in use.
        images: I, (N, C, H, W), values in [0, 1].
        targets: l, (N,), the class to be reached by each image.
        n_searches: how many values of c are tried, at least 1.
        n_steps: how many gradient steps each of them is given, at least 1.

    Returns:
        (perturbation, success): r, (N, C, H, W), and (N,), whether the model predicts the target
        at I + r. r is zero where it failed, and where the image is in that class already.

    Raises:
        TypeError, ValueError: as `loss_gradient`, and if a count is less than 1.

    Source: lecture notes, section 3; Szegedy et al., "Intriguing properties of neural networks",
    ICLR 2014, section 4.1; Carlini and Wagner, "Towards evaluating the robustness of neural
    networks", S&P 2017, objective f₆.
    """
    _require_attack(model, images, targets)
    require_count(n_searches, "n_searches")
    require_count(n_steps, "n_steps")
    images = images.detach()
    targets = targets.to(images.device, torch.int64)
    r = torch.zeros_like(images)  # the shortest one that reached the class, so far
    norm = images.new_full((len(images),), torch.inf)  # its length
    stride = torch.full_like(norm, 0.5)  # the length of a search's first step
    c, low, high = torch.ones_like(norm), torch.zeros_like(norm), torch.full_like(norm, torch.inf)
    for _ in range(n_searches):
        r, norm, reached = _descend(model, images, targets, c, stride, n_steps, r, norm)
        stride = torch.where(norm.isinf(), 2 * stride, 0.3 * norm)
        # Bisection: the smallest c that reaches the class lies between low and high.
        low, high = torch.where(reached, low, c), torch.where(reached, c, high)
        c = torch.where(high.isinf(), 10 * c, torch.where(low == 0, c / 10, (low * high).sqrt()))
    r = _shorten(model, images, targets, r)
    return MinimalPerturbation(r, attack_success(model, images + r, targets, targeted=True))


def _descend(
    model: nn.Module,
    images: Tensor,
    targets: Tensor,
    c: Tensor,
    stride: Tensor,
    n_steps: int,
    best: Tensor,
    best_norm: Tensor,
) -> tuple[Tensor, Tensor, Tensor]:
    """Minimise ‖r‖² + c · p(I + r) inside the box, by steps of decreasing length.

    Returns the shortest r that reached the class, its norm, and whether one of the second half of
    the steps did, where what the start was like no longer matters.
    """
    r = best
    reached = torch.zeros_like(best_norm, dtype=torch.bool)
    for step in range(n_steps):
        inputs = r.clone().requires_grad_()
        with torch.enable_grad():
            shortfall = _shortfall(_logits(model, images + inputs, targets), targets)  # (N,)
            objective = inputs.square().sum(dim=(1, 2, 3)) + c * shortfall.clamp_min(0)  # (N,)
            (gradient,) = torch.autograd.grad(objective.sum(), inputs)  # (N, C, H, W)
        norm, success = _norms(r), shortfall.detach() < 0
        shorter = success & (norm < best_norm)
        best = torch.where(shorter[:, None, None, None], r, best)
        best_norm = torch.where(shorter, norm, best_norm)
        if step >= n_steps // 2:
            reached = reached | success
        length = stride * (1 - step / n_steps) / _norms(gradient).clamp_min(1e-12)  # (N,)
        # Back into the box between the steps: inside the objective a clamp would have no gradient.
        r = (images + r - length[:, None, None, None] * gradient).clamp(0, 1) - images
    return best, best_norm, reached


def _shortfall(logits: Tensor, targets: Tensor) -> Tensor:
    """By how much the largest other logit exceeds the target's, (N,); negative once reached."""
    wanted = logits.gather(1, targets[:, None])  # (N, 1)
    others = logits.scatter(1, targets[:, None], -torch.inf)  # (N, classes)
    return others.amax(dim=1) - wanted[:, 0]


def _norms(vectors: Tensor) -> Tensor:
    return torch.linalg.vector_norm(vectors, dim=(1, 2, 3))  # (N,)


def _shorten(model: nn.Module, images: Tensor, targets: Tensor, r: Tensor) -> Tensor:
    """The shortest t · r, 0 ≤ t ≤ 1, that reaches the class, by bisection on t."""
    low = r.new_zeros(len(r), 1, 1, 1)
    high = torch.ones_like(low)
    for _ in range(12):
        t = (low + high) / 2
        success = attack_success(model, images + t * r, targets, targeted=True)[:, None, None, None]
        low, high = torch.where(success, low, t), torch.where(success, t, high)
    return high * r


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
    if torch.is_grad_enabled() and not logits.requires_grad:
        raise ValueError("model must be differentiable, got logits without a gradient.")
    return logits
