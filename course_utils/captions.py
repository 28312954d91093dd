"""Figures that carry their words: a caption for everyone, alt text for who cannot see them.

How the words reach the reader was decided by what the viewers do, as read in their sources.
JupyterLab 4 and nbconvert's default HTML template drop the alt text that a PNG output may carry in
its metadata, and neither knows captions. Both keep `<figure><img alt="…"><figcaption>` in an HTML
output, with the picture as a data URI, also in a notebook that is not trusted. So a figure displays
itself as that. The picture is a WebP, which every browser that runs JupyterLab reads: photographs
beside noisy maps take 20 to 80 kB, a third of what a PNG takes even in 256 colours.
"""

from __future__ import annotations

import base64
import html
import io
import re

from matplotlib.figure import Figure
from PIL import Image

__all__ = ["CaptionedFigure", "figure_html"]

DPI = 96  # 8 inches are then 768 pixels: the width of a notebook's output on a laptop
QUALITY = 85  # of 100: at 85 one cannot see the loss in photos and text, at 95 files double

# Words that say that something is a figure, and nothing of what it shows.
EMPTY_WORDS = frozenset(
    """a an and at by figure fig for from graph heatmap image images in is map maps of on photo
    picture plot png result results saliency show shows showing the this visualisation with""".split()  # noqa: SIM905
)


class CaptionedFigure(Figure):
    """A matplotlib figure with alt text and a caption, which shows itself once in a notebook.

    It belongs to no window and not to pyplot, so that a cell shows it only where it is returned or
    displayed, and it needs no screen.

    Args:
        alt: what is to be seen, for a reader who cannot see it: what a sighted one would notice.
        caption: what it means; shown below the figure.
        height, width: in inches; 8 are the width of a notebook.

    Raises:
        TypeError, ValueError: if `alt` or `caption` is no text, or says nothing of its own.
    """

    def __init__(self, *, alt: str, caption: str, height: float, width: float = 8.0) -> None:
        _require_words(alt, "alt", minimum=4)
        _require_words(caption, "caption", minimum=2)
        if " ".join(alt.split()) == " ".join(caption.split()):
            raise ValueError(
                "alt must say what is to be seen, caption what it means: got one text."
            )
        super().__init__(figsize=(width, height), dpi=DPI, facecolor="white", layout="constrained")
        self.alt = " ".join(alt.split())
        self.caption = " ".join(caption.split())

    def webp(self) -> bytes:
        """The picture, on opaque white, so that it can be read in a dark theme too."""
        drawn, encoded = io.BytesIO(), io.BytesIO()
        self.savefig(drawn, format="png")
        Image.open(drawn).convert("RGB").save(encoded, "WEBP", quality=QUALITY, method=6)
        return encoded.getvalue()

    def html(self) -> str:
        """The picture with its words. The caption has the colours of the page it stands on."""
        return figure_html(self.webp(), self.alt, self.caption)

    def _ipython_display_(self) -> None:
        # This hook, and not _repr_html_: after "%matplotlib inline" IPython would add a second
        # picture of every Figure, without its words.
        from IPython.display import display

        bundle = {"text/html": self.html(), "text/plain": f"{self.caption} [{self.alt}]"}
        display(bundle, raw=True)


def figure_html(
    picture: bytes, alt: str, caption: str, attributes: str = "", kind: str = "webp"
) -> str:
    """A picture with its words, as a notebook's output; `attributes` are more of the image's."""
    data = base64.b64encode(picture).decode()
    return (
        '<figure style="margin: 0.5em 0; line-height: 1.5">'
        f'<img src="data:image/{kind};base64,{data}" alt="{html.escape(alt)}" '
        f'{attributes}style="max-width: 100%; height: auto">'
        f"<figcaption>{html.escape(caption)}</figcaption></figure>"
    )


def _require_words(text: object, name: str, minimum: int) -> None:
    """Raise unless `text` holds `minimum` different words that say something."""
    if not isinstance(text, str):
        raise TypeError(f"{name} must be a text, got {type(text).__name__}.")
    words = set(re.findall(r"[^\W\d_]{2,}", text.casefold())) - EMPTY_WORDS
    if len(words) < minimum:
        raise ValueError(
            f"{name} must say what this figure in particular shows "
            f"(at least {minimum} words of its own), got {text!r}."
        )
