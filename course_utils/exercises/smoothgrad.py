"""The exercises of lecture 2: SmoothGrad."""

from __future__ import annotations

import torch
from torch import Tensor

from course_utils import smoothgrad as references
from course_utils.exercises.cases.case import Case
from course_utils.exercises.comparison import closeness, describe, difference, equality
from course_utils.exercises.exercise import Exercise, WrittenQuestion
from course_utils.exercises.noise import (
    STANDARD_ERRORS,
    dependent_axis,
    fourth_moments,
    means_and_stds,
    same_distribution,
)
from course_utils.gradients import vanilla_gradient

gradient_along_segment = Exercise(
    name="gradient_along_segment",
    reference=references.gradient_along_segment,
    teaches="how far the gradient at one image can be trusted for its neighbours",
    difficulty=2,
    minutes=15,
    points=2,
    hints=(
        "A point on the segment is I + t·(I_end − I). What is t at the first point, and at the last?",
        "torch.linspace(0, 1, n_points) has both ends. Give it the axes (n_points, 1, 1, 1), and all "
        "points come out of one line.",
        "The points are a batch (n_points, C, H, W): one call of vanilla_gradient gives all gradients.",
    ),
)


@gradient_along_segment.right_variant
def points_in_one_batch(f, image, end, n_points):
    t = torch.linspace(0, 1, n_points, dtype=image.dtype).view(-1, 1, 1, 1)
    return vanilla_gradient(f, image + t * (end - image))


@gradient_along_segment.right_variant
def point_by_point(f, image, end, n_points):
    gradients = []
    for k in range(n_points):
        t = k / (n_points - 1)
        gradients.append(vanilla_gradient(f, ((1 - t) * image + t * end)[None])[0])
    return torch.stack(gradients)


@gradient_along_segment.misconception(
    "end never reached",
    "The last point is not reached: t stops short of 1. n_points points have n_points − 1 steps "
    "between them.",
)
def _(f, image, end, n_points):
    t = torch.arange(n_points, dtype=image.dtype).view(-1, 1, 1, 1) / n_points
    return vanilla_gradient(f, image + t * (end - image))


@gradient_along_segment.misconception(
    "one point too many",
    "There are n_points steps, and so one point too many. Return n_points gradients, both ends among "
    "them.",
)
def _(f, image, end, n_points):
    return points_in_one_batch(f, image, end, n_points + 1)


@gradient_along_segment.misconception(
    "start left out",
    "The first point is not the image: t begins after 0. Both ends are among the points.",
)
def _(f, image, end, n_points):
    t = torch.arange(1, n_points + 1, dtype=image.dtype).view(-1, 1, 1, 1) / n_points
    return vanilla_gradient(f, image + t * (end - image))


@gradient_along_segment.misconception(
    "reversed",
    "The points run from the end to the image. Begin at the image.",
)
def _(f, image, end, n_points):
    return points_in_one_batch(f, end, image, n_points)


@gradient_along_segment.misconception(
    "end taken for a step",
    "The points are I + t·I_end, as if `end` were the difference. It is the last image: the points are "
    "I + t·(I_end − I).",
)
def _(f, image, end, n_points):
    return points_in_one_batch(f, image, image + end, n_points)


@gradient_along_segment.misconception(
    "the points themselves",
    "These are the images on the segment. Return the gradient at each of them.",
)
def _(f, image, end, n_points):
    t = torch.linspace(0, 1, n_points, dtype=image.dtype).view(-1, 1, 1, 1)
    return image + t * (end - image)


@gradient_along_segment.misconception(
    "gradients interpolated",
    "The gradients of both ends were interpolated. Interpolate the images, and take the gradient at "
    "each: between the ends it goes its own way.",
)
def _(f, image, end, n_points):
    first, last = vanilla_gradient(f, torch.stack([image, end]))
    t = torch.linspace(0, 1, n_points, dtype=image.dtype).view(-1, 1, 1, 1)
    return first + t * (last - first)


