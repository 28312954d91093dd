"""The exercise `smoothgrad`: what it asks for, right answers of other kinds, and misconceptions."""

from __future__ import annotations

import torch
from torch import Tensor

from course_utils import smoothgrad as references
from course_utils.exercises.cases.case import Case
from course_utils.exercises.comparison import closeness, equality
from course_utils.exercises.exercise import Exercise
from course_utils.exercises.noise import (
    STANDARD_ERRORS,
    dependent_axis,
    means_and_stds,
    same_distribution,
)
from course_utils.exercises.smoothgrad.noisy_copies import (
    all_noise_at_once,
    each_sigma,
    has_note,
    per_image,
    randn,
    randomness_complaint,
    unlike_a_tensor,
)
from course_utils.gradients import vanilla_gradient


def _deviation(gradient: Tensor, case: Case) -> Tensor:
    """A result for f(I) = Σ a·(I³ − I) in standard errors of n samples from what it should be.

    The gradient at I + e is a·(3 (I + e)² − 1). Its mean is a·(3 (I² + σ²) − 1) and, for normal e,
    its variance 9a² (4 I² σ² + 2 σ⁴).
    """
    images, a = case.arguments["images"], case.watched["coefficients"]
    sigma = each_sigma(case).view(-1, 1, 1, 1)
    standard_error = (
        (4 * images**2 * sigma**2 + 2 * sigma**4) / case.arguments["n_samples"]
    ) ** 0.5
    return ((gradient / a + 1) / 3 - images**2 - sigma**2) / standard_error


def smoothgrad_complaint(value, expected, case: Case) -> str | None:
    """Whether the result scatters around the mean gradient as a mean of n independent ones does."""
    if not isinstance(expected, tuple):  # chance has no part
        return closeness(value, expected, case)
    (gradient, note), (right, _) = value, expected
    wrong = unlike_a_tensor(gradient, right)
    if wrong:
        return wrong
    deviation = _deviation(gradient.double(), case)
    n_values = deviation[0].numel()
    means, stds = means_and_stds(deviation)
    if (means.abs() > STANDARD_ERRORS / n_values**0.5).any():
        return "its values do not scatter around the mean gradient under noise of this σ."
    # The fourth moment of a deviation is at most 15 (one sample, and noise alone).
    if ((stds - 1).abs() > STANDARD_ERRORS * (14 / (4 * n_values)) ** 0.5).any():
        n_samples = case.arguments["n_samples"]
        return f"its values do not scatter as the mean of {n_samples} independent gradients would."
    axis = dependent_axis(deviation, ("images", "channels", "rows", "columns"))
    if axis:
        return f"the noise is not independent: different {axis} share it."
    return randomness_complaint(note)


def same_smoothgrad(one, other, case: Case) -> bool:
    """Whether two results of `smoothgrad` show the same mistake, whatever noise was drawn."""
    if not (has_note(one) and has_note(other)):
        return equality(one, other, case)
    (one, one_note), (other, other_note) = one, other
    if one_note != other_note or one.shape != other.shape:
        return False
    if one.shape == case.arguments["images"].shape:
        return same_distribution(_deviation(one.double(), case), _deviation(other.double(), case))
    return same_distribution(one.double()[None], other.double()[None])


smoothgrad = Exercise(
    name="smoothgrad",
    reference=references.smoothgrad,
    teaches="a gradient that one noisy pixel cannot turn",
    difficulty=2,
    minutes=20,
    points=3,
    complaint=smoothgrad_complaint,
    alike=same_smoothgrad,
    hints=(
        "Equation 1 in words: draw noisy copies, take the gradient at each, average.",
        "Your noisy_copies gives (N, n_samples, C, H, W). f takes (N, C, H, W): go through the "
        "copies one after the other, copies[:, k].",
        "Add vanilla_gradient(f, copies[:, k]) for all k, and divide by n_samples.",
    ),
)


def _gradients_at(f, copies):
    """The gradient at each of (N, n_samples, C, H, W)."""
    return torch.stack([vanilla_gradient(f, copy) for copy in copies.unbind(dim=1)], dim=1)


