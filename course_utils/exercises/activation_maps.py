"""The exercises of lecture 4: activation maps."""

from __future__ import annotations

import copy

import torch
from torch.nn import functional as F

from course_utils import activation_maps as references
from course_utils.exercises.exercise import Exercise, WrittenQuestion

class_activation_map = Exercise(
    name="class_activation_map",
    reference=references.class_activation_map,
    teaches="how a network with global average pooling carries its own map",
    difficulty=1,
    minutes=10,
    points=2,
    hints=(
        "The map is a weighted sum of the channels. Which numbers of the last layer weigh them for "
        "this class?",
        "Row `target` of `weight` holds one number for each channel: w = weight[target].",
        "Give w the axes (1, K, 1, 1), multiply it with the activations, and sum over the channels.",
    ),
)


@class_activation_map.right_variant
def by_weighted_sum(activations, weight, target):
    return (weight[target][None, :, None, None] * activations).sum(dim=1)


@class_activation_map.right_variant
def by_tensordot(activations, weight, target):
    return torch.tensordot(activations, weight[target], dims=([1], [0]))


@class_activation_map.right_variant
def by_convolution(activations, weight, target):
    return F.conv2d(activations, weight[target].reshape(1, -1, 1, 1)).squeeze(1)


@class_activation_map.right_variant
def channel_by_channel(activations, weight, target):
    maps = torch.zeros_like(activations[:, 0])
    for channel in range(activations.shape[1]):
        maps = maps + weight[target, channel] * activations[:, channel]
    return maps


@class_activation_map.misconception(
    "column instead of row",
    "The weights were taken from a column of the last layer. It has the shape (classes, K): a class "
    "is a row.",
)
def _(activations, weight, target):
    return (weight[:, target][None, :, None, None] * activations).sum(dim=1)


@class_activation_map.misconception(
    "ReLU",
    "Negative values are gone. CAM keeps them: the ReLU belongs to Grad-CAM.",
)
def _(activations, weight, target):
    return by_weighted_sum(activations, weight, target).relu()


@class_activation_map.misconception(
    "mean over the channels",
    "The channels were averaged. CAM sums them: here the map is K times too small.",
)
def _(activations, weight, target):
    return (weight[target][None, :, None, None] * activations).mean(dim=1)


@class_activation_map.misconception(
    "channels not summed",
    "The weighted channels are still there. Sum over them: one map for each image.",
)
def _(activations, weight, target):
    return weight[target][None, :, None, None] * activations


@class_activation_map.misconception(
    "maps of all classes",
    "There is a map for every class. Return that of `target` alone.",
)
def _(activations, weight, target):
    return torch.einsum("ck,nkhw->nchw", weight, activations)


@class_activation_map.misconception(
    "weights ignored",
    "The channels were summed without their weights, so that the map is the same for every class.",
)
def _(activations, weight, target):
    return activations.sum(dim=1)


@class_activation_map.misconception(
    "weights without sign",
    "The magnitudes of the weights were used. A negative weight says that the channel speaks against "
    "the class: keep its sign.",
)
def _(activations, weight, target):
    return by_weighted_sum(activations, weight.abs(), target)


@class_activation_map.misconception(
    "softmax of the weights",
    "A softmax was taken of the weights. Use them as they stand in the last layer.",
)
def _(activations, weight, target):
    return by_weighted_sum(activations, weight.softmax(dim=1), target)


@class_activation_map.misconception(
    "scaled to [0, 1]",
    "The maps are stretched to [0, 1]. That is a choice for plotting: return them as they are.",
)
def _(activations, weight, target):
    maps = by_weighted_sum(activations, weight, target)
    low, high = maps.amin((1, 2), keepdim=True), maps.amax((1, 2), keepdim=True)
    return (maps - low) / (high - low)


@class_activation_map.also("scaled to [0, 1]")
def _(activations, weight, target):
    maps = by_weighted_sum(activations, weight, target).relu()
    return maps / maps.amax((1, 2), keepdim=True)


