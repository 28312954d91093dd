"""The exercise `ascend`: what it asks for, right answers of other kinds, and misconceptions."""

from __future__ import annotations

import torch

from course_utils import critique as references
from course_utils.exercises.critique.direction_with_cosine import unit_length
from course_utils.exercises.exercise import Exercise
from course_utils.gradients import vanilla_gradient

ascend = Exercise(
    name="ascend",
    reference=references.ascend,
    teaches="where the gradient leads if one keeps following it",
    difficulty=2,
    minutes=20,
    points=2,
    hints=(
        "It is a loop: at each point, take the gradient *there*, and go one step of the given length.",
        "The length of a step is its L2 norm, for each image: divide the gradient by its own norm.",
        "Keep all points in a list, the image first, and join them with torch.stack(way, dim=1).",
    ),
)


@ascend.right_variant
def by_list_and_stack(f, images, step, n_steps):
    way = [images.clone()]
    for _ in range(n_steps):
        way.append(way[-1] + step * unit_length(vanilla_gradient(f, way[-1])))
    return torch.stack(way, dim=1)


@ascend.right_variant
def into_a_tensor(f, images, step, n_steps):
    n, *shape = images.shape
    way = torch.zeros(n, n_steps + 1, *shape, dtype=images.dtype)
    way[:, 0] = images
    for k in range(n_steps):
        point = way[:, k].clone().requires_grad_(True)
        f(point).sum().backward()
        length = point.grad.flatten(1).norm(dim=1).view(n, *[1] * len(shape))
        way[:, k + 1] = point.detach() + step * point.grad / length
    return way


@ascend.right_variant
def one_image_after_another(f, images, step, n_steps):
    return torch.cat([by_list_and_stack(f, image[None], step, n_steps) for image in images])


def _way(f, images, n_steps, move):
    way = [images.clone()]
    for _ in range(n_steps):
        way.append(move(way[-1]))
    return torch.stack(way, dim=1)


@ascend.misconception(
    "gradient of the start",
    "Every step follows the gradient at the first image, so that the way is a straight line. Take it "
    "anew at each point.",
)
def _(f, images, step, n_steps):
    direction = unit_length(vanilla_gradient(f, images))
    return _way(f, images, n_steps, lambda point: point + step * direction)


@ascend.misconception(
    "not normalised",
    "The steps are `step` times the gradient, whose norm is not 1. Each step should have the L2 length "
    "`step`.",
)
def _(f, images, step, n_steps):
    return _way(f, images, n_steps, lambda point: point + step * vanilla_gradient(f, point))


@ascend.misconception(
    "descent",
    "This way goes down: the gradient was subtracted.",
)
def _(f, images, step, n_steps):
    return _way(
        f, images, n_steps, lambda point: point - step * unit_length(vanilla_gradient(f, point))
    )


@ascend.misconception(
    "sign of the gradient",
    "The steps follow the sign of the gradient, as in BIM. Follow the gradient itself, scaled to the "
    "L2 length `step`.",
)
def _(f, images, step, n_steps):
    return _way(f, images, n_steps, lambda point: point + step * vanilla_gradient(f, point).sign())


@ascend.misconception(
    "clipped",
    "The points were clipped to [0, 1]. Here nothing keeps them there: that the way leaves the box is "
    "what the experiment is to show.",
)
def _(f, images, step, n_steps):
    def move(point):
        return (point + step * unit_length(vanilla_gradient(f, point))).clamp(0, 1)

    return _way(f, images, n_steps, move)


@ascend.misconception(
    "end point only",
    "This is the last point alone. Return the whole way, (N, n_steps + 1, C, H, W).",
)
def _(f, images, step, n_steps):
    return by_list_and_stack(f, images, step, n_steps)[:, -1]


@ascend.misconception(
    "start missing",
    "The first image is missing. The way has n_steps + 1 points, the image itself first.",
)
def _(f, images, step, n_steps):
    return by_list_and_stack(f, images, step, n_steps)[:, 1:]


