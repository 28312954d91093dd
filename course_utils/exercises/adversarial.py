"""The exercises of lecture 6: adversarial attacks."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from course_utils import adversarial as references
from course_utils.exercises.cases.case import Case
from course_utils.exercises.comparison import describe
from course_utils.exercises.exercise import Exercise, WrittenQuestion

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
    "The gradient was divided by its norm. Return it as it is.",
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


def _moved(images, direction, eps, targeted):
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
    return _moved(images, by_autograd_grad(model, images, labels).sign(), eps, targeted)


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
    return _moved(images, gradient, eps, targeted).clamp(0, 1)


@fgsm.misconception(
    "normalised gradient",
    "The step follows the gradient, divided by its norm or its largest value. FGSM takes its sign, so "
    "that every pixel moves by ε.",
)
def _(model, images, labels, eps, targeted=False):
    gradient = by_autograd_grad(model, images, labels)
    norm = torch.linalg.vector_norm(gradient, dim=(1, 2, 3), keepdim=True)
    return _moved(images, gradient / norm, eps, targeted).clamp(0, 1)


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
    "The attacked images were clipped to [−1, 1]. Images lie in [0, 1].",
)
def _(model, images, labels, eps, targeted=False):
    moved = _moved(images, by_autograd_grad(model, images, labels).sign(), eps, targeted)
    return moved.clamp(-1, 1)


@fgsm.misconception(
    "gradient of the logit",
    "The step follows the logit's gradient. FGSM follows the loss's, which also knows the other "
    "classes.",
)
def _(model, images, labels, eps, targeted=False):
    inputs = images.detach().clone().requires_grad_()
    (gradient,) = torch.autograd.grad(-model(inputs).gather(1, labels[:, None]).sum(), inputs)
    return _moved(images, gradient.sign(), eps, targeted).clamp(0, 1)


@fgsm.also("normalised gradient")
def _(model, images, labels, eps, targeted=False):
    gradient = by_autograd_grad(model, images, labels)
    largest = gradient.abs().amax(dim=(1, 2, 3), keepdim=True)
    return _moved(images, gradient / largest, eps, targeted).clamp(0, 1)


@fgsm.also("not clipped")
def _(model, images, labels, eps, targeted=False):
    moved = _moved(images, by_autograd_grad(model, images, labels).sign(), eps, targeted)
    return moved.clamp(0, 255)


@fgsm.also("zero gradient counted as positive")
def _(model, images, labels, eps, targeted=False):
    gradient = (-1 if targeted else 1) * by_autograd_grad(model, images, labels)
    return (images + eps * torch.where(gradient > 0, 1.0, -1.0)).clamp(0, 1)


@fgsm.also("gradient of the logit")
def _(model, images, labels, eps, targeted=False):
    inputs = images.detach().clone().requires_grad_()
    (gradient,) = torch.autograd.grad(model(inputs).gather(1, labels[:, None]).sum(), inputs)
    return _moved(images, gradient.sign(), eps, targeted).clamp(0, 1)


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
    moved = _moved(images, by_autograd_grad(model, images, labels).sign(), eps, targeted)
    return moved.clamp(images.min(), images.max())


@fgsm.misconception(
    "stretched to [0, 1]",
    "The attacked images were stretched to [0, 1], which changes every pixel. Clip them: only what lies "
    "outside moves.",
)
def _(model, images, labels, eps, targeted=False):
    moved = _moved(images, by_autograd_grad(model, images, labels).sign(), eps, targeted)
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
    return _moved(images, gradient.sign(), eps, targeted).clamp(0, 1)


@fgsm.also("stretched to [0, 1]")
def _(model, images, labels, eps, targeted=False):
    moved = _moved(images, by_autograd_grad(model, images, labels).sign(), eps, targeted)
    return (moved - moved.min()) / (moved.max() - moved.min())


bim = Exercise(
    name="bim",
    reference=references.bim,
    teaches="many small steps instead of one, inside two bounds",
    difficulty=2,
    minutes=20,
    points=3,
    hints=(
        "It is FGSM with the step α in a loop. At which image is the gradient taken in each turn?",
        "After every step two bounds hold: no pixel further than ε from the original image, and all in "
        "[0, 1].",
        "attacked = images + (attacked − images).clamp(−eps, eps) keeps the first bound; clamp(0, 1) the "
        "second.",
    ),
)


def _both(images, eps):
    return lambda moved: (images + (moved - images).clamp(-eps, eps)).clamp(0, 1)


def _bim(model, images, labels, eps, alpha, n_steps, targeted, project=None, direction_at=None):
    """The method, or one with another projection, or with other directions at the points."""
    project = project or _both(images, eps)
    direction_at = direction_at or (lambda point: by_autograd_grad(model, point, labels).sign())
    attacked = images.detach().clone()
    for _ in range(n_steps):
        attacked = project(_moved(attacked, direction_at(attacked), alpha, targeted))
    return attacked


@bim.right_variant
def by_two_clamps(model, images, labels, eps, alpha, n_steps, targeted=False):
    direction = -1 if targeted else 1
    attacked = images.clone()
    for _ in range(n_steps):
        attacked = attacked + direction * alpha * by_autograd_grad(model, attacked, labels).sign()
        attacked = (images + (attacked - images).clamp(-eps, eps)).clamp(0, 1)
    return attacked


@bim.right_variant
def by_joint_bounds(model, images, labels, eps, alpha, n_steps, targeted=False):
    lowest, highest = (images - eps).clamp_min(0), (images + eps).clamp_max(1)
    attacked = images.detach().clone()
    for _ in range(n_steps):
        gradient = one_image_at_a_time(model, attacked, labels)
        attacked = (
            attacked - alpha * gradient.sign() if targeted else attacked + alpha * gradient.sign()
        )
        attacked = torch.max(torch.min(attacked, highest), lowest)
    return attacked


@bim.right_variant
def on_the_perturbation(model, images, labels, eps, alpha, n_steps, targeted=False):
    r = torch.zeros_like(images)
    sign = -1.0 if targeted else 1.0
    for _ in range(n_steps):
        r = r + sign * alpha * by_log_probabilities(model, images + r, labels).sign()
        r = (images + r.clamp(-eps, eps)).clamp(0, 1) - images
    return images + r


@bim.misconception(
    "gradient of the first image",
    "The gradient was taken at the first image in every step, so that the way is a straight line. Take "
    "it anew at each point.",
)
def _(model, images, labels, eps, alpha, n_steps, targeted=False):
    first = by_autograd_grad(model, images, labels).sign()
    return _bim(
        model, images, labels, eps, alpha, n_steps, targeted, direction_at=lambda point: first
    )


@bim.misconception(
    "no ε-ball",
    "The steps add up to more than ε: only [0, 1] bounds them. After each step no pixel may be further "
    "than ε from the original image (and that one must not move along: no in-place steps).",
)
def _(model, images, labels, eps, alpha, n_steps, targeted=False):
    return _bim(
        model, images, labels, eps, alpha, n_steps, targeted, lambda moved: moved.clamp(0, 1)
    )


@bim.misconception(
    "not clipped to [0, 1]",
    "The attacked images leave [0, 1]. Clip them after every step.",
)
def _(model, images, labels, eps, alpha, n_steps, targeted=False):
    return _bim(
        model,
        images,
        labels,
        eps,
        alpha,
        n_steps,
        targeted,
        lambda moved: images + (moved - images).clamp(-eps, eps),
    )


@bim.misconception(
    "steps of ε",
    "Each step has the length ε. It is α.",
)
def _(model, images, labels, eps, alpha, n_steps, targeted=False):
    return _bim(model, images, labels, eps, eps, n_steps, targeted)


@bim.misconception(
    "direction ignored for targets",
    "With targeted=True the attack must lead *towards* the labels: the sign of the step is reversed.",
)
def _(model, images, labels, eps, alpha, n_steps, targeted=False):
    return by_two_clamps(model, images, labels, eps, alpha, n_steps)


@bim.misconception(
    "direction reversed",
    "The direction is reversed: untargeted, the loss of the true label has to rise.",
)
def _(model, images, labels, eps, alpha, n_steps, targeted=False):
    return by_two_clamps(model, images, labels, eps, alpha, n_steps, not targeted)


@bim.misconception(
    "one step too few",
    "A step is missing: there should be n_steps of them.",
)
def _(model, images, labels, eps, alpha, n_steps, targeted=False):
    return by_two_clamps(model, images, labels, eps, alpha, n_steps - 1, targeted)


@bim.misconception(
    "without sign function",
    "The steps follow the gradient itself. BIM takes its sign, so that every pixel moves by α.",
)
def _(model, images, labels, eps, alpha, n_steps, targeted=False):
    def direction_at(point):
        return by_autograd_grad(model, point, labels)

    return _bim(model, images, labels, eps, alpha, n_steps, targeted, direction_at=direction_at)


@bim.misconception(
    "bounds only at the end",
    "The bounds, or one of them, were applied once, after the last step. Apply both after every step: the "
    "gradient is then taken at images that are allowed.",
)
def _(model, images, labels, eps, alpha, n_steps, targeted=False):
    free = _bim(model, images, labels, eps, alpha, n_steps, targeted, lambda moved: moved)
    return _both(images, eps)(free)


@bim.also("bounds only at the end")
def _(model, images, labels, eps, alpha, n_steps, targeted=False):
    free = _bim(
        model, images, labels, eps, alpha, n_steps, targeted, lambda moved: moved.clamp(0, 1)
    )
    return _both(images, eps)(free)


@bim.also("bounds only at the end")
def _(model, images, labels, eps, alpha, n_steps, targeted=False):
    def project(moved):
        return images + (moved - images).clamp(-eps, eps)

    return _bim(model, images, labels, eps, alpha, n_steps, targeted, project).clamp(0, 1)


@bim.also("without sign function")
def _(model, images, labels, eps, alpha, n_steps, targeted=False):
    def direction_at(point):
        gradient = by_autograd_grad(model, point, labels)
        return gradient / torch.linalg.vector_norm(gradient, dim=(1, 2, 3), keepdim=True)

    return _bim(model, images, labels, eps, alpha, n_steps, targeted, direction_at=direction_at)


@bim.misconception(
    "ε-ball around the last step",
    "Each step is kept within ε of the step before it, so that the way goes on and on. Keep it within ε "
    "of the *original* images.",
)
def _(model, images, labels, eps, alpha, n_steps, targeted=False):
    attacked, direction = images.clone(), -1 if targeted else 1
    for _ in range(n_steps):
        step = direction * alpha * by_autograd_grad(model, attacked, labels).sign()
        attacked = (attacked + step.clamp(-eps, eps)).clamp(0, 1)
    return attacked


@bim.misconception(
    "no bounds",
    "The steps are not bounded at all. After each one, keep the images within ε of the original ones, and "
    "in [0, 1].",
)
def _(model, images, labels, eps, alpha, n_steps, targeted=False):
    return _bim(model, images, labels, eps, alpha, n_steps, targeted, lambda moved: moved)


@bim.misconception(
    "bounded on one side",
    "Only one side of the ε-ball holds. A pixel may go neither further up nor further down than ε.",
)
def _(model, images, labels, eps, alpha, n_steps, targeted=False):
    def project(moved):
        return torch.minimum(moved, images + eps).clamp(0, 1)

    return _bim(model, images, labels, eps, alpha, n_steps, targeted, project)


@bim.misconception(
    "L2 ball",
    "The perturbation was kept to the L2 length ε. Here the bound is on each pixel: none further than ε.",
)
def _(model, images, labels, eps, alpha, n_steps, targeted=False):
    def project(moved):
        r = moved - images
        norms = torch.linalg.vector_norm(r, dim=(1, 2, 3), keepdim=True).clamp_min(1e-12)
        return (images + r * (eps / norms).clamp_max(1)).clamp(0, 1)

    return _bim(model, images, labels, eps, alpha, n_steps, targeted, project)


@bim.misconception(
    "images clipped to ±ε",
    "The images themselves were clipped to [−ε, ε]. It is their *difference* from the original images "
    "that stays within ε.",
)
def _(model, images, labels, eps, alpha, n_steps, targeted=False):
    def project(moved):
        return moved.clamp(-eps, eps).clamp(0, 1)

    return _bim(model, images, labels, eps, alpha, n_steps, targeted, project)


@bim.misconception(
    "zero gradient counted as positive",
    "Pixels whose gradient is exactly 0 were moved. There the sign is 0, and the pixel stays.",
)
def _(model, images, labels, eps, alpha, n_steps, targeted=False):
    uphill = -1 if targeted else 1

    def direction_at(point):
        gradient = uphill * by_autograd_grad(model, point, labels)
        return uphill * torch.where(gradient >= 0, 1.0, -1.0)

    return _bim(model, images, labels, eps, alpha, n_steps, targeted, direction_at=direction_at)


@bim.misconception(
    "one step too many",
    "There is a step too many: there should be n_steps of them.",
)
def _(model, images, labels, eps, alpha, n_steps, targeted=False):
    return by_two_clamps(model, images, labels, eps, alpha, n_steps + 1, targeted)


@bim.misconception(
    "steps of ε/n",
    "Each step has the length ε/n_steps. It is α, which is given.",
)
def _(model, images, labels, eps, alpha, n_steps, targeted=False):
    return by_two_clamps(model, images, labels, eps, eps / n_steps, n_steps, targeted)


@bim.misconception(
    "always from the original",
    "Every step starts at the original images again, so that the steps do not add up. Go on from where the "
    "last one led.",
)
def _(model, images, labels, eps, alpha, n_steps, targeted=False):
    attacked, direction = images.clone(), -1 if targeted else 1
    for _ in range(n_steps):
        step = direction * alpha * by_autograd_grad(model, attacked, labels).sign()
        attacked = _both(images, eps)(images + step)
    return attacked


@bim.misconception(
    "gradients added up",
    "The gradients of all steps so far were added up, as .grad does when nobody empties it. Each step "
    "follows the gradient at the current images alone.",
)
def _(model, images, labels, eps, alpha, n_steps, targeted=False):
    total = torch.zeros_like(images)

    def direction_at(point):
        return total.add_(by_autograd_grad(model, point, labels)).sign()

    return _bim(model, images, labels, eps, alpha, n_steps, targeted, direction_at=direction_at)


@bim.misconception(
    "stops at the first success",
    "Images whose class has changed already were left alone. Make all the steps, also then.",
)
def _(model, images, labels, eps, alpha, n_steps, targeted=False):
    attacked = images.clone()
    for _ in range(n_steps):
        going = ((model(attacked).argmax(dim=1) == labels) != targeted)[:, None, None, None]
        step = by_two_clamps(model, attacked, labels, 1, alpha, 1, targeted)
        attacked = torch.where(going, _both(images, eps)(step), attacked)
    return attacked


@bim.also("stops at the first success")
def _(model, images, labels, eps, alpha, n_steps, targeted=False):
    attacked = images.clone()
    for _ in range(n_steps):
        step = by_two_clamps(model, attacked, labels, 1, alpha, 1, targeted)
        attacked = _both(images, eps)(step)
        if ((model(attacked).argmax(dim=1) == labels) == targeted).all():
            break
    return attacked


@bim.misconception(
    "predicted instead of given labels",
    "The steps lead away from what is predicted at each point, and so back again once the class has "
    "changed. Take the loss for the labels that were given.",
)
def _(model, images, labels, eps, alpha, n_steps, targeted=False):
    def direction_at(point):
        chosen = labels if targeted else model(point).argmax(dim=1)
        return by_autograd_grad(model, point, chosen).sign()

    return _bim(model, images, labels, eps, alpha, n_steps, targeted, direction_at=direction_at)


@bim.misconception(
    "gradient of the logit",
    "The steps follow the logit's gradient. BIM follows the loss's, which also knows the other classes.",
)
def _(model, images, labels, eps, alpha, n_steps, targeted=False):
    def direction_at(point):
        inputs = point.clone().requires_grad_()
        chosen = model(inputs).gather(1, labels[:, None])
        return -torch.autograd.grad(chosen.sum(), inputs)[0].sign()

    return _bim(model, images, labels, eps, alpha, n_steps, targeted, direction_at=direction_at)


@bim.misconception(
    "perturbation alone",
    "This is the perturbation alone. Return the attacked images.",
)
def _(model, images, labels, eps, alpha, n_steps, targeted=False):
    return by_two_clamps(model, images, labels, eps, alpha, n_steps, targeted) - images


@bim.also("predicted instead of given labels")
def _(model, images, labels, eps, alpha, n_steps, targeted=False):
    predicted = model(images).argmax(dim=1)
    return _bim(model, images, predicted, eps, alpha, n_steps, targeted)


@bim.misconception(
    "softmax before the cross-entropy",
    "A softmax was taken before the cross-entropy, which contains one already. Give it the logits.",
)
def _(model, images, labels, eps, alpha, n_steps, targeted=False):
    def probabilities(inputs):
        return model(inputs).softmax(dim=1)

    return _bim(probabilities, images, labels, eps, alpha, n_steps, targeted)


hyperplane_perturbation = Exercise(
    name="hyperplane_perturbation",
    reference=references.hyperplane_perturbation,
    teaches="the shortest way to a boundary, in closed form where it is a plane",
    difficulty=2,
    minutes=15,
    points=2,
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
    "This is the distance to the boundary. Return the perturbation, (N, C, H, W).",
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
    "The bias was added in every pixel, before the sum. It is added once, to w·I.",
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


LONGEST = 1.25  # how much longer than the shortest known a perturbation may be


def _margin(model, attacked, targets):
    """By how much the target's logit is the largest."""
    with torch.no_grad():
        return -_gap(model, attacked, targets)


