"""Pictures for explorers: panels, titles and a colour bar in the look of `plotting`, in milliseconds.

A matplotlib figure of three panels takes about 0.3 s to draw and encode; this takes a tenth of that.
"""

from __future__ import annotations

import io
import re
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import NamedTuple

import matplotlib
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont
from torch import Tensor

from course_utils.captions import QUALITY, figure_html
from course_utils.colours import MAGNITUDE, SIGNED, colour_limit, overlay_opacity

WIDTH = 768  # as wide as the course's figures: 8 inches of 96 pixels
LARGEST_SIDE = 307  # of a panel: 3.2 inches
SHARPNESS = 1.5  # pixels drawn for one on the page, for high resolutions and for zooming in
BAR_WIDTH = 96  # beside the panels, with its numbers
GAP = 10
INK, PAPER = (34, 34, 34), (255, 255, 255)


class Place(NamedTuple):
    """Where a panel's picture lies in the drawing, in shares of the drawing's width and height."""

    left: float
    top: float
    width: float
    height: float


class Drawing(NamedTuple):
    """A picture with its words, and where its panels lie."""

    pixels: Image.Image
    alt: str
    caption: str
    places: tuple[Place, ...] = ()

    def webp(self) -> bytes:
        """The picture as notebooks store it: small, in a tenth of a second."""
        encoded = io.BytesIO()
        shown = self.pixels.resize(self._size_on_page())
        shown.save(encoded, "WEBP", quality=QUALITY, method=6)
        return encoded.getvalue()

    def jpeg(self) -> bytes:
        """The picture as it is sent while a hand moves: sharp, in 2 ms, and longer than WebP."""
        encoded = io.BytesIO()
        self.pixels.save(encoded, "JPEG", quality=80, subsampling=0)
        return encoded.getvalue()

    def html(self, stored: bool = False, attributes: str = "") -> str:
        """The picture and its words. Its place is kept while it loads, so that nothing jumps."""
        width, height = self._size_on_page()
        attributes = f'decoding="sync" width="{width}" height="{height}" {attributes}'
        kind, picture = ("webp", self.webp()) if stored else ("jpeg", self.jpeg())
        return figure_html(picture, self.alt, self.caption, attributes, kind)

    def panel_at(self, x: float, y: float) -> tuple[int, float, float] | None:
        """The panel at a place, and how far down and right in it, as shares; None if beside."""
        for panel, place in enumerate(self.places):
            right, down = (x - place.left) / place.width, (y - place.top) / place.height
            if 0 <= right < 1 and 0 <= down < 1:
                return panel, down, right
        return None

    def _size_on_page(self) -> tuple[int, int]:
        width, height = self.pixels.size
        return round(width / SHARPNESS), round(height / SHARPNESS)


class Frame(NamedTuple):
    """A frame around a part of a panel, in pixels of its image."""

    row: float
    column: float
    height: float
    width: float


class Panel(NamedTuple):
    """A picture under its title: pixels (H, W, 3), and frames on it."""

    pixels: NDArray[np.uint8]
    title: str
    frames: Sequence[Frame] = ()


class Scale(NamedTuple):
    """What the colours mean: `unit` stands at the colour bar."""

    colour_map: str
    low: float
    high: float
    unit: str


def signed_scale(maps: Tensor, unit: str, saturate: float = 0.02) -> Scale:
    """One scale for all maps, symmetric around zero, as in `plot_signed_maps`."""
    limit = colour_limit(maps.numpy(), saturate)
    return Scale(SIGNED, -limit, limit, unit)


def magnitude_scale(maps: Tensor, unit: str) -> Scale:
    """One scale for all maps, from zero, as in `plot_magnitude_maps`."""
    return Scale(MAGNITUDE, 0.0, maps.max().item() or 1.0, unit)


def image_pixels(image: Tensor) -> NDArray[np.uint8]:
    """(C, H, W) in [0, 1] -> (H, W, 3)."""
    pixels = (image.clamp(0, 1) * 255).round().byte().permute(1, 2, 0).numpy()
    return np.repeat(pixels, 3, axis=2) if pixels.shape[2] == 1 else pixels


def map_pixels(values: Tensor, scale: Scale) -> NDArray[np.uint8]:
    """A map (H, W) in the colours of its scale, (H, W, 3)."""
    share = ((values.numpy() - scale.low) / (scale.high - scale.low)).clip(0, 1)
    return _colours(scale.colour_map)[(share * 255).round().astype(np.uint8)]


def overlay_pixels(image: Tensor, values: Tensor, scale: Scale) -> NDArray[np.uint8]:
    """A map (H, W) laid over its image, which turns grey, as in `plot_overlays`."""
    grey = image_pixels(image.mean(dim=0, keepdim=True))
    opacity = overlay_opacity(values.numpy(), scale.high)[..., None]
    return ((1 - opacity) * grey + opacity * map_pixels(values, scale)).round().astype(np.uint8)


