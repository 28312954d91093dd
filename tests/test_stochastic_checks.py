"""The checks of what chance has part in: right however noise is drawn, wrong however well hidden."""

from __future__ import annotations

import math

import pytest
import torch

from course_utils import smoothgrad as references
from course_utils.exercises.answers import collect_answers
from course_utils.exercises.verdicts import judge
from course_utils.gradients import vanilla_gradient


def _verdict(name, function, seed=0):
    return judge(name, collect_answers(name, function, seed), seed)


def _copies(noise_of):
    """A `noisy_copies` with noise of another kind, from (shape, generator)."""

    def noisy_copies(images, sigma, n_samples, generator=None):
        sigma = torch.as_tensor(sigma, dtype=images.dtype).reshape(-1, 1, 1, 1, 1)
        shape = (len(images), n_samples, *images.shape[1:])
        return images[:, None] + sigma * noise_of(shape, generator)

    return noisy_copies


def _uniform(shape, generator):
    return torch.rand(shape, generator=generator, dtype=torch.float64)


def _box_muller(shape, generator):
    radius = (-2 * (1 - _uniform(shape, generator)).log()).sqrt()
    return radius * torch.cos(2 * math.pi * _uniform(shape, generator))


def _antithetic(shape, generator):
    n, copies, *rest = shape
    half = torch.randn(n, (copies + 1) // 2, *rest, generator=generator)
    return torch.cat([half, -half], dim=1)[:, :copies]


def _adding_up(shape, generator):
    return torch.randn(shape, generator=generator).cumsum(dim=1)


def _from_a_seed_of_its_own(shape, _generator):
    return torch.randn(shape, generator=torch.Generator().manual_seed(1))


def test_normal_noise_made_from_uniform_noise_is_right():
    assert _verdict("noisy_copies", _copies(_box_muller)).passed


@pytest.mark.parametrize(
    "noise_of",
    [
        lambda shape, generator: 12**0.5 * (_uniform(shape, generator) - 0.5),
        lambda shape, generator: torch.randn(shape, generator=generator).abs(),
        _antithetic,
        _adding_up,
        _from_a_seed_of_its_own,
    ],
    ids=["uniform of the right σ", "magnitudes", "antithetic", "adding up", "own seed"],
)
def test_noise_of_another_kind_is_wrong(noise_of):
    assert not _verdict("noisy_copies", _copies(noise_of)).passed


def _mean_of(n_gradients, average):
    """A `smoothgrad` from n_gradients(n_samples) samples, averaged in another way."""

    def smoothgrad(f, images, sigma, n_samples, generator=None):
        copies = references.noisy_copies(images, sigma, n_gradients(n_samples), generator)
        gradients = torch.stack([vanilla_gradient(f, some) for some in copies.unbind(1)])
        return average(gradients, n_samples)

    return smoothgrad


def test_running_mean_is_right():
    def running(gradients, _n_samples):
        mean = torch.zeros_like(gradients[0])
        for k, gradient in enumerate(gradients, start=1):
            mean = mean + (gradient - mean) / k
        return mean

    assert _verdict("smoothgrad", _mean_of(lambda n: n, running)).passed


@pytest.mark.parametrize(
    ("n_gradients", "average"),
    [
        (lambda n: 3 * n, lambda gradients, n: gradients.mean(dim=0)),
        (lambda n: n + 1, lambda gradients, n: gradients.sum(dim=0) / n),
        (lambda n: n, lambda gradients, n: gradients.median(dim=0).values),
        (lambda n: n, lambda gradients, n: -gradients.mean(dim=0)),
    ],
    ids=["three times the samples", "one sample too many", "median", "sign reversed"],
)
def test_another_average_is_wrong(n_gradients, average):
    assert not _verdict("smoothgrad", _mean_of(n_gradients, average)).passed


@pytest.mark.parametrize("name", ["noisy_copies", "smoothgrad"])
def test_a_right_answer_is_right_whatever_the_seed(name):
    seeds = range(1000, 1012)
    assert all(_verdict(name, getattr(references, name), seed).passed for seed in seeds)
