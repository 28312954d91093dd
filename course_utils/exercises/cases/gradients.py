"""Cases of lecture 1: gradients.

Score functions with a gradient that one can work out by hand, and a small network, in float64.
"""

from __future__ import annotations

import torch
from torch import Tensor

from course_utils.exercises.cases.case import Case
from course_utils.exercises.cases.ingredients import (
    cubic,
    logit,
    new_generator,
    ramp,
    rand,
    randn,
    small_network,
)


def class_score(seed: int) -> list[Case]:
    """Networks with more classes than images and the reverse, asked for one class."""
    generator = new_generator(seed)
    settings = {
        "three colour images, class 2 of 5": (3, 3, 5, 2),
        "four grayscale images, class 0 of 3": (4, 1, 3, 0),
        "one colour image, class 3 of 4": (1, 3, 4, 3),
    }
    cases = []
    for name, (n_images, channels, n_classes, target) in settings.items():
        model = small_network(channels, n_classes, generator)
        images = rand(n_images, channels, 5, 6, generator=generator)
        if n_images > 1:  # scores of both signs for each class
            with torch.no_grad():
                model[-1].bias -= model(images).mean(dim=0)
        cases.append(
            Case(
                name,
                {"model": model, "target": target},
                finish=_ScoresAndGradient(images),
                parts=("the scores", "their gradient"),
            )
        )
    return cases


class _ScoresAndGradient:
    """What a score function gives on images: its scores, and that they can be differentiated."""

    def __init__(self, images: Tensor) -> None:
        self.images = images

    def __call__(self, f) -> tuple[Tensor, Tensor | None]:
        if not callable(f):
            raise TypeError(
                f"class_score should return a function, got {type(f).__name__} (`return f`?)"
            )
        inputs = self.images.clone().requires_grad_()
        scores = f(inputs)
        if not isinstance(scores, Tensor):
            raise TypeError(f"f should return a tensor of scores, got {type(scores).__name__}")
        if not scores.requires_grad:
            return scores, None
        weights = torch.arange(1.0, 1.0 + scores.numel(), dtype=torch.float64)  # tells images apart
        total = (scores.flatten() * weights).sum()
        (gradient,) = torch.autograd.grad(total, inputs, allow_unused=True)
        return scores.detach(), gradient


def vanilla_gradient(seed: int) -> list[Case]:
    """A ramp, a polynomial and a network."""
    generator = new_generator(seed)
    values = torch.tensor([1.5, 2.0, 3.0, 0.0, -1.0, 7.0], dtype=torch.float64)
    ramp_at = values[torch.randperm(6, generator=generator)].view(1, 1, 2, 3)
    coefficients = randn(3, 4, 5, generator=generator)
    network = small_network(3, 4, generator).requires_grad_(False)
    return [
        Case(
            "f(I) = Σ a·I³",
            {"f": cubic(coefficients), "images": rand(2, 3, 4, 5, generator=generator)},
        ),
        Case("f(I) = Σ (1 − ReLU(1 − I))", {"f": ramp, "images": ramp_at}),
        Case(
            "a small network and three colour images",
            {"f": logit(network, 1), "images": rand(3, 3, 6, 5, generator=generator)},
            watched={"model": network},
        ),
        Case(
            "one grayscale image",
            {"f": cubic(coefficients[:1]), "images": rand(1, 1, 4, 5, generator=generator)},
        ),
    ]


def channel_mean(seed: int) -> list[Case]:
    """Signed gradients, so that a lost sign shows."""
    generator = new_generator(seed)
    shapes = {
        "two colour images": (2, 3, 4, 5),
        "three images of three channels and three pixels": (3, 3, 1, 3),
        "one grayscale image": (1, 1, 4, 3),
    }
    return [
        Case(name, {"gradients": randn(*shape, generator=generator)})
        for name, shape in shapes.items()
    ]


def logistic_gradient(seed: int) -> list[Case]:
    """Biases of both signs; probabilities that are neither 0 nor 1."""
    generator = new_generator(seed)
    settings = {
        "two colour images, bias 0.7": ((2, 3, 4, 5), 0.7),
        "three grayscale images, bias −1.2": ((3, 1, 5, 4), -1.2),
        "one colour image, bias 0": ((1, 3, 2, 3), 0.0),
    }
    return [
        Case(
            name,
            {
                "weights": randn(*shape[1:], generator=generator),
                "bias": bias,
                "images": rand(*shape, generator=generator),
            },
        )
        for name, (shape, bias) in settings.items()
    ]


def steepest_step(seed: int) -> list[Case]:
    """Gradients whose lengths differ from image to image."""
    generator = new_generator(seed)
    coefficients = randn(3, 4, 5, generator=generator)
    network = small_network(1, 3, generator).requires_grad_(False)
    dim = rand(2, 3, 4, 5, generator=generator) * torch.tensor([1.0, 0.3]).view(2, 1, 1, 1)
    return [
        Case("a bright and a dim image", {"f": cubic(coefficients), "images": dim, "length": 0.5}),
        Case(
            "a small network and three images",
            {
                "f": logit(network, 2),
                "images": rand(3, 1, 6, 5, generator=generator),
                "length": 2.0,
            },
            watched={"model": network},
        ),
        Case(
            "one image",
            {
                "f": cubic(coefficients),
                "images": rand(1, 3, 4, 5, generator=generator),
                "length": 0.01,
            },
        ),
    ]
