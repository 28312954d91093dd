"""The exercise `compatibility_scores`: what it asks for, right answers of other kinds, and misconceptions."""

from __future__ import annotations

import torch

from course_utils import attention as references
from course_utils.exercises.exercise import Exercise

compatibility_scores = Exercise(
    name="compatibility_scores",
    reference=references.compatibility_scores,
    teaches="how a network asks each place whether it fits the whole",
    difficulty=1,
    minutes=10,
    points=2,
    hints=(
        "A dot product multiplies two vectors entry by entry and adds up. Which axis holds the "
        "entries here?",
        "Give the global feature two more axes, so that it meets every position: (N, K, 1, 1).",
        "Multiply it with the local features, and sum over the axis of the channels, axis 1.",
    ),
)


@compatibility_scores.right_variant
def by_product_and_sum(local_features, global_feature):
    return (local_features * global_feature[:, :, None, None]).sum(dim=1)


@compatibility_scores.right_variant
def by_matrix_product(local_features, global_feature):
    n, k, h, w = local_features.shape
    return torch.bmm(global_feature[:, None], local_features.reshape(n, k, h * w)).view(n, h, w)


@compatibility_scores.right_variant
def by_loop_over_positions(local_features, global_feature):
    n, _, h, w = local_features.shape
    scores = torch.zeros(n, h, w, dtype=local_features.dtype)
    for row in range(h):
        for column in range(w):
            for image in range(n):
                here = local_features[image, :, row, column]
                scores[image, row, column] = torch.dot(here, global_feature[image])
    return scores


@compatibility_scores.misconception(
    "mean instead of sum",
    "This is the mean of the products. A dot product adds them up: here the scores are K times too "
    "small.",
)
def _(local_features, global_feature):
    return (local_features * global_feature[:, :, None, None]).mean(dim=1)


@compatibility_scores.misconception(
    "products not summed",
    "The products of all channels are still there. A dot product sums them, so that one score is "
    "left for each position.",
)
def _(local_features, global_feature):
    return local_features * global_feature[:, :, None, None]


@compatibility_scores.misconception(
    "softmax already taken",
    "This is the softmax of the scores over the positions. The exercise asks for the scores "
    "themselves; the softmax is the next one.",
)
def _(local_features, global_feature):
    scores = by_product_and_sum(local_features, global_feature)
    return scores.flatten(1).softmax(dim=1).view_as(scores)


@compatibility_scores.misconception(
    "cosine",
    "The features were normalised first (both of them make it a cosine). The exercise asks for the "
    "plain dot product, in which long features count more.",
)
def _(local_features, global_feature):
    g = global_feature[:, :, None, None]
    return torch.cosine_similarity(local_features, g.expand_as(local_features), dim=1)


@compatibility_scores.misconception(
    "scaled",
    "The scores are divided by √K, as in a transformer. Jetley et al. take the plain dot product.",
)
def _(local_features, global_feature):
    scores = by_product_and_sum(local_features, global_feature)
    return scores / local_features.shape[1] ** 0.5


@compatibility_scores.misconception(
    "first image's global feature",
    "All images were compared with one global feature: that of one image, or a sum or mean over the "
    "images. Each image has its own.",
)
def _(local_features, global_feature):
    return torch.einsum("nkhw,k->nhw", local_features, global_feature[0])


@compatibility_scores.misconception(
    "summed local features",
    "The global feature plays no part in this: it is the sum of the local features over the "
    "channels.",
)
def _(local_features, global_feature):
    return local_features.sum(dim=1)


@compatibility_scores.misconception(
    "additive",
    "This adds the two features where the dot product multiplies them. (Jetley et al. also try a "
    "learned additive score; the exercise asks for the dot product.)",
)
def _(local_features, global_feature):
    return (local_features + global_feature[:, :, None, None]).sum(dim=1)


@compatibility_scores.also("cosine")
def _(local_features, global_feature):
    return by_product_and_sum(local_features, torch.nn.functional.normalize(global_feature, dim=1))


@compatibility_scores.also("cosine")
def _(local_features, global_feature):
    return by_product_and_sum(torch.nn.functional.normalize(local_features, dim=1), global_feature)


@compatibility_scores.also("first image's global feature")
def _(local_features, global_feature):
    return torch.einsum("nkhw,mk->nhw", local_features, global_feature)


@compatibility_scores.also("first image's global feature")
def _(local_features, global_feature):
    return torch.einsum("nkhw,k->nhw", local_features, global_feature[-1])


@compatibility_scores.also("first image's global feature")
def _(local_features, global_feature):
    return torch.einsum("nkhw,k->nhw", local_features, global_feature.mean(dim=0))


@compatibility_scores.misconception(
    "signs lost",
    "Negative scores were set to 0 or turned positive. Keep them: they tell which places do not fit.",
)
def _(local_features, global_feature):
    return by_product_and_sum(local_features, global_feature).relu()


@compatibility_scores.also("signs lost")
def _(local_features, global_feature):
    return by_product_and_sum(local_features, global_feature).abs()


@compatibility_scores.misconception(
    "distance",
    "This is minus the squared distance between the features. The exercise asks for their dot product.",
)
def _(local_features, global_feature):
    return -(local_features - global_feature[:, :, None, None]).square().sum(dim=1)


@compatibility_scores.misconception(
    "rows and columns exchanged",
    "Rows and columns of the positions are exchanged. They keep their order: (N, h, w).",
)
def _(local_features, global_feature):
    return by_product_and_sum(local_features, global_feature).mT


@compatibility_scores.also("softmax already taken")
def _(local_features, global_feature):
    return by_product_and_sum(local_features, global_feature).softmax(dim=-1)
