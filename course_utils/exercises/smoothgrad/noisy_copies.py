"""The exercise `noisy_copies`: what it asks for, right answers of other kinds, and misconceptions."""

from __future__ import annotations

import torch
from torch import Tensor

from course_utils import smoothgrad as references
from course_utils.exercises.cases.case import Case
from course_utils.exercises.comparison import closeness, describe, difference, equality
from course_utils.exercises.exercise import Exercise
from course_utils.exercises.noise import (
    STANDARD_ERRORS,
    dependent_axis,
    fourth_moments,
    means_and_stds,
    same_distribution,
)


def randomness_complaint(note: str) -> str | None:
    if note == "seeded anew":
        return (
            "it seeds the generator that was given. Only draw from it: whoever calls decides where "
            "it begins."
        )
    if note == "left unused":
        return "no noise was drawn from the generator that was given. Pass it to torch.randn."
    return None


def each_sigma(case: Case) -> Tensor:
    """σ of each image, (N,)."""
    images = case.arguments["images"]
    return torch.as_tensor(case.arguments["sigma"], dtype=images.dtype).expand(len(images))


def _noise(copies: Tensor, case: Case) -> Tensor:
    """The noise in units of σ, (N, n_samples, C, H, W)."""
    return (copies - case.arguments["images"][:, None]) / each_sigma(case).view(-1, 1, 1, 1, 1)


def copies_complaint(value, expected, case: Case) -> str | None:
    """Whether the copies are N(I, σ²) with independent values, drawn from the generator."""
    if not isinstance(expected, tuple):  # σ = 0: chance has no part
        return closeness(value, expected, case)
    (copies, note), (right, _) = value, expected
    wrong = unlike_a_tensor(copies, right)
    if wrong:
        return wrong
    noise = _noise(copies.double(), case)
    n_values = noise[0].numel()
    means, stds = means_and_stds(noise)
    for index, (mean, std) in enumerate(zip(means.tolist(), stds.tolist(), strict=True)):
        sigma = each_sigma(case)[index].item()
        if abs(std - 1) > STANDARD_ERRORS / (2 * n_values) ** 0.5:
            return (
                f"the noise of image {index} has the standard deviation {std * sigma:.3g}, "
                f"where σ = {sigma:.3g} was asked for."
            )
        if abs(mean) > STANDARD_ERRORS / n_values**0.5:
            return f"the noise of image {index} has the mean {mean * sigma:.3g}; it should be 0."
    axis = dependent_axis(noise, ("images", "copies", "channels", "rows", "columns"))
    if axis:
        return f"the noise is not independent: different {axis} share it."
    if ((fourth_moments(noise) - 3).abs() > STANDARD_ERRORS * (96 / n_values) ** 0.5).any():
        return "mean and standard deviation are right, but the noise is not normally distributed."
    return randomness_complaint(note)


def same_copies(one, other, case: Case) -> bool:
    """Whether two results of `noisy_copies` show the same mistake, whatever noise was drawn."""
    if not (has_note(one) and has_note(other)):
        return equality(one, other, case)
    (one, one_note), (other, other_note) = one, other
    if one_note != other_note or one.shape != other.shape:
        return False
    images = case.arguments["images"]
    if one.ndim == 5 and one.shape[0] == len(images) and one.shape[2:] == images.shape[1:]:
        one, other = _noise(one.double(), case), _noise(other.double(), case)
        same_tails = torch.isclose(fourth_moments(one), fourth_moments(other), rtol=0.35, atol=0.1)
        return bool(same_tails.all()) and same_distribution(one, other)
    return same_distribution(one.double()[None], other.double()[None])


def has_note(value) -> bool:
    """Whether the value is a tensor with a note on the use of the generator."""
    return (
        isinstance(value, tuple)
        and len(value) == 2
        and isinstance(value[0], Tensor)
        and isinstance(value[1], str)
    )


def unlike_a_tensor(value, right: Tensor) -> str | None:
    if not isinstance(value, Tensor):
        return f"it should be {describe(right)}, got {describe(value)}."
    if value.shape != right.shape or value.is_complex() or not torch.isfinite(value).all():
        return difference(value, right, 1.0)
    return None


