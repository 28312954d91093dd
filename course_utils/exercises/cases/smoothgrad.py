"""Cases of lecture 2: SmoothGrad.

Where noise is drawn, the images are large enough to tell one distribution of the noise from
another, however a student draws it.
"""

from __future__ import annotations

import torch
from torch import Tensor

from course_utils.exercises.cases.case import Case
from course_utils.exercises.cases.ingredients import (
    cubic,
    linear,
    logit,
    new_generator,
    rand,
    randn,
    rise_and_fall,
    small_network,
)


def gradient_along_segment(seed: int) -> list[Case]:
    """A polynomial and a network, between two images of which none is 0."""
    generator = new_generator(seed)
    network = small_network(3, 4, generator).requires_grad_(False)
    return [
        Case(
            "f(I) = Σ a·I³ and seven points",
            {
                "f": cubic(randn(3, 4, 5, generator=generator)),
                "image": rand(3, 4, 5, generator=generator),
                "end": rand(3, 4, 5, generator=generator),
                "n_points": 7,
            },
        ),
        Case(
            "a small network, from an image to a noisy copy, and five points",
            {
                "f": logit(network, 2),
                "image": (image := rand(3, 6, 5, generator=generator)),
                "end": image + randn(3, 6, 5, generator=generator),
                "n_points": 5,
            },
            watched={"model": network},
        ),
        Case(
            "a grayscale image and two points",
            {
                "f": cubic(randn(1, 2, 3, generator=generator)),
                "image": rand(1, 2, 3, generator=generator),
                "end": rand(1, 2, 3, generator=generator),
                "n_points": 2,
            },
        ),
    ]


def sign_changes(seed: int) -> list[Case]:
    """Curves side by side, with zeros between, before and after."""
    generator = new_generator(seed)
    by_hand = torch.tensor(
        [
            [1.0, 1.0, -1.0, 0.0, 0.0, 2.0],
            [0.0, 0.0, 0.0, 2.0, 0.0, -2.0],
            [-1.0, 2.0, 1.0, 0.0, 0.0, 2.0],
            [1.0, 0.0, 1.0, 0.0, -3.0, 0.0],
            [-2.0, 3.0, -1.0, -1.0, 0.0, 0.0],
        ],
        dtype=torch.float64,
    )  # sign changes down the columns: 3, 0, 2, 1, 0, 2
    columns = torch.randperm(6, generator=generator)
    scale = 0.5 + rand(6, generator=generator)
    waves = randn(9, 3, 4, 5, generator=generator).cumsum(dim=0)
    waves[:, 0] = waves[:, 0].abs() + 0.1  # curves that keep their sign
    return [
        Case("curves without a zero", {"values": waves}),
        Case("one curve of tiny values", {"values": 1e-9 * randn(12, generator=generator)}),
        Case("curves that touch zero", {"values": by_hand[:, columns] * scale}),
        Case("one point", {"values": randn(1, 3, generator=generator)}),
    ]


def noise_std(seed: int) -> list[Case]:
    """Images whose ranges differ, from channel to channel too, and do not begin at 0."""
    generator = new_generator(seed)
    contrast = torch.tensor([1.0, 0.4, 0.1], dtype=torch.float64).view(1, 3, 1, 1)
    three = 0.2 + 0.5 * contrast * rand(3, 3, 4, 5, generator=generator)
    three = three * torch.tensor([1.0, 0.5, 1.4], dtype=torch.float64).view(3, 1, 1, 1)
    return [
        Case("three colour images, level 0.15", {"images": three, "noise_level": 0.15}),
        Case(
            "one grayscale image, level 0.5",
            {"images": 0.1 + 0.6 * rand(1, 1, 3, 4, generator=generator), "noise_level": 0.5},
        ),
        Case(
            "two grayscale images, level 2",
            {"images": 0.3 * rand(2, 1, 5, 2, generator=generator) + 0.4, "noise_level": 2.0},
        ),
        Case(
            "an image of one value, level 0.2",
            {"images": torch.full((1, 3, 2, 3), 0.7, dtype=torch.float64), "noise_level": 0.2},
        ),
    ]