@gradient_along_segment.misconception(
    "slope along the segment",
    "This is the slope along the segment, one number a point. Return the whole gradient at each point, "
    "(n_points, C, H, W).",
)
def _(f, image, end, n_points):
    return (points_in_one_batch(f, image, end, n_points) * (end - image)).sum(dim=(1, 2, 3))


@gradient_along_segment.misconception(
    "averaged over the points",
    "The gradients are averaged over the points. Here each point keeps its own: the curve is what "
    "figure 3 shows.",
)
def _(f, image, end, n_points):
    return points_in_one_batch(f, image, end, n_points).mean(dim=0)


@gradient_along_segment.misconception(
    "magnitudes",
    "The signs are lost. Keep them: the next exercise counts how often they change.",
)
def _(f, image, end, n_points):
    return points_in_one_batch(f, image, end, n_points).abs()


@gradient_along_segment.misconception(
    "divided by the number of points",
    "The gradients are divided by n_points, as if the mean of the scores had been differentiated. "
    "Use their sum: each point then gets its own gradient.",
)
def _(f, image, end, n_points):
    return points_in_one_batch(f, image, end, n_points) / n_points


@gradient_along_segment.misconception(
    "always the gradient at the image",
    "Every point has the gradient at the first image. Move the point, and take the gradient anew there.",
)
def _(f, image, end, n_points):
    return vanilla_gradient(f, image[None]).repeat(n_points, 1, 1, 1)


@gradient_along_segment.misconception(
    "differentiated through the segment",
    "Each gradient was multiplied by 1 − t: f was differentiated with respect to the first image, through "
    "the point. Let each point be an image of its own.",
)
def _(f, image, end, n_points):
    t = torch.linspace(0, 1, n_points, dtype=image.dtype).view(-1, 1, 1, 1)
    return (1 - t) * points_in_one_batch(f, image, end, n_points)


sign_changes = Exercise(
    name="sign_changes",
    reference=references.sign_changes,
    teaches="a number for how unsteady a gradient is",
    difficulty=2,
    minutes=15,
    points=2,
    hints=(
        "Between two neighbours the sign changes where their product is negative. That is nearly all; "
        "what if a value is exactly zero?",
        "A zero has no sign: carry the last sign before it along, so that 1, 0, −1 counts once and "
        "1, 0, 1 not at all.",
        "Go through the points with `last`, the latest sign that is not zero. Count where "
        "sign * last < 0, then update: last = torch.where(sign != 0, sign, last).",
    ),
)


@sign_changes.right_variant
def with_the_latest_sign(values):
    last = torch.zeros_like(values[0])
    count = torch.zeros_like(values[0])
    for sign in values.sign():
        count = count + (last * sign < 0)
        last = torch.where(sign == 0, last, sign)
    return count


@sign_changes.right_variant
def curve_by_curve(values):
    counts = []
    for curve in values.reshape(len(values), -1).T:
        signs = curve[curve != 0].sign()
        counts.append(int((signs[1:] != signs[:-1]).sum()))
    return torch.tensor(counts).reshape(values.shape[1:])


@sign_changes.right_variant
def with_zeros_filled(values):
    positions = torch.arange(len(values)).view(-1, *[1] * (values.ndim - 1))
    latest = torch.where(values != 0, positions, 0).cummax(dim=0).values
    filled = values.sign().gather(0, latest)
    return (filled[1:] * filled[:-1] < 0).sum(dim=0)


@sign_changes.misconception(
    "zeros hide a change",
    "A change of sign across a zero is missed: in 1, 0, −1 the sign changes once, though no product of "
    "neighbours is negative. Carry the last sign along.",
)
def _(values):
    return (values[1:] * values[:-1] < 0).sum(dim=0)


@sign_changes.misconception(
    "zero taken for a sign",
    "A step to zero, or from it, was counted as a change. Zero has no sign: in 1, 0, 1 it does not "
    "change, and in 1, 0, −1 it changes once.",
)
def _(values):
    return (values.sign()[1:] != values.sign()[:-1]).sum(dim=0)


