"""The exercises of lecture 5: attention."""

from __future__ import annotations

import torch

from course_utils import attention as references
from course_utils.exercises.exercise import Exercise, WrittenQuestion

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


self_attention = Exercise(
    name="self_attention",
    reference=references.self_attention,
    teaches="the matrix at the heart of a transformer: who looks at whom",
    difficulty=2,
    minutes=15,
    points=2,
    hints=(
        "Row i of the result belongs to token i, the one that asks (the query); its columns to the "
        "tokens that answer (the keys).",
        "queries @ keys.mT multiplies the last two axes: (T, d) times (d, T) for each image and head.",
        "Divide by √d, with d the length of a query, and take the softmax over the last axis.",
    ),
)


@self_attention.right_variant
def by_matrix_products(queries, keys):
    scores = queries @ keys.transpose(-2, -1) / queries.shape[-1] ** 0.5
    return scores.softmax(dim=-1)


@self_attention.right_variant
def by_einsum_and_exponentials(queries, keys):
    scores = torch.einsum("nhid,nhjd->nhij", queries, keys) / torch.tensor(queries.shape[3]).sqrt()
    weights = torch.exp(scores - scores.amax(dim=-1, keepdim=True))
    return weights / weights.sum(dim=-1, keepdim=True)


@self_attention.right_variant
def head_by_head(queries, keys):
    attention = []
    for q, k in zip(queries.flatten(0, 1), keys.flatten(0, 1), strict=True):
        attention.append(torch.softmax((q / q.shape[1] ** 0.5) @ k.T, dim=1))
    n, heads, tokens, _ = queries.shape
    return torch.stack(attention).view(n, heads, tokens, tokens)


@self_attention.misconception(
    "not scaled",
    "The scores were not divided by √d. Without it the softmax becomes the sharper, the longer the "
    "queries are.",
)
def _(queries, keys):
    return (queries @ keys.mT).softmax(dim=-1)


@self_attention.misconception(
    "divided by d",
    "The scores were divided by d. Divide by its root, √d: the standard deviation of a dot product "
    "of d random numbers.",
)
def _(queries, keys):
    return (queries @ keys.mT / queries.shape[-1]).softmax(dim=-1)


@self_attention.misconception(
    "softmax over the queries",
    "The columns sum to 1, not the rows. Each token shares out its own attention: the softmax runs "
    "over the keys, the last axis.",
)
def _(queries, keys):
    return (queries @ keys.mT / queries.shape[-1] ** 0.5).softmax(dim=-2)


@self_attention.misconception(
    "softmax over the heads",
    "The softmax was taken over the heads. Each head has an attention of its own: the softmax runs "
    "over the keys, the last axis.",
)
def _(queries, keys):
    return (queries @ keys.mT / queries.shape[-1] ** 0.5).softmax(dim=1)


@self_attention.misconception(
    "scores returned",
    "These are the scores before the softmax. Attention is their softmax over the keys.",
)
def _(queries, keys):
    return queries @ keys.mT / queries.shape[-1] ** 0.5


@self_attention.misconception(
    "queries and keys exchanged",
    "Queries and keys are exchanged: row i should belong to token i's *query*, and hold its products "
    "with all the keys.",
)
def _(queries, keys):
    return (keys @ queries.mT / queries.shape[-1] ** 0.5).softmax(dim=-1)


@self_attention.misconception(
    "queries alone",
    "Queries are compared with queries, or keys with keys. Each query meets the keys: row i belongs to "
    "the query of token i, column j to the key of token j.",
)
def _(queries, keys):
    return (queries @ queries.mT / queries.shape[-1] ** 0.5).softmax(dim=-1)


@self_attention.misconception(
    "scaled by the number of tokens",
    "The scores were divided by the root of another number than d: of the tokens, say, or of the heads. "
    "It is √d, with d the length of one query, the last axis.",
)
def _(queries, keys):
    return (queries @ keys.mT / queries.shape[-2] ** 0.5).softmax(dim=-1)


