"""The exercise `fgsm`: what it asks for, right answers of other kinds, and misconceptions."""

from __future__ import annotations

import torch
from torch.nn import functional as F

from course_utils import adversarial as references
from course_utils.exercises.adversarial.loss_gradient import by_autograd_grad, one_image_at_a_time
from course_utils.exercises.exercise import Exercise

fgsm = Exercise(
    name="fgsm",
    reference=references.fgsm,
    teaches="the attack of a single step, and what its sign is good for",
    difficulty=2,
    minutes=15,
    points=2,
    hints=(
        "Which way does the loss of the true label rise? And which way for a label that is to be "
        "reached?",
        "r = ε·sign(gradient of the loss); towards a target the sign is the other one.",
        "Return the image after the step, clipped to [0, 1]: (images + r).clamp(0, 1).",
    ),
)


def moved_along(images, direction, eps, targeted):
    """One step of eps along the direction, or back if targeted, not clipped."""
    return images + (-eps if targeted else eps) * direction


@fgsm.right_variant
def by_one_step(model, images, labels, eps, targeted=False):
    direction = -1 if targeted else 1
    r = direction * eps * by_autograd_grad(model, images, labels).sign()
    return (images + r).clamp(0, 1)


@fgsm.right_variant
def by_where(model, images, labels, eps, targeted=False):
    gradient = one_image_at_a_time(model, images, labels)
    if targeted:
        gradient = -gradient
    moved = torch.where(gradient > 0, images + eps, torch.where(gradient < 0, images - eps, images))
    return torch.minimum(torch.maximum(moved, torch.zeros_like(moved)), torch.ones_like(moved))


@fgsm.right_variant
def by_mean_loss(model, images, labels, eps, targeted=False):
    inputs = images.clone().requires_grad_()
    loss = F.cross_entropy(model(inputs), labels)  # the mean: signs stay the same
    (gradient,) = torch.autograd.grad(-loss if targeted else loss, inputs)
    return torch.clip(images + eps * torch.sign(gradient), 0.0, 1.0)


@fgsm.misconception(
    "direction ignored for targets",
    "With targeted=True the attack must lead *towards* the labels: the loss has to fall, and the sign is "
    "reversed.",
)
def _(model, images, labels, eps, targeted=False):
    return by_one_step(model, images, labels, eps)


@fgsm.misconception(
    "direction reversed",
    "The direction is reversed: untargeted, the loss of the true label has to rise.",
)
def _(model, images, labels, eps, targeted=False):
    return by_one_step(model, images, labels, eps, not targeted)


@fgsm.misconception(
    "not clipped",
    "The attacked images leave [0, 1]. Clip them: they should be images.",
)
def _(model, images, labels, eps, targeted=False):
    return moved_along(images, by_autograd_grad(model, images, labels).sign(), eps, targeted)


@fgsm.misconception(
    "perturbation alone",
    "This is the perturbation alone. Return the attacked images.",
)
def _(model, images, labels, eps, targeted=False):
    return by_one_step(model, images, labels, eps, targeted) - images


@fgsm.also("perturbation alone")
def _(model, images, labels, eps, targeted=False):
    return (-eps if targeted else eps) * by_autograd_grad(model, images, labels).sign()


@fgsm.misconception(
    "gradient without sign function",
    "The step follows the gradient itself. FGSM takes its sign, so that every pixel moves by ε.",
)
def _(model, images, labels, eps, targeted=False):
    gradient = by_autograd_grad(model, images, labels)
    return moved_along(images, gradient, eps, targeted).clamp(0, 1)


@fgsm.misconception(
    "normalised gradient",
    "The step follows the gradient, divided by its norm or its largest value. FGSM takes its sign, so "
    "that every pixel moves by ε.",
)
def _(model, images, labels, eps, targeted=False):
    gradient = by_autograd_grad(model, images, labels)
    norm = torch.linalg.vector_norm(gradient, dim=(1, 2, 3), keepdim=True)
    return moved_along(images, gradient / norm, eps, targeted).clamp(0, 1)


@fgsm.misconception(
    "zero gradient counted as positive",
    "Pixels whose gradient is exactly 0 were moved. There the sign is 0, and the pixel stays.",
)
def _(model, images, labels, eps, targeted=False):
    direction = -1 if targeted else 1
    gradient = direction * by_autograd_grad(model, images, labels)
    return (images + eps * torch.where(gradient >= 0, 1.0, -1.0)).clamp(0, 1)


@fgsm.misconception(
    "clipped to [-1, 1]",
    "The attacked images go below 0: they were clipped to [−1, 1], or above only. Images lie in [0, 1].",
)
def _(model, images, labels, eps, targeted=False):
    moved = moved_along(images, by_autograd_grad(model, images, labels).sign(), eps, targeted)
    return moved.clamp(-1, 1)


@fgsm.misconception(
    "gradient of the logit",
    "The step follows the logit's gradient. FGSM follows the loss's, which also knows the other "
    "classes.",
)
def _(model, images, labels, eps, targeted=False):
    inputs = images.detach().clone().requires_grad_()
    (gradient,) = torch.autograd.grad(-model(inputs).gather(1, labels[:, None]).sum(), inputs)
    return moved_along(images, gradient.sign(), eps, targeted).clamp(0, 1)


@fgsm.also("normalised gradient")
def _(model, images, labels, eps, targeted=False):
    gradient = by_autograd_grad(model, images, labels)
    largest = gradient.abs().amax(dim=(1, 2, 3), keepdim=True)
    return moved_along(images, gradient / largest, eps, targeted).clamp(0, 1)


