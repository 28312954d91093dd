"""The exercise `class_token_map`: what it asks for, right answers of other kinds, and misconceptions."""

from __future__ import annotations

import torch

from course_utils import attention as references
from course_utils.exercises.exercise import Exercise

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
