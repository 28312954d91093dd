"""The exercise `region_effect`: what it asks for, right answers of other kinds, and misconceptions."""

from __future__ import annotations

import torch

from course_utils import critique as references
from course_utils.exercises.exercise import Exercise
from course_utils.gradients import vanilla_gradient

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


# The same mistakes in other forms, most of them with another value in the region's place.
def _replaced(value, region=lambda mask: mask):
    def effect(f, images, mask, baselines):
        return by_where(f, images, region(mask), value(images, mask, baselines).expand_as(images))

    return effect


def _mean_inside(images, mask):
    inside = mask[:, None]
    return (images * inside).sum((2, 3), True) / inside.sum((2, 3), True)


for _value in (
    lambda images, mask, baselines: torch.ones_like(images),
    lambda images, mask, baselines: torch.full_like(images, 0.5),
    lambda images, mask, baselines: images.mean(),
    lambda images, mask, baselines: images.mean(dim=0, keepdim=True),
    lambda images, mask, baselines: images.mean(dim=(1, 2, 3), keepdim=True),
    lambda images, mask, baselines: _mean_inside(images, mask),
    lambda images, mask, baselines: _mean_inside(images, ~mask),
    lambda images, mask, baselines: baselines.mean(),
    lambda images, mask, baselines: baselines.mean(dim=(1, 2, 3), keepdim=True),
    lambda images, mask, baselines: baselines[:, :, :1, :1],
):
    region_effect.also("black instead of the baseline")(_replaced(_value))
for _value in (
    lambda images, mask, baselines: torch.zeros_like(images),
    lambda images, mask, baselines: images.mean(dim=(2, 3), keepdim=True),
):
    region_effect.also("region kept, rest replaced")(_replaced(_value, lambda mask: ~mask))
for _value in (
    lambda images, mask, baselines: (images + baselines) / 2,
    lambda images, mask, baselines: images * baselines,
):
    region_effect.also("baseline added")(_replaced(_value))
region_effect.also("first image's mask or baseline")(
    _replaced(lambda images, mask, baselines: baselines.mean(dim=0, keepdim=True))
)
region_effect.also("first image's mask or baseline")(
    _replaced(lambda images, mask, baselines: baselines[:1], lambda mask: mask[:1].expand_as(mask))
)
region_effect.also("first channel only")(
    _replaced(lambda images, mask, baselines: baselines[:, :1])
)


@region_effect.also("first image's mask or baseline")
def _(f, images, mask, baselines):
    return f(images)[:1] - f(torch.where(mask[:, None], baselines, images))


@region_effect.also("region kept, rest replaced")
def _(f, images, mask, baselines):
    return by_where(f, images, ~mask, baselines).abs()


@region_effect.also("region put onto the baseline")
def _(f, images, mask, baselines):
    black = torch.zeros_like(images)
    return f(images * mask[:, None]) - f(black)


@region_effect.also("region put onto the baseline")
def _(f, images, mask, baselines):
    return f(baselines) - f(torch.where(mask[:, None], images, baselines))


@region_effect.also("region put onto the baseline")
def _(f, images, mask, baselines):
    region = mask[:, None]
    return f(torch.where(region, images, baselines)) - f(torch.where(region, baselines, images))


for _changed in (
    lambda images, region, baselines: images + baselines,
    lambda images, region, baselines: images - baselines,
    lambda images, region, baselines: (images - baselines) * region,
    lambda images, region, baselines: (images - baselines) * ~region,
    lambda images, region, baselines: images * region + baselines,
):
    region_effect.also("baseline added")(
        lambda f, images, mask, baselines, changed=_changed: (
            f(images) - f(changed(images, mask[:, None], baselines))
        )
    )


@region_effect.also("first channel only")
def _(f, images, mask, baselines):
    without = images.clone()
    without[:, 0] = images[:, 0] * ~mask
    return f(images) - f(without)


@region_effect.also("first channel only")
def _(f, images, mask, baselines):
    without = images.clone()
    without[:, -1] = torch.where(mask, baselines[:, -1], images[:, -1])
    return f(images) - f(without)


for _single in (
    lambda images, region, baselines: images,
    lambda images, region, baselines: images * region,
    lambda images, region, baselines: images * ~region,
):
    region_effect.also("score without the region")(
        lambda f, images, mask, baselines, single=_single: f(
            single(images, mask[:, None], baselines)
        )
    )


for _slopes in (
    lambda gradient, images, region: gradient,
    lambda gradient, images, region: gradient.abs(),
    lambda gradient, images, region: gradient * images,
    lambda gradient, images, region: (gradient * images).abs(),
    lambda gradient, images, region: gradient.mean(dim=1, keepdim=True).abs(),
    lambda gradient, images, region: gradient.abs().amax(dim=1, keepdim=True),
    lambda gradient, images, region: gradient / region.sum((2, 3), True),
    lambda gradient, images, region: gradient.abs() / region.sum((2, 3), True),
):

    @region_effect.also("sum of the gradient")
    def _(f, images, mask, baselines, slopes=_slopes):
        region = mask[:, None]
        return (slopes(vanilla_gradient(f, images), images, region) * region).sum(dim=(1, 2, 3))


for _share in (
    lambda effect, mask: effect / mask.sum(),
    lambda effect, mask: effect / mask[0].numel(),
    lambda effect, mask: -effect / mask.sum(dim=(1, 2)),
    lambda effect, mask: effect.abs() / mask.sum(dim=(1, 2)),
):
    region_effect.also("per pixel")(
        lambda f, images, mask, baselines, share=_share: share(
            by_where(f, images, mask, baselines), mask
        )
    )


@region_effect.also("magnitude")
def _(f, images, mask, baselines):
    return by_where(f, images, mask, baselines).square()


@region_effect.also("magnitude")
def _(f, images, mask, baselines):
    return by_where(f, images, mask, baselines).relu()


for _relative in (
    lambda effect, score, of_baseline: effect / score.abs(),
    lambda effect, score, of_baseline: 1 - effect / score,
    lambda effect, score, of_baseline: score / (score - effect),
    lambda effect, score, of_baseline: effect / (score - effect),
    lambda effect, score, of_baseline: effect / (score - of_baseline),
):
    region_effect.also("relative to the score")(
        lambda f, images, mask, baselines, relative=_relative: relative(
            by_where(f, images, mask, baselines), f(images), f(baselines)
        )
    )
