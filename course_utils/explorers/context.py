"""Lecture 7: where does the map lie when the context predicts, and when it does not?"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from typing import NamedTuple

import ipywidgets as widgets
import torch
from torch import Tensor

from course_utils.critique import mass_inside
from course_utils.explorers.drawing import (
    Drawing,
    Frame,
    Panel,
    draw_panels,
    image_pixels,
    map_pixels,
    signed_scale,
)
from course_utils.explorers.explorer import Explorer, described
from course_utils.explorers.subjects import network_of_name, where
from course_utils.gradients import vanilla_gradient
from course_utils.scenes import MARGINS, LesionPatches, lesion_patches

NETWORKS = {"marker predicted": "lesion_cnn_context", "marker said nothing": "lesion_cnn"}
N_PATCHES = 60


class ContextState(NamedTuple):
    """`strength`: how often the marker tells the truth in the patches that are shown."""

    strength: float = 1.0
    patch: int = 0


def context_figure(state: ContextState) -> Drawing:
    """One patch, and its gradient in two networks: trained where the marker predicted, or not."""
    patches = _patches(state.strength)
    marked = patches.cue_masks.any(2).any(1).nonzero()[:, 0]  # with a marker to look at
    place = int(marked[state.patch % len(marked)])
    frames = [_frame(patches.cue_masks[place]), _frame(patches.lesion_masks[place])]
    maps = {name: _maps(state.strength, name) for name in NETWORKS}
    shown = torch.stack([values[place] for values in maps.values()])
    scale = signed_scale(shown, "score per unit of pixel value")
    panels = [
        Panel(
            image_pixels(patches.images[place]),
            f"lesion: {MARGINS[patches.labels[place]]} margin\nmarker and lesion framed",
            frames,
        )
    ]
    words = []
    for name, shown_map in zip(maps, shown, strict=True):
        right = _accuracy(state.strength, name)
        on_marker, on_lesion = _masses(state.strength, name)
        title = f"{name} in training:\n{right:.0%} right; of the map\n{on_marker:.0%} on marker, {on_lesion:.0%} on lesion"
        panels.append(Panel(map_pixels(shown_map, scale), title, frames))
        words.append(
            f"trained where the {name}: {right:.0%} right, map {on_marker:.0%} on the marker and "
            f"{on_lesion:.0%} on the lesion"
        )
    area = patches.cue_masks[marked].float().mean()
    return draw_panels(
        panels,
        scale=scale,
        alt=f"Tissue patch {place} with a marker in a corner and a lesion with a "
        f"{MARGINS[patches.labels[place]]} margin, both framed, and the gradients of two networks: "
        f"the first is strongest {where(shown[0])}, the second {where(shown[1])}. Means over {N_PATCHES} patches: {'; '.join(words)}.",
        caption=f"The marker tells the truth in {state.strength:.0%} of these patches. Network "
        f"{'; network '.join(words)}. The marker covers {area:.1%} of a patch.",
    )


@lru_cache(maxsize=16)
def _patches(strength: float) -> LesionPatches:
    return lesion_patches(N_PATCHES, seed=7, context_strength=strength)


@lru_cache(maxsize=32)
def _maps(strength: float, name: str) -> Tensor:
    """The gradient of each patch's own class, (N, H, W)."""
    patches, network = _patches(strength), network_of_name(NETWORKS[name])

    def own_score(images: Tensor) -> Tensor:
        return network(images).gather(1, patches.labels[:, None])[:, 0]

    return vanilla_gradient(own_score, patches.images)[:, 0]


@lru_cache(maxsize=32)
def _masses(strength: float, name: str) -> tuple[float, float]:
    """The mean share of the map's mass on the marker, where there is one, and on the lesion."""
    patches, values = _patches(strength), _maps(strength, name)
    marked = patches.cue_masks.any(2).any(1)
    on_marker = mass_inside(values[marked], patches.cue_masks[marked]).nanmean()
    on_lesion = mass_inside(values, patches.lesion_masks).nanmean()
    return on_marker.item(), on_lesion.item()


@lru_cache(maxsize=32)
def _accuracy(strength: float, name: str) -> float:
    patches = _patches(strength)
    with torch.no_grad():
        predicted = network_of_name(NETWORKS[name])(patches.images).argmax(dim=1)
    return (predicted == patches.labels).float().mean().item()


def _frame(mask: Tensor) -> Frame:
    rows, columns = mask.any(1).nonzero()[:, 0], mask.any(0).nonzero()[:, 0]
    height, width = rows.max() - rows.min() + 1, columns.max() - columns.min() + 1
    return Frame(int(rows.min()), int(columns.min()), int(height), int(width))


def explore_context() -> Explorer:
    """An explorer: how often the context tells the truth, against where the maps lie."""
    default = ContextState()
    return Explorer(
        "context",
        _draw,
        {
            "strength": widgets.FloatSlider(
                default.strength, min=0.5, max=1, step=0.1, **described("context strength")
            ),
            "patch": widgets.IntSlider(default.patch, 0, 20, **described("patch")),
        },
    )


def _draw(**values: object) -> Iterator[Drawing]:
    yield context_figure(ContextState(**values))
