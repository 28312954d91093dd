"""Lecture 1: what does one pixel do to the score, according to the gradient and in truth?"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any, NamedTuple

import ipywidgets as widgets

from course_utils.explorers.drawing import (
    Drawing,
    Frame,
    Panel,
    draw_panels,
    image_pixels,
    map_pixels,
    signed_scale,
)
from course_utils.explorers.explorer import Explorer, described, guess_control, image_control
from course_utils.explorers.subjects import (
    find_subject,
    gradient_of,
    network_for,
    score_of,
    size_of,
)
from course_utils.gradients import channel_mean
from course_utils.scores import score_values

UNIT = "score per unit of pixel value"


class GradientState(NamedTuple):
    """`row` and `column` are percent of the height and width; `change` is what is added to the pixel."""

    image: str | bytes = "photo of a cat"
    rank: int = 0
    row: int = 43
    column: int = 32
    change: float = 0.1


def gradient_figure(state: GradientState) -> Drawing:
    """The gradient map with one pixel framed, its surroundings, and what a change of it does."""
    subject = find_subject(state.image)
    gradient = gradient_of(state.image, state.rank)[0]  # (C, H, W)
    values = channel_mean(gradient[None])[0]  # (H, W)
    height, width = values.shape
    row = min(state.row * height // 100, height - 1)
    column = min(state.column * width // 100, width - 1)
    changed = subject.images.clone()
    changed[..., row, column] += state.change
    f = subject.score(state.rank)
    gain = score_values(f, changed).item() - score_of(state.image, state.rank)
    slope = gradient[:, row, column].sum().item()
    name = subject.network.categories[subject.target(state.rank)]
    around = min(8, height // 8)  # pixels on each side
    top = min(max(row - around, 0), height - 2 * around - 1)
    left = min(max(column - around, 0), width - 2 * around - 1)
    near = slice(top, top + 2 * around + 1), slice(left, left + 2 * around + 1)
    scale = signed_scale(values, UNIT)
    frame = Frame(top, left, 2 * around + 1, 2 * around + 1)
    return draw_panels(
        [
            Panel(
                image_pixels(subject.images[0]),
                f"{subject.name}\n{subject.guess(state.rank)}",
                [frame],
            ),
            Panel(map_pixels(values, scale), "gradient map,\nmean over the channels", [frame]),
            Panel(
                map_pixels(values[near], scale),
                f"pixel ({row}, {column}) brighter by {state.change:g}:\npredicted {state.change * slope:+.2g},\n"
                f"measured {gain:+.2g}",
                [Frame(row - top, column - left, 1, 1)],
            ),
        ],
        scale=scale,
        alt=f"The {subject.name}, its signed gradient map and a magnified part of it around row "
        f"{row}, column {column}. That pixel's value is {values[row, column]:+.2g}; of its "
        f"neighbourhood {(values[near] > 0).float().mean():.0%} is positive. Brighter by "
        f"{state.change:g} it changes the score by {gain:+.2g}.",
        caption=f"Make this pixel brighter by {state.change:g} in every channel: the gradient predicts "
        f"{state.change * slope:+.2g} for the score of “{name}”; it changes by {gain:+.2g}.",
    )


def pointed(values: dict[str, Any], panel: int, down: float, right: float) -> dict[str, int]:
    """The row and column, in percent, of the pixel under the cursor: in the image, or in its map."""
    if panel == 2:  # the magnified part
        return {}
    side = size_of(network_for(values["image"]))
    # The smallest percentages that `gradient_figure` takes for this pixel.
    row, column = (math.ceil(100 * int(share * side) / side) for share in (down, right))
    return {"row": row, "column": column}


def explore_gradient() -> Explorer:
    """An explorer: point at a pixel, and compare its gradient with what a change of it does."""
    default = GradientState()
    return Explorer(
        "gradient",
        _draw,
        {
            "image": image_control(default.image),
            "rank": guess_control(),
            "row": widgets.IntSlider(default.row, 0, 100, **described("down, in percent")),
            "column": widgets.IntSlider(default.column, 0, 100, **described("right, in percent")),
            "change": widgets.FloatSlider(
                default.change, min=0.01, max=0.5, step=0.01, **described("pixel brighter by")
            ),
        },
        pointed=pointed,
    )


def _draw(**values: object) -> Iterator[Drawing]:
    yield gradient_figure(GradientState(**values))
