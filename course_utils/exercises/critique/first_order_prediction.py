"""The exercise `first_order_prediction`: what it asks for, right answers of other kinds, and misconceptions."""

from __future__ import annotations

import torch

from course_utils import critique as references
from course_utils.exercises.exercise import Exercise
from course_utils.gradients import vanilla_gradient

first_order_prediction = Exercise(
    name="first_order_prediction",
    reference=references.first_order_prediction,
    teaches="predicting what a small step does, with the calculus of the first lecture",
    difficulty=1,
    minutes=10,
    points=2,
    hints=(
        "Taylor's formula up to the first order: f(I + r) ≈ f(I) + …",
        "The term that is left is a dot product of gradient and perturbation, for each image.",
        "Multiply gradient and perturbation entry by entry, and sum over the axes 1, 2 and 3.",
    ),
)


@first_order_prediction.right_variant
def by_gradient_and_product(f, images, perturbations):
    return (vanilla_gradient(f, images) * perturbations).sum(dim=(1, 2, 3))


@first_order_prediction.right_variant
def by_directional_derivative(f, images, perturbations):
    return torch.func.jvp(f, (images,), (perturbations,))[1]


@first_order_prediction.right_variant
def by_slope_of_a_line(f, images, perturbations):
    t = torch.zeros(len(images), 1, 1, 1, dtype=images.dtype, requires_grad=True)
    return torch.autograd.grad(f(images + t * perturbations).sum(), t)[0].flatten()


@first_order_prediction.misconception(
    "measured change",
    "This is the change itself, f(I + r) − f(I). The exercise asks for what the gradient at I "
    "predicts.",
)
def _(f, images, perturbations):
    return f(images + perturbations) - f(images)


@first_order_prediction.misconception(
    "score added",
    "This is the predicted *score* f(I) + ∇f(I)·r. The exercise asks for the predicted change alone.",
)
def _(f, images, perturbations):
    return f(images) + by_gradient_and_product(f, images, perturbations)


@first_order_prediction.misconception(
    "not summed",
    "The products are not summed. A dot product is one number for each image.",
)
def _(f, images, perturbations):
    return vanilla_gradient(f, images) * perturbations


@first_order_prediction.misconception(
    "mean instead of sum",
    "The products were averaged. A dot product adds them up.",
)
def _(f, images, perturbations):
    return (vanilla_gradient(f, images) * perturbations).mean(dim=(1, 2, 3))


@first_order_prediction.misconception(
    "gradient at the perturbed image",
    "The gradient was taken at I + r, or on the way there. The prediction is made before the step, with "
    "the gradient at I.",
)
def _(f, images, perturbations):
    return (vanilla_gradient(f, images + perturbations) * perturbations).sum(dim=(1, 2, 3))


@first_order_prediction.misconception(
    "product of the norms",
    "This is ‖∇f‖·‖r‖, the change if r pointed along the gradient. The dot product also knows the "
    "angle between them.",
)
def _(f, images, perturbations):
    norms = [t.flatten(1).norm(dim=1) for t in (vanilla_gradient(f, images), perturbations)]
    return norms[0] * norms[1]


@first_order_prediction.misconception(
    "magnitude",
    "This is the magnitude of the predicted change. Keep its sign: a step may also lower the score.",
)
def _(f, images, perturbations):
    return by_gradient_and_product(f, images, perturbations).abs()


@first_order_prediction.misconception(
    "sum over the batch",
    "This is one number for the whole batch. Each image has its own prediction.",
)
def _(f, images, perturbations):
    return (vanilla_gradient(f, images) * perturbations).sum()


@first_order_prediction.misconception(
    "sign reversed",
    "The sign is reversed: a step along the gradient raises the score.",
)
def _(f, images, perturbations):
    return -by_gradient_and_product(f, images, perturbations)


@first_order_prediction.misconception(
    "magnitudes summed",
    "The magnitudes of the products were summed. In a dot product, ups and downs offset each other.",
)
def _(f, images, perturbations):
    return (vanilla_gradient(f, images) * perturbations).abs().sum(dim=(1, 2, 3))


@first_order_prediction.misconception(
    "sign of the gradient",
    "The gradient's sign was taken. Its size counts too: ∇f(I)·r.",
)
def _(f, images, perturbations):
    return (vanilla_gradient(f, images).sign() * perturbations).sum(dim=(1, 2, 3))


@first_order_prediction.misconception(
    "gradient times image",
    "The gradient was multiplied with the image. The prediction is for the perturbation: ∇f(I)·r.",
)
def _(f, images, perturbations):
    return (vanilla_gradient(f, images) * images).sum(dim=(1, 2, 3))


@first_order_prediction.also("gradient times image")
def _(f, images, perturbations):
    return (vanilla_gradient(f, images) * (images + perturbations)).sum(dim=(1, 2, 3))


@first_order_prediction.misconception(
    "normalised",
    "Gradient or perturbation was normalised (both: a cosine). The change grows with the length of both: "
    "take them as they are.",
)
def _(f, images, perturbations):
    change = by_gradient_and_product(f, images, perturbations)
    return change / perturbations.flatten(1).norm(dim=1)


@first_order_prediction.also("normalised")
def _(f, images, perturbations):
    change = by_gradient_and_product(f, images, perturbations)
    return change / vanilla_gradient(f, images).flatten(1).norm(dim=1)


@first_order_prediction.also("normalised")
def _(f, images, perturbations):
    gradient = vanilla_gradient(f, images).flatten(1)
    return torch.cosine_similarity(gradient, perturbations.flatten(1))


@first_order_prediction.misconception(
    "mean over the batch",
    "The prediction is divided by the number of images: the mean of the scores was differentiated. Take "
    "the sum.",
)
def _(f, images, perturbations):
    return by_gradient_and_product(f, images, perturbations) / len(images)


@first_order_prediction.also("gradient at the perturbed image")
def _(f, images, perturbations):
    return (vanilla_gradient(f, images + perturbations / 2) * perturbations).sum(dim=(1, 2, 3))