@sign_changes.misconception(
    "zero taken for positive",
    "Zero was taken for positive, so that −1, 0, −1 counts two changes. It has no sign: there are "
    "none.",
)
def _(values):
    return ((values >= 0)[1:] != (values >= 0)[:-1]).sum(dim=0)


@sign_changes.misconception(
    "zero taken for negative",
    "Zero was taken for negative, so that 1, 0, 1 counts two changes. It has no sign: there are none.",
)
def _(values):
    return ((values > 0)[1:] != (values > 0)[:-1]).sum(dim=0)


@sign_changes.misconception(
    "half a change at zero",
    "A step to zero, or from it, was counted as half a change: 1, 0, 1 then has one. It has none.",
)
def _(values):
    return values.sign().diff(dim=0).abs().sum(dim=0) / 2


@sign_changes.misconception(
    "one number for everything",
    "All changes were added to one number. Count for each entry: (n_points, ...) gives (...).",
)
def _(values):
    return with_the_latest_sign(values).sum()


@sign_changes.misconception(
    "last axis",
    "This counts along the last axis. The points are the first one.",
)
def _(values):
    return with_the_latest_sign(values.movedim(-1, 0))


@sign_changes.misconception(
    "share instead of count",
    "This is the share of steps at which the sign changes. Return their number.",
)
def _(values):
    return with_the_latest_sign(values) / max(len(values) - 1, 1)


@sign_changes.also("share instead of count")
def _(values):
    return with_the_latest_sign(values) / len(values)


@sign_changes.misconception(
    "whether instead of how often",
    "This says whether the sign changes at all. Count how often.",
)
def _(values):
    return with_the_latest_sign(values) > 0


@sign_changes.misconception(
    "changes of direction",
    "This counts where the curve turns, from rising to falling or back. Count where its *sign* "
    "changes.",
)
def _(values):
    return with_the_latest_sign(values.diff(dim=0)) if len(values) > 1 else values[0] * 0


noise_std = Exercise(
    name="noise_std",
    reference=references.noise_std,
    teaches="a noise level that means the same for every image",
    difficulty=1,
    minutes=10,
    points=1,
    hints=(
        "σ / (I_max − I_min) is the noise level. Solve that for σ.",
        "Each image has its own largest and smallest value, over all of its channels and pixels.",
        "images.flatten(1) has one row for each image, and .amax(dim=1) takes the largest of each.",
    ),
)


@noise_std.right_variant
def by_extremes_over_three_axes(images, noise_level):
    return noise_level * (images.amax(dim=(1, 2, 3)) - images.amin(dim=(1, 2, 3)))


@noise_std.right_variant
def by_image(images, noise_level):
    return torch.stack([noise_level * (image.max() - image.min()) for image in images])


@noise_std.right_variant
def by_sorting(images, noise_level):
    values = images.reshape(len(images), -1).sort(dim=1).values
    return (values[:, -1] - values[:, 0]).mul(noise_level)


def _range(images):
    return images.flatten(1).amax(dim=1) - images.flatten(1).amin(dim=1)


@noise_std.misconception(
    "level divided by the range",
    "This is the level divided by the range. The level *is* σ divided by the range, so σ is the level "
    "*times* the range.",
)
def _(images, noise_level):
    return noise_level / _range(images)


@noise_std.misconception(
    "range of the batch",
    "All images got the range of the whole batch. Each image has its own largest and smallest value.",
)
def _(images, noise_level):
    return (noise_level * (images.max() - images.min())).expand(len(images))


@noise_std.misconception(
    "one number for the batch",
    "This is one number for all images together. Return one σ for each image, with the shape (N,).",
)
def _(images, noise_level):
    return noise_level * (images.max() - images.min())


@noise_std.misconception(
    "range of each channel",
    "Each channel got its own range. An image has one: the extremes run over its channels, too.",
)
def _(images, noise_level):
    return noise_level * (images.amax(dim=(2, 3)) - images.amin(dim=(2, 3)))


@noise_std.misconception(
    "axes kept",
    "The numbers are right, but axes of length 1 are still there. The result should have the shape "
    "(N,).",
)
def _(images, noise_level):
    return (noise_level * _range(images)).view(-1, 1, 1, 1)


