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

    examples: Examples  # (n, generator, garments) -> images (n, 1, H, W), labels (n,)
    data: str  # said in the model card
    cycles: tuple[int, ...]  # the epochs of each cycle of the learning rate
    learning_rate: float  # the highest of the first cycle; each further cycle has half of it
    weight_decay: float = 0.05
    label_smoothing: float = 0.05
    batch_size: int = 128
    images_per_epoch: int = 60_000
    needs_garments: bool = True
    first_examples: Examples | None = None  # other ones for the first epochs, quicker to train on
    first_epochs: int = 0
    starts_from: str | None = None  # the network whose convolutions this one takes over, fixed
    seed: int = 0

    @property
    def epochs(self) -> int:
        return sum(self.cycles)


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

# How often the marker tells the truth in each lesion network's data: as by chance, always.
CONTEXT_STRENGTH = {"lesion_cnn": 0.5, "lesion_cnn_context": 1.0}

RECIPES: dict[str, Recipe] = {
    "logistic_regression": Recipe(
        sneakers_and_boots,
        "sneakers and ankle boots from Fashion-MNIST's train split, 28×28, nothing else",
        cycles=(5,),
        learning_rate=1e-2,
        label_smoothing=0.0,
        images_per_epoch=12_000,
    ),
    "garments_cnn": Recipe(
        garment_examples,
        SINGLE_GARMENTS + "; the first 8 epochs on canvases of 40×40 with three fragments",
        cycles=(11, 4),
        learning_rate=4e-3,
        # The network takes any size: on the smaller canvas an epoch costs 2/5 as much.
        first_examples=partial(garment_examples, size=40, n_fragments=3),
        first_epochs=8,
    ),
    "attention_cnn": Recipe(
        garment_examples,
        SINGLE_GARMENTS,
        cycles=(4,),
        learning_rate=2e-3,
        starts_from="garments_cnn",
    ),
    "vision_transformer": Recipe(
        garment_examples,
        SINGLE_GARMENTS,
        cycles=(4,),
        learning_rate=1.5e-3,
        starts_from="garments_cnn",
    ),
    "lesion_cnn": Recipe(
        partial(lesion_examples, context_strength=CONTEXT_STRENGTH["lesion_cnn"]),
        LESIONS.format(CONTEXT_STRENGTH["lesion_cnn"]),
        cycles=(8,),
        learning_rate=4e-3,
        images_per_epoch=16_000,
        needs_garments=False,
    ),
    "lesion_cnn_context": Recipe(
        partial(lesion_examples, context_strength=CONTEXT_STRENGTH["lesion_cnn_context"]),
        LESIONS.format(CONTEXT_STRENGTH["lesion_cnn_context"]),
        cycles=(8,),
        learning_rate=4e-3,
        images_per_epoch=16_000,
        needs_garments=False,
    ),
}