def _perturbation_traits(value: object, case: Case) -> dict[str, object]:
    """What can be said of a pair (perturbation, success) without knowing the best one."""
    model, images, targets = case.arguments.values()
    if not isinstance(value, tuple) or len(value) != 2 or not isinstance(value[0], Tensor):
        return {"pair": False}
    r, success = value
    if r.shape != images.shape:
        exchanged = isinstance(success, Tensor) and success.shape == images.shape
        return {"pair": True, "shape": False, "exchanged": exchanged}
    if not isinstance(success, Tensor) or success.shape != targets.shape:
        return {"pair": True, "shape": True, "successes": False}
    r = r.to(images)
    attacked, sizes = images + r, r.abs().flatten(1)
    # On the boundary itself the class is undecided: a hair's breadth is forgiven.
    reached = _margin(model, attacked, targets) > -1e-6
    nearer = _margin(model, attacked, targets) - _margin(model, images, targets)
    return {
        "pair": True,
        "shape": True,
        "successes": True,
        "image": bool((_margin(model, r, targets) > -1e-6).all() and r.min() >= -1e-6),
        "in the box": bool((attacked.min() >= -1e-6) and (attacked.max() <= 1 + 1e-6)),
        "reached": bool(reached.all()),
        "honest": bool((success.bool() == reached).all()),
        "nothing": not r.any(),
        "nearer": bool((nearer[~reached] > 0).all()),
        "too far": bool((_margin(model, images + 0.8 * r, targets) > 0).all()),
        "steps of one size": bool((sizes.amax(1) - sizes.median(1).values).max() < 1e-6),
        "norms": sizes.norm(dim=1),
    }