noisy_copies = Exercise(
    name="noisy_copies",
    reference=references.noisy_copies,
    teaches="why a diagonal covariance makes sampling easy",
    difficulty=2,
    minutes=15,
    points=2,
    complaint=copies_complaint,
    alike=same_copies,
    hints=(
        "If ε has the standard deviation 1, which standard deviation has σ·ε? And what is the mean "
        "of I + σ·ε?",
        "torch.randn(..., generator=generator) draws independent numbers ε ~ N(0, 1), in any shape.",
        "Give all parts five axes (N, n_samples, C, H, W): the images get a new axis 1, and σ, if it "
        "is a tensor (N,), four axes of length 1 at its end.",
    ),
)


def per_image(sigma, n_axes: int):
    return torch.as_tensor(sigma, dtype=torch.float64).reshape(-1, *[1] * n_axes)


def randn(shape, generator):
    return torch.randn(shape, generator=generator, dtype=torch.float64)


@noisy_copies.right_variant
def all_noise_at_once(images, sigma, n_samples, generator=None):
    n, c, h, w = images.shape
    noise = randn((n, n_samples, c, h, w), generator)
    return images.unsqueeze(1) + per_image(sigma, 4) * noise


@noisy_copies.right_variant
def copy_by_copy(images, sigma, n_samples, generator=None):
    copies = [
        images + per_image(sigma, 3) * randn(images.shape, generator) for _ in range(n_samples)
    ]
    return torch.stack(copies, dim=1)


@noisy_copies.right_variant
def image_by_image_in_single_precision(images, sigma, n_samples, generator=None):
    sigmas = torch.as_tensor(sigma).expand(len(images)).tolist()
    return torch.stack(
        [
            image + s * torch.randn(n_samples, *image.shape, generator=generator)
            for image, s in zip(images, sigmas, strict=True)
        ]
    )


@noisy_copies.right_variant
def by_torch_normal(images, sigma, n_samples, generator=None):
    means = images[:, None].repeat(1, n_samples, 1, 1, 1)
    return torch.normal(means, per_image(sigma, 4).expand_as(means), generator=generator)


@noisy_copies.misconception(
    "variance instead of standard deviation",
    "The noise has the standard deviation σ². Multiply normal numbers by σ itself: then their "
    "variance is σ².",
)
def _(images, sigma, n_samples, generator=None):
    return all_noise_at_once(images, per_image(sigma, 0) ** 2, n_samples, generator)


@noisy_copies.misconception(
    "σ taken for a variance",
    "The noise has the standard deviation √σ, as if σ were a variance. It is a standard deviation "
    "already.",
)
def _(images, sigma, n_samples, generator=None):
    return all_noise_at_once(images, per_image(sigma, 0) ** 0.5, n_samples, generator)


@noisy_copies.misconception(
    "σ taken for a noise level",
    "The noise has the standard deviation σ · (I_max − I_min). `sigma` is a standard deviation "
    "already; `noise_std` is what makes it from a noise level.",
)
def _(images, sigma, n_samples, generator=None):
    pixels = images.flatten(1)
    level = per_image(sigma, 0).expand(len(images))
    sigma = level * (pixels.amax(dim=1) - pixels.amin(dim=1))
    return all_noise_at_once(images, sigma, n_samples, generator)


@noisy_copies.misconception(
    "standard normal noise",
    "The noise has the standard deviation 1. Multiply it by σ.",
)
def _(images, sigma, n_samples, generator=None):
    return all_noise_at_once(images, 1.0, n_samples, generator)


@noisy_copies.misconception(
    "clipped to [0, 1]",
    "The copies are clipped to [0, 1]. Then they are not normal around the image any more: dark "
    "pixels only get brighter. Leave them as they were drawn.",
)
def _(images, sigma, n_samples, generator=None):
    return all_noise_at_once(images, sigma, n_samples, generator).clamp(0, 1)


@noisy_copies.misconception(
    "uniform noise",
    "The noise is uniform, in [−σ, σ]. It should be normal: torch.randn, and not torch.rand.",
)
def _(images, sigma, n_samples, generator=None):
    noise = torch.rand((len(images), n_samples, *images.shape[1:]), generator=generator)
    return images[:, None] + per_image(sigma, 4) * (2 * noise.double() - 1)