@self_attention.misconception(
    "scaled after the softmax",
    "The division by √d came after the softmax, so that rows sum to 1/√d. Divide the scores.",
)
def _(queries, keys):
    return (queries @ keys.mT).softmax(dim=-1) / queries.shape[-1] ** 0.5


@self_attention.misconception(
    "mean over the heads",
    "The heads are averaged already. Here each head keeps its own matrix, (N, heads, T, T).",
)
def _(queries, keys):
    return by_matrix_products(queries, keys).mean(dim=1)


@self_attention.also("scaled by the number of tokens")
def _(queries, keys):
    return (queries @ keys.mT / queries.shape[1] ** 0.5).softmax(dim=-1)


@self_attention.also("scaled by the number of tokens")
def _(queries, keys):
    return (queries @ keys.mT / (queries.shape[1] * queries.shape[3]) ** 0.5).softmax(dim=-1)


@self_attention.also("mean over the heads")
def _(queries, keys):
    attention = by_matrix_products(queries, keys)
    return attention.mean(dim=1, keepdim=True).expand_as(attention)


@self_attention.misconception(
    "multiplied by √d",
    "The scores were multiplied by √d. Divide by it, or the softmax becomes sharper still.",
)
def _(queries, keys):
    return (queries @ keys.mT * queries.shape[-1] ** 0.5).softmax(dim=-1)


@self_attention.misconception(
    "transposed",
    "The matrix is transposed: row i should hold what token i takes from each token, and sum to 1.",
)
def _(queries, keys):
    return by_matrix_products(queries, keys).mT


@self_attention.misconception(
    "one softmax for the whole matrix",
    "The whole matrix sums to 1. Each token shares out an attention of its own: each *row* sums to 1.",
)
def _(queries, keys):
    scores = queries @ keys.mT / queries.shape[-1] ** 0.5
    return scores.flatten(2).softmax(dim=-1).view_as(scores)


@self_attention.misconception(
    "cosine",
    "Queries and keys were normalised, which makes their products cosines. Take the plain dot products, "
    "divided by √d.",
)
def _(queries, keys):
    unit = torch.nn.functional.normalize
    return (unit(queries, dim=-1) @ unit(keys, dim=-1).mT).softmax(dim=-1)


@self_attention.also("cosine")
def _(queries, keys):
    unit = torch.nn.functional.normalize
    scores = unit(queries, dim=-1) @ unit(keys, dim=-1).mT
    return (scores / queries.shape[-1] ** 0.5).softmax(dim=-1)


@self_attention.misconception(
    "masked",
    "Some tokens were masked out: the later ones, as in language models, or each token for itself. Here "
    "every token may take from every one.",
)
def _(queries, keys):
    scores = queries @ keys.mT / queries.shape[-1] ** 0.5
    later = torch.ones_like(scores, dtype=torch.bool).triu(1)
    return scores.masked_fill(later, -torch.inf).softmax(dim=-1)


@self_attention.also("masked")
def _(queries, keys):
    scores = queries @ keys.mT / queries.shape[-1] ** 0.5
    itself = torch.eye(scores.shape[-1], dtype=torch.bool)
    return scores.masked_fill(itself, -torch.inf).softmax(dim=-1)


@self_attention.misconception(
    "divided by the sum",
    "The scores are divided by their sum, without the exponential. Take their softmax.",
)
def _(queries, keys):
    scores = queries @ keys.mT / queries.shape[-1] ** 0.5
    return scores / scores.sum(dim=-1, keepdim=True)


@self_attention.also("queries alone")
def _(queries, keys):
    return (keys @ keys.mT / queries.shape[-1] ** 0.5).softmax(dim=-1)


class_token_map = Exercise(
    name="class_token_map",
    reference=references.class_token_map,
    teaches="from a matrix of tokens back to a map of the image",
    difficulty=2,
    minutes=15,
    points=2,
    hints=(
        "Token 0 is the class token. Which row, or column, of the matrix says what *it* takes from "
        "the others?",
        "Take row 0, leave out its first entry (the class token itself), and average over the heads.",
        "What is left has h·w entries, row after row of the grid: give it the shape (N, h, w).",
    ),
)


