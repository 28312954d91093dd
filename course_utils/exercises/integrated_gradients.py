"""The exercises of lecture 3: integrated gradients."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from course_utils import integrated_gradients as references
from course_utils.exercises.cases.case import Case
from course_utils.exercises.comparison import describe, difference
from course_utils.exercises.exercise import Exercise, WrittenQuestion
from course_utils.gradients import vanilla_gradient


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


def _midpoints(n_steps):
    return (torch.arange(n_steps, dtype=torch.float64) + 0.5) / n_steps


def _points(baselines, images, alpha):
    """B + α (I − B) for all α: (N, n_steps, C, H, W)."""
    return baselines[:, None] + alpha.view(1, -1, 1, 1, 1) * (images - baselines)[:, None]


@straight_path.right_variant
def at_midpoints(baselines, images, n_steps):
    return torch.stack([baselines + a * (images - baselines) for a in _midpoints(n_steps)], dim=1)


@straight_path.right_variant
def at_right_ends(baselines, images, n_steps):
    return _points(baselines, images, torch.arange(1, n_steps + 1) / n_steps)


@straight_path.right_variant
def at_left_ends(baselines, images, n_steps):
    return _points(baselines, images, torch.arange(n_steps) / n_steps)


@straight_path.right_variant
def with_both_ends(baselines, images, n_steps):
    return torch.lerp(
        baselines[:, None],
        images[:, None],
        torch.linspace(0, 1, n_steps, dtype=images.dtype).view(1, -1, 1, 1, 1),
    )


@straight_path.right_variant
def without_the_ends(baselines, images, n_steps):
    return _points(baselines, images, torch.linspace(0, 1, n_steps + 2)[1:-1])


@straight_path.misconception(
    "from the image to the baseline",
    "The points run from the image to the baseline. Begin at the baseline: its share of the way is "
    "α = 0.",
)
def _(baselines, images, n_steps):
    return _points(images, baselines, _midpoints(n_steps))


@straight_path.misconception(
    "image added to the baseline",
    "The points are B + α·I: they end at the sum of baseline and image. The way goes along the "
    "*difference*: B + α·(I − B).",
)
def _(baselines, images, n_steps):
    return baselines[:, None] + _points(torch.zeros_like(images), images, _midpoints(n_steps))


@straight_path.misconception(
    "baseline ignored",
    "The points are α·I, the way from black. Begin at the baseline that was given.",
)
def _(baselines, images, n_steps):
    return _points(torch.zeros_like(images), images, _midpoints(n_steps))


@straight_path.misconception(
    "baseline not added",
    "The points are α·(I − B): the way, without where it begins. Add the baseline.",
)
def _(baselines, images, n_steps):
    return _points(torch.zeros_like(images), images - baselines, _midpoints(n_steps))


@straight_path.misconception(
    "only half of the way",
    "The points stop half-way between baseline and image. Go on until the image.",
)
def _(baselines, images, n_steps):
    return _points(baselines, images, _midpoints(n_steps) / 2)


@straight_path.misconception(
    "uneven steps",
    "The points crowd at the baseline, as with α². Take equally spaced α.",
)
def _(baselines, images, n_steps):
    return _points(baselines, images, _midpoints(n_steps) ** 2)


@straight_path.misconception(
    "axes in another order",
    "The steps come first, (n_steps, N, ...). The images should: (N, n_steps, C, H, W).",
)
def _(baselines, images, n_steps):
    return _points(baselines, images, _midpoints(n_steps)).transpose(0, 1)


@straight_path.misconception(
    "points in one long batch",
    "Images and steps share one axis. Keep them apart: (N, n_steps, C, H, W).",
)
def _(baselines, images, n_steps):
    return _points(baselines, images, _midpoints(n_steps)).flatten(0, 1)


@straight_path.also("points in one long batch")
def _(baselines, images, n_steps):
    return _points(baselines, images, _midpoints(n_steps)).transpose(0, 1).flatten(0, 1)


@straight_path.misconception(
    "one point too many",
    "There is one point too many: n_steps points were asked for.",
)
def _(baselines, images, n_steps):
    return _points(baselines, images, torch.linspace(0, 1, n_steps + 1))


@straight_path.misconception(
    "one path for all images",
    "All paths begin at the first baseline. Each image has a baseline of its own.",
)
def _(baselines, images, n_steps):
    return _points(baselines[:1].expand_as(baselines), images, _midpoints(n_steps))


def _mean_gradient(f, baselines, images, alpha, weights=None):
    """Σ w_k ∇f(B + α_k (I − B)), with equal weights that sum to 1 if none are given."""
    if weights is None:
        weights = torch.full((len(alpha),), 1 / len(alpha), dtype=torch.float64)
    points = _points(baselines, images, alpha).flatten(0, 1)
    gradients = vanilla_gradient(f, points).unflatten(0, (len(images), len(alpha)))
    return torch.einsum("k,nkchw->nchw", weights.to(gradients), gradients)


def _mean_at_midpoints(f, images, baselines, n_steps):
    return _mean_gradient(f, baselines, images, _midpoints(n_steps))


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
    return _mean_gradient(f, baselines, images, torch.arange(1, n_steps + 1) / n_steps)


@mean_path_gradient.right_variant
def left_riemann_sum(f, images, baselines, n_steps):
    return _mean_gradient(f, baselines, images, torch.arange(n_steps) / n_steps)


@mean_path_gradient.right_variant
def both_ends_equally_weighted(f, images, baselines, n_steps):
    return _mean_gradient(f, baselines, images, torch.linspace(0, 1, n_steps))


@mean_path_gradient.right_variant
def trapezoid_rule(f, images, baselines, n_steps):
    alpha = torch.linspace(0, 1, n_steps + 1, dtype=torch.float64)
    weights = torch.full((n_steps + 1,), 1 / n_steps, dtype=torch.float64)
    weights[0] = weights[-1] = 0.5 / n_steps
    return _mean_gradient(f, baselines, images, alpha, weights)


@mean_path_gradient.right_variant
def gauss_legendre(f, images, baselines, n_steps):
    nodes, weights = map(torch.from_numpy, np.polynomial.legendre.leggauss(n_steps))
    return _mean_gradient(f, baselines, images, (nodes + 1) / 2, weights / 2)


@mean_path_gradient.misconception(
    "times image minus baseline",
    "This is the mean gradient times (I − B), the definition of the paper, which comes next. Here the "
    "mean gradient alone is asked for.",
)
def _(f, images, baselines, n_steps):
    return (images - baselines) * _mean_at_midpoints(f, images, baselines, n_steps)


@mean_path_gradient.misconception(
    "times image",
    "This is the mean gradient times the image. Return the mean gradient alone.",
)
def _(f, images, baselines, n_steps):
    return images * _mean_at_midpoints(f, images, baselines, n_steps)


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
    return _mean_gradient(f, baselines, images, alpha, weights)


def _mean_with_light_ends(f, images, baselines, n_steps):
    weights = torch.full((n_steps,), 1 / n_steps, dtype=torch.float64)
    weights[0] = weights[-1] = 0.5 / n_steps
    return _mean_gradient(f, baselines, images, torch.linspace(0, 1, n_steps), weights)


def _trapezoids_of_width_1_over_n(f, images, baselines, n_steps):
    points = _points(baselines, images, torch.linspace(0, 1, n_steps, dtype=torch.float64))
    gradients = torch.stack([vanilla_gradient(f, point) for point in points.unbind(1)])
    return torch.trapezoid(gradients, dx=1 / n_steps, dim=0)


@mean_path_gradient.also("weights that do not sum to 1")
def _(f, images, baselines, n_steps):
    return _mean_with_light_ends(f, images, baselines, n_steps)


@mean_path_gradient.also("weights that do not sum to 1")
def _(f, images, baselines, n_steps):
    return _trapezoids_of_width_1_over_n(f, images, baselines, n_steps)


def _one_point_too_many(f, images, baselines, n_steps):
    alpha = torch.arange(n_steps + 1, dtype=torch.float64) / n_steps
    return _mean_gradient(f, baselines, images, alpha, torch.full((n_steps + 1,), 1 / n_steps))


def _one_point_too_few(f, images, baselines, n_steps):
    alpha = torch.arange(1, n_steps + 1, dtype=torch.float64) / n_steps
    return _mean_gradient(f, baselines, images, alpha, torch.full((n_steps,), 1 / (n_steps + 1)))


@mean_path_gradient.misconception(
    "divided by another number",
    "The sum was divided by another number than that of its points: n + 1 points divided by n, or n by "
    "n + 1. A mean has weights that sum to 1.",
)
def _(f, images, baselines, n_steps):
    return _one_point_too_many(f, images, baselines, n_steps)


@mean_path_gradient.also("divided by another number")
def _(f, images, baselines, n_steps):
    return _one_point_too_few(f, images, baselines, n_steps)


@mean_path_gradient.misconception(
    "sum instead of mean",
    "This is the sum over the points. Divide by n_steps.",
)
def _(f, images, baselines, n_steps):
    return n_steps * _mean_at_midpoints(f, images, baselines, n_steps)


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
    alpha = _midpoints(n_steps)
    return _mean_gradient(f, baselines, images, alpha, alpha / n_steps)


@mean_path_gradient.misconception(
    "image added to the baseline",
    "The points are B + α·I: they end at the sum of baseline and image. The way goes along the "
    "*difference*: B + α·(I − B).",
)
def _(f, images, baselines, n_steps):
    return _mean_at_midpoints(f, baselines + images, baselines, n_steps)


@mean_path_gradient.misconception(
    "baseline ignored",
    "The points are α·I, the way from black. Begin at the baseline that was given.",
)
def _(f, images, baselines, n_steps):
    return _mean_at_midpoints(f, images, torch.zeros_like(images), n_steps)


@mean_path_gradient.misconception(
    "only half of the way",
    "The points stop half-way between baseline and image. Go on until the image.",
)
def _(f, images, baselines, n_steps):
    return _mean_at_midpoints(f, (baselines + images) / 2, baselines, n_steps)


@mean_path_gradient.misconception(
    "magnitudes averaged",
    "The signs were dropped. Average the gradients as they are.",
)
def _(f, images, baselines, n_steps):
    return _mean_at_midpoints(f, images, baselines, n_steps).abs()


@mean_path_gradient.misconception(
    "points not averaged",
    "There is a gradient for each point. Average over the points, to (N, C, H, W).",
)
def _(f, images, baselines, n_steps):
    points = _points(baselines, images, _midpoints(n_steps))
    return torch.stack([vanilla_gradient(f, point) for point in points.unbind(1)], dim=1)


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
    return (images - baselines) * _mean_at_midpoints(f, images, baselines, n_steps)


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
    return _mean_at_midpoints(f, images, baselines, n_steps)


@integrated_gradients.misconception(
    "times image",
    "The mean gradient was multiplied by the image. That is right for a black baseline only: a pixel "
    "travels I − B.",
)
def _(f, images, baselines, n_steps):
    return images * _mean_at_midpoints(f, images, baselines, n_steps)


@integrated_gradients.misconception(
    "sign reversed",
    "This is the negative: the factor is B − I, or image and baseline changed places. It should be "
    "I − B.",
)
def _(f, images, baselines, n_steps):
    return (baselines - images) * _mean_at_midpoints(f, images, baselines, n_steps)


@integrated_gradients.misconception(
    "distance without sign",
    "The factor is the distance between image and baseline, without its sign. Pixels darker than the "
    "baseline travel in the negative direction.",
)
def _(f, images, baselines, n_steps):
    return (images - baselines).abs() * _mean_at_midpoints(f, images, baselines, n_steps)


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
    return (images - baselines) * _mean_gradient(f, baselines, images, alpha, weights)


@integrated_gradients.also("weights that do not sum to 1")
def _(f, images, baselines, n_steps):
    return (images - baselines) * _mean_with_light_ends(f, images, baselines, n_steps)


@integrated_gradients.also("weights that do not sum to 1")
def _(f, images, baselines, n_steps):
    return (images - baselines) * _trapezoids_of_width_1_over_n(f, images, baselines, n_steps)


@integrated_gradients.misconception(
    "divided by another number",
    "The sum was divided by another number than that of its points: n + 1 points divided by n, or n by "
    "n + 1. A mean has weights that sum to 1.",
)
def _(f, images, baselines, n_steps):
    return (images - baselines) * _one_point_too_many(f, images, baselines, n_steps)


@integrated_gradients.also("divided by another number")
def _(f, images, baselines, n_steps):
    return (images - baselines) * _one_point_too_few(f, images, baselines, n_steps)


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
    alpha = _midpoints(n_steps)
    return (images - baselines) * _mean_gradient(f, baselines, images, alpha, alpha / n_steps)


@integrated_gradients.misconception(
    "baseline ignored",
    "The path begins at black, and not at the baseline that was given.",
)
def _(f, images, baselines, n_steps):
    return images * _mean_at_midpoints(f, images, torch.zeros_like(images), n_steps)


@integrated_gradients.misconception(
    "factor squared",
    "The mean gradient was multiplied by (I − B) twice. (Does your mean_path_gradient hold it already?)",
)
def _(f, images, baselines, n_steps):
    return (images - baselines) ** 2 * _mean_at_midpoints(f, images, baselines, n_steps)


@integrated_gradients.misconception(
    "summed",
    "The attributions were added already. Here each value of the image keeps its own: (N, C, H, W).",
)
def _(f, images, baselines, n_steps):
    return way_times_mean_gradient(f, images, baselines, n_steps).sum(dim=(1, 2, 3))


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


meaning_of_the_baseline = WrittenQuestion(
    name="meaning_of_the_baseline",
    teaches="that every attribution answers: compared with what?",
    minutes=20,
    points=4,
    rubric=(
        (
            4,
            "Says that integrated gradients explain the difference f(I) − f(B), so that the baseline is "
            "part of the question; concludes that pixels equal to the baseline get nothing, with an "
            "example; says that the notes average the gradient and the paper multiplies by (I − B), and "
            "what only the factor gives (completeness, units of the score); and gives a reason for a "
            "baseline in a named application.",
        ),
        (
            3,
            "Says that the difference to the baseline is explained and where notes and paper differ, "
            "with one of: the example, what the factor gives, a reason for a baseline.",
        ),
        (
            2,
            "Names either what the baseline means or where notes and paper differ, and treats the "
            "baseline as a setting that should not matter.",
        ),
        (1, "Describes the path, but neither what the baseline means nor what the factor does."),
        (0, "No answer, or one that has nothing to do with the baseline."),
    ),
)
