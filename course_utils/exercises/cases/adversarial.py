"""Cases of lecture 6: adversarial attacks.

A linear network, whose attacks can be worked out by hand, and a small smooth one; images with values
at the ends of [0, 1], so that clipping matters.
"""

from __future__ import annotations

import torch
from torch import nn

from course_utils.exercises.cases.case import Case
from course_utils.exercises.cases.ingredients import new_generator, rand, randn, small_network


def loss_gradient(seed: int) -> list[Case]:
    """Several images, so that a mean over the batch shows; a mode and a .grad to be kept."""
    generator = new_generator(seed)
    return [
        _attack("a linear network, three images", _trained(_linear(3, generator)), 3, generator),
        _attack("a small network, two images", small_network(1, 3, generator), 2, generator),
        _attack("one colour image", _linear(4, generator), 1, generator, shape=COLOUR),
    ]


def fgsm(seed: int) -> list[Case]:
    """Away from the labels and towards them; pixels without a gradient; images inside [0, 1]."""
    generator = new_generator(seed)
    numbers = {"eps": 0.1}
    return [
        _attack("a linear network, three images", _linear(3, generator), 3, generator, numbers),
        _attack("a small network", small_network(1, 3, generator), 2, generator, {"eps": 0.25}),
        _attack(
            "a small network, targeted",
            small_network(1, 3, generator),
            2,
            generator,
            {"eps": 0.2},
            targeted=True,
        ),
        _attack(
            "a network that sees half of the pixels", _half_blind(generator), 2, generator, numbers
        ),
        _attack(
            "two pale colour images",
            _linear(4, generator),
            2,
            generator,
            numbers,
            shape=COLOUR,
            contrast=0.6,
        ),
    ]


def bim(seed: int) -> list[Case]:
    """Steps that add up to more than ε, so that the ball matters, and to less; one longer than ε."""
    generator = new_generator(seed)
    far = {"eps": 0.15, "alpha": 0.06, "n_steps": 5}
    near = {"eps": 0.3, "alpha": 0.05, "n_steps": 3}
    curved = {"eps": 0.6, "alpha": 0.2, "n_steps": 4}
    beyond = {"eps": 0.06, "alpha": 0.1, "n_steps": 3}
    return [
        _attack("a linear network, three images", _linear(3, generator), 3, generator, far),
        _attack("a small network, steps within ε", _curved(generator), 2, generator, near),
        _attack("a small network, long steps", _curved(generator), 3, generator, curved),
        _attack("a small network, targeted", _curved(generator), 2, generator, far, targeted=True),
        _attack("a single step", _curved(generator), 1, generator, {**near, "n_steps": 1}),
        _attack(
            "steps longer than ε, pale colour images",
            _curved(generator),
            2,
            generator,
            beyond,
            shape=COLOUR,
            contrast=0.6,
        ),
        _attack(
            "a network that sees half of the pixels", _half_blind(generator), 2, generator, near
        ),
    ]


def hyperplane_perturbation(seed: int) -> list[Case]:
    """Images on both sides of the boundary, and weights that are far from length 1."""
    generator = new_generator(seed)
    settings = {
        "two colour images": ((2, 3, 4, 5), 3.0),
        "three grayscale images": ((3, 1, 5, 4), 0.2),
        "one colour image, bias 0": ((1, 3, 2, 3), 1.0),
    }
    cases = []
    for name, (shape, scale) in settings.items():
        weights = scale * randn(*shape[1:], generator=generator)
        images = rand(*shape, generator=generator)
        scores = (weights * images).sum(dim=(1, 2, 3))
        bias = -(0.6 * scores.min() + 0.4 * scores.max()).item() if len(images) > 1 else 0.0
        cases.append(Case(name, {"weights": weights, "bias": bias, "images": images}))
    weights, images = randn(3, 2, 3, generator=generator), rand(1, 3, 2, 3, generator=generator)
    arguments = {"weights": weights, "bias": 4 * weights.abs().sum().item(), "images": images}
    return [*cases, Case("one colour image, far from the boundary", arguments)]


def minimal_perturbation(seed: int) -> list[Case]:
    """Targets that can be reached inside the box, the third class or the second.

    In the first case many pixels lie at the ends of [0, 1], so that the box cuts in.
    """
    generator = new_generator(seed)
    cases = []
    for name, model, n, contrast, rank in (
        ("a linear network, three images of high contrast", _linear(4, generator), 3, 3.0, 3),
        ("a small network, two images", _curved(generator, 0.3), 2, 0.6, 2),
    ):
        images = (0.5 + contrast * (rand(n, 1, 6, 5, generator=generator) - 0.5)).clamp(0, 1)
        with torch.no_grad():
            targets = model(images).argsort(dim=1)[:, -rank]
        arguments = {"model": model, "images": images, "targets": targets}
        cases.append(Case(name, arguments, parts=("the perturbations", "the successes")))
    return cases


COLOUR = (3, 2, 5)


def _attack(
    name: str,
    model: nn.Module,
    n: int,
    generator: torch.Generator,
    numbers: dict | None = None,
    shape: tuple[int, int, int] = (1, 6, 5),
    contrast: float = 1.0,
    **keywords: bool,
) -> Case:
    images = rand(n, *shape, generator=generator)
    images[:, :, 0] = images[:, :, 0].round()  # some pixels at the ends of [0, 1]
    images = 0.5 + contrast * (images - 0.5)
    labels = torch.randint(3, (n,), generator=generator)
    arguments = {"model": model, "images": images, "labels": labels, **(numbers or {})}
    return Case(name, arguments, keywords)


def _linear(n_classes: int, generator: torch.Generator) -> nn.Module:
    return _filled(nn.Sequential(nn.Flatten(), nn.Linear(30, n_classes)), generator, 0.4)


def _curved(generator: torch.Generator, scale: float = 0.7) -> nn.Module:
    """A network whose gradient turns within a few steps, the sooner the larger the scale."""
    network = nn.Sequential(nn.Flatten(), nn.Linear(30, 8), nn.Tanh(), nn.Linear(8, 3))
    return _filled(network, generator, scale)


def _half_blind(generator: torch.Generator) -> nn.Module:
    """A linear network with no weight on every second pixel: there the gradient is exactly 0."""
    network = _linear(3, generator)
    with torch.no_grad():
        network[1].weight[:, ::2] = 0
    return network


def _trained(network: nn.Module) -> nn.Module:
    """The network as training leaves it: in train mode, a .grad on its parameters."""
    for parameter in network.parameters():
        parameter.grad = torch.full_like(parameter, 0.5)
    return network.train()


def _filled(network: nn.Module, generator: torch.Generator, scale: float) -> nn.Module:
    network = network.double().eval()
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.copy_(scale * randn(*parameter.shape, generator=generator))
    return network