@class_token_map.right_variant
def by_slicing(attention, grid):
    return attention[:, :, 0, 1:].mean(dim=1).reshape(-1, *grid)


@class_token_map.right_variant
def by_mean_first(attention, grid):
    row = attention.mean(1).select(1, 0)
    return row[:, 1:].unflatten(1, tuple(grid))


@class_token_map.right_variant
def patch_by_patch(attention, grid):
    h, w = grid
    maps = torch.zeros(len(attention), h, w, dtype=attention.dtype)
    for row in range(h):
        for column in range(w):
            maps[:, row, column] = attention[:, :, 0, 1 + row * w + column].mean(dim=1)
    return maps


@class_token_map.misconception(
    "column of the class token",
    "This is the class token's column: what the patches take from *it*. The map shows what it takes "
    "from the patches, its row.",
)
def _(attention, grid):
    return attention[:, :, 1:, 0].mean(dim=1).reshape(-1, *grid)


@class_token_map.misconception(
    "grid transposed",
    "Rows and columns of the grid are exchanged: the patches are numbered row after row.",
)
def _(attention, grid):
    h, w = grid
    return attention[:, :, 0, 1:].mean(dim=1).reshape(-1, w, h).transpose(1, 2)


@class_token_map.misconception(
    "class token kept as a patch",
    "The class token's attention to itself stands where the first patch should: everything is "
    "shifted by one. Leave out the first entry of the row.",
)
def _(attention, grid):
    return attention[:, :, 0, :-1].mean(dim=1).reshape(-1, *grid)


@class_token_map.misconception(
    "first head only",
    "This is a single head. Average over all heads.",
)
def _(attention, grid):
    return attention[:, 0, 0, 1:].reshape(-1, *grid)


@class_token_map.misconception(
    "largest head",
    "This is the largest attention over the heads. The exercise asks for their mean.",
)
def _(attention, grid):
    return attention[:, :, 0, 1:].amax(dim=1).reshape(-1, *grid)


@class_token_map.misconception(
    "sum over the heads",
    "The heads are summed. Divide by their number: the exercise asks for their mean.",
)
def _(attention, grid):
    return attention[:, :, 0, 1:].sum(dim=1).reshape(-1, *grid)


@class_token_map.misconception(
    "heads kept",
    "There is still a map for each head. Average over the heads: (N, h, w).",
)
def _(attention, grid):
    return attention[:, :, 0, 1:].reshape(*attention.shape[:2], *grid)


@class_token_map.misconception(
    "mean over all tokens",
    "This averages over what all tokens take. The map shows the class token's row alone: it is the "
    "token that the network classifies by.",
)
def _(attention, grid):
    return attention.mean(dim=(1, 2))[:, 1:].reshape(-1, *grid)


@class_token_map.misconception(
    "normalised",
    "The map was rescaled, by its sum or its largest value. The exercise asks for the row as it is: what "
    "the class token takes from itself is then missing to 1, and that is worth knowing.",
)
def _(attention, grid):
    maps = by_slicing(attention, grid)
    return maps / maps.sum(dim=(1, 2), keepdim=True)


@class_token_map.also("normalised")
def _(attention, grid):
    maps = by_slicing(attention, grid)
    return maps / maps.amax(dim=(1, 2), keepdim=True)


@class_token_map.also("normalised")
def _(attention, grid):
    maps = by_slicing(attention, grid)
    low, high = maps.amin((1, 2), keepdim=True), maps.amax((1, 2), keepdim=True)
    return (maps - low) / (high - low)


@class_token_map.also("normalised")
def _(attention, grid):
    maps = by_slicing(attention, grid)
    return maps.flatten(1).softmax(dim=1).view_as(maps)


