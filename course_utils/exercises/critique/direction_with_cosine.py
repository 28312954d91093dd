"""The exercise `direction_with_cosine`: what it asks for, right answers of other kinds, and misconceptions."""

from __future__ import annotations

import torch

from course_utils import critique as references
from course_utils.exercises.exercise import Exercise

direction_with_cosine = Exercise(
    name="direction_with_cosine",
    reference=references.direction_with_cosine,
    teaches="that there are many quick ways up, of which the gradient is one",
    difficulty=3,
    minutes=20,
    points=3,
    hints=(
        "Think in the plane that gradient and other span. Take two perpendicular unit vectors in it.",
        "u is the gradient divided by its norm. v is what is left of `other` after its part along u "
        "is taken away, (other·u) u, divided by its norm.",
        "The direction is cos·u + sin·v, with sin = √(1 − cos²). Norms and dot products are taken for "
        "each image.",
    ),
)


@direction_with_cosine.right_variant
def by_gram_schmidt(gradient, other, cosine):
    u, v = _plane(gradient, other)
    return cosine * u + (1 - cosine**2) ** 0.5 * v


@direction_with_cosine.right_variant
def by_angle(gradient, other, cosine):
    u, v = _plane(gradient, other)
    angle = torch.arccos(torch.tensor(cosine, dtype=gradient.dtype))
    return torch.cos(angle) * u + torch.sin(angle) * v


@direction_with_cosine.right_variant
def image_by_image_with_qr(gradient, other, cosine):
    directions = []
    for g, o in zip(gradient, other, strict=True):
        basis, triangle = torch.linalg.qr(torch.stack([g.flatten(), o.flatten()], dim=1))
        basis = basis * triangle.diagonal().sign()
        directions.append((cosine * basis[:, 0] + (1 - cosine**2) ** 0.5 * basis[:, 1]).view_as(g))
    return torch.stack(directions)


def unit_length(x):
    return x / torch.linalg.vector_norm(x, dim=(1, 2, 3), keepdim=True)


def _plane(gradient, other):
    u = unit_length(gradient)
    return u, unit_length(other - (other * u).sum(dim=(1, 2, 3), keepdim=True) * u)


@direction_with_cosine.misconception(
    "not orthogonalised",
    "`other` was used as it is. Its part along the gradient must be taken away first, or the angle is "
    "another one.",
)
def _(gradient, other, cosine):
    return cosine * unit_length(gradient) + (1 - cosine**2) ** 0.5 * unit_length(other)


@direction_with_cosine.misconception(
    "mixed and normalised",
    "This is a mixture of the two directions, made a unit vector. Its cosine to the gradient is not the "
    "one asked for: first take away from `other` its part along the gradient.",
)
def _(gradient, other, cosine):
    return unit_length(cosine * unit_length(gradient) + (1 - cosine) * unit_length(other))


@direction_with_cosine.misconception(
    "sine forgotten",
    "The weight of the perpendicular part is another function of the cosine. It should be the sine, "
    "√(1 − cos²): only then the sum has the length 1 and the right angle.",
)
def _(gradient, other, cosine):
    u, v = _plane(gradient, other)
    return cosine * u + (1 - cosine) * v


@direction_with_cosine.misconception(
    "not of length 1",
    "The direction is right, but its length is not 1. It should have the L2 norm 1.",
)
def _(gradient, other, cosine):
    norms = torch.linalg.vector_norm(gradient, dim=(1, 2, 3), keepdim=True)
    return norms * by_gram_schmidt(gradient, other, cosine)


@direction_with_cosine.misconception(
    "on the other side",
    "The cosine is right, but the direction leans away from `other`. Of the two directions in the "
    "plane, take the one on its side.",
)
def _(gradient, other, cosine):
    u, v = _plane(gradient, other)
    return cosine * u - (1 - cosine**2) ** 0.5 * v


@direction_with_cosine.misconception(
    "cosine to the other direction",
    "This has the cosine to `other`. It is the angle to the *gradient* that is asked for.",
)
def _(gradient, other, cosine):
    return by_gram_schmidt(other, gradient, cosine)


@direction_with_cosine.misconception(
    "norm over the batch",
    "The norms and products run over the whole batch. Each image has its own.",
)
def _(gradient, other, cosine):
    u = gradient / gradient.norm()
    v = other - (other * u).sum() * u
    return cosine * u + (1 - cosine**2) ** 0.5 * v / v.norm()


