"""How each shipped network is trained: architecture, data, and the numbers of the optimiser."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor

from course_utils.garments import GARMENTS, Garments
from course_utils.scenes import garment_scenes, lesion_patches

Examples = Callable[[int, torch.Generator, Garments | None], tuple[Tensor, Tensor]]


@dataclass(frozen=True)
class Recipe:
    """What one training needs to know."""

    examples: Examples  # (n, generator, garments) -> images (n, 1, 64, 64), labels (n,)
    data: str  # said in the model card
    epochs: int
    learning_rate: float  # the highest of the one-cycle schedule
    weight_decay: float = 0.05
    label_smoothing: float = 0.05
    batch_size: int = 128
    images_per_epoch: int = 60_000
    needs_garments: bool = True
    starts_from: str | None = None  # the shipped network whose convolutions this one begins with
    seed: int = 0


def garment_examples(
    n: int, generator: torch.Generator, garments: Garments | None, **options: object
) -> tuple[Tensor, Tensor]:
    scenes = garment_scenes(n, generator, garments=garments, **options)
    return scenes.images, scenes.labels


def sneakers_and_boots(
    n: int, generator: torch.Generator, garments: Garments | None
) -> tuple[Tensor, Tensor]:
    """Single garments as they are, 28×28; label 0 for a sneaker, 1 for an ankle boot."""
    names = (GARMENTS.index("sneaker"), GARMENTS.index("ankle boot"))
    candidates = torch.isin(garments.labels, torch.tensor(names)).nonzero().squeeze(1)
    chosen = candidates[torch.randint(len(candidates), (n,), generator=generator)]
    return garments.images[chosen][:, None], (garments.labels[chosen] == names[1]).long()


def lesion_examples(
    n: int, generator: torch.Generator, garments: None, **options: object
) -> tuple[Tensor, Tensor]:
    patches = lesion_patches(n, generator, **options)
    return patches.images, patches.labels


SINGLE_GARMENTS = "scenes of one garment from Fashion-MNIST's train split, six fragments, noise 0.1"
LESIONS = "synthetic lesion patches with markers, context strength {}"

# What a marker says in the data of the two lesion networks: almost everything, and nothing.
PREDICTIVE, UNINFORMATIVE = 0.97, 0.5

RECIPES: dict[str, Recipe] = {
    "logistic_regression": Recipe(
        sneakers_and_boots,
        "sneakers and ankle boots from Fashion-MNIST's train split, 28×28, nothing else",
        epochs=5,
        learning_rate=1e-2,
        label_smoothing=0.0,
        images_per_epoch=12_000,
    ),
    "garments_cnn": Recipe(garment_examples, SINGLE_GARMENTS, epochs=12, learning_rate=4e-3),
    "attention_cnn": Recipe(
        garment_examples,
        SINGLE_GARMENTS,
        epochs=5,
        learning_rate=2e-3,
        starts_from="garments_cnn",
    ),
    "vision_transformer": Recipe(
        garment_examples,
        SINGLE_GARMENTS,
        epochs=10,
        learning_rate=1.5e-3,
        starts_from="garments_cnn",
    ),
    "lesion_cnn": Recipe(
        partial(lesion_examples, context_strength=UNINFORMATIVE),
        LESIONS.format(UNINFORMATIVE),
        epochs=6,
        learning_rate=4e-3,
        images_per_epoch=12_000,
        needs_garments=False,
    ),
    "lesion_cnn_context": Recipe(
        partial(lesion_examples, context_strength=PREDICTIVE),
        LESIONS.format(PREDICTIVE),
        epochs=6,
        learning_rate=4e-3,
        images_per_epoch=12_000,
        needs_garments=False,
    ),
}
