"""The exercise `straight_path`: what it asks for, right answers of other kinds, and misconceptions."""

from __future__ import annotations

import torch
from torch import Tensor

from course_utils import integrated_gradients as references
from course_utils.exercises.cases.case import Case
from course_utils.exercises.comparison import describe, difference
from course_utils.exercises.exercise import Exercise


def path_complaint(value, expected, case: Case) -> str | None:
    """Whether the points are B + α_k (I − B), with equally spaced α_k from end to end."""
    if not isinstance(value, Tensor):
        return f"it should be {describe(expected)}, got {describe(value)}."
    if value.shape != expected.shape or value.is_complex() or not torch.isfinite(value).all():
        return difference(value, expected, 1.0)
    points, n_steps = value.double(), case.arguments["n_steps"]
    baselines, images = case.arguments["baselines"], case.arguments["images"]
    way = images - baselines
    travelled = points - baselines[:, None]
    alpha = torch.einsum("nkchw,nchw->k", travelled, way) / (way**2).sum()  # (n_steps,)
    on_the_line = baselines[:, None] + alpha.view(1, -1, 1, 1, 1) * way[:, None]
    if not torch.allclose(points, on_the_line, rtol=0, atol=1e-5):
        return (
            "its points do not lie on the straight line from baseline to image, at the same share α "
            "of the way for all pixels of all images."
        )
    steps = alpha.diff()
    if (steps <= 0).any():
        return "its points do not go from the baseline to the image."
    if not torch.allclose(steps, steps[:1].expand_as(steps), rtol=0, atol=1e-4):
        return "its points are not equally spaced."
    first, last = alpha[0].item(), alpha[-1].item()
    if first < -1e-5 or last > 1 + 1e-5:
        return f"its points leave the line between baseline and image: α goes from {first:.3g} to {last:.3g}."
    if max(first, 1 - last) > 1 / n_steps + 1e-5:
        return (
            f"its points do not cover the whole way: α goes from {first:.3g} to {last:.3g}, and either "
            f"end may be at most 1/n_steps away."
        )
    return None


straight_path = Exercise(
    name="straight_path",
    reference=references.straight_path,
    teaches="the way on which the gradients are collected",
    difficulty=2,
    minutes=15,
    points=2,
    complaint=path_complaint,
    hints=(
        "A point at the share α of the way is B + α·(I − B). What is it at α = 0, and at α = 1?",
        "Choose n_steps equally spaced α in [0, 1], for instance the midpoints (k − ½)/n for "
        "k = 1, …, n.",
        "Give all parts five axes, (N, n_steps, C, H, W): α has the shape (1, n_steps, 1, 1, 1), the "
        "images get a new axis 1.",
    ),
)


def midpoints_of_path(n_steps):
    return (torch.arange(n_steps, dtype=torch.float64) + 0.5) / n_steps


def path_points(baselines, images, alpha):
    """B + α (I − B) for all α: (N, n_steps, C, H, W)."""
    return baselines[:, None] + alpha.view(1, -1, 1, 1, 1) * (images - baselines)[:, None]


@straight_path.right_variant
def at_midpoints(baselines, images, n_steps):
    return torch.stack(
        [baselines + a * (images - baselines) for a in midpoints_of_path(n_steps)], dim=1
    )


@straight_path.right_variant
def at_right_ends(baselines, images, n_steps):
    return path_points(baselines, images, torch.arange(1, n_steps + 1) / n_steps)


@straight_path.right_variant
def at_left_ends(baselines, images, n_steps):
    return path_points(baselines, images, torch.arange(n_steps) / n_steps)


@straight_path.right_variant
def with_both_ends(baselines, images, n_steps):
    return torch.lerp(
        baselines[:, None],
        images[:, None],
        torch.linspace(0, 1, n_steps, dtype=images.dtype).view(1, -1, 1, 1, 1),
    )


@straight_path.right_variant
def without_the_ends(baselines, images, n_steps):
    return path_points(baselines, images, torch.linspace(0, 1, n_steps + 2)[1:-1])


@straight_path.misconception(
    "from the image to the baseline",
    "The points run from the image to the baseline. Begin at the baseline: its share of the way is "
    "α = 0.",
)
def _(baselines, images, n_steps):
    return path_points(images, baselines, midpoints_of_path(n_steps))


@straight_path.misconception(
    "image added to the baseline",
    "The points are B + α·I: they end at the sum of baseline and image. The way goes along the "
    "*difference*: B + α·(I − B).",
)
def _(baselines, images, n_steps):
    return baselines[:, None] + path_points(
        torch.zeros_like(images), images, midpoints_of_path(n_steps)
    )


@straight_path.misconception(
    "baseline ignored",
    "The points are α·I, the way from black. Begin at the baseline that was given.",
)
def _(baselines, images, n_steps):
    return path_points(torch.zeros_like(images), images, midpoints_of_path(n_steps))


@straight_path.misconception(
    "baseline not added",
    "The points are α·(I − B): the way, without where it begins. Add the baseline.",
)
def _(baselines, images, n_steps):
    return path_points(torch.zeros_like(images), images - baselines, midpoints_of_path(n_steps))


@straight_path.misconception(
    "only half of the way",
    "The points stop half-way between baseline and image. Go on until the image.",
)
def _(baselines, images, n_steps):
    return path_points(baselines, images, midpoints_of_path(n_steps) / 2)


@straight_path.misconception(
    "uneven steps",
    "The points crowd at the baseline, as with α². Take equally spaced α.",
)
def _(baselines, images, n_steps):
    return path_points(baselines, images, midpoints_of_path(n_steps) ** 2)


@straight_path.misconception(
    "axes in another order",
    "The steps come first, (n_steps, N, ...). The images should: (N, n_steps, C, H, W).",
)
def _(baselines, images, n_steps):
    return path_points(baselines, images, midpoints_of_path(n_steps)).transpose(0, 1)


@straight_path.misconception(
    "points in one long batch",
    "Images and steps share one axis. Keep them apart: (N, n_steps, C, H, W).",
)
def _(baselines, images, n_steps):
    return path_points(baselines, images, midpoints_of_path(n_steps)).flatten(0, 1)


@straight_path.also("points in one long batch")
def _(baselines, images, n_steps):
    return path_points(baselines, images, midpoints_of_path(n_steps)).transpose(0, 1).flatten(0, 1)


@straight_path.misconception(
    "one point too many",
    "There is one point too many: n_steps points were asked for.",
)
def _(baselines, images, n_steps):
    return path_points(baselines, images, torch.linspace(0, 1, n_steps + 1))


@straight_path.misconception(
    "one path for all images",
    "All paths begin at the first baseline. Each image has a baseline of its own.",
)
def _(baselines, images, n_steps):
    return path_points(baselines[:1].expand_as(baselines), images, midpoints_of_path(n_steps))
