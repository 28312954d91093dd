"""Explorers as a hand moves them: what is seen is what the plain function draws."""

from __future__ import annotations

import base64
import io
import itertools
import re

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import expect

from browser.conftest import ROOT
from browser.findings import findings
from browser.pages import cell_with, kernel_is_idle, open_notebook, run_cell
from course_utils import explorers
from course_utils.explorers import (
    activation_maps,
    adversarial,
    attention,
    context,
    critique,
    gradients,
    integrated_gradients,
    smoothgrad,
)

SCENE = "scene with a garment"
# explorer: its notebook, its state, the plain function that draws it
EXPLORERS = {
    "explore_gradient": ("01_gradients", gradients.GradientState, gradients.gradient_figure),
    "explore_smoothgrad": (
        "02_smoothgrad",
        smoothgrad.SmoothGradState,
        smoothgrad.smoothgrad_figure,
    ),
    "explore_integrated_gradients": (
        "03_integrated_gradients",
        integrated_gradients.PathState,
        integrated_gradients.path_figure,
    ),
    "explore_activation_maps": (
        "04_activation_maps",
        activation_maps.ActivationState,
        activation_maps.activation_figure,
    ),
    "explore_attention": ("05_attention", attention.AttentionState, attention.attention_figure),
    "explore_attack": (
        "06_adversarial_attacks",
        adversarial.AttackState,
        adversarial.attack_figure,
    ),
    "explore_context": ("07_critique", context.ContextState, context.context_figure),
    "explore_critique": ("07_critique", critique.MapsState, critique.maps_figure),
}
SLOW = ("explore_smoothgrad", "explore_attack")
PATIENCE = 60_000  # milliseconds
SLIDER = ".widget-slider"


def shown(explorer):
    """Alt text and pixels of the picture in the page."""
    picture = explorer.locator("figure img")
    data = picture.get_attribute("src").partition("base64,")[2]
    pixels = Image.open(io.BytesIO(base64.b64decode(data))).convert("RGB")
    return picture.get_attribute("alt"), np.asarray(pixels, int)


def expect_drawing(explorer, drawing):
    """Wait for the words of a drawing, then hold its pixels against those in the page."""
    expect(explorer.locator("figure img")).to_have_attribute("alt", drawing.alt, timeout=PATIENCE)
    expect(explorer.locator("figcaption")).to_have_text(drawing.caption, timeout=PATIENCE)
    _, pixels = shown(explorer)
    expected = Image.open(io.BytesIO(drawing.jpeg())).convert("RGB")
    assert np.abs(pixels - np.asarray(expected, int)).mean() < 1


def made(page, lab, explore):
    """The explorer, new, in its notebook."""
    page.errors.clear()
    open_notebook(page, lab, EXPLORERS[explore][0])
    explorer = run_cell(page, f"{explore}()").locator(".course-explorer")
    explorer.locator("figure img").wait_for()
    return explorer


def value_now(explorer, control):
    """What the number beside a slider says, as the value of its control."""
    slider = explorer.locator(SLIDER).filter(has_text=control.description)
    said = slider.locator(".widget-readout").inner_text()
    if hasattr(control, "options"):
        options = [o if isinstance(o, tuple) else (str(o), o) for o in control.options]
        return dict(options)[said]
    return int(said) if isinstance(control.value, int) else float(said)


@pytest.fixture(scope="module", params=EXPLORERS)
def explore(request):
    notebook = ROOT / "solutions" / EXPLORERS[request.param][0]
    if not notebook.exists():
        pytest.skip("this notebook is not written yet")
    return request.param


@pytest.fixture(scope="module")
def explorer(explore, page, lab):
    """Each explorer in its notebook, made once for the tests that look at it."""
    return made(page, lab, explore)


def test_notebook_does_not_open_or_an_error_is_logged(explorer, page, screenshot):
    assert page.locator(".jp-Notebook h1").count() >= 1
    assert page.get_by_text("Jupyter news").count() == 0, "nobody is to be asked about the network"
    screenshot()
    assert page.errors == []