@smoothgrad.right_variant
def sample_by_sample(f, images, sigma, n_samples, generator=None):
    total = torch.zeros_like(images)
    for _ in range(n_samples):
        noise = torch.randn(images.shape, generator=generator, dtype=images.dtype)
        total = total + vanilla_gradient(f, images + per_image(sigma, 3) * noise)
    return total / n_samples


@smoothgrad.right_variant
def from_noisy_copies(f, images, sigma, n_samples, generator=None):
    copies = all_noise_at_once(images, sigma, n_samples, generator)
    return _gradients_at(f, copies).mean(dim=1)


@smoothgrad.right_variant
def in_one_batch(f, images, sigma, n_samples, generator=None):
    copies = all_noise_at_once(images, sigma, n_samples, generator).flatten(0, 1).requires_grad_()
    (gradients,) = torch.autograd.grad(f(copies).sum(), copies)
    return gradients.view(len(images), n_samples, *images.shape[1:]).mean(dim=1)


@smoothgrad.right_variant
def gradient_of_the_mean_score(f, images, sigma, n_samples, generator=None):
    inputs = images.detach().clone().requires_grad_()
    score = sum(
        f(inputs + per_image(sigma, 3) * randn(images.shape, generator)).sum()
        for _ in range(n_samples)
    )
    return torch.autograd.grad(score / n_samples, inputs)[0]


@smoothgrad.misconception(
    "variance instead of standard deviation",
    "The noise has the standard deviation σ². Multiply normal numbers by σ itself: then their "
    "variance is σ².",
)
def _(f, images, sigma, n_samples, generator=None):
    return sample_by_sample(f, images, per_image(sigma, 0) ** 2, n_samples, generator)


@smoothgrad.misconception(
    "σ taken for a variance",
    "The noise has the standard deviation √σ, as if σ were a variance. It is a standard deviation "
    "already.",
)
def _(f, images, sigma, n_samples, generator=None):
    return sample_by_sample(f, images, per_image(sigma, 0) ** 0.5, n_samples, generator)


@smoothgrad.misconception(
    "standard normal noise",
    "The noise has the standard deviation 1, whatever σ is. Multiply it by σ.",
)
def _(f, images, sigma, n_samples, generator=None):
    return sample_by_sample(f, images, 1.0, n_samples, generator)


@smoothgrad.misconception(
    "clipped to [0, 1]",
    "The noisy copies are clipped to [0, 1]. Then they are not normal around the image any more. "
    "Leave them as they were drawn.",
)
def _(f, images, sigma, n_samples, generator=None):
    copies = all_noise_at_once(images, sigma, n_samples, generator).clamp(0, 1)
    return _gradients_at(f, copies).mean(dim=1)


@smoothgrad.misconception(
    "squared gradients",
    "The gradients were squared before averaging: that is SmoothGrad-squared, another method. "
    "Average them as they are, with their signs.",
)
def _(f, images, sigma, n_samples, generator=None):
    copies = all_noise_at_once(images, sigma, n_samples, generator)
    return (_gradients_at(f, copies) ** 2).mean(dim=1)


@smoothgrad.misconception(
    "magnitudes",
    "The signs are lost. Average the gradients as they are: those that change their sign under noise "
    "shall cancel, and the mean keeps its sign.",
)
def _(f, images, sigma, n_samples, generator=None):
    copies = all_noise_at_once(images, sigma, n_samples, generator)
    return _gradients_at(f, copies).abs().mean(dim=1)


@smoothgrad.misconception(
    "gradient at the mean image",
    "The noisy copies were averaged, and the gradient taken once, at their mean. Take the gradient at "
    "every copy, and average the gradients.",
)
def _(f, images, sigma, n_samples, generator=None):
    copies = all_noise_at_once(images, sigma, n_samples, generator)
    return vanilla_gradient(f, copies.mean(dim=1))


@smoothgrad.misconception(
    "noise on the gradient",
    "The noise was added to the gradient. Add it to the image, before the gradient is taken: each "
    "copy then has a gradient of its own.",
)
def _(f, images, sigma, n_samples, generator=None):
    gradient = vanilla_gradient(f, images)
    return all_noise_at_once(gradient, sigma, n_samples, generator).mean(dim=1)