@noisy_copies.misconception(
    "noise that only brightens",
    "The noise comes from torch.rand: it is uniform in [0, σ], and only brightens. Draw normal "
    "noise around 0 with torch.randn.",
)
def _(images, sigma, n_samples, generator=None):
    noise = torch.rand((len(images), n_samples, *images.shape[1:]), generator=generator)
    return images[:, None] + per_image(sigma, 4) * noise.double()


@noisy_copies.misconception(
    "one noise for all copies",
    "All copies of an image are the same: the noise was drawn once, and used for all. Draw new noise "
    "for every copy.",
)
def _(images, sigma, n_samples, generator=None):
    noise = per_image(sigma, 4) * randn((len(images), 1, *images.shape[1:]), generator)
    return (images[:, None] + noise).repeat(1, n_samples, 1, 1, 1)


@noisy_copies.misconception(
    "one noise for all images",
    "All images got the same noise. Draw new noise for every image.",
)
def _(images, sigma, n_samples, generator=None):
    noise = randn((1, n_samples, *images.shape[1:]), generator)
    return images[:, None] + per_image(sigma, 4) * noise


@noisy_copies.misconception(
    "one noise for all channels",
    "All channels of a copy got the same noise: it changes brightness, but never the colour. The "
    "covariance is diagonal, so each value has noise of its own.",
)
def _(images, sigma, n_samples, generator=None):
    noise = randn((len(images), n_samples, 1, *images.shape[2:]), generator)
    return images[:, None] + per_image(sigma, 4) * noise


@noisy_copies.misconception(
    "one number for a whole copy",
    "All values of a copy were moved by one and the same number. The covariance is diagonal, so each "
    "value has noise of its own.",
)
def _(images, sigma, n_samples, generator=None):
    return images[:, None] + per_image(sigma, 4) * randn(
        (len(images), n_samples, 1, 1, 1), generator
    )


@noisy_copies.misconception(
    "the noise alone",
    "This is the noise without the image. The copies scatter around the image: add it.",
)
def _(images, sigma, n_samples, generator=None):
    return all_noise_at_once(torch.zeros_like(images), sigma, n_samples, generator)


@noisy_copies.misconception(
    "one copy without noise",
    "One of the copies is the image itself, without noise. All of them are drawn from N(I, σ²).",
)
def _(images, sigma, n_samples, generator=None):
    copies = all_noise_at_once(images, sigma, n_samples, generator)
    copies[:, -1] = images
    return copies


@noisy_copies.also("one copy without noise")
def _(images, sigma, n_samples, generator=None):
    copies = all_noise_at_once(images, sigma, n_samples, generator)
    copies[:, 0] = images
    return copies


@noisy_copies.misconception(
    "axes in another order",
    "The copies come first, (n_samples, N, ...). The images should: (N, n_samples, C, H, W).",
)
def _(images, sigma, n_samples, generator=None):
    return all_noise_at_once(images, sigma, n_samples, generator).transpose(0, 1)


@noisy_copies.misconception(
    "copies in one long batch",
    "Images and copies share one axis. Keep them apart: (N, n_samples, C, H, W).",
)
def _(images, sigma, n_samples, generator=None):
    return all_noise_at_once(images, sigma, n_samples, generator).flatten(0, 1)


@noisy_copies.also("copies in one long batch")
def _(images, sigma, n_samples, generator=None):
    return all_noise_at_once(images, sigma, n_samples, generator).transpose(0, 1).flatten(0, 1)


@noisy_copies.misconception(
    "σ along another axis",
    "σ, given as one number for each image, was multiplied along the last axis. Give it four more "
    "axes: sigma[:, None, None, None, None].",
)
def _(images, sigma, n_samples, generator=None):
    noise = randn((len(images), n_samples, *images.shape[1:]), generator)
    return images[:, None] + sigma * noise


@noisy_copies.misconception(
    "generator ignored",
    "The noise is right, but it was not drawn from the generator that was given, so nobody can "
    "repeat it. Pass generator=generator to torch.randn.",
)
def _(images, sigma, n_samples, generator=None):
    return all_noise_at_once(images, sigma, n_samples)


@noisy_copies.misconception(
    "generator seeded inside",
    "The function seeds the generator, so every call draws the same noise. Only draw from it: the "
    "caller decides where it begins.",
)
def _(images, sigma, n_samples, generator=None):
    return all_noise_at_once(images, sigma, n_samples, generator.manual_seed(42))
