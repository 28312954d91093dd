"""The exercise `attention_rollout`: what it asks for, right answers of other kinds, and misconceptions."""

from __future__ import annotations

import torch

from course_utils import attention as references
from course_utils.exercises.exercise import Exercise

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
