"""The exercise `gradcam`: what it asks for, right answers of other kinds, and misconceptions."""

from __future__ import annotations

import torch
from torch.nn import functional as F

from course_utils import activation_maps as references
from course_utils.exercises.activation_maps.record import (
    by_clone_in_the_hook,
    by_new_leaf,
    recorded_with,
)
from course_utils.exercises.exercise import Exercise

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
    activations, gradients = recorded_with(
        model, layer, images, lambda z: z.softmax(1)[:, target].sum()
    )
    w = gradients.mean(dim=(2, 3), keepdim=True)
    return _enlarged((w * activations).sum(dim=1).relu(), images)
