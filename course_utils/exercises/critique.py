"""The exercises of lecture 7: critique."""

from __future__ import annotations

import copy

import torch
from scipy.stats import rankdata, spearmanr
from torch import Tensor

from course_utils import critique as references
from course_utils.exercises.cases.case import Case
from course_utils.exercises.exercise import Exercise, WrittenQuestion
from course_utils.gradients import vanilla_gradient

mass_inside = Exercise(
    name="mass_inside",
    reference=references.mass_inside,
    teaches="measuring where a map lies, and when there is nothing to measure",
    difficulty=2,
    minutes=15,
    points=2,
    hints=(
        "A share is a part divided by the whole. Which sums are the part and the whole, for each "
        "image?",
        "Signs would cancel: take the magnitudes of the map first. Multiply by the mask for the part.",
        "0/0 is NaN, which is what a map of zeros should give. For an empty mask the part is 0, not "
        "NaN: treat it by itself, for instance with torch.where and mask.any.",
    ),
)


@mass_inside.right_variant
def by_masked_sums(saliency, mask):
    magnitude = saliency.abs()
    share = (magnitude * mask).sum(dim=(1, 2)) / magnitude.sum(dim=(1, 2))
    return torch.where(mask.flatten(1).any(dim=1), share, torch.nan)


@mass_inside.right_variant
def image_by_image(saliency, mask):
    shares = []
    for one, region in zip(saliency, mask, strict=True):
        total = one.abs().sum()
        if not region.any() or total == 0:
            shares.append(float("nan"))
        else:
            shares.append((one[region].abs().sum() / total).item())
    return torch.tensor(shares, dtype=saliency.dtype)


@mass_inside.right_variant
def by_einsum(saliency, mask):
    part = torch.einsum("nhw,nhw->n", saliency.abs(), mask.to(saliency.dtype))
    share = part / torch.einsum("nhw->n", saliency.abs())
    return share.masked_fill(mask.sum(dim=(1, 2)) == 0, float("nan"))


@mass_inside.misconception(
    "empty mask counted",
    "For an empty mask this gives 0 (or a hit). There is nothing to measure then: the result should "
    "be NaN, so that a mean over images cannot be shifted by it.",
)
def _(saliency, mask):
    magnitude = saliency.abs()
    return (magnitude * mask).sum(dim=(1, 2)) / magnitude.sum(dim=(1, 2))


@mass_inside.misconception(
    "guarded division",
    "A small number in the denominator (or a clamp) turns a map of zeros, or an empty mask, into the "
    "share 0. There is nothing to measure then: the result should be NaN.",
)
def _(saliency, mask):
    magnitude = saliency.abs()
    return (magnitude * mask).sum(dim=(1, 2)) / (magnitude.sum(dim=(1, 2)) + 1e-12)


@mass_inside.misconception(
    "signs kept",
    "The signed values were summed, so that positive and negative ones cancel. Take the magnitudes "
    "first.",
)
def _(saliency, mask):
    share = (saliency * mask).sum(dim=(1, 2)) / saliency.sum(dim=(1, 2))
    return torch.where(mask.flatten(1).any(dim=1), share, torch.nan)


@mass_inside.misconception(
    "negative values dropped",
    "Negative values were set to 0. They are part of the map's mass: take their magnitudes.",
)
def _(saliency, mask):
    positive = saliency.clamp_min(0)
    share = (positive * mask).sum(dim=(1, 2)) / positive.sum(dim=(1, 2))
    return torch.where(mask.flatten(1).any(dim=1), share, torch.nan)


@mass_inside.misconception(
    "share of the whole batch",
    "The sums run over the whole batch. Each image has a share of its own.",
)
def _(saliency, mask):
    magnitude = saliency.abs()
    share = (magnitude * mask).sum(dim=(1, 2)) / magnitude.sum()
    return torch.where(mask.flatten(1).any(dim=1), share, torch.nan)


@mass_inside.misconception(
    "mean inside",
    "This is the mean magnitude inside the mask. The exercise asks for the share of the total "
    "magnitude that lies inside.",
)
def _(saliency, mask):
    return (saliency.abs() * mask).sum(dim=(1, 2)) / mask.sum(dim=(1, 2))


@mass_inside.misconception(
    "divided by the area",
    "The share was divided by the mask's share of the area. Leave it as it is: the two are held "
    "against each other later.",
)
def _(saliency, mask):
    return by_masked_sums(saliency, mask) / mask.to(saliency).mean(dim=(1, 2))


@mass_inside.misconception(
    "pointing game",
    "This asks whether the largest value lies inside, yes or no. The exercise asks for the share of "
    "the magnitude.",
)
def _(saliency, mask):
    place = saliency.abs().flatten(1).argmax(dim=1, keepdim=True)
    return mask.flatten(1).gather(1, place).squeeze(1).to(saliency)


@mass_inside.misconception(
    "squares",
    "This is the share of the squares. The exercise takes the magnitudes.",
)
def _(saliency, mask):
    return by_masked_sums(saliency**2, mask)


@mass_inside.also("empty mask counted")
def _(saliency, mask):
    return torch.where(mask.flatten(1).any(dim=1), by_masked_sums(saliency, mask), 1.0)


@mass_inside.also("guarded division")
def _(saliency, mask):
    magnitude = saliency.abs()
    share = (magnitude * mask).sum(dim=(1, 2)) / magnitude.sum(dim=(1, 2)).clamp_min(1e-12)
    return torch.where(mask.flatten(1).any(dim=1), share, torch.nan)


@mass_inside.also("signs kept")
def _(saliency, mask):
    share = (saliency * mask).sum(dim=(1, 2)) / saliency.abs().sum(dim=(1, 2))
    return torch.where(mask.flatten(1).any(dim=1), share, torch.nan)


@mass_inside.also("signs kept")
def _(saliency, mask):
    share = (saliency * mask).sum(dim=(1, 2)).abs() / saliency.sum(dim=(1, 2)).abs()
    return torch.where(mask.flatten(1).any(dim=1), share, torch.nan)


@mass_inside.also("share of the whole batch")
def _(saliency, mask):
    return (saliency.abs() * mask).sum() / saliency.abs().sum()


