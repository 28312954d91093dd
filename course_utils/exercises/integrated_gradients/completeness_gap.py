"""The exercise `completeness_gap`: what it asks for, right answers of other kinds, and misconceptions."""

from __future__ import annotations

import torch

from course_utils import integrated_gradients as references
from course_utils.exercises.exercise import Exercise

completeness_gap = Exercise(
    name="completeness_gap",
    reference=references.completeness_gap,
    teaches="a test that tells whether n_steps was large enough",
    difficulty=1,
    minutes=10,
    points=2,
    hints=(
        "What should the attributions of one image add up to? Subtract that from what they do add up to.",
        "Sum over all axes but that of the images: dim=(1, 2, 3).",
        "The sum of the attributions, minus (f(images) − f(baselines)).",
    ),
)


@completeness_gap.right_variant
def sum_minus_difference(f, images, baselines, attributions):
    with torch.no_grad():
        return attributions.sum(dim=(1, 2, 3)) - (f(images) - f(baselines))


@completeness_gap.right_variant
def image_by_image(f, images, baselines, attributions):
    gaps = []
    for image, baseline, attribution in zip(images, baselines, attributions, strict=True):
        rise = f(image[None]) - f(baseline[None])
        gaps.append(attribution.sum().item() - rise.item())
    return torch.tensor(gaps, dtype=torch.float64)


@completeness_gap.misconception(
    "sign reversed",
    "This is the gap with its sign reversed. It is the sum of the attributions minus f(I) − f(B).",
)
def _(f, images, baselines, attributions):
    return -sum_minus_difference(f, images, baselines, attributions)


@completeness_gap.misconception(
    "magnitude",
    "The sign of the gap is lost. It says whether the attributions add up to too much or too little.",
)
def _(f, images, baselines, attributions):
    return sum_minus_difference(f, images, baselines, attributions).abs()


@completeness_gap.misconception(
    "baseline's score forgotten",
    "The score of the baseline is missing. Attributions add up to the *difference* f(I) − f(B).",
)
def _(f, images, baselines, attributions):
    return attributions.sum(dim=(1, 2, 3)) - f(images)


@completeness_gap.misconception(
    "baseline's score added",
    "The score of the baseline has the wrong sign. Attributions add up to f(I) − f(B).",
)
def _(f, images, baselines, attributions):
    return attributions.sum(dim=(1, 2, 3)) - f(images) - f(baselines)


@completeness_gap.misconception(
    "rise the other way round",
    "The rise was added, or taken from the image to the baseline. Attributions should add up to "
    "f(I) − f(B): subtract that.",
)
def _(f, images, baselines, attributions):
    return attributions.sum(dim=(1, 2, 3)) + f(images) - f(baselines)


@completeness_gap.misconception(
    "the rise alone",
    "This is f(I) − f(B) without the attributions. The gap is their sum minus this rise.",
)
def _(f, images, baselines, attributions):
    return f(images) - f(baselines)


@completeness_gap.misconception(
    "mean of the attributions",
    "The attributions were averaged. They should add up: take their sum.",
)
def _(f, images, baselines, attributions):
    return attributions.mean(dim=(1, 2, 3)) - (f(images) - f(baselines))


@completeness_gap.misconception(
    "one number for the batch",
    "This is one number for all images together. Return one gap for each image, with the shape (N,).",
)
def _(f, images, baselines, attributions):
    return sum_minus_difference(f, images, baselines, attributions).sum()


@completeness_gap.misconception(
    "channels kept apart",
    "Each channel got a gap of its own. Sum over the channels, too: axes 1, 2 and 3.",
)
def _(f, images, baselines, attributions):
    return attributions.sum(dim=(2, 3)) - (f(images) - f(baselines))[:, None]


@completeness_gap.misconception(
    "relative gap",
    "The gap is divided by f(I) − f(B). Return it as it is, in units of the score.",
)
def _(f, images, baselines, attributions):
    rise = f(images) - f(baselines)
    return (attributions.sum(dim=(1, 2, 3)) - rise) / rise


@completeness_gap.misconception(
    "magnitudes added",
    "The magnitudes of the attributions were added. Add them with their signs.",
)
def _(f, images, baselines, attributions):
    return attributions.abs().sum(dim=(1, 2, 3)) - (f(images) - f(baselines))


@completeness_gap.misconception(
    "sum of the attributions",
    "This is the sum of the attributions alone. Subtract what it should be, f(I) − f(B).",
)
def _(f, images, baselines, attributions):
    return attributions.sum(dim=(1, 2, 3))
