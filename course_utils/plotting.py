"""The course's figures: images, maps, overlays, attacks, curves, scores and two-pixel planes.

Every function returns a `CaptionedFigure`, whose alt text and caption must be given, and changes
nothing of matplotlib's or the caller's. Maps that stand side by side share one scale.

Colour maps. Signed maps use cividis, centred at zero: dark blue below, grey at, yellow above zero.
It is perceptually uniform, was made for colour-blind readers, and its lightness grows from end to
end, so that the sign also survives a black-and-white print; the usual red-white-blue maps are dark
at both ends and lose it. Magnitudes use magma, from black at zero, also uniform and monotone.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import matplotlib
import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.patches import Rectangle
from matplotlib.patheffects import withStroke
from matplotlib.ticker import MaxNLocator
from torch import Tensor

from course_utils.captions import CaptionedFigure
from course_utils.colours import (
    MAGNITUDE,
    SIGNED,
    colour_limit,
    magnification,
    overlay_opacity,
)
from course_utils.scores import ScoreFunction
from course_utils.validation import (
    require_count,
    require_images,
    require_number,
    require_same_shape,
    require_tensor,
    require_unit_range,
)

__all__ = [
    "CHANNEL_COLOURS",
    "Plane",
    "plot_attack",
    "plot_curves",
    "plot_images",
    "plot_magnitude_maps",
    "plot_overlays",
    "plot_planes",
    "plot_scores",
    "plot_signed_maps",
]

INK, PALE_INK = "#222222", "#8a8a8a"
# Okabe and Ito's palette, distinct for colour-blind readers; lines differ in their dashes as well.
LINE_COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
LINE_STYLES = ("-", "--", "-.", ":", (0, (5, 1)), (0, (1, 1)), (0, (3, 1, 1, 1)))
CHANNEL_COLOURS = ("#D55E00", "#009E73", "#0072B2")  # red, green, blue
STYLE = {
    "font.family": "sans-serif",
    "font.size": 10,
    "axes.titlesize": 10,
    "axes.labelsize": 10,
    "axes.edgecolor": PALE_INK,
    "axes.labelcolor": INK,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "text.color": INK,
    "xtick.color": INK,
    "ytick.color": INK,
    "legend.frameon": False,
}
MAX_COLUMNS = 5
EDGED_IN_WHITE = withStroke(linewidth=3.5, foreground="white")
in_course_style = matplotlib.rc_context(STYLE)  # as a decorator: matplotlib's own settings stay


@in_course_style
def plot_images(
    images: Tensor, titles: Sequence[str], *, alt: str, caption: str, columns: int | None = None
) -> CaptionedFigure:
    """Images side by side, each under its title.

    Args:
        images: (N, C, H, W) or one image (C, H, W), values in [0, 1], C = 1 or 3.
        titles: one for each image; "" for none.
        alt, caption: as in `CaptionedFigure`.
        columns: images in a row; at most five if not given.

    Raises:
        TypeError, ValueError: if shape, range, number of titles, alt text or caption do not fit.
    """
    images = _as_images(images, "images")
    _require_one_for_each(titles, len(images), "titles")
    if columns is not None:
        require_count(columns, "columns")
    figure, axes = _panels(titles, images.shape[-2:], alt, caption, columns)
    for panel, image in zip(axes, images, strict=True):
        _draw_image(panel, image)
    return figure


@in_course_style
def plot_signed_maps(
    maps: Tensor,
    titles: Sequence[str],
    *,
    unit: str,
    alt: str,
    caption: str,
    image: Tensor | None = None,
    saturate: float = 0.02,
    columns: int | None = None,
) -> CaptionedFigure:
    """Signed maps side by side on one symmetric scale around zero, after the image if it is given.

    Maps of different units have no common scale: divide each by its own largest magnitude first,
    and say so in `unit`.

    Args:
        maps: (N, H, W) or one map (H, W), e.g. `channel_mean` of gradients.
        titles: one for each map.
        unit: what the colour bar measures, e.g. "score per unit of pixel value".
        alt, caption: as in `CaptionedFigure`.
        image: the image that the maps explain, (C, H, W) or (1, C, H, W), or None.
        saturate: the share of pixels, those of largest magnitude in all maps together, that may
            lie beyond the ends of the scale; the colour bar then has pointed ends. Without it a few
            extreme pixels leave everything else grey.
        columns: panels in a row, the image's included; at most five if not given.

    Raises:
        TypeError, ValueError: if shapes, number of titles, unit, alt text or caption do not fit.
    """
    return _plot_maps(maps, titles, unit, alt, caption, image, saturate, columns, signed=True)


@in_course_style
def plot_magnitude_maps(
    maps: Tensor,
    titles: Sequence[str],
    *,
    unit: str,
    alt: str,
    caption: str,
    image: Tensor | None = None,
    saturate: float = 0.02,
    columns: int | None = None,
) -> CaptionedFigure:
    """Maps without a sign (Grad-CAM, attention, magnitudes) side by side on one scale from zero.

    Args, Raises: as `plot_signed_maps`; and ValueError if a value is negative.
    """
    if isinstance(maps, Tensor) and maps.numel() and maps.min() < 0:
        raise ValueError(
            f"maps must not be negative, got {maps.min().item():.4g}: "
            "use plot_signed_maps, or pass the magnitudes maps.abs()."
        )
    return _plot_maps(maps, titles, unit, alt, caption, image, saturate, columns, signed=False)


@in_course_style
def plot_overlays(
    images: Tensor, maps: Tensor, titles: Sequence[str], *, unit: str, alt: str, caption: str
) -> CaptionedFigure:
    """Maps without a sign laid over their images, on one scale from zero.

    The image turns grey; the map's colour covers it the more, the larger the value. A white line
    encloses what exceeds half of the largest value of all: it is seen without colours, too.

    Args:
        images: (N, C, H, W), or one image (C, H, W) for all maps; values in [0, 1].
        maps: (N, H, W) or one map (H, W), not negative, of the images' height and width.
        titles: one for each map.
        unit, alt, caption: as in `plot_signed_maps`.

    Raises:
        TypeError, ValueError: if shapes, ranges, titles, unit, alt text or caption do not fit.
    """
    images, maps = _as_images(images, "images"), _as_maps(maps)
    _require_one_for_each(titles, len(maps), "titles")
    if len(images) == 1:
        images = images.expand(len(maps), -1, -1, -1)
    if images.shape[0] != maps.shape[0] or images.shape[2:] != maps.shape[1:]:
        raise ValueError(
            "images (N, C, H, W) and maps (N, H, W) must agree in N, H and W, "
            f"got {tuple(images.shape)} and {tuple(maps.shape)}."
        )
    if maps.min() < 0:
        raise ValueError(f"maps must not be negative, got {maps.min().item():.4g}.")
    top = maps.max().item() or 1.0
    figure, axes = _panels(titles, maps.shape[-2:], alt, caption, bar=True)
    for panel, image, values in zip(axes, images, maps.numpy(), strict=True):
        _draw_image(panel, image.mean(dim=0, keepdim=True))
        drawn = panel.imshow(
            values, cmap=MAGNITUDE, vmin=0, vmax=top, alpha=overlay_opacity(values, top)
        )
        if values.min() < top / 2 < values.max():
            panel.contour(values, levels=[top / 2], colors="white", linewidths=1.2)
    _colour_bar(figure, axes, drawn, unit)
    return figure


@in_course_style
def plot_attack(
    image: Tensor,
    attacked: Tensor,
    predictions: tuple[str, str],
    *,
    alt: str,
    caption: str,
) -> CaptionedFigure:
    """Image, perturbation r and attacked image, with what the network says of both images.

    The perturbation is drawn as 1/2 + m·r: grey where nothing changes. The magnification m is the
    largest of 1, 2, 5, 10, 20, … that keeps it within [0, 1]; it stands in the title with r's norms.

    Args:
        image, attacked: (C, H, W) or (1, C, H, W), values in [0, 1].
        predictions: for the image and for the attacked one, e.g. "tabby, 0.62".
        alt, caption: as in `CaptionedFigure`.

    Raises:
        TypeError, ValueError: if shapes, ranges, predictions, alt text or caption do not fit.
    """
    image, attacked = _as_images(image, "image"), _as_images(attacked, "attacked")
    require_same_shape(image, attacked, "image", "attacked")
    if len(image) != 1:
        raise ValueError(f"image must be a single one, got {len(image)} images.")
    _require_one_for_each(predictions, 2, "predictions")
    r = attacked - image
    largest = r.abs().max().item()
    m = magnification(largest)
    norm = torch.linalg.vector_norm(r).item()
    titles = [
        f"image\n{predictions[0]}",
        f"perturbation r, magnified {m:g} times\n‖r‖∞ = {largest:.2g}, ‖r‖₂ = {norm:.2g}",
        f"attacked image\n{predictions[1]}",
    ]
    figure, axes = _panels(titles, image.shape[-2:], alt, caption)
    for panel, shown in zip(axes, (image, (0.5 + m * r).clamp(0, 1), attacked), strict=True):
        _draw_image(panel, shown[0])
    return figure


@in_course_style
def plot_curves(
    x: Tensor,
    curves: Tensor,
    labels: Sequence[str],
    *,
    xlabel: str,
    ylabel: str,
    alt: str,
    caption: str,
    colours: Sequence[str] | None = None,
    errors: Tensor | None = None,
) -> CaptionedFigure:
    """Curves over one axis, told apart by colour and dashes; a line at zero if they cross it.

    Args:
        x: (n_points,).
        curves: (n_curves, n_points).
        labels: one for each curve.
        xlabel, ylabel: with their units.
        alt, caption: as in `CaptionedFigure`.
        colours: one for each curve, e.g. `CHANNEL_COLOURS`; at most seven curves if not given.
        errors: (n_curves, n_points), e.g. standard errors: how far a bar reaches up and down.

    Raises:
        TypeError, ValueError: if shapes, errors, labels, colours, alt text or caption do not fit.
    """
    require_tensor(x, "x", "(n_points,)")
    require_tensor(curves, "curves", "(n_curves, n_points)")
    if curves.shape[1] != len(x):
        raise ValueError(
            f"curves must have one value for each of the {len(x)} points of x, "
            f"got shape {tuple(curves.shape)}."
        )
    if errors is None:
        errors = torch.zeros_like(curves)
    require_same_shape(curves, errors, "curves", "errors")
    if (errors < 0).any():
        raise ValueError(f"errors must not be negative, got {errors.min().item():.4g}.")
    _require_one_for_each(labels, len(curves), "labels")
    if colours is None:
        if len(curves) > len(LINE_COLOURS):
            raise ValueError(
                f"curves must be at most {len(LINE_COLOURS)} to be told apart, got {len(curves)}."
            )
        colours = LINE_COLOURS[: len(curves)]
    _require_one_for_each(colours, len(curves), "colours")
    _require_labels(xlabel=xlabel, ylabel=ylabel)
    figure = CaptionedFigure(alt=alt, caption=caption, height=3.4)
    panel = figure.add_subplot()
    values = curves.detach().cpu().numpy()
    if values.min() < 0 < values.max():
        panel.axhline(0, color=PALE_INK, linewidth=0.8)
    for index, (curve, label, colour) in enumerate(zip(values, labels, colours, strict=True)):
        style = LINE_STYLES[index % len(LINE_STYLES)]
        panel.plot(x.detach().cpu().numpy(), curve, color=colour, linestyle=style, label=label)
        reach = errors[index].detach().cpu().numpy()
        if reach.any():
            panel.errorbar(
                x.detach().cpu().numpy(), curve, reach, fmt="none", ecolor=colour, capsize=3
            )
    panel.set(xlabel=xlabel, ylabel=ylabel)
    panel.margins(x=0.02 if (errors > 0).any() else 0)  # bars at the ends are seen whole
    if any(labels):
        panel.legend(loc="upper left", bbox_to_anchor=(1, 1))
    return figure


@in_course_style
def plot_scores(
    scores: Tensor,
    categories: Sequence[str],
    *,
    xlabel: str,
    alt: str,
    caption: str,
    k: int = 5,
    image: Tensor | None = None,
) -> CaptionedFigure:
    """The k largest scores of one image as bars, the largest on top, beside the image if given.

    Args:
        scores: (classes,), probabilities or logits.
        categories: the name of each class.
        xlabel: what the scores are, e.g. "probability".
        alt, caption: as in `CaptionedFigure`.
        k: how many; fewer are drawn if there are fewer classes.
        image: (C, H, W) or (1, C, H, W), or None.

    Raises:
        TypeError, ValueError: if shapes, number of categories, k, alt text or caption do not fit.
    """
    require_tensor(scores, "scores", "(classes,)")
    _require_one_for_each(categories, len(scores), "categories")
    require_count(k, "k")
    _require_labels(xlabel=xlabel)
    top = scores.detach().cpu().topk(min(int(k), len(scores)))
    figure = CaptionedFigure(alt=alt, caption=caption, height=2.6)
    if image is None:
        bars = figure.add_subplot()
    else:
        image = _as_images(image, "image")
        shown, bars = figure.subplots(1, 2, width_ratios=[1, 1.6])
        shown.set_axis_off()
        _draw_image(shown, image[0])
    names = [categories[index] for index in top.indices.tolist()]
    values = top.values.tolist()
    drawn = bars.barh(range(len(names)), values, color=LINE_COLOURS[0], height=0.65)
    bars.bar_label(drawn, [f"{value:.2f}" for value in values], padding=3)
    bars.set_yticks(range(len(names)), names)
    bars.invert_yaxis()
    bars.tick_params(axis="y", length=0)
    bars.margins(x=0.12)
    if min(values) < 0:
        bars.axvline(0, color=PALE_INK, linewidth=0.8)
    bars.set_xlabel(xlabel)
    return figure


class Plane(NamedTuple):
    """A panel of `plot_planes`: a score function on images of two pixels, and what lies on them.

    Attributes:
        f: score function on images of two pixels, (N, 1, 1, 2) -> (N,).
        title: what stands above it.
        points: (P, 2), drawn as dots; `point_labels`: one for each, or none at all.
        arrows: pairs of a start and a step, each (2,), drawn from start to start + step.
        paths: label -> (n_points, 2), drawn as lines with a dot at each point.
    """

    f: ScoreFunction
    title: str
    points: Tensor | None = None
    point_labels: Sequence[str] = ()
    arrows: Sequence[tuple[Tensor, Tensor]] = ()
    paths: dict[str, Tensor] | None = None


@in_course_style
def plot_planes(
    planes: Sequence[Plane],
    *,
    unit: str,
    alt: str,
    caption: str,
    boundary: float = 0.0,
    low: float = 0.0,
    high: float = 1.0,
    resolution: int = 121,
) -> CaptionedFigure:
    """The plane of all images of two pixels: score as colour, the decision boundary as a line.

    Panels share one scale, symmetric around the boundary.

    Args:
        planes: one panel each; at most three.
        unit: what the colour bar measures, e.g. "score".
        alt, caption: as in `CaptionedFigure`.
        boundary: the score at which the classifier changes its mind: 0 for a logit, 0.5 for a
            probability.
        low, high: both pixels' values go from `low` to `high`.
        resolution: f is evaluated at resolution × resolution images.

    Raises:
        TypeError, ValueError: if numbers, alt text or caption do not fit, or if an f does not
            return one score for each image.
    """
    if not 1 <= len(planes) <= 3:
        raise ValueError(f"planes must be one to three, got {len(planes)}.")
    _require_labels(unit=unit)
    require_number(boundary, "boundary")
    require_number(low, "low")
    require_number(high, "high")
    require_count(resolution, "resolution", minimum=2)
    if low >= high:
        raise ValueError(f"low must be below high, got {low} and {high}.")
    axis = torch.linspace(low, high, resolution)
    pixel_2, pixel_1 = torch.meshgrid(axis, axis, indexing="ij")  # rows: pixel 2, upwards
    two_pixels = torch.stack([pixel_1, pixel_2], dim=-1).view(-1, 1, 1, 2)
    grids = [_scores_on_grid(plane.f, two_pixels, resolution) for plane in planes]
    reach = max(abs(grid - boundary).max() for grid in grids) or 1.0
    side = min(7.0 / len(planes), 3.8)  # inches
    figure = CaptionedFigure(
        alt=alt, caption=caption, height=side + 0.5, width=len(planes) * side + 1.0
    )
    axes = figure.subplots(1, len(planes), squeeze=False)[0]
    for panel, plane, grid in zip(axes, planes, grids, strict=True):
        drawn = panel.imshow(
            grid,
            origin="lower",
            extent=(low, high, low, high),
            cmap=SIGNED,
            vmin=boundary - reach,
            vmax=boundary + reach,
            interpolation="bilinear",
        )
        if grid.min() < boundary < grid.max():
            panel.contour(axis.numpy(), axis.numpy(), grid, levels=[boundary], colors="white")
        _draw_on_plane(panel, plane)
        panel.set(
            title=plane.title,
            xlabel="pixel 1",
            ylabel="pixel 2",
            xlim=(low, high),
            ylim=(low, high),
        )
        panel.label_outer()
    _colour_bar(figure, axes, drawn, unit)
    return figure


def _plot_maps(
    maps, titles, unit, alt, caption, image, saturate, columns, signed
) -> CaptionedFigure:
    maps = _as_maps(maps)
    _require_one_for_each(titles, len(maps), "titles")
    _require_labels(unit=unit)
    require_number(saturate, "saturate", 0, 0.5)
    if columns is not None:
        require_count(columns, "columns")
    if image is not None:
        image = _as_images(image, "image")
        if len(image) != 1:
            raise ValueError(f"image must be a single one, got {len(image)} images.")
    limit = colour_limit(maps.numpy(), saturate)
    before = [] if image is None else ["image"]
    figure, axes = _panels([*before, *titles], maps.shape[-2:], alt, caption, columns, bar=True)
    if image is not None:
        _draw_image(axes[0], image[0])
    axes_of_maps = axes[len(before) :]
    for panel, values in zip(axes_of_maps, maps.numpy(), strict=True):
        low, cmap = (-limit, SIGNED) if signed else (0, MAGNITUDE)
        drawn = panel.imshow(values, cmap=cmap, vmin=low, vmax=limit)
    beyond = ("both" if signed else "max") if maps.abs().max() > limit else "neither"
    _colour_bar(figure, axes_of_maps, drawn, unit, beyond)
    return figure


def _panels(
    titles: Sequence[str],
    shape: Sequence[int],
    alt: str,
    caption: str,
    columns: int | None = None,
    bar: bool = False,
) -> tuple[CaptionedFigure, list[Axes]]:
    """A panel under each title, all for pictures of one (H, W), with room for a colour bar."""
    columns = min(len(titles), columns or MAX_COLUMNS)
    rows = math.ceil(len(titles) / columns)
    beside = 1.0 if bar else 0.0  # inches
    side = min((8.0 - beside) / columns, 3.2)  # one image need not fill the screen
    height, width = shape
    lines = 1 + max(title.count("\n") for title in titles)
    row = min(side * height / width, 4.0) + 0.2 * lines + 0.1
    figure = CaptionedFigure(
        alt=alt, caption=caption, height=rows * row, width=columns * side + beside
    )
    axes = list(figure.subplots(rows, columns, squeeze=False).flat)
    for panel in axes:
        panel.set_axis_off()
    for panel, title in zip(axes, titles, strict=False):  # the last row may have empty panels
        panel.set_title(title)
    return figure, axes[: len(titles)]


def _draw_image(panel: Axes, image: Tensor) -> None:
    # A thin frame: a white image would not be seen on white paper.
    edge = {"fill": False, "edgecolor": PALE_INK, "linewidth": 0.5}
    panel.add_patch(Rectangle((0, 0), 1, 1, transform=panel.transAxes, **edge))
    pixels = image.permute(1, 2, 0).numpy()  # (H, W, C)
    if pixels.shape[2] == 1:
        panel.imshow(pixels[:, :, 0], cmap="gray", vmin=0, vmax=1)
    else:
        panel.imshow(pixels)


def _colour_bar(figure, axes, drawn, unit: str, beyond: str = "neither") -> None:
    bar = figure.colorbar(drawn, ax=list(axes), label=unit, extend=beyond, shrink=0.85, pad=0.02)
    bar.outline.set_visible(False)
    bar.ax.yaxis.set_major_locator(MaxNLocator(5))


def _draw_on_plane(panel: Axes, plane: Plane) -> None:
    """Dots, arrows and paths, in black edged with white: seen on every colour."""
    for index, (label, path) in enumerate((plane.paths or {}).items()):
        require_tensor(path, f"paths[{label!r}]", "(n_points, 2)")
        x, y = path.detach().cpu().numpy().T
        style = LINE_STYLES[index % len(LINE_STYLES)]
        look = {"linestyle": style, "marker": "o", "markersize": 4, "label": label}
        panel.plot(x, y, color="black", path_effects=[EDGED_IN_WHITE], **look)
    if plane.paths:
        panel.legend(loc="lower left", frameon=True, framealpha=0.85, edgecolor="white")
    for start, step in plane.arrows:
        require_tensor(start, "an arrow's start", "(2,)")
        require_tensor(step, "an arrow's step", "(2,)")
        tail, head = start.detach().cpu().numpy(), (start + step).detach().cpu().numpy()
        look = {"arrowstyle": "-|>", "color": "black", "linewidth": 1.6, "shrinkA": 0, "shrinkB": 0}
        panel.annotate("", head, tail, arrowprops={**look, "path_effects": [EDGED_IN_WHITE]})
    if plane.points is None:
        return
    require_tensor(plane.points, "points", "(P, 2)")
    points = plane.points.detach().cpu().numpy()
    panel.plot(*points.T, "o", color="black", markeredgecolor="white", markersize=8)
    for point, label in zip(points, plane.point_labels, strict=bool(plane.point_labels)):
        panel.annotate(
            label,
            point,
            xytext=(5, -14),
            textcoords="offset points",
            color="black",
            path_effects=[EDGED_IN_WHITE],
        )


def _scores_on_grid(f: ScoreFunction, two_pixels: Tensor, resolution: int) -> np.ndarray:
    with torch.no_grad():
        scores = f(two_pixels)  # (resolution²,)
    if not isinstance(scores, Tensor) or scores.shape != two_pixels.shape[:1]:
        got = tuple(scores.shape) if isinstance(scores, Tensor) else type(scores).__name__
        raise ValueError(
            f"f must return one score for each image, shape ({len(two_pixels)},), got {got}."
        )
    return scores.detach().cpu().view(resolution, resolution).numpy()


def _as_images(images: Tensor, name: str) -> Tensor:
    """(N, C, H, W) on the CPU, from a batch or from one image (C, H, W); in [0, 1]."""
    if isinstance(images, Tensor) and images.ndim == 3:
        images = images[None]
    require_images(images, name)
    if images.shape[1] not in (1, 3):
        raise ValueError(f"{name} must have 1 or 3 channels, got {images.shape[1]}.")
    require_unit_range(images, name)
    return images.detach().cpu().float()


def _as_maps(maps: Tensor) -> Tensor:
    """(N, H, W) on the CPU, from several maps or from one (H, W)."""
    if isinstance(maps, Tensor) and maps.ndim == 2:
        maps = maps[None]
    require_tensor(maps, "maps", "(N, H, W)")
    return maps.detach().cpu()


def _require_one_for_each(values: Sequence, count: int, name: str) -> None:
    if isinstance(values, str) or not isinstance(values, Sequence):
        raise TypeError(f"{name} must be a sequence of texts, got {type(values).__name__}.")
    if len(values) != count:
        raise ValueError(f"{name} must be {count}, one for each, got {len(values)}.")


def _require_labels(**labels: str) -> None:
    for name, label in labels.items():
        if not isinstance(label, str):
            raise TypeError(f"{name} must be a text, got {type(label).__name__}.")
        if not label.strip():
            raise ValueError(f"{name} must say what is measured, got {label!r}.")