@mass_inside.misconception(
    "nothing inside counted as nothing to measure",
    "Where a map lies wholly outside its mask, the share is 0, a measurement like any other. NaN is for "
    "an empty mask and for a map of zeros.",
)
def _(saliency, mask):
    share = by_masked_sums(saliency, mask)
    return torch.where(share == 0, torch.nan, share)


@mass_inside.misconception(
    "inside divided by outside",
    "This is the ratio of inside to outside. A share is the part inside divided by the whole.",
)
def _(saliency, mask):
    return by_masked_sums(saliency, mask) / by_masked_sums(saliency, ~mask)


@mass_inside.misconception(
    "share outside",
    "This is the share outside the mask. True marks the region.",
)
def _(saliency, mask):
    share = 1 - by_masked_sums(saliency, mask)
    return torch.where(mask.flatten(1).any(dim=1), share, torch.nan)


@mass_inside.misconception(
    "pixels counted",
    "This counts pixels, not what the map holds in them: each pixel weighs as much as its magnitude.",
)
def _(saliency, mask):
    return mask.to(saliency).mean(dim=(1, 2))


@mass_inside.also("pixels counted")
def _(saliency, mask):
    return ((saliency != 0) & mask).sum(dim=(1, 2)) / (saliency != 0).sum(dim=(1, 2))


@mass_inside.misconception(
    "stretched to [0, 1] first",
    "The map was stretched to [0, 1] first, which turns its lowest value into 0. Take the magnitudes as "
    "they are.",
)
def _(saliency, mask):
    low, high = saliency.amin((1, 2), keepdim=True), saliency.amax((1, 2), keepdim=True)
    return by_masked_sums((saliency - low) / (high - low), mask)


@mass_inside.misconception(
    "unmeasurable images left out",
    "Images with nothing to measure are missing. Keep their places, with NaN: one number for each image.",
)
def _(saliency, mask):
    share = by_masked_sums(saliency, mask)
    return share[~share.isnan()]


@mass_inside.also("stretched to [0, 1] first")
def _(saliency, mask):
    magnitudes = saliency.abs()
    low, high = magnitudes.amin((1, 2), keepdim=True), magnitudes.amax((1, 2), keepdim=True)
    return by_masked_sums((magnitudes - low) / (high - low), mask)


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


first_order_prediction = Exercise(
    name="first_order_prediction",
    reference=references.first_order_prediction,
    teaches="predicting what a small step does, with the calculus of the first lecture",
    difficulty=1,
    minutes=10,
    points=2,
    hints=(
        "Taylor's formula up to the first order: f(I + r) ≈ f(I) + …",
        "The term that is left is a dot product of gradient and perturbation, for each image.",
        "Multiply gradient and perturbation entry by entry, and sum over the axes 1, 2 and 3.",
    ),
)


@first_order_prediction.right_variant
def by_gradient_and_product(f, images, perturbations):
    return (vanilla_gradient(f, images) * perturbations).sum(dim=(1, 2, 3))


@first_order_prediction.right_variant
def by_directional_derivative(f, images, perturbations):
    return torch.func.jvp(f, (images,), (perturbations,))[1]


@first_order_prediction.right_variant
def by_slope_of_a_line(f, images, perturbations):
    t = torch.zeros(len(images), 1, 1, 1, dtype=images.dtype, requires_grad=True)
    return torch.autograd.grad(f(images + t * perturbations).sum(), t)[0].flatten()


@first_order_prediction.misconception(
    "measured change",
    "This is the change itself, f(I + r) − f(I). The exercise asks for what the gradient at I "
    "predicts.",
)
def _(f, images, perturbations):
    return f(images + perturbations) - f(images)


@first_order_prediction.misconception(
    "score added",
    "This is the predicted *score* f(I) + ∇f(I)·r. The exercise asks for the predicted change alone.",
)
def _(f, images, perturbations):
    return f(images) + by_gradient_and_product(f, images, perturbations)


@first_order_prediction.misconception(
    "not summed",
    "The products are not summed. A dot product is one number for each image.",
)
def _(f, images, perturbations):
    return vanilla_gradient(f, images) * perturbations


@first_order_prediction.misconception(
    "mean instead of sum",
    "The products were averaged. A dot product adds them up.",
)
def _(f, images, perturbations):
    return (vanilla_gradient(f, images) * perturbations).mean(dim=(1, 2, 3))


@first_order_prediction.misconception(
    "gradient at the perturbed image",
    "The gradient was taken at I + r, or on the way there. The prediction is made before the step, with "
    "the gradient at I.",
)
def _(f, images, perturbations):
    return (vanilla_gradient(f, images + perturbations) * perturbations).sum(dim=(1, 2, 3))


@first_order_prediction.misconception(
    "product of the norms",
    "This is ‖∇f‖·‖r‖, the change if r pointed along the gradient. The dot product also knows the "
    "angle between them.",
)
def _(f, images, perturbations):
    norms = [t.flatten(1).norm(dim=1) for t in (vanilla_gradient(f, images), perturbations)]
    return norms[0] * norms[1]


@first_order_prediction.misconception(
    "magnitude",
    "This is the magnitude of the predicted change. Keep its sign: a step may also lower the score.",
)
def _(f, images, perturbations):
    return by_gradient_and_product(f, images, perturbations).abs()


@first_order_prediction.misconception(
    "sum over the batch",
    "This is one number for the whole batch. Each image has its own prediction.",
)
def _(f, images, perturbations):
    return (vanilla_gradient(f, images) * perturbations).sum()


@first_order_prediction.misconception(
    "sign reversed",
    "The sign is reversed: a step along the gradient raises the score.",
)
def _(f, images, perturbations):
    return -by_gradient_and_product(f, images, perturbations)


@first_order_prediction.misconception(
    "magnitudes summed",
    "The magnitudes of the products were summed. In a dot product, ups and downs offset each other.",
)
def _(f, images, perturbations):
    return (vanilla_gradient(f, images) * perturbations).abs().sum(dim=(1, 2, 3))


@first_order_prediction.misconception(
    "sign of the gradient",
    "The gradient's sign was taken. Its size counts too: ∇f(I)·r.",
)
def _(f, images, perturbations):
    return (vanilla_gradient(f, images).sign() * perturbations).sum(dim=(1, 2, 3))


