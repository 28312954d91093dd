"""Pointing at a picture: where the hand pressed or dragged, told to Python.

No widget of ipywidgets says where its picture was clicked. A text field that nobody sees carries the
place: the picture writes into it as a keyboard would. Whoever has no mouse takes the sliders.
"""

from __future__ import annotations

import html
from collections.abc import Callable

import ipywidgets as widgets

from course_utils.explorers.drawing import Drawing

# In the page: the shares of the picture's width and height, at each press and while dragging.
TELL = (
    "this.style.cursor = 'crosshair'; "
    "if (event.buttons & 1) {"
    "const box = this.getBoundingClientRect(), "
    "field = this.closest('.course-explorer').querySelector('.course-pointed input'); "
    "field.value = [(event.clientX - box.left) / box.width, "
    "(event.clientY - box.top) / box.height].map(share => share.toFixed(4)).join(' '); "
    "field.dispatchEvent(new Event('input', {bubbles: true}))}"
)


class Pointer:
    """Calls a function with the panel that is pointed at, and how far down and right in it.

    Args:
        pointed: gets the number of the panel, and the shares of its height and width.
    """

    attributes = f'draggable="false" onpointerdown="{html.escape(TELL)}" onpointermove="{html.escape(TELL)}" '

    def __init__(self, pointed: Callable[[int, float, float], None]) -> None:
        self._pointed = pointed
        self.drawing: Drawing | None = None  # what is shown
        field = widgets.Text(layout=widgets.Layout(display="none"))
        field.add_class("course-pointed")
        field.observe(self._told, "value")
        self.widgets = [widgets.HTML("Point at the picture, or move the sliders."), field]

    def _told(self, change: dict) -> None:
        x, y = map(float, change["new"].split())
        for panel, place in enumerate(self.drawing.places):
            right, down = (x - place.left) / place.width, (y - place.top) / place.height
            if 0 <= right < 1 and 0 <= down < 1:
                self._pointed(panel, down, right)
