"""The exercise `sign_changes`: what it asks for, right answers of other kinds, and misconceptions."""

from __future__ import annotations

import torch

from course_utils import smoothgrad as references
from course_utils.exercises.exercise import Exercise

sign_changes = Exercise(
    name="sign_changes",
    reference=references.sign_changes,
    teaches="a number for how unsteady a gradient is",
    difficulty=2,
    minutes=15,
    points=2,
    hints=(
        "Between two neighbours the sign changes where their product is negative. That is nearly all; "
        "what if a value is exactly zero?",
        "A zero has no sign: carry the last sign before it along, so that 1, 0, −1 counts once and "
        "1, 0, 1 not at all.",
        "Go through the points with `last`, the latest sign that is not zero. Count where "
        "sign * last < 0, then update: last = torch.where(sign != 0, sign, last).",
    ),
)


@sign_changes.right_variant
def with_the_latest_sign(values):
    last = torch.zeros_like(values[0])
    count = torch.zeros_like(values[0])
    for sign in values.sign():
        count = count + (last * sign < 0)
        last = torch.where(sign == 0, last, sign)
    return count


@sign_changes.right_variant
def curve_by_curve(values):
    counts = []
    for curve in values.reshape(len(values), -1).T:
        signs = curve[curve != 0].sign()
        counts.append(int((signs[1:] != signs[:-1]).sum()))
    return torch.tensor(counts).reshape(values.shape[1:])


@sign_changes.right_variant
def with_zeros_filled(values):
    positions = torch.arange(len(values)).view(-1, *[1] * (values.ndim - 1))
    latest = torch.where(values != 0, positions, 0).cummax(dim=0).values
    filled = values.sign().gather(0, latest)
    return (filled[1:] * filled[:-1] < 0).sum(dim=0)


@sign_changes.misconception(
    "zeros hide a change",
    "A change of sign across a zero is missed: in 1, 0, −1 the sign changes once, though no product of "
    "neighbours is negative. Carry the last sign along.",
)
def _(values):
    return (values[1:] * values[:-1] < 0).sum(dim=0)


@sign_changes.misconception(
    "zero taken for a sign",
    "A step to zero, or from it, was counted as a change. Zero has no sign: in 1, 0, 1 it does not "
    "change, and in 1, 0, −1 it changes once.",
)
def _(values):
    return (values.sign()[1:] != values.sign()[:-1]).sum(dim=0)


@sign_changes.misconception(
    "zero taken for positive",
    "Zero was taken for positive, so that −1, 0, −1 counts two changes. It has no sign: there are "
    "none.",
)
def _(values):
    return ((values >= 0)[1:] != (values >= 0)[:-1]).sum(dim=0)


@sign_changes.misconception(
    "zero taken for negative",
    "Zero was taken for negative, so that 1, 0, 1 counts two changes. It has no sign: there are none.",
)
def _(values):
    return ((values > 0)[1:] != (values > 0)[:-1]).sum(dim=0)


@sign_changes.misconception(
    "half a change at zero",
    "A step to zero, or from it, was counted as half a change: 1, 0, 1 then has one. It has none.",
)
def _(values):
    return values.sign().diff(dim=0).abs().sum(dim=0) / 2


@sign_changes.misconception(
    "one number for everything",
    "All changes were added to one number. Count for each entry: (n_points, ...) gives (...).",
)
def _(values):
    return with_the_latest_sign(values).sum()


@sign_changes.misconception(
    "last axis",
    "This counts along the last axis. The points are the first one.",
)
def _(values):
    return with_the_latest_sign(values.movedim(-1, 0))


@sign_changes.misconception(
    "share instead of count",
    "This is the share of steps at which the sign changes. Return their number.",
)
def _(values):
    return with_the_latest_sign(values) / max(len(values) - 1, 1)


@sign_changes.also("share instead of count")
def _(values):
    return with_the_latest_sign(values) / len(values)


@sign_changes.misconception(
    "whether instead of how often",
    "This says whether the sign changes at all. Count how often.",
)
def _(values):
    return with_the_latest_sign(values) > 0


@sign_changes.misconception(
    "changes of direction",
    "This counts where the curve turns, from rising to falling or back. Count where its *sign* "
    "changes.",
)
def _(values):
    return with_the_latest_sign(values.diff(dim=0)) if len(values) > 1 else values[0] * 0