def draw_panels(
    panels: Sequence[Panel], *, alt: str, caption: str, scale: Scale | None = None, columns: int = 3
) -> Drawing:
    """Panels in rows, each under its title, and the colour bar beside them."""
    beside = BAR_WIDTH if scale else 0
    side = _sharp(min((WIDTH - beside) // columns - GAP, LARGEST_SIDE))
    panels = [panel._replace(title=_wrapped(_with_minus(panel.title), side)) for panel in panels]
    rows = [panels[start : start + columns] for start in range(0, len(panels), columns)]
    lines = 1 + max(panel.title.count("\n") for panel in panels)
    head = _sharp(18 * lines + 4)
    width = columns * (side + _sharp(GAP)) + _sharp(beside)
    height = len(rows) * (head + side + _sharp(GAP))
    canvas = Image.new("RGB", (width, height), PAPER)
    places = []
    for row, row_panels in enumerate(rows):
        for column, panel in enumerate(row_panels):
            x = column * (side + _sharp(GAP))
            y = row * (head + side + _sharp(GAP))
            _draw_panel(canvas, panel, x, y, head, side)
            places.append(Place(x / width, (y + head) / height, side / width, side / height))
    if scale:
        _draw_bar(canvas, scale, width - _sharp(beside), head, height - _sharp(GAP))
    words = [_with_minus(" ".join(text.split())) for text in (alt, caption)]
    return Drawing(canvas, *words, tuple(places))


def _draw_panel(canvas: Image.Image, panel: Panel, x: int, y: int, head: int, side: int) -> None:
    ink = ImageDraw.Draw(canvas)
    ink.multiline_text(
        (x + side / 2, y + head / 2), panel.title, INK, _font(13), "mm", _sharp(4), "center"
    )
    # As matplotlib draws: pixels stay squares when there are few of them.
    picture = Image.fromarray(panel.pixels)
    few = picture.width <= side
    way = Image.Resampling.NEAREST if few else Image.Resampling.BILINEAR
    canvas.paste(picture.resize((side, side), way), (x, y + head))
    ratio = side / picture.width
    for frame in panel.frames:
        left, top = x + frame.column * ratio, y + head + frame.row * ratio
        box = (left, top, left + frame.width * ratio, top + frame.height * ratio)
        # Black edged with white: seen on every colour.
        for colour, wider in ((PAPER, _sharp(2)), (INK, _sharp(1))):
            grown = (box[0] - wider, box[1] - wider, box[2] + wider, box[3] + wider)
            ink.rectangle(grown, outline=colour, width=_sharp(1))


def _with_minus(text: str) -> str:
    """Negative numbers with a minus sign, as on the figures' axes, in place of a hyphen."""
    return re.sub(r"(?<![\w-])-(?=\d)", "−", text)


def _wrapped(title: str, width: int) -> str:
    """The title in lines that are no wider than its panel, where words allow."""
    lines = []
    for line in title.split("\n"):
        lines.append("")
        for word in line.split(" "):
            longer = f"{lines[-1]} {word}".strip()
            if lines[-1] and _font(13).getlength(longer) > width:
                lines.append(word)
            else:
                lines[-1] = longer
    return "\n".join(lines)


def _draw_bar(canvas: Image.Image, scale: Scale, x: int, top: int, bottom: int) -> None:
    height, width = bottom - top, _sharp(14)
    colours = _colours(scale.colour_map)[np.linspace(255, 0, height).round().astype(int)]
    canvas.paste(Image.fromarray(np.repeat(colours[:, None], width, axis=1)), (x, top))
    ink = ImageDraw.Draw(canvas)
    for share in (0.0, 0.5, 1.0):
        value = scale.low + share * (scale.high - scale.low)
        place = (x + width + _sharp(4), bottom - share * height)
        anchor = {0.0: "ls", 0.5: "lm", 1.0: "lt"}[share]
        ink.text(place, _with_minus(f"{value:.2g}"), INK, _font(12), anchor)
    label = Image.new("RGB", (height, _sharp(18)), PAPER)
    ImageDraw.Draw(label).text((height / 2, _sharp(9)), scale.unit, INK, _font(12), "mm")
    canvas.paste(label.rotate(90, expand=True), (canvas.width - _sharp(20), top))


def _sharp(pixels: float) -> int:
    return round(pixels * SHARPNESS)


@cache
def _colours(colour_map: str) -> NDArray[np.uint8]:
    """The colour map's 256 colours, (256, 3)."""
    shares = np.linspace(0, 1, 256)
    return (matplotlib.colormaps[colour_map](shares)[:, :3] * 255).round().astype(np.uint8)


@cache
def _font(size: int) -> ImageFont.FreeTypeFont:
    fonts = Path(matplotlib.get_data_path()) / "fonts" / "ttf"
    return ImageFont.truetype(fonts / "DejaVuSans.ttf", _sharp(size))