@class_activation_map.also("scaled to [0, 1]")
def _(activations, weight, target):
    maps = by_weighted_sum(activations, weight, target)
    return (maps - maps.min()) / (maps.max() - maps.min())


@class_activation_map.misconception(
    "ReLU of each channel",
    "Each weighted channel went through a ReLU before the sum. CAM has no ReLU: channels that speak "
    "against the class take away from the map.",
)
def _(activations, weight, target):
    return (weight[target][None, :, None, None] * activations).relu().sum(dim=1)


@class_activation_map.misconception(
    "weights from the pooling",
    "The channels were weighted with their own means. The pooling only makes room for the weights: they "
    "are those of the linear layer after it, and without them all classes have the same map.",
)
def _(activations, weight, target):
    return (activations.mean(dim=(2, 3), keepdim=True) * activations).sum(dim=1)


@class_activation_map.misconception(
    "divided by the number of positions",
    "The map is h·w times too small. The mean over the positions comes after the map, in the logit: the "
    "map itself is not divided.",
)
def _(activations, weight, target):
    n_positions = activations.shape[2] * activations.shape[3]
    return by_weighted_sum(activations, weight, target) / n_positions


@class_activation_map.misconception(
    "pooled",
    "This is the class's logit (without its bias): the positions were averaged. The map keeps them.",
)
def _(activations, weight, target):
    return activations.mean(dim=(2, 3)) @ weight[target]


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


def _recorded(model, layer, images, score, keep_clone=True, remove=True):
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
    return _recorded(model, layer, images, lambda z: z[:, target].sum(), remove=False)


@record.misconception(
    "hooks of others removed",
    "Activations and gradients are right, but the layer has lost hooks that were not yours: all of them "
    "were cleared. Remove your own by the handle's remove().",
)
def _(model, layer, images, target):
    recorded = _recorded(model, layer, images, lambda z: z[:, target].sum(), remove=False)
    layer._forward_hooks.clear()
    return recorded


@record.misconception(
    "changed in place",
    "What was kept is not what the layer put out: an in-place ReLU after it has overwritten it. Keep "
    "the output and let the hook return a clone of it.",
)
def _(model, layer, images, target):
    return _recorded(model, layer, images, lambda z: z[:, target].sum(), keep_clone=False)


@record.misconception(
    "softmax probability",
    "These are the gradients of the softmax probability. The score is the logit, before the softmax.",
)
def _(model, layer, images, target):
    return _recorded(model, layer, images, lambda z: z.softmax(1)[:, target].sum())


@record.misconception(
    "cross-entropy loss",
    "These are the gradients of the cross-entropy loss. The score is the logit of the target.",
)
def _(model, layer, images, target):
    labels = torch.full((len(images),), target)
    return _recorded(model, layer, images, lambda z: F.cross_entropy(z, labels, reduction="sum"))


@record.also("cross-entropy loss")
def _(model, layer, images, target):
    labels = torch.full((len(images),), target)
    return _recorded(model, layer, images, lambda z: F.cross_entropy(z, labels))


@record.misconception(
    "logarithm of the softmax",
    "These are the gradients of the logarithm of the softmax probability, in which all classes take "
    "part. The score is the logit of the target.",
)
def _(model, layer, images, target):
    return _recorded(model, layer, images, lambda z: z.log_softmax(1)[:, target].sum())


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
    return _recorded(model, layer, images, lambda z: z.amax(dim=1).sum())


@record.misconception(
    "all classes",
    "These are the gradients of the sum over all classes. Take the logit of `target` alone.",
)
def _(model, layer, images, target):
    return _recorded(model, layer, images, lambda z: z.sum())


@record.misconception(
    "mean over the batch",
    "The gradients are divided by the number of images, as if the mean of the scores had been "
    "differentiated. Take their sum.",
)
def _(model, layer, images, target):
    return _recorded(model, layer, images, lambda z: z[:, target].mean())


@record.misconception(
    "only the first image",
    "Only the first image has gradients. Differentiate the sum over all images.",
)
def _(model, layer, images, target):
    return _recorded(model, layer, images, lambda z: z[0, target])


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


