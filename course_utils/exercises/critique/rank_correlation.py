"""The exercise `rank_correlation`: what it asks for, right answers of other kinds, and misconceptions."""

from __future__ import annotations

import torch
from scipy.stats import rankdata, spearmanr

from course_utils import critique as references
from course_utils.exercises.exercise import Exercise

rank_correlation = Exercise(
    name="rank_correlation",
    reference=references.rank_correlation,
    teaches="comparing maps whatever their scale, and what ties do to ranks",
    difficulty=2,
    minutes=15,
    points=2,
    hints=(
        "A rank correlation is the ordinary correlation of the ranks. What is the rank of values that "
        "are equal?",
        "Equal values share the mean of their ranks: after a ReLU that makes a difference. A library "
        "knows this.",
        "scipy.stats.spearmanr(x, y).statistic takes two flat arrays: call it for each image, and put "
        "the numbers into a tensor.",
    ),
)


@rank_correlation.right_variant
def by_spearmanr(a, b):
    values = [spearmanr(x.flatten(), y.flatten()).statistic for x, y in zip(a, b, strict=True)]
    return torch.tensor(values, dtype=a.dtype)


@rank_correlation.right_variant
def by_ranks(a, b):
    return _correlation(_tied_ranks(a), _tied_ranks(b))


@rank_correlation.right_variant
def by_counting(a, b):
    def ranks(maps):
        values = maps.flatten(1)
        below = (values[:, None, :] < values[:, :, None]).sum(2)
        equal = (values[:, None, :] == values[:, :, None]).sum(2)
        return below + (equal + 1) / 2

    return _correlation(ranks(a).to(a.dtype), ranks(b).to(a.dtype))


def _tied_ranks(maps, method="average"):
    return torch.from_numpy(rankdata(maps.flatten(1).numpy(), method, axis=1)).to(maps.dtype)


def _untied_ranks(maps, stable=True):
    return maps.flatten(1).argsort(dim=1, stable=stable).argsort(dim=1).to(maps.dtype)


def _correlation(x, y):
    x, y = x - x.mean(dim=1, keepdim=True), y - y.mean(dim=1, keepdim=True)
    return (x * y).sum(dim=1) / (x.square().sum(dim=1) * y.square().sum(dim=1)).sqrt()


@rank_correlation.misconception(
    "ties ranked in order of appearance",
    "Equal values got different ranks, by where they stand. They should share the mean of their "
    "ranks, or the zeros of a ReLU agree by their place alone.",
)
def _(a, b):
    return _correlation(_untied_ranks(a), _untied_ranks(b))


@rank_correlation.misconception(
    "correlation of the values",
    "This is the ordinary (Pearson) correlation of the values. The exercise asks for that of their "
    "ranks.",
)
def _(a, b):
    return _correlation(a.flatten(1), b.flatten(1))


@rank_correlation.misconception(
    "one number for the batch",
    "The images were taken together. Each pair of maps has its own ranks and its own correlation.",
)
def _(a, b):
    return torch.tensor(spearmanr(a.flatten(), b.flatten()).statistic, dtype=a.dtype)


@rank_correlation.misconception(
    "ranks of the magnitudes",
    "The magnitudes were ranked. The values are ranked as they are, with their signs.",
)
def _(a, b):
    return by_ranks(a.abs(), b.abs())


@rank_correlation.misconception(
    "Kendall's tau",
    "This is Kendall's τ, another rank correlation. The exercise asks for Spearman's.",
)
def _(a, b):
    from scipy.stats import kendalltau

    values = [kendalltau(x.flatten(), y.flatten()).statistic for x, y in zip(a, b, strict=True)]
    return torch.tensor(values, dtype=a.dtype)


@rank_correlation.misconception(
    "indices instead of ranks",
    "argsort gives the order (which pixel comes first), not the ranks (which place each pixel has).",
)
def _(a, b):
    def order(maps):
        return maps.flatten(1).argsort(dim=1, stable=True).to(maps.dtype)

    return _correlation(order(a), order(b))


