"""The exercise `bim`: what it asks for, right answers of other kinds, and misconceptions."""

from __future__ import annotations

import torch

from course_utils import adversarial as references
from course_utils.exercises.adversarial.fgsm import moved_along
from course_utils.exercises.adversarial.loss_gradient import (
    by_autograd_grad,
    by_log_probabilities,
    one_image_at_a_time,
)
from course_utils.exercises.exercise import Exercise

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
        attacked = project(moved_along(attacked, direction_at(attacked), alpha, targeted))
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


@bim.misconception(
    "a single step",
    "A single step was made: there should be n_steps of them. Does the `return` stand inside the loop?",
)
def _(model, images, labels, eps, alpha, n_steps, targeted=False):
    return by_two_clamps(model, images, labels, eps, alpha, 1, targeted)


@bim.misconception(
    "images not added back",
    "The difference from the original images was kept within ε, and then taken for the images themselves. "
    "Add the original images again: images + (attacked − images).clamp(−eps, eps).",
)
def _(model, images, labels, eps, alpha, n_steps, targeted=False):
    def project(moved):
        return (moved - images).clamp(-eps, eps).clamp(0, 1)

    return _bim(model, images, labels, eps, alpha, n_steps, targeted, project)


@bim.also("images not added back")
def _(model, images, labels, eps, alpha, n_steps, targeted=False):
    def project(moved):
        return (moved - images).clamp(-eps, eps)

    return _bim(model, images, labels, eps, alpha, n_steps, targeted, project)


@bim.misconception(
    "clipped to the images' own range",
    "The attacked images were clipped to the smallest and largest value of the images. The bounds are 0 "
    "and 1, whatever the images hold.",
)
def _(model, images, labels, eps, alpha, n_steps, targeted=False):
    def project(moved):
        return _both(images, eps)(moved).clamp(images.min(), images.max())

    return _bim(model, images, labels, eps, alpha, n_steps, targeted, project)


@bim.also("not clipped to [0, 1]")
def _(model, images, labels, eps, alpha, n_steps, targeted=False):
    def project(moved):
        return (images + (moved - images).clamp(-eps, eps)).clamp(-1, 1)

    return _bim(model, images, labels, eps, alpha, n_steps, targeted, project)


@bim.also("not clipped to [0, 1]")
def _(model, images, labels, eps, alpha, n_steps, targeted=False):
    def project(moved):
        return (images + (moved - images).clamp(-eps, eps)).clamp_min(0)

    return _bim(model, images, labels, eps, alpha, n_steps, targeted, project)


@bim.also("without sign function")
def _(model, images, labels, eps, alpha, n_steps, targeted=False):
    def direction_at(point):
        return by_autograd_grad(model, point, labels) / len(images)  # of the mean loss

    return _bim(model, images, labels, eps, alpha, n_steps, targeted, direction_at=direction_at)


@bim.also("without sign function")
def _(model, images, labels, eps, alpha, n_steps, targeted=False):
    def direction_at(point):
        gradient = by_autograd_grad(model, point, labels)
        return gradient / gradient.abs().amax(dim=(1, 2, 3), keepdim=True)

    return _bim(model, images, labels, eps, alpha, n_steps, targeted, direction_at=direction_at)


@bim.also("bounded on one side")
def _(model, images, labels, eps, alpha, n_steps, targeted=False):
    def project(moved):
        return torch.maximum(moved, images - eps).clamp(0, 1)

    return _bim(model, images, labels, eps, alpha, n_steps, targeted, project)


@bim.also("zero gradient counted as positive")
def _(model, images, labels, eps, alpha, n_steps, targeted=False):
    def direction_at(point):
        return torch.where(by_autograd_grad(model, point, labels) > 0, 1.0, -1.0)

    return _bim(model, images, labels, eps, alpha, n_steps, targeted, direction_at=direction_at)


@bim.also("stops at the first success")
def _(model, images, labels, eps, alpha, n_steps, targeted=False):
    attacked = images.clone()
    for _ in range(n_steps):
        if ((model(attacked).argmax(dim=1) == labels) == targeted).all():
            break
        step = by_two_clamps(model, attacked, labels, 1, alpha, 1, targeted)
        attacked = _both(images, eps)(step)
    return attacked


@bim.also("stops at the first success")
def _(model, images, labels, eps, alpha, n_steps, targeted=False):
    attacked = images.clone()
    going = torch.ones_like(labels, dtype=torch.bool)
    for _ in range(n_steps):
        step = by_two_clamps(model, attacked, labels, 1, alpha, 1, targeted)
        attacked = torch.where(going[:, None, None, None], _both(images, eps)(step), attacked)
        going = going & ((model(attacked).argmax(dim=1) == labels) != targeted)
    return attacked


@bim.also("gradient of the logit")
def _(model, images, labels, eps, alpha, n_steps, targeted=False):
    def direction_at(point):
        inputs = point.clone().requires_grad_()
        chosen = model(inputs).gather(1, labels[:, None])
        return torch.autograd.grad(chosen.sum(), inputs)[0].sign()

    return _bim(model, images, labels, eps, alpha, n_steps, targeted, direction_at=direction_at)


@bim.also("perturbation alone")
def _(model, images, labels, eps, alpha, n_steps, targeted=False):
    def project(moved):
        return images + (moved - images).clamp(-eps, eps)

    return _bim(model, images, labels, eps, alpha, n_steps, targeted, project) - images


@bim.also("gradient of the first image")
def _(model, images, labels, eps, alpha, n_steps, targeted=False):
    step = by_autograd_grad(model, images, labels).sign()
    return moved_along(images, step, n_steps * alpha, targeted).clamp(
        0, 1
    )  # and no ε, as in the notes


@bim.also("without sign function")
def _(model, images, labels, eps, alpha, n_steps, targeted=False):
    def direction_at(point):
        gradient = by_autograd_grad(model, point, labels)
        return gradient / gradient.norm()

    return _bim(model, images, labels, eps, alpha, n_steps, targeted, direction_at=direction_at)


@bim.misconception(
    "first image's label",
    "The first image's label was used for all images. Each image has its own.",
)
def _(model, images, labels, eps, alpha, n_steps, targeted=False):
    return by_two_clamps(model, images, labels[:1].expand_as(labels), eps, alpha, n_steps, targeted)