def _perturbation_complaint(value: object, expected: object, case: Case) -> str | None:
    traits = _perturbation_traits(value, case)
    if not traits["pair"]:
        return f"it should be a pair (perturbation, success), got {describe(value)}."
    if not traits["shape"]:
        return "the first of the pair, the perturbations, should have the shape of the images."
    if not traits["successes"]:
        return "the successes should be one True or False for each image, a tensor (N,)."
    if not traits["in the box"]:
        return "images + perturbation leave [0, 1]."
    if not traits["reached"]:
        return "the target class is not reached for every image, although it can be."
    if not traits["honest"]:
        return "the successes do not say for which images the model predicts the target."
    ratio = (traits["norms"] / expected[0].flatten(1).norm(dim=1)).max().item()
    if ratio > LONGEST:
        return (
            f"the target is reached, but by a perturbation {ratio:.2f} times as long as needed. Is the "
            "shortest one kept, and searched for long enough?"
        )
    return None


def _same_traits(one: object, other: object, case: Case) -> bool:
    """Whether two answers go wrong in the same way, or are both short and right."""
    kinds = [_kind(_perturbation_traits(value, case)) for value in (one, other)]
    return kinds[0] == kinds[1]


def _kind(traits: dict[str, object]) -> str:
    for trait in ("pair", "shape", "successes"):
        if not traits[trait]:
            return f"without {trait}, {traits.get('exchanged')}"
    if traits["nothing"] or traits["image"]:
        return "nothing" if traits["nothing"] else "image"
    if not traits["in the box"]:
        return "outside"
    if not traits["reached"]:
        return "short" if traits["nearer"] else "astray"
    if not traits["honest"]:
        return "dishonest"
    if traits["steps of one size"]:
        return "signs"
    return "too far" if traits["too far"] else "near"


