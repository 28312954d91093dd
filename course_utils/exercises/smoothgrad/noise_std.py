"""The exercise `noise_std`: what it asks for, right answers of other kinds, and misconceptions."""

from __future__ import annotations

import torch

from course_utils import smoothgrad as references
from course_utils.exercises.exercise import Exercise

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
