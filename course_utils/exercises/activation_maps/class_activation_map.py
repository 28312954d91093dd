"""The exercise `class_activation_map`: what it asks for, right answers of other kinds, and misconceptions."""

from __future__ import annotations

import torch
from torch.nn import functional as F

from course_utils import activation_maps as references
from course_utils.exercises.exercise import Exercise

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
