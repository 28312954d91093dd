"""Cases of lecture 5: attention.

Grids that are not square, several heads, and matrices whose rows sum to 1 while their columns do
not, so that every exchange of axes shows.
"""

from __future__ import annotations

import torch
from torch import Tensor

from course_utils.exercises.cases.case import Case
from course_utils.exercises.cases.ingredients import new_generator, rand, randn


def compatibility_scores(seed: int) -> list[Case]:
    """Features of both signs; as many channels as rows in one case."""
    generator = new_generator(seed)
    shapes = {
        "two images, 5 channels, 3×4 positions": (2, 5, 3, 4),
        "three images, 3 channels, 3×3 positions": (3, 3, 3, 3),
        "one image, 4 channels, 1×6 positions": (1, 4, 1, 6),
    }
    return [
        Case(
            name,
            {
                "local_features": randn(n, k, h, w, generator=generator),
                "global_feature": randn(n, k, generator=generator),
            },
        )
        for name, (n, k, h, w) in shapes.items()
    ]


def attention_map(seed: int) -> list[Case]:
    """Scores of both signs, equal scores, large ones, and images whose scores lie far apart."""
    generator = new_generator(seed)
    far_apart = torch.tensor([900.0, -900.0], dtype=torch.float64).view(2, 1, 1)
    return [
        Case("two images of 3×4 positions", {"scores": 2 * randn(2, 3, 4, generator=generator)}),
        Case("three images of 3×3 positions", {"scores": randn(3, 3, 3, generator=generator)}),
        Case("one image of 2×5 equal scores", {"scores": torch.full((1, 2, 5), 1.5).double()}),
        Case("large scores", {"scores": 900 + 2 * randn(2, 4, 2, generator=generator)}),
        Case(
            "an image of high scores and one of low ones",
            {"scores": far_apart + randn(2, 3, 2, generator=generator)},
        ),
    ]


def attention_pool(seed: int) -> list[Case]:
    """An attention that differs from place to place and from image to image."""
    generator = new_generator(seed)
    shapes = {
        "two images, 5 channels, 3×4 positions": (2, 5, 3, 4),
        "three images, 3 channels, 3×3 positions": (3, 3, 3, 3),
        "one image, 4 channels, 2×6 positions": (1, 4, 2, 6),
    }
    return [
        Case(
            name,
            {
                "local_features": randn(n, k, h, w, generator=generator),
                "attention": _attention(n, h, w, generator=generator),
            },
        )
        for name, (n, k, h, w) in shapes.items()
    ]


def self_attention(seed: int) -> list[Case]:
    """Queries and keys that differ; as many heads as tokens, and as tokens as dimensions."""
    generator = new_generator(seed)
    shapes = {
        "two images, 3 heads, 5 tokens, d = 4": (2, 3, 5, 4),
        "one image, 4 heads, 4 tokens, d = 4": (1, 4, 4, 4),
        "three images, 1 head, 6 tokens, d = 9": (3, 1, 6, 9),
    }
    return [
        Case(
            name,
            {
                "queries": 1.5 * randn(*shape, generator=generator),
                "keys": 1.5 * randn(*shape, generator=generator),
            },
        )
        for name, shape in shapes.items()
    ]


def class_token_map(seed: int) -> list[Case]:
    """Grids with more rows than columns and the reverse."""
    generator = new_generator(seed)
    settings = {
        "two images, 3 heads, a 2×4 grid": (2, 3, (2, 4)),
        "one image, 1 head, a 5×3 grid": (1, 1, (5, 3)),
        "three images, 4 heads, a 3×2 grid": (3, 4, (3, 2)),
    }
    return [
        Case(
            name,
            {
                "attention": _matrices(n, heads, 1 + grid[0] * grid[1], generator=generator),
                "grid": grid,
            },
        )
        for name, (n, heads, grid) in settings.items()
    ]


def attention_rollout(seed: int) -> list[Case]:
    """One layer, several, and two with an answer by hand: nobody looks, everybody looks evenly."""
    generator = new_generator(seed)
    uniform = torch.full((1, 2, 4, 4), 0.25, dtype=torch.float64)
    alone = torch.eye(5, dtype=torch.float64).expand(2, 3, 5, 5).clone()
    return [
        Case(
            "three layers, two images, 3 heads, 5 tokens",
            {"attentions": [_matrices(2, 3, 5, generator=generator) for _ in range(3)]},
        ),
        Case(
            "two layers, one image, 1 head, 6 tokens",
            {"attentions": [_matrices(1, 1, 6, generator=generator) for _ in range(2)]},
        ),
        Case("a single layer", {"attentions": [_matrices(2, 2, 4, generator=generator)]}),
        Case("two layers of even attention", {"attentions": [uniform, uniform.clone()]}),
        Case("four layers in which each token looks at itself", {"attentions": [alone] * 4}),
    ]


def _attention(n: int, h: int, w: int, generator: torch.Generator) -> Tensor:
    """Positive, summing to 1 for each image."""
    weights = rand(n, h, w, generator=generator) + 0.05
    return weights / weights.sum(dim=(1, 2), keepdim=True)


def _matrices(n: int, heads: int, tokens: int, generator: torch.Generator) -> Tensor:
    """Attention matrices (n, heads, tokens, tokens): rows sum to 1, columns do not."""
    return torch.softmax(1.5 * randn(n, heads, tokens, tokens, generator=generator), dim=-1)
