"""The exercise `hyperplane_perturbation`: what it asks for, right answers of other kinds, and misconceptions."""

from __future__ import annotations

import torch
from torch import Tensor

from course_utils import adversarial as references
from course_utils.exercises.cases.case import Case
from course_utils.exercises.comparison import equality
from course_utils.exercises.exercise import Exercise


def _same_way(one: object, other: object, case: Case) -> bool:
    """Whether two answers are equal, or both go beyond the plane, by whatever little."""
    return equality(one, other, case) or (_goes_beyond(one, case) and _goes_beyond(other, case))


def _goes_beyond(value: object, case: Case) -> bool:
    r = by_solving_for_t(**case.arguments)
    if not isinstance(value, Tensor) or value.shape != r.shape:
        return False
    longer = (value * r).sum(dim=(1, 2, 3), keepdim=True) / r.square().sum((1, 2, 3), keepdim=True)
    little = bool(((longer > 1) & (longer < 1.5)).all())
    return little and equality(value, longer * r, case) and not equality(value, r, case)


hyperplane_perturbation = Exercise(
    name="hyperplane_perturbation",
    reference=references.hyperplane_perturbation,
    teaches="the shortest way to a boundary, in closed form where it is a plane",
    difficulty=2,
    minutes=15,
    points=2,
    alike=_same_way,
    hints=(
        "The shortest way to a plane is at right angles to it. Which direction is that?",
        "r = t·w for some number t, with w·(I + r) + b = 0. Solve for t.",
        "t = −(w·I + b)/‖w‖², one number for each image.",
    ),
)


def _logits(weights, bias, images):
    return (weights * images).sum(dim=(1, 2, 3)).add(bias).view(-1, 1, 1, 1)


@hyperplane_perturbation.right_variant
def by_solving_for_t(weights, bias, images):
    return -_logits(weights, bias, images) / (weights**2).sum() * weights


@hyperplane_perturbation.right_variant
def by_signed_distance(weights, bias, images):
    normal = weights / weights.norm()
    distance = _logits(weights, bias, images) / weights.norm()
    return -distance * normal


@hyperplane_perturbation.right_variant
def by_pseudoinverse(weights, bias, images):
    row = weights.flatten()[None]
    gaps = -(images.flatten(1) @ row.T + bias)
    return (gaps @ torch.linalg.pinv(row).T).view_as(images)


@hyperplane_perturbation.misconception(
    "sign forgotten",
    "This leads away from the boundary: the sign is the other one.",
)
def _(weights, bias, images):
    return -by_solving_for_t(weights, bias, images)


@hyperplane_perturbation.misconception(
    "norm not squared",
    "The score was divided by ‖w‖. It takes ‖w‖²: once for the distance, once to make w a unit vector.",
)
def _(weights, bias, images):
    return -_logits(weights, bias, images) / weights.norm() * weights


@hyperplane_perturbation.misconception(
    "not divided",
    "The score was not divided by ‖w‖²: I + r does not lie on the boundary.",
)
def _(weights, bias, images):
    return -_logits(weights, bias, images) * weights


@hyperplane_perturbation.misconception(
    "bias forgotten",
    "The bias is missing: this leads to the plane w·I = 0.",
)
def _(weights, bias, images):
    return by_solving_for_t(weights, 0.0, images)


@hyperplane_perturbation.misconception(
    "sign of the weights",
    "The step follows the sign of w: that is the shortest way for the L∞ norm. The exercise asks for the "
    "shortest one in the L2 norm.",
)
def _(weights, bias, images):
    return -_logits(weights, bias, images) / weights.abs().sum() * weights.sign()


@hyperplane_perturbation.misconception(
    "moved image",
    "These are the images on the boundary. Return the perturbation alone.",
)
def _(weights, bias, images):
    return images + by_solving_for_t(weights, bias, images)


@hyperplane_perturbation.misconception(
    "mirrored",
    "The step is twice too long: it leads to the mirror image behind the boundary.",
)
def _(weights, bias, images):
    return 2 * by_solving_for_t(weights, bias, images)


@hyperplane_perturbation.misconception(
    "distance only",
    "This is one number for each image, the distance to the boundary or t. Return the perturbation, "
    "(N, C, H, W).",
)
def _(weights, bias, images):
    return (_logits(weights, bias, images).abs() / weights.norm()).flatten()


@hyperplane_perturbation.misconception(
    "magnitude of the score",
    "On one side of the plane this leads away from it: the score's magnitude was taken. Its sign says on "
    "which side an image lies.",
)
def _(weights, bias, images):
    return -_logits(weights, bias, images).abs() / (weights**2).sum() * weights


@hyperplane_perturbation.misconception(
    "bias subtracted",
    "The bias has the wrong sign: the plane is w·I + b = 0.",
)
def _(weights, bias, images):
    return by_solving_for_t(weights, -bias, images)