@ascend.misconception(
    "steps on the first axis",
    "The points are on the first axis. The images come first: (N, n_steps + 1, C, H, W).",
)
def _(f, images, step, n_steps):
    return by_list_and_stack(f, images, step, n_steps).transpose(0, 1)


@ascend.misconception(
    "norm over the batch",
    "The gradients were divided by the norm of the whole batch. Each image's step has the length "
    "`step`.",
)
def _(f, images, step, n_steps):
    def move(point):
        gradient = vanilla_gradient(f, point)
        return point + step * gradient / gradient.norm()

    return _way(f, images, n_steps, move)


@ascend.misconception(
    "another norm",
    "The gradient was divided by something else than its L2 norm: another norm, or one for each channel or "
    "row. Each image's gradient has one L2 norm, over all its pixels and channels.",
)
def _(f, images, step, n_steps):
    return _by_norm(f, images, step, n_steps, lambda g: g.abs().sum(dim=(1, 2, 3), keepdim=True))


def _by_norm(f, images, step, n_steps, norm):
    def move(point):
        gradient = vanilla_gradient(f, point)
        return point + step * gradient / norm(gradient)

    return _way(f, images, n_steps, move)


@ascend.also("another norm")
def _(f, images, step, n_steps):
    return _by_norm(f, images, step, n_steps, lambda g: g.abs().amax(dim=(1, 2, 3), keepdim=True))


@ascend.also("another norm")
def _(f, images, step, n_steps):
    return _by_norm(f, images, step, n_steps, lambda g: g.square().sum((1, 2, 3), keepdim=True))


@ascend.also("another norm")
def _(f, images, step, n_steps):
    return _by_norm(f, images, step, n_steps, lambda g: g.norm(dim=(2, 3), keepdim=True))


@ascend.also("another norm")
def _(f, images, step, n_steps):
    return _by_norm(f, images, step, n_steps, lambda g: g.norm(dim=1, keepdim=True))


@ascend.also("another norm")
def _(f, images, step, n_steps):
    return _by_norm(f, images, step, n_steps, lambda g: g.norm(dim=3, keepdim=True))


@ascend.misconception(
    "norm of the first gradient",
    "All gradients were divided by the first one's norm. Each step has the length `step`: divide by the "
    "norm of the gradient at hand.",
)
def _(f, images, step, n_steps):
    first = torch.linalg.vector_norm(vanilla_gradient(f, images), dim=(1, 2, 3), keepdim=True)
    return _by_norm(f, images, step, n_steps, lambda g: first)


@ascend.misconception(
    "one step too few",
    "A step is missing: the way has n_steps + 1 points, the image itself first.",
)
def _(f, images, step, n_steps):
    return by_list_and_stack(f, images, step, n_steps)[:, :-1]


@ascend.misconception(
    "step divided by their number",
    "`step` was divided by n_steps. It is the length of each single step.",
)
def _(f, images, step, n_steps):
    return by_list_and_stack(f, images, step / n_steps, n_steps)


@ascend.misconception(
    "one tensor again and again",
    "All points are the last one: the list holds one tensor again and again, and each step changed it in "
    "place. Make a new tensor in each step.",
)
def _(f, images, step, n_steps):
    way = by_list_and_stack(f, images, step, n_steps)
    return way[:, -1:].expand_as(way)


@ascend.misconception(
    "always from the start",
    "Every step starts at the first image again. Go on from where the last one led.",
)
def _(f, images, step, n_steps):
    return _way(
        f, images, n_steps, lambda point: images + step * unit_length(vanilla_gradient(f, point))
    )


@ascend.misconception(
    "steps instead of points",
    "These are the steps, not the points that they lead to. Add each step to where one has got to.",
)
def _(f, images, step, n_steps):
    way = by_list_and_stack(f, images, step, n_steps)
    return torch.cat([torch.zeros_like(way[:, :1]), way.diff(dim=1)], dim=1)


