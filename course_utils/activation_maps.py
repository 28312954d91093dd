"""Class activation maps and Grad-CAM: section 2.2 of the lecture notes."""

from __future__ import annotations

import difflib
from collections.abc import Iterator
from contextlib import contextmanager
from math import isqrt
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.functional import interpolate, relu

from course_utils.scores import class_score
from course_utils.validation import (
    require_count,
    require_images,
    require_model,
    require_tensor,
)

__all__ = [
    "Recording",
    "class_activation_map",
    "gradcam",
    "gradcam_weights",
    "record",
    "upsample",
]


class Recording(NamedTuple):
    """What a layer put out and how the score depends on it, one shape for both."""

    activations: Tensor  # A^k: (N, K, h, w)
    gradients: Tensor  # ∂f/∂A^k: (N, K, h, w)


def class_activation_map(activations: Tensor, weight: Tensor, target: int) -> Tensor:
    r"""The class activation map, S_hw = Σ_k w_k A^k_hw, w the target's row of the last layer.

    Args:
        activations: A, (N, K, h, w), what goes into the global average pooling.
        weight: (classes, K), the weight of the linear layer after it.
        target: the index of the class.

    Returns:
        (N, h, w), with its sign, not upsampled. Its mean is the logit without the bias.

    Raises:
        TypeError, ValueError: if a shape or type is another one, or there is no such class.

    Source: lecture notes, section 2.2; Zhou et al., "Learning deep features for discriminative
    localization", CVPR 2016.
    """
    require_tensor(activations, "activations", "(N, K, h, w)")
    require_tensor(weight, "weight", "(classes, K)")
    if weight.shape[1] != activations.shape[1]:
        raise ValueError(
            f"weight must have one column for each of the {activations.shape[1]} channels, "
            f"got shape {tuple(weight.shape)}."
        )
    require_count(target, "target", minimum=0)
    if target >= len(weight):
        raise ValueError(f"target must be below the {len(weight)} rows of weight, got {target}.")
    w = weight.detach().to(activations)[target]  # (K,)
    return torch.einsum("k,nkhw->nhw", w, activations.detach())


def record(
    model: nn.Module, layer: str | nn.Module, images: Tensor, target: int | str
) -> Recording:
    r"""What a layer puts out, A, and the gradient of the class score with respect to it, ∂f/∂A.

    Only the part of the network after the layer is differentiated. The hook that this takes is
    gone afterwards, also when the model raises.

    Args:
        model: a network from images (N, C, H, W) to logits (N, classes), evaluated as in use.
        layer: the dotted name of a submodule, as in `model.named_modules()`, or the submodule.
        images: (N, C, H, W), values in [0, 1].
        target: index or name of the class, as for `class_score`.

    Returns:
        (activations, gradients), each of the shape of the layer's output: (N, K, h, w) in a CNN,
        (N, T, K) in a vision transformer.

    Raises:
        TypeError, ValueError: if there is no such layer (near matches are given), if it puts out
            no tensor, is not used exactly once, or the score does not depend on it.

    Source: lecture notes, section 2.2, figure 7.
    """
    f = class_score(model, target)
    require_images(images)
    with torch.no_grad(), gradient_from(find_layer(model, layer)) as outputs:
        scores = f(images.detach())  # (N,)
    gradients = None
    if outputs and scores.requires_grad:
        (gradients,) = torch.autograd.grad(scores.sum(), outputs, allow_unused=True)
    if gradients is None:
        raise ValueError(f"layer must be one that the score depends on, got {_name(layer)}.")
    return Recording(outputs[0].detach(), gradients)


@contextmanager
def gradient_from(layer: nn.Module) -> Iterator[list[Tensor]]:
    """Within the block, gradients reach back to the layer's output, a list of that one tensor."""
    outputs = []

    def start(_layer: nn.Module, _inputs: tuple, output: Tensor) -> Tensor:
        if not isinstance(output, Tensor) or not output.is_floating_point():
            raise ValueError(
                f"layer must put out one floating-point tensor, got {type(output).__name__}."
            )
        if outputs:
            raise ValueError(
                "layer must be used once in a forward pass, got one that is used again: "
                "its activations are ambiguous."
            )
        # Copies, because the model may go on to change the output, or what it came from, in place.
        outputs.append(output.detach().clone().requires_grad_())
        torch.set_grad_enabled(True)  # the model is differentiated from here on, not before
        return outputs[0].clone()

    hook = layer.register_forward_hook(start)
    try:
        yield outputs
    finally:
        hook.remove()