@noise_std.misconception(
    "range taken to be 1",
    "This is the level itself, as if every image reached from 0 to 1. Multiply by the range that each "
    "image has.",
)
def _(images, noise_level):
    return torch.full((len(images),), float(noise_level), dtype=images.dtype)


@noise_std.misconception(
    "level forgotten",
    "This is the range of each image. Multiply it by the noise level.",
)
def _(images, noise_level):
    return _range(images)


@noise_std.misconception(
    "range below zero",
    "This is σ with its sign reversed. The range is the largest minus the smallest value.",
)
def _(images, noise_level):
    return -noise_level * _range(images)


@noise_std.misconception(
    "smallest value taken to be 0",
    "This is the level times the largest value. The range is the largest *minus the smallest* value.",
)
def _(images, noise_level):
    return noise_level * images.amax(dim=(1, 2, 3))


@noise_std.misconception(
    "standard deviation of the pixels",
    "This is the level times the standard deviation of the pixels. The level is measured in units of "
    "the range, I_max − I_min.",
)
def _(images, noise_level):
    return noise_level * images.flatten(1).std(dim=1)


@noise_std.misconception(
    "variance",
    "This is the square of σ: the variance. The exercise asks for the standard deviation.",
)
def _(images, noise_level):
    return (noise_level * _range(images)) ** 2


def _randomness_complaint(note: str) -> str | None:
    if note == "seeded anew":
        return (
            "it seeds the generator that was given. Only draw from it: whoever calls decides where "
            "it begins."
        )
    if note == "left unused":
        return "no noise was drawn from the generator that was given. Pass it to torch.randn."
    return None


def _sigmas(case: Case) -> Tensor:
    """σ of each image, (N,)."""
    images = case.arguments["images"]
    return torch.as_tensor(case.arguments["sigma"], dtype=images.dtype).expand(len(images))


def _noise(copies: Tensor, case: Case) -> Tensor:
    """The noise in units of σ, (N, n_samples, C, H, W)."""
    return (copies - case.arguments["images"][:, None]) / _sigmas(case).view(-1, 1, 1, 1, 1)


def copies_complaint(value, expected, case: Case) -> str | None:
    """Whether the copies are N(I, σ²) with independent values, drawn from the generator."""
    if not isinstance(expected, tuple):  # σ = 0: chance has no part
        return closeness(value, expected, case)
    (copies, note), (right, _) = value, expected
    wrong = _unlike_a_tensor(copies, right)
    if wrong:
        return wrong
    noise = _noise(copies.double(), case)
    n_values = noise[0].numel()
    means, stds = means_and_stds(noise)
    for index, (mean, std) in enumerate(zip(means.tolist(), stds.tolist(), strict=True)):
        sigma = _sigmas(case)[index].item()
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
    return _randomness_complaint(note)


def same_copies(one, other, case: Case) -> bool:
    """Whether two results of `noisy_copies` show the same mistake, whatever noise was drawn."""
    if not (_drawn(one) and _drawn(other)):
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


def _drawn(value) -> bool:
    """Whether the value is a tensor with a note on the use of the generator."""
    return (
        isinstance(value, tuple)
        and len(value) == 2
        and isinstance(value[0], Tensor)
        and isinstance(value[1], str)
    )


def _unlike_a_tensor(value, right: Tensor) -> str | None:
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


def _per_image(sigma, n_axes: int):
    return torch.as_tensor(sigma, dtype=torch.float64).reshape(-1, *[1] * n_axes)


def _randn(shape, generator):
    return torch.randn(shape, generator=generator, dtype=torch.float64)


@noisy_copies.right_variant
def all_noise_at_once(images, sigma, n_samples, generator=None):
    n, c, h, w = images.shape
    noise = _randn((n, n_samples, c, h, w), generator)
    return images.unsqueeze(1) + _per_image(sigma, 4) * noise


