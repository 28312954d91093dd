"""Nothing of the caller's changes, whatever function is called, also when the model raises."""

import pytest
import torch
from every_reference import AttentiveCNN, arguments, public_functions
from small_networks import some_images
from torch import Tensor, nn

FUNCTIONS = public_functions()


@pytest.fixture(params=[torch.float32, torch.float64], ids=["single", "double"])
def model(request):
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = AttentiveCNN().to(request.param)
    model.train()
    model.norm.eval()  # a mixture of modes, as in fine-tuning
    model.stem.weight.requires_grad_(False)
    for parameter in model.parameters():
        parameter.grad = torch.full_like(parameter, 7.0)
    model.attention.register_forward_hook(lambda _layer, _inputs, _output: None)
    return model


def pictures(model):
    return some_images(2, 3, 12, 8, dtype=model.stem.weight.dtype).requires_grad_()


def state_of(model: nn.Module, images: Tensor):
    """Everything that a function might have changed, as plain data."""
    return {
        "numbers": {k: v.tolist() for k, v in model.state_dict().items()},
        "gradients": {k: p.grad.tolist() for k, p in model.named_parameters()},
        "requires_grad": {k: p.requires_grad for k, p in model.named_parameters()},
        "mode": {k: part.training for k, part in model.named_modules()},
        "hooks": {
            k: (
                len(part._forward_hooks),
                len(part._forward_pre_hooks),
                len(part._backward_hooks),
                len(part._backward_pre_hooks),
            )
            for k, part in model.named_modules()
        },
        "images": images.tolist(),
        "gradient of the images": images.grad,
        "images require a gradient": images.requires_grad,
        "global randomness": torch.get_rng_state().tolist(),
        "gradients are on": torch.is_grad_enabled(),
    }


def tensors_in(result):
    if isinstance(result, Tensor):
        return [result]
    if isinstance(result, (tuple, list)):
        return [tensor for part in result for tensor in tensors_in(part)]
    return []


def test_every_public_function_is_called_here(model):
    assert set(arguments(model, pictures(model))) == set(FUNCTIONS)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_nothing_of_the_callers_changes(name, model):
    images = pictures(model)
    given = arguments(model, images)[name]
    before = state_of(model, images)
    result = FUNCTIONS[name](*given)
    if name == "class_score":
        result(images)
    assert state_of(model, images) == before


@pytest.mark.parametrize("name", FUNCTIONS)
def test_results_are_detached_and_have_the_precision_of_the_input(name, model):
    images = pictures(model)
    result = FUNCTIONS[name](*arguments(model, images)[name])
    for tensor in tensors_in(result):
        assert not tensor.requires_grad
        if tensor.is_floating_point() and name != "quadrature":
            assert tensor.dtype == images.dtype
        assert torch.isfinite(tensor).all()


@pytest.mark.parametrize("name", FUNCTIONS)
def test_results_do_not_share_memory_with_the_input(name, model):
    images = pictures(model)
    original = images.detach().clone()
    for tensor in tensors_in(FUNCTIONS[name](*arguments(model, images)[name])):
        tensor.zero_()
    assert torch.equal(images, original)


def runs_the_model(name, model, images):
    """Whether a call reaches the model, seen from a model that raises."""
    model.raises = True
    try:
        FUNCTIONS[name](*arguments(model, images)[name])
    except RuntimeError as error:
        return str(error) == "the model raises"
    finally:
        model.raises = False
    return False


@pytest.mark.parametrize("name", FUNCTIONS)
def test_nothing_of_the_callers_changes_when_the_model_raises(name, model):
    images = pictures(model)
    before = state_of(model, images)
    reached = runs_the_model(name, model, images)
    needs_no_pass = {"class_score", "layers_top_down", "randomise_layers"}
    takes_model = any(
        isinstance(value, nn.Module) or callable(value) for value in arguments(model, images)[name]
    )
    assert reached == (takes_model and name not in needs_no_pass)
    assert state_of(model, images) == before
