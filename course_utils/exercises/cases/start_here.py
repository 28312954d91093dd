"""Cases of the practice exercise."""

from __future__ import annotations

import torch

from course_utils.exercises.cases.case import Case


def brightness(seed: int) -> list[Case]:
    """Batches of one and of several images, one channel and three, not square."""
    generator = torch.Generator().manual_seed(seed)
    shapes = {
        "two colour images": (2, 3, 4, 5),
        "one grayscale image": (1, 1, 6, 3),
        "five colour images": (5, 3, 2, 2),
    }
    return [
        Case(name, {"images": torch.rand(shape, generator=generator, dtype=torch.float64)})
        for name, shape in shapes.items()
    ]