@noisy_copies.right_variant
def copy_by_copy(images, sigma, n_samples, generator=None):
    copies = [
        images + _per_image(sigma, 3) * _randn(images.shape, generator) for _ in range(n_samples)
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
    return torch.normal(means, _per_image(sigma, 4).expand_as(means), generator=generator)


@noisy_copies.misconception(
    "variance instead of standard deviation",
    "The noise has the standard deviation σ². Multiply normal numbers by σ itself: then their "
    "variance is σ².",
)
def _(images, sigma, n_samples, generator=None):
    return all_noise_at_once(images, _per_image(sigma, 0) ** 2, n_samples, generator)


@noisy_copies.misconception(
    "σ taken for a variance",
    "The noise has the standard deviation √σ, as if σ were a variance. It is a standard deviation "
    "already.",
)
def _(images, sigma, n_samples, generator=None):
    return all_noise_at_once(images, _per_image(sigma, 0) ** 0.5, n_samples, generator)


@noisy_copies.misconception(
    "σ taken for a noise level",
    "The noise has the standard deviation σ · (I_max − I_min). `sigma` is a standard deviation "
    "already; `noise_std` is what makes it from a noise level.",
)
def _(images, sigma, n_samples, generator=None):
    pixels = images.flatten(1)
    level = _per_image(sigma, 0).expand(len(images))
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
    return images[:, None] + _per_image(sigma, 4) * (2 * noise.double() - 1)


@noisy_copies.misconception(
    "noise that only brightens",
    "The noise comes from torch.rand: it is uniform in [0, σ], and only brightens. Draw normal "
    "noise around 0 with torch.randn.",
)
def _(images, sigma, n_samples, generator=None):
    noise = torch.rand((len(images), n_samples, *images.shape[1:]), generator=generator)
    return images[:, None] + _per_image(sigma, 4) * noise.double()


@noisy_copies.misconception(
    "one noise for all copies",
    "All copies of an image are the same: the noise was drawn once, and used for all. Draw new noise "
    "for every copy.",
)
def _(images, sigma, n_samples, generator=None):
    noise = _per_image(sigma, 4) * _randn((len(images), 1, *images.shape[1:]), generator)
    return (images[:, None] + noise).repeat(1, n_samples, 1, 1, 1)


@noisy_copies.misconception(
    "one noise for all images",
    "All images got the same noise. Draw new noise for every image.",
)
def _(images, sigma, n_samples, generator=None):
    noise = _randn((1, n_samples, *images.shape[1:]), generator)
    return images[:, None] + _per_image(sigma, 4) * noise


@noisy_copies.misconception(
    "one noise for all channels",
    "All channels of a copy got the same noise: it changes brightness, but never the colour. The "
    "covariance is diagonal, so each value has noise of its own.",
)
def _(images, sigma, n_samples, generator=None):
    noise = _randn((len(images), n_samples, 1, *images.shape[2:]), generator)
    return images[:, None] + _per_image(sigma, 4) * noise


@noisy_copies.misconception(
    "one number for a whole copy",
    "All values of a copy were moved by one and the same number. The covariance is diagonal, so each "
    "value has noise of its own.",
)
def _(images, sigma, n_samples, generator=None):
    return images[:, None] + _per_image(sigma, 4) * _randn(
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
    noise = _randn((len(images), n_samples, *images.shape[1:]), generator)
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


def _deviation(gradient: Tensor, case: Case) -> Tensor:
    """A result for f(I) = Σ a·(I³ − I) in standard errors of n samples from what it should be.

    The gradient at I + e is a·(3 (I + e)² − 1). Its mean is a·(3 (I² + σ²) − 1) and, for normal e,
    its variance 9a² (4 I² σ² + 2 σ⁴).
    """
    images, a = case.arguments["images"], case.watched["coefficients"]
    sigma = _sigmas(case).view(-1, 1, 1, 1)
    standard_error = (
        (4 * images**2 * sigma**2 + 2 * sigma**4) / case.arguments["n_samples"]
    ) ** 0.5
    return ((gradient / a + 1) / 3 - images**2 - sigma**2) / standard_error


def smoothgrad_complaint(value, expected, case: Case) -> str | None:
    """Whether the result scatters around the mean gradient as a mean of n independent ones does."""
    if not isinstance(expected, tuple):  # chance has no part
        return closeness(value, expected, case)
    (gradient, note), (right, _) = value, expected
    wrong = _unlike_a_tensor(gradient, right)
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
    return _randomness_complaint(note)


def same_smoothgrad(one, other, case: Case) -> bool:
    """Whether two results of `smoothgrad` show the same mistake, whatever noise was drawn."""
    if not (_drawn(one) and _drawn(other)):
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
        total = total + vanilla_gradient(f, images + _per_image(sigma, 3) * noise)
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
        f(inputs + _per_image(sigma, 3) * _randn(images.shape, generator)).sum()
        for _ in range(n_samples)
    )
    return torch.autograd.grad(score / n_samples, inputs)[0]


@smoothgrad.misconception(
    "variance instead of standard deviation",
    "The noise has the standard deviation σ². Multiply normal numbers by σ itself: then their "
    "variance is σ².",
)
def _(f, images, sigma, n_samples, generator=None):
    return sample_by_sample(f, images, _per_image(sigma, 0) ** 2, n_samples, generator)


@smoothgrad.misconception(
    "σ taken for a variance",
    "The noise has the standard deviation √σ, as if σ were a variance. It is a standard deviation "
    "already.",
)
def _(f, images, sigma, n_samples, generator=None):
    return sample_by_sample(f, images, _per_image(sigma, 0) ** 0.5, n_samples, generator)


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
    level = _per_image(sigma, 0).expand(len(images))
    sigma = level * (pixels.amax(dim=1) - pixels.amin(dim=1))
    return sample_by_sample(f, images, sigma, n_samples, generator)


@smoothgrad.misconception(
    "noise-free last sample",
    "One of the samples is the image without noise. All of them are drawn from N(I, σ²).",
)
def _(f, images, sigma, n_samples, generator=None):
    noise = _randn((len(images), n_samples, *images.shape[1:]), generator)
    noise[:, -1] = 0
    return _gradients_at(f, images[:, None] + _per_image(sigma, 4) * noise).mean(dim=1)


@smoothgrad.also("noise-free last sample")
def _(f, images, sigma, n_samples, generator=None):
    noise = _randn((len(images), n_samples + 1, *images.shape[1:]), generator)
    noise[:, 0] = 0
    return _gradients_at(f, images[:, None] + _per_image(sigma, 4) * noise).mean(dim=1)


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
    noise = _randn((1, n_samples, *images.shape[1:]), generator)
    return _gradients_at(f, images[:, None] + _per_image(sigma, 4) * noise).mean(dim=1)


@smoothgrad.misconception(
    "one noise for all channels",
    "All channels of a copy got the same noise. The covariance is diagonal, so each value has noise of "
    "its own.",
)
def _(f, images, sigma, n_samples, generator=None):
    noise = _randn((len(images), n_samples, 1, *images.shape[2:]), generator)
    return _gradients_at(f, images[:, None] + _per_image(sigma, 4) * noise).mean(dim=1)


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


choosing_the_noise_level = WrittenQuestion(
    name="choosing_the_noise_level",
    teaches="what σ trades, and that no map tells which value is right",
    minutes=15,
    points=4,
    rubric=(
        (
            4,
            "Names what is gained and what is lost on both sides (small σ: fluctuations stay; large "
            "σ: detail goes, and the network is asked about images unlike those it was trained on), "
            "says that the map then explains the smoothed score and not f, chooses a level by a "
            "reason that can be checked (for instance: the score under noise is still near f(I), or "
            "the map is stable between seeds), and says that a beautiful map is no such reason.",
        ),
        (
            3,
            "Names gain and loss on both sides and a reason that can be checked, but not that "
            "another function is explained.",
        ),
        (
            2,
            "Names the trade-off, but chooses by how the map looks, or by a rule without a reason.",
        ),
        (
            1,
            "Says only that more noise makes the map smoother, or takes the number of samples for "
            "the noise level.",
        ),
        (0, "No answer, or one that has nothing to do with the noise."),
    ),
)