@ascend.also("steps instead of points")
def _(f, images, step, n_steps):
    way = by_list_and_stack(f, images, step, n_steps)
    return torch.cat([way[:, :1], way.diff(dim=1)], dim=1)


@ascend.also("another norm")
def _(f, images, step, n_steps):
    return _by_norm(
        f, images, step, n_steps, lambda g: g.square().mean(dim=(1, 2, 3), keepdim=True).sqrt()
    )


# The same mistakes in other forms: each step's vector is `vector(gradient)`, a point ends at `limit`.
def _walk(vector, sign=1, limit=lambda point: point, anew=True, onwards=True):
    def way(f, images, step, n_steps):
        first = vanilla_gradient(f, images)

        def move(point):
            gradient = vanilla_gradient(f, point) if anew else first
            return limit((point if onwards else images) + sign * step * vector(gradient))

        return _way(f, images, n_steps, move)

    return way


def _clip(point):
    return point.clamp(0, 1)


def _itself(gradient):
    return gradient


def _sign(gradient):
    return gradient.sign()


def _by_batch_norm(gradient):
    return gradient / gradient.norm()


def _norms(gradient, order=2):
    return torch.linalg.vector_norm(gradient, ord=order, dim=(1, 2, 3), keepdim=True)


VECTORS = {
    "not normalised": [_itself, lambda g: g / len(g), lambda g: g * _norms(g)],
    "sign of the gradient": [
        _sign,
        lambda g: unit_length(g.sign()),
        lambda g: g.sign() / _norms(g),
    ],
    "norm over the batch": [
        _by_batch_norm,
        lambda g: g / g.abs().sum(),
        lambda g: g / g.abs().max(),
        lambda g: g / _norms(g)[:1],
        lambda g: g / _norms(g).mean(),
        lambda g: g / _norms(g).max(),
        lambda g: g / _norms(g).sum(),
        lambda g: g / g.norm(dim=0, keepdim=True),
    ],
    "another norm": [
        lambda g: g / _norms(g, order=1),
        lambda g: g / _norms(g, order=torch.inf),
        lambda g: g / _norms(g).square(),
        lambda g: g / g.abs().mean(dim=(1, 2, 3), keepdim=True),
        lambda g: g / g.std(dim=(1, 2, 3), keepdim=True),
        lambda g: g / g.amax(dim=(1, 2, 3), keepdim=True),
        lambda g: g / g.sum(dim=(1, 2, 3), keepdim=True),
        lambda g: g / (g.amax(dim=(1, 2, 3), keepdim=True) - g.amin(dim=(1, 2, 3), keepdim=True)),
        lambda g: g / torch.linalg.matrix_norm(g, keepdim=True),
        lambda g: g / torch.linalg.matrix_norm(g, ord=2, keepdim=True),
        lambda g: g / torch.linalg.matrix_norm(g, ord="nuc", keepdim=True),
        lambda g: g / g.norm(dim=(1, 2), keepdim=True),
        lambda g: g / g.abs().amax(dim=(2, 3), keepdim=True),
        lambda g: g / g.square().mean(dim=(2, 3), keepdim=True).sqrt(),
        lambda g: g / (_norms(g) + 1),
    ],
}
for _name, _vectors in VECTORS.items():
    for _vector in _vectors:
        ascend.also(_name)(_walk(_vector))
    ascend.also(_name)(_walk(_vectors[0], sign=-1))
    ascend.also(_name)(_walk(_vectors[0], limit=_clip))
for _vector in (unit_length, _itself, _sign, _by_batch_norm):
    ascend.also("gradient of the start")(_walk(_vector, anew=False))
    ascend.also("gradient of the start")(_walk(_vector, anew=False, sign=-1))
    ascend.also("gradient of the start")(_walk(_vector, anew=False, limit=_clip))
    ascend.also("always from the start")(_walk(_vector, onwards=False))
