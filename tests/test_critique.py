import math
import warnings

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import spearmanr
from small_networks import cubes, small_cnn, some_images
from torch import nn
from torchvision.models import resnet18

from course_utils.critique import (
    ascend,
    direction_with_cosine,
    first_order_prediction,
    layers_top_down,
    mass_inside,
    randomise_layers,
    rank_correlation,
    region_effect,
)
from course_utils.gradients import class_score, vanilla_gradient


def norms(vectors):
    return torch.linalg.vector_norm(vectors, dim=(1, 2, 3))


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def test_mass_inside_on_paper():
    saliency = torch.tensor([[[1.0, -3.0], [0.0, 4.0]]])
    mask = torch.tensor([[[True, True], [False, False]]])
    assert mass_inside(saliency, mask).tolist() == [0.5]  # of magnitudes: (1 + 3) / 8


def test_an_empty_mask_is_no_hit_and_a_map_of_zeros_no_miss():
    saliency = torch.stack([torch.ones(2, 2), torch.zeros(2, 2), torch.zeros(2, 2)])
    mask = torch.tensor([[[False] * 2] * 2, [[True] * 2] * 2, [[False] * 2] * 2])
    assert mass_inside(saliency, mask).isnan().all()


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10_000), st.floats(0.01, 100))
def test_mass_inside_and_outside_sum_to_one_at_every_scale(seed, scale):
    saliency = scale * (some_images(4, seed=seed)[:, 0] - 0.5)
    mask = some_images(4, seed=seed + 1)[:, 0] > 0.7
    total = mass_inside(saliency, mask) + mass_inside(saliency, ~mask)
    torch.testing.assert_close(total, torch.ones_like(total))
    everywhere = torch.ones_like(mask)
    torch.testing.assert_close(mass_inside(saliency, everywhere), torch.ones_like(total))


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_rank_correlation_gives_ties_their_mean_rank(dtype):
    a, b = (torch.relu(some_images(3, seed=s, dtype=dtype)[:, 0] - 0.5) for s in (1, 2))
    expected = [spearmanr(x.flatten(), y.flatten()).statistic for x, y in zip(a, b, strict=True)]
    ours = rank_correlation(a, b)
    assert ours.dtype == dtype
    torch.testing.assert_close(ours, torch.tensor(expected, dtype=dtype))
    # Ranks [1, 2.5, 2.5, 4] and [1, 2, 3, 4]: r = 4.5 / √(4.5 · 5).
    ties = rank_correlation(torch.tensor([[0.0, 1, 1, 2]]), torch.tensor([[0.0, 1, 2, 3]]))
    assert ties.item() == pytest.approx(4.5 / math.sqrt(22.5))


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10_000))
def test_rank_correlation_sees_order_alone(seed):
    a, b = some_images(2, seed=seed), some_images(2, seed=seed + 1)
    torch.testing.assert_close(rank_correlation(a.exp(), b), rank_correlation(a, b))
    torch.testing.assert_close(rank_correlation(a, a**3), torch.ones(2, dtype=torch.float64))
    torch.testing.assert_close(rank_correlation(-a, b), -rank_correlation(a, b))


def test_rank_correlation_of_a_constant_map_is_nan_without_a_warning():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        both = rank_correlation(torch.zeros(2, 3, 4), some_images(2, 1, 3, 4)[:, 0].float())
    assert both.isnan().all()


def test_prediction_is_exact_for_a_linear_score_and_right_to_first_order_for_others():
    images, r = some_images(3), some_images(3, seed=7) - 0.5
    weights = some_images(1, seed=8)

    def linear(images):
        return (weights * images).sum(dim=(1, 2, 3)) + 5

    change = linear(images + r) - linear(images)
    torch.testing.assert_close(first_order_prediction(linear, images, r), change)

    f = class_score(small_cnn(), 1)
    with torch.no_grad():
        change = f(images + 1e-6 * r) - f(images)
    predicted = first_order_prediction(f, images, 1e-6 * r)
    torch.testing.assert_close(predicted, change, rtol=1e-3, atol=1e-12)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10_000), st.floats(-1, 1), st.sampled_from([torch.float32, torch.float64]))
def test_direction_has_length_one_the_cosine_and_lies_in_the_plane(seed, cosine, dtype):
    gradient, other = (
        torch.randn(3, 2, 4, 5, generator=seeded(seed + i), dtype=dtype) for i in (0, 1)
    )
    direction = direction_with_cosine(gradient, other, cosine)
    assert direction.dtype == dtype
    tolerance = 1e-6 if dtype == torch.float32 else 1e-12
    torch.testing.assert_close(norms(direction), torch.ones(3, dtype=dtype), rtol=0, atol=tolerance)
    found = (direction * gradient).sum(dim=(1, 2, 3)) / norms(gradient)
    torch.testing.assert_close(found, torch.full((3,), cosine, dtype=dtype), rtol=0, atol=tolerance)
    vectors = torch.stack([gradient, other, direction], dim=1).flatten(2).double()  # (3, 3, 40)
    assert (torch.linalg.svdvals(vectors)[:, 2] < 1e-5).all()
    beside = direction - cosine * gradient / norms(gradient)[:, None, None, None]
    assert ((beside * other).sum(dim=(1, 2, 3)) > -tolerance).all()


