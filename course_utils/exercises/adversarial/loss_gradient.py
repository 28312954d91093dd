"""The exercise `loss_gradient`: what it asks for, right answers of other kinds, and misconceptions."""

from __future__ import annotations

import torch
from torch.nn import functional as F

from course_utils import adversarial as references
from course_utils.exercises.exercise import Exercise

loss_gradient = Exercise(
    name="loss_gradient",
    reference=references.loss_gradient,
    teaches="the gradient that attacks follow: of the loss, with respect to the image",
    difficulty=1,
    minutes=10,
    points=2,
    hints=(
        "Training differentiates the loss with respect to the parameters. What is it here?",
        "F.cross_entropy averages over the batch unless told otherwise: reduction='sum' gives each "
        "image the gradient of its own loss.",
        "Make a copy of the images that requires a gradient, compute the summed loss, and use "
        "torch.autograd.grad(loss, inputs).",
    ),
)


@loss_gradient.right_variant
def by_autograd_grad(model, images, labels):
    inputs = images.detach().clone().requires_grad_()
    loss = F.cross_entropy(model(inputs), labels, reduction="sum")
    return torch.autograd.grad(loss, inputs)[0]


@loss_gradient.right_variant
def by_log_probabilities(model, images, labels):
    inputs = images.detach().clone().requires_grad_()
    log_probabilities = model(inputs).log_softmax(dim=1)
    loss = -log_probabilities.gather(1, labels[:, None]).sum()
    return torch.autograd.grad(loss, inputs)[0]


@loss_gradient.right_variant
def one_image_at_a_time(model, images, labels):
    gradients = []
    for image, label in zip(images, labels, strict=True):
        inputs = image[None].clone().requires_grad_()
        loss = F.cross_entropy(model(inputs), label[None])
        gradients.append(torch.autograd.grad(loss, inputs)[0])
    return torch.cat(gradients)


@loss_gradient.misconception(
    "mean over the batch",
    "The gradient is divided by the number of images: the loss was averaged over the batch. Sum it, so "
    "that each image gets the gradient of its own loss.",
)
def _(model, images, labels):
    return by_autograd_grad(model, images, labels) / len(images)


@loss_gradient.misconception(
    "sign reversed",
    "The sign is reversed: this points to where the loss falls.",
)
def _(model, images, labels):
    return -by_autograd_grad(model, images, labels)


@loss_gradient.misconception(
    "gradient of the logit",
    "This is the gradient of the label's logit, or minus it. The loss is the cross-entropy: it also "
    "depends on all the other classes.",
)
def _(model, images, labels):
    inputs = images.detach().clone().requires_grad_()
    return torch.autograd.grad(model(inputs).gather(1, labels[:, None]).sum(), inputs)[0]


@loss_gradient.misconception(
    "softmax before the cross-entropy",
    "A softmax was taken before the cross-entropy, which contains one already. Give it the logits.",
)
def _(model, images, labels):
    inputs = images.detach().clone().requires_grad_()
    loss = F.cross_entropy(model(inputs).softmax(dim=1), labels, reduction="sum")
    return torch.autograd.grad(loss, inputs)[0]


@loss_gradient.misconception(
    "predicted instead of given labels",
    "The loss was taken for the predicted classes. Take it for the labels that were given.",
)
def _(model, images, labels):
    return by_autograd_grad(model, images, model(images).argmax(dim=1))


@loss_gradient.misconception(
    "sign only",
    "This is the sign of the gradient. The sign comes with FGSM, the next exercise.",
)
def _(model, images, labels):
    return by_autograd_grad(model, images, labels).sign()


@loss_gradient.misconception(
    "gradient of the probability",
    "This is the gradient of the label's probability. The loss is the negative logarithm of it.",
)
def _(model, images, labels):
    inputs = images.detach().clone().requires_grad_()
    chosen = model(inputs).softmax(dim=1).gather(1, labels[:, None])
    return torch.autograd.grad(chosen.sum(), inputs)[0]