@class_token_map.also("column of the class token")
def _(attention, grid):
    column = attention[:, :, 1:, 0].mean(dim=1).reshape(-1, *grid)
    return column / column.sum(dim=(1, 2), keepdim=True)


@class_token_map.also("grid transposed")
def _(attention, grid):
    h, w = grid
    return attention[:, :, 0, 1:].mean(dim=1).reshape(-1, w, h)


@class_token_map.also("first head only")
def _(attention, grid):
    return attention[:, -1, 0, 1:].reshape(-1, *grid)


@class_token_map.also("mean over all tokens")
def _(attention, grid):
    return attention[:, :, 1:, 1:].mean(dim=(1, 2)).reshape(-1, *grid)


@class_token_map.misconception(
    "another token's row",
    "This is another token's row: the last one's, or the first patch's. The class token is token 0.",
)
def _(attention, grid):
    return attention[:, :, -1, :-1].mean(dim=1).reshape(-1, *grid)


@class_token_map.also("another token's row")
def _(attention, grid):
    return attention[:, :, -1, 1:].mean(dim=1).reshape(-1, *grid)


@class_token_map.also("another token's row")
def _(attention, grid):
    return attention[:, :, 1, 1:].mean(dim=1).reshape(-1, *grid)


@class_token_map.misconception(
    "square grid assumed",
    "The grid was taken to be square, with √(T − 1) rows. Its shape is given, (h, w), and need not be "
    "square.",
)
def _(attention, grid):
    side = int((attention.shape[-1] - 1) ** 0.5)
    return attention[:, :, 0, 1:].mean(dim=1).reshape(-1, side, side)


@class_token_map.also("square grid assumed")
def _(attention, grid):
    side = int((attention.shape[-1] - 1) ** 0.5)
    return attention[:, :, 0, 1:].mean(dim=1).reshape(len(attention), side, side)


@class_token_map.also("normalised")
def _(attention, grid):
    rows = attention[:, :, 0, 1:]
    return (rows / rows.sum(dim=-1, keepdim=True)).mean(dim=1).reshape(-1, *grid)


attention_rollout = Exercise(
    name="attention_rollout",
    reference=references.attention_rollout,
    teaches="following attention through all layers, past the residual connections",
    difficulty=3,
    minutes=20,
    points=3,
    hints=(
        "Around each attention layer there is a residual connection: half of what comes out of it is "
        "the token itself. What does that do to the matrix?",
        "Average the heads, add the identity, divide by 2. The rows then still sum to 1.",
        "The last layer asks the one before it, and so on down to the first. So the product is "
        "Ã_L ⋯ Ã_2 Ã_1, the first layer's matrix on the right.",
    ),
)


@attention_rollout.right_variant
def from_the_first_layer(attentions):
    n, _, tokens, _ = attentions[0].shape
    rollout = torch.eye(tokens, dtype=attentions[0].dtype).expand(n, tokens, tokens)
    for attention in attentions:
        mixed = 0.5 * attention.mean(dim=1) + 0.5 * torch.eye(tokens, dtype=attention.dtype)
        rollout = torch.bmm(mixed, rollout)
    return rollout


@attention_rollout.right_variant
def from_the_last_layer(attentions):
    identity = torch.eye(attentions[0].shape[-1]).to(attentions[0])
    matrices = [attention.mean(1) + identity for attention in attentions]
    matrices = [matrix / matrix.sum(-1, keepdim=True) for matrix in matrices]
    rollout = matrices[-1]
    for matrix in reversed(matrices[:-1]):
        rollout = rollout @ matrix
    return rollout


@attention_rollout.right_variant
def by_chained_product(attentions):
    stacked = torch.stack(list(attentions)).mean(dim=2)  # (L, N, T, T)
    stacked = (stacked + torch.eye(stacked.shape[-1]).to(stacked)) / 2
    per_image = [stacked[:, image].flip(0) for image in range(stacked.shape[1])]
    return torch.stack(
        [m[0] if len(m) == 1 else torch.linalg.multi_dot(list(m)) for m in per_image]
    )