@first_order_prediction.misconception(
    "gradient times image",
    "The gradient was multiplied with the image. The prediction is for the perturbation: ∇f(I)·r.",
)
def _(f, images, perturbations):
    return (vanilla_gradient(f, images) * images).sum(dim=(1, 2, 3))


@first_order_prediction.also("gradient times image")
def _(f, images, perturbations):
    return (vanilla_gradient(f, images) * (images + perturbations)).sum(dim=(1, 2, 3))


@first_order_prediction.misconception(
    "normalised",
    "Gradient or perturbation was normalised (both: a cosine). The change grows with the length of both: "
    "take them as they are.",
)
def _(f, images, perturbations):
    change = by_gradient_and_product(f, images, perturbations)
    return change / perturbations.flatten(1).norm(dim=1)


@first_order_prediction.also("normalised")
def _(f, images, perturbations):
    change = by_gradient_and_product(f, images, perturbations)
    return change / vanilla_gradient(f, images).flatten(1).norm(dim=1)


@first_order_prediction.also("normalised")
def _(f, images, perturbations):
    gradient = vanilla_gradient(f, images).flatten(1)
    return torch.cosine_similarity(gradient, perturbations.flatten(1))


@first_order_prediction.misconception(
    "mean over the batch",
    "The prediction is divided by the number of images: the mean of the scores was differentiated. Take "
    "the sum.",
)
def _(f, images, perturbations):
    return by_gradient_and_product(f, images, perturbations) / len(images)


@first_order_prediction.also("gradient at the perturbed image")
def _(f, images, perturbations):
    return (vanilla_gradient(f, images + perturbations / 2) * perturbations).sum(dim=(1, 2, 3))


direction_with_cosine = Exercise(
    name="direction_with_cosine",
    reference=references.direction_with_cosine,
    teaches="that there are many quick ways up, of which the gradient is one",
    difficulty=3,
    minutes=20,
    points=3,
    hints=(
        "Think in the plane that gradient and other span. Take two perpendicular unit vectors in it.",
        "u is the gradient divided by its norm. v is what is left of `other` after its part along u "
        "is taken away, (other·u) u, divided by its norm.",
        "The direction is cos·u + sin·v, with sin = √(1 − cos²). Norms and dot products are taken for "
        "each image.",
    ),
)


@direction_with_cosine.right_variant
def by_gram_schmidt(gradient, other, cosine):
    u, v = _plane(gradient, other)
    return cosine * u + (1 - cosine**2) ** 0.5 * v


@direction_with_cosine.right_variant
def by_angle(gradient, other, cosine):
    u, v = _plane(gradient, other)
    angle = torch.arccos(torch.tensor(cosine, dtype=gradient.dtype))
    return torch.cos(angle) * u + torch.sin(angle) * v


@direction_with_cosine.right_variant
def image_by_image_with_qr(gradient, other, cosine):
    directions = []
    for g, o in zip(gradient, other, strict=True):
        basis, triangle = torch.linalg.qr(torch.stack([g.flatten(), o.flatten()], dim=1))
        basis = basis * triangle.diagonal().sign()
        directions.append((cosine * basis[:, 0] + (1 - cosine**2) ** 0.5 * basis[:, 1]).view_as(g))
    return torch.stack(directions)


def _normalised(x):
    return x / torch.linalg.vector_norm(x, dim=(1, 2, 3), keepdim=True)


def _plane(gradient, other):
    u = _normalised(gradient)
    return u, _normalised(other - (other * u).sum(dim=(1, 2, 3), keepdim=True) * u)


@direction_with_cosine.misconception(
    "not orthogonalised",
    "`other` was used as it is. Its part along the gradient must be taken away first, or the angle is "
    "another one.",
)
def _(gradient, other, cosine):
    return cosine * _normalised(gradient) + (1 - cosine**2) ** 0.5 * _normalised(other)


@direction_with_cosine.misconception(
    "mixed and normalised",
    "This is a mixture of the two directions, made a unit vector. Its cosine to the gradient is not the "
    "one asked for: first take away from `other` its part along the gradient.",
)
def _(gradient, other, cosine):
    return _normalised(cosine * _normalised(gradient) + (1 - cosine) * _normalised(other))


@direction_with_cosine.misconception(
    "sine forgotten",
    "The weight of the perpendicular part is another function of the cosine. It should be the sine, "
    "√(1 − cos²): only then the sum has the length 1 and the right angle.",
)
def _(gradient, other, cosine):
    u, v = _plane(gradient, other)
    return cosine * u + (1 - cosine) * v


@direction_with_cosine.misconception(
    "not of length 1",
    "The direction is right, but its length is not 1. It should have the L2 norm 1.",
)
def _(gradient, other, cosine):
    norms = torch.linalg.vector_norm(gradient, dim=(1, 2, 3), keepdim=True)
    return norms * by_gram_schmidt(gradient, other, cosine)


@direction_with_cosine.misconception(
    "on the other side",
    "The cosine is right, but the direction leans away from `other`. Of the two directions in the "
    "plane, take the one on its side.",
)
def _(gradient, other, cosine):
    u, v = _plane(gradient, other)
    return cosine * u - (1 - cosine**2) ** 0.5 * v


@direction_with_cosine.misconception(
    "cosine to the other direction",
    "This has the cosine to `other`. It is the angle to the *gradient* that is asked for.",
)
def _(gradient, other, cosine):
    return by_gram_schmidt(other, gradient, cosine)


@direction_with_cosine.misconception(
    "norm over the batch",
    "The norms and products run over the whole batch. Each image has its own.",
)
def _(gradient, other, cosine):
    u = gradient / gradient.norm()
    v = other - (other * u).sum() * u
    return cosine * u + (1 - cosine**2) ** 0.5 * v / v.norm()


@direction_with_cosine.misconception(
    "perpendicular part not normalised",
    "The perpendicular part was not made a unit vector, so that both length and angle are off.",
)
def _(gradient, other, cosine):
    u = _normalised(gradient)
    rest = other - (other * u).sum(dim=(1, 2, 3), keepdim=True) * u
    return cosine * u + (1 - cosine**2) ** 0.5 * rest


@direction_with_cosine.also("mixed and normalised")
def _(gradient, other, cosine):
    mixed = cosine * _normalised(gradient) + (1 - cosine**2) ** 0.5 * _normalised(other)
    return _normalised(mixed)


