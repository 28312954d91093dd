"""Lecture 4: which layer, which class? CAM of the last layer beside Grad-CAM of any."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from typing import NamedTuple

import ipywidgets as widgets
from torch import Tensor

from course_utils.activation_maps import class_activation_map, gradcam, record, upsample
from course_utils.explorers.drawing import (
    Drawing,
    Panel,
    draw_panels,
    image_pixels,
    magnitude_scale,
    map_pixels,
    overlay_pixels,
    signed_scale,
)
from course_utils.explorers.explorer import Explorer, described, guess_control, image_control
from course_utils.explorers.subjects import SCENES, find_subject, where

SCENE_LAYERS = ("stem", "block1", "down2", "block2", "down3", "last")
PHOTO_LAYERS = ("1", "2", "3", "4", "5", "8")
DEPTHS = ("first", "2nd", "3rd", "4th", "5th", "last")


class ActivationState(NamedTuple):
    """`depth` counts the six layers to choose from, 0 the first."""

    image: str | bytes = "scene with two garments"
    rank: int = 0
    depth: int = 5


def activation_figure(state: ActivationState) -> Drawing:
    """Grad-CAM of a layer laid over the image, the same map by itself, and CAM with its sign."""
    subject = find_subject(state.image)
    layer = layer_name(state)
    values, (height, width) = _gradcam(state)  # (1, H, W), and the layer's own size
    cam = _cam(state.image, state.rank)  # (1, H, W)
    overlay_scale = magnitude_scale(values, "")
    scale = signed_scale(cam, "CAM: score at a place", saturate=0)
    silent = bool((values == 0).all())
    lies = "is zero everywhere" if silent else f"is largest {where(values[0])}"
    name = subject.network.categories[subject.target(state.rank)]
    return draw_panels(
        [
            Panel(image_pixels(subject.images[0]), f"{subject.name}\n{subject.guess(state.rank)}"),
            Panel(
                overlay_pixels(subject.images[0], values[0], overlay_scale),
                f"Grad-CAM of the {DEPTHS[state.depth]} layer,\n{height}×{width} values",
            ),
            Panel(map_pixels(cam[0], scale), "CAM (last layer),\nwith its sign"),
        ],
        scale=scale,
        alt=f"The {subject.name}, Grad-CAM for “{name}” laid over it, which {lies}, and the class "
        f"activation map, whose largest magnitude lies {where(cam[0])}.",
        caption=f"Class “{name}”, layer {layer.removeprefix('network.')}: Grad-CAM reaches "
        f"{values.max():.2g} (bright where it is large)"
        + (", so no place of this layer speaks for the class." if silent else ".")
        + " Only at the last layer must the two maps agree where CAM is positive.",
    )


def layer_name(state: ActivationState) -> str:
    """The dotted name of the layer in the network that looks at the image."""
    layers = SCENE_LAYERS if state.image in SCENES else PHOTO_LAYERS
    return f"network.features.{layers[state.depth]}"


@lru_cache(maxsize=64)
def _gradcam(state: ActivationState) -> tuple[Tensor, tuple[int, int]]:
    subject, layer = find_subject(state.image), layer_name(state)
    what = subject.network, layer, subject.images, subject.target(state.rank)
    return gradcam(*what), tuple(record(*what).activations.shape[-2:])


@lru_cache(maxsize=16)
def _cam(image: str | bytes, rank: int) -> Tensor:
    subject = find_subject(image)
    network, target = subject.network, subject.target(rank)
    last = layer_name(ActivationState(image, rank))
    activations = record(network, last, subject.images, target).activations
    photo = image not in SCENES
    linear = network.network.classifier if photo else network.network.classify
    weight = linear[-1].weight if photo else linear.weight
    coarse = class_activation_map(activations, weight, target)  # (1, h, w)
    return upsample(coarse, subject.images.shape[-2:])


def explore_activation_maps() -> Explorer:
    """An explorer: layer and class, for CAM and Grad-CAM."""
    default = ActivationState()
    return Explorer(
        "activation maps",
        _draw,
        {
            "image": image_control(default.image),
            "rank": guess_control(),
            "depth": widgets.SelectionSlider(
                options=[(name, depth) for depth, name in enumerate(DEPTHS)],
                value=default.depth,
                **described("layer of Grad-CAM"),
            ),
        },
    )


def _draw(**values: object) -> Iterator[Drawing]:
    yield activation_figure(ActivationState(**values))
