"""Bad input is refused with what must hold and what was got, by every public function."""

import inspect

import pytest
import torch
from every_reference import AttentiveCNN, arguments, public_functions
from small_networks import some_images
from torch import nn

FUNCTIONS = public_functions()


def good():
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = AttentiveCNN().double().eval()
    return arguments(model, some_images(2, 3, 12, 8))


def wrong_values(name, value):
    """What cannot stand in place of a valid argument."""
    if name == "bias":
        return [None, torch.zeros(2), float("nan"), "0"]
    if isinstance(value, torch.Tensor) and value.dtype == torch.bool:
        return [None, value.double(), value[:1], value[:, :1]]
    if isinstance(value, torch.Tensor) and value.dtype == torch.int64:
        return [None, value.tolist(), value.double(), value[:1], -value - 1, value + 100]
    if isinstance(value, torch.Tensor):
        broken = value.detach().clone()
        broken[(0,) * broken.ndim] = float("nan")
        return [None, 3, value.tolist(), value.long(), value[:0], broken]
    if isinstance(value, torch.Generator):
        return [0, "seed"]
    if isinstance(value, nn.Module):
        return [None, lambda images: images, nn.Sequential]
    if callable(value):
        return [None, 3, lambda images: images, lambda images: images.sum(), lambda images: 1.0]
    if isinstance(value, str):
        return [None, 3, "no.such.layer", ""]
    if isinstance(value, tuple):
        return [(0, 3), (2.5, 3), ("2", 3), (-1, -1)]
    if isinstance(value, list):
        return [[], [None], [value[0][0]], [value[0], value[0][:, :, :3, :3]]]
    if isinstance(value, int):
        return [None, 1.5, True, "1", -1, 10**6 if name in ("target", "n_layers") else -2]
    if name in ("cosine",):
        return [None, "1", float("nan"), 1.5]
    return [None, "1", True, float("nan"), float("inf"), -1.0]


def call(function, given):
    result = FUNCTIONS[function](*given)
    if function == "class_score":  # it learns how many classes there are from the logits
        result(some_images(2, 3, 12, 8))


CASES = [
    (function, position, parameter, i)
    for function, given in good().items()
    for position, (parameter, value) in enumerate(
        zip(inspect.signature(FUNCTIONS[function]).parameters, given, strict=False)
    )
    for i in range(len(wrong_values(parameter, value)))
]


@pytest.mark.parametrize(("function", "position", "parameter", "i"), CASES)
def test_bad_input_is_refused_by_name(function, position, parameter, i):
    given = list(good()[function])
    given[position] = wrong_values(parameter, given[position])[i]
    with pytest.raises((TypeError, ValueError)) as error:
        call(function, given)
    message = str(error.value)
    assert "must" in message
    assert "got" in message


PAIRS = [
    ("straight_path", 0),
    ("integrated_gradients", 2),
    ("mean_path_gradient", 2),
    ("completeness_gap", 2),
    ("completeness_gap", 3),
    ("gradient_along_segment", 3),
    ("attention_pool", 1),
    ("compatibility_scores", 1),
    ("self_attention", 1),
    ("class_token_map", 0),
    ("rank_correlation", 1),
    ("first_order_prediction", 2),
    ("direction_with_cosine", 1),
    ("region_effect", 3),
    ("mass_inside", 0),
    ("logistic_gradient", 0),
    ("hyperplane_perturbation", 0),
    ("class_activation_map", 1),
]


@pytest.mark.parametrize(("function", "position"), PAIRS)
def test_a_shape_that_does_not_match_is_refused_and_not_broadcast(function, position):
    given = list(good()[function])
    if isinstance(given[position], torch.Tensor):
        given[position] = given[position][..., :1]
    else:
        given[position] = 1
    with pytest.raises(ValueError, match=r"must .*got"):
        FUNCTIONS[function](*given)


@pytest.mark.parametrize("name", ["loss_gradient", "fgsm", "bim", "minimal_perturbation"])
def test_attacks_refuse_images_outside_the_unit_range(name):
    given = list(good()[name])
    given[1] = 255 * given[1]
    with pytest.raises(ValueError, match=r"\[0, 1\]"):
        FUNCTIONS[name](*given)


@pytest.mark.parametrize("name", ["vanilla_gradient", "smoothgrad", "integrated_gradients"])
def test_a_score_without_a_gradient_is_refused(name):
    given = list(good()[name])
    given[0] = lambda images: images.detach().sum(dim=(1, 2, 3))
    with pytest.raises(ValueError, match="differentiable"):
        FUNCTIONS[name](*given)


@pytest.mark.parametrize("sigma", [-0.1, torch.tensor([0.1]), torch.tensor([0.1, -0.1])])
def test_sigma_is_a_number_or_one_for_each_image(sigma):
    with pytest.raises(ValueError, match="sigma must"):
        FUNCTIONS["noisy_copies"](some_images(2), sigma, 3)