@hyperplane_perturbation.also("one step for all images")
def _(weights, bias, images):
    scores = (weights * images).sum(dim=(1, 2, 3)) + bias
    return (-scores.mean() / (weights**2).sum() * weights).expand_as(images)


minimal_perturbation = Exercise(
    name="minimal_perturbation",
    reference=references.minimal_perturbation,
    teaches="an attack as the optimisation problem that it is",
    difficulty=3,
    minutes=45,
    points=4,
    complaint=_perturbation_complaint,
    alike=_same_traits,
    hints=(
        "Turn the constraint into a penalty: minimise ‖r‖² + c·penalty, where the penalty is how much the "
        "target's logit falls short of the largest other one (0 when it does not). Project I + r to "
        "[0, 1] after each step, or let I + r = sigmoid(v).",
        "A large c reaches the class by too long an r, a small c does not reach it. Keep, for each image, "
        "the shortest r that did reach it, and search for the smallest c by bisection.",
        "A simple way that also works: reach the class by any means, and then shorten: follow the "
        "negative gradient of the gap between the largest other logit and the target's in small steps, "
        "project, and finally halve the interval along the segment from I to I + r.",
    ),
)


def _gap(model, attacked, targets):
    """How much the target's logit falls short of the largest other one."""
    logits = model(attacked)
    aim = logits.gather(1, targets[:, None])[:, 0]
    return logits.scatter(1, targets[:, None], -torch.inf).amax(dim=1) - aim


