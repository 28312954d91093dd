"""Figures: what is drawn is what was given, on one scale, in words as well."""

import base64
import io
import json
import re
import subprocess
import sys

import matplotlib
import numpy as np
import pytest
import torch
from PIL import Image
from skimage.color import rgb2lab

from course_utils.captions import CaptionedFigure
from course_utils.photos import load_photo
from course_utils.plotting import (
    CHANNEL_COLOURS,
    LINE_COLOURS,
    MAGNITUDE,
    SIGNED,
    Plane,
    plot_attack,
    plot_curves,
    plot_images,
    plot_magnitude_maps,
    plot_overlays,
    plot_planes,
    plot_scores,
    plot_signed_maps,
)

WORDS = {
    "alt": "Large values around the cat's left eye and on its nose.",
    "caption": "The gradient of the tabby's score.",
}
UNIT = "score per unit of pixel value"


def noise(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def pictures(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.rand(*shape, generator=torch.Generator().manual_seed(seed))


def panels(figure) -> list:
    """The axes that hold a picture, without colour bars."""
    return [axes for axes in figure.axes if axes.get_label() != "<colorbar>" and axes.images]


def colour_bar(figure):
    (bar,) = [axes for axes in figure.axes if axes.get_label() == "<colorbar>"]
    return bar


def titles(figure) -> list[str]:
    return [axes.get_title() for axes in panels(figure)]


def linear(images: torch.Tensor) -> torch.Tensor:
    """3 (pixel 1) − (pixel 2)."""
    return 3 * images[:, 0, 0, 0] - images[:, 0, 0, 1]


# Every function once, with what makes it complain, for what must hold of all of them.
FIGURES = {
    "images": lambda **words: plot_images(pictures(2, 3, 8, 8), ["a", "b"], **words),
    "signed maps": lambda **words: plot_signed_maps(noise(8, 8), ["a"], unit=UNIT, **words),
    "magnitude maps": lambda **words: plot_magnitude_maps(
        pictures(8, 8), ["a"], unit=UNIT, **words
    ),
    "overlays": lambda **words: plot_overlays(
        pictures(3, 8, 8), pictures(8, 8), ["a"], unit=UNIT, **words
    ),
    "attack": lambda **words: plot_attack(
        pictures(3, 8, 8), pictures(3, 8, 8, seed=1), ("cat", "dog"), **words
    ),
    "curves": lambda **words: plot_curves(
        torch.arange(5.0), noise(2, 5), ["a", "b"], xlabel="step", ylabel="score", **words
    ),
    "scores": lambda **words: plot_scores(pictures(4), list("abcd"), xlabel="probability", **words),
    "planes": lambda **words: plot_planes([Plane(linear, "linear")], unit="score", **words),
}


@pytest.mark.parametrize("draw", FIGURES.values(), ids=FIGURES)
class TestEveryFigure:
    def test_carries_its_words_and_is_not_left_open_in_pyplot(self, draw):
        import matplotlib.pyplot as plt

        figure = draw(**WORDS)
        assert isinstance(figure, CaptionedFigure)
        assert (figure.alt, figure.caption) == (WORDS["alt"], WORDS["caption"])
        assert plt.get_fignums() == [], "a cell would show the figure a second time"

    def test_shows_its_words_in_the_html(self, draw):
        html = draw(**WORDS).html()
        assert 'alt="Large values around the cat&#x27;s left eye and on its nose."' in html
        assert "<figcaption>The gradient of the tabby&#x27;s score.</figcaption>" in html

    @pytest.mark.parametrize(
        "alt", ["", "  ", "Figure 1", "A saliency map", "image of the results", "plot.png", "cat"]
    )
    def test_refuses_alt_text_that_says_nothing(self, draw, alt):
        with pytest.raises(ValueError, match="alt must say"):
            draw(alt=alt, caption=WORDS["caption"])

    @pytest.mark.parametrize("caption", ["", "Figure 3.", "The image and the map"])
    def test_refuses_a_caption_that_says_nothing(self, draw, caption):
        with pytest.raises(ValueError, match="caption must say"):
            draw(alt=WORDS["alt"], caption=caption)

    def test_refuses_words_that_are_no_text(self, draw):
        with pytest.raises(TypeError, match="alt must be a text, got NoneType"):
            draw(alt=None, caption=WORDS["caption"])

    def test_refuses_the_caption_as_alt_text(self, draw):
        with pytest.raises(ValueError, match="got one text"):
            draw(alt=WORDS["alt"], caption=WORDS["alt"] + " ")

    def test_leaves_matplotlibs_settings_alone(self, draw):
        before = dict(matplotlib.rcParams)
        draw(**WORDS).webp()
        assert dict(matplotlib.rcParams) == before

    def test_is_small_and_opaque_and_as_wide_as_a_notebook_at_most(self, draw):
        webp = draw(**WORDS).webp()
        picture = Image.open(io.BytesIO(webp))
        assert picture.mode == "RGB", "transparent figures are illegible in a dark theme"
        assert picture.width <= 800
        assert len(webp) < 50_000
        assert min(picture.getpixel((0, 0))) > 250


def test_the_html_holds_the_picture_itself():
    figure = FIGURES["curves"](**WORDS)
    data = re.search(r'src="data:image/webp;base64,([^"]+)"', figure.html()).group(1)
    assert base64.b64decode(data) == figure.webp()


def test_three_photographs_beside_a_noisy_map_fit_into_a_notebook():
    photos = torch.cat([load_photo(name) for name in ("chelsea", "coffee", "rocket")])
    assert len(plot_images(photos, ["", "", ""], **WORDS).webp()) < 60_000
    noisy = plot_signed_maps(noise(2, 224, 224), ["", ""], unit=UNIT, image=photos[0], **WORDS)
    assert len(noisy.webp()) < 100_000


@pytest.mark.parametrize("setup", ["", "%matplotlib inline\n"])
@pytest.mark.parametrize("last_line", ["figure", "display(figure)"])
def test_a_cell_shows_the_figure_once_with_its_words(tmp_path, setup, last_line):
    """In a kernel, as a notebook's cell; the output that would be stored is read."""
    cell = (
        f"{setup}import torch\n"
        "from course_utils.plotting import plot_images\n"
        f"figure = plot_images(torch.zeros(1, 3, 4, 4), ['x'], **{WORDS!r})\n"
        f"{last_line}"
    )
    program = (
        "import json, sys, nbformat\n"
        "from nbclient import NotebookClient\n"
        "notebook = nbformat.v4.new_notebook(\n"
        "    cells=[nbformat.v4.new_code_cell(sys.argv[1])])\n"
        "NotebookClient(notebook, kernel_name='python3').execute()\n"
        "print(json.dumps(notebook.cells[0].outputs))\n"
    )
    run = subprocess.run([sys.executable, "-c", program, cell], capture_output=True, text=True)
    assert run.returncode == 0, run.stderr[-2000:]
    (output,) = json.loads(run.stdout.splitlines()[-1])
    assert output["output_type"] == "display_data"
    assert set(output["data"]) == {"text/html", "text/plain"}
    assert output["data"]["text/html"].count("<img ") == 1
    assert WORDS["alt"] in output["data"]["text/plain"]


# Colours


def lightness(colour_map: str) -> np.ndarray:
    colours = matplotlib.colormaps[colour_map](np.linspace(0, 1, 65))[:, :3]
    return rgb2lab(colours[None])[0, :, 0]


@pytest.mark.parametrize("colour_map", [SIGNED, MAGNITUDE])
def test_every_colour_map_orders_values_in_black_and_white_too(colour_map):
    steps = np.diff(lightness(colour_map))
    assert (steps > 0).all()
    assert lightness(colour_map)[-1] - lightness(colour_map)[0] > 70


def test_zero_is_a_neutral_grey_on_a_signed_map():
    red, green, blue, _ = matplotlib.colormaps[SIGNED](0.5)
    assert max(red, green, blue) - min(red, green, blue) < 0.06


# Images


def test_images_are_drawn_unchanged_under_their_titles():
    images = pictures(3, 3, 6, 9)
    figure = plot_images(images, ["a", "b", "c"], **WORDS)
    assert titles(figure) == ["a", "b", "c"]
    for axes, image in zip(panels(figure), images, strict=True):
        drawn = np.asarray(axes.images[0].get_array())
        assert drawn == pytest.approx(image.permute(1, 2, 0).numpy())


def test_grey_images_are_drawn_from_black_at_zero_to_white_at_one():
    figure = plot_images(0.2 + 0.1 * pictures(1, 1, 5, 5), ["dim"], **WORDS)
    (drawn,) = panels(figure)[0].images
    assert drawn.get_clim() == (0, 1), "stretched contrast would hide that the image is dim"
    assert drawn.get_cmap().name == "gray"


def test_a_single_image_needs_no_batch():
    assert titles(plot_images(pictures(3, 5, 5), ["one"], **WORDS)) == ["one"]


def test_many_images_wrap_into_rows():
    figure = plot_images(pictures(7, 1, 5, 5), list("abcdefg"), columns=3, **WORDS)
    assert titles(figure) == list("abcdefg")
    rows = {axes.get_subplotspec().rowspan.start for axes in panels(figure)}
    assert rows == {0, 1, 2}


# Maps


def test_signed_maps_share_one_scale_symmetric_around_zero():
    maps = torch.stack([noise(20, 30), 5 * noise(20, 30, seed=1) + 3])
    figure = plot_signed_maps(maps, ["small", "large"], unit=UNIT, saturate=0, **WORDS)
    limits = [axes.images[0].get_clim() for axes in panels(figure)]
    largest = maps.abs().max().item()
    assert limits == [pytest.approx((-largest, largest))] * 2
    for axes, values in zip(panels(figure), maps, strict=True):
        assert np.asarray(axes.images[0].get_array()) == pytest.approx(values.numpy())
        assert axes.images[0].get_cmap().name == SIGNED


def test_magnitude_maps_share_one_scale_from_zero():
    maps = torch.stack([1 + pictures(9, 9), 4 * pictures(9, 9, seed=1)])
    figure = plot_magnitude_maps(maps, ["a", "b"], unit=UNIT, saturate=0, **WORDS)
    limits = [axes.images[0].get_clim() for axes in panels(figure)]
    assert limits == [pytest.approx((0, maps.max().item()))] * 2
    assert {axes.images[0].get_cmap().name for axes in panels(figure)} == {MAGNITUDE}


def test_the_colour_bar_names_the_unit_and_shows_what_lies_beyond():
    maps = noise(40, 40)
    exact = plot_signed_maps(maps, ["a"], unit=UNIT, saturate=0, **WORDS)
    cut = plot_signed_maps(maps, ["a"], unit=UNIT, saturate=0.1, **WORDS)
    assert colour_bar(exact).get_ylabel() == UNIT
    assert panels(exact)[0].images[0].colorbar.extend == "neither"
    assert panels(cut)[0].images[0].colorbar.extend == "both"
    limit = panels(cut)[0].images[0].get_clim()[1]
    assert (maps.abs() > limit).float().mean().item() == pytest.approx(0.1, abs=0.002)


def test_the_image_stands_before_its_maps_and_not_on_their_scale():
    image = pictures(1, 3, 8, 8)
    figure = plot_signed_maps(100 * noise(2, 8, 8), ["a", "b"], unit=UNIT, image=image, **WORDS)
    assert titles(figure) == ["image", "a", "b"]
    drawn = np.asarray(panels(figure)[0].images[0].get_array())
    assert drawn == pytest.approx(image[0].permute(1, 2, 0).numpy())


@pytest.mark.parametrize("plot", [plot_signed_maps, plot_magnitude_maps])
def test_maps_that_are_zero_or_nearly_so_have_a_scale(plot):
    one_pixel = torch.zeros(20, 20)
    one_pixel[3, 4] = 2
    for maps, limit in ((torch.zeros(20, 20), 1), (one_pixel, 2)):
        figure = plot(maps, ["a"], unit=UNIT, **WORDS)
        assert panels(figure)[0].images[0].get_clim()[1] == limit
        figure.webp()


def test_maps_of_any_precision_and_grad_are_drawn_and_left_alone():
    maps = noise(2, 8, 8).double().requires_grad_()
    plot_signed_maps(maps, ["a", "b"], unit=UNIT, **WORDS)
    assert maps.requires_grad
    assert maps.grad is None


def test_negative_values_are_refused_where_no_sign_is_shown():
    with pytest.raises(ValueError, match="use plot_signed_maps"):
        plot_magnitude_maps(noise(8, 8), ["a"], unit=UNIT, **WORDS)
    with pytest.raises(ValueError, match="must not be negative"):
        plot_overlays(pictures(3, 8, 8), noise(8, 8), ["a"], unit=UNIT, **WORDS)


def test_overlays_are_grey_images_under_maps_on_one_scale():
    image, maps = pictures(3, 8, 8), torch.stack([pictures(8, 8), 3 * pictures(8, 8, seed=1)])
    figure = plot_overlays(image, maps, ["a", "b"], unit=UNIT, **WORDS)
    assert titles(figure) == ["a", "b"]
    for axes, values in zip(panels(figure), maps, strict=True):
        below, above = axes.images
        assert np.asarray(below.get_array()) == pytest.approx(image.mean(dim=0).numpy())
        assert below.get_cmap().name == "gray"
        assert np.asarray(above.get_array()) == pytest.approx(values.numpy())
        assert above.get_clim() == pytest.approx((0, maps.max().item()))
    assert colour_bar(figure).get_ylabel() == UNIT


def test_an_overlay_covers_nothing_where_the_map_is_zero():
    values = torch.zeros(8, 8)
    values[2, 3] = 1
    figure = plot_overlays(pictures(3, 8, 8), values, ["a"], unit=UNIT, **WORDS)
    alpha = panels(figure)[0].images[1].get_alpha()
    assert alpha[2, 3] > 0.5
    assert (np.delete(alpha.ravel(), 2 * 8 + 3) == 0).all()


def test_an_overlay_encloses_half_of_the_largest_value():
    ramp = torch.linspace(0, 1, 11).expand(11, 11).contiguous()
    figure = plot_overlays(pictures(3, 11, 11), ramp, ["a"], unit=UNIT, **WORDS)
    (contour,) = panels(figure)[0].collections
    assert contour.get_paths()[0].vertices[:, 0] == pytest.approx(np.full(11, 5.0))


# Attacks


def test_the_perturbation_is_drawn_around_grey_with_the_stated_magnification():
    image = torch.full((1, 3, 6, 6), 0.5)
    attacked = image.clone()
    attacked[0, 0, 0, 0] += 0.004
    attacked[0, 1, 2, 3] -= 0.003
    figure = plot_attack(image, attacked, ("cat, 0.9", "dog, 0.8"), **WORDS)
    before, perturbation, after = [
        np.asarray(axes.images[0].get_array()) for axes in panels(figure)
    ]
    assert before == pytest.approx(0.5)
    assert perturbation[0, 0] == pytest.approx([0.5 + 100 * 0.004, 0.5, 0.5], abs=1e-4)
    assert perturbation[2, 3] == pytest.approx([0.5, 0.5 - 100 * 0.003, 0.5], abs=1e-4)
    assert perturbation[5, 5] == pytest.approx([0.5, 0.5, 0.5])
    assert after == pytest.approx(attacked[0].permute(1, 2, 0).numpy())
    first, second, third = titles(figure)
    assert first == "image\ncat, 0.9"
    assert "magnified 100 times" in second
    assert "‖r‖∞ = 0.004, ‖r‖₂ = 0.005" in second
    assert third == "attacked image\ndog, 0.8"


@pytest.mark.parametrize(("eps", "m"), [(0.5, 1), (0.9, 1), (0.25, 2), (8 / 255, 10), (0.001, 500)])
def test_the_magnification_is_round_and_stays_in_the_box(eps, m):
    image = torch.zeros(1, 1, 4, 4)
    figure = plot_attack(image, image + eps, ("a", "b"), **WORDS)
    assert f"magnified {m} times" in titles(figure)[1]
    drawn = np.asarray(panels(figure)[1].images[0].get_array())
    assert drawn == pytest.approx(min(0.5 + m * eps, 1), abs=1e-5)


def test_an_attack_that_did_nothing_is_plain_grey():
    image = pictures(1, 3, 4, 4)
    figure = plot_attack(image, image, ("cat", "cat"), **WORDS)
    assert np.asarray(panels(figure)[1].images[0].get_array()) == pytest.approx(0.5)


# Curves and scores


def test_curves_are_drawn_with_their_labels_colours_and_different_dashes():
    x, curves = torch.linspace(0, 1, 7), noise(3, 7)
    figure = plot_curves(
        x,
        curves,
        ["red", "green", "blue"],
        xlabel="position",
        ylabel=UNIT,
        colours=CHANNEL_COLOURS,
        **WORDS,
    )
    (panel,) = figure.axes
    lines = [line for line in panel.lines if not line.get_label().startswith("_")]
    assert [line.get_label() for line in lines] == ["red", "green", "blue"]
    assert [line.get_color() for line in lines] == list(CHANNEL_COLOURS)
    assert len({line.get_linestyle() for line in lines}) == 3, "colour alone tells nobody"
    for line, curve in zip(lines, curves, strict=True):
        assert line.get_xdata() == pytest.approx(x.numpy())
        assert line.get_ydata() == pytest.approx(curve.numpy())
    assert (panel.get_xlabel(), panel.get_ylabel()) == ("position", UNIT)
    assert [text.get_text() for text in panel.get_legend().get_texts()] == ["red", "green", "blue"]


def test_error_bars_reach_as_far_as_the_errors():
    x, curves, errors = torch.arange(4.0), noise(2, 4), torch.rand(2, 4) + 0.1
    figure = plot_curves(x, curves, ["a", "b"], xlabel="x", ylabel=UNIT, errors=errors, **WORDS)
    (panel,) = figure.axes
    assert len(panel.collections) == 2
    for bars, curve, error in zip(panel.collections, curves, errors, strict=True):
        ends = np.stack([segment[:, 1] for segment in bars.get_segments()])  # (4, 2)
        assert ends == pytest.approx(np.stack([curve - error, curve + error], axis=1))


@pytest.mark.parametrize("plot", [plot_signed_maps, plot_magnitude_maps])
def test_maps_stand_in_as_many_columns_as_asked(plot):
    figure = plot(noise(6, 4, 4).abs(), list("abcdef"), unit=UNIT, columns=2, **WORDS)
    places = [panel.get_subplotspec() for panel in panels(figure)]
    assert [(place.rowspan.start, place.colspan.start) for place in places] == [
        (row, column) for row in range(3) for column in range(2)
    ]
    with pytest.raises(ValueError, match="columns must be at least 1"):
        plot(noise(2, 4, 4).abs(), ["a", "b"], unit=UNIT, columns=0, **WORDS)


def test_a_white_image_has_an_edge():
    figure = plot_images(torch.ones(1, 3, 4, 4), ["white"], **WORDS)
    (panel,) = panels(figure)
    (edge,) = panel.patches
    assert edge.get_window_extent().bounds == pytest.approx(panel.get_window_extent().bounds)
    assert edge.get_linewidth() > 0
    assert max(edge.get_edgecolor()[:3]) < 0.8


def test_the_largest_scores_are_drawn_from_the_top_with_their_names():
    scores = torch.tensor([0.1, 0.5, 0.05, 0.3, 0.05])
    names = ["ant", "bee", "cat", "dog", "elk"]
    figure = plot_scores(scores, names, xlabel="probability", k=3, **WORDS)
    (panel,) = figure.axes
    assert [label.get_text() for label in panel.get_yticklabels()] == ["bee", "dog", "ant"]
    assert [bar.get_width() for bar in panel.patches] == pytest.approx([0.5, 0.3, 0.1])
    assert [text.get_text() for text in panel.texts] == ["0.50", "0.30", "0.10"]
    assert panel.yaxis_inverted(), "the largest comes first"
    assert panel.get_xlabel() == "probability"


def test_few_classes_are_all_drawn_beside_their_image():
    figure = plot_scores(
        torch.tensor([-2.0, 1.0]),
        ["no", "yes"],
        xlabel="logit",
        image=pictures(1, 1, 5, 5),
        **WORDS,
    )
    shown, bars = figure.axes
    assert len(shown.images) == 1
    assert [bar.get_width() for bar in bars.patches] == [1, -2]


# Planes


def test_a_plane_shows_the_score_of_every_two_pixel_image_the_right_way_up():
    figure = plot_planes([Plane(linear, "linear")], unit="score", resolution=11, **WORDS)
    (panel,) = panels(figure)
    drawn = panel.images[0]
    assert drawn.origin == "lower"
    values = np.asarray(drawn.get_array())
    pixel_1, pixel_2 = 0.7, 0.2
    assert values[2, 7] == pytest.approx(3 * pixel_1 - pixel_2)
    assert drawn.get_clim() == pytest.approx((-3, 3))
    assert (panel.get_xlabel(), panel.get_ylabel()) == ("pixel 1", "pixel 2")
    (contour,) = panel.collections
    x, y = contour.get_paths()[0].vertices.T
    assert 3 * x - y == pytest.approx(0, abs=1e-6)


def test_planes_share_one_scale_around_the_boundary():
    planes = [Plane(linear, "steep"), Plane(lambda images: 0.1 * linear(images) + 0.5, "flat")]
    figure = plot_planes(planes, unit="probability", boundary=0.5, **WORDS)
    assert titles(figure) == ["steep", "flat"]
    limits = [axes.images[0].get_clim() for axes in panels(figure)]
    assert limits == [pytest.approx((0.5 - 2.5, 0.5 + 2.5))] * 2
    assert colour_bar(figure).get_ylabel() == "probability"


def test_points_arrows_and_paths_are_drawn_where_they_are():
    start, step = torch.tensor([0.2, 0.3]), torch.tensor([0.3, -0.1])
    path = torch.tensor([[0.1, 0.1], [0.2, 0.4], [0.9, 0.5]])
    plane = Plane(
        linear,
        "linear",
        points=torch.stack([start, start + step]),
        point_labels=["I", "I + r"],
        arrows=[(start, step)],
        paths={"BIM": path},
    )
    (panel,) = panels(plot_planes([plane], unit="score", **WORDS))
    drawn_path, dots = panel.lines
    assert drawn_path.get_xydata() == pytest.approx(path.numpy())
    assert dots.get_xydata() == pytest.approx(plane.points.numpy())
    assert [text.get_text() for text in panel.get_legend().get_texts()] == ["BIM"]
    arrow, *labels = panel.texts
    assert arrow.xyann == pytest.approx((0.2, 0.3)), "the tail is where the arrow starts"
    assert arrow.xy == pytest.approx((0.5, 0.2))
    assert [(label.get_text(), label.xy) for label in labels] == [
        ("I", pytest.approx((0.2, 0.3))),
        ("I + r", pytest.approx((0.5, 0.2))),
    ]


def test_a_score_without_a_boundary_in_the_plane_is_drawn_without_one(recwarn):
    figure = plot_planes([Plane(lambda images: 1 + linear(images) ** 2, "up")], unit="s", **WORDS)
    assert not panels(figure)[0].collections
    assert not recwarn.list


# Bad input


@pytest.mark.parametrize(
    ("draw", "message"),
    [
        (lambda: plot_images(pictures(2, 3, 8, 8), ["a"], **WORDS), "titles must be 2"),
        (lambda: plot_images(pictures(2, 2, 8, 8), ["a", "b"], **WORDS), "1 or 3 channels"),
        (lambda: plot_images(255 * pictures(1, 3, 8, 8), ["a"], **WORDS), r"lie in \[0, 1\]"),
        (lambda: plot_images(pictures(8, 8), ["a"], **WORDS), "4 axes"),
        (lambda: plot_images(pictures(1, 3, 8, 8), ["a"], columns=0, **WORDS), "at least 1"),
        (lambda: plot_signed_maps(noise(1, 3, 8, 8), ["a"], unit=UNIT, **WORDS), "3 axes"),
        (lambda: plot_signed_maps(noise(8, 8) / 0, ["a"], unit=UNIT, **WORDS), "finite"),
        (lambda: plot_signed_maps(noise(8, 8), ["a"], unit=" ", **WORDS), "what is measured"),
        (
            lambda: plot_signed_maps(noise(8, 8), ["a"], unit=UNIT, saturate=0.6, **WORDS),
            "saturate must be",
        ),
        (
            lambda: plot_signed_maps(
                noise(8, 8), ["a"], unit=UNIT, image=pictures(2, 3, 8, 8), **WORDS
            ),
            "single",
        ),
        (
            lambda: plot_overlays(pictures(3, 8, 8), pictures(7, 7), ["a"], unit=UNIT, **WORDS),
            "agree in N, H and W",
        ),
        (
            lambda: plot_attack(pictures(3, 8, 8), pictures(1, 8, 8), ("a", "b"), **WORDS),
            "same shape",
        ),
        (
            lambda: plot_attack(pictures(3, 8, 8), pictures(3, 8, 8), ("a",), **WORDS),
            "predictions must be 2",
        ),
        (
            lambda: plot_curves(
                torch.arange(3.0), noise(2, 4), ["a", "b"], xlabel="x", ylabel="y", **WORDS
            ),
            "each of the 3 points",
        ),
        (
            lambda: plot_curves(
                torch.arange(3.0), noise(8, 3), list("abcdefgh"), xlabel="x", ylabel="y", **WORDS
            ),
            f"at most {len(LINE_COLOURS)}",
        ),
        (
            lambda: plot_curves(
                torch.arange(3.0),
                noise(2, 3),
                ["a", "b"],
                xlabel="x",
                ylabel="y",
                errors=torch.ones(3),
                **WORDS,
            ),
            "curves and errors must have the same shape",
        ),
        (
            lambda: plot_curves(
                torch.arange(3.0),
                noise(1, 3),
                ["a"],
                xlabel="x",
                ylabel="y",
                errors=torch.tensor([[0.1, -0.1, 0.1]]),
                **WORDS,
            ),
            "errors must not be negative, got -0.1",
        ),
        (
            lambda: plot_scores(pictures(3), ["a", "b"], xlabel="p", **WORDS),
            "categories must be 3",
        ),
        (lambda: plot_planes([], unit="score", **WORDS), "one to three, got 0"),
        (
            lambda: plot_planes([Plane(lambda i: i.sum(), "s")], unit="score", **WORDS),
            "one score for each image",
        ),
        (
            lambda: plot_planes([Plane(linear, "s")], unit="score", low=1, high=1, **WORDS),
            "low must be below high",
        ),
    ],
)
def test_bad_input_is_refused_with_what_must_hold(draw, message):
    with pytest.raises(ValueError, match=message):
        draw()


@pytest.mark.parametrize(
    ("draw", "message"),
    [
        (lambda: plot_images("chelsea", ["a"], **WORDS), "images must be a torch.Tensor"),
        (lambda: plot_images(pictures(1, 3, 8, 8), "a", **WORDS), "sequence of texts"),
        (lambda: plot_signed_maps(np.zeros((8, 8)), ["a"], unit=UNIT, **WORDS), "torch.Tensor"),
        (lambda: plot_signed_maps(noise(8, 8), ["a"], unit=None, **WORDS), "unit must be a text"),
        (
            lambda: plot_scores(pictures(3), list("abc"), xlabel="p", k=2.5, **WORDS),
            "k must be a whole number",
        ),
    ],
)
def test_input_of_the_wrong_type_is_refused(draw, message):
    with pytest.raises(TypeError, match=message):
        draw()
