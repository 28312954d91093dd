"""The exercise `mean_path_gradient`: what it asks for, right answers of other kinds, and misconceptions."""

from __future__ import annotations

import numpy as np
import torch

from course_utils import integrated_gradients as references
from course_utils.exercises.exercise import Exercise
from course_utils.exercises.integrated_gradients.straight_path import midpoints_of_path, path_points
from course_utils.gradients import vanilla_gradient


def mean_gradient(f, baselines, images, alpha, weights=None):
    """Σ w_k ∇f(B + α_k (I − B)), with equal weights that sum to 1 if none are given."""
    if weights is None:
        weights = torch.full((len(alpha),), 1 / len(alpha), dtype=torch.float64)
    points = path_points(baselines, images, alpha).flatten(0, 1)
    gradients = vanilla_gradient(f, points).unflatten(0, (len(images), len(alpha)))
    return torch.einsum("k,nkchw->nchw", weights.to(gradients), gradients)


def mean_at_midpoints(f, images, baselines, n_steps):
    return mean_gradient(f, baselines, images, midpoints_of_path(n_steps))


mean_path_gradient = Exercise(
    name="mean_path_gradient",
    reference=references.mean_path_gradient,
    teaches="equation 1 with samples from a path: integrated gradients as the notes define them",
    difficulty=2,
    minutes=15,
    points=3,
    hints=(
        "It is equation 1 again, as in SmoothGrad. Only the samples are others: the points of the path.",
        "Your straight_path gives (N, n_steps, C, H, W). Go through the points one after the other, "
        "path[:, k], and take the gradient at each.",
        "Treat each point as an image of its own: vanilla_gradient(f, path[:, k]). Add them, and divide "
        "by n_steps.",
    ),
)


@mean_path_gradient.right_variant
def point_by_point(f, images, baselines, n_steps):
    total = torch.zeros_like(images)
    for k in range(n_steps):
        alpha = (k + 0.5) / n_steps
        total = total + vanilla_gradient(f, baselines + alpha * (images - baselines))
    return total / n_steps


@mean_path_gradient.right_variant
def right_riemann_sum(f, images, baselines, n_steps):
    return mean_gradient(f, baselines, images, torch.arange(1, n_steps + 1) / n_steps)


@mean_path_gradient.right_variant
def left_riemann_sum(f, images, baselines, n_steps):
    return mean_gradient(f, baselines, images, torch.arange(n_steps) / n_steps)


@mean_path_gradient.right_variant
def both_ends_equally_weighted(f, images, baselines, n_steps):
    return mean_gradient(f, baselines, images, torch.linspace(0, 1, n_steps))


@mean_path_gradient.right_variant
def trapezoid_rule(f, images, baselines, n_steps):
    alpha = torch.linspace(0, 1, n_steps + 1, dtype=torch.float64)
    weights = torch.full((n_steps + 1,), 1 / n_steps, dtype=torch.float64)
    weights[0] = weights[-1] = 0.5 / n_steps
    return mean_gradient(f, baselines, images, alpha, weights)


@mean_path_gradient.right_variant
def gauss_legendre(f, images, baselines, n_steps):
    nodes, weights = map(torch.from_numpy, np.polynomial.legendre.leggauss(n_steps))
    return mean_gradient(f, baselines, images, (nodes + 1) / 2, weights / 2)


@mean_path_gradient.misconception(
    "times image minus baseline",
    "This is the mean gradient times (I − B), the definition of the paper, which comes next. Here the "
    "mean gradient alone is asked for.",
)
def _(f, images, baselines, n_steps):
    return (images - baselines) * mean_at_midpoints(f, images, baselines, n_steps)


@mean_path_gradient.misconception(
    "times image",
    "This is the mean gradient times the image. Return the mean gradient alone.",
)
def _(f, images, baselines, n_steps):
    return images * mean_at_midpoints(f, images, baselines, n_steps)


@mean_path_gradient.misconception(
    "weights that do not sum to 1",
    "The weights of the points do not sum to 1, but to (n − 1)/n: with n points, both ends counted by "
    "half, there are n − 1 pieces. Divide by their number.",
)
def _(f, images, baselines, n_steps):
    alpha = torch.linspace(0, 1, n_steps, dtype=torch.float64)
    weights = torch.full((n_steps,), 1 / n_steps, dtype=torch.float64)
    weights[0] /= 2
    weights[-1] /= 2
    return mean_gradient(f, baselines, images, alpha, weights)


def mean_with_light_ends(f, images, baselines, n_steps):
    weights = torch.full((n_steps,), 1 / n_steps, dtype=torch.float64)
    weights[0] = weights[-1] = 0.5 / n_steps
    return mean_gradient(f, baselines, images, torch.linspace(0, 1, n_steps), weights)


