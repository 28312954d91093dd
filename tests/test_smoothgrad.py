import math
from itertools import pairwise

import pytest
import torch
from captum.attr import NoiseTunnel, Saliency
from hypothesis import given, settings
from hypothesis import strategies as st
from small_networks import cubes, small_cnn, some_images

from course_utils.gradients import class_score, vanilla_gradient
from course_utils.smoothgrad import (
    gradient_along_segment,
    noise_std,
    noisy_copies,
    sign_changes,
    smoothgrad,
)


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def test_noise_std_is_level_times_range_of_each_image_over_all_channels():
    images = torch.tensor([[[[0.2, 0.4]], [[0.3, 0.7]]], [[[0.0, 0.0]], [[0.0, 1.0]]]])
    torch.testing.assert_close(noise_std(images, 0.2), torch.tensor([0.1, 0.2]))


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("n_samples", [1, 2, 5, 15, 16, 17, 31, 32, 50, 100])
@pytest.mark.parametrize("shape", [(1, 1, 1, 1), (1, 1, 1, 3), (3, 1, 1, 5), (2, 3, 5, 7)])
def test_blocks_of_samples_cannot_change_the_noise(dtype, n_samples, shape):
    images = torch.rand(shape, generator=seeded(1), dtype=dtype)
    all_at_once, block_by_block = seeded(2), seeded(2)
    copies = noisy_copies(images, 0.3, n_samples, all_at_once)

    drawn = []

    def f(images):
        drawn.append(images.detach())
        return images.sum(dim=(1, 2, 3))

    smoothgrad(f, images, 0.3, n_samples, block_by_block)
    assert torch.equal(torch.cat(drawn), copies.flatten(0, 1))
    assert torch.equal(all_at_once.get_state(), block_by_block.get_state())


def test_smoothgrad_is_the_mean_gradient_of_the_noisy_copies():
    f, images, sigma = class_score(small_cnn(), 1), some_images(3), torch.tensor([0.1, 0.2, 0.3])
    copies = noisy_copies(images, sigma, 21, seeded())
    expected = torch.stack([vanilla_gradient(f, some).mean(dim=0) for some in copies])
    ours = smoothgrad(f, images, sigma, 21, seeded())
    torch.testing.assert_close(ours, expected, rtol=1e-9, atol=1e-12)


def test_smoothgrad_variance_is_not_used_as_standard_deviation():
    images, sigma, n = some_images(1, 1, 3, 4), 0.3, 100_000
    ours = smoothgrad(cubes, images, sigma, n, seeded())
    expected = 3 * images**2 + 3 * sigma**2
    # The mean of 3 (x + σε)² has the variance 9 (4 x² σ² + 2 σ⁴) / n.
    error = 3 * (4 * images**2 * sigma**2 + 2 * sigma**4).sqrt() / math.sqrt(n)
    assert ((ours - expected).abs() < 5 * error).all()


def test_one_sample_without_noise_is_the_gradient():
    images = some_images(2)
    assert torch.equal(smoothgrad(cubes, images, 0, 1), vanilla_gradient(cubes, images))


@pytest.mark.parametrize("n", [1, 4])
@pytest.mark.parametrize("channels", [1, 3])
def test_smoothgrad_is_captums_noise_tunnel_at_the_same_seed(n, channels):
    model = small_cnn(channels, torch.float32)
    images = some_images(n, channels, dtype=torch.float32)
    ours = smoothgrad(class_score(model, 2), images, 0.2, 50, seeded(7))
    with torch.random.fork_rng():
        torch.manual_seed(7)
        peer = NoiseTunnel(Saliency(model)).attribute(
            images, nt_type="smoothgrad", nt_samples=50, stdevs=0.2, target=2, abs=False
        )
    torch.testing.assert_close(ours, peer.detach(), rtol=1e-5, atol=1e-6 * peer.abs().max().item())


def test_without_a_generator_the_global_one_is_used():
    images = some_images(2)
    with torch.random.fork_rng():
        torch.manual_seed(5)
        ours = noisy_copies(images, 0.1, 3)
    assert torch.equal(ours, noisy_copies(images, 0.1, 3, seeded(5)))


def test_batches_that_f_sees_do_not_grow_with_the_number_of_samples():
    sizes = []

    def f(images):
        sizes.append(len(images))
        return images.sum(dim=(1, 2, 3))

    smoothgrad(f, some_images(2), 0.1, 500, seeded())
    assert sum(sizes) == 1000
    assert max(sizes) < 32


def test_segment_starts_at_the_image_and_reaches_the_end():
    image, end = some_images(2)
    gradients = gradient_along_segment(cubes, image, end, 41)
    torch.testing.assert_close(
        gradients[[0, 20, 40]], 3 * torch.stack([image, (image + end) / 2, end]) ** 2
    )


@pytest.mark.parametrize(
    ("values", "changes"),
    [([1, -1, 1], 2), ([1, 0, -1], 1), ([1, 0, 1], 0), ([0, 0, -2], 0), ([0, 3, 0, 0, -1, 1], 2)],
)
def test_a_zero_is_no_change_of_sign(values, changes):
    assert sign_changes(torch.tensor(values, dtype=torch.float64)).item() == changes


@settings(max_examples=30, deadline=None)
@given(st.lists(st.sampled_from([-2.0, -1.0, 0.0, 1.0, 3.0]), min_size=1, max_size=12))
def test_sign_changes_are_those_of_the_values_without_zeros(values):
    signs = [math.copysign(1, value) for value in values if value]
    expected = sum(a != b for a, b in pairwise(signs))
    columns = torch.tensor([values, values[::-1]]).mT  # (n_points, 2)
    assert sign_changes(columns).tolist() == [expected, expected]
