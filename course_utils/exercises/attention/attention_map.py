"""The exercise `attention_map`: what it asks for, right answers of other kinds, and misconceptions."""

from __future__ import annotations

import torch

from course_utils import attention as references
from course_utils.exercises.exercise import Exercise

attention_map = Exercise(
    name="attention_map",
    reference=references.attention_map,
    teaches="from scores to shares: attention is a softmax over places",
    difficulty=1,
    minutes=10,
    points=2,
    hints=(
        "The attention of an image sums to 1 over all of its positions, rows and columns together.",
        "A softmax runs over one axis. Put all the positions of an image on one axis first.",
        "Flatten from axis 1 on, take the softmax over axis 1, and give the result the old shape.",
    ),
)


@attention_map.right_variant
def by_flattening(scores):
    return scores.flatten(1).softmax(dim=1).reshape(scores.shape)


@attention_map.right_variant
def by_exponentials(scores):
    weights = torch.exp(scores - scores.amax(dim=(1, 2), keepdim=True))
    return weights / weights.sum(dim=(1, 2), keepdim=True)


@attention_map.right_variant
def image_by_image(scores):
    return torch.stack([torch.softmax(one.reshape(-1), 0).view(one.shape) for one in scores])


@attention_map.misconception(
    "scores returned",
    "These are the scores themselves. Attention is their softmax: positive, and summing to 1.",
)
def _(scores):
    return scores.clone()


@attention_map.misconception(
    "softmax over the columns of a row",
    "The softmax was taken within each row of positions, so that every row sums to 1. It should run "
    "over all positions of an image at once.",
)
def _(scores):
    return scores.softmax(dim=-1)


@attention_map.misconception(
    "softmax over the rows of a column",
    "The softmax was taken within each column of positions. It should run over all positions of an "
    "image at once.",
)
def _(scores):
    return scores.softmax(dim=-2)


@attention_map.misconception(
    "softmax over the batch",
    "The softmax was taken over the images. It should run over the positions of each image.",
)
def _(scores):
    return scores.softmax(dim=0)


@attention_map.misconception(
    "one softmax for the whole batch",
    "All images share one softmax, so that the whole batch sums to 1. Each image should sum to 1.",
)
def _(scores):
    return scores.flatten().softmax(dim=0).view_as(scores)


@attention_map.misconception(
    "one softmax after another",
    "Two softmaxes were joined, one along the rows and one along the columns. Take a single one over "
    "all positions.",
)
def _(scores):
    return scores.softmax(dim=-1).softmax(dim=-2)


@attention_map.misconception(
    "sigmoid",
    "This takes the sigmoid of each score: every position by itself. Attention makes the positions "
    "compete: a softmax, with exp, over all of them.",
)
def _(scores):
    return torch.sigmoid(scores)


@attention_map.misconception(
    "divided by the sum",
    "The scores are divided by their sum, without the exponential. That fails for negative scores; "
    "a softmax takes exp first.",
)
def _(scores):
    return scores / scores.sum(dim=(1, 2), keepdim=True)


@attention_map.misconception(
    "scaled to [0, 1]",
    "The scores are stretched to [0, 1]. That is a choice for plotting; attention is a softmax, whose "
    "values sum to 1.",
)
def _(scores):
    low, high = scores.amin((1, 2), keepdim=True), scores.amax((1, 2), keepdim=True)
    return (scores - low) / (high - low).clamp_min(1e-12)


@attention_map.misconception(
    "overflow",
    "For large scores this is NaN: exp of them is infinite. Subtract the largest score first (the "
    "softmax stays the same), or use torch.softmax, which does so.",
)
def _(scores):
    weights = scores.exp()
    return weights / weights.sum(dim=(1, 2), keepdim=True)


@attention_map.also("overflow")
def _(scores):
    weights = scores.exp()
    return (weights / weights.sum(dim=(1, 2), keepdim=True)).nan_to_num(0)


@attention_map.also("one softmax after another")
def _(scores):
    return scores.softmax(dim=-2).softmax(dim=-1)


@attention_map.also("one softmax after another")
def _(scores):
    return scores.softmax(dim=-2) * scores.softmax(dim=-1)


@attention_map.also("sigmoid")
def _(scores):
    return torch.sigmoid(scores) / torch.sigmoid(scores).sum(dim=(1, 2), keepdim=True)


@attention_map.also("divided by the sum")
def _(scores):
    return scores.relu() / scores.relu().sum(dim=(1, 2), keepdim=True)


@attention_map.misconception(
    "largest score of the batch",
    "The largest score of the whole batch was subtracted. Where an image's own scores are all far below "
    "it, exp gives only zeros, and 0/0 is NaN. Subtract each image's own largest score.",
)
def _(scores):
    weights = torch.exp(scores - scores.max())
    return weights / weights.sum(dim=(1, 2), keepdim=True)


@attention_map.misconception(
    "scores limited",
    "Large scores were cut off before exp, so that the positions beyond the limit get the same share. "
    "Subtract each image's largest score: the softmax stays the same.",
)
def _(scores):
    weights = scores.clamp(-50, 50).exp()
    return weights / weights.sum(dim=(1, 2), keepdim=True)


@attention_map.misconception(
    "logarithm of the softmax",
    "This is the logarithm of the softmax: it is negative. Attention is the softmax itself.",
)
def _(scores):
    return scores.flatten(1).log_softmax(dim=1).view_as(scores)


@attention_map.misconception(
    "divided by the largest",
    "The largest value of each map is 1. Divide by the sum, so that the map sums to 1.",
)
def _(scores):
    return torch.exp(scores - scores.amax(dim=(1, 2), keepdim=True))


@attention_map.misconception(
    "scaled",
    "The scores were divided before the softmax, here by the root of the number of positions. That "
    "evens the attention out: take the scores as they are.",
)
def _(scores):
    return (scores / scores[0].numel() ** 0.5).flatten(1).softmax(dim=1).view_as(scores)


@attention_map.misconception(
    "magnitudes or opposite scores",
    "Low scores get a large share: the sign of the scores was dropped or turned round. The largest score "
    "gets the largest share, the lowest the smallest.",
)
def _(scores):
    return scores.abs().flatten(1).softmax(dim=1).view_as(scores)


@attention_map.also("magnitudes or opposite scores")
def _(scores):
    return (-scores).flatten(1).softmax(dim=1).view_as(scores)


@attention_map.also("overflow")
def _(scores):
    weights = scores.exp()
    return weights / (weights.sum(dim=(1, 2), keepdim=True) + 1e-12)


@attention_map.also("divided by the sum")
def _(scores):
    return scores.abs() / scores.abs().sum(dim=(1, 2), keepdim=True)


@attention_map.also("divided by the sum")
def _(scores):
    above = scores - scores.amin(dim=(1, 2), keepdim=True)
    return above / above.sum(dim=(1, 2), keepdim=True)
