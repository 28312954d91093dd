"""The exercise `gradcam_weights`: what it asks for, right answers of other kinds, and misconceptions."""

from __future__ import annotations

from torch.nn import functional as F

from course_utils import activation_maps as references
from course_utils.exercises.exercise import Exercise

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
