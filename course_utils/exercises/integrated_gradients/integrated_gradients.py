"""The exercise `integrated_gradients`: what it asks for, right answers of other kinds, and misconceptions."""

from __future__ import annotations

import torch

from course_utils import integrated_gradients as references
from course_utils.exercises.exercise import Exercise
from course_utils.exercises.integrated_gradients.mean_path_gradient import (
    gauss_legendre,
    left_riemann_sum,
    mean_at_midpoints,
    mean_gradient,
    mean_with_light_ends,
    one_point_too_few,
    one_point_too_many,
    trapezoids_of_width_1_over_n,
)
from course_utils.exercises.integrated_gradients.straight_path import midpoints_of_path
from course_utils.gradients import vanilla_gradient

integrated_gradients = Exercise(
    name="integrated_gradients",
    reference=references.integrated_gradients,
    teaches="attributions that add up to the score",
    difficulty=1,
    minutes=10,
    points=2,
    hints=(
        "A pixel that stays where it is cannot have changed the score. What should it get?",
        "Multiply the mean gradient by how far each pixel travelled.",
        "(images - baselines) * mean_path_gradient(f, images, baselines, n_steps).",
    ),
)


@integrated_gradients.right_variant
def way_times_mean_gradient(f, images, baselines, n_steps):
    return (images - baselines) * mean_at_midpoints(f, images, baselines, n_steps)


@integrated_gradients.right_variant
def as_a_right_riemann_sum(f, images, baselines, n_steps):
    step = (images - baselines) / n_steps
    total = torch.zeros_like(images)
    point = baselines
    for _ in range(n_steps):
        point = point + step
        total = total + step * vanilla_gradient(f, point)
    return total


@integrated_gradients.right_variant
def as_a_left_riemann_sum(f, images, baselines, n_steps):
    return (images - baselines) * left_riemann_sum(f, images, baselines, n_steps)


@integrated_gradients.right_variant
def by_gauss_legendre(f, images, baselines, n_steps):
    return (images - baselines) * gauss_legendre(f, images, baselines, n_steps)


@integrated_gradients.misconception(
    "without the factor",
    "This is the mean gradient alone, as the lecture notes define the method. The paper multiplies it "
    "by (I − B), and only then do the attributions add up.",
)
def _(f, images, baselines, n_steps):
    return mean_at_midpoints(f, images, baselines, n_steps)


@integrated_gradients.misconception(
    "times image",
    "The mean gradient was multiplied by the image. That is right for a black baseline only: a pixel "
    "travels I − B.",
)
def _(f, images, baselines, n_steps):
    return images * mean_at_midpoints(f, images, baselines, n_steps)


@integrated_gradients.misconception(
    "sign reversed",
    "This is the negative: the factor is B − I, or image and baseline changed places. It should be "
    "I − B.",
)
def _(f, images, baselines, n_steps):
    return (baselines - images) * mean_at_midpoints(f, images, baselines, n_steps)


@integrated_gradients.misconception(
    "distance without sign",
    "The factor is the distance between image and baseline, without its sign. Pixels darker than the "
    "baseline travel in the negative direction.",
)
def _(f, images, baselines, n_steps):
    return (images - baselines).abs() * mean_at_midpoints(f, images, baselines, n_steps)


@integrated_gradients.misconception(
    "magnitude",
    "The sign is lost. Keep it: some pixels raise the score, others lower it.",
)
def _(f, images, baselines, n_steps):
    return way_times_mean_gradient(f, images, baselines, n_steps).abs()


@integrated_gradients.misconception(
    "only the image",
    "This is the gradient at the image, times (I − B). Average over points on the whole way.",
)
def _(f, images, baselines, n_steps):
    return (images - baselines) * vanilla_gradient(f, images)


@integrated_gradients.misconception(
    "only the baseline",
    "This is the gradient at the baseline, times (I − B). Average over points on the whole way. (Was "
    "the image overwritten by a point of the path?)",
)
def _(f, images, baselines, n_steps):
    return (images - baselines) * vanilla_gradient(f, baselines)


@integrated_gradients.misconception(
    "weights that do not sum to 1",
    "The weights of the points do not sum to 1, but to (n − 1)/n: with n points, both ends counted by "
    "half, there are n − 1 pieces. Divide by their number.",
)
def _(f, images, baselines, n_steps):
    alpha = torch.linspace(0, 1, n_steps, dtype=torch.float64)
    weights = torch.full((n_steps,), 1 / n_steps, dtype=torch.float64)
    weights[0] /= 2
    weights[-1] /= 2
    return (images - baselines) * mean_gradient(f, baselines, images, alpha, weights)


@integrated_gradients.also("weights that do not sum to 1")
def _(f, images, baselines, n_steps):
    return (images - baselines) * mean_with_light_ends(f, images, baselines, n_steps)


@integrated_gradients.also("weights that do not sum to 1")
def _(f, images, baselines, n_steps):
    return (images - baselines) * trapezoids_of_width_1_over_n(f, images, baselines, n_steps)


@integrated_gradients.misconception(
    "divided by another number",
    "The sum was divided by another number than that of its points: n + 1 points divided by n, or n by "
    "n + 1. A mean has weights that sum to 1.",
)
def _(f, images, baselines, n_steps):
    return (images - baselines) * one_point_too_many(f, images, baselines, n_steps)


@integrated_gradients.also("divided by another number")
def _(f, images, baselines, n_steps):
    return (images - baselines) * one_point_too_few(f, images, baselines, n_steps)


@integrated_gradients.misconception(
    "sum instead of mean",
    "This is the sum over the points. Divide by n_steps.",
)
def _(f, images, baselines, n_steps):
    return n_steps * way_times_mean_gradient(f, images, baselines, n_steps)


@integrated_gradients.misconception(
    "differentiated through the path",
    "Each gradient was multiplied by its α: f was differentiated with respect to the image, through "
    "B + α·(I − B), and the chain rule gives α. Take the gradient at the point itself, as if it were "
    "an image of its own.",
)
def _(f, images, baselines, n_steps):
    alpha = midpoints_of_path(n_steps)
    return (images - baselines) * mean_gradient(f, baselines, images, alpha, alpha / n_steps)


@integrated_gradients.misconception(
    "baseline ignored",
    "The path begins at black, and not at the baseline that was given.",
)
def _(f, images, baselines, n_steps):
    return images * mean_at_midpoints(f, images, torch.zeros_like(images), n_steps)


@integrated_gradients.misconception(
    "factor squared",
    "The mean gradient was multiplied by (I − B) twice. (Does your mean_path_gradient hold it already?)",
)
def _(f, images, baselines, n_steps):
    return (images - baselines) ** 2 * mean_at_midpoints(f, images, baselines, n_steps)


@integrated_gradients.misconception(
    "summed",
    "The attributions were added already. Here each value of the image keeps its own: (N, C, H, W).",
)
def _(f, images, baselines, n_steps):
    return way_times_mean_gradient(f, images, baselines, n_steps).sum(dim=(1, 2, 3))