def _reaches(model, attacked, targets):
    with torch.no_grad():
        return _gap(model, attacked, targets) < 0


@minimal_perturbation.right_variant
def by_penalty_and_sigmoid(model, images, targets, n_searches=9, n_steps=150):
    best = torch.full_like(images, torch.inf)
    c, low, high = (torch.full((len(images),), x).double() for x in (1.0, 0.0, torch.inf))
    for _ in range(n_searches):
        v = torch.logit(images.clamp(1e-4, 1 - 1e-4)).requires_grad_()
        optimiser = torch.optim.Adam([v], lr=0.05)
        hit = torch.zeros(len(images), dtype=torch.bool)
        for _ in range(n_steps):
            attacked = torch.sigmoid(v)
            r = attacked - images
            shortfall = (_gap(model, attacked, targets) + 1e-4).clamp_min(0)
            loss = (r.flatten(1).square().sum(1) + c * shortfall).sum()
            (v.grad,) = torch.autograd.grad(loss, v)
            optimiser.step()
            r = (torch.sigmoid(v) - images).detach()
            reached = _reaches(model, images + r, targets)
            shorter = r.flatten(1).norm(dim=1) < best.flatten(1).norm(dim=1)
            best = torch.where((reached & shorter)[:, None, None, None], r, best)
            hit = hit | reached
        low, high = torch.where(hit, low, c), torch.where(hit, c, high)
        c = torch.where(high.isinf(), 10 * c, (low * high).clamp_min(1e-4).sqrt())
    success = torch.isfinite(best).flatten(1).all(dim=1)
    return torch.where(success[:, None, None, None], best, 0.0), success