gradcam_weights = Exercise(
    name="gradcam_weights",
    reference=references.gradcam_weights,
    teaches="what replaces the last layer's weights when there is no global average pooling",
    difficulty=1,
    minutes=5,
    points=1,
    hints=(
        "One weight for each channel of each image: which axes are averaged?",
        "Average over the positions, axes 2 and 3, with the signs as they are.",
        "gradients.mean(dim=(2, 3)).",
    ),
)


@gradcam_weights.right_variant
def by_flattening(gradients):
    return gradients.flatten(2).mean(dim=2)


@gradcam_weights.right_variant
def by_pooling(gradients):
    return F.adaptive_avg_pool2d(gradients, 1).flatten(1)


@gradcam_weights.right_variant
def by_sum_and_count(gradients):
    return gradients.sum((-2, -1)) / (gradients.shape[2] * gradients.shape[3])


@gradcam_weights.misconception(
    "sum instead of mean",
    "These are sums over the positions. Divide by their number: the weights are means.",
)
def _(gradients):
    return gradients.sum(dim=(2, 3))


@gradcam_weights.misconception(
    "mean over the batch",
    "The images were averaged too. Each image has weights of its own.",
)
def _(gradients):
    return gradients.mean(dim=(0, 2, 3))


@gradcam_weights.misconception(
    "one weight for all channels",
    "The channels were averaged. Each channel has a weight of its own.",
)
def _(gradients):
    return gradients.mean(dim=(1, 2, 3))


@gradcam_weights.misconception(
    "magnitudes",
    "The magnitudes were averaged. A channel with a negative mean speaks against the class: keep the "
    "sign.",
)
def _(gradients):
    return gradients.abs().mean(dim=(2, 3))


@gradcam_weights.misconception(
    "positive gradients only",
    "Negative gradients were set to 0 before averaging. The ReLU comes later, on the finished map.",
)
def _(gradients):
    return gradients.relu().mean(dim=(2, 3))


@gradcam_weights.misconception(
    "positive means only",
    "Negative means were set to 0. A channel may speak against the class: the ReLU comes later, on the "
    "finished map.",
)
def _(gradients):
    return gradients.mean(dim=(2, 3)).relu()


@gradcam_weights.misconception(
    "divided by their length",
    "The weights of each image were divided by their length. Use the means as they are.",
)
def _(gradients):
    return F.normalize(gradients.mean(dim=(2, 3)), dim=1)


@gradcam_weights.misconception(
    "maximum",
    "This is the largest gradient of each channel. The weights are means.",
)
def _(gradients):
    return gradients.amax(dim=(2, 3))


@gradcam_weights.misconception(
    "axes kept",
    "The numbers are right, but the averaged axes are still there, with length 1. The result should "
    "have the shape (N, K).",
)
def _(gradients):
    return gradients.mean(dim=(2, 3), keepdim=True)


@gradcam_weights.misconception(
    "softmax",
    "A softmax was taken over the channels. The weights are the means themselves.",
)
def _(gradients):
    return gradients.mean(dim=(2, 3)).softmax(dim=1)


gradcam = Exercise(
    name="gradcam",
    reference=references.gradcam,
    teaches="a map for any convolutional network, class by class",
    difficulty=2,
    minutes=20,
    points=3,
    hints=(
        "You have all the parts: record, gradcam_weights, a weighted sum, a ReLU, an enlargement.",
        "The ReLU comes after the sum over the channels. The enlargement comes last.",
        "F.interpolate takes (N, 1, h, w) and a size (H, W): mode='bilinear', align_corners=False.",
    ),
)


def _parts(model, layer, images, target):
    activations, gradients = by_clone_in_the_hook(model, layer, images, target)
    return activations, gradients, gradients.mean(dim=(2, 3), keepdim=True)


def _enlarged(maps, images, **options):
    options = {"mode": "bilinear", "align_corners": False, **options}
    return F.interpolate(maps[:, None], size=images.shape[-2:], **options)[:, 0]


@gradcam.right_variant
def by_its_formula(model, layer, images, target):
    activations, _, w = _parts(model, layer, images, target)
    return _enlarged((w * activations).sum(dim=1).relu(), images)


