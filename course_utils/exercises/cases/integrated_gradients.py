"""Cases of lecture 3: integrated gradients.

Any sound rule for the integral is right, so a case with a curved score has many steps and allows
what the simplest rules miss, 3/n; a case with a linear score, where every sound rule is exact, has
few steps and allows nothing.
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
    ramp,
    rand,
    randn,
    small_network,
)


def straight_path(seed: int) -> list[Case]:
    """Baselines of every kind; few steps and many."""
    generator = new_generator(seed)
    settings = {
        "two colour images and 40 steps": ((2, 3, 4, 5), 40),
        "one grayscale image and 25 steps": ((1, 1, 4, 3), 25),
        "three images and 20 steps": ((3, 1, 2, 5), 20),
        "two images and three steps": ((2, 1, 3, 4), 3),
        "two images and a single step": ((2, 3, 3, 2), 1),
    }
    return [
        Case(
            name,
            {
                "baselines": rand(*shape, generator=generator),
                "images": rand(*shape, generator=generator),
                "n_steps": n_steps,
            },
            tolerance=min(1.5 / n_steps, 0.1),  # one mistake, whichever rule sets the points
        )
        for name, (shape, n_steps) in settings.items()
    ]


def mean_path_gradient(seed: int) -> list[Case]:
    """Linear, curved and saturated scores, and a network."""
    return _along_paths(new_generator(seed))


def integrated_gradients(seed: int) -> list[Case]:
    """The same scores with other images, and the example of the paper."""
    generator = new_generator(seed + 1)
    return [
        *_along_paths(generator),
        Case(
            "f(I) = ReLU(ReLU(I₁) − 1 − ReLU(I₂)) at (3, 1), from black",
            {
                "f": _relu_of_relus,
                "images": torch.tensor([3.0, 1.0], dtype=torch.float64).view(1, 1, 1, 2),
                "baselines": torch.zeros(1, 1, 1, 2, dtype=torch.float64),
                "n_steps": 60,
            },
            tolerance=3 / 60,
        ),
    ]


def completeness_gap(seed: int) -> list[Case]:
    """Attributions that add up to more, or to less, than they should."""
    generator = new_generator(seed)
    network = small_network(3, 4, generator).requires_grad_(False)
    scores = {
        "f(I) = Σ a·I³ and two colour images": (
            cubic(randn(3, 4, 5, generator=generator)),
            (2, 3, 4, 5),
        ),
        "a small network and three images": (logit(network, 2), (3, 3, 5, 4)),
        "one grayscale image": (cubic(randn(1, 2, 3, generator=generator)), (1, 1, 2, 3)),
    }
    cases = []
    for name, (f, shape) in scores.items():
        one, other = rand(*shape, generator=generator), rand(*shape, generator=generator)
        # The first image scores less than its baseline, the others more: no sign can hide.
        with torch.no_grad():
            falls = f(one) < f(other)
        swapped = (falls != (torch.arange(shape[0]) == 0)).view(-1, 1, 1, 1)
        arguments = {
            "f": f,
            "images": torch.where(swapped, other, one),
            "baselines": torch.where(swapped, one, other),
            "attributions": randn(*shape, generator=generator),
        }
        cases.append(Case(name, arguments, watched={"model": network}))
    return cases


def _along_paths(generator: torch.Generator) -> list[Case]:
    network = small_network(3, 4, generator).requires_grad_(False)
    weights = randn(3, 4, 5, generator=generator)
    saturated = torch.tensor([1.5, 2.0, 2.5, 0.5, 0.8, 1.2], dtype=torch.float64)
    saturated = saturated[torch.randperm(6, generator=generator)].view(1, 1, 2, 3)
    return [
        _between_random_images(
            "a linear score and four steps", linear(weights), (2, 3, 4, 5), 4, generator
        ),
        _between_random_images(
            "a linear score and a single step", linear(weights), (1, 3, 4, 5), 1, generator
        ),
        _between_random_images(
            "f(I) = Σ a·I³ and 60 steps", cubic(weights), (2, 3, 4, 5), 60, generator
        ),
        Case(
            "f(I) = Σ (1 − ReLU(1 − I)), saturated, from black",
            {
                "f": ramp,
                "images": saturated,
                "baselines": torch.zeros_like(saturated),
                "n_steps": 60,
            },
            tolerance=3 / 60,
        ),
        _between_random_images(
            "a small network and 60 steps",
            logit(network, 1),
            (2, 3, 5, 6),
            60,
            generator,
            watched={"model": network},
        ),
    ]


def _between_random_images(
    name: str, f, shape: tuple[int, ...], n_steps: int, generator: torch.Generator, watched=None
) -> Case:
    arguments = {
        "f": f,
        "images": rand(*shape, generator=generator),
        "baselines": rand(*shape, generator=generator),
        "n_steps": n_steps,
    }
    tolerance = 1e-5 if "linear" in name else 3 / n_steps
    return Case(name, arguments, tolerance=tolerance, watched=watched or {})


def _relu_of_relus(images: Tensor) -> Tensor:
    first, second = images[:, 0, 0, 0], images[:, 0, 0, 1]
    return torch.relu(torch.relu(first) - 1 - torch.relu(second))