@minimal_perturbation.right_variant
def by_penalty_and_projection(model, images, targets, n_searches=9, n_steps=150):
    best = torch.full_like(images, torch.inf)
    c, low, high = (torch.full((len(images),), x).double() for x in (1.0, 0.0, torch.inf))
    for _ in range(n_searches):
        r = torch.zeros_like(images)
        hit = torch.zeros(len(images), dtype=torch.bool)
        for step in range(n_steps):
            point = r.clone().requires_grad_()
            shortfall = (_gap(model, images + point, targets) + 1e-4).clamp_min(0)
            loss = (point.flatten(1).square().sum(1) + c * shortfall).sum()
            (slope,) = torch.autograd.grad(loss, point)
            size = torch.linalg.vector_norm(slope, dim=(1, 2, 3), keepdim=True).clamp_min(1e-12)
            r = r - 0.1 * 0.97**step * slope / size
            r = (images + r).clamp(0, 1) - images
            reached = _reaches(model, images + r, targets)
            shorter = r.flatten(1).norm(dim=1) < best.flatten(1).norm(dim=1)
            best = torch.where((reached & shorter)[:, None, None, None], r, best)
            hit = hit | reached
        low, high = torch.where(hit, low, c), torch.where(hit, c, high)
        c = torch.where(high.isinf(), 10 * c, (low * high).clamp_min(1e-4).sqrt())
    success = torch.isfinite(best).flatten(1).all(dim=1)
    return torch.where(success[:, None, None, None], best, 0.0), success


def _short_way(model, images, targets):
    """A way to the targets that is short enough, found in a hurry."""
    return tuple(references.minimal_perturbation(model, images, targets, n_searches=3, n_steps=30))


