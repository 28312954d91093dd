"""The exercise `logistic_gradient`: what it asks for, right answers of other kinds, and misconceptions."""

from __future__ import annotations

import torch

from course_utils import gradients as references
from course_utils.exercises.exercise import Exercise
from course_utils.exercises.gradients.vanilla_gradient import by_autograd_grad

logistic_gradient = Exercise(
    name="logistic_gradient",
    reference=references.logistic_gradient,
    teaches="why a linear classifier gives the same map for every image",
    difficulty=2,
    minutes=15,
    points=2,
    hints=(
        "Write f(I) = σ(z) with z = w·I + b, and use the chain rule: ∇f = σ'(z) ∇z.",
        "σ'(z) = σ(z) (1 − σ(z)), one number for each image. What is ∇z?",
        "Compute z, with shape (N,), then the N slopes; give them the axes (N, 1, 1, 1) and multiply "
        "by the weights.",
    ),
)


@logistic_gradient.right_variant
def by_chain_rule(weights, bias, images):
    p = torch.sigmoid((images * weights).flatten(1).sum(1) + bias)
    return (p * (1 - p)).view(-1, 1, 1, 1) * weights


@logistic_gradient.right_variant
def by_differentiation(weights, bias, images):
    def f(inputs):
        return torch.sigmoid(torch.tensordot(inputs, weights, dims=3) + bias)

    return by_autograd_grad(f, images)


@logistic_gradient.right_variant
def one_image_at_a_time(weights, bias, images):
    slopes = [torch.sigmoid((image * weights).sum() + bias) for image in images]
    return torch.stack([p * (1 - p) * weights for p in slopes])


def _probabilities(weights, bias, images):
    return torch.sigmoid((images * weights).sum(dim=(1, 2, 3)) + bias).view(-1, 1, 1, 1)


@logistic_gradient.misconception(
    "gradient of the logit",
    "This is w itself for every image: the gradient of the logit w·I + b. The exercise asks for the "
    "gradient of the probability, σ of that, so the slope of σ is missing.",
)
def _(weights, bias, images):
    return weights.expand_as(images).clone()


@logistic_gradient.misconception(
    "logit's gradient, one map",
    "This is w, without an axis for the images. The result should be (N, C, H, W): the slope of σ, "
    "which differs from image to image, times w.",
)
def _(weights, bias, images):
    return weights.clone()


@logistic_gradient.misconception(
    "slope without 1 − p",
    "This is p·w. The slope of the sigmoid is p·(1 − p): where p is near 1 it is flat.",
)
def _(weights, bias, images):
    return _probabilities(weights, bias, images) * weights


@logistic_gradient.misconception(
    "slope without p",
    "This is (1 − p)·w, the gradient of log p. The slope of the sigmoid itself is p·(1 − p).",
)
def _(weights, bias, images):
    return (1 - _probabilities(weights, bias, images)) * weights


@logistic_gradient.misconception(
    "gradient of the loss",
    "This is (p − 1)·w, the gradient of the cross-entropy loss. The exercise asks for the gradient "
    "of the probability: p·(1 − p)·w.",
)
def _(weights, bias, images):
    return (_probabilities(weights, bias, images) - 1) * weights


@logistic_gradient.misconception(
    "bias forgotten",
    "The bias is missing in the logit. It shifts the probability, and with it the slope of σ.",
)
def _(weights, bias, images):
    p = _probabilities(weights, 0.0, images)
    return p * (1 - p) * weights


@logistic_gradient.misconception(
    "derivative with respect to the weights",
    "This is p·(1 − p)·I, the derivative with respect to the weights, as training needs it. A "
    "saliency map is the derivative with respect to the image.",
)
def _(weights, bias, images):
    p = _probabilities(weights, bias, images)
    return p * (1 - p) * images


@logistic_gradient.misconception(
    "gradient times image",
    "This is the gradient times the image. The exercise asks for the gradient alone.",
)
def _(weights, bias, images):
    p = _probabilities(weights, bias, images)
    return p * (1 - p) * weights * images


@logistic_gradient.misconception(
    "one slope for the batch",
    "All images got the same slope. Each image has its own probability, and so its own slope.",
)
def _(weights, bias, images):
    p = torch.sigmoid((images * weights).sum() + bias)
    return (p * (1 - p) * weights).expand_as(images).clone()


@logistic_gradient.also("slope without 1 − p")
def _(weights, bias, images):
    return _probabilities(weights, bias, images) * weights.abs()


@logistic_gradient.also("slope without 1 − p")
def _(weights, bias, images):
    return _probabilities(weights, 0.0, images) * weights


@logistic_gradient.also("slope without p")
def _(weights, bias, images):
    return (1 - _probabilities(weights, bias, images)) * weights / len(images)


@logistic_gradient.also("gradient of the loss")
def _(weights, bias, images):
    return (_probabilities(weights, bias, images) - 1) * weights / len(images)


@logistic_gradient.also("bias forgotten")
def _(weights, bias, images):
    p = _probabilities(weights, 0.0, images)
    return p * (1 - p) * weights / len(images)


@logistic_gradient.also("one slope for the batch")
def _(weights, bias, images):
    p = _probabilities(weights, bias, images)
    return (p * (1 - p)).mean() * weights.expand_as(images)


@logistic_gradient.also("one slope for the batch")
def _(weights, bias, images):
    p = _probabilities(weights, bias, images)[:1]
    return p * (1 - p) * weights.expand_as(images)


@logistic_gradient.also("one slope for the batch")
def _(weights, bias, images):
    p = torch.sigmoid((images * weights).sum() + bias)
    return p * (1 - p) * weights


@logistic_gradient.also("gradient times image")
def _(weights, bias, images):
    return weights * images


@logistic_gradient.also("gradient times image")
def _(weights, bias, images):
    p = _probabilities(weights, bias, images)
    return (p * (1 - p) * weights * images).sum(dim=1)


@logistic_gradient.also("derivative with respect to the weights")
def _(weights, bias, images):
    p = _probabilities(weights, bias, images)
    return (p * (1 - p) * images).sum(dim=0)


@logistic_gradient.also("logit's gradient, one map")
def _(weights, bias, images):
    return weights[None]


@logistic_gradient.misconception(
    "absolute value",
    "This is the absolute value of the gradient. The sign says whether more light in a pixel raises "
    "or lowers the probability: keep it.",
)
def _(weights, bias, images):
    p = _probabilities(weights, bias, images)
    return (p * (1 - p) * weights).abs()


@logistic_gradient.also("gradient times image")
def _(weights, bias, images):
    p = _probabilities(weights, bias, images)
    return (p * (1 - p) * weights * images).abs()
