"""The exercise `channel_mean`: what it asks for, right answers of other kinds, and misconceptions."""

from __future__ import annotations

import torch

from course_utils import gradients as references
from course_utils.exercises.exercise import Exercise

channel_mean = Exercise(
    name="channel_mean",
    reference=references.channel_mean,
    teaches="from a gradient for each colour to one map for each image",
    difficulty=1,
    minutes=5,
    points=1,
    hints=(
        "Which of the axes (N, C, H, W) holds the colours?",
        "Average over that axis, and over no other. Signs stay: no absolute value.",
        "gradients.mean(dim=...) with one number.",
    ),
)


@channel_mean.right_variant
def by_sum_and_count(gradients):
    return gradients.sum(1) / gradients.shape[1]


@channel_mean.right_variant
def by_einsum(gradients):
    return torch.einsum("nchw->nhw", gradients) / gradients.shape[1]


@channel_mean.right_variant
def by_loop(gradients):
    maps = torch.zeros_like(gradients[:, 0])
    for channel in range(gradients.shape[1]):
        maps = maps + gradients[:, channel]
    return maps / gradients.shape[1]


@channel_mean.misconception(
    "magnitudes averaged",
    "The signs were dropped before averaging. Average the signed values: channels that pull in "
    "opposite directions then cancel, as they should.",
)
def _(gradients):
    return gradients.abs().mean(dim=1)


@channel_mean.misconception(
    "magnitude of the mean",
    "This is the magnitude of the mean. Keep the sign: it tells raising from lowering the score.",
)
def _(gradients):
    return gradients.mean(dim=1).abs()


@channel_mean.misconception(
    "largest channel",
    "This is the largest magnitude over the channels, as in Simonyan et al. The lecture takes the "
    "mean.",
)
def _(gradients):
    return gradients.abs().amax(dim=1)


@channel_mean.misconception(
    "sum instead of mean",
    "This is the sum over the channels. Divide by their number.",
)
def _(gradients):
    return gradients.sum(dim=1)


@channel_mean.misconception(
    "axis kept",
    "The channel axis is still there, with length 1. The result should have the shape (N, H, W).",
)
def _(gradients):
    return gradients.mean(dim=1, keepdim=True)


@channel_mean.misconception(
    "wrong axis",
    "This averages over another axis than the colours. The axes are (N, C, H, W): the colours are "
    "axis 1.",
)
def _(gradients):
    return gradients.mean(dim=-1)


@channel_mean.misconception(
    "mean over the batch",
    "This averages over the images. The axes are (N, C, H, W): the colours are axis 1.",
)
def _(gradients):
    return gradients.mean(dim=0)


@channel_mean.misconception(
    "length over the channels",
    "This is the Euclidean length of the colour vector, which is never negative. The lecture takes "
    "the signed mean.",
)
def _(gradients):
    return torch.linalg.vector_norm(gradients, dim=1)


for keepdim in (False, True):

    @channel_mean.also("magnitudes averaged")
    def _(gradients, keepdim=keepdim):
        return gradients.abs().mean(dim=1, keepdim=keepdim)

    @channel_mean.also("magnitude of the mean")
    def _(gradients, keepdim=keepdim):
        return gradients.mean(dim=1, keepdim=keepdim).abs()

    @channel_mean.also("largest channel")
    def _(gradients, keepdim=keepdim):
        return gradients.abs().amax(dim=1, keepdim=keepdim)

    @channel_mean.also("largest channel")
    def _(gradients, keepdim=keepdim):
        return gradients.amax(dim=1, keepdim=keepdim)

    @channel_mean.also("length over the channels")
    def _(gradients, keepdim=keepdim):
        return torch.linalg.vector_norm(gradients, dim=1, keepdim=keepdim)

    @channel_mean.also("length over the channels")
    def _(gradients, keepdim=keepdim):
        return (gradients**2).sum(dim=1, keepdim=keepdim)

    @channel_mean.also("length over the channels")
    def _(gradients, keepdim=keepdim):
        return (gradients**2).mean(dim=1, keepdim=keepdim).sqrt()

    @channel_mean.also("mean over the batch")
    def _(gradients, keepdim=keepdim):
        return gradients.mean(dim=0, keepdim=keepdim)

    for axes in (2, 3, (2, 3), (1, 2, 3)):

        @channel_mean.also("wrong axis")
        def _(gradients, axes=axes, keepdim=keepdim):
            return gradients.mean(dim=axes, keepdim=keepdim)


@channel_mean.also("mean over the batch")
def _(gradients):
    return gradients.mean(dim=(0, 1))