@gradcam.right_variant
def image_by_image(model, layer, images, target):
    maps = []
    for image in images:
        activations, gradients = by_new_leaf(model, layer, image[None], target)
        w = gradients[0].mean(dim=(1, 2))
        one = torch.clamp(torch.tensordot(w, activations[0], dims=1), min=0)
        maps.append(F.interpolate(one[None, None], image.shape[-2:], mode="bilinear")[0, 0])
    return torch.stack(maps)


@gradcam.right_variant
def by_einsum(model, layer, images, target):
    activations, gradients = by_clone_in_the_hook(model, layer, images, target)
    maps = torch.einsum("nk,nkhw->nhw", gradients.mean((2, 3)), activations).clamp_min(0)
    enlarge = torch.nn.Upsample(size=tuple(images.shape[-2:]), mode="bilinear")
    return enlarge(maps.unsqueeze(1)).squeeze(1)


@gradcam.misconception(
    "without ReLU",
    "Negative values are still there. Grad-CAM ends with a ReLU: what speaks against the class is set "
    "to 0.",
)
def _(model, layer, images, target):
    activations, _, w = _parts(model, layer, images, target)
    return _enlarged((w * activations).sum(dim=1), images)


@gradcam.misconception(
    "ReLU before the sum",
    "The ReLU was taken of every channel. It belongs after the sum over the channels, so that channels "
    "may cancel.",
)
def _(model, layer, images, target):
    activations, _, w = _parts(model, layer, images, target)
    return _enlarged((w * activations).relu().sum(dim=1), images)


@gradcam.misconception(
    "magnitude instead of ReLU",
    "The magnitude was taken where the ReLU belongs: what speaks against the class now looks as if it "
    "spoke for it.",
)
def _(model, layer, images, target):
    activations, _, w = _parts(model, layer, images, target)
    return _enlarged((w * activations).sum(dim=1).abs(), images)


@gradcam.misconception(
    "weights averaged over the batch",
    "The weights were averaged over the images. Each image has weights of its own.",
)
def _(model, layer, images, target):
    activations, _, w = _parts(model, layer, images, target)
    return _enlarged((w.mean(dim=0, keepdim=True) * activations).sum(dim=1).relu(), images)


@gradcam.misconception(
    "sum instead of mean in the weights",
    "The weights are sums of the gradients over the positions. They should be means.",
)
def _(model, layer, images, target):
    activations, gradients, w = _parts(model, layer, images, target)
    n_positions = gradients.shape[2] * gradients.shape[3]
    return _enlarged(n_positions * (w * activations).sum(dim=1).relu(), images)


@gradcam.misconception(
    "gradient times activation, place by place",
    "Gradients and activations were multiplied place by place. Grad-CAM averages the gradients over the "
    "positions first: one weight for each channel.",
)
def _(model, layer, images, target):
    activations, gradients, _ = _parts(model, layer, images, target)
    return _enlarged((gradients * activations).sum(dim=1).relu(), images)


@gradcam.misconception(
    "not enlarged",
    "The maps have the size of the layer. Enlarge them to that of the images, (N, H, W).",
)
def _(model, layer, images, target):
    activations, _, w = _parts(model, layer, images, target)
    return (w * activations).sum(dim=1).relu()


@gradcam.misconception(
    "corners aligned",
    "The maps were enlarged with align_corners=True, which shifts them against the image. Leave it "
    "False.",
)
def _(model, layer, images, target):
    activations, _, w = _parts(model, layer, images, target)
    return _enlarged((w * activations).sum(dim=1).relu(), images, align_corners=True)


@gradcam.misconception(
    "nearest neighbour",
    "The maps were enlarged by copying the nearest value. The exercise asks for bilinear enlargement.",
)
def _(model, layer, images, target):
    activations, _, w = _parts(model, layer, images, target)
    maps = (w * activations).sum(dim=1).relu()
    return _enlarged(maps, images, mode="nearest", align_corners=None)