@direction_with_cosine.also("sine forgotten")
def _(gradient, other, cosine):
    u, v = _plane(gradient, other)
    return _normalised(cosine * u + (1 - cosine) * v)


@direction_with_cosine.also("sine forgotten")
def _(gradient, other, cosine):
    u, v = _plane(gradient, other)
    return cosine * u + (1 - cosine) ** 0.5 * v


@direction_with_cosine.also("sine forgotten")
def _(gradient, other, cosine):
    u, v = _plane(gradient, other)
    return cosine * u + (1 - cosine**2) * v


@direction_with_cosine.also("not of length 1")
def _(gradient, other, cosine):
    return gradient[0].numel() ** 0.5 * by_gram_schmidt(gradient, other, cosine)


@direction_with_cosine.misconception(
    "sine and cosine exchanged",
    "Sine and cosine are exchanged: the cosine is the weight of the gradient's direction.",
)
def _(gradient, other, cosine):
    u, v = _plane(gradient, other)
    return (1 - cosine**2) ** 0.5 * u + cosine * v


@direction_with_cosine.misconception(
    "cosine taken as an angle",
    "The cosine was used as an angle. It is given already: the sine is √(1 − cos²).",
)
def _(gradient, other, cosine):
    u, v = _plane(gradient, other)
    angle = torch.tensor(cosine, dtype=gradient.dtype)
    return torch.cos(angle) * u + torch.sin(angle) * v


@direction_with_cosine.misconception(
    "gradient not normalised",
    "The gradient's length plays a part, or that of the perpendicular one. Make both unit vectors before "
    "they are mixed.",
)
def _(gradient, other, cosine):
    _, v = _plane(gradient, other)
    return cosine * gradient + (1 - cosine**2) ** 0.5 * v


@direction_with_cosine.also("gradient not normalised")
def _(gradient, other, cosine):
    u = _normalised(gradient)
    rest = other - (other * u).sum(dim=(1, 2, 3), keepdim=True) * u
    return _normalised(cosine * gradient + (1 - cosine**2) ** 0.5 * rest)


@direction_with_cosine.misconception(
    "projection on a gradient of another length",
    "The part along the gradient was not taken away in full: (other·g) g is that part only if g has the "
    "length 1.",
)
def _(gradient, other, cosine):
    rest = other - (other * gradient).sum(dim=(1, 2, 3), keepdim=True) * gradient
    return cosine * _normalised(gradient) + (1 - cosine**2) ** 0.5 * _normalised(rest)


@direction_with_cosine.misconception(
    "channel by channel",
    "Norms and products were taken for each channel. They run over the whole image, its channels included.",
)
def _(gradient, other, cosine):
    def unit(x):
        return x / torch.linalg.vector_norm(x, dim=(2, 3), keepdim=True)

    u = unit(gradient)
    v = unit(other - (other * u).sum(dim=(2, 3), keepdim=True) * u)
    return cosine * u + (1 - cosine**2) ** 0.5 * v


@direction_with_cosine.misconception(
    "negative cosine",
    "This fails for negative cosines. There the direction leads away from the gradient, and is still on "
    "the side of `other`.",
)
def _(gradient, other, cosine):
    return by_gram_schmidt(gradient, other, abs(cosine))


@direction_with_cosine.also("negative cosine")
def _(gradient, other, cosine):
    u, v = _plane(gradient, other)
    return cosine * u + (1 if cosine >= 0 else -1) * (1 - cosine**2) ** 0.5 * v


@direction_with_cosine.also("negative cosine")
def _(gradient, other, cosine):
    return (1 if cosine >= 0 else -1) * by_gram_schmidt(gradient, other, cosine)


@direction_with_cosine.also("perpendicular part not normalised")
def _(gradient, other, cosine):
    u, o = _normalised(gradient), _normalised(other)
    rest = o - (o * u).sum(dim=(1, 2, 3), keepdim=True) * u
    return cosine * u + (1 - cosine**2) ** 0.5 * rest


region_effect = Exercise(
    name="region_effect",
    reference=references.region_effect,
    teaches="the effect of a region as a whole, which no single pixel shows",
    difficulty=2,
    minutes=15,
    points=2,
    hints=(
        "What would the score be without the region? Make that image first.",
        "torch.where(mask, baseline, image) takes the baseline inside the mask. The mask needs an axis "
        "for the channels.",
        "Return f of the images minus f of the changed images: positive where the region helps.",
    ),
)


@region_effect.right_variant
def by_where(f, images, mask, baselines):
    return f(images) - f(torch.where(mask[:, None], baselines, images))


@region_effect.right_variant
def by_blending(f, images, mask, baselines):
    inside = mask[:, None].to(images.dtype)
    return f(images) - f(inside * baselines + (1 - inside) * images)


@region_effect.right_variant
def each_image_by_itself(f, images, mask, baselines):
    effects = []
    for image, region, baseline in zip(images, mask, baselines, strict=True):
        without = image.clone()
        without[:, region] = baseline[:, region]
        effects.append((f(image[None]) - f(without[None]))[0])
    return torch.stack(effects)


@region_effect.misconception(
    "sign reversed",
    "This is the score without the region minus that with it. The effect should be positive where the "
    "region raises the score.",
)
def _(f, images, mask, baselines):
    return -by_where(f, images, mask, baselines)


@region_effect.misconception(
    "region kept, rest replaced",
    "The mask is turned round: everything *but* the region was replaced.",
)
def _(f, images, mask, baselines):
    return by_where(f, images, ~mask, baselines)


@region_effect.misconception(
    "black instead of the baseline",
    "The region was set to black, or to a mean. It should take the values of `baselines`, pixel by pixel.",
)
def _(f, images, mask, baselines):
    return by_where(f, images, mask, torch.zeros_like(images))


@region_effect.misconception(
    "score without the region",
    "This is a single score, of the image without the region or of the region alone. The effect is how "
    "much the score *falls* when the region goes.",
)
def _(f, images, mask, baselines):
    return f(torch.where(mask[:, None], baselines, images))


@region_effect.misconception(
    "sum of the gradient",
    "This is what the gradient predicts for the region, Σ ∇f·(I − B). The exercise asks for the effect "
    "itself: two evaluations of f, no gradient.",
)
def _(f, images, mask, baselines):
    slopes = vanilla_gradient(f, images) * (images - baselines)
    return (slopes * mask[:, None]).sum(dim=(1, 2, 3))


