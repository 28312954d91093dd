"""Explorers without a browser: what they draw, that the newest request wins, what a bad file does."""

import base64
import datetime
import io
import re
import threading

import matplotlib
import numpy as np
import pytest
import torch
from PIL import Image

from course_utils import explorers
from course_utils.adversarial import bim
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
from course_utils.explorers.drawing import (
    Frame,
    Panel,
    Scale,
    draw_panels,
    image_pixels,
    map_pixels,
    overlay_pixels,
    signed_scale,
)
from course_utils.explorers.newest import NewestWins, give_way
from course_utils.explorers.subjects import GUESSES, PHOTOS, SCENES, find_subject
from course_utils.integrated_gradients import integrated_gradients as library_integrated_gradients
from course_utils.plotting import plot_overlays, plot_signed_maps
from course_utils.smoothgrad import noise_std
from course_utils.smoothgrad import smoothgrad as library_smoothgrad

SCENE = "scene with a garment"
SECONDS = 60
# explorer, its state, the plain function that draws it, a move of its controls
EXPLORERS = {
    "explore_gradient": (
        gradients.GradientState,
        gradients.gradient_figure,
        {"image": SCENE, "row": 70},
    ),
    "explore_smoothgrad": (
        smoothgrad.SmoothGradState,
        smoothgrad.smoothgrad_figure,
        {"image": SCENE, "noise_level": 0.3},
    ),
    "explore_integrated_gradients": (
        integrated_gradients.PathState,
        integrated_gradients.path_figure,
        {"baseline": "white", "along": 80},
    ),
    "explore_activation_maps": (
        activation_maps.ActivationState,
        activation_maps.activation_figure,
        {"rank": 1, "depth": 3},
    ),
    "explore_attention": (
        attention.AttentionState,
        attention.attention_figure,
        {"row": 6, "column": 2},
    ),
    "explore_attack": (
        adversarial.AttackState,
        adversarial.attack_figure,
        {"image": SCENE, "goal": 1, "eps": 8, "n_steps": 5},
    ),
    "explore_critique": (
        critique.MapsState,
        critique.maps_figure,
        {"right": "integrated gradients", "eps": 2},
    ),
    "explore_context": (context.ContextState, context.context_figure, {"strength": 0.6}),
}


@pytest.fixture(params=EXPLORERS)
def case(request):
    return getattr(explorers, request.param), *EXPLORERS[request.param]


def equal(drawing, other):
    return (drawing.alt, drawing.caption, drawing.pixels.tobytes()) == (
        other.alt,
        other.caption,
        other.pixels.tobytes(),
    )


# What is drawn


def test_there_is_an_explorer_that_is_not_tested():
    assert sorted(EXPLORERS) == sorted(explorers.__all__)


def test_explorer_does_not_begin_with_its_default_state(case):
    explore, state, figure, _ = case
    explorer = explore()
    assert explorer.values() == state()._asdict()
    assert equal(explorer.drawing, figure(state()))


def test_explorer_shows_something_else_than_the_plain_function_draws_after_a_move(case):
    explore, state, figure, moved = case
    explorer = explore()
    before = explorer.drawing
    for name, value in moved.items():
        explorer.controls[name].value = value
    assert explorer.wait(SECONDS)
    assert explorer.sentence == ""
    assert equal(explorer.drawing, figure(state(**moved)))
    assert not equal(explorer.drawing, before)


def test_every_control_leaves_the_picture_as_it_is(case):
    """A control that changes nothing is a lie."""
    _, state, figure, moved = case
    start = state(**moved)
    other_values = {
        "image": "another scene with a garment",
        "rank": 2,
        "row": 3,
        "column": 5,
        "change": 0.2,
        "noise_level": 0.5,
        "n_samples": 1,
        "baseline": "noise",
        "n_steps": 2,
        "along": 10,
        "depth": 1,
        "block": 0,
        "token": "class token",
        "goal": 2,
        "eps": 1,
        "alpha": 0.5,
        "left": "SmoothGrad",
        "right": "SmoothGrad",
        "strength": 0.9,
        "patch": 3,
    }
    for name in start._fields:
        changed = start._replace(**{name: other_values[name]})
        drawn, other = figure(start), figure(changed)
        assert drawn.pixels.tobytes() != other.pixels.tobytes(), name
        assert drawn.alt != other.alt, f"who cannot see it does not notice that {name} changed"


