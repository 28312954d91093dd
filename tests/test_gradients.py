import pytest
import torch
from captum.attr import Saliency
from hypothesis import given, settings
from hypothesis import strategies as st
from small_networks import cubes, small_cnn, some_images

from course_utils.gradients import (
    channel_mean,
    class_score,
    logistic_gradient,
    steepest_step,
    vanilla_gradient,
)


def one_minus_relu(images):
    return (1 - torch.relu(1 - images)).sum(dim=(1, 2, 3))


def test_gradient_on_paper():
    images = torch.tensor([1, 2, 3, 0, -1, 7], dtype=torch.float64).view(6, 1, 1, 1)
    gradient = vanilla_gradient(one_minus_relu, images)
    assert gradient.flatten().tolist() == [0, 0, 0, 1, 1, 0]


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("n", [1, 3, 16])
@pytest.mark.parametrize("channels", [1, 3])
def test_gradient_is_captums_saliency_with_its_sign(dtype, n, channels):
    model, images = small_cnn(channels, dtype), some_images(n, channels, dtype=dtype)
    peer = Saliency(model).attribute(images.clone().requires_grad_(), target=2, abs=False)
    ours = vanilla_gradient(class_score(model, 2), images)
    assert ours.dtype == dtype
    assert not ours.requires_grad
    assert (ours < 0).any()
    torch.testing.assert_close(ours, peer.detach(), rtol=1e-6, atol=1e-9)


def test_gradient_is_that_of_finite_differences():
    f, images = class_score(small_cnn(), 1), some_images(2)
    gradient = vanilla_gradient(f, images)
    probe = torch.zeros_like(images)
    probe[:, 1, 4, 5] = 1e-6
    with torch.no_grad():
        slope = (f(images + probe) - f(images - probe)) / 2e-6
    torch.testing.assert_close(gradient[:, 1, 4, 5], slope, rtol=1e-6, atol=1e-9)


def test_gradient_of_an_image_does_not_depend_on_its_batch():
    f, images = class_score(small_cnn(), 0), some_images(5)
    alone = torch.cat([vanilla_gradient(f, image[None]) for image in images])
    torch.testing.assert_close(vanilla_gradient(f, images), alone, rtol=1e-10, atol=1e-12)


def test_gradient_works_where_gradients_are_switched_off():
    with torch.no_grad():
        gradient = vanilla_gradient(cubes, some_images())
    torch.testing.assert_close(gradient, 3 * some_images() ** 2)


def test_channel_mean_is_over_channels_alone():
    gradients = torch.arange(24.0).view(2, 3, 2, 2)
    assert channel_mean(gradients)[1].tolist() == [[16, 17], [18, 19]]


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10_000), st.floats(-3, 3))
def test_logistic_gradient_is_that_of_autograd_and_points_along_the_weights(seed, bias):
    generator = torch.Generator().manual_seed(seed)
    weights = torch.randn(2, 3, 4, generator=generator, dtype=torch.float64)
    images = torch.rand(3, 2, 3, 4, generator=generator, dtype=torch.float64)
    gradient = logistic_gradient(weights, bias, images)

    def f(images):
        return torch.sigmoid((weights * images).sum(dim=(1, 2, 3)) + bias)

    torch.testing.assert_close(gradient, vanilla_gradient(f, images), rtol=1e-9, atol=1e-14)
    slopes = gradient / weights
    torch.testing.assert_close(slopes, slopes[:, :1, :1, :1].expand_as(slopes))


def test_logistic_gradient_survives_a_probability_that_rounds_to_one():
    gradient = logistic_gradient(torch.ones(1, 1, 1), 60.0, torch.zeros(1, 1, 1, 1))
    assert gradient.item() == pytest.approx(8.756e-27, rel=1e-3)


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10_000), st.floats(0, 5))
def test_no_step_of_that_length_gains_more_than_the_steepest(seed, length):
    images = some_images(2, 1, 3, 4, seed=seed)
    step = steepest_step(cubes, images, length)
    norms = torch.linalg.vector_norm(step, dim=(1, 2, 3))
    torch.testing.assert_close(norms, torch.full_like(norms, length))
    other = torch.randn(step.shape, generator=torch.Generator().manual_seed(seed)).to(step)
    other *= length / torch.linalg.vector_norm(other, dim=(1, 2, 3), keepdim=True)
    gain = (3 * images**2 * (step - other)).sum(dim=(1, 2, 3))
    assert (gain >= -1e-9).all()


def test_steepest_step_of_a_flat_score_is_zero_not_nan():
    def flat(images):
        return 0 * images.sum(dim=(1, 2, 3))

    assert steepest_step(flat, some_images(), 1.0).abs().max() == 0


def test_class_score_is_the_logit_not_the_probability():
    model, images = small_cnn(), some_images(3)
    assert torch.equal(class_score(model, 4)(images), model(images)[:, 4])


def test_class_score_takes_names_and_suggests_near_ones():
    model = small_cnn()
    model.categories = ("tabby", "tiger cat", "beagle", "crane", "crane")
    assert torch.equal(class_score(model, "Beagle")(some_images()), model(some_images())[:, 2])
    with pytest.raises(ValueError, match="tiger cat"):
        class_score(model, "tigercat")
    with pytest.raises(ValueError, match=r"\[3, 4\]"):
        class_score(model, "crane")


@pytest.mark.parametrize("target", [-1, 5, 1.5, True, None, "cat"])
def test_class_score_refuses_what_is_no_class(target):
    with pytest.raises((TypeError, ValueError), match="target must"):
        class_score(small_cnn(), target)(some_images())