ascend.also("always from the start")(_walk(unit_length, anew=False, onwards=False))
ascend.also("descent")(_walk(unit_length, sign=-1, limit=_clip))
for _low, _high in ((0, None), (None, 1), (-1, 1)):
    ascend.also("clipped")(
        _walk(unit_length, limit=lambda point, low=_low, high=_high: point.clamp(low, high))
    )


@ascend.also("clipped")
def _(f, images, step, n_steps):
    return by_list_and_stack(f, images, step, n_steps).clamp(0, 1)


@ascend.also("clipped")
def _(f, images, step, n_steps):
    darkest, brightest = images.amin((1, 2, 3), True), images.amax((1, 2, 3), True)
    return _walk(unit_length, limit=lambda p: p.clamp(darkest, brightest))(f, images, step, n_steps)


@ascend.also("clipped")
def _(f, images, step, n_steps):
    darkest, brightest = images.min(), images.max()
    return _walk(unit_length, limit=lambda p: p.clamp(darkest, brightest))(f, images, step, n_steps)


@ascend.also("norm of the first gradient")
def _(f, images, step, n_steps):
    first = vanilla_gradient(f, images).norm()
    return _by_norm(f, images, step, n_steps, lambda g: first)


@ascend.also("step divided by their number")
def _(f, images, step, n_steps):
    return by_list_and_stack(f, images, step / (n_steps + 1), n_steps)


@ascend.also("step divided by their number")
def _(f, images, step, n_steps):
    return _walk(_itself)(f, images, step / n_steps, n_steps)


@ascend.also("one tensor again and again")
def _(f, images, step, n_steps):
    way = by_list_and_stack(f, images, step, n_steps)
    return torch.cat([way[:, :1], way[:, -1:].expand_as(way[:, 1:])], dim=1)


@ascend.also("start missing")
def _(f, images, step, n_steps):
    return by_list_and_stack(f, images, step, n_steps + 1)[:, 1:]


@ascend.also("start missing")
def _(f, images, step, n_steps):
    return by_list_and_stack(f, images, step, n_steps)[:, 1:].transpose(0, 1)


@ascend.also("one step too few")
def _(f, images, step, n_steps):
    way = by_list_and_stack(f, images, step, n_steps)
    return torch.cat([way[:, :-1], way[:, -2:-1]], dim=1)


@ascend.also("one step too few")
def _(f, images, step, n_steps):
    way = by_list_and_stack(f, images, step, n_steps)
    return torch.cat([way[:, :1], way[:, :-1]], dim=1)


@ascend.also("one step too few")
def _(f, images, step, n_steps):
    way = by_list_and_stack(f, images, step, n_steps)
    return torch.cat([way[:, :-1], torch.zeros_like(way[:, -1:])], dim=1)


@ascend.also("steps instead of points")
def _(f, images, step, n_steps):
    return by_list_and_stack(f, images, step, n_steps).diff(dim=1)


@ascend.also("steps instead of points")
def _(f, images, step, n_steps):
    return by_list_and_stack(f, images, step, n_steps) - images[:, None]


# What of the way is returned, right or not, besides another mistake.
PARTS = {
    "end point only": [
        lambda way: way[:, -1],
        lambda way: way[:, -1:],
        lambda way: way[:, [0, -1]],
    ],
    "start missing": [lambda way: way[:, 1:]],
    "one step too few": [lambda way: way[:, :-1]],
    "steps on the first axis": [
        lambda way: way.transpose(0, 1),
        lambda way: way.transpose(0, 1).reshape(way.shape),
        lambda way: way.transpose(0, 1).flatten(0, 1),
    ],
}


def _part_of(walk, part):
    return lambda f, images, step, n_steps: part(walk(f, images, step, n_steps))


for _name, _parts in PARTS.items():
    for _part in _parts:
        ascend.also(_name)(_part_of(_walk(unit_length), _part))
        ascend.also(_name)(_part_of(_walk(_itself), _part))
        ascend.also(_name)(_part_of(_walk(unit_length, limit=_clip), _part))