@rank_correlation.misconception(
    "constant map counted as 0",
    "For a constant map this gives 0. It ranks nothing, so the result should be NaN.",
)
def _(a, b):
    return torch.nan_to_num(by_ranks(a, b))


@rank_correlation.misconception(
    "cosine",
    "This is the cosine between the maps: neither ranked nor centred.",
)
def _(a, b):
    return torch.cosine_similarity(a.flatten(1), b.flatten(1))


@rank_correlation.also("ties ranked in order of appearance")
def _(a, b):
    return _correlation(_untied_ranks(a, stable=False), _untied_ranks(b, stable=False))


@rank_correlation.also("ties ranked in order of appearance")
def _(a, b):
    constant = (a.flatten(1).std(dim=1) == 0) | (b.flatten(1).std(dim=1) == 0)
    correlation = _correlation(_untied_ranks(a, stable=False), _untied_ranks(b, stable=False))
    return correlation.masked_fill(constant, torch.nan)


@rank_correlation.misconception(
    "ties share another rank",
    "Equal values share a rank, but not the mean of theirs: it is the lowest or the highest, or no rank "
    "is left out after them. The mean is rankdata's default, method='average'.",
)
def _(a, b):
    return _correlation(_tied_ranks(a, "min"), _tied_ranks(b, "min"))


@rank_correlation.also("ties share another rank")
def _(a, b):
    return _correlation(_tied_ranks(a, "max"), _tied_ranks(b, "max"))


@rank_correlation.also("ties share another rank")
def _(a, b):
    return _correlation(_tied_ranks(a, "dense"), _tied_ranks(b, "dense"))


@rank_correlation.misconception(
    "formula for ranks without ties",
    "This is 1 − 6Σd²/(n(n² − 1)), which holds only where no values are equal. With ties take the ordinary "
    "correlation of the ranks.",
)
def _(a, b):
    n = a[0].numel()
    return 1 - 6 * (_tied_ranks(a) - _tied_ranks(b)).square().sum(dim=1) / (n * (n**2 - 1))


@rank_correlation.misconception(
    "magnitude of the correlation",
    "This is the magnitude (or the square) of the correlation. Keep the sign: maps may also be ranked the "
    "other way round.",
)
def _(a, b):
    return by_ranks(a, b).abs()


@rank_correlation.also("magnitude of the correlation")
def _(a, b):
    return by_ranks(a, b).square()


@rank_correlation.also("one number for the batch")
def _(a, b):
    return torch.tensor(spearmanr(a.flatten(), b.flatten()).statistic).expand(len(a))


@rank_correlation.also("one number for the batch")
def _(a, b):
    ranks = [_tied_ranks(maps.reshape(1, -1)).view(len(maps), -1) for maps in (a, b)]
    return _correlation(*ranks)


@rank_correlation.misconception(
    "p-value",
    "This is the p-value. The correlation is the first thing that spearmanr returns, `.statistic`.",
)
def _(a, b):
    values = [spearmanr(x.flatten(), y.flatten()).pvalue for x, y in zip(a, b, strict=True)]
    return torch.tensor(values, dtype=a.dtype)


@rank_correlation.misconception(
    "n and n − 1 mixed",
    "This is too small by the factor (n − 1)/n: a mean over n was divided by deviations over n − 1, as "
    "Tensor.std computes them.",
)
def _(a, b):
    n = a[0].numel()
    return by_ranks(a, b) * (n - 1) / n


@rank_correlation.misconception(
    "row by row",
    "The rows of the maps were correlated one by one. Flatten each map: all its pixels are ranked "
    "together.",
)
def _(a, b):
    pairs = zip(a, b, strict=True)
    return torch.stack([_correlation(_tied_ranks(x), _tied_ranks(y)).mean() for x, y in pairs])
