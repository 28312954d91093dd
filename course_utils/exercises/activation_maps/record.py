"""The exercise `record`: what it asks for, right answers of other kinds, and misconceptions."""

from __future__ import annotations

import copy

import torch
from torch.nn import functional as F

from course_utils import activation_maps as references
from course_utils.exercises.exercise import Exercise

record = Exercise(
    name="record",
    reference=references.record,
    teaches="looking into a network while it works, and leaving it as it was",
    difficulty=3,
    minutes=25,
    points=3,
    hints=(
        "layer.register_forward_hook(function) calls function(layer, inputs, output) in each forward "
        "pass. It returns a handle whose remove() takes the hook away again.",
        "Keep the output in the hook, and return a clone of it from the hook: then nothing that "
        "follows can change what you kept. Differentiate the sum of the target's logits with respect "
        "to what you kept, with torch.autograd.grad.",
        "Put the forward pass between `try:` and `finally: handle.remove()`. Return the activations "
        "detached, and the gradients.",
    ),
)


@record.right_variant
def by_clone_in_the_hook(model, layer, images, target):
    kept = []

    def keep(_module, _inputs, output):
        kept.append(output)
        return output.clone()

    handle = layer.register_forward_hook(keep)
    try:
        score = model(images)[:, target].sum()
    finally:
        handle.remove()
    (gradients,) = torch.autograd.grad(score, kept[0])
    return kept[0].detach(), gradients


@record.right_variant
def by_new_leaf(model, layer, images, target):
    leaf = {}

    def replace(_module, _inputs, output):
        leaf["value"] = output.detach().clone().requires_grad_(True)
        return leaf["value"] * 1.0

    with_hook = layer.register_forward_hook(replace)
    logits = model(images)
    with_hook.remove()
    gradients = torch.autograd.grad(logits[:, target].sum(), leaf["value"])[0]
    return leaf["value"].detach().clone(), gradients


@record.right_variant
def by_backward_on_a_copy(model, layer, images, target):
    name = next(name for name, part in model.named_modules() if part is layer)
    model = copy.deepcopy(model)
    kept = {}

    def keep(_module, _inputs, output):
        kept["output"] = output
        output.retain_grad()
        return output.clone()

    model.get_submodule(name).register_forward_hook(keep)
    model(images)[:, target].sum().backward()
    return kept["output"].detach(), kept["output"].grad


def recorded_with(model, layer, images, score, keep_clone=True, remove=True):
    kept = []

    def keep(_module, _inputs, output):
        kept.append(output)
        return output.clone() if keep_clone else None

    handle = layer.register_forward_hook(keep)
    value = score(model(images))
    if remove:
        handle.remove()
    return kept[0].detach(), torch.autograd.grad(value, kept[0])[0]


@record.misconception(
    "hook left behind",
    "Activations and gradients are right, but the hook is still on the layer, and works in every "
    "later forward pass. Keep the handle and call its remove().",
)
def _(model, layer, images, target):
    return recorded_with(model, layer, images, lambda z: z[:, target].sum(), remove=False)


@record.misconception(
    "hooks of others removed",
    "Activations and gradients are right, but the layer has lost hooks that were not yours: all of them "
    "were cleared. Remove your own by the handle's remove().",
)
def _(model, layer, images, target):
    recorded = recorded_with(model, layer, images, lambda z: z[:, target].sum(), remove=False)
    layer._forward_hooks.clear()
    return recorded


@record.misconception(
    "changed in place",
    "What was kept is not what the layer put out: an in-place ReLU after it has overwritten it. Keep "
    "the output and let the hook return a clone of it.",
)
def _(model, layer, images, target):
    return recorded_with(model, layer, images, lambda z: z[:, target].sum(), keep_clone=False)


@record.misconception(
    "softmax probability",
    "These are the gradients of the softmax probability. The score is the logit, before the softmax.",
)
def _(model, layer, images, target):
    return recorded_with(model, layer, images, lambda z: z.softmax(1)[:, target].sum())


@record.misconception(
    "cross-entropy loss",
    "These are the gradients of the cross-entropy loss. The score is the logit of the target.",
)
def _(model, layer, images, target):
    labels = torch.full((len(images),), target)
    return recorded_with(
        model, layer, images, lambda z: F.cross_entropy(z, labels, reduction="sum")
    )


@record.also("cross-entropy loss")
def _(model, layer, images, target):
    labels = torch.full((len(images),), target)
    return recorded_with(model, layer, images, lambda z: F.cross_entropy(z, labels))


@record.misconception(
    "logarithm of the softmax",
    "These are the gradients of the logarithm of the softmax probability, in which all classes take "
    "part. The score is the logit of the target.",
)
def _(model, layer, images, target):
    return recorded_with(model, layer, images, lambda z: z.log_softmax(1)[:, target].sum())


@record.misconception(
    "magnitudes",
    "The gradients have lost their sign. Return them as they are: a negative one speaks against the "
    "class.",
)
def _(model, layer, images, target):
    activations, gradients = by_clone_in_the_hook(model, layer, images, target)
    return activations, gradients.abs()


@record.misconception(
    "averaged over the positions",
    "The gradients were averaged over the positions. That is the next exercise: here they have the "
    "layer's whole shape.",
)
def _(model, layer, images, target):
    activations, gradients = by_clone_in_the_hook(model, layer, images, target)
    return activations, gradients.mean(dim=(2, 3))


@record.misconception(
    "winning class",
    "These are the gradients of the largest logit, whichever class it belongs to. Take the logit of "
    "`target`.",
)
def _(model, layer, images, target):
    return recorded_with(model, layer, images, lambda z: z.amax(dim=1).sum())


@record.misconception(
    "all classes",
    "These are the gradients of the sum over all classes. Take the logit of `target` alone.",
)
def _(model, layer, images, target):
    return recorded_with(model, layer, images, lambda z: z.sum())


@record.misconception(
    "mean over the batch",
    "The gradients are divided by the number of images, as if the mean of the scores had been "
    "differentiated. Take their sum.",
)
def _(model, layer, images, target):
    return recorded_with(model, layer, images, lambda z: z[:, target].mean())


@record.misconception(
    "only the first image",
    "Only the first image has gradients. Differentiate the sum over all images.",
)
def _(model, layer, images, target):
    return recorded_with(model, layer, images, lambda z: z[0, target])


@record.misconception(
    "order exchanged",
    "The two results are exchanged: activations first, then gradients.",
)
def _(model, layer, images, target):
    activations, gradients = by_clone_in_the_hook(model, layer, images, target)
    return gradients, activations


@record.misconception(
    "parameters' gradients changed",
    "Activations and gradients are right, but the .grad of the model's parameters has changed: "
    "backward() adds to it, zero_grad() wipes it. It belongs to the caller. torch.autograd.grad leaves "
    "it alone.",
)
def _(model, layer, images, target):
    kept = []

    def keep(_module, _inputs, output):
        output.retain_grad()
        kept.append(output)
        return output.clone()

    handle = layer.register_forward_hook(keep)
    model(images)[:, target].sum().backward()
    handle.remove()
    return kept[0].detach(), kept[0].grad


@record.also("parameters' gradients changed")
def _(model, layer, images, target):
    model.zero_grad()
    return by_clone_in_the_hook(model, layer, images, target)
