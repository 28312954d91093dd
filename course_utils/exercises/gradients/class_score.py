"""The exercise `class_score`: what it asks for, right answers of other kinds, and misconceptions."""

from __future__ import annotations

import torch
from torch.nn import functional as F

from course_utils import gradients as references
from course_utils.exercises.exercise import Exercise

class_score = Exercise(
    name="class_score",
    reference=references.class_score,
    teaches="how a network with many classes becomes the function f whose gradient is taken",
    difficulty=1,
    minutes=10,
    points=2,
    hints=(
        "The answer is itself a function: define f inside, and return it without calling it.",
        "model(images) has the shape (N, classes). Which column, and which rows, does f return?",
        "Inside f: compute the logits, and return all rows of the column `target`. No softmax, "
        "and nothing that cuts the gradient.",
    ),
)


@class_score.right_variant
def selected_by_lambda(model, target):
    return lambda images: model(images)[:, target]


@class_score.right_variant
def selected_by_one_hot_product(model, target):
    def f(images):
        logits = model(images)
        return logits @ F.one_hot(torch.tensor(target), logits.shape[1]).to(logits)

    return f


@class_score.right_variant
def selected_image_by_image(model, target):
    def f(images):
        return torch.stack([model(image[None]).squeeze(0)[target] for image in images])

    return f


@class_score.misconception(
    "softmax probability",
    "This is the softmax probability. The exercise asks for the logit, the network's output before "
    "the softmax: a probability also depends on all the other classes.",
)
def _(model, target):
    return lambda images: model(images).softmax(dim=1)[:, target]


@class_score.misconception(
    "log-probability",
    "This is the logarithm of the softmax probability (the negative of the cross-entropy). The "
    "exercise asks for the logit alone.",
)
def _(model, target):
    return lambda images: model(images).log_softmax(dim=1)[:, target]


@class_score.misconception(
    "cross-entropy loss",
    "This is the cross-entropy loss of the class. A loss falls where the score rises; the exercise "
    "asks for the logit.",
)
def _(model, target):
    def f(images):
        labels = torch.full((len(images),), target)
        return F.cross_entropy(model(images), labels, reduction="none")

    return f


@class_score.misconception(
    "all classes",
    "f returns the logits of all classes. Return the column of `target` alone: one number for "
    "each image.",
)
def _(model, target):
    return lambda images: model(images)


@class_score.misconception(
    "row instead of column",
    "This takes a row of the logits, which is one image. The axes are (N, classes): the class is "
    "the second one.",
)
def _(model, target):
    return lambda images: model(images)[target]


@class_score.misconception(
    "sum over the batch",
    "f returns one number for the whole batch. It should return one number for each image.",
)
def _(model, target):
    return lambda images: model(images)[:, target].sum()


@class_score.misconception(
    "the winning class",
    "f returns the largest logit, whichever class it belongs to. It should always return that of "
    "`target`.",
)
def _(model, target):
    return lambda images: model(images).max(dim=1).values


@class_score.misconception(
    "cut from the graph",
    "The numbers are right, but they cannot be differentiated: something (detach, no_grad, item, "
    "numpy) cuts f from the graph. The next exercise needs its gradient.",
)
def _(model, target):
    return lambda images: model(images)[:, target].detach()


def _one_class(values, target):
    return values[:, target]


def _one_class_with_its_axis(values, target):
    return values[:, target : target + 1]


def _one_class_summed(values, target):
    return values[:, target].sum()


def _one_class_averaged(values, target):
    return values[:, target].mean()


def _all_classes(values, target):
    return values


for select in (
    _one_class,
    _one_class_with_its_axis,
    _one_class_summed,
    _one_class_averaged,
    _all_classes,
):

    @class_score.also("softmax probability")
    def _(model, target, select=select):
        return lambda images: select(model(images).softmax(dim=1), target)

    @class_score.also("softmax probability")
    def _(model, target, select=select):
        return lambda images: select(model(images).softmax(dim=1), target).detach()

    @class_score.also("log-probability")
    def _(model, target, select=select):
        return lambda images: select(model(images).log_softmax(dim=1), target)

    @class_score.also("cross-entropy loss")
    def _(model, target, select=select):
        return lambda images: -select(model(images).log_softmax(dim=1), target)


@class_score.also("sum over the batch")
def _(model, target):
    return lambda images: model(images)[:, target].mean()


@class_score.also("sum over the batch")
def _(model, target):
    return lambda images: model(images)[:, target].sum(dim=0, keepdim=True)


@class_score.also("all classes")
def _(model, target):
    return lambda images: model(images).detach()


@class_score.also("the winning class")
def _(model, target):
    return lambda images: model(images).amax(dim=1, keepdim=True)


@class_score.also("the winning class")
def _(model, target):
    return lambda images: model(images).softmax(dim=1).amax(dim=1)


@class_score.also("the winning class")
def _(model, target):
    return lambda images: model(images).argmax(dim=1)


@class_score.misconception(
    "class axis kept",
    "The class axis is still there, with length 1. The result should have the shape (N,).",
)
def _(model, target):
    return lambda images: model(images)[:, target : target + 1]