def test_keyboard_does_not_reach_every_control(explorer, page):
    controls = explorer.locator("select, [role=slider], button:enabled")
    controls.first.focus()
    for number in range(controls.count()):
        expect(controls.nth(number)).to_be_focused()
        page.keyboard.press("Tab")
        while page.evaluate("document.activeElement.isContentEditable"):  # a slider's number
            page.keyboard.press("Tab")


def test_explorer_shuts_somebody_out_by_day_or_by_night(explorer, page, screenshot):
    for theme in ("JupyterLab Dark", "JupyterLab Light"):
        change = (
            f"window.jupyterapp.commands.execute('apputils:change-theme', {{theme: '{theme}'}})"
        )
        page.evaluate(change)
        expect(page.locator("body")).to_have_attribute("data-jp-theme-name", theme)
        assert findings(page, ".course-explorer") == {}, theme
        screenshot(theme, explorer)


def test_explorer_is_cut_off_at_twice_the_size(explorer, page, screenshot):
    size = page.viewport_size
    page.set_viewport_size({side: length // 2 for side, length in size.items()})
    try:
        explorer.scroll_into_view_if_needed()
        assert explorer.evaluate("e => e.scrollWidth - e.clientWidth") <= 1
        screenshot()
    finally:
        page.set_viewport_size(size)


def test_explorer_shows_other_than_its_plain_function(explorer, explore, page, screenshot):
    _, make_state, figure = EXPLORERS[explore]
    expect_drawing(explorer, figure(make_state()))
    screenshot("default", explorer)
    controls = getattr(explorers, explore)().controls
    values = {}
    if explore in SLOW:  # its default is a photo, which was shown just now
        explorer.get_by_label("image").select_option(SCENE)
        values["image"] = SCENE
        expect_drawing(explorer, figure(make_state(**values)))
    sliders = {
        field: control for field, control in controls.items() if "Slider" in type(control).__name__
    }
    for field, control in sliders.items():
        values[field] = moved_by_keyboard(page, explorer, control)
        expect_drawing(explorer, figure(make_state(**values)))
    field, control = next(iter(sliders.items()))
    values[field] = moved_by_mouse(page, explorer, control)
    expect_drawing(explorer, figure(make_state(**values)))
    screenshot("moved", explorer)
    assert page.errors == []


def moved_by_keyboard(page, explorer, control):
    """Move a slider by one step; its new value."""
    before = value_now(explorer, control)
    explorer.get_by_role("slider", name=control.description, exact=True).focus()
    for key in ("ArrowLeft", "ArrowRight"):  # it may stand at an end
        page.keyboard.press(key)
        if value_now(explorer, control) != before:
            return value_now(explorer, control)
    raise AssertionError(f"{control.description} cannot be moved by keyboard")


def moved_by_mouse(page, explorer, control):
    """Drag a slider to a fifth of its length, or to four if it stands there; its new value."""
    before = value_now(explorer, control)
    handle = explorer.get_by_role("slider", name=control.description, exact=True)
    handle.scroll_into_view_if_needed()
    slider = explorer.locator(SLIDER).filter(has_text=control.description)
    track, grip = slider.locator(".noUi-base").bounding_box(), handle.bounding_box()
    page.mouse.move(grip["x"] + grip["width"] / 2, grip["y"] + grip["height"] / 2)
    page.mouse.down()
    far = grip["x"] - track["x"] > track["width"] / 2
    end = track["x"] + (0.2 if far else 0.8) * track["width"]
    page.mouse.move(end, grip["y"] + grip["height"] / 2, steps=8)
    page.mouse.up()
    assert value_now(explorer, control) != before
    return value_now(explorer, control)


def test_a_hundred_fast_moves_end_in_another_state_or_keep_the_kernel_busy(page, lab, screenshot):
    explorer = made(page, lab, "explore_attention")
    row = explorer.get_by_role("slider", name="row of the patch")
    row.focus()
    keys = itertools.cycle(["ArrowRight"] * 3 + ["ArrowLeft"] * 5 + ["ArrowRight"] * 2)
    for key in itertools.islice(keys, 100):
        page.keyboard.press(key)
    final = attention.AttentionState(row=int(float(row.get_attribute("aria-valuenow"))))
    expect_drawing(explorer, attention.attention_figure(final))
    page.wait_for_timeout(500)
    assert kernel_is_idle(page)
    assert shown(explorer)[0] == attention.attention_figure(final).alt
    screenshot(of=explorer)
    assert page.errors == []


def test_own_picture_is_not_shown_or_a_bad_file_gets_no_sentence(page, lab, tmp_path, screenshot):
    explorer = made(page, lab, "explore_attention")
    picture = Image.new("RGB", (300, 200), "black")
    picture.paste("white", (100, 50, 200, 150))
    good, bad, large = (tmp_path / f"{name}.png" for name in ("square", "letter", "noise"))
    picture.save(good)
    bad.write_text("Dear all, this is a letter.")

    with page.expect_file_chooser() as chooser:
        explorer.get_by_role("button", name="upload").click()
    chooser.value.set_files(good)
    expected = attention.attention_figure(attention.AttentionState(good.read_bytes()))
    expect_drawing(explorer, expected)
    screenshot("good", explorer)

    noise = np.random.default_rng(0).integers(0, 256, (2000, 2000, 3), np.uint8)
    Image.fromarray(noise).save(large)
    assert large.stat().st_size > 10 * 2**20  # more than Jupyter takes in one message by default
    with page.expect_file_chooser() as chooser:
        explorer.get_by_role("button", name="upload").click()
    chooser.value.set_files(large)
    expected = attention.attention_figure(attention.AttentionState(large.read_bytes()))
    expect_drawing(explorer, expected)

    with page.expect_file_chooser() as chooser:
        explorer.get_by_role("button", name="upload").click()
    chooser.value.set_files(bad)
    explorer.get_by_text("File must be a picture that can be read").wait_for()
    assert shown(explorer)[0] == expected.alt
    screenshot("bad", explorer)
    assert page.errors == []


def test_a_long_refinement_cannot_be_stopped(page, lab, screenshot):
    explorer = made(page, lab, "explore_smoothgrad")
    samples = explorer.get_by_role("slider", name="samples")
    samples.focus()
    page.keyboard.press("End")
    # Whichever interim picture is seen first: neither the one before (16) nor the last (128).
    interim = re.compile(r"mean of (?!16 |128 )\d+ samples")
    expect(explorer.locator("figure img")).to_have_attribute("alt", interim)
    stop = explorer.get_by_role("button", name="stop")
    stop.click()
    expect(stop).to_be_disabled(timeout=PATIENCE)
    stopped, _ = shown(explorer)
    assert "128 samples" not in stopped
    page.wait_for_timeout(1500)
    assert shown(explorer)[0] == stopped
    screenshot(of=explorer)
    assert page.errors == []


def press(page, explorer, drawing, panel, down, right):
    """Press the mouse on a place of a panel."""
    picture = explorer.locator("figure img")
    picture.scroll_into_view_if_needed()
    box, place = picture.bounding_box(), drawing.places[panel]
    page.mouse.click(
        box["x"] + box["width"] * (place.left + right * place.width),
        box["y"] + box["height"] * (place.top + down * place.height),
    )


def test_pointing_at_a_patch_shows_another_one(page, lab, screenshot):
    explorer = made(page, lab, "explore_attention")
    default = attention.attention_figure(attention.AttentionState())
    press(page, explorer, default, 1, 6.5 / 8, 1.5 / 8)
    expect_drawing(explorer, attention.attention_figure(attention.AttentionState(row=6, column=1)))
    screenshot("pointed", explorer)
    assert page.errors == []


def test_opened_again_a_notebook_shows_no_picture_where_its_explorer_was(page, lab, screenshot):
    made(page, lab, "explore_attention")
    page.evaluate("window.jupyterapp.commands.execute('docmanager:save')")
    page.goto("about:blank")
    open_notebook(page, lab, "05_attention")
    cell = cell_with(page, "explore_attention()")
    expect(cell.locator(".course-still img")).to_be_visible()
    expect(cell.get_by_text("Run this cell to move")).to_be_visible()
    sentence = cell.get_by_text("model not found")
    sentence.wait_for(state="attached")  # it comes some time after the notebook
    expect(sentence).to_be_hidden()
    screenshot("opened again", cell)
