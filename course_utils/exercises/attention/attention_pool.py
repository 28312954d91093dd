"""The exercise `attention_pool`: what it asks for, right answers of other kinds, and misconceptions."""

from __future__ import annotations

import torch

from course_utils import attention as references
from course_utils.exercises.exercise import Exercise

attention_pool = Exercise(
    name="attention_pool",
    reference=references.attention_pool,
    teaches="what the network goes on with: only what was attended to",
    difficulty=1,
    minutes=10,
    points=2,
    hints=(
        "The attention weighs the positions. Each channel keeps a number of its own.",
        "Give the attention an axis for the channels, (N, 1, h, w), and multiply.",
        "Then sum over the two axes of positions, 2 and 3. The attention sums to 1 already.",
    ),
)


@attention_pool.right_variant
def by_weighted_sum(local_features, attention):
    return (local_features * attention[:, None]).sum(dim=(2, 3))


@attention_pool.right_variant
def by_batched_product(local_features, attention):
    return torch.bmm(local_features.flatten(2), attention.flatten(1)[:, :, None]).squeeze(2)


@attention_pool.right_variant
def by_adding_position_after_position(local_features, attention):
    pooled = torch.zeros_like(local_features[:, :, 0, 0])
    for row in range(attention.shape[1]):
        for column in range(attention.shape[2]):
            here = attention[:, row, column, None]
            pooled = pooled + here * local_features[:, :, row, column]
    return pooled


@attention_pool.misconception(
    "mean instead of sum",
    "The weighted features were averaged over the positions. The attention sums to 1 already: add "
    "them up, or the result is h·w times too small.",
)
def _(local_features, attention):
    return (local_features * attention[:, None]).mean(dim=(2, 3))


@attention_pool.misconception(
    "attention ignored",
    "This is the plain mean or sum over the positions (global pooling): the attention plays no part.",
)
def _(local_features, attention):
    return local_features.mean(dim=(2, 3))


@attention_pool.misconception(
    "not summed",
    "The features are weighted, but the positions are still there. Sum over them: one number is left "
    "for each channel.",
)
def _(local_features, attention):
    return local_features * attention[:, None]


@attention_pool.misconception(
    "summed over the channels",
    "This sums over the channels and keeps the positions. Sum over the positions and keep the "
    "channels: (N, K).",
)
def _(local_features, attention):
    return (local_features * attention[:, None]).sum(dim=1)


@attention_pool.misconception(
    "softmax once more",
    "A softmax was taken of the attention, which is one already. Use it as it is.",
)
def _(local_features, attention):
    again = attention.flatten(1).softmax(dim=1).view_as(attention)
    return by_weighted_sum(local_features, again)


@attention_pool.misconception(
    "hard attention",
    "This takes the features at the place of the largest attention alone. All positions count, each "
    "with its weight.",
)
def _(local_features, attention):
    place = attention.flatten(1).argmax(dim=1)
    return local_features.flatten(2)[torch.arange(len(place)), :, place]


@attention_pool.misconception(
    "maximum",
    "This is the largest weighted feature of each channel. The exercise asks for the sum over all "
    "positions.",
)
def _(local_features, attention):
    return (local_features * attention[:, None]).amax(dim=(2, 3))


@attention_pool.misconception(
    "first image's attention",
    "One attention was used for all images: the first image's, or a sum or mean over the images. Each "
    "image has its own.",
)
def _(local_features, attention):
    return by_weighted_sum(local_features, attention[:1].expand_as(attention))


@attention_pool.also("first image's attention")
def _(local_features, attention):
    return torch.einsum("nkhw,mhw->nk", local_features, attention)


@attention_pool.also("first image's attention")
def _(local_features, attention):
    return by_weighted_sum(local_features, attention.mean(0, keepdim=True))


@attention_pool.also("attention ignored")
def _(local_features, attention):
    return local_features.sum(dim=(2, 3))


@attention_pool.misconception(
    "features added once more",
    "The unweighted features were added, as by a residual connection. The network goes on with the "
    "weighted ones alone.",
)
def _(local_features, attention):
    return by_weighted_sum(local_features, 1 + attention)


@attention_pool.misconception(
    "attention divided by its maximum",
    "The attention was divided by its largest value, which is for plotting only. It sums to 1: use it as "
    "it is.",
)
def _(local_features, attention):
    return by_weighted_sum(local_features, attention / attention.amax((1, 2), keepdim=True))


@attention_pool.misconception(
    "attention transposed",
    "The attention's rows and columns are exchanged: each weight meets the features of another place.",
)
def _(local_features, attention):
    return by_weighted_sum(local_features, attention.mT.reshape(attention.shape))


@attention_pool.misconception(
    "summed over the columns only",
    "One axis of positions is still there. Sum over both, the rows and the columns.",
)
def _(local_features, attention):
    return (local_features * attention[:, None]).sum(dim=3)


@attention_pool.also("summed over the columns only")
def _(local_features, attention):
    return (local_features * attention[:, None]).sum(dim=2)