def test_without_a_kernel_there_is_no_picture_with_words(case):
    explore, state, figure, _ = case
    bundle, live = explore().outputs()
    assert list(live) == ["application/vnd.jupyter.widget-view+json"]
    assert "Run this cell" in bundle["text/html"]
    expected = figure(state())
    (data,) = re.findall(r'src="data:image/webp;base64,([^"]+)"', bundle["text/html"])
    stored = Image.open(io.BytesIO(base64.b64decode(data)))
    assert stored.size == tuple(round(side / 1.5) for side in expected.pixels.size)
    difference = np.asarray(stored.resize((30, 20)), int) - np.asarray(
        expected.pixels.resize((30, 20)), int
    )
    assert np.abs(difference).mean() < 4
    assert len(data) < 110_000, "notebooks must stay small"
    assert expected.caption in bundle["text/plain"]
    assert "onload" not in bundle["text/html"]
    assert len(expected.alt.split()) > 12
    assert expected.alt not in expected.caption


def test_drawing_changes_the_global_random_state(case):
    _, state, figure, moved = case
    before = torch.get_rng_state()
    figure(state(**moved))
    assert torch.equal(torch.get_rng_state(), before)


def test_a_control_has_no_label(case):
    explore, *_ = case
    labels = [control.description for control in explore().controls.values()]
    assert all(labels)
    assert len(set(labels)) == len(labels)


def test_the_refined_map_is_not_smoothgrad():
    state = smoothgrad.SmoothGradState(image=SCENE, n_samples=64)
    *_, refined = smoothgrad.refine(state)
    subject = find_subject(SCENE)
    sigma = noise_std(subject.images, state.noise_level)
    expected = library_smoothgrad(
        subject.score(0), subject.images, sigma, 64, torch.Generator().manual_seed(0)
    )
    assert refined.n_samples == 64
    torch.testing.assert_close(refined.mean, expected, rtol=1e-4, atol=1e-6)


def test_the_attributions_are_not_integrated_gradients():
    what = (SCENE, 1, "noise")
    subject = find_subject(SCENE)
    start = integrated_gradients.baseline_of(subject.images, "noise")
    expected = library_integrated_gradients(subject.score(1), subject.images, start, 40)
    whole = integrated_gradients.attributed(*what, n_steps=40)
    torch.testing.assert_close(whole.attributions, expected, rtol=1e-4, atol=1e-6)


def test_a_map_that_is_known_is_refined_again():
    state = integrated_gradients.PathState(SCENE, rank=3, n_steps=64)
    assert len(list(integrated_gradients.path_figures(state))) == 3
    assert len(list(integrated_gradients.path_figures(state._replace(along=77)))) == 1


@pytest.mark.parametrize("goal", [0, 1])
def test_the_attack_is_not_bim(goal):
    state = adversarial.AttackState(SCENE, goal=goal, eps=6, alpha=2, n_steps=5)
    *_, attacked = adversarial.attack_steps(state)
    subject = find_subject(SCENE)
    labels = torch.tensor([subject.target(goal)])
    expected = bim(subject.network, subject.images, labels, 6 / 255, 2 / 255, 5, targeted=goal > 0)
    assert torch.equal(attacked, expected)


def test_the_pixel_that_is_pointed_at_is_not_the_one_that_is_told():
    drawing = gradients.gradient_figure(gradients.GradientState(SCENE, row=100, column=0))
    assert "row 63, column 0" in drawing.alt
    gradient = gradients.gradient_of(SCENE, 0)
    assert f"predicts {0.1 * gradient[0, :, 63, 0].sum().item():+.2g}" in drawing.caption


