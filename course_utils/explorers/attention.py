"""Lecture 5: what does a patch attend to, in one block and through all?"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from typing import Any, NamedTuple

import ipywidgets as widgets
import torch
from torch import Tensor

from course_utils.attention import attention_rollout
from course_utils.explorers.drawing import (
    Drawing,
    Frame,
    Panel,
    draw_panels,
    image_pixels,
    magnitude_scale,
    map_pixels,
)
from course_utils.explorers.explorer import Explorer, described, image_control
from course_utils.explorers.subjects import find_subject, where

NETWORK = "vision_transformer"
TOKENS = ("class token", "patch")


class AttentionState(NamedTuple):
    """`row` and `column` say which of the 8×8 patches; `block` counts from 0."""

    image: str | bytes = "scene with a garment"
    token: str = "patch"
    row: int = 4
    column: int = 4
    block: int = 2


def attention_figure(state: AttentionState) -> Drawing:
    """What a token takes from each patch: in one block, and by the rollout up to that block."""
    if state.token not in TOKENS:
        raise ValueError(f"token must be one of {', '.join(TOKENS)}, got {state.token!r}.")
    subject = find_subject(state.image, NETWORK)
    h, w = grid = subject.network.network.grid
    attentions = _attentions(state.image)
    of_patch = state.token == "patch"
    token = 1 + state.row * w + state.column if of_patch else 0
    rows = torch.stack(
        [
            attentions[state.block].mean(dim=1)[0, token],
            _rollout(state.image, state.block)[0, token],
        ]
    )  # (2, T)
    maps = rows[:, 1:].unflatten(1, grid)  # (2, h, w)
    scale = magnitude_scale(maps, "share of what the token takes")
    side = subject.images.shape[-1] / w
    image_frame = [Frame(state.row * side, state.column * side, side, side)] if of_patch else []
    map_frame = [Frame(state.row, state.column, 1, 1)] if of_patch else []
    who = f"the patch at row {state.row}, column {state.column}" if of_patch else "the class token"
    return draw_panels(
        [
            Panel(
                image_pixels(subject.images[0]), f"{subject.name}\n{subject.guess(0)}", image_frame
            ),
            Panel(
                map_pixels(maps[0], scale),
                f"attention in block {state.block + 1},\nmean of the heads",
                map_frame,
            ),
            Panel(
                map_pixels(maps[1], scale),
                f"rollout through\nblocks 1 to {state.block + 1}",
                map_frame,
            ),
        ],
        scale=scale,
        alt=f"The {subject.name}, and what {who} takes from each of the {h}×{w} patches: in block "
        f"{state.block + 1} most from the patch {where(maps[0])}, in the rollout most from the one "
        f"{where(maps[1])}.",
        caption=f"In block {state.block + 1} {who} takes {rows[0, token]:.0%} from itself and "
        f"{maps[0].max():.0%} from the brightest patch; even shares would be {1 / rows.shape[1]:.1%}.",
    )


@lru_cache(maxsize=16)
def _attentions(image: str | bytes) -> list[Tensor]:
    subject = find_subject(image, NETWORK)
    classifier = subject.network
    with torch.no_grad():
        return classifier.network.attentions(classifier.normalise(subject.images))


@lru_cache(maxsize=48)
def _rollout(image: str | bytes, block: int) -> Tensor:
    return attention_rollout(_attentions(image)[: block + 1])  # (1, T, T)


def pointed(_values: dict[str, Any], _panel: int, down: float, right: float) -> dict[str, Any]:
    """The patch under the cursor, in any of the three pictures."""
    return {"token": "patch", "row": int(8 * down), "column": int(8 * right)}


def explore_attention() -> Explorer:
    """An explorer: point at a patch, and see what it attends to."""
    default = AttentionState()
    return Explorer(
        "attention",
        _draw,
        {
            "image": image_control(default.image),
            "token": widgets.Dropdown(
                options=TOKENS, value=default.token, **described("attention of the")
            ),
            "row": widgets.IntSlider(default.row, 0, 7, **described("row of the patch")),
            "column": widgets.IntSlider(default.column, 0, 7, **described("column of the patch")),
            "block": widgets.SelectionSlider(
                options=[("1", 0), ("2", 1), ("3", 2)], value=default.block, **described("block")
            ),
        },
        pointed=pointed,
    )


def _draw(**values: object) -> Iterator[Drawing]:
    yield attention_figure(AttentionState(**values))