@hyperplane_perturbation.misconception(
    "bias added in every pixel",
    "The bias counts once for every pixel: it was added before the sum, or means stand where sums should. "
    "It is added once, to the sum w·I.",
)
def _(weights, bias, images):
    return by_solving_for_t(weights, bias * weights.numel(), images)


@hyperplane_perturbation.misconception(
    "clipped",
    "The moved images were clipped to [0, 1], so that they do not lie on the plane. Here the box plays no "
    "part.",
)
def _(weights, bias, images):
    return (images + by_solving_for_t(weights, bias, images)).clamp(0, 1) - images


@hyperplane_perturbation.also("clipped")
def _(weights, bias, images):
    return by_solving_for_t(weights, bias, images).clamp(0, 1)


@hyperplane_perturbation.misconception(
    "a little further",
    "This goes a little beyond the plane, as DeepFool does to be safe. The exercise asks for the point on "
    "it.",
)
def _(weights, bias, images):
    return 1.02 * by_solving_for_t(weights, bias, images)


@hyperplane_perturbation.misconception(
    "mean instead of sum",
    "A mean over the pixels stands where a sum should: w·I and ‖w‖² add up over all of them.",
)
def _(weights, bias, images):
    return -_logits(weights, bias, images) / (weights**2).mean() * weights


@hyperplane_perturbation.also("mean instead of sum")
def _(weights, bias, images):
    return -_logits(weights / weights.numel(), bias, images) / (weights**2).sum() * weights


@hyperplane_perturbation.misconception(
    "channel by channel",
    "Each channel was moved by itself. There is one plane for the whole image: sum over the channels too.",
)
def _(weights, bias, images):
    scores = (weights * images).sum(dim=(2, 3), keepdim=True) + bias
    return -scores / (weights**2).sum(dim=(1, 2), keepdim=True) * weights


@hyperplane_perturbation.misconception(
    "one step for all images",
    "All images have the same perturbation: the products were summed over the batch, or the first image's "
    "t was used. Each image has a t of its own.",
)
def _(weights, bias, images):
    t = -((weights * images).sum() + bias) / (weights**2).sum()
    return (t * weights).expand_as(images)


@hyperplane_perturbation.also("one step for all images")
def _(weights, bias, images):
    return by_solving_for_t(weights, bias, images[:1]).expand_as(images)


@hyperplane_perturbation.also("one step for all images")
def _(weights, bias, images):
    scores = (weights * images).sum(dim=(1, 2, 3)) + bias
    return (-scores.mean() / (weights**2).sum() * weights).expand_as(images)


@hyperplane_perturbation.also("one step for all images")
def _(weights, bias, images):
    return -((weights * images).sum() + bias) / (weights**2).sum() * weights


@hyperplane_perturbation.misconception(
    "norm to the third power",
    "The score was divided by ‖w‖³. If w is made a unit vector, the rest is the distance: the score "
    "divided by ‖w‖ once.",
)
def _(weights, bias, images):
    return by_solving_for_t(weights, bias, images) / weights.norm()


@hyperplane_perturbation.also("sign of the weights")
def _(weights, bias, images):
    return -_logits(weights, bias, images) / (weights**2).sum() * weights.sign()


@hyperplane_perturbation.also("sign of the weights")
def _(weights, bias, images):
    return -_logits(weights, bias, images).sign() * weights.sign()


@hyperplane_perturbation.also("distance only")
def _(weights, bias, images):
    return (_logits(weights, bias, images) / weights.norm()).flatten()


@hyperplane_perturbation.also("distance only")
def _(weights, bias, images):
    return (-_logits(weights, bias, images) / (weights**2).sum()).flatten()


@hyperplane_perturbation.also("distance only")
def _(weights, bias, images):
    return -_logits(weights, bias, images) / (weights**2).sum()


@hyperplane_perturbation.also("distance only")
def _(weights, bias, images):
    return -_logits(weights, bias, images) / weights.norm()


@hyperplane_perturbation.also("distance only")
def _(weights, bias, images):
    return _logits(weights, bias, images).abs() / weights.norm()


@hyperplane_perturbation.also("magnitude of the score")
def _(weights, bias, images):
    return _logits(weights, bias, images).abs() / (weights**2).sum() * weights


@hyperplane_perturbation.also("moved image")
def _(weights, bias, images):
    return (images + by_solving_for_t(weights, bias, images)).clamp(0, 1)


@hyperplane_perturbation.also("clipped")
def _(weights, bias, images):
    return by_solving_for_t(weights, bias, images).clamp(-1, 1)


@hyperplane_perturbation.also("channel by channel")
def _(weights, bias, images):
    scores = (weights * images).sum(dim=(2, 3), keepdim=True) + bias
    return -scores / (weights**2).sum() * weights


@hyperplane_perturbation.also("channel by channel")
def _(weights, bias, images):
    return -_logits(weights, bias, images) / (weights**2).sum(dim=(1, 2), keepdim=True) * weights