def test_subjects_cannot_all_be_found():
    for name in (*PHOTOS, *SCENES):
        subject = find_subject(name)
        assert subject.probabilities.sum().item() == pytest.approx(1, abs=1e-5)
        ranked = [subject.probabilities[subject.target(rank)] for rank in range(len(GUESSES))]
        assert ranked == sorted(ranked, reverse=True)


# The look of the course's figures


def test_colours_differ_from_those_of_the_figures():
    values = torch.randn(12, 12, generator=torch.Generator().manual_seed(0))
    words = {"alt": "Grains of both signs all over.", "caption": "Random numbers."}
    (panel, _) = plot_signed_maps(values, ["a"], unit="u", **words).axes
    expected = panel.images[0].to_rgba(values.numpy(), bytes=True)[..., :3]
    scale = signed_scale(values, "u")
    assert (scale.low, scale.high) == pytest.approx(panel.images[0].get_clim())
    drawn = map_pixels(values, scale).astype(int)
    assert np.abs(drawn - expected).max() <= 3, "one step of 256 colours"


def test_overlays_cover_other_than_in_the_figures():
    image = torch.rand(3, 9, 9, generator=torch.Generator().manual_seed(0))
    values = torch.rand(9, 9, generator=torch.Generator().manual_seed(1))
    words = {"alt": "Grains of both signs all over.", "caption": "Random numbers."}
    panel = plot_overlays(image, values, ["a"], unit="u", **words).axes[0]
    opacity = panel.images[1].get_alpha()[..., None]
    grey = 255 * image.mean(dim=0).numpy()[..., None]
    colour = panel.images[1].cmap(panel.images[1].norm(values.numpy()), bytes=True)[..., :3]
    expected = (1 - opacity) * grey + opacity * colour
    drawn = overlay_pixels(image, values, Scale("magma", 0, values.max().item(), "u"))
    assert np.abs(drawn.astype(int) - expected).max() <= 5


def test_the_frame_is_drawn_somewhere_else():
    grey = np.full((10, 10, 3), 128, np.uint8)
    plain = draw_panels([Panel(grey, "a")], alt="", caption="", columns=1)
    framed = draw_panels([Panel(grey, "a", [Frame(2, 5, 2, 3)])], alt="", caption="", columns=1)
    changed = np.any(np.asarray(plain.pixels) != np.asarray(framed.pixels), axis=2)
    rows, columns = changed.any(1).nonzero()[0], changed.any(0).nonzero()[0]
    side = 460  # 307 pixels of the page, drawn 1.5 times as fine
    head = plain.pixels.height - side - 15
    assert rows[[0, -1]] == pytest.approx([head + 0.2 * side, head + 0.4 * side], abs=6)
    assert columns[[0, -1]] == pytest.approx([0.5 * side, 0.8 * side], abs=6)


def test_a_long_title_runs_into_the_next_panel():
    grey = np.full((10, 10, 3), 128, np.uint8)
    long = "a class with a name that nobody would call short, 0.97"
    drawing = draw_panels(
        [Panel(grey, ""), Panel(grey, f"{long}\n{long}"), Panel(grey, "")], alt="", caption=""
    )
    side = 369  # 246 pixels of the page, drawn 1.5 times as fine
    titles = np.asarray(drawing.pixels)[: drawing.pixels.height - side - 15]
    ink = (titles < 200).any(axis=(0, 2)).nonzero()[0]
    assert ink.min() >= side
    assert ink.max() <= 2 * (side + 15)


def test_the_fonts_lack_a_sign_that_is_used():
    from matplotlib.font_manager import FontProperties
    from matplotlib.ft2font import FT2Font

    path = matplotlib.font_manager.findfont(FontProperties(family="DejaVu Sans"))
    known = FT2Font(path).get_charmap()
    assert all(ord(sign) in known for sign in "ε∞‖₂×−“”’σ·")