@region_effect.misconception(
    "per pixel",
    "The effect was divided by the number of pixels in the region. That hides what the exercise is to "
    "show: a large region may matter more than a salient small one.",
)
def _(f, images, mask, baselines):
    return by_where(f, images, mask, baselines) / mask.sum(dim=(1, 2))


@region_effect.misconception(
    "magnitude",
    "This is the magnitude of the effect. Keep its sign: a region may also speak against the class.",
)
def _(f, images, mask, baselines):
    return by_where(f, images, mask, baselines).abs()


@region_effect.misconception(
    "everything replaced",
    "The whole image was replaced by the baseline; the mask plays no part.",
)
def _(f, images, mask, baselines):
    return f(images) - f(baselines)


@region_effect.also("score without the region")
def _(f, images, mask, baselines):
    return f(torch.where(mask[:, None], images, baselines))


@region_effect.misconception(
    "region put onto the baseline",
    "This is what the region adds to the *baseline*. The exercise asks for what the image loses without it.",
)
def _(f, images, mask, baselines):
    return f(torch.where(mask[:, None], images, baselines)) - f(baselines)


@region_effect.misconception(
    "baseline added",
    "The baseline was added to the image (or taken from it), or stands outside the region too. Inside the "
    "region it *replaces* the image, outside the image stays.",
)
def _(f, images, mask, baselines):
    return f(images) - f(images + mask[:, None] * baselines)


@region_effect.also("baseline added")
def _(f, images, mask, baselines):
    return f(images) - f(images - mask[:, None] * baselines)


@region_effect.also("baseline added")
def _(f, images, mask, baselines):
    return f(images) - f(images * ~mask[:, None] + baselines)


@region_effect.misconception(
    "first channel only",
    "Only the first channel was replaced. The mask holds for all channels.",
)
def _(f, images, mask, baselines):
    without = images.clone()
    without[:, 0] = torch.where(mask, baselines[:, 0], images[:, 0])
    return f(images) - f(without)


@region_effect.misconception(
    "relative to the score",
    "The effect was divided by the score. It is a difference of scores.",
)
def _(f, images, mask, baselines):
    return by_where(f, images, mask, baselines) / f(images)


@region_effect.misconception(
    "first image's mask or baseline",
    "All images were given one mask or one baseline. Each has its own.",
)
def _(f, images, mask, baselines):
    return by_where(f, images, mask[:1].expand_as(mask), baselines)


@region_effect.also("first image's mask or baseline")
def _(f, images, mask, baselines):
    return by_where(f, images, mask, baselines[:1].expand_as(baselines))


@region_effect.also("first image's mask or baseline")
def _(f, images, mask, baselines):
    return by_where(f, images, mask.any(dim=0, keepdim=True).expand_as(mask), baselines)


@region_effect.also("black instead of the baseline")
def _(f, images, mask, baselines):
    grey = images.mean(dim=(2, 3), keepdim=True).expand_as(images)
    return by_where(f, images, mask, grey)


@region_effect.also("black instead of the baseline")
def _(f, images, mask, baselines):
    grey = baselines.mean(dim=(2, 3), keepdim=True).expand_as(images)
    return by_where(f, images, mask, grey)


ascend = Exercise(
    name="ascend",
    reference=references.ascend,
    teaches="where the gradient leads if one keeps following it",
    difficulty=2,
    minutes=20,
    points=2,
    hints=(
        "It is a loop: at each point, take the gradient *there*, and go one step of the given length.",
        "The length of a step is its L2 norm, for each image: divide the gradient by its own norm.",
        "Keep all points in a list, the image first, and join them with torch.stack(way, dim=1).",
    ),
)


@ascend.right_variant
def by_list_and_stack(f, images, step, n_steps):
    way = [images.clone()]
    for _ in range(n_steps):
        way.append(way[-1] + step * _normalised(vanilla_gradient(f, way[-1])))
    return torch.stack(way, dim=1)


@ascend.right_variant
def into_a_tensor(f, images, step, n_steps):
    n, *shape = images.shape
    way = torch.zeros(n, n_steps + 1, *shape, dtype=images.dtype)
    way[:, 0] = images
    for k in range(n_steps):
        point = way[:, k].clone().requires_grad_(True)
        f(point).sum().backward()
        length = point.grad.flatten(1).norm(dim=1).view(n, *[1] * len(shape))
        way[:, k + 1] = point.detach() + step * point.grad / length
    return way


@ascend.right_variant
def one_image_after_another(f, images, step, n_steps):
    return torch.cat([by_list_and_stack(f, image[None], step, n_steps) for image in images])


def _way(f, images, n_steps, move):
    way = [images.clone()]
    for _ in range(n_steps):
        way.append(move(way[-1]))
    return torch.stack(way, dim=1)


@ascend.misconception(
    "gradient of the start",
    "Every step follows the gradient at the first image, so that the way is a straight line. Take it "
    "anew at each point.",
)
def _(f, images, step, n_steps):
    direction = _normalised(vanilla_gradient(f, images))
    return _way(f, images, n_steps, lambda point: point + step * direction)


@ascend.misconception(
    "not normalised",
    "The steps are `step` times the gradient, whose norm is not 1. Each step should have the L2 length "
    "`step`.",
)
def _(f, images, step, n_steps):
    return _way(f, images, n_steps, lambda point: point + step * vanilla_gradient(f, point))


@ascend.misconception(
    "descent",
    "This way goes down: the gradient was subtracted.",
)
def _(f, images, step, n_steps):
    return _way(
        f, images, n_steps, lambda point: point - step * _normalised(vanilla_gradient(f, point))
    )


@ascend.misconception(
    "sign of the gradient",
    "The steps follow the sign of the gradient, as in BIM. Follow the gradient itself, scaled to the "
    "L2 length `step`.",
)
def _(f, images, step, n_steps):
    return _way(f, images, n_steps, lambda point: point + step * vanilla_gradient(f, point).sign())


