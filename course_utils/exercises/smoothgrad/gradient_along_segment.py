"""The exercise `gradient_along_segment`: what it asks for, right answers of other kinds, and misconceptions."""

from __future__ import annotations

import torch

from course_utils import smoothgrad as references
from course_utils.exercises.exercise import Exercise
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