def test_grey_and_coloured_images_become_other_than_rgb():
    assert image_pixels(torch.tensor([[[0.0, 1.0]]])).tolist() == [[[0] * 3, [255] * 3]]
    red = torch.tensor([1.0, 0.5, 0.0]).view(3, 1, 1)
    assert image_pixels(red).tolist() == [[[255, 128, 0]]]


# Newest request wins


class Log:
    """Work whose every step waits for a permission, and what was shown of it."""

    def __init__(self, n_steps=1):
        self.shown, self.failed, self.rested = [], [], 0
        self.may = threading.Semaphore(0)
        self.n_steps = n_steps
        self.newest = NewestWins(self.work, self.shown.append, self.failed.append, self.rest)

    def work(self, request):
        for step in range(self.n_steps):
            assert self.may.acquire(timeout=SECONDS)
            if request == "bad":
                raise ValueError("bad must not be asked for.")
            yield request, step

    def rest(self):
        self.rested += 1

    def allow(self, times):
        for _ in range(times):
            self.may.release()


def test_requests_that_wait_are_not_dropped_for_the_newest():
    log = Log()
    for request in range(100):
        log.newest.ask(request)
    log.allow(100)
    assert log.newest.wait(SECONDS)
    assert log.shown[-1] == (99, 0)
    assert len(log.shown) <= 2, "the first, which had begun, and the newest"
    assert log.rested == 1


def test_a_refinement_goes_on_when_something_newer_is_asked_for():
    log = Log(n_steps=10)
    log.newest.ask("old")
    log.allow(1)
    while not log.shown:
        pass
    log.newest.ask("new")
    log.allow(11)
    assert log.newest.wait(SECONDS)
    old = [step for request, step in log.shown if request == "old"]
    assert old in ([0], [0, 1])
    assert log.shown[-1] == ("new", 9)


def test_stop_does_not_end_a_refinement():
    log = Log(n_steps=10)
    log.newest.ask("long")
    log.newest.stop()
    log.allow(10)
    assert log.newest.wait(SECONDS)
    assert log.shown == [("long", 0)]


def test_after_a_stop_nothing_can_be_asked_for():
    log = Log(n_steps=2)
    log.newest.stop()
    log.newest.ask("next")
    log.allow(2)
    assert log.newest.wait(SECONDS)
    assert log.shown == [("next", 0), ("next", 1)]


def test_an_error_is_not_told_or_ends_the_explorer():
    log = Log()
    log.allow(2)
    log.newest.ask("bad")
    assert log.newest.wait(SECONDS)
    assert [str(error) for error in log.failed] == ["bad must not be asked for."]
    log.newest.ask("good")
    assert log.newest.wait(SECONDS)
    assert log.shown == [("good", 0)]


def test_an_error_of_an_outdated_request_is_told():
    log = Log()
    log.newest.ask("bad")
    while log.newest._waiting:
        pass
    log.newest.ask("good")
    log.allow(2)
    assert log.newest.wait(SECONDS)
    assert (log.failed, log.shown) == ([], [("good", 0)])


