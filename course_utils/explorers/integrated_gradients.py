"""Lecture 3: which way does the path take, and do the attributions add up?"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from typing import NamedTuple

import ipywidgets as widgets
import torch
from torch import Tensor
from torchvision.transforms.functional import gaussian_blur

from course_utils.explorers.drawing import (
    Drawing,
    Panel,
    draw_panels,
    image_pixels,
    map_pixels,
    signed_scale,
)
from course_utils.explorers.explorer import Explorer, described, guess_control, image_control
from course_utils.explorers.subjects import find_subject, where
from course_utils.gradients import channel_mean, vanilla_gradient
from course_utils.integrated_gradients import completeness_gap, straight_path
from course_utils.scores import score_values

AT_ONCE = 4  # gradients of photos, after which something newer may come first: a quarter second
BASELINES = ("black", "grey", "white", "blurred", "noise")


class PathState(NamedTuple):
    """`along` is how far on the way from baseline to image one looks, in percent."""

    image: str | bytes = "scene with a garment"
    rank: int = 0
    baseline: str = "black"
    n_steps: int = 32
    along: int = 30


def baseline_of(images: Tensor, name: str) -> Tensor:
    """One of `BASELINES` for images (N, C, H, W)."""
    if name == "blurred":
        size = images.shape[-1] // 8 * 2 + 1
        return gaussian_blur(images, size, sigma=size / 3)
    if name == "noise":
        return torch.rand(images.shape, generator=torch.Generator().manual_seed(0))
    levels = {"black": 0.0, "grey": 0.5, "white": 1.0}
    if name not in levels:
        raise ValueError(f"baseline must be one of {', '.join(BASELINES)}, got {name!r}.")
    return torch.full_like(images, levels[name])


def path_figures(state: PathState) -> Iterator[Drawing]:
    """The point on the path, the gradient there, and the attributions; refined by more steps."""
    what = (state.image, state.rank, state.baseline, state.n_steps)
    if what not in _known:
        for fewer in (4, 16):
            if fewer < state.n_steps:
                yield _figure(state, fewer)
    yield path_figure(state)
    _known.add(what)


def path_figure(state: PathState) -> Drawing:
    """The finished picture."""
    return _figure(state, state.n_steps)


_known: set[tuple] = set()  # of which path there are attributions: no need to refine them again


class Attributed(NamedTuple):
    """What is the same wherever on the path one looks."""

    attributions: Tensor  # (1, C, H, W)
    ends: Tensor  # the scores of baseline and image, (2,)
    gap: float


@lru_cache(maxsize=64)
def attributed(image: str | bytes, rank: int, baseline: str, n_steps: int) -> Attributed:
    """Integrated gradients, a few points at once: something newer need not wait for all."""
    subject = find_subject(image)
    f, images = subject.score(rank), subject.images
    start = baseline_of(images, baseline)
    at_once = AT_ONCE if images.shape[1] == 3 else 4 * AT_ONCE
    points = straight_path(start, images, n_steps)[0].split(at_once)
    gradients = torch.cat([vanilla_gradient(f, some) for some in points])  # (n_steps, C, H, W)
    attributions = (images - start) * gradients.mean(dim=0, keepdim=True)
    ends = score_values(f, torch.cat([start, images]))
    return Attributed(attributions, ends, completeness_gap(f, images, start, attributions).item())


def _figure(state: PathState, n_steps: int) -> Drawing:
    subject = find_subject(state.image)
    f, images = subject.score(state.rank), subject.images
    start = baseline_of(images, state.baseline)
    point = torch.lerp(start, images, state.along / 100)
    here = channel_mean((images - start) * vanilla_gradient(f, point))[0]
    whole = attributed(state.image, state.rank, state.baseline, n_steps)
    summed = channel_mean(whole.attributions)[0]
    low, high = whole.ends.tolist()
    scale = signed_scale(torch.stack([here, summed]), "score, mean over the channels")
    name = subject.network.categories[subject.target(state.rank)]
    return draw_panels(
        [
            Panel(
                image_pixels(point[0]),
                f"{state.along} % of the way from {state.baseline},\nscore {score_values(f, point).item():.2f}",
            ),
            Panel(map_pixels(here, scale), "gradient there,\ntimes image − baseline"),
            Panel(
                map_pixels(summed, scale),
                f"integrated gradients,\n{n_steps} step{'s' if n_steps > 1 else ''}",
            ),
        ],
        scale=scale,
        alt=f"The point {state.along} % of the way from a {state.baseline} baseline to the "
        f"{subject.name}, the gradient at that point times the way, and integrated gradients, whose "
        f"largest magnitude lies {where(summed)}.",
        caption=f"Completeness for “{name}”: the score rises from {low:.2f} at the baseline to "
        f"{high:.2f} at the image, by {high - low:+.2f}; the attributions add up to "
        f"{whole.attributions.sum():+.2f}. The gap is {whole.gap:+.2g}.",
    )


def explore_integrated_gradients() -> Explorer:
    """An explorer: the path and the baseline of integrated gradients, with the completeness gap."""
    default = PathState()
    return Explorer(
        "integrated gradients",
        lambda **values: path_figures(PathState(**values)),
        {
            "image": image_control(default.image),
            "rank": guess_control(),
            "baseline": widgets.Dropdown(
                options=BASELINES, value=default.baseline, **described("baseline")
            ),
            "n_steps": widgets.SelectionSlider(
                options=[1, 2, 4, 8, 16, 32, 64, 128], value=default.n_steps, **described("steps")
            ),
            "along": widgets.IntSlider(
                default.along, min=0, max=100, **described("along the path, %")
            ),
        },
        refines=True,
    )