@loss_gradient.misconception(
    "parameters' gradients filled",
    "The gradient is right, but backward() fills the .grad of the model's parameters, and zero_grad() "
    "wipes it. It belongs to the caller. torch.autograd.grad(loss, inputs) leaves it alone.",
)
def _(model, images, labels):
    inputs = images.detach().clone().requires_grad_()
    F.cross_entropy(model(inputs), labels, reduction="sum").backward()
    return inputs.grad


@loss_gradient.also("parameters' gradients filled")
def _(model, images, labels):
    inputs = images.detach().clone().requires_grad_()
    model.zero_grad()
    F.cross_entropy(model(inputs), labels, reduction="sum").backward()
    model.zero_grad()
    return inputs.grad


@loss_gradient.also("gradient of the logit")
def _(model, images, labels):
    inputs = images.detach().clone().requires_grad_()
    return torch.autograd.grad(F.nll_loss(model(inputs), labels, reduction="sum"), inputs)[0]


@loss_gradient.misconception(
    "magnitude",
    "This is the magnitude of the gradient. An attack needs its sign: it says which way the loss rises.",
)
def _(model, images, labels):
    return by_autograd_grad(model, images, labels).abs()


@loss_gradient.misconception(
    "normalised",
    "The gradient was divided by its norm or its largest value. Return it as it is.",
)
def _(model, images, labels):
    gradient = by_autograd_grad(model, images, labels)
    return gradient / torch.linalg.vector_norm(gradient, dim=(1, 2, 3), keepdim=True)


@loss_gradient.misconception(
    "first image's label",
    "The first image's label was used for all images. Each image has its own.",
)
def _(model, images, labels):
    return by_autograd_grad(model, images, labels[:1].expand_as(labels))


@loss_gradient.misconception(
    "binary cross-entropy",
    "This is the gradient of a binary cross-entropy, a sigmoid for each class. Here the classes exclude "
    "each other: F.cross_entropy, a softmax over them.",
)
def _(model, images, labels):
    inputs = images.detach().clone().requires_grad_()
    logits = model(inputs)
    truth = F.one_hot(labels, logits.shape[1]).to(logits)
    loss = F.binary_cross_entropy_with_logits(logits, truth, reduction="sum")
    return torch.autograd.grad(loss, inputs)[0]


@loss_gradient.also("gradient of the probability")
def _(model, images, labels):
    inputs = images.detach().clone().requires_grad_()
    others = 1 - model(inputs).softmax(dim=1).gather(1, labels[:, None])
    return torch.autograd.grad(others.sum(), inputs)[0]


@loss_gradient.also("binary cross-entropy")
def _(model, images, labels):
    inputs = images.detach().clone().requires_grad_()
    chosen = F.logsigmoid(model(inputs).gather(1, labels[:, None]))
    return torch.autograd.grad(-chosen.sum(), inputs)[0]


@loss_gradient.also("binary cross-entropy")
def _(model, images, labels):
    inputs = images.detach().clone().requires_grad_()
    logits = model(inputs)
    loss = F.binary_cross_entropy_with_logits(logits, F.one_hot(labels, logits.shape[1]).to(logits))
    return torch.autograd.grad(loss, inputs)[0]


@loss_gradient.also("normalised")
def _(model, images, labels):
    gradient = by_autograd_grad(model, images, labels)
    return gradient / gradient.abs().amax(dim=(1, 2, 3), keepdim=True)


@loss_gradient.also("normalised")
def _(model, images, labels):
    gradient = by_autograd_grad(model, images, labels)
    return gradient / gradient.norm()


@loss_gradient.also("normalised")
def _(model, images, labels):
    gradient = by_autograd_grad(model, images, labels)
    return gradient / gradient.abs().max()


@loss_gradient.also("sign reversed")
def _(model, images, labels):
    return -by_autograd_grad(model, images, labels) / len(images)
