"""Pointing at a picture: where the hand pressed or dragged, told to Python.

No widget of ipywidgets says where its picture was clicked. A text field that nobody sees carries the
place: the picture writes into it as a keyboard would. Whoever has no mouse takes the sliders.
"""

from __future__ import annotations

import html
from collections.abc import Callable

import ipywidgets as widgets

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


ATTRIBUTES = (
    f'draggable="false" onpointerdown="{html.escape(TELL)}" onpointermove="{html.escape(TELL)}" '
)


def pointing(pointed: Callable[[float, float], None]) -> list[widgets.Widget]:
    """A sentence and the field that nobody sees.

    Args:
        pointed: gets the shares of the picture's width and height, from its upper left corner.
    """
    field = widgets.Text(layout=widgets.Layout(display="none"))
    field.add_class("course-pointed")
    field.observe(lambda change: pointed(*map(float, change["new"].split())), "value")
    return [widgets.HTML("Point at the picture, or move the sliders."), field]
