"""Measures for the debate about saliency maps: sections 4 and 5 of the lecture notes.

Structural similarity between maps is `skimage.metrics.structural_similarity`; what is here is what
the notes' claims need and libraries lack.
"""

from __future__ import annotations

from copy import deepcopy

import torch
from scipy.stats import spearmanr
from torch import Tensor, nn

from course_utils.gradients import steepest_step, vanilla_gradient
from course_utils.scores import ScoreFunction, score_values
from course_utils.validation import (
    require_count,
    require_function,
    require_generator,
    require_images,
    require_model,
    require_number,
    require_same_shape,
    require_tensor,
)

__all__ = [
    "ascend",
    "direction_with_cosine",
    "first_order_prediction",
    "layers_top_down",
    "mass_inside",
    "randomise_layers",
    "rank_correlation",
    "region_effect",
]


def mass_inside(saliency: Tensor, mask: Tensor) -> Tensor:
    r"""The share of a map's magnitude that lies in a region, Σ_{hw in M} |S_hw| / Σ_hw |S_hw|.

    Args:
        saliency: S, (N, H, W), with or without signs.
        mask: M, (N, H, W), boolean, True inside the region.

    Returns:
        (N,), in [0, 1]. To be held against mask.mean(), the share that a uniform map has. NaN
        where there is nothing to measure: an empty mask, or a map of zeros.

    Raises:
        TypeError, ValueError: if a shape or type is another one.

    Source: lecture notes, section 4.1 ("Highlighting contextual information"), figure 14.
    """
    require_tensor(saliency, "saliency", "(N, H, W)")
    _require_mask(mask, saliency.shape)
    magnitude, mask = saliency.detach().abs(), mask.to(saliency.device)
    share = (magnitude * mask).sum(dim=(1, 2)) / magnitude.sum(dim=(1, 2))  # (N,): 0/0 is NaN
    return share.where(mask.any(dim=2).any(dim=1), torch.nan)


def rank_correlation(a: Tensor, b: Tensor) -> Tensor:
    r"""Spearman's rank correlation of two maps, for each image; ties have their mean rank.

    Args:
        a, b: (N, ...), at least two values for each image, for instance (N, H, W).

    Returns:
        (N,), in [-1, 1]; NaN where a map is constant, which ranks nothing.

    Raises:
        TypeError, ValueError: if the shapes differ or a type is another one.

    Source: lecture notes, section 4.1, figure 15; Adebayo et al., "Sanity checks for saliency
    maps", NeurIPS 2018, section 4.
    """
    for maps, name in ((a, "a"), (b, "b")):
        require_tensor(maps, name, "(N, ...)")
    require_same_shape(a, b, "a", "b")
    if a[0].numel() < 2:
        raise ValueError(f"a and b must hold two values or more an image, got {tuple(a.shape)}.")
    correlations = [
        torch.nan if x.min() == x.max() or y.min() == y.max() else spearmanr(x, y).statistic
        for x, y in zip(*(maps.detach().flatten(1).double().cpu() for maps in (a, b)), strict=True)
    ]
    return a.new_tensor(correlations)  # (N,)


def first_order_prediction(f: ScoreFunction, images: Tensor, perturbations: Tensor) -> Tensor:
    r"""How much the score changes, according to the gradient: f(I + r) − f(I) ≈ ∇f(I)·r.

    Args:
        f: score function, images (N, C, H, W) -> (N,).
        images: I, (N, C, H, W), values in [0, 1].
        perturbations: r, (N, C, H, W).

    Returns:
        ∇f(I)·r: (N,), in units of the score.

    Raises:
        TypeError, ValueError: as `vanilla_gradient`, and if the shapes differ.

    Source: lecture notes, section 4.1 ("Failure to explain adversarial attacks").
    """
    require_images(perturbations, "perturbations")
    gradient = vanilla_gradient(f, images)  # (N, C, H, W)
    require_same_shape(perturbations, images, "perturbations", "images")
    return (gradient * perturbations.detach().to(gradient)).sum(dim=(1, 2, 3))


def direction_with_cosine(gradient: Tensor, other: Tensor, cosine: float) -> Tensor:
    r"""A unit vector at a chosen angle to the gradient, on the side of another direction.

    d = cos·u + √(1 − cos²)·v, with u = g/‖g‖ and v the unit vector along what is left of `other`
    without its part along u. Its slope ∇f·d is cos·‖∇f‖: one gradient, but many ways up.

    Args:
        gradient: g, (N, C, H, W), not zero.
        other: (N, C, H, W), not parallel to g.
        cosine: of the angle between g and d, in [-1, 1].

    Returns:
        d: (N, C, H, W), of L2 norm 1 for each image, in the plane of g and `other`.

    Raises:
        TypeError, ValueError: if a shape or type is another one, g is zero or `other` parallel.

    Source: lecture notes, section 2.1 ("there can be many quick routes"), figure 1 (right), and
    section 5.
    """
    require_images(gradient, "gradient")
    require_images(other, "other")
    require_same_shape(gradient, other, "gradient", "other")
    require_number(cosine, "cosine", minimum=-1, maximum=1)
    # In double precision, because little may be left of `other` without its part along u.
    u = _unit(gradient.detach().double(), "gradient must not be zero")
    other = _unit(other.detach().to(u), "other must not be zero")
    v = other - (other * u).sum(dim=(1, 2, 3), keepdim=True) * u  # orthogonal to u
    v = _unit(v, "other must not be parallel to gradient", shortest=1e-10)
    return (cosine * u + (1 - cosine**2) ** 0.5 * v).to(gradient.dtype)