@ascend.misconception(
    "clipped",
    "The points were clipped to [0, 1]. Here nothing keeps them there: that the way leaves the box is "
    "what the experiment is to show.",
)
def _(f, images, step, n_steps):
    def move(point):
        return (point + step * _normalised(vanilla_gradient(f, point))).clamp(0, 1)

    return _way(f, images, n_steps, move)


@ascend.misconception(
    "end point only",
    "This is the last point alone. Return the whole way, (N, n_steps + 1, C, H, W).",
)
def _(f, images, step, n_steps):
    return by_list_and_stack(f, images, step, n_steps)[:, -1]


@ascend.misconception(
    "start missing",
    "The first image is missing. The way has n_steps + 1 points, the image itself first.",
)
def _(f, images, step, n_steps):
    return by_list_and_stack(f, images, step, n_steps)[:, 1:]


@ascend.misconception(
    "steps on the first axis",
    "The points are on the first axis. The images come first: (N, n_steps + 1, C, H, W).",
)
def _(f, images, step, n_steps):
    return by_list_and_stack(f, images, step, n_steps).transpose(0, 1)


@ascend.misconception(
    "norm over the batch",
    "The gradients were divided by the norm of the whole batch. Each image's step has the length "
    "`step`.",
)
def _(f, images, step, n_steps):
    def move(point):
        gradient = vanilla_gradient(f, point)
        return point + step * gradient / gradient.norm()

    return _way(f, images, n_steps, move)


@ascend.misconception(
    "another norm",
    "The gradient was divided by something else than its L2 norm: another norm, or one for each channel or "
    "row. Each image's gradient has one L2 norm, over all its pixels and channels.",
)
def _(f, images, step, n_steps):
    return _by_norm(f, images, step, n_steps, lambda g: g.abs().sum(dim=(1, 2, 3), keepdim=True))


def _by_norm(f, images, step, n_steps, norm):
    def move(point):
        gradient = vanilla_gradient(f, point)
        return point + step * gradient / norm(gradient)

    return _way(f, images, n_steps, move)


@ascend.also("another norm")
def _(f, images, step, n_steps):
    return _by_norm(f, images, step, n_steps, lambda g: g.abs().amax(dim=(1, 2, 3), keepdim=True))


@ascend.also("another norm")
def _(f, images, step, n_steps):
    return _by_norm(f, images, step, n_steps, lambda g: g.square().sum((1, 2, 3), keepdim=True))


@ascend.also("another norm")
def _(f, images, step, n_steps):
    return _by_norm(f, images, step, n_steps, lambda g: g.norm(dim=(2, 3), keepdim=True))


@ascend.also("another norm")
def _(f, images, step, n_steps):
    return _by_norm(f, images, step, n_steps, lambda g: g.norm(dim=1, keepdim=True))


@ascend.also("another norm")
def _(f, images, step, n_steps):
    return _by_norm(f, images, step, n_steps, lambda g: g.norm(dim=3, keepdim=True))


@ascend.misconception(
    "norm of the first gradient",
    "All gradients were divided by the first one's norm. Each step has the length `step`: divide by the "
    "norm of the gradient at hand.",
)
def _(f, images, step, n_steps):
    first = torch.linalg.vector_norm(vanilla_gradient(f, images), dim=(1, 2, 3), keepdim=True)
    return _by_norm(f, images, step, n_steps, lambda g: first)


@ascend.misconception(
    "one step too few",
    "A step is missing: the way has n_steps + 1 points, the image itself first.",
)
def _(f, images, step, n_steps):
    return by_list_and_stack(f, images, step, n_steps)[:, :-1]


@ascend.misconception(
    "step divided by their number",
    "`step` was divided by n_steps. It is the length of each single step.",
)
def _(f, images, step, n_steps):
    return by_list_and_stack(f, images, step / n_steps, n_steps)


@ascend.misconception(
    "one tensor again and again",
    "All points are the last one: the list holds one tensor again and again, and each step changed it in "
    "place. Make a new tensor in each step.",
)
def _(f, images, step, n_steps):
    way = by_list_and_stack(f, images, step, n_steps)
    return way[:, -1:].expand_as(way)


@ascend.misconception(
    "always from the start",
    "Every step starts at the first image again. Go on from where the last one led.",
)
def _(f, images, step, n_steps):
    return _way(
        f, images, n_steps, lambda point: images + step * _normalised(vanilla_gradient(f, point))
    )


@ascend.misconception(
    "steps instead of points",
    "These are the steps, not the points that they lead to. Add each step to where one has got to.",
)
def _(f, images, step, n_steps):
    way = by_list_and_stack(f, images, step, n_steps)
    return torch.cat([torch.zeros_like(way[:, :1]), way.diff(dim=1)], dim=1)


@ascend.also("steps instead of points")
def _(f, images, step, n_steps):
    way = by_list_and_stack(f, images, step, n_steps)
    return torch.cat([way[:, :1], way.diff(dim=1)], dim=1)


def _fingerprint(value: tuple, case: Case) -> tuple[str, ...]:
    """What became of each floating-point tensor of the model: same, constant, related or new."""
    original = [tensor for tensor in case.arguments["model"].state_dict().values()]
    return tuple(
        _fate(before, after)
        for before, after in zip(original, value, strict=False)
        if before.is_floating_point()
    )


def _fate(before: Tensor, after: Tensor) -> str:
    if before.shape != after.shape:
        return "another shape"
    if torch.equal(before, after):
        return "same"
    if after.min() == after.max():
        return "constant"
    pair = torch.stack([before.flatten(), after.flatten().to(before)])
    # Chance alone hardly ever makes a correlation of six standard errors, or of 0.95.
    chance = min(0.95, 6 / before.numel() ** 0.5)
    return "related" if torch.corrcoef(pair)[0, 1].abs() > chance else "new"


def _randomisation_complaint(value: object, expected: object, case: Case) -> str | None:
    """The upper layers must be new, the lower ones the same, and the network must still work."""
    if not isinstance(value, tuple) or len(value) != len(expected):
        return "the copy should have the model's parameters and buffers, got others."
    names = [
        name
        for name, values in case.arguments["model"].state_dict().items()
        if values.is_floating_point()
    ]
    fates = zip(names, _fingerprint(value, case), _fingerprint(expected, case), strict=True)
    for name, fate, right in fates:
        if fate != right:
            should = "stay as it is" if right == "same" else "hold new random numbers"
            found = {
                "same": "it stays as it is",
                "new": "it is changed",
                "related": "it still resembles what it was",
            }.get(fate, f"it is {fate}")
            return f"{name} should {should}, but {found}."
    logits, mode, drawn = value[-3:]
    if not torch.isfinite(logits).all():
        return "the network's output is not finite (is a variance negative?)."
    if mode != expected[-2]:
        return "the copy should be in the model's mode: train() or eval() was called on it."
    if expected[-1] and not drawn:
        return "nothing was drawn from the generator that was given."
    return None


