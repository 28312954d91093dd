"""The exercise `vanilla_gradient`: what it asks for, right answers of other kinds, and misconceptions."""

from __future__ import annotations

import torch

from course_utils import gradients as references
from course_utils.exercises.exercise import Exercise

vanilla_gradient = Exercise(
    name="vanilla_gradient",
    reference=references.vanilla_gradient,
    teaches="the saliency map that all the others are built on",
    difficulty=2,
    minutes=15,
    points=3,
    hints=(
        "Each score depends on its own image alone. So what is the gradient of the *sum* of the "
        "scores with respect to one of the images?",
        "PyTorch differentiates with respect to tensors that require a gradient. The caller's tensor "
        "should stay as it is, so make a copy that does: images.detach().clone().requires_grad_().",
        "torch.autograd.grad(f(inputs).sum(), inputs) returns a tuple with one gradient.",
    ),
)


@vanilla_gradient.right_variant
def by_autograd_grad(f, images):
    inputs = images.detach().clone().requires_grad_(True)
    return torch.autograd.grad(f(inputs).sum(), inputs)[0]


@vanilla_gradient.right_variant
def by_backward_on_a_leaf(f, images):
    inputs = images.detach().clone().requires_grad_(True)
    f(inputs).sum().backward()
    return inputs.grad


@vanilla_gradient.right_variant
def image_by_image(f, images):
    gradients = []
    for image in images:
        inputs = image[None].clone().requires_grad_(True)
        gradients.append(torch.autograd.grad(f(inputs)[0], inputs)[0])
    return torch.cat(gradients)


@vanilla_gradient.right_variant
def by_function_transform(f, images):
    return torch.func.grad(lambda inputs: f(inputs).sum())(images)


@vanilla_gradient.misconception(
    "absolute value",
    "This is the absolute value of the gradient. The sign says whether more light in a pixel raises "
    "or lowers the score: keep it.",
)
def _(f, images):
    return by_autograd_grad(f, images).abs()


@vanilla_gradient.misconception(
    "mean over the batch",
    "This is the gradient divided by the number of images, as if the mean of the scores had been "
    "differentiated. Use their sum: each image then gets its own gradient.",
)
def _(f, images):
    return by_autograd_grad(f, images) / len(images)


@vanilla_gradient.misconception(
    "only the first image",
    "Only the first image has a gradient; the others are zero. Differentiate the sum of all the "
    "scores, not the first one.",
)
def _(f, images):
    inputs = images.detach().clone().requires_grad_(True)
    return torch.autograd.grad(f(inputs)[0], inputs)[0]


@vanilla_gradient.misconception(
    "gradient times image",
    "This equals the gradient times the image. That is another map; the exercise asks for the "
    "gradient alone.",
)
def _(f, images):
    return by_autograd_grad(f, images) * images


@vanilla_gradient.misconception(
    "sign reversed",
    "This is the negative of the gradient, as one gets from a loss. The gradient of the score points "
    "to where the score *rises*.",
)
def _(f, images):
    return -by_autograd_grad(f, images)


@vanilla_gradient.misconception(
    "sign only",
    "This is the sign of the gradient: how fast the score rises is lost. Return the gradient itself.",
)
def _(f, images):
    return by_autograd_grad(f, images).sign()


@vanilla_gradient.misconception(
    "squared",
    "These are the squares of the gradient. Return the gradient itself, with its sign.",
)
def _(f, images):
    return by_autograd_grad(f, images) ** 2


@vanilla_gradient.misconception(
    "normalised",
    "Each map is divided by its largest magnitude. That is a choice for plotting; it throws away how "
    "strongly the score reacts. Return the gradient as it is.",
)
def _(f, images):
    gradient = by_autograd_grad(f, images)
    return gradient / gradient.abs().amax(dim=(1, 2, 3), keepdim=True)


@vanilla_gradient.misconception(
    "channels averaged",
    "The colour channels are averaged or summed already. Here each channel keeps its own gradient, "
    "(N, C, H, W); averaging is the next exercise.",
)
def _(f, images):
    return by_autograd_grad(f, images).mean(dim=1)


@vanilla_gradient.misconception(
    "largest channel",
    "This is the largest magnitude over the colour channels, as in Simonyan et al. Here each channel "
    "keeps its own signed gradient, (N, C, H, W).",
)
def _(f, images):
    return by_autograd_grad(f, images).abs().amax(dim=1)


@vanilla_gradient.misconception(
    "caller's images changed",
    "The gradient is right, but the caller's images now require a gradient, or carry one. Work on a "
    "copy: images.detach().clone().requires_grad_().",
)
def _(f, images):
    images.requires_grad_(True)
    return torch.autograd.grad(f(images).sum(), images)[0]


@vanilla_gradient.misconception(
    "gradient left on the caller's images",
    "The gradient is right, but backward() was called on the caller's own images, which now carry "
    "it in .grad. Work on a copy: images.detach().clone().requires_grad_().",
)
def _(f, images):
    images.requires_grad_(True)
    f(images).sum().backward()
    return images.grad.clone()


for keepdim in (False, True):

    @vanilla_gradient.also("channels averaged")
    def _(f, images, keepdim=keepdim):
        return by_autograd_grad(f, images).mean(dim=1, keepdim=keepdim)

    @vanilla_gradient.also("channels averaged")
    def _(f, images, keepdim=keepdim):
        return by_autograd_grad(f, images).sum(dim=1, keepdim=keepdim)

    @vanilla_gradient.also("largest channel")
    def _(f, images, keepdim=keepdim):
        return by_autograd_grad(f, images).abs().amax(dim=1, keepdim=keepdim)

    @vanilla_gradient.also("largest channel")
    def _(f, images, keepdim=keepdim):
        return by_autograd_grad(f, images).amax(dim=1, keepdim=keepdim)

    @vanilla_gradient.also("mean over the batch")
    def _(f, images, keepdim=keepdim):
        return by_autograd_grad(f, images).mean(dim=0, keepdim=keepdim)


for axes in ((1, 2, 3), (0, 1, 2, 3)):

    @vanilla_gradient.also("normalised")
    def _(f, images, axes=axes):
        gradient = by_autograd_grad(f, images)
        return gradient / gradient.abs().amax(dim=axes, keepdim=True)

    @vanilla_gradient.also("normalised")
    def _(f, images, axes=axes):
        gradient = by_autograd_grad(f, images)
        return gradient / torch.linalg.vector_norm(gradient, dim=axes, keepdim=True)

    @vanilla_gradient.also("normalised")
    def _(f, images, axes=axes):
        gradient = by_autograd_grad(f, images)
        low, high = gradient.amin(axes, keepdim=True), gradient.amax(axes, keepdim=True)
        return (gradient - low) / (high - low).clamp(min=1e-8)


@vanilla_gradient.also("absolute value")
def _(f, images):
    gradient = by_autograd_grad(f, images).abs()
    return gradient / gradient.amax(dim=(1, 2, 3), keepdim=True)


@vanilla_gradient.also("gradient times image")
def _(f, images):
    return (by_autograd_grad(f, images) * images).abs()


@vanilla_gradient.also("gradient times image")
def _(f, images):
    return (by_autograd_grad(f, images) * images).sum(dim=1)


@vanilla_gradient.also("only the first image")
def _(f, images):
    return by_autograd_grad(f, images[:1])


@vanilla_gradient.also("only the first image")
def _(f, images):
    return by_autograd_grad(f, images)[0]