def _unit(vectors: Tensor, requirement: str, shortest: float = 0.0) -> Tensor:
    norms = torch.linalg.vector_norm(vectors, dim=(1, 2, 3), keepdim=True)  # (N, 1, 1, 1)
    if norms.min() <= shortest:
        raise ValueError(f"{requirement}, got one that is, within rounding.")
    return vectors / norms


def region_effect(f: ScoreFunction, images: Tensor, mask: Tensor, baselines: Tensor) -> Tensor:
    r"""What a whole region does for the score: f(I) − f(I with the region as in the baseline).

    Args:
        f: score function, images (N, C, H, W) -> (N,).
        images: I, (N, C, H, W), values in [0, 1].
        mask: (N, H, W), boolean, True in the region, for all channels.
        baselines: (N, C, H, W), what the region is replaced with, for instance a blurred image.

    Returns:
        (N,), in units of the score; positive where the region speaks for the class.

    Raises:
        TypeError, ValueError: if a shape or type is another one.

    Source: lecture notes, section 5 (the bird's beak and its wings); Zeiler and Fergus,
    "Visualizing and understanding convolutional networks", ECCV 2014.
    """
    require_images(images)
    require_images(baselines, "baselines")
    require_same_shape(baselines, images, "baselines", "images")
    _require_mask(mask, images[:, 0].shape)
    region = mask[:, None].to(images.device)  # (N, 1, H, W)
    without = torch.where(region, baselines.detach().to(images), images.detach())
    return score_values(f, images) - score_values(f, without)


def ascend(f: ScoreFunction, images: Tensor, step: float, n_steps: int) -> Tensor:
    r"""Follow the gradient uphill, I_{k+1} = I_k + step · ∇f(I_k) / ‖∇f(I_k)‖₂.

    Args:
        f: score function, images (N, C, H, W) -> (N,).
        images: I_0, (N, C, H, W), values in [0, 1].
        step: the L2 length of each step, at least 0, in units of pixel value.
        n_steps: how many steps, at least 1.

    Returns:
        (N, n_steps + 1, C, H, W): the whole way, I_0 first. Nothing keeps it in [0, 1]. Where the
        gradient is zero it stays.

    Raises:
        TypeError, ValueError: as `steepest_step`, and if `n_steps` is less than 1.

    Source: lecture notes, section 5 ("as efficiently as possible, out of distribution").
    """
    require_count(n_steps, "n_steps")
    require_number(step, "step", minimum=0)
    require_function(f)
    require_images(images)
    way = [images.detach()]
    for _ in range(n_steps):
        way.append(way[-1] + steepest_step(f, way[-1], step))
    return torch.stack(way, dim=1)


def layers_top_down(model: nn.Module) -> list[str]:
    """The names of the layers that hold numbers of their own, from the logits to the image.

    A layer is here a module with parameters or buffers directly in it; the order is the reverse
    of that in which they are registered, in `model.named_modules()`.
    """
    require_model(model)
    return [name for name, layer in model.named_modules() if _numbers(layer)][::-1]


def randomise_layers(
    model: nn.Module, n_layers: int, generator: torch.Generator | None = None
) -> nn.Module:
    r"""A copy of the model whose top layers have forgotten what they learned.

    In every floating-point parameter and buffer of the first `n_layers` of `layers_top_down`, the
    entries change places at random, and each is multiplied by a random factor in [½, 3/2]. So
    everything learned is gone, while scales stay, variances stay positive, and the signal neither
    vanishes nor explodes on its way through a deep network. Entries that are all zero hold nothing
    to shuffle and become random numbers in [-½, ½]. Whole numbers are counters and indices, not
    learned: they stay.

    Args:
        model: stays as it is.
        n_layers: how many layers from the top, from 0 to `len(layers_top_down(model))`.
        generator: where the randomness comes from; None is torch's global generator. With one
            seed, more layers change the upper ones alike.

    Returns:
        The randomised copy, in the mode of the model.

    Raises:
        TypeError, ValueError: if `n_layers` is no whole number from 0 to the number of layers.

    Source: Adebayo et al., "Sanity checks for saliency maps", NeurIPS 2018, section 3 (cascading
    randomisation, which draws new weights instead).
    """
    names = layers_top_down(model)
    require_count(n_layers, "n_layers", minimum=0)
    require_generator(generator)
    if n_layers > len(names):
        raise ValueError(
            f"n_layers must be at most {len(names)}, the layers of the model, got {n_layers}."
        )
    model = deepcopy(model)
    for name in names[:n_layers]:
        for values in _numbers(model.get_submodule(name)):
            if values.is_floating_point():
                values.copy_(_shuffled(values, generator))
    return model


def _numbers(layer: nn.Module) -> list[Tensor]:
    """The parameters and buffers directly in a layer."""
    tensors = [*layer.parameters(recurse=False), *layer.buffers(recurse=False)]
    return [tensor.detach() for tensor in tensors]


def _shuffled(values: Tensor, generator: torch.Generator | None) -> Tensor:
    device = generator.device if generator else values.device
    order = torch.randperm(values.numel(), generator=generator, device=device)
    uniform = torch.rand(values.shape, generator=generator, device=device).to(values)  # [0, 1)
    if not values.any():
        return uniform - 0.5
    return values.flatten()[order.to(values.device)].view(values.shape) * (uniform + 0.5)


def _require_mask(mask: object, shape: torch.Size) -> None:
    if not isinstance(mask, Tensor) or mask.dtype != torch.bool:
        got = mask.dtype if isinstance(mask, Tensor) else type(mask).__name__
        raise TypeError(f"mask must be a boolean torch.Tensor (N, H, W), got {got}.")
    if mask.shape != shape:
        raise ValueError(f"mask must have shape {tuple(shape)}, got {tuple(mask.shape)}.")