def _same_fates(one: object, other: object, case: Case) -> bool:
    if not isinstance(one, tuple) or not isinstance(other, tuple) or len(one) != len(other):
        return False
    finite = [bool(torch.isfinite(value[-3]).all()) for value in (one, other)]
    fates = _fingerprint(one, case)
    # Constants need no generator: where there are any, its use says nothing.
    same_use = "constant" in fates or one[-1] == other[-1]
    same_mode = one[-2] == other[-2]
    return finite[0] == finite[1] and same_mode and same_use and fates == _fingerprint(other, case)


@ascend.also("another norm")
def _(f, images, step, n_steps):
    return _by_norm(
        f, images, step, n_steps, lambda g: g.square().mean(dim=(1, 2, 3), keepdim=True).sqrt()
    )


randomise_layers = Exercise(
    name="randomise_layers",
    reference=references.randomise_layers,
    teaches="a control for every map: does it change when the network forgets?",
    difficulty=3,
    minutes=25,
    points=3,
    complaint=_randomisation_complaint,
    alike=_same_fates,
    hints=(
        "Work on copy.deepcopy(model), and find its layers: the modules that hold parameters of their "
        "own. Which of them are the top ones?",
        "module.parameters(recurse=False) and module.buffers(recurse=False) list what a module holds "
        "itself. The order of model.modules() is from the image to the logits.",
        "Within torch.no_grad(), copy random numbers from the generator into each floating-point "
        "tensor, tensor.copy_(torch.rand(tensor.shape, generator=generator)): they are positive, as "
        "variances must be.",
    ),
)


def _layers(model):
    return [
        module
        for module in model.modules()
        if list(module.parameters(recurse=False)) or list(module.buffers(recurse=False))
    ]


def _own_tensors(module):
    tensors = [*module.parameters(recurse=False), *module.buffers(recurse=False)]
    return [tensor for tensor in tensors if tensor.is_floating_point()]


def _uniform(tensor, generator):
    return torch.rand(tensor.shape, generator=generator, dtype=tensor.dtype)


@randomise_layers.right_variant
def by_uniform_numbers(model, n_layers, generator):
    model = copy.deepcopy(model)
    layers = _layers(model)
    with torch.no_grad():
        for layer in layers[len(layers) - n_layers :]:
            for tensor in _own_tensors(layer):
                tensor.copy_(_uniform(tensor, generator))
    return model


@randomise_layers.right_variant
def by_shuffling(model, n_layers, generator):
    model = copy.deepcopy(model)
    for layer in _layers(model)[::-1][:n_layers]:
        for tensor in _own_tensors(layer):
            order = torch.randperm(tensor.numel(), generator=generator)
            tensor.data = tensor.data.flatten()[order].view_as(tensor)
    return model


@randomise_layers.right_variant
def by_normal_numbers_in_a_state(model, n_layers, generator):
    new = copy.deepcopy(model)
    names = dict.fromkeys(name.rpartition(".")[0] for name in new.state_dict())
    chosen = list(names)[::-1][:n_layers]
    state = new.state_dict()
    for name, tensor in state.items():
        if name.rpartition(".")[0] in chosen and tensor.is_floating_point():
            random = torch.randn(tensor.shape, generator=generator, dtype=tensor.dtype)
            state[name] = random.abs() + 0.01 if name.endswith("running_var") else random
    new.load_state_dict(state)
    return new


def _randomised(model, choose, generator, new=_uniform, tensors=_own_tensors):
    model = copy.deepcopy(model)
    with torch.no_grad():
        for layer in choose(_layers(model)):
            for tensor in tensors(layer):
                tensor.copy_(new(tensor, generator))
    return model


@randomise_layers.misconception(
    "bottom up",
    "The lowest layers were randomised. Begin at the top, with the layer that gives the logits.",
)
def _(model, n_layers, generator):
    return _randomised(model, lambda layers: layers[:n_layers], generator)


@randomise_layers.misconception(
    "one layer only",
    "Only the n-th layer from the top was randomised. All of the n upper ones should be.",
)
def _(model, n_layers, generator):
    return _randomised(
        model, lambda layers: layers[::-1][n_layers - 1 : n_layers] if n_layers else [], generator
    )


@randomise_layers.misconception(
    "all layers",
    "All layers were randomised, whatever n_layers says.",
)
def _(model, n_layers, generator):
    return _randomised(model, lambda layers: layers, generator)


@randomise_layers.misconception(
    "biases forgotten",
    "The weights are new, but the biases still hold what was learned. Randomise every parameter.",
)
def _(model, n_layers, generator):
    def without_biases(layer):
        return [tensor for tensor in _own_tensors(layer) if tensor is not layer.bias]

    return _randomised(
        model, lambda layers: layers[len(layers) - n_layers :], generator, tensors=without_biases
    )


@randomise_layers.misconception(
    "buffers forgotten",
    "The parameters are new, but buffers such as the statistics of batch normalisation still hold "
    "what was learned. They are part of the layer.",
)
def _(model, n_layers, generator):
    return _randomised(
        model,
        lambda layers: layers[len(layers) - n_layers :],
        generator,
        tensors=lambda layer: list(layer.parameters(recurse=False)),
    )


@randomise_layers.misconception(
    "zeros",
    "The numbers were set to a constant. That switches the layers off; the control needs *random* "
    "ones.",
)
def _(model, n_layers, generator):
    return _randomised(
        model,
        lambda layers: layers[len(layers) - n_layers :],
        generator,
        new=lambda tensor, generator: torch.zeros_like(tensor),
    )


@randomise_layers.misconception(
    "noise added",
    "A little noise was added to what was learned, which is still there. Replace it by new random "
    "numbers.",
)
def _(model, n_layers, generator):
    def shaken(tensor, generator):
        return tensor + 0.05 * _uniform(tensor, generator)

    return _randomised(
        model, lambda layers: layers[len(layers) - n_layers :], generator, new=shaken
    )


