"""Controls and a picture that follows them; without a kernel, the picture of the default state.

A notebook keeps what a cell showed, but not the controls: opened again, it has no kernel that knows
them. So a cell shows two things, of which one sees one: the default state as a picture with its
words, and the live explorer, which hides it. JupyterLab's sentence that a widget was not found is
hidden where the picture stands instead.
"""

from __future__ import annotations

import html
from collections.abc import Callable, Iterator
from typing import Any

import ipywidgets as widgets
from IPython.display import display

from course_utils.explorers.drawing import Drawing
from course_utils.explorers.newest import NewestWins
from course_utils.explorers.pointing import ATTRIBUTES, pointing
from course_utils.explorers.subjects import GUESSES, PHOTOS, SCENES
from course_utils.photos import open_photo

# A slider of ipywidgets gives its handle no name for those who hear the page instead of seeing it.
# Its label lies beside it, so the picture, when it arrives, tells each handle its label.
NAME_THE_HANDLES = (
    "this.closest('.course-explorer')?.querySelectorAll('.widget-slider').forEach(s => "
    "s.querySelector('[role=slider]')?.setAttribute('aria-label', "
    "s.querySelector('.widget-label').textContent))"
)
OWN_PICTURE = "your own picture"
Pointed = Callable[[dict[str, Any], int, float, float], dict[str, Any]]
ONE_OF_TWO = (
    "<style>.jp-OutputArea-child:has(.course-still):has(~ * .course-explorer), "
    ".jp-OutputArea-child:has(.course-still) + .jp-OutputArea-child:not(:has(.course-explorer)) "
    "{display: none}</style>"
)
HOW_TO_MOVE = "<p><em>Run this cell to move the controls of this picture.</em></p>"


class Explorer:
    """What a cell shows: controls above a picture, a sentence if something is wrong.

    Args:
        name: what the group of controls is called.
        draw: the values of the controls, by their names -> drawings, each better than the one
            before; the last one is final.
        controls: widgets with a `value`, by the names that `draw` knows.
        refines: whether drawing takes long enough to be stopped.
        pointed: for pictures that one points at: the values of the controls, the panel's number,
            and how far down and right in it, as shares -> the controls' new values.
    """

    def __init__(
        self,
        name: str,
        draw: Callable[..., Iterator[Drawing]],
        controls: dict[str, widgets.Widget],
        refines: bool = False,
        pointed: Pointed | None = None,
    ) -> None:
        self.name, self.controls = name, controls
        *_, self._still = draw(**self.values())
        self._picture = widgets.HTML()
        self._sentence = widgets.HTML()
        self._stop = widgets.Button(description="stop", tooltip="stop", disabled=True, icon="stop")
        self._work = NewestWins(lambda values: draw(**values), self._show, self._fail, self._rest)
        self._stop.on_click(lambda _button: self._work.stop())
        self._pointed, self._held = pointed, False
        for control in controls.values():
            control.observe(self._changed, "value")
        self._show(self._still)
        shown = list(controls.values())
        if "image" in controls:
            self._own_picture = b""
            shown[0] = self._with_upload(controls["image"])
        shown += [self._stop] if refines else []
        shown += pointing(self._point) if pointed else []
        self.box = widgets.VBox(
            [*shown, self._sentence, self._picture], layout=widgets.Layout(max_width="768px")
        )
        self.box.add_class("course-explorer")

    def values(self) -> dict[str, Any]:
        """What the controls say now."""
        values = {name: control.value for name, control in self.controls.items()}
        if values.get("image") == OWN_PICTURE:
            values["image"] = self._own_picture
        return values

    @property
    def drawing(self) -> Drawing:
        """What is shown now."""
        return self._drawing

    @property
    def sentence(self) -> str:
        """What is wrong now; empty if nothing is."""
        return html.unescape(self._sentence.value)

    def wait(self, seconds: float = 60) -> bool:
        """Wait until the picture shows what the controls say; False if that takes longer."""
        return self._work.wait(seconds)

    def _with_upload(self, image: widgets.Dropdown) -> widgets.Widget:
        """Beside the choice of images, a button for a file of one's own."""
        upload = widgets.FileUpload(
            accept="image/*", description="upload a picture", tooltip="upload"
        )
        upload.layout = widgets.Layout(width="auto", flex="0 0 auto")
        image.layout = widgets.Layout(
            flex="1 1 16em", width="auto", min_width="0", max_width="100%"
        )
        upload.observe(lambda change: self._take(image, change["new"]), "value")
        return widgets.HBox([image, upload], layout=widgets.Layout(flex_flow="row wrap"))

    def _take(self, image: widgets.Dropdown, files: tuple) -> None:
        if not files:
            return
        content = bytes(files[0]["content"])
        try:
            open_photo(content)
        except ValueError as error:
            self._fail(error)
            return
        self._own_picture = content
        if image.value == OWN_PICTURE:
            self._changed({})
        else:
            image.value = OWN_PICTURE

    def _point(self, x: float, y: float) -> None:
        place = self._drawing.panel_at(x, y)
        new = self._pointed(self.values(), *place) if place else {}
        self._held = True  # several controls, one request
        for name, value in new.items():
            self.controls[name].value = value
        self._held = False
        if new:
            self._changed({})

    def _changed(self, _change: dict) -> None:
        if not self._held:
            self._stop.disabled = False
            self._work.ask(self.values())

    def _show(self, drawing: Drawing) -> None:
        self._drawing = drawing
        self._sentence.value = ""
        attributes = f'onload="{html.escape(NAME_THE_HANDLES)}" '
        if self._pointed:
            attributes += ATTRIBUTES
        self._picture.value = drawing.html(attributes=attributes)

    def _fail(self, error: Exception) -> None:
        self._sentence.value = html.escape(as_sentence(error))

    def _rest(self) -> None:
        self._stop.disabled = True

    def outputs(self) -> list[dict[str, object]]:
        """What a cell shows and a notebook keeps: the picture of the default state, the widget."""
        still = self._still
        picture = f'<div class="course-still">{still.html(stored=True)}{HOW_TO_MOVE}</div>'
        words = f"{still.caption} [{still.alt}]"
        live = self.box._repr_mimebundle_()
        del live["text/plain"]  # who cannot show a widget has the picture's words
        return [{"text/html": ONE_OF_TWO + picture, "text/plain": words}, live]

    def _ipython_display_(self) -> None:
        for output in self.outputs():
            display(output, raw=True)


def as_sentence(error: Exception) -> str:
    """What an explorer says of an error: the library's own sentence, or that there is none."""
    expected = isinstance(error, (ValueError, TypeError, OSError))
    text = str(error) if expected else f"this could not be drawn ({error!r})."
    return text[:1].upper() + text[1:]


def image_control(default: str) -> widgets.Dropdown:
    """A choice among all photos and scenes; with one's own picture as soon as there is one."""
    options = [(name, name) for name in (*PHOTOS, *SCENES, OWN_PICTURE)]
    return widgets.Dropdown(options=options, value=default, **described("image"))


def guess_control(default: int = 0) -> widgets.Dropdown:
    """Which of the network's guesses is explained."""
    options = [(name, rank) for rank, name in enumerate(GUESSES)]
    return widgets.Dropdown(options=options, value=default, **described("class"))


def described(label: str) -> dict[str, object]:
    """A label that is not cut off, before a control as wide as its place."""
    return {
        "description": label,
        "tooltip": label,
        "style": {"description_width": "10em"},
        "layout": widgets.Layout(width="auto"),
    }
