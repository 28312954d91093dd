"""Lecture 7: do maps notice an attack? Any two of them, before and after, on one scale."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from typing import NamedTuple

import ipywidgets as widgets
import torch
from torch import Tensor

from course_utils.activation_maps import gradcam
from course_utils.adversarial import bim
from course_utils.critique import rank_correlation
from course_utils.explorers.activation_maps import ActivationState, layer_name
from course_utils.explorers.drawing import (
    Drawing,
    Panel,
    draw_panels,
    image_pixels,
    map_pixels,
    signed_scale,
)
from course_utils.explorers.explorer import Explorer, described, image_control
from course_utils.explorers.subjects import find_subject, prediction
from course_utils.gradients import channel_mean, vanilla_gradient
from course_utils.integrated_gradients import integrated_gradients
from course_utils.smoothgrad import noise_std, smoothgrad

MAPS = ("gradient", "SmoothGrad", "integrated gradients", "Grad-CAM")
N_STEPS = 5  # of the attack


class MapsState(NamedTuple):
    """`left` and `right` are two of `MAPS`; `eps` counts grey levels, of 255."""

    image: str | bytes = "scene with a garment"
    left: str = "gradient"
    right: str = "Grad-CAM"
    eps: int = 5


def maps_figures(state: MapsState) -> Iterator[Drawing]:
    """Both maps, each before and after the attack; of a photo, which takes long, first the left."""
    of_a_photo = find_subject(state.image).images.shape[1] == 3
    if of_a_photo and state.left != state.right:
        yield _figure(state, state.left, state.left)
    yield maps_figure(state)


def maps_figure(state: MapsState) -> Drawing:
    """The finished picture."""
    return _figure(state, state.left, state.right)


def _figure(state: MapsState, left: str, right: str) -> Drawing:
    subject = find_subject(state.image)
    attacked = _attacked(state.image, state.eps)
    with torch.no_grad():
        probabilities = subject.network(attacked)[0].softmax(dim=0)
    guesses = (subject.guess(0), prediction(subject.network, probabilities, probabilities.argmax()))
    before = {name: _map(state.image, 0, name) for name in (left, right)}
    after = {name: _map(state.image, state.eps, name) for name in (left, right)}
    # Maps of different units have one scale only as shares of their own largest magnitude.
    largest = {name: before[name].abs().max().clamp_min(1e-12) for name in before}
    shares = torch.cat([maps[name] / largest[name] for maps in (before, after) for name in maps])
    scale = signed_scale(shares, "share of the map's largest value before")
    alike = {name: rank_correlation(before[name], after[name]).item() for name in before}
    panels = []
    for maps, image, guess, when in (
        (before, subject.images, guesses[0], "before"),
        (after, attacked, guesses[1], "after"),
    ):
        panels.append(Panel(image_pixels(image[0]), f"{when} the attack\n{guess}"))
        for name in (left, right):
            title = f"{name},\n{when} the attack"
            panels.append(Panel(map_pixels((maps[name] / largest[name])[0], scale), title))
    measured = " and ".join(f"{alike[name]:.2f} ({name})" for name in alike)
    return draw_panels(
        panels,
        scale=scale,
        alt=f"Two rows of pictures of the {subject.name}, before and after an attack of {state.eps} "
        f"grey levels: the image, the map by {left}, and the map by {right}. The rank correlation "
        f"of the rows is {measured}.",
        caption=f"The network says {guesses[0]} before and {guesses[1]} after the attack. Rank "
        f"correlation of the maps for the first class, before and after: {measured}.",
    )


@lru_cache(maxsize=64)
def _attacked(image: str | bytes, eps: int) -> Tensor:
    subject = find_subject(image)
    if eps == 0:
        return subject.images
    labels = torch.tensor([subject.target(0)])
    step = 2.5 * eps / N_STEPS / 255  # far enough to cross the ε-ball
    return bim(subject.network, subject.images, labels, eps / 255, step, N_STEPS)


@lru_cache(maxsize=128)
def _map(image: str | bytes, eps: int, name: str) -> Tensor:
    """A map of the attacked image for the class of the original, (1, H, W); eps 0: no attack."""
    subject = find_subject(image)
    f, images = subject.score(0), _attacked(image, eps)
    if name == "gradient":
        return channel_mean(vanilla_gradient(f, images))
    if name == "SmoothGrad":
        generator = torch.Generator().manual_seed(0)
        return channel_mean(smoothgrad(f, images, noise_std(images, 0.15), 8, generator))
    if name == "integrated gradients":
        return channel_mean(integrated_gradients(f, images, torch.zeros_like(images), 16))
    if name == "Grad-CAM":
        layer = layer_name(ActivationState(image))
        return gradcam(subject.network, layer, images, subject.target(0))
    raise ValueError(f"a map must be one of {', '.join(MAPS)}, got {name!r}.")


def explore_critique() -> Explorer:
    """An explorer: any two maps, before and after an attack, on one scale."""
    default = MapsState()
    return Explorer(
        "critique",
        lambda **values: maps_figures(MapsState(**values)),
        {
            "image": image_control(default.image),
            "left": widgets.Dropdown(options=MAPS, value=default.left, **described("left map")),
            "right": widgets.Dropdown(options=MAPS, value=default.right, **described("right map")),
            "eps": widgets.IntSlider(default.eps, 0, 32, **described("ε, grey levels")),
        },
        refines=True,
    )