def _signed_steps(model, images, targets, alpha=0.02, n_steps=60):
    attacked = images.clone()
    for _ in range(n_steps):
        going = ~_reaches(model, attacked, targets)[:, None, None, None]
        step = -alpha * by_autograd_grad(model, attacked, targets).sign()
        attacked = torch.where(going, (attacked + step).clamp(0, 1), attacked)
    return attacked


@minimal_perturbation.misconception(
    "the first attack that works",
    "The target is reached, but not by the smallest perturbation: this one follows the sign of the "
    "gradient, which moves every pixel alike. Minimise the L2 norm.",
)
def _(model, images, targets):
    r = _signed_steps(model, images, targets) - images
    return r, _reaches(model, images + r, targets)


@minimal_perturbation.misconception(
    "penalty too strong",
    "The target is reached, but far beyond the boundary: the penalty outweighs the norm. Search for the "
    "smallest weight that still reaches the class, and keep the shortest perturbation.",
)
def _(model, images, targets):
    r, success = _short_way(model, images, targets)
    longer = (images + 3 * r).clamp(0, 1) - images
    return longer, success


@minimal_perturbation.misconception(
    "attacked images returned",
    "These are the attacked images. Return the perturbation r alone, and the successes.",
)
def _(model, images, targets):
    r, success = _short_way(model, images, targets)
    return images + r, success


@minimal_perturbation.misconception(
    "without successes",
    "Only the perturbations are returned. Return a pair: the perturbations, and for each image whether "
    "its target was reached.",
)
def _(model, images, targets):
    return _short_way(model, images, targets)[0]


@minimal_perturbation.misconception(
    "away instead of towards",
    "The perturbation leads away from the target class. `targets` are to be reached: the target's logit "
    "has to become the largest.",
)
def _(model, images, targets):
    r, _ = _short_way(model, images, targets)
    away = (images - r).clamp(0, 1) - images
    return away, _reaches(model, images + away, targets)


@minimal_perturbation.misconception(
    "stops short",
    "The perturbation stops before the boundary: the model does not predict the target yet, at least for "
    "some images. Keep only perturbations with which it does, also after clipping.",
)
def _(model, images, targets):
    r, _ = _short_way(model, images, targets)
    return 0.9 * r, torch.ones(len(images), dtype=torch.bool)


@minimal_perturbation.misconception(
    "nothing changed",
    "The perturbation is zero. Was the best one kept, and for each image its own?",
)
def _(model, images, targets):
    return torch.zeros_like(images), torch.zeros(len(images), dtype=torch.bool)


@minimal_perturbation.misconception(
    "successes of another image",
    "The perturbations reach their targets, but the successes say otherwise. Ask the model at I + r, and "
    "compare its class with the target.",
)
def _(model, images, targets):
    r, _ = _short_way(model, images, targets)
    return r, model(images).argmax(dim=1) == targets


@minimal_perturbation.misconception(
    "pair the other way round",
    "The pair is the other way round: first the perturbations, then the successes.",
)
def _(model, images, targets):
    return _short_way(model, images, targets)[::-1]


@minimal_perturbation.misconception(
    "box forgotten",
    "I + r leaves [0, 1]. Clamp between the steps, so that the search goes on inside the box.",
)
def _(model, images, targets):
    attacked = images.clone()
    for _ in range(60):
        point = attacked.clone().requires_grad_()
        gap = _gap(model, point, targets)
        (slope,) = torch.autograd.grad(gap.sum(), point)
        size = slope.flatten(1).square().sum(1)
        attacked = attacked - ((gap.detach() + 1e-2) / size)[:, None, None, None] * slope
    return attacked - images, _reaches(model, attacked, targets)


why_attacks_work = WrittenQuestion(
    name="why_attacks_work",
    teaches="seeing the attack and the saliency map as two uses of one gradient",
    minutes=15,
    points=4,
    rubric=(
        (
            4,
            "Explains why many tiny changes add up (dimension, or the L1 norm of the gradient), names what "
            "attack and saliency map share and in what they differ, says which bound (L∞ or L2) leads to "
            "which direction, and uses a measurement of this notebook.",
        ),
        (3, "As above, with one part missing."),
        (2, "Names what the two share, without explaining why tiny changes suffice."),
        (1, "Describes how an attack is computed."),
        (0, "No answer, or one that has nothing to do with the attack."),
    ),
)
