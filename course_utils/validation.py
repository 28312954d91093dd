"""What arguments must hold: every error says what must hold and what was got."""

from __future__ import annotations

from collections.abc import Callable
from numbers import Integral, Real

import torch
from torch import Tensor, nn


def require_tensor(value: object, name: str, shape: str) -> None:
    """Raise unless `value` is a finite floating-point tensor with as many axes as `shape` names.

    `shape` is written as in the docstrings, e.g. "(N, C, H, W)"; every axis must be non-empty.
    "(N, ...)" asks for one axis or more.
    """
    axes = [axis.strip() for axis in shape.strip("()").split(",") if axis.strip()]
    if not isinstance(value, Tensor):
        raise TypeError(
            f"{name} must be a torch.Tensor of shape {shape}, got {type(value).__name__}."
        )
    open_ended = axes[-1:] == ["..."]
    n_axes = len(axes) - open_ended
    if value.ndim < n_axes or (value.ndim > n_axes and not open_ended):
        raise ValueError(f"{name} must have {n_axes} axes {shape}, got shape {tuple(value.shape)}.")
    if not value.is_floating_point():
        raise TypeError(f"{name} must be floating point, got {value.dtype}.")
    if value.numel() == 0:
        raise ValueError(f"{name} must not be empty, got shape {tuple(value.shape)}.")
    if not torch.isfinite(value).all():
        raise ValueError(f"{name} must be finite, got NaN or infinity.")


def require_images(images: object, name: str = "images") -> None:
    """Raise unless `images` is a finite floating-point tensor (N, C, H, W)."""
    require_tensor(images, name, "(N, C, H, W)")


def require_batch(images: object, name: str = "images") -> None:
    """Raise unless `images` is a floating-point tensor (N, C, H, W), whatever its values.

    For functions that are themselves differentiated, vectorised or traced: it looks at no value.
    """
    if not isinstance(images, Tensor) or images.ndim != 4 or not images.is_floating_point():
        got = f"{tuple(images.shape)}, {images.dtype}" if isinstance(images, Tensor) else images
        raise ValueError(f"{name} must be a floating-point tensor (N, C, H, W), got {got}.")


def require_unit_range(images: Tensor, name: str = "images") -> None:
    """Raise unless every value lies in [0, 1]."""
    low, high = images.min().item(), images.max().item()
    if low < 0 or high > 1:
        raise ValueError(f"{name} must lie in [0, 1], got values from {low:.4g} to {high:.4g}.")


def require_same_shape(a: Tensor, b: Tensor, name_a: str, name_b: str) -> None:
    """Raise unless both tensors have one shape."""
    if a.shape != b.shape:
        raise ValueError(
            f"{name_a} and {name_b} must have the same shape, "
            f"got {tuple(a.shape)} and {tuple(b.shape)}."
        )


def require_count(value: object, name: str, minimum: int = 1) -> None:
    """Raise unless `value` is a whole number of at least `minimum`."""
    if isinstance(value, bool) or not isinstance(value, Integral):
        raise TypeError(f"{name} must be a whole number, got {value!r}.")
    if value < minimum:
        raise ValueError(f"{name} must be at least {minimum}, got {value}.")


def require_number(
    value: object, name: str, minimum: float = -float("inf"), maximum: float = float("inf")
) -> None:
    """Raise unless `value` is a finite real number in [`minimum`, `maximum`]."""
    if isinstance(value, bool) or not isinstance(value, Real):
        raise TypeError(f"{name} must be a real number, got {value!r}.")
    if not (minimum <= value <= maximum) or abs(value) == float("inf"):
        raise ValueError(f"{name} must be a finite number in [{minimum}, {maximum}], got {value}.")


def require_function(f: object, name: str = "f") -> None:
    """Raise unless `f` can be called."""
    if not isinstance(f, Callable):
        raise TypeError(f"{name} must be a function of the images, got {type(f).__name__}.")


def require_scores(scores: object, n_images: int) -> None:
    """Raise unless a score function returned one number for each image, a tensor (N,)."""
    if not isinstance(scores, Tensor) or scores.shape != (n_images,):
        got = tuple(scores.shape) if isinstance(scores, Tensor) else type(scores).__name__
        raise ValueError(f"f must return one score for each image, shape ({n_images},), got {got}.")


def require_model(model: object, name: str = "model") -> None:
    """Raise unless `model` is a torch module."""
    if not isinstance(model, nn.Module):
        raise TypeError(f"{name} must be a torch.nn.Module, got {type(model).__name__}.")


def require_generator(generator: object) -> None:
    """Raise unless `generator` is None or a torch.Generator."""
    if generator is not None and not isinstance(generator, torch.Generator):
        raise TypeError(
            f"generator must be a torch.Generator or None, got {type(generator).__name__}."
        )


def require_labels(labels: object, n_images: int, name: str = "labels") -> None:
    """Raise unless `labels` holds one class index for each image, as an integer tensor (N,)."""
    if not isinstance(labels, Tensor):
        raise TypeError(
            f"{name} must be a torch.Tensor of shape (N,), got {type(labels).__name__}."
        )
    if labels.shape != (n_images,):
        raise ValueError(
            f"{name} must have shape ({n_images},), one class for each image, "
            f"got {tuple(labels.shape)}."
        )
    if labels.is_floating_point() or labels.is_complex() or labels.dtype == torch.bool:
        raise TypeError(f"{name} must hold whole numbers, got {labels.dtype}.")
    if labels.min() < 0:
        raise ValueError(f"{name} must be class indices of at least 0, got {labels.min().item()}.")
