"""Lecture 2: how much noise, and how many samples? The map refines while it is computed."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import ipywidgets as widgets
import torch
from torch import Tensor

from course_utils.colours import SIGNED, colour_limit
from course_utils.critique import rank_correlation
from course_utils.explorers.drawing import (
    Drawing,
    Panel,
    Scale,
    draw_panels,
    image_pixels,
    map_pixels,
)
from course_utils.explorers.explorer import Explorer, described, guess_control, image_control
from course_utils.explorers.subjects import find_subject, gradient_of, where
from course_utils.gradients import channel_mean, vanilla_gradient
from course_utils.smoothgrad import blocks, noise_std, noisy_copies

SATURATE = 0.02  # the share of pixels beyond the ends of the scale
AT_ONCE = 4  # gradients between two pictures: of photos they take a quarter of a second


class SmoothGradState(NamedTuple):
    """`noise_level` is σ as a share of the image's range."""

    image: str | bytes = "photo of a cat"
    rank: int = 0
    noise_level: float = 0.15
    n_samples: int = 16


class Refined(NamedTuple):
    """The mean of the gradients so far."""

    mean: Tensor  # (1, C, H, W)
    n_samples: int
    noisy: Tensor  # one of the copies, (C, H, W)


def refine(state: SmoothGradState) -> Iterator[Refined]:
    """Means of more and more gradients; the last one is `smoothgrad` with the seed 0."""
    subject = find_subject(state.image)
    f = subject.score(state.rank)
    sigma = noise_std(subject.images, state.noise_level)
    generator = torch.Generator().manual_seed(0)
    total, done = torch.zeros_like(subject.images), 0
    at_once = AT_ONCE if subject.images.shape[1] == 3 else 4 * AT_ONCE
    for block in blocks(state.n_samples):
        copies = noisy_copies(subject.images, sigma, len(block), generator)[0]  # (n, C, H, W)
        for some in copies.tensor_split(_ends(len(copies), at_once)):
            total += vanilla_gradient(f, some).sum(dim=0)
            done += len(some)
            yield Refined(total / done, done, copies[0])


def _ends(length: int, at_once: int) -> list[int]:
    """Where to cut: after every `at_once`, and, if there are more, first after a few of them."""
    ends = range(at_once, length, at_once)
    return sorted({AT_ONCE, *ends}) if ends else []


def smoothgrad_figures(state: SmoothGradState) -> Iterator[Drawing]:
    """The picture again and again while the map refines."""
    for refined in refine(state):
        yield _figure(state, refined)


def smoothgrad_figure(state: SmoothGradState) -> Drawing:
    """The finished picture: `smoothgrad` beside the gradient."""
    *_, last = smoothgrad_figures(state)
    return last


def _figure(state: SmoothGradState, refined: Refined) -> Drawing:
    subject = find_subject(state.image)
    done = refined.n_samples
    plain = channel_mean(gradient_of(state.image, state.rank))  # (1, H, W)
    smooth = channel_mean(refined.mean)
    # The mean is several times weaker than the gradient: on one scale its pattern would be lost.
    shown = torch.cat([maps / colour_limit(maps.numpy(), SATURATE) for maps in (plain, smooth)])
    scale = Scale(SIGNED, -1, 1, "each map on a scale of its own")
    alike = rank_correlation(plain, smooth).item()
    samples = f"{done} sample{'s' if done > 1 else ''}"
    so_far = samples if done == state.n_samples else f"{done} of {state.n_samples} samples"
    return draw_panels(
        [
            Panel(
                image_pixels(refined.noisy),
                f"{subject.guess(state.rank)}\none noisy copy of the image",
            ),
            Panel(map_pixels(shown[0], scale), "gradient,\nno noise"),
            Panel(
                map_pixels(shown[1], scale),
                f"SmoothGrad, level {state.noise_level:.2f},\n{so_far}",
            ),
        ],
        scale=scale,
        alt=f"A noisy copy of the {subject.name}, its plain gradient, and the mean of {samples} at "
        f"noise level {state.noise_level:.2f}, whose largest magnitude lies {where(smooth[0])}.",
        caption=f"Mean magnitude of the map: {plain.abs().mean():.2g} without noise, "
        f"{smooth.abs().mean():.2g} as the mean of {samples}; their rank correlation is {alike:.2f}.",
    )


def explore_smoothgrad() -> Explorer:
    """An explorer: noise level and number of samples, with a map that refines."""
    default = SmoothGradState()
    return Explorer(
        "smoothgrad",
        lambda **values: smoothgrad_figures(SmoothGradState(**values)),
        {
            "image": image_control(default.image),
            "rank": guess_control(),
            "noise_level": widgets.FloatSlider(
                default.noise_level, min=0, max=0.6, step=0.05, **described("noise level")
            ),
            "n_samples": widgets.SelectionSlider(
                options=[1, 4, 16, 32, 64, 128], value=default.n_samples, **described("samples")
            ),
        },
        refines=True,
    )