def test_a_hundred_fast_moves_leave_another_state_or_something_running():
    threads = set(threading.enumerate())
    explorer = explorers.explore_attention()
    for move in range(100):
        explorer.controls["row"].value = move % 8
        explorer.controls["column"].value = move // 8 % 8
    assert explorer.wait(SECONDS)
    expected = attention.AttentionState(row=99 % 8, column=99 // 8 % 8)
    assert equal(explorer.drawing, attention.attention_figure(expected))
    for thread in set(threading.enumerate()) - threads:
        thread.join(SECONDS)
    assert set(threading.enumerate()) <= threads


def test_an_error_in_drawing_is_not_told_as_a_sentence():
    explorer = explorers.explore_integrated_gradients()
    before = explorer.drawing
    explorer.controls["baseline"].options = [*explorer.controls["baseline"].options, "<b>pink</b>"]
    explorer.controls["baseline"].value = "<b>pink</b>"
    assert explorer.wait(SECONDS)
    assert explorer.sentence.startswith("Baseline must be one of black, ")
    assert "<b>" not in explorer._sentence.value
    assert explorer.drawing is before
    explorer.controls["baseline"].value = "white"
    assert explorer.wait(SECONDS)
    assert explorer.sentence == ""


def test_a_long_computation_goes_on_when_something_newer_waits():
    begun, may_ask, calls = threading.Event(), threading.Event(), []

    def work(request):
        yield request, "first"
        for step in range(1000):
            calls.append(step)
            begun.set()
            assert may_ask.wait(SECONDS)
            give_way()
        yield request, "last"

    shown = []
    newest = NewestWins(work, shown.append, shown.append)
    newest.ask("old")
    assert begun.wait(SECONDS)
    newest.stop()
    may_ask.set()
    assert newest.wait(SECONDS)
    assert calls == [0]
    newest.ask("new")
    assert newest.wait(SECONDS)
    assert shown == [("old", "first"), ("new", "first"), ("new", "last")]


def test_way_is_given_where_no_explorer_works():
    give_way()


# Pointing


def point(explorer, panel, down, right):
    """Do what the picture does when it is pressed."""
    place = explorer.drawing.places[panel]
    x, y = place.left + right * place.width, place.top + down * place.height
    (field,) = [child for child in explorer.box.children if "course-pointed" in child._dom_classes]
    field.value = f"{x:.4f} {y:.4f}"
    assert explorer.wait(SECONDS)


@pytest.mark.parametrize("panel", [0, 1, 2])
def test_the_patch_under_the_cursor_is_not_the_one_that_is_shown(panel):
    explorer = explorers.explore_attention()
    explorer.controls["token"].value = "class token"
    point(explorer, panel, 6.5 / 8, 1.5 / 8)
    assert equal(
        explorer.drawing, attention.attention_figure(attention.AttentionState(row=6, column=1))
    )


@pytest.mark.parametrize(("image", "side"), [(SCENE, 64), ("photo of a cat", 224)])
@pytest.mark.parametrize("panel", [0, 1])
def test_the_pixel_under_the_cursor_is_not_the_one_that_is_shown(image, side, panel):
    explorer = explorers.explore_gradient()
    explorer.controls["image"].value = image
    assert explorer.wait(SECONDS)
    point(explorer, panel, 0.303, 0.998)
    row, column = re.search(r"around row (\d+), column (\d+)", explorer.drawing.alt).groups()
    exact = 1 if side == 64 else 3  # a step of a slider is one percent
    assert 0 <= int(row) - int(0.303 * side) < exact
    assert int(column) == side - 1


@pytest.mark.parametrize(
    ("panel", "down", "right"), [(2, 0.5, 0.5), (0, -0.1, 0.5), (1, 0.5, 1.01)]
)
def test_pointing_beside_the_maps_changes_something(panel, down, right):
    explorer = explorers.explore_gradient()
    before = explorer.drawing
    point(explorer, panel, down, right)
    assert explorer.drawing is before


def test_two_controls_that_are_set_by_one_click_are_drawn_one_after_the_other():
    explorer = explorers.explore_attention()
    drawn = []
    show = explorer._work._show
    explorer._work._show = lambda drawing: (drawn.append(drawing), show(drawing))
    point(explorer, 0, 0.1, 0.1)
    assert len(drawn) == 1


# The student's own picture


def encoded(picture, kind, **options):
    file = io.BytesIO()
    picture.save(file, kind, **options)
    return file.getvalue()


def left_half_white(width=90, height=60, mode="RGB"):
    picture = Image.new("RGB", (width, height), "black")
    picture.paste("white", (0, 0, width // 2, height))
    return picture.convert(mode)


def turned_by_exif():
    exif = Image.Exif()
    exif[0x0112] = 6  # "turn by 90 degrees clockwise to view"
    return encoded(left_half_white(), "JPEG", exif=exif)


PICTURES = {
    "png": encoded(left_half_white(), "PNG"),
    "palette": encoded(left_half_white(mode="P"), "PNG"),
    "jpeg": encoded(left_half_white(), "JPEG"),
    "cmyk": encoded(left_half_white(mode="CMYK"), "JPEG"),
    "grey": encoded(left_half_white(mode="L"), "PNG"),
    "transparent": encoded(left_half_white(mode="RGBA"), "PNG"),
    "gif": encoded(left_half_white(), "GIF"),
    "webp": encoded(left_half_white(), "WEBP"),
    "bmp": encoded(left_half_white(), "BMP"),
    "tiff": encoded(left_half_white(), "TIFF"),
    "large": encoded(left_half_white(6000, 4000), "PNG"),
    "tiny": encoded(left_half_white(2, 2), "PNG"),
}


def uploaded(explorer, content):
    """Do what the button does when a file was chosen."""
    (upload,) = [
        widget for widget in explorer.box.children[0].children if hasattr(widget, "accept")
    ]
    file = {"name": "a file", "type": "", "size": len(content)}
    when = datetime.datetime(2026, 1, 1)
    upload.value = [{**file, "last_modified": when, "content": memoryview(content)}]
    assert explorer.wait(SECONDS)


@pytest.fixture(scope="module")
def explorer():
    return explorers.explore_attention()


@pytest.mark.parametrize("name", PICTURES)
def test_a_picture_of_ones_own_is_not_shown(explorer, name):
    uploaded(explorer, PICTURES[name])
    assert explorer.sentence == ""
    assert "your picture" in explorer.drawing.alt
    expected = attention.AttentionState(PICTURES[name])
    assert equal(explorer.drawing, attention.attention_figure(expected))
    image = find_subject(PICTURES[name], "vision_transformer").images[0, 0]
    assert image[:, :12].mean() > 0.95
    assert image[:, -12:].mean() < 0.05


def test_a_picture_is_not_turned_as_its_camera_says(explorer):
    content = turned_by_exif()
    uploaded(explorer, content)
    image = find_subject(content, "vision_transformer").images[0, 0]
    assert image[:28].mean() > 0.95
    assert image[-28:].mean() < 0.05


@pytest.mark.parametrize(
    "content",
    [b"", b"no picture", PICTURES["png"][:60], b"%PDF-1.7 \x00\xff", PICTURES["jpeg"][:300]],
)
def test_a_file_that_is_no_picture_gets_no_sentence_or_replaces_the_picture(content):
    explorer = explorers.explore_attention()
    before, values = explorer.drawing, explorer.values()
    uploaded(explorer, content)
    assert explorer.sentence.startswith("File must be a picture that can be read (JPEG, PNG, ...)")
    assert "Traceback" not in explorer.sentence
    assert explorer.drawing is before
    assert explorer.values() == values
    explorer.controls["row"].value = 0
    assert explorer.wait(SECONDS)
    assert explorer.sentence == ""


def test_a_picture_of_too_many_pixels_is_unpacked():
    explorer = explorers.explore_attention()
    uploaded(explorer, encoded(Image.new("1", (9000, 9000)), "PNG"))
    assert explorer.sentence.startswith("File must have at most 60,000,000 pixels")


def test_a_second_picture_of_ones_own_is_not_shown(explorer):
    uploaded(explorer, PICTURES["png"])
    uploaded(explorer, PICTURES["tiny"])
    expected = attention.AttentionState(PICTURES["tiny"])
    assert equal(explorer.drawing, attention.attention_figure(expected))


def test_ones_own_picture_can_be_chosen_before_there_is_one_without_a_sentence():
    explorer = explorers.explore_attention()
    explorer.controls["image"].value = "your own picture"
    assert explorer.wait(SECONDS)
    assert explorer.sentence.startswith("There is no picture of your own yet")
