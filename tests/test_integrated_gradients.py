import pytest
import torch
from captum.attr import IntegratedGradients
from hypothesis import given, settings
from hypothesis import strategies as st
from small_networks import cubes, small_cnn, some_images

from course_utils.gradients import class_score, vanilla_gradient
from course_utils.integrated_gradients import (
    completeness_gap,
    integrated_gradients,
    mean_path_gradient,
    quadrature,
    straight_path,
)

CAPTUM = {"midpoint": "riemann_middle", "right": "riemann_right", "gauss-legendre": "gausslegendre"}


@pytest.mark.parametrize(
    "f",
    [
        lambda x: torch.relu(torch.relu(x[:, 0, 0, 0]) - 1 - torch.relu(x[:, 0, 0, 1])),
        lambda x: torch.relu(torch.relu(x[:, 0, 0, 0] - 1) - torch.relu(x[:, 0, 0, 1])),
    ],
)
def test_two_networks_of_one_function_have_the_papers_attributions(f):
    images = torch.tensor([3.0, 1.0], dtype=torch.float64).view(1, 1, 1, 2)
    baselines = torch.zeros_like(images)
    attributions = integrated_gradients(f, images, baselines, 10_000)
    torch.testing.assert_close(
        attributions.flatten(), torch.tensor([1.5, -0.5], dtype=torch.float64), rtol=0, atol=1e-4
    )


def test_image_minus_baseline_makes_the_difference_between_notes_and_paper():
    images, baselines = some_images(2), some_images(2, seed=5)
    gradient = mean_path_gradient(cubes, images, baselines, 20)
    attributions = integrated_gradients(cubes, images, baselines, 20)
    torch.testing.assert_close(attributions, (images - baselines) * gradient)


@pytest.mark.parametrize("rule", CAPTUM)
@pytest.mark.parametrize("n", [1, 5])
@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("n_steps", [2, 7, 50])
def test_integrated_gradients_are_captums(rule, n, channels, n_steps):
    model, images = small_cnn(channels), some_images(n, channels)
    baselines = some_images(n, channels, seed=9)
    f = class_score(model, 1)
    for times_inputs, ours in [(True, integrated_gradients), (False, mean_path_gradient)]:
        peer = IntegratedGradients(model, multiply_by_inputs=times_inputs).attribute(
            images, baselines, target=1, n_steps=n_steps, method=CAPTUM[rule]
        )
        torch.testing.assert_close(
            ours(f, images, baselines, n_steps, rule=rule), peer, rtol=1e-6, atol=1e-9
        )


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_precision_and_shape_are_those_of_the_images(dtype):
    images = some_images(3, 1, 5, 8, dtype=dtype)
    attributions = integrated_gradients(cubes, images, torch.zeros_like(images), 16)
    assert attributions.dtype == dtype
    torch.testing.assert_close(attributions, images**3, rtol=2e-3, atol=1e-6)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10_000), st.integers(2, 60))
def test_attributions_of_a_smooth_score_add_up(seed, n_steps):
    images, baselines = some_images(2, 1, 3, 4, seed=seed), some_images(2, 1, 3, 4, seed=seed + 1)
    gauss = integrated_gradients(cubes, images, baselines, n_steps, rule="gauss-legendre")
    gap = completeness_gap(cubes, images, baselines, gauss)
    assert gap.abs().max() < 1e-10  # exact: the gradient is a polynomial of degree 2
    middle = integrated_gradients(cubes, images, baselines, n_steps)
    gap = completeness_gap(cubes, images, baselines, middle)
    # The midpoint rule misses ∫ g by g'' / (24 n²), and g'' = 6 (I − B)³ summed over the pixels.
    expected = -6 * ((images - baselines) ** 3).sum(dim=(1, 2, 3)) / (24 * n_steps**2)
    torch.testing.assert_close(gap, expected, rtol=1e-6, atol=1e-10)


def test_completeness_gap_of_a_missing_factor_is_seen():
    images, baselines = some_images(2), torch.zeros_like(some_images(2))
    gradient = mean_path_gradient(cubes, images, baselines, 50)
    assert completeness_gap(cubes, images, baselines, gradient).abs().min() > 1
    assert torch.equal(
        completeness_gap(cubes, images, baselines, baselines), -cubes(images) + cubes(baselines)
    )


def test_every_image_has_its_own_baseline():
    images, baselines = some_images(4), some_images(4, seed=3)
    alone = [
        integrated_gradients(cubes, image[None], baseline[None], 9)
        for image, baseline in zip(images, baselines, strict=True)
    ]
    together = integrated_gradients(cubes, images, baselines, 9)
    torch.testing.assert_close(together, torch.cat(alone))


def test_path_goes_from_baseline_to_image_and_arrives():
    baselines, images = some_images(2), some_images(2, seed=4)
    path = straight_path(baselines, images, 4, rule="right")
    assert path.shape == (2, 4, *images.shape[1:])
    torch.testing.assert_close(path[:, 0], baselines + (images - baselines) / 4)
    torch.testing.assert_close(path[:, -1], images)
    middles = straight_path(baselines, images, 2)
    torch.testing.assert_close(middles[:, 1], baselines + 0.75 * (images - baselines))


@pytest.mark.parametrize("rule", CAPTUM)
def test_mean_path_gradient_looks_at_the_points_of_the_path(rule):
    f, images, baselines = class_score(small_cnn(), 3), some_images(2), some_images(2, seed=6)
    path = straight_path(baselines, images, 11, rule=rule)
    gradients = vanilla_gradient(f, path.flatten(0, 1)).unflatten(0, (2, 11))
    weights = quadrature(11, rule)[1][:, None, None, None]
    torch.testing.assert_close(
        mean_path_gradient(f, images, baselines, 11, rule=rule), (weights * gradients).sum(dim=1)
    )


@pytest.mark.parametrize("rule", CAPTUM)
@pytest.mark.parametrize("n_steps", [1, 2, 50, 301])
def test_weights_of_every_rule_sum_to_one(rule, n_steps):
    alpha, weights = quadrature(n_steps, rule)
    assert weights.sum().item() == pytest.approx(1, abs=1e-12)
    assert (alpha * weights).sum().item() == pytest.approx(
        0.5 if rule != "right" else 0.5 + 0.5 / n_steps, abs=1e-12
    )


def test_batches_that_f_sees_do_not_grow_with_the_number_of_steps():
    sizes = []

    def f(images):
        sizes.append(len(images))
        return images.sum(dim=(1, 2, 3))

    integrated_gradients(f, some_images(2), torch.zeros(2, 3, 12, 9), 300)
    assert sum(sizes) == 600
    assert max(sizes) < 32


def test_unknown_rule_is_refused():
    with pytest.raises(ValueError, match=r"rule must be .*trapezoid"):
        straight_path(some_images(), some_images(), 5, rule="trapezoid")