def noisy_copies(seed: int) -> list[Case]:
    """One σ for all images and one for each; as many images as copies, and as columns."""
    generator = new_generator(seed)
    return [
        _drawing(
            "two colour images, σ = 0.3 and five copies",
            {
                "images": 0.3 + 0.4 * rand(2, 3, 40, 50, generator=generator),
                "sigma": 0.3,
                "n_samples": 5,
            },
            seed + 1,
        ),
        _drawing(
            "three images, each with its own σ",
            {
                "images": rand(3, 1, 600, 3, generator=generator),
                "sigma": torch.tensor([0.1, 0.5, 2.0], dtype=torch.float64),
                "n_samples": 3,
            },
            seed + 2,
        ),
        _drawing(
            "one image and one copy",
            {
                "images": rand(1, 3, 60, 50, generator=generator),
                "sigma": 0.5,
                "n_samples": 1,
            },
            seed + 3,
        ),
        Case(
            "σ = 0, where every copy is the image",
            {"images": rand(2, 1, 3, 4, generator=generator), "sigma": 0.0, "n_samples": 4},
            keywords={"generator": new_generator(seed + 4)},
        ),
    ]


def smoothgrad(seed: int) -> list[Case]:
    """A polynomial, whose mean gradient under noise is known, and cases without chance."""
    generator = new_generator(seed)
    network = small_network(3, 4, generator).requires_grad_(False)
    return [
        _of_polynomial(
            "f(I) = Σ a·(I³ − I) with σ = 0.3 and eight samples",
            (2, 3, 30, 34),
            {"sigma": 0.3, "n_samples": 8},
            seed + 1,
        ),
        _of_polynomial(
            "f(I) = Σ a·(I³ − I) and three images, each with its own σ",
            (3, 1, 700, 3),
            {"sigma": torch.tensor([0.3, 1.0, 3.0], dtype=torch.float64), "n_samples": 3},
            seed + 2,
        ),
        _of_polynomial(
            "f(I) = Σ a·(I³ − I), one image and one sample",
            (1, 1, 40, 50),
            {"sigma": 0.5, "n_samples": 1},
            seed + 3,
        ),
        Case(
            "a linear score, whose gradient is the same everywhere",
            {
                "f": linear(randn(3, 4, 5, generator=generator)),
                "images": rand(2, 3, 4, 5, generator=generator),
                "sigma": 0.4,
                "n_samples": 3,
            },
            keywords={"generator": new_generator(seed + 4)},
        ),
        Case(
            "a small network and σ = 0, which leaves the vanilla gradient",
            {
                "f": logit(network, 1),
                "images": rand(2, 3, 5, 6, generator=generator),
                "sigma": 0.0,
                "n_samples": 2,
            },
            keywords={"generator": new_generator(seed + 5)},
            watched={"model": network},
        ),
    ]


def _of_polynomial(name: str, shape: tuple[int, ...], arguments: dict, seed: int) -> Case:
    generator = new_generator(seed)
    signs = torch.randint(0, 2, shape[1:], generator=generator) * 2 - 1
    coefficients = signs * (0.5 + rand(*shape[1:], generator=generator))
    images = 0.3 + 0.4 * rand(*shape, generator=generator)  # a range that is not 1
    arguments = {"f": rise_and_fall(coefficients), "images": images, **arguments}
    return _drawing(name, arguments, seed, watched={"coefficients": coefficients})


def _drawing(name: str, arguments: dict, seed: int, watched: dict | None = None) -> Case:
    generator = new_generator(seed)
    return Case(
        name,
        arguments,
        keywords={"generator": generator},
        finish=_WithUseOfGenerator(generator),
        watched=watched or {},
    )


class _WithUseOfGenerator:
    """The result, and whether it was drawn from the generator: ("…", "drawn from it")."""

    def __init__(self, generator: torch.Generator) -> None:
        self.generator = generator
        self.seed, self.state = generator.initial_seed(), generator.get_state()

    def __call__(self, result) -> tuple[Tensor, str]:
        if self.generator.initial_seed() != self.seed:
            return result, "seeded anew"
        if torch.equal(self.generator.get_state(), self.state):
            return result, "left unused"
        return result, "drawn from"