def trapezoids_of_width_1_over_n(f, images, baselines, n_steps):
    points = path_points(baselines, images, torch.linspace(0, 1, n_steps, dtype=torch.float64))
    gradients = torch.stack([vanilla_gradient(f, point) for point in points.unbind(1)])
    return torch.trapezoid(gradients, dx=1 / n_steps, dim=0)


@mean_path_gradient.also("weights that do not sum to 1")
def _(f, images, baselines, n_steps):
    return mean_with_light_ends(f, images, baselines, n_steps)


@mean_path_gradient.also("weights that do not sum to 1")
def _(f, images, baselines, n_steps):
    return trapezoids_of_width_1_over_n(f, images, baselines, n_steps)


def one_point_too_many(f, images, baselines, n_steps):
    alpha = torch.arange(n_steps + 1, dtype=torch.float64) / n_steps
    return mean_gradient(f, baselines, images, alpha, torch.full((n_steps + 1,), 1 / n_steps))


def one_point_too_few(f, images, baselines, n_steps):
    alpha = torch.arange(1, n_steps + 1, dtype=torch.float64) / n_steps
    return mean_gradient(f, baselines, images, alpha, torch.full((n_steps,), 1 / (n_steps + 1)))


@mean_path_gradient.misconception(
    "divided by another number",
    "The sum was divided by another number than that of its points: n + 1 points divided by n, or n by "
    "n + 1. A mean has weights that sum to 1.",
)
def _(f, images, baselines, n_steps):
    return one_point_too_many(f, images, baselines, n_steps)


@mean_path_gradient.also("divided by another number")
def _(f, images, baselines, n_steps):
    return one_point_too_few(f, images, baselines, n_steps)


@mean_path_gradient.misconception(
    "sum instead of mean",
    "This is the sum over the points. Divide by n_steps.",
)
def _(f, images, baselines, n_steps):
    return n_steps * mean_at_midpoints(f, images, baselines, n_steps)


@mean_path_gradient.misconception(
    "only the image",
    "This is the gradient at the image itself. Average over points on the whole way.",
)
def _(f, images, baselines, n_steps):
    return vanilla_gradient(f, images)


@mean_path_gradient.misconception(
    "only the baseline",
    "This is the gradient at the baseline. Average over points on the whole way. (Was the image "
    "overwritten by a point of the path?)",
)
def _(f, images, baselines, n_steps):
    return vanilla_gradient(f, baselines)


@mean_path_gradient.misconception(
    "gradient at the mean point",
    "The points were averaged, and the gradient taken once, at their mean. Take the gradient at every "
    "point, and average the gradients.",
)
def _(f, images, baselines, n_steps):
    return vanilla_gradient(f, (baselines + images) / 2)


@mean_path_gradient.misconception(
    "differentiated through the path",
    "Each gradient was multiplied by its α: f was differentiated with respect to the image, through "
    "B + α·(I − B), and the chain rule gives α. Take the gradient at the point itself, as if it were "
    "an image of its own.",
)
def _(f, images, baselines, n_steps):
    alpha = midpoints_of_path(n_steps)
    return mean_gradient(f, baselines, images, alpha, alpha / n_steps)


@mean_path_gradient.misconception(
    "image added to the baseline",
    "The points are B + α·I: they end at the sum of baseline and image. The way goes along the "
    "*difference*: B + α·(I − B).",
)
def _(f, images, baselines, n_steps):
    return mean_at_midpoints(f, baselines + images, baselines, n_steps)


@mean_path_gradient.misconception(
    "baseline ignored",
    "The points are α·I, the way from black. Begin at the baseline that was given.",
)
def _(f, images, baselines, n_steps):
    return mean_at_midpoints(f, images, torch.zeros_like(images), n_steps)


@mean_path_gradient.misconception(
    "only half of the way",
    "The points stop half-way between baseline and image. Go on until the image.",
)
def _(f, images, baselines, n_steps):
    return mean_at_midpoints(f, (baselines + images) / 2, baselines, n_steps)


@mean_path_gradient.misconception(
    "magnitudes averaged",
    "The signs were dropped. Average the gradients as they are.",
)
def _(f, images, baselines, n_steps):
    return mean_at_midpoints(f, images, baselines, n_steps).abs()


@mean_path_gradient.misconception(
    "points not averaged",
    "There is a gradient for each point. Average over the points, to (N, C, H, W).",
)
def _(f, images, baselines, n_steps):
    points = path_points(baselines, images, midpoints_of_path(n_steps))
    return torch.stack([vanilla_gradient(f, point) for point in points.unbind(1)], dim=1)
