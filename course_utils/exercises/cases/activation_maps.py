"""Cases of lecture 4: activation maps.

Small convolutional networks, one of which changes the recorded layer's output in place; images that
are not square.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from course_utils.exercises.cases.case import Case
from course_utils.exercises.cases.ingredients import new_generator, rand, randn


def class_activation_map(seed: int) -> list[Case]:
    """Weights of both signs; as many classes as channels in one case."""
    generator = new_generator(seed)
    settings = {
        "two images, 5 channels, class 1 of 3": ((2, 5, 3, 4), 3, 1),
        "three images, 4 channels, class 3 of 4": ((3, 4, 2, 5), 4, 3),
        "one image, 6 channels, class 0 of 2": ((1, 6, 4, 3), 2, 0),
    }
    return [
        Case(
            name,
            {
                "activations": randn(*shape, generator=generator),
                "weight": randn(n_classes, shape[1], generator=generator),
                "target": target,
            },
        )
        for name, (shape, n_classes, target) in settings.items()
    ]


def record(seed: int) -> list[Case]:
    """A layer in the middle, the last convolution, and one that is followed by an in-place ReLU."""
    generator = new_generator(seed)
    return [
        _on_network("the last convolution, two images", 2, "4", 1, False, generator),
        _on_network("a layer in the middle, three images", 3, "2", 0, False, generator),
        _on_network("one image, and an in-place ReLU after the layer", 1, "2", 2, True, generator),
        _on_network("two images, and an in-place ReLU after the layer", 2, "4", 2, True, generator),
    ]


def gradcam_weights(seed: int) -> list[Case]:
    """Gradients of both signs; as many images as channels in one case."""
    generator = new_generator(seed)
    shapes = {
        "two images, 5 channels": (2, 5, 3, 4),
        "three images, 3 channels": (3, 3, 2, 5),
        "one image, 4 channels": (1, 4, 4, 2),
    }
    return [
        Case(name, {"gradients": randn(*shape, generator=generator)})
        for name, shape in shapes.items()
    ]


def gradcam(seed: int) -> list[Case]:
    """Every class, because a ReLU may leave nothing of one class's map; coarse and finer layers."""
    generator = new_generator(seed)
    coarse = [
        _on_network(f"three images, class {target}", 3, "4", target, False, generator)
        for target in range(3)
    ]
    return [
        *coarse,
        _on_network("two images, an earlier layer", 2, "2", 0, False, generator),
        _on_network("two images, the first layer", 2, "0", 1, False, generator),
        _on_network("one image, and an in-place ReLU after the layer", 1, "4", 2, True, generator),
    ]


def _on_network(
    name: str, n: int, layer: str, target: int, in_place: bool, generator: torch.Generator
) -> Case:
    model = _network(in_place, generator)
    model.train(layer == "2")  # works alike in both modes, but is the caller's to choose
    images = rand(n, 2, 10, 14, generator=generator)
    arguments = {"model": model, "layer": model.get_submodule(layer), "images": images}
    arguments["layer"].register_forward_hook(_hook_of_the_caller)  # who clears all hooks is seen
    return Case(name, {**arguments, "target": target}, parts=("the activations", "the gradients"))


def _hook_of_the_caller(_layer: nn.Module, _inputs: tuple, _output: Tensor) -> None:
    """Somebody else watches this layer, too."""


class _Square(nn.Module):
    """Makes the part after the layer nonlinear, so that each place has a gradient of its own."""

    def forward(self, features: Tensor) -> Tensor:
        return features + 0.5 * features**2


def _network(in_place: bool, generator: torch.Generator) -> nn.Module:
    """Convolution, pooling to half the size, convolutions, global average pooling, linear layer."""
    activation = nn.ReLU(inplace=True) if in_place else nn.Tanh()
    network = nn.Sequential(
        nn.Conv2d(2, 4, 3, padding=1),
        nn.Tanh(),
        nn.Conv2d(4, 5, 3, padding=1, stride=2),
        activation,
        nn.Conv2d(5, 6, 3, padding=1),
        nn.ReLU(inplace=True) if in_place else _Square(),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(6, 3),
    ).double()
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.copy_(0.6 * randn(*parameter.shape, generator=generator))
            # The caller may be training this network: who wipes these gradients spoils a step.
            parameter.grad = randn(*parameter.shape, generator=generator)
    return network
