"""SmoothGrad, the mean gradient over noisy copies: section 2.1 of the lecture notes."""

from __future__ import annotations

import torch
from torch import Tensor

from course_utils.gradients import vanilla_gradient
from course_utils.scores import ScoreFunction
from course_utils.validation import (
    require_count,
    require_function,
    require_generator,
    require_images,
    require_number,
    require_same_shape,
    require_tensor,
)

__all__ = ["gradient_along_segment", "noise_std", "noisy_copies", "sign_changes", "smoothgrad"]


def noise_std(images: Tensor, noise_level: float) -> Tensor:
    r"""The standard deviation of the noise, σ = level · (I_max − I_min), for each image.

    Args:
        images: (N, C, H, W).
        noise_level: σ / (I_max − I_min), at least 0; the paper suggests 0.1 to 0.2.

    Returns:
        σ: (N,), in units of pixel value; the extremes are taken over all channels of an image.

    Raises:
        TypeError, ValueError: if `images` is not a finite floating-point batch, or `noise_level`
            is negative or not finite.

    Source: lecture notes, figure 4; Smilkov et al., "SmoothGrad", 2017, section 3.
    """
    require_images(images)
    require_number(noise_level, "noise_level", minimum=0)
    pixels = images.detach().flatten(1)  # (N, C·H·W)
    return noise_level * (pixels.amax(dim=1) - pixels.amin(dim=1))  # (N,)


def noisy_copies(
    images: Tensor,
    sigma: float | Tensor,
    n_samples: int,
    generator: torch.Generator | None = None,
) -> Tensor:
    r"""Samples from N(I, σ² · identity): I + σ ε, every pixel with its own ε ~ N(0, 1).

    Args:
        images: (N, C, H, W).
        sigma: σ, a standard deviation (no variance), at least 0, in units of pixel value: one
            number for all images, or a tensor (N,) with one for each, as from `noise_std`.
        n_samples: how many copies of each image, at least 1.
        generator: where the noise is drawn from; None is torch's global generator.

    Returns:
        (N, n_samples, C, H, W). Not clipped: a sample may leave [0, 1].

    Raises:
        TypeError, ValueError: if an argument has another shape, type or range.

    Source: lecture notes, equations 1 and 2 and remark 1.
    """
    sigma = _sigma_per_image(images, sigma)  # (N, 1, 1, 1)
    require_count(n_samples, "n_samples")
    require_generator(generator)
    n, *shape = images.shape
    noise = torch.randn(n, n_samples, *shape, generator=generator, **_like(images))
    return images.detach()[:, None] + sigma[:, None] * noise  # (N, n_samples, C, H, W)


def smoothgrad(
    f: ScoreFunction,
    images: Tensor,
    sigma: float | Tensor,
    n_samples: int,
    generator: torch.Generator | None = None,
) -> Tensor:
    r"""SmoothGrad: Ŝ(I) = (1/n) Σ_k ∇f(I_k), with I_k drawn from N(I, σ² · identity).

    The I_k are those of `noisy_copies` with the same generator: the gradients' mean over its
    second axis is the result. They are drawn in blocks, so the memory does not grow with n.

    Args:
        f: score function, images (N, C, H, W) -> (N,); each score depends on its own image alone.
            It is given batches of other sizes than `images`.
        images: (N, C, H, W), values in [0, 1].
        sigma: σ, a standard deviation (no variance), at least 0, in units of pixel value: one
            number for all images, or a tensor (N,) with one for each, as from `noise_std`.
        n_samples: n, at least 1; the paper finds little gain beyond 50.
        generator: where the noise is drawn from; None is torch's global generator.

    Returns:
        (N, C, H, W), with its sign, in score per unit of pixel value.

    Raises:
        TypeError, ValueError: as `vanilla_gradient` and `noisy_copies`.

    Source: lecture notes, equation 1; Smilkov et al., "SmoothGrad: removing noise by adding
    noise", 2017, arXiv:1706.03825.
    """
    require_function(f)
    sigma = _sigma_per_image(images, sigma)  # (N, 1, 1, 1)
    require_count(n_samples, "n_samples")
    require_generator(generator)
    images = images.detach()
    total = torch.zeros_like(images)
    for samples in blocks(len(images) * n_samples):
        of = samples // n_samples  # which image each sample belongs to: (samples,)
        noise = torch.randn(len(of), *images.shape[1:], generator=generator, **_like(images))
        total.index_add_(
            0, of.to(total.device), vanilla_gradient(f, images[of] + sigma[of] * noise)
        )
    return total / n_samples