@gradcam.misconception(
    "height and width exchanged",
    "Height and width are exchanged in the enlargement: the size is (H, W).",
)
def _(model, layer, images, target):
    activations, _, w = _parts(model, layer, images, target)
    return _enlarged((w * activations).sum(dim=1).relu(), images.transpose(2, 3))


@gradcam.misconception(
    "scaled to [0, 1]",
    "Each map was divided by its largest value. That is a choice for plotting: return it as it is.",
)
def _(model, layer, images, target):
    maps = by_its_formula(model, layer, images, target)
    return maps / maps.amax(dim=(1, 2), keepdim=True).clamp_min(1e-12)


@gradcam.also("scaled to [0, 1]")
def _(model, layer, images, target):
    activations, _, w = _parts(model, layer, images, target)
    maps = (w * activations).sum(dim=1).relu()
    return _enlarged(maps / maps.amax(dim=(1, 2), keepdim=True).clamp_min(1e-12), images)


@gradcam.misconception(
    "scaled over the whole batch",
    "All maps together were divided by one largest value, so that a map depends on which other images "
    "are in the batch. Return each as it is.",
)
def _(model, layer, images, target):
    maps = by_its_formula(model, layer, images, target)
    return (maps - maps.min()) / (maps.max() - maps.min()).clamp_min(1e-12)


@gradcam.misconception(
    "ReLU after the enlargement",
    "The ReLU was taken after the enlargement, so that negative neighbours eat into positive values. It "
    "comes before.",
)
def _(model, layer, images, target):
    activations, _, w = _parts(model, layer, images, target)
    return _enlarged((w * activations).sum(dim=1), images).relu()


@gradcam.misconception(
    "positive gradients only",
    "Negative gradients were set to 0 before averaging. The ReLU belongs to the finished map alone.",
)
def _(model, layer, images, target):
    activations, gradients, _ = _parts(model, layer, images, target)
    w = gradients.relu().mean(dim=(2, 3), keepdim=True)
    return _enlarged((w * activations).sum(dim=1).relu(), images)


@gradcam.misconception(
    "positive weights only",
    "Channels with a negative weight were left out. They count: a ReLU belongs to the finished map alone.",
)
def _(model, layer, images, target):
    activations, _, w = _parts(model, layer, images, target)
    return _enlarged((w.relu() * activations).sum(dim=1).relu(), images)


@gradcam.misconception(
    "magnitudes of the gradients",
    "The magnitudes of the gradients were averaged. Keep their signs: they may cancel within a channel.",
)
def _(model, layer, images, target):
    activations, gradients, _ = _parts(model, layer, images, target)
    w = gradients.abs().mean(dim=(2, 3), keepdim=True)
    return _enlarged((w * activations).sum(dim=1).relu(), images)


@gradcam.misconception(
    "mean over the channels",
    "The weighted channels were averaged. They are summed: here the map is K times too small.",
)
def _(model, layer, images, target):
    activations, _, w = _parts(model, layer, images, target)
    return _enlarged((w * activations).mean(dim=1).relu(), images)


@gradcam.misconception(
    "softmax probability",
    "This is the map of the softmax probability. Grad-CAM takes the logit, before the softmax.",
)
def _(model, layer, images, target):
    activations, gradients = _recorded(
        model, layer, images, lambda z: z.softmax(1)[:, target].sum()
    )
    w = gradients.mean(dim=(2, 3), keepdim=True)
    return _enlarged((w * activations).sum(dim=1).relu(), images)


coarse_map = WrittenQuestion(
    name="coarse_map",
    teaches="what a coarse map can say, and what it cannot",
    minutes=15,
    points=4,
    rubric=(
        (
            4,
            "Says what one value of the map stands for (resolution, receptive field), what the ReLU and "
            "the averaged gradient leave out, which conclusions are safe and which are not, and uses a "
            "measurement of this notebook.",
        ),
        (3, "As above, but without a measurement, or with one of the three missing."),
        (2, "Names a limit of the map, but not where it comes from."),
        (1, "Describes the map, without judging what it can say."),
        (0, "No answer, or one that has nothing to do with the map."),
    ),
)