def find_layer(model: nn.Module, layer: str | nn.Module) -> nn.Module:
    """The submodule that is given by its dotted name, or is given itself."""
    require_model(model)
    layers = dict(model.named_modules())
    if isinstance(layer, nn.Module):
        if not any(layer is known for known in layers.values()):
            raise ValueError(f"layer must be a part of the model, got another {_name(layer)}.")
        return layer
    if not isinstance(layer, str):
        raise TypeError(f"layer must be a dotted name or a torch.nn.Module, got {layer!r}.")
    if layer not in layers or layer == "":
        near = difflib.get_close_matches(layer, layers, n=3, cutoff=0.4)
        near = near or [name for name, _ in model.named_children()]
        hint = f" Did you mean {' or '.join(map(repr, near))}?" if near else ""
        raise ValueError(f"layer must be a name in model.named_modules(), got {layer!r}.{hint}")
    return layers[layer]


def _name(layer: str | nn.Module) -> str:
    return repr(layer) if isinstance(layer, str) else type(layer).__name__


def gradcam_weights(gradients: Tensor) -> Tensor:
    r"""How much each channel counts, w_k = (1/hw) Σ_hw ∂f/∂A^k_hw.

    Args:
        gradients: ∂f/∂A, (N, K, h, w), as from `record`.

    Returns:
        (N, K), each image's own.

    Raises:
        TypeError, ValueError: if `gradients` is not a finite floating-point tensor (N, K, h, w).

    Source: lecture notes, section 2.2; Selvaraju et al., "Grad-CAM", ICCV 2017, equation 1.
    """
    require_tensor(gradients, "gradients", "(N, K, h, w)")
    return gradients.detach().mean(dim=(2, 3))


def gradcam(model: nn.Module, layer: str | nn.Module, images: Tensor, target: int | str) -> Tensor:
    r"""Grad-CAM, Ŝ = ReLU(Σ_k w_k A^k) with w_k = mean(∂f/∂A^k), at the size of the images.

    Args:
        model: a network from images (N, C, H, W) to logits (N, classes), evaluated as in use.
        layer: the dotted name of a submodule, as in `model.named_modules()`, or the submodule: in
            a CNN usually the last one with an extent in space. In a vision transformer, whose
            layers put out tokens (N, T, K) with the class token first, the class token is left
            out and the patches form the map; choose a layer whose patches still reach the class
            token, for instance the first normalisation of the last block.
        images: (N, C, H, W), values in [0, 1].
        target: index or name of the class, as for `class_score`.

    Returns:
        (N, H, W), at least 0, in no particular unit: not normalised. All zero where no location
        speaks for the class.

    Raises:
        TypeError, ValueError: as `record`, and if the layer's output is no map and no tokens.

    Source: lecture notes, section 2.2; Selvaraju et al., "Grad-CAM: Visual explanations from deep
    networks via gradient-based localization", ICCV 2017.
    """
    recorded = record(model, layer, images, target)
    activations, gradients = (_as_map(values, images) for values in recorded)  # (N, K, h, w)
    w = gradcam_weights(gradients)  # (N, K)
    maps = relu(torch.einsum("nk,nkhw->nhw", w, activations))  # (N, h, w)
    return upsample(maps, images.shape[-2:])  # (N, H, W)


def _as_map(values: Tensor, images: Tensor) -> Tensor:
    """Tokens (N, 1 + h·w, K), the class token first, as a map (N, K, h, w); a map as it is."""
    if values.ndim == 4:
        return values
    n_patches = values.shape[1] - 1 if values.ndim == 3 else 0
    height, width = images.shape[-2:]
    patch = isqrt(height * width // n_patches) if n_patches > 0 else 1
    h, w = height // patch, width // patch
    if h * w != n_patches:
        raise ValueError(
            "layer must put out a map (N, K, h, w), or tokens (N, 1 + h·w, K) of square patches "
            f"after a class token, got shape {tuple(values.shape)}."
        )
    return values[:, 1:].mT.unflatten(2, (h, w))


def upsample(maps: Tensor, size: tuple[int, int]) -> Tensor:
    r"""Maps at another size, by bilinear interpolation between the centres of the pixels.

    Args:
        maps: (N, h, w).
        size: (H, W), in this order: rows first.

    Returns:
        (N, H, W).

    Raises:
        TypeError, ValueError: if `maps` is not a finite floating-point tensor (N, h, w), or `size`
            not two whole numbers of at least 1.

    Source: lecture notes, section 2.2 ("upsampled to the resolution of the original image").
    """
    require_tensor(maps, "maps", "(N, h, w)")
    height, width = size
    require_count(height, "H")
    require_count(width, "W")
    maps = maps.detach()[:, None]  # (N, 1, h, w)
    return interpolate(maps, (height, width), mode="bilinear", align_corners=False)[:, 0]