def blocks(n_samples: int) -> tuple[Tensor, ...]:
    """0, 1, …, n_samples − 1 in blocks of 16, the last one of 16 to 31.

    About 16 images at once are faster than one, and than all. Torch fills a tensor with normal
    numbers 16 by 16, so that on a CPU blocks of 16 images receive, bit by bit, the noise that one
    call for all of them would give; a remainder of fewer would not.
    """
    return torch.arange(n_samples).tensor_split(list(range(16, n_samples - 15, 16)))


def _sigma_per_image(images: Tensor, sigma: float | Tensor) -> Tensor:
    require_images(images)
    if not isinstance(sigma, Tensor):
        require_number(sigma, "sigma", minimum=0)
        return images.new_full((len(images), 1, 1, 1), sigma)
    require_tensor(sigma, "sigma", "(N,)")
    if sigma.shape != images.shape[:1] or sigma.min() < 0:
        raise ValueError(
            f"sigma must be a number or hold one of at least 0 for each image, shape "
            f"({len(images)},), got shape {tuple(sigma.shape)} and minimum {sigma.min():.4g}."
        )
    return sigma.detach().to(images)[:, None, None, None]


def _like(images: Tensor) -> dict:
    return {"dtype": images.dtype, "device": images.device}


def gradient_along_segment(f: ScoreFunction, image: Tensor, end: Tensor, n_points: int) -> Tensor:
    r"""The gradient at points from one image to another, ∇f(I + t (I_end − I)), t from 0 to 1.

    Args:
        f: score function, images (N, C, H, W) -> (N,).
        image: I, one image (C, H, W); the first point.
        end: I_end, (C, H, W), for instance a noisy copy; the last point.
        n_points: how many points, equally spaced, both ends among them; at least 2.

    Returns:
        (n_points, C, H, W), in the order of the points.

    Raises:
        TypeError, ValueError: as `vanilla_gradient`, and if a shape is another one.

    Source: lecture notes, figure 3; Smilkov et al., "SmoothGrad", 2017, figure 2.
    """
    require_function(f)
    require_tensor(image, "image", "(C, H, W)")
    require_tensor(end, "end", "(C, H, W)")
    require_same_shape(image, end, "image", "end")
    require_count(n_points, "n_points", minimum=2)
    image, end = image.detach(), end.detach().to(image)
    t = torch.linspace(0, 1, n_points, **_like(image))[:, None, None, None]  # (n_points, 1, 1, 1)
    points = torch.lerp(image, end, t)  # (n_points, C, H, W)
    return torch.cat([vanilla_gradient(f, some) for some in points.split(16)])


def sign_changes(values: Tensor) -> Tensor:
    r"""How often the sign changes along the first axis.

    A zero has no sign and is passed over: 1, 0, −1 has one change; 1, 0, 1 has none.

    Args:
        values: (n_points, ...), at least one axis, for instance of `gradient_along_segment`.

    Returns:
        (...), whole numbers (int64).

    Raises:
        TypeError, ValueError: if `values` is not a finite floating-point tensor.

    Source: lecture notes, section 2.1 ("they even change signs") and figure 3.
    """
    require_tensor(values, "values", "(n_points, ...)")
    signs = values.detach().sign()
    current = signs[0]  # the latest sign that is not zero, for each entry
    changes = torch.zeros_like(current, dtype=torch.int64)
    for sign in signs[1:]:
        changes += sign * current < 0
        current = torch.where(sign != 0, sign, current)
    return changes