@fgsm.also("not clipped")
def _(model, images, labels, eps, targeted=False):
    moved = moved_along(images, by_autograd_grad(model, images, labels).sign(), eps, targeted)
    return moved.clamp(0, 255)


@fgsm.also("zero gradient counted as positive")
def _(model, images, labels, eps, targeted=False):
    gradient = (-1 if targeted else 1) * by_autograd_grad(model, images, labels)
    return (images + eps * torch.where(gradient > 0, 1.0, -1.0)).clamp(0, 1)


@fgsm.also("gradient of the logit")
def _(model, images, labels, eps, targeted=False):
    inputs = images.detach().clone().requires_grad_()
    (gradient,) = torch.autograd.grad(model(inputs).gather(1, labels[:, None]).sum(), inputs)
    return moved_along(images, gradient.sign(), eps, targeted).clamp(0, 1)


@fgsm.misconception(
    "perturbation clipped",
    "The perturbation was clipped to [0, 1], which drops every step downwards. Clip the attacked image: "
    "(images + r).clamp(0, 1).",
)
def _(model, images, labels, eps, targeted=False):
    r = (-eps if targeted else eps) * by_autograd_grad(model, images, labels).sign()
    return images + r.clamp(0, 1)


@fgsm.misconception(
    "clipped to the images' own range",
    "The attacked images were clipped to the smallest and largest value of the images. The bounds are 0 "
    "and 1, whatever the images hold.",
)
def _(model, images, labels, eps, targeted=False):
    moved = moved_along(images, by_autograd_grad(model, images, labels).sign(), eps, targeted)
    return moved.clamp(images.min(), images.max())


@fgsm.misconception(
    "stretched to [0, 1]",
    "The attacked images were stretched to [0, 1], which changes every pixel. Clip them: only what lies "
    "outside moves.",
)
def _(model, images, labels, eps, targeted=False):
    moved = moved_along(images, by_autograd_grad(model, images, labels).sign(), eps, targeted)
    low, high = moved.amin((1, 2, 3), keepdim=True), moved.amax((1, 2, 3), keepdim=True)
    return (moved - low) / (high - low)


@fgsm.misconception(
    "ε in grey levels",
    "ε was divided by 255. It is in units of pixel value already: images lie in [0, 1].",
)
def _(model, images, labels, eps, targeted=False):
    return by_one_step(model, images, labels, eps / 255, targeted)


@fgsm.misconception(
    "half a step",
    "Each pixel moves by ε/2. It may move by ε, up or down.",
)
def _(model, images, labels, eps, targeted=False):
    return by_one_step(model, images, labels, eps / 2, targeted)


@fgsm.misconception(
    "first image's label",
    "The first image's label was used for all images. Each image has its own.",
)
def _(model, images, labels, eps, targeted=False):
    return by_one_step(model, images, labels[:1].expand_as(labels), eps, targeted)


@fgsm.misconception(
    "predicted instead of given labels",
    "The step leads away from the predicted classes. `labels` are given: take the loss for them.",
)
def _(model, images, labels, eps, targeted=False):
    predicted = model(images).argmax(dim=1)
    return by_one_step(model, images, labels if targeted else predicted, eps, targeted)


@fgsm.misconception(
    "softmax before the cross-entropy",
    "A softmax was taken before the cross-entropy, which contains one already. Give it the logits.",
)
def _(model, images, labels, eps, targeted=False):
    inputs = images.detach().clone().requires_grad_()
    loss = F.cross_entropy(model(inputs).softmax(dim=1), labels, reduction="sum")
    (gradient,) = torch.autograd.grad(loss, inputs)
    return moved_along(images, gradient.sign(), eps, targeted).clamp(0, 1)


@fgsm.also("stretched to [0, 1]")
def _(model, images, labels, eps, targeted=False):
    moved = moved_along(images, by_autograd_grad(model, images, labels).sign(), eps, targeted)
    return (moved - moved.min()) / (moved.max() - moved.min())


@fgsm.also("perturbation alone")
def _(model, images, labels, eps, targeted=False):
    r = (-eps if targeted else eps) * by_autograd_grad(model, images, labels).sign()
    return r.clamp(0, 1)


@fgsm.also("gradient without sign function")
def _(model, images, labels, eps, targeted=False):
    gradient = by_autograd_grad(model, images, labels) / len(images)  # of the mean loss
    return moved_along(images, gradient, eps, targeted).clamp(0, 1)


@fgsm.also("normalised gradient")
def _(model, images, labels, eps, targeted=False):
    gradient = by_autograd_grad(model, images, labels)
    return moved_along(images, gradient / gradient.norm(), eps, targeted).clamp(0, 1)


@fgsm.also("normalised gradient")
def _(model, images, labels, eps, targeted=False):
    gradient = by_autograd_grad(model, images, labels)
    return moved_along(images, gradient / gradient.abs().max(), eps, targeted).clamp(0, 1)


@fgsm.also("perturbation clipped")
def _(model, images, labels, eps, targeted=False):
    r = (-eps if targeted else eps) * by_autograd_grad(model, images, labels).sign()
    return (images + r.clamp(0, 1)).clamp(0, 1)


@fgsm.also("clipped to the images' own range")
def _(model, images, labels, eps, targeted=False):
    moved = moved_along(images, by_autograd_grad(model, images, labels).sign(), eps, targeted)
    low, high = images.amin((1, 2, 3), keepdim=True), images.amax((1, 2, 3), keepdim=True)
    return moved.clamp(low, high)