@smoothgrad.misconception(
    "σ taken for a noise level",
    "The noise has the standard deviation σ · (I_max − I_min). `sigma` is a standard deviation "
    "already; `noise_std` is what makes it from a noise level.",
)
def _(f, images, sigma, n_samples, generator=None):
    pixels = images.flatten(1)
    level = per_image(sigma, 0).expand(len(images))
    sigma = level * (pixels.amax(dim=1) - pixels.amin(dim=1))
    return sample_by_sample(f, images, sigma, n_samples, generator)


@smoothgrad.misconception(
    "noise-free last sample",
    "One of the samples is the image without noise. All of them are drawn from N(I, σ²).",
)
def _(f, images, sigma, n_samples, generator=None):
    noise = randn((len(images), n_samples, *images.shape[1:]), generator)
    noise[:, -1] = 0
    return _gradients_at(f, images[:, None] + per_image(sigma, 4) * noise).mean(dim=1)


@smoothgrad.also("noise-free last sample")
def _(f, images, sigma, n_samples, generator=None):
    noise = randn((len(images), n_samples + 1, *images.shape[1:]), generator)
    noise[:, 0] = 0
    return _gradients_at(f, images[:, None] + per_image(sigma, 4) * noise).mean(dim=1)


@smoothgrad.misconception(
    "one noise for all samples",
    "All samples have the same noise, so that averaging them smooths nothing. Draw new noise for "
    "every sample.",
)
def _(f, images, sigma, n_samples, generator=None):
    return sample_by_sample(f, images, sigma, 1, generator)


@smoothgrad.misconception(
    "one noise for all images",
    "All images got the same noise. Draw new noise for every image.",
)
def _(f, images, sigma, n_samples, generator=None):
    noise = randn((1, n_samples, *images.shape[1:]), generator)
    return _gradients_at(f, images[:, None] + per_image(sigma, 4) * noise).mean(dim=1)


@smoothgrad.misconception(
    "one noise for all channels",
    "All channels of a copy got the same noise. The covariance is diagonal, so each value has noise of "
    "its own.",
)
def _(f, images, sigma, n_samples, generator=None):
    noise = randn((len(images), n_samples, 1, *images.shape[2:]), generator)
    return _gradients_at(f, images[:, None] + per_image(sigma, 4) * noise).mean(dim=1)


@smoothgrad.misconception(
    "sum instead of mean",
    "This is the sum over the samples. Divide by n_samples.",
)
def _(f, images, sigma, n_samples, generator=None):
    return n_samples * sample_by_sample(f, images, sigma, n_samples, generator)


@smoothgrad.misconception(
    "samples not averaged",
    "There is a gradient for each sample. Average over the samples, to (N, C, H, W).",
)
def _(f, images, sigma, n_samples, generator=None):
    return _gradients_at(f, all_noise_at_once(images, sigma, n_samples, generator))


@smoothgrad.misconception(
    "channels averaged",
    "The colour channels are averaged already. Here each channel keeps its own value: (N, C, H, W).",
)
def _(f, images, sigma, n_samples, generator=None):
    return sample_by_sample(f, images, sigma, n_samples, generator).mean(dim=1)


@smoothgrad.misconception(
    "gradient times image",
    "This is the mean gradient times the image. Return the mean gradient itself.",
)
def _(f, images, sigma, n_samples, generator=None):
    return sample_by_sample(f, images, sigma, n_samples, generator) * images


@smoothgrad.misconception(
    "vanilla gradient",
    "This is the gradient at the image itself. Take it at the noisy copies.",
)
def _(f, images, sigma, n_samples, generator=None):
    return vanilla_gradient(f, images)


@smoothgrad.also("vanilla gradient")
def _(f, images, sigma, n_samples, generator=None):
    all_noise_at_once(images, sigma, n_samples, generator)  # drawn, and not used
    return vanilla_gradient(f, images)


@smoothgrad.misconception(
    "generator ignored",
    "The result is right, but the noise was not drawn from the generator that was given, so nobody can "
    "repeat it. Pass the generator on.",
)
def _(f, images, sigma, n_samples, generator=None):
    return sample_by_sample(f, images, sigma, n_samples)
