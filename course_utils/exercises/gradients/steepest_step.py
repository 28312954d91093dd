"""The exercise `steepest_step`: what it asks for, right answers of other kinds, and misconceptions."""

from __future__ import annotations

import torch
from torch.nn import functional as F

from course_utils import gradients as references
from course_utils.exercises.exercise import Exercise
from course_utils.exercises.gradients.vanilla_gradient import by_autograd_grad

steepest_step = Exercise(
    name="steepest_step",
    reference=references.steepest_step,
    teaches="what the gradient answers: the best small change of a given length",
    difficulty=2,
    minutes=15,
    points=2,
    hints=(
        "To first order a step r gains ∇f·r. Among all r of one length, which makes that largest?",
        "By the Cauchy–Schwarz inequality it is the one along the gradient. Scale each image's "
        "gradient to the L2 norm `length`.",
        "The norm of each image is taken over its axes 1, 2 and 3: "
        "torch.linalg.vector_norm(gradient, dim=(1, 2, 3), keepdim=True).",
    ),
)


@steepest_step.right_variant
def by_normalising(f, images, length):
    return length * F.normalize(by_autograd_grad(f, images).flatten(1), dim=1).view_as(images)


@steepest_step.right_variant
def by_root_of_squares(f, images, length):
    g = by_autograd_grad(f, images)
    return length * g / (g**2).sum(dim=(1, 2, 3), keepdim=True).sqrt()


@steepest_step.right_variant
def each_image_by_itself(f, images, length):
    return torch.stack([length * g / g.norm() for g in by_autograd_grad(f, images)])


@steepest_step.misconception(
    "not normalised",
    "This is length times the gradient, whose own norm is not 1. Divide by the norm, so that the "
    "step has the L2 norm `length`.",
)
def _(f, images, length):
    return length * by_autograd_grad(f, images)


@steepest_step.misconception(
    "norm over the batch",
    "The steps were divided by the norm of the whole batch, so that each is shorter than `length`. "
    "Each image needs its own norm.",
)
def _(f, images, length):
    g = by_autograd_grad(f, images)
    return length * g / g.norm()


@steepest_step.misconception(
    "norm over each channel",
    "Each channel was scaled by itself. The norm of an image runs over its channels too: axes 1, 2 "
    "and 3.",
)
def _(f, images, length):
    g = by_autograd_grad(f, images)
    return length * g / torch.linalg.vector_norm(g, dim=(2, 3), keepdim=True)


@steepest_step.misconception(
    "sign of the gradient",
    "This is length times the sign of the gradient: the best step for the L∞ norm, where no pixel "
    "may change by more than `length` (lecture 6). Here the L2 norm is given.",
)
def _(f, images, length):
    return length * by_autograd_grad(f, images).sign()


@steepest_step.misconception(
    "sign of the gradient, scaled",
    "This has the right L2 norm, but it follows the sign of the gradient and not the gradient: "
    "pixels that hardly matter get as much as those that matter most.",
)
def _(f, images, length):
    step = by_autograd_grad(f, images).sign()
    return length * step / torch.linalg.vector_norm(step, dim=(1, 2, 3), keepdim=True)


@steepest_step.misconception(
    "descent",
    "This step goes down: it is the best one to *lower* the score. Fundamental Question 2 asks for "
    "the largest gain.",
)
def _(f, images, length):
    return -by_normalising(f, images, length)


@steepest_step.misconception(
    "squared norm",
    "The gradient was divided by its squared norm. Divide by the norm itself.",
)
def _(f, images, length):
    g = by_autograd_grad(f, images)
    return length * g / (g**2).sum(dim=(1, 2, 3), keepdim=True)


@steepest_step.misconception(
    "L1 norm",
    "The step has the L1 norm `length` (the sum of the magnitudes). The exercise asks for the L2 "
    "norm, the root of the sum of the squares.",
)
def _(f, images, length):
    g = by_autograd_grad(f, images)
    return length * g / g.abs().sum(dim=(1, 2, 3), keepdim=True)


@steepest_step.misconception(
    "largest pixel",
    "The gradient was divided by its largest magnitude, so that one pixel changes by `length`. The "
    "exercise asks for the L2 norm `length`.",
)
def _(f, images, length):
    g = by_autograd_grad(f, images)
    return length * g / g.abs().amax(dim=(1, 2, 3), keepdim=True)


@steepest_step.misconception(
    "the moved image",
    "This is the image after the step. The exercise asks for the step alone.",
)
def _(f, images, length):
    return images + by_normalising(f, images, length)


for sign in (1, -1):

    @steepest_step.also("norm over the batch")
    def _(f, images, length, sign=sign):
        g = by_autograd_grad(f, images)
        return sign * length * g / g.norm()

    @steepest_step.also("squared norm")
    def _(f, images, length, sign=sign):
        g = by_autograd_grad(f, images)
        return sign * length * g / (g**2).sum()

    @steepest_step.also("L1 norm")
    def _(f, images, length, sign=sign):
        g = by_autograd_grad(f, images)
        return sign * length * g / g.abs().sum()

    @steepest_step.also("largest pixel")
    def _(f, images, length, sign=sign):
        g = by_autograd_grad(f, images)
        return sign * length * g / g.abs().max()

    for axes in (1, 2, 3, (2, 3)):

        @steepest_step.also("norm over each channel")
        def _(f, images, length, sign=sign, axes=axes):
            g = by_autograd_grad(f, images)
            return sign * length * g / torch.linalg.vector_norm(g, dim=axes, keepdim=True)


@steepest_step.also("descent")
def _(f, images, length):
    return images - by_normalising(f, images, length)


@steepest_step.also("the moved image")
def _(f, images, length):
    return (images + by_normalising(f, images, length)).clamp(0, 1)


@steepest_step.also("not normalised")
def _(f, images, length):
    return images + length * by_autograd_grad(f, images)


@steepest_step.also("sign of the gradient")
def _(f, images, length):
    return images + length * by_autograd_grad(f, images).sign()


@steepest_step.also("norm over the batch")
def _(f, images, length):
    g = by_autograd_grad(f, images)
    return images + length * g / g.norm()


@steepest_step.misconception(
    "length forgotten",
    "Every step has the L2 norm 1. Multiply by `length`.",
)
def _(f, images, length):
    return by_normalising(f, images, 1.0)


@steepest_step.misconception(
    "absolute value",
    "The signs of the gradient were dropped. Where it is negative, the step has to make the pixel "
    "darker.",
)
def _(f, images, length):
    return by_normalising(f, images, length).abs()
