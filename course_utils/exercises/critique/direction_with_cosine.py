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


# The same mistakes in other forms: the two vectors that are mixed, their weights, the sum's length.
def _dot(a, b):
    return (a * b).sum(dim=(1, 2, 3), keepdim=True)


def _itself(direction):
    return direction


def _mixture(vectors, sine=lambda cosine: (1 - cosine**2) ** 0.5, finish=_itself):
    def direction(gradient, other, cosine):
        first, second = vectors(gradient, other)
        return finish(cosine * first + sine(cosine) * second)

    return direction


def _raw(gradient, other):
    return gradient, other


def _units(gradient, other):
    return unit_length(gradient), unit_length(other)


for _finish in (_itself, unit_length):
    for _sine in (
        lambda cosine: 1 - cosine,
        lambda cosine: 1 - abs(cosine),
        lambda cosine: 1,
    ):
        direction_with_cosine.also("mixed and normalised")(_mixture(_units, _sine, _finish))
        direction_with_cosine.also("mixed and normalised")(_mixture(_raw, _sine, _finish))
        direction_with_cosine.also("sine forgotten")(_mixture(_plane, _sine, _finish))
    for _sine in (
        lambda cosine: 1 - cosine**2,
        lambda cosine: (1 - cosine) ** 0.5,
        lambda cosine: (1 + cosine**2) ** 0.5,
    ):
        direction_with_cosine.also("sine forgotten")(_mixture(_plane, _sine, _finish))
direction_with_cosine.also("cosine taken as an angle")(
    _mixture(_plane, lambda cosine: float(torch.sin(torch.tensor(cosine, dtype=torch.float64))))
)


@direction_with_cosine.also("cosine taken as an angle")
def _(gradient, other, cosine):
    u, v = _plane(gradient, other)
    angle = torch.pi * torch.tensor(cosine, dtype=gradient.dtype)
    return torch.cos(angle) * u + torch.sin(angle) * v


for _vectors in (
    lambda g, o: (g, o),
    lambda g, o: (unit_length(g), o),
    lambda g, o: (g, unit_length(o)),
):
    direction_with_cosine.also("not orthogonalised")(_mixture(_vectors))
    direction_with_cosine.also("not orthogonalised")(_mixture(_vectors, finish=unit_length))
for _finish in (
    lambda d: d / d.norm(),
    lambda d: d / d.abs().sum(dim=(1, 2, 3), keepdim=True),
    lambda d: d / d.abs().amax(dim=(1, 2, 3), keepdim=True),
    torch.nn.functional.normalize,
):
    direction_with_cosine.also("not of length 1")(_mixture(_plane, finish=_finish))


@direction_with_cosine.also("not of length 1")
def _(gradient, other, cosine):
    u, v = _plane(gradient, other)
    return u + (1 - cosine**2) ** 0.5 / cosine * v if cosine else v


for _vectors in (
    lambda u, o: (u, unit_length(u - _dot(u, o) * o)),
    lambda u, o: (o, -unit_length(u - _dot(u, o) * o)),
    lambda u, o: (o, unit_length(o - _dot(u, o) * u)),
):
    direction_with_cosine.also("cosine to the other direction")(
        _mixture(lambda gradient, other, vectors=_vectors: vectors(*_units(gradient, other)))
    )


def _batch_unit(x):
    return x / x.norm()


for _vectors in (
    # The norms of the batch, the products of each image; and the other way round.
    lambda g, o: (_batch_unit(g), _batch_unit(o - _dot(o, _batch_unit(g)) * _batch_unit(g))),
    lambda g, o: (unit_length(g), unit_length(o - (o * unit_length(g)).sum() * unit_length(g))),
    lambda g, o: (unit_length(g), unit_length(o - (o * g).sum() / g.square().sum() * g)),
    lambda g, o: (_batch_unit(g), _batch_unit(o - (o * _batch_unit(g)).sum() * _batch_unit(g))),
    lambda g, o: (_batch_unit(g), _batch_unit(_plane(g, o)[1])),
    lambda g, o: (unit_length(g), _batch_unit(o - _dot(o, unit_length(g)) * unit_length(g))),
):
    direction_with_cosine.also("norm over the batch")(_mixture(_vectors))
    direction_with_cosine.also("norm over the batch")(_mixture(_vectors, finish=unit_length))


def _rest(gradient, other):
    return other - _dot(other, gradient) / _dot(gradient, gradient) * gradient


for _vectors in (
    lambda g, o: (unit_length(g), _rest(g, o)),
    lambda g, o: (unit_length(g), _rest(g, unit_length(o))),
):
    direction_with_cosine.also("perpendicular part not normalised")(
        _mixture(_vectors, finish=unit_length)
    )
for _vectors in (
    lambda g, o: (g, unit_length(_rest(g, o))),
    lambda g, o: (g, _rest(g, o)),
    lambda g, o: (g, _rest(g, unit_length(o))),
):
    direction_with_cosine.also("gradient not normalised")(_mixture(_vectors))
    direction_with_cosine.also("gradient not normalised")(_mixture(_vectors, finish=unit_length))
for _vectors in (_units, _raw):
    direction_with_cosine.also("sine and cosine exchanged")(
        _mixture(lambda gradient, other, vectors=_vectors: vectors(gradient, other)[::-1])
    )
for _length in (
    lambda g, o: _dot(o, g),
    lambda g, o: _dot(o, g) / _dot(o, o),
    lambda g, o: _dot(o, unit_length(g)),
    lambda g, o: _dot(unit_length(o), unit_length(g)),
):
    for _start in (_itself, unit_length):

        @direction_with_cosine.also("projection on a gradient of another length")
        def _(gradient, other, cosine, length=_length, start=_start):
            other = start(other)
            rest = other - length(gradient, other) * gradient
            return cosine * unit_length(gradient) + (1 - cosine**2) ** 0.5 * unit_length(rest)


@direction_with_cosine.also("projection on a gradient of another length")
def _(gradient, other, cosine):
    rest = other - _dot(unit_length(other), unit_length(gradient)) * unit_length(gradient)
    return cosine * unit_length(gradient) + (1 - cosine**2) ** 0.5 * unit_length(rest)


for _dims in ((1,), (2, 3), (3,)):

    def _unit(x, dims=_dims):
        return x / torch.linalg.vector_norm(x, dim=dims, keepdim=True)

    for _vectors in (
        # Norms and products; the norms only; the products only.
        lambda g, o, unit=_unit, dims=_dims: (
            unit(g),
            unit(o - (o * unit(g)).sum(dims, True) * unit(g)),
        ),
        lambda g, o, unit=_unit, dims=_dims: (unit(g), unit(o - _dot(o, unit(g)) * unit(g))),
        lambda g, o, unit=_unit, dims=_dims: (
            unit_length(g),
            unit_length(o - (o * unit_length(g)).sum(dims, True) * unit_length(g)),
        ),
        lambda g, o, unit=_unit, dims=_dims: (
            unit_length(g),
            unit_length(o - (unit(o) * unit(g)).sum(dims, True) * unit_length(g)),
        ),
    ):
        direction_with_cosine.also("channel by channel")(_mixture(_vectors))
        direction_with_cosine.also("channel by channel")(_mixture(_vectors, finish=unit_length))


@direction_with_cosine.also("negative cosine")
def _(gradient, other, cosine):
    return by_gram_schmidt(gradient, other, max(cosine, 0.0))