def test_direction_of_parallel_vectors_is_refused():
    gradient = some_images(2)
    with pytest.raises(ValueError, match="parallel"):
        direction_with_cosine(gradient, -2 * gradient, 0.5)
    with pytest.raises(ValueError, match="gradient must not be zero"):
        direction_with_cosine(0 * gradient, gradient, 0.5)


def test_region_effect_replaces_the_region_alone_and_in_all_channels():
    images, baselines = some_images(2), torch.zeros(2, 3, 12, 9).double()
    mask = torch.zeros(2, 12, 9, dtype=torch.bool)
    mask[0, 2:5, 3:4] = True

    effect = region_effect(cubes, images, mask, baselines)
    assert effect[0].item() == pytest.approx((images[0, :, 2:5, 3:4] ** 3).sum().item())
    assert effect[1].item() == 0


def test_a_large_region_outweighs_a_salient_small_one():
    weights = torch.full((1, 1, 6, 6), 0.1, dtype=torch.float64)
    weights[..., 0, 0] = 1.0  # the beak: ten times the gradient of a pixel of the wings

    def f(images):
        return (weights * images).sum(dim=(1, 2, 3))

    images = torch.ones(1, 1, 6, 6).double()
    beak = torch.zeros(1, 6, 6, dtype=torch.bool)
    beak[0, 0, 0] = True
    effects = [region_effect(f, images, region, 0 * images).item() for region in (beak, ~beak)]
    assert effects == pytest.approx([1.0, 3.5])


def test_ascent_goes_along_the_gradient_by_steps_of_that_length_and_leaves_the_box():
    images = some_images(2)
    way = ascend(cubes, images, 0.5, 30)
    assert way.shape == (2, 31, 3, 12, 9)
    assert torch.equal(way[:, 0], images)
    steps = way.diff(dim=1)
    torch.testing.assert_close(norms(steps.flatten(0, 1)), torch.full((60,), 0.5).double())
    gradient = vanilla_gradient(cubes, way[:, 7])
    torch.testing.assert_close(steps[:, 7], 0.5 * gradient / norms(gradient)[:, None, None, None])
    assert (cubes(way.flatten(0, 1)).view(2, 31).diff(dim=1) > 0).all()
    assert way.max() > 1


def state(model):
    return {name: values.clone() for name, values in model.state_dict().items()}


def test_randomising_goes_from_the_logits_down_and_leaves_the_model():
    model = small_cnn()
    before = state(model)
    assert layers_top_down(model) == ["classify", "branch", "norm", "stem"]
    for n_layers in range(5):
        copy = randomise_layers(model, n_layers, seeded())
        changed = {
            name.split(".")[0]
            for name, values in copy.state_dict().items()
            if not torch.equal(values, before[name])
        }
        assert changed == set(layers_top_down(model)[:n_layers])
    assert all(torch.equal(values, before[name]) for name, values in model.state_dict().items())


def test_every_floating_point_parameter_and_buffer_is_randomised():
    model = resnet18(num_classes=7).eval()  # fresh: many of its tensors are all zero or all one
    copy = randomise_layers(model, len(layers_top_down(model)), seeded())
    for name, values in copy.state_dict().items():
        original = model.state_dict()[name]
        if values.is_floating_point():
            # Of millions of random numbers a few may come out the same by chance.
            assert (values == original).double().mean() < 1e-5, name
        else:
            assert torch.equal(values, original), name
        if "running_var" in name:
            assert values.min() > 0, name
    assert copy(some_images(2, 3, 64, 64, dtype=torch.float32)).isfinite().all()


def test_numbers_directly_in_the_model_are_randomised_last():
    class Positions(nn.Module):
        def __init__(self):
            super().__init__()
            self.positions = nn.Parameter(torch.ones(3))
            self.register_buffer("scale", torch.ones(2))
            self.head = nn.Linear(3, 2)

    model = Positions()
    assert layers_top_down(model) == ["head", ""]
    copy = randomise_layers(model, 2, seeded())
    assert not (copy.positions == 1).any()
    assert not (copy.scale == 1).any()
    assert copy.positions.requires_grad


def test_one_more_layer_leaves_the_upper_ones_as_they_were():
    two, three = (randomise_layers(small_cnn(), n, seeded(3)) for n in (2, 3))
    assert torch.equal(two.classify.weight, three.classify.weight)
    assert torch.equal(two.branch.weight, three.branch.weight)
    assert not torch.equal(two.norm.running_var, three.norm.running_var)


def test_more_layers_than_there_are_is_refused():
    with pytest.raises(ValueError, match="at most 4"):
        randomise_layers(small_cnn(), 5, seeded())
