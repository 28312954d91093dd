"""The exercise `mass_inside`: what it asks for, right answers of other kinds, and misconceptions."""

from __future__ import annotations

import torch

from course_utils import critique as references
from course_utils.exercises.exercise import Exercise

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
