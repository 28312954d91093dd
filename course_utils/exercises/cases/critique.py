"""Cases of lecture 7: critique.

Maps with ties and empty masks, score functions whose slopes can be worked out by hand, and networks
that show which of their numbers were randomised.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from course_utils.exercises.cases.case import Case
from course_utils.exercises.cases.ingredients import (
    cubic,
    logit,
    new_generator,
    rand,
    randn,
    rise_and_fall,
    small_network,
)


def mass_inside(seed: int) -> list[Case]:
    """Signed maps, an empty mask, a full mask, a map of zeros, and one that misses its mask."""
    generator = new_generator(seed)
    saliency = randn(3, 4, 5, generator=generator)
    empty_and_full = _masks(3, 4, 5, generator)
    empty_and_full[0], empty_and_full[1] = False, True
    zeros = randn(2, 3, 3, generator=generator)
    zeros[1] = 0
    missed, beside = randn(2, 4, 4, generator=generator), _masks(2, 4, 4, generator)
    missed[1][beside[1]] = 0
    return [
        Case(
            "two signed maps",
            {
                "saliency": randn(2, 5, 4, generator=generator),
                "mask": _masks(2, 5, 4, generator),
            },
        ),
        Case(
            "an empty mask, a full one and one between",
            {"saliency": saliency, "mask": empty_and_full},
        ),
        Case(
            "a map of zeros after another one",
            {"saliency": zeros, "mask": _masks(2, 3, 3, generator)},
        ),
        Case("two maps, the second wholly outside its mask", {"saliency": missed, "mask": beside}),
        Case(
            "one map without signs",
            {"saliency": rand(1, 6, 3, generator=generator), "mask": _masks(1, 6, 3, generator)},
        ),
    ]


def rank_correlation(seed: int) -> list[Case]:
    """Maps without ties, maps with many (after a ReLU, or rounded), opposite and constant ones."""
    generator = new_generator(seed)
    a, b = randn(2, 5, 6, generator=generator), randn(2, 5, 6, generator=generator)
    constant = randn(2, 3, 4, generator=generator)
    constant[1] = 0.5
    return [
        Case("two pairs of maps", {"a": a, "b": a + b}),
        Case("maps with many zeros", {"a": torch.relu(a), "b": torch.relu(a + 0.7 * b)}),
        Case("maps of whole numbers", {"a": (1.5 * a).round(), "b": (a + 0.7 * b).round()}),
        Case(
            "a map with its exponential, another with its opposite",
            {"a": a, "b": torch.stack([torch.exp(3 * a[0]), -torch.exp(2 * a[1])])},
        ),
        Case(
            "a constant map after another one",
            {"a": constant, "b": randn(2, 3, 4, generator=generator)},
        ),
    ]


def first_order_prediction(seed: int) -> list[Case]:
    """Steps up and down, so long that the measured change differs from the predicted one."""
    generator = new_generator(seed)
    coefficients = randn(3, 4, 5, generator=generator)
    network = small_network(1, 3, generator).requires_grad_(False)
    uphill = coefficients * rand(2, 3, 4, 5, generator=generator)
    up_and_down = torch.stack([uphill[0], -uphill[1]]) + 0.1 * randn(
        2, 3, 4, 5, generator=generator
    )
    return [
        Case(
            "f(I) = Σ a·I³ and two images",
            {
                "f": cubic(coefficients),
                "images": rand(2, 3, 4, 5, generator=generator),
                "perturbations": up_and_down,
            },
        ),
        Case(
            "a small network and three images",
            {
                "f": logit(network, 1),
                "images": rand(3, 1, 6, 5, generator=generator),
                "perturbations": 0.5 * randn(3, 1, 6, 5, generator=generator),
            },
            watched={"model": network},
        ),
        Case(
            "one image",
            {
                "f": cubic(coefficients),
                "images": rand(1, 3, 4, 5, generator=generator),
                "perturbations": randn(1, 3, 4, 5, generator=generator),
            },
        ),
    ]


def direction_with_cosine(seed: int) -> list[Case]:
    """Gradients whose lengths differ, and cosines of both signs, 0 and 1 among them."""
    generator = new_generator(seed)
    lengths = torch.tensor([3.0, 0.2], dtype=torch.float64).view(2, 1, 1, 1)

    def case(cosine: float) -> Case:
        return Case(
            f"two images and the cosine {cosine:g}",
            {
                "gradient": lengths * randn(2, 3, 4, 5, generator=generator),
                "other": 2 * randn(2, 3, 4, 5, generator=generator),
                "cosine": cosine,
            },
        )

    one = {
        "gradient": randn(1, 1, 3, 4, generator=generator),
        "other": randn(1, 1, 3, 4, generator=generator),
        "cosine": 0.3,
    }
    return [case(0.9), case(0.0), case(-0.5), case(1.0), Case("one image and the cosine 0.3", one)]


def region_effect(seed: int) -> list[Case]:
    """Regions of any shape, and baselines that are not black."""
    generator = new_generator(seed)
    coefficients = randn(3, 4, 5, generator=generator)
    network = small_network(3, 3, generator).requires_grad_(False)
    return [
        Case(
            "f(I) = Σ a·I³ and two images",
            {
                "f": cubic(coefficients),
                "images": rand(2, 3, 4, 5, generator=generator),
                "mask": _masks(2, 4, 5, generator),
                "baselines": rand(2, 3, 4, 5, generator=generator),
            },
        ),
        Case(
            "a small network and three images",
            {
                "f": logit(network, 0),
                "images": rand(3, 3, 5, 6, generator=generator),
                "mask": _masks(3, 5, 6, generator),
                "baselines": rand(3, 3, 5, 6, generator=generator),
            },
            watched={"model": network},
        ),
        Case(
            "one image and a mask of the whole of it",
            {
                "f": cubic(coefficients),
                "images": rand(1, 3, 4, 5, generator=generator),
                "mask": torch.ones(1, 4, 5, dtype=torch.bool),
                "baselines": rand(1, 3, 4, 5, generator=generator),
            },
        ),
    ]


def ascend(seed: int) -> list[Case]:
    """Slopes that turn on the way, and images whose gradients have different lengths."""
    generator = new_generator(seed)
    coefficients = 1 + rand(3, 4, 5, generator=generator)
    network = small_network(1, 3, generator).requires_grad_(False)
    two = rand(2, 3, 4, 5, generator=generator) * torch.tensor([1.0, 0.4]).double().view(2, 1, 1, 1)
    return [
        Case(
            "f(I) = Σ a·(I³ − I), two images, four steps",
            {"f": rise_and_fall(coefficients), "images": two, "step": 0.4, "n_steps": 4},
        ),
        Case(
            "a small network, three images, three steps",
            {
                "f": logit(network, 2),
                "images": rand(3, 1, 6, 5, generator=generator),
                "step": 1.5,
                "n_steps": 3,
            },
            watched={"model": network},
        ),
        Case(
            "one image, one step",
            {
                "f": cubic(coefficients),
                "images": rand(1, 3, 4, 5, generator=generator),
                "step": 0.1,
                "n_steps": 1,
            },
        ),
    ]


def randomise_layers(seed: int) -> list[Case]:
    """A network with batch normalisation and one with layers inside layers; some layers or all."""
    generator = new_generator(seed)
    plain = {"one layer": 1, "two layers": 2, "no layer": 0, "all layers": 4}
    cases = [
        _randomisation(
            f"a network of four layers, {name} randomised",
            _normalised_network(generator),
            n_layers,
            seed,
        )
        for name, n_layers in plain.items()
    ]
    nested = _randomisation(
        "a network with layers inside layers, in train mode, four of five randomised",
        _nested_network(generator).train(),
        4,
        seed,
    )
    return [*cases, nested]


def _randomisation(name: str, model: nn.Module, n_layers: int, seed: int) -> Case:
    generator = new_generator(seed + 1)

    def numbers(copy: nn.Module) -> tuple:
        """What a network holds, in order, its logits for one image, its mode, and whether the
        generator was used."""
        if not isinstance(copy, nn.Module):
            raise TypeError(f"a network should be returned, got {type(copy).__name__}")
        drawn = not torch.equal(generator.get_state(), new_generator(seed + 1).get_state())
        held = [tensor.detach().clone() for tensor in copy.state_dict().values()]
        image = torch.linspace(0, 1, 36, dtype=torch.float64).view(1, 1, 6, 6)
        with torch.no_grad():
            return (*held, copy(image), copy.training, drawn)

    arguments = {"model": model, "n_layers": n_layers}
    return Case(name, arguments, {"generator": generator}, finish=numbers)


def _normalised_network(generator: torch.Generator) -> nn.Module:
    network = nn.Sequential(
        nn.Conv2d(1, 12, 3, padding=1),
        nn.BatchNorm2d(12),
        nn.Tanh(),
        nn.Conv2d(12, 16, 3, padding=1),
        nn.Tanh(),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(16, 12),
    )
    return _filled(network, generator)


class _Gated(nn.Module):
    """A block with a parameter of its own and a layer inside."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.gains = nn.Parameter(torch.ones(channels, 1, 1))
        self.inside = nn.Conv2d(channels, channels, 1)

    def forward(self, features: Tensor) -> Tensor:
        return features + self.gains * self.inside(features)


def _nested_network(generator: torch.Generator) -> nn.Module:
    body = nn.Sequential(nn.Conv2d(1, 12, 3, padding=1), nn.Tanh())
    head = nn.Sequential(
        nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(12, 14), nn.Tanh(), nn.Linear(14, 12)
    )
    return _filled(nn.Sequential(body, _Gated(12), head), generator)


def _filled(network: nn.Module, generator: torch.Generator) -> nn.Module:
    """Random numbers in every parameter and buffer, variances positive."""
    network = network.double().eval()
    for name, values in network.state_dict().items():
        if values.is_floating_point():
            values.copy_(randn(*values.shape, generator=generator))
            if name.endswith("running_var"):
                values.abs_().add_(0.1)
    return network


def _masks(n: int, height: int, width: int, generator: torch.Generator) -> Tensor:
    """Boolean masks, (n, height, width), with about a third of the pixels inside."""
    masks = torch.rand(n, height, width, generator=generator) < 0.35
    masks[:, 0, 0], masks[:, -1, -1] = True, False  # neither empty nor full
    return masks
