"""The exercise `self_attention`: what it asks for, right answers of other kinds, and misconceptions."""

from __future__ import annotations

import torch

from course_utils import attention as references
from course_utils.exercises.exercise import Exercise

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