def _identity(attention):
    return torch.eye(attention.shape[-1]).to(attention)


def _mixed(attention):
    return (attention.mean(dim=1) + _identity(attention)) / 2


def _product(matrices):
    rollout = matrices[0]
    for matrix in matrices[1:]:
        rollout = matrix @ rollout
    return rollout


@attention_rollout.misconception(
    "residual connection forgotten",
    "The residual connections are missing: the attention matrices were multiplied as they are. Mix "
    "each with the identity first, half and half.",
)
def _(attentions):
    return _product([attention.mean(dim=1) for attention in attentions])


@attention_rollout.misconception(
    "not divided by two",
    "The identity was added, but the rows were not brought back to sum to 1. Divide them by their sum, "
    "in each layer (or halve A and I alike).",
)
def _(attentions):
    return _product([2 * _mixed(attention) for attention in attentions])


@attention_rollout.misconception(
    "order reversed",
    "The matrices are multiplied in the reverse order. What the last layer's tokens take comes from "
    "the layer below: the first layer's matrix stands on the right.",
)
def _(attentions):
    return _product([_mixed(attention) for attention in reversed(attentions)])


@attention_rollout.misconception(
    "last layer only",
    "This is a single layer, the last or the first. The rollout is the product over all layers.",
)
def _(attentions):
    return _mixed(attentions[-1])


@attention_rollout.misconception(
    "mean over the layers",
    "This is the mean or the sum over the layers. Attention flows *through* them: multiply the matrices.",
)
def _(attentions):
    return torch.stack([_mixed(attention) for attention in attentions]).mean(dim=0)


@attention_rollout.misconception(
    "multiplied entry by entry",
    "The matrices were multiplied entry by entry. To follow attention from token to token takes the "
    "matrix product, @.",
)
def _(attentions):
    rollout = _mixed(attentions[0])
    for attention in attentions[1:]:
        rollout = rollout * _mixed(attention)
    return rollout


@attention_rollout.misconception(
    "largest head",
    "The heads were joined by their maximum. Here they are averaged.",
)
def _(attentions):
    identity = _identity(attentions[0])
    matrices = [attention.amax(dim=1) + identity for attention in attentions]
    return _product([matrix / matrix.sum(-1, keepdim=True) for matrix in matrices])


@attention_rollout.misconception(
    "transposed",
    "The result is transposed: row i should say what token i of the last layer takes from each "
    "token of the input, and sum to 1.",
)
def _(attentions):
    return _product([_mixed(attention) for attention in attentions]).mT


@attention_rollout.misconception(
    "heads averaged at the end",
    "Each head was followed by itself through all layers, and the heads were averaged at the end. But "
    "head 1 of one layer has nothing to do with head 1 of the next: average within each layer first.",
)
def _(attentions):
    identity = _identity(attentions[0])
    rollout = identity
    for attention in attentions:
        rollout = (attention + identity) / 2 @ rollout
    return rollout.mean(dim=1)


@attention_rollout.misconception(
    "identity added once",
    "The identity was mixed in once, at the end. Every layer has a residual connection of its own.",
)
def _(attentions):
    identity = _identity(attentions[0])
    rollout = identity
    for attention in attentions:
        rollout = attention.mean(dim=1) @ rollout
    return (rollout + identity) / 2


@attention_rollout.misconception(
    "columns normalised",
    "The columns were normalised. It is the rows that share out a token's attention and sum to 1.",
)
def _(attentions):
    identity = _identity(attentions[0])
    matrices = [attention.mean(dim=1) + identity for attention in attentions]
    return _product([matrix / matrix.sum(-2, keepdim=True) for matrix in matrices])


@attention_rollout.misconception(
    "class token's row only",
    "This is the class token's row alone. The exercise asks for the whole matrix, (N, T, T).",
)
def _(attentions):
    return _product([_mixed(attention) for attention in attentions])[:, 0]