@direction_with_cosine.misconception(
    "perpendicular part not normalised",
    "The perpendicular part was not made a unit vector, so that both length and angle are off.",
)
def _(gradient, other, cosine):
    u = unit_length(gradient)
    rest = other - (other * u).sum(dim=(1, 2, 3), keepdim=True) * u
    return cosine * u + (1 - cosine**2) ** 0.5 * rest


@direction_with_cosine.also("mixed and normalised")
def _(gradient, other, cosine):
    mixed = cosine * unit_length(gradient) + (1 - cosine**2) ** 0.5 * unit_length(other)
    return unit_length(mixed)


@direction_with_cosine.also("sine forgotten")
def _(gradient, other, cosine):
    u, v = _plane(gradient, other)
    return unit_length(cosine * u + (1 - cosine) * v)


@direction_with_cosine.also("sine forgotten")
def _(gradient, other, cosine):
    u, v = _plane(gradient, other)
    return cosine * u + (1 - cosine) ** 0.5 * v


@direction_with_cosine.also("sine forgotten")
def _(gradient, other, cosine):
    u, v = _plane(gradient, other)
    return cosine * u + (1 - cosine**2) * v


@direction_with_cosine.also("not of length 1")
def _(gradient, other, cosine):
    return gradient[0].numel() ** 0.5 * by_gram_schmidt(gradient, other, cosine)


@direction_with_cosine.misconception(
    "sine and cosine exchanged",
    "Sine and cosine are exchanged: the cosine is the weight of the gradient's direction.",
)
def _(gradient, other, cosine):
    u, v = _plane(gradient, other)
    return (1 - cosine**2) ** 0.5 * u + cosine * v


@direction_with_cosine.misconception(
    "cosine taken as an angle",
    "The cosine was used as an angle. It is given already: the sine is √(1 − cos²).",
)
def _(gradient, other, cosine):
    u, v = _plane(gradient, other)
    angle = torch.tensor(cosine, dtype=gradient.dtype)
    return torch.cos(angle) * u + torch.sin(angle) * v


@direction_with_cosine.misconception(
    "gradient not normalised",
    "The gradient's length plays a part, or that of the perpendicular one. Make both unit vectors before "
    "they are mixed.",
)
def _(gradient, other, cosine):
    _, v = _plane(gradient, other)
    return cosine * gradient + (1 - cosine**2) ** 0.5 * v


@direction_with_cosine.also("gradient not normalised")
def _(gradient, other, cosine):
    u = unit_length(gradient)
    rest = other - (other * u).sum(dim=(1, 2, 3), keepdim=True) * u
    return unit_length(cosine * gradient + (1 - cosine**2) ** 0.5 * rest)


@direction_with_cosine.misconception(
    "projection on a gradient of another length",
    "The part along the gradient was not taken away in full: (other·g) g is that part only if g has the "
    "length 1.",
)
def _(gradient, other, cosine):
    rest = other - (other * gradient).sum(dim=(1, 2, 3), keepdim=True) * gradient
    return cosine * unit_length(gradient) + (1 - cosine**2) ** 0.5 * unit_length(rest)


@direction_with_cosine.misconception(
    "channel by channel",
    "Norms and products were taken for each channel. They run over the whole image, its channels included.",
)
def _(gradient, other, cosine):
    def unit(x):
        return x / torch.linalg.vector_norm(x, dim=(2, 3), keepdim=True)

    u = unit(gradient)
    v = unit(other - (other * u).sum(dim=(2, 3), keepdim=True) * u)
    return cosine * u + (1 - cosine**2) ** 0.5 * v


@direction_with_cosine.misconception(
    "negative cosine",
    "This fails for negative cosines. There the direction leads away from the gradient, and is still on "
    "the side of `other`.",
)
def _(gradient, other, cosine):
    return by_gram_schmidt(gradient, other, abs(cosine))


@direction_with_cosine.also("negative cosine")
def _(gradient, other, cosine):
    u, v = _plane(gradient, other)
    return cosine * u + (1 if cosine >= 0 else -1) * (1 - cosine**2) ** 0.5 * v


@direction_with_cosine.also("negative cosine")
def _(gradient, other, cosine):
    return (1 if cosine >= 0 else -1) * by_gram_schmidt(gradient, other, cosine)


@direction_with_cosine.also("perpendicular part not normalised")
def _(gradient, other, cosine):
    u, o = unit_length(gradient), unit_length(other)
    rest = o - (o * u).sum(dim=(1, 2, 3), keepdim=True) * u
    return cosine * u + (1 - cosine**2) ** 0.5 * rest