@randomise_layers.misconception(
    "slice from minus n",
    "For n_layers = 0 everything was randomised: layers[-0:] are all of them. Nothing should be.",
)
def _(model, n_layers, generator):
    return _randomised(model, lambda layers: layers[-n_layers:], generator)


@randomise_layers.misconception(
    "children instead of layers",
    "Whole blocks (or activations) were counted as layers. Count the modules that hold parameters of "
    "their *own*, wherever they stand: parameters(recurse=False).",
)
def _(model, n_layers, generator):
    model = copy.deepcopy(model)
    with torch.no_grad():
        for child in list(model.children())[::-1][:n_layers]:
            for layer in child.modules():
                for tensor in _own_tensors(layer):
                    tensor.copy_(_uniform(tensor, generator))
    return model


@randomise_layers.misconception(
    "negative variances",
    "A variance of batch normalisation became negative, so that the output is NaN. Make it positive, "
    "for instance with uniform numbers from 0 to 1.",
)
def _(model, n_layers, generator):
    def signed(tensor, generator):
        return _uniform(tensor, generator) - 2

    return _randomised(
        model, lambda layers: layers[len(layers) - n_layers :], generator, new=signed
    )


@randomise_layers.misconception(
    "the model itself",
    "The randomisation is right, but the caller's own model was changed. Work on "
    "copy.deepcopy(model) and return the copy.",
)
def _(model, n_layers, generator):
    layers = _layers(model)
    with torch.no_grad():
        for layer in layers[len(layers) - n_layers :]:
            for tensor in _own_tensors(layer):
                tensor.copy_(_uniform(tensor, generator))
    return model


@randomise_layers.also("noise added")
def _(model, n_layers, generator):
    def scaled(tensor, generator):
        return tensor * (0.5 + _uniform(tensor, generator))

    return _randomised(
        model, lambda layers: layers[len(layers) - n_layers :], generator, new=scaled
    )


@randomise_layers.misconception(
    "generator ignored",
    "The numbers are random, but not drawn from the generator that was given. Pass generator=generator to "
    "torch.rand or normal_, or whoever calls this cannot repeat it.",
)
def _(model, n_layers, generator):
    own = torch.Generator().manual_seed(0)
    return by_uniform_numbers(model, n_layers, own)


@randomise_layers.misconception(
    "reset instead of randomised",
    "What batch normalisation holds was reset to its beginning, to zeros and ones: constants. Fill every "
    "tensor from the generator, from which reset_parameters() does not draw.",
)
def _(model, n_layers, generator):
    model = copy.deepcopy(model)
    layers = _layers(model)
    for layer in layers[len(layers) - n_layers :]:
        if hasattr(layer, "reset_parameters"):
            layer.reset_parameters()
    return model


@randomise_layers.also("reset instead of randomised")
def _(model, n_layers, generator):
    model = by_uniform_numbers(model, n_layers, generator)
    layers = _layers(model)
    for layer in layers[len(layers) - n_layers :]:
        if hasattr(layer, "reset_running_stats"):
            layer.reset_running_stats()
    return model


@randomise_layers.misconception(
    "parameters counted",
    "Single parameters were counted, a weight and a bias as two. Count layers: a layer's weight, bias and "
    "buffers go together.",
)
def _(model, n_layers, generator):
    model = copy.deepcopy(model)
    parameters = list(model.parameters())
    with torch.no_grad():
        for parameter in parameters[len(parameters) - n_layers :]:
            parameter.copy_(_uniform(parameter, generator))
    return model


@randomise_layers.misconception(
    "some kinds of layers only",
    "Not every layer was counted, only convolutions and linear ones, or only those without parts. Every "
    "module that holds parameters of its own is a layer, batch normalisation and whole blocks included.",
)
def _(model, n_layers, generator):
    def choose(layers):
        kinds = [layer for layer in layers if isinstance(layer, torch.nn.Conv2d | torch.nn.Linear)]
        return kinds[max(0, len(kinds) - n_layers) :]

    return _randomised(model, choose, generator)


@randomise_layers.also("some kinds of layers only")
def _(model, n_layers, generator):
    def choose(layers):
        whole = [layer for layer in layers if not list(layer.children())]
        return whole[max(0, len(whole) - n_layers) :]

    return _randomised(model, choose, generator)


@randomise_layers.also("children instead of layers")
def _(model, n_layers, generator):
    model = copy.deepcopy(model)
    blocks = [module for module in model.modules() if list(module.parameters())]
    with torch.no_grad():
        for block in blocks[len(blocks) - n_layers :]:
            for layer in block.modules():
                for tensor in _own_tensors(layer):
                    tensor.copy_(_uniform(tensor, generator))
    return model


@randomise_layers.misconception(
    "one layer too many or too few",
    "The number of layers is off by one: the top n_layers, no more and no fewer.",
)
def _(model, n_layers, generator):
    return _randomised(
        model, lambda layers: layers[max(0, len(layers) - n_layers - 1) :], generator
    )


@randomise_layers.also("one layer too many or too few")
def _(model, n_layers, generator):
    return _randomised(
        model,
        lambda layers: layers[len(layers) - n_layers + 1 :] if n_layers else [],
        generator,
    )


explanation_card = WrittenQuestion(
    name="explanation_card",
    teaches="saying to who decides what a map shows, and what it does not",
    minutes=30,
    points=8,
    rubric=(
        (
            8,
            "Says in words that a clinician understands what the map measures, on which question it "
            "answers and which not; what the network was trained on and where its evidence may lie "
            "(context included), with a measured figure; how stable the map is, with a figure; what "
            "must not be concluded from it; and what to do when map and judgement disagree.",
        ),
        (
            6,
            "As above, with one part missing, or with claims that no measurement supports.",
        ),
        (
            4,
            "Says what the map measures and one limit of it, but takes the map's place for the "
            "region's contribution, or gives no figure.",
        ),
        (
            2,
            "Describes the picture (“red means important”) without saying what it measures, or "
            "promises more than any map can keep.",
        ),
        (0, "No answer, or one that would mislead its reader."),
    ),
)