@attention_rollout.also("residual connection forgotten")
def _(attentions):
    return _product([attention.mean(dim=1) for attention in reversed(attentions)])


@attention_rollout.also("not divided by two")
def _(attentions):
    identity = _identity(attentions[0])
    return _product([attention.mean(dim=1) / 2 + identity for attention in attentions])


@attention_rollout.also("mean over the layers")
def _(attentions):
    return torch.stack([_mixed(attention) for attention in attentions]).sum(dim=0)


@attention_rollout.misconception(
    "heads summed",
    "The heads were summed, so that the identity counts too little against them. Average them.",
)
def _(attentions):
    identity = _identity(attentions[0])
    matrices = [attention.sum(dim=1) + identity for attention in attentions]
    return _product([matrix / matrix.sum(-1, keepdim=True) for matrix in matrices])


@attention_rollout.misconception(
    "first head only",
    "Only the first head was followed. Average each layer's matrix over its heads.",
)
def _(attentions):
    return _product([_mixed(attention[:, :1]) for attention in attentions])


@attention_rollout.misconception(
    "a layer left out",
    "The first or the last layer is missing. The product runs over all of them, a single one included.",
)
def _(attentions):
    identity = _identity(attentions[0]).expand_as(attentions[0][:, 0])
    return _product([identity, *map(_mixed, attentions[1:])])


@attention_rollout.also("a layer left out")
def _(attentions):
    identity = _identity(attentions[0]).expand_as(attentions[0][:, 0])
    return _product([identity, *map(_mixed, attentions[:-1])])


@attention_rollout.misconception(
    "ones instead of the identity",
    "Something was added to every entry. The residual connection leads from each token to *itself*: add "
    "the identity matrix, torch.eye(T).",
)
def _(attentions):
    matrices = [attention.mean(dim=1) + 1 for attention in attentions]
    return _product([matrix / matrix.sum(-1, keepdim=True) for matrix in matrices])


@attention_rollout.misconception(
    "softmax once more",
    "A softmax brought the rows to sum to 1. That changes their proportions: divide by their sum.",
)
def _(attentions):
    identity = _identity(attentions[0])
    return _product([(attention.mean(1) + identity).softmax(dim=-1) for attention in attentions])


@attention_rollout.misconception(
    "averaged over the batch",
    "The images were averaged too. Each image has a rollout of its own, (N, T, T).",
)
def _(attentions):
    rollout = _product([_mixed(attention).mean(dim=0) for attention in attentions])
    return rollout.expand(len(attentions[0]), -1, -1)


@attention_rollout.misconception(
    "identity added to the product",
    "The identity was added to the product so far, or the first layer went without it. Every layer's own "
    "matrix is mixed with the identity, and then multiplied.",
)
def _(attentions):
    identity = _identity(attentions[0])
    rollout = identity
    for attention in attentions:
        rollout = (attention.mean(dim=1) @ rollout + identity) / 2
    return rollout


@attention_rollout.also("identity added to the product")
def _(attentions):
    return _product([attentions[0].mean(dim=1), *map(_mixed, attentions[1:])])


@attention_rollout.also("last layer only")
def _(attentions):
    return _mixed(attentions[0])


is_attention_an_explanation = WrittenQuestion(
    name="is_attention_an_explanation",
    teaches="weighing evidence for and against a map that the model made itself",
    minutes=20,
    points=4,
    rubric=(
        (
            4,
            "Takes a position and supports it with a measurement of this notebook for it and one "
            "against it (for instance where attention lies, and what removing or moving it does to "
            "the score), says what attention leaves out (the features' content, the later layers, "
            "the residual connections), and names the question that an attention map does answer.",
        ),
        (
            3,
            "Takes a position with evidence from one side only, and says what attention leaves out.",
        ),
        (2, "Says what attention is and where it lies, but takes its place for its effect."),
        (1, "Describes how attention is computed, without judging it as an explanation."),
        (0, "No answer, or one that has nothing to do with attention."),
    ),
)
