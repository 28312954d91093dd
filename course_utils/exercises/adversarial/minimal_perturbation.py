"""The exercise `minimal_perturbation`: what it asks for, right answers of other kinds, and misconceptions."""

from __future__ import annotations

import torch
from torch import Tensor

from course_utils import adversarial as references
from course_utils.exercises.adversarial.loss_gradient import by_autograd_grad
from course_utils.exercises.cases.case import Case
from course_utils.exercises.comparison import describe
from course_utils.exercises.exercise import Exercise

LONGEST = 1.25  # how much longer than the shortest known a perturbation may be


def _margin(model, attacked, targets):
    """By how much the target's logit is the largest."""
    with torch.no_grad():
        return -_gap(model, attacked, targets)


def _perturbation_traits(value: object, case: Case) -> dict[str, object]:
    """What can be said of a pair (perturbation, success) without knowing the best one."""
    model, images, targets = case.arguments.values()
    if not isinstance(value, tuple) or len(value) != 2 or not isinstance(value[0], Tensor):
        return {"pair": False}
    r, success = value
    if r.shape != images.shape:
        exchanged = isinstance(success, Tensor) and success.shape == images.shape
        return {"pair": True, "shape": False, "exchanged": exchanged}
    if not isinstance(success, Tensor) or success.shape != targets.shape:
        return {"pair": True, "shape": True, "successes": False}
    if not ((success == 0) | (success == 1)).all():  # norms, say, or classes
        return {"pair": True, "shape": True, "successes": False}
    r = r.to(images)
    attacked, sizes = images + r, r.abs().flatten(1)
    free = ((attacked > 1e-6) & (attacked < 1 - 1e-6)).flatten(1)  # the box did not cut their step
    largest = sizes.where(free, 0.0).amax(dim=1, keepdim=True)
    at_largest = (free & (sizes > largest - 1e-6)).sum(dim=1) / free.sum(dim=1).clamp_min(1)
    # On the boundary itself the class is undecided: a hair's breadth is forgiven.
    reached = _margin(model, attacked, targets) > -1e-6
    nearer = _margin(model, attacked, targets) - _margin(model, images, targets)
    return {
        "pair": True,
        "shape": True,
        "successes": True,
        "image": bool((_margin(model, r, targets) > -1e-6).all() and r.min() >= -1e-6),
        "in the box": bool((attacked.min() >= -1e-6) and (attacked.max() <= 1 + 1e-6)),
        "reached": bool(reached.all()),
        "honest": bool((success.bool() == reached).all()),
        "nothing": not sizes.any(dim=1).all(),
        "nearer": bool((nearer[~reached] > 0).all()),
        "too far": bool((_margin(model, images + 0.8 * r, targets) > 0).all()),
        "steps of one size": bool((at_largest > 0.25).all()),
        "norms": sizes.norm(dim=1),
    }


def _perturbation_complaint(value: object, expected: object, case: Case) -> str | None:
    traits = _perturbation_traits(value, case)
    if not traits["pair"]:
        return f"it should be a pair (perturbation, success), got {describe(value)}."
    if not traits["shape"]:
        return "the first of the pair, the perturbations, should have the shape of the images."
    if not traits["successes"]:
        return "the successes should be one True or False for each image, a tensor (N,)."
    if not traits["in the box"]:
        return "images + perturbation leave [0, 1]."
    if not traits["reached"]:
        return "the target class is not reached for every image, although it can be."
    if not traits["honest"]:
        return "the successes do not say for which images the model predicts the target."
    ratio = (traits["norms"] / expected[0].flatten(1).norm(dim=1)).max().item()
    if ratio > LONGEST:
        return (
            f"the target is reached, but by a perturbation {ratio:.2f} times as long as needed. Is the "
            "shortest one kept, and searched for long enough?"
        )
    return None


def _same_traits(one: object, other: object, case: Case) -> bool:
    """Whether two answers go wrong in the same way, or are both short and right."""
    kinds = [_kind(_perturbation_traits(value, case)) for value in (one, other)]
    return kinds[0] == kinds[1]


def _kind(traits: dict[str, object]) -> str:
    for trait in ("pair", "shape", "successes"):
        if not traits[trait]:
            return f"without {trait}, {traits.get('exchanged')}"
    if traits["nothing"] or traits["image"]:
        return "nothing" if traits["nothing"] else "image"
    if not traits["in the box"]:
        return "outside"
    if not traits["reached"]:
        return "short" if traits["nearer"] else "astray"
    if not traits["honest"]:
        return "dishonest"
    if traits["steps of one size"]:
        return "signs"
    return "too far" if traits["too far"] else "near"


minimal_perturbation = Exercise(
    name="minimal_perturbation",
    reference=references.minimal_perturbation,
    teaches="an attack as the optimisation problem that it is",
    difficulty=3,
    minutes=45,
    points=4,
    complaint=_perturbation_complaint,
    alike=_same_traits,
    hints=(
        "Turn the constraint into a penalty: minimise ‖r‖² + c·penalty, where the penalty is how much the "
        "target's logit falls short of the largest other one (0 when it does not). Project I + r to "
        "[0, 1] after each step, or let I + r = sigmoid(v).",
        "A large c reaches the class by too long an r, a small c does not reach it. Keep, for each image, "
        "the shortest r that did reach it, and search for the smallest c by bisection.",
        "A simple way that also works: reach the class by any means, and then shorten: follow the "
        "negative gradient of the gap between the largest other logit and the target's in small steps, "
        "project, and finally halve the interval along the segment from I to I + r.",
    ),
)


def _gap(model, attacked, targets):
    """How much the target's logit falls short of the largest other one."""
    logits = model(attacked)
    aim = logits.gather(1, targets[:, None])[:, 0]
    return logits.scatter(1, targets[:, None], -torch.inf).amax(dim=1) - aim


def _reaches(model, attacked, targets):
    with torch.no_grad():
        return _gap(model, attacked, targets) < 0


@minimal_perturbation.right_variant
def by_penalty_and_sigmoid(model, images, targets, n_searches=9, n_steps=150):
    best = torch.full_like(images, torch.inf)
    c, low, high = (torch.full((len(images),), x).double() for x in (1.0, 0.0, torch.inf))
    for _ in range(n_searches):
        v = torch.logit(images.clamp(1e-4, 1 - 1e-4)).requires_grad_()
        optimiser = torch.optim.Adam([v], lr=0.05)
        hit = torch.zeros(len(images), dtype=torch.bool)
        for _ in range(n_steps):
            attacked = torch.sigmoid(v)
            r = attacked - images
            shortfall = (_gap(model, attacked, targets) + 1e-4).clamp_min(0)
            loss = (r.flatten(1).square().sum(1) + c * shortfall).sum()
            (v.grad,) = torch.autograd.grad(loss, v)
            optimiser.step()
            r = (torch.sigmoid(v) - images).detach()
            reached = _reaches(model, images + r, targets)
            shorter = r.flatten(1).norm(dim=1) < best.flatten(1).norm(dim=1)
            best = torch.where((reached & shorter)[:, None, None, None], r, best)
            hit = hit | reached
        low, high = torch.where(hit, low, c), torch.where(hit, c, high)
        c = torch.where(high.isinf(), 10 * c, (low * high).clamp_min(1e-4).sqrt())
    success = torch.isfinite(best).flatten(1).all(dim=1)
    return torch.where(success[:, None, None, None], best, 0.0), success


@minimal_perturbation.right_variant
def by_penalty_and_projection(model, images, targets, n_searches=9, n_steps=150):
    best = torch.full_like(images, torch.inf)
    c, low, high = (torch.full((len(images),), x).double() for x in (1.0, 0.0, torch.inf))
    for _ in range(n_searches):
        r = torch.zeros_like(images)
        hit = torch.zeros(len(images), dtype=torch.bool)
        for step in range(n_steps):
            point = r.clone().requires_grad_()
            shortfall = (_gap(model, images + point, targets) + 1e-4).clamp_min(0)
            loss = (point.flatten(1).square().sum(1) + c * shortfall).sum()
            (slope,) = torch.autograd.grad(loss, point)
            size = torch.linalg.vector_norm(slope, dim=(1, 2, 3), keepdim=True).clamp_min(1e-12)
            r = r - 0.1 * 0.97**step * slope / size
            r = (images + r).clamp(0, 1) - images
            reached = _reaches(model, images + r, targets)
            shorter = r.flatten(1).norm(dim=1) < best.flatten(1).norm(dim=1)
            best = torch.where((reached & shorter)[:, None, None, None], r, best)
            hit = hit | reached
        low, high = torch.where(hit, low, c), torch.where(hit, c, high)
        c = torch.where(high.isinf(), 10 * c, (low * high).clamp_min(1e-4).sqrt())
    success = torch.isfinite(best).flatten(1).all(dim=1)
    return torch.where(success[:, None, None, None], best, 0.0), success


def _short_way(model, images, targets):
    """A way to the targets that is short enough, found in a hurry."""
    return tuple(references.minimal_perturbation(model, images, targets, n_searches=3, n_steps=30))


def _signed_steps(model, images, targets, alpha=0.02, n_steps=60):
    attacked = images.clone()
    for _ in range(n_steps):
        going = ~_reaches(model, attacked, targets)[:, None, None, None]
        step = -alpha * by_autograd_grad(model, attacked, targets).sign()
        attacked = torch.where(going, (attacked + step).clamp(0, 1), attacked)
    return attacked


@minimal_perturbation.misconception(
    "the first attack that works",
    "The target is reached, but not by the smallest perturbation: this one follows the sign of the "
    "gradient, which moves every pixel alike. Minimise the L2 norm.",
)
def _(model, images, targets):
    r = _signed_steps(model, images, targets) - images
    return r, _reaches(model, images + r, targets)


@minimal_perturbation.misconception(
    "penalty too strong",
    "The target is reached, but far beyond the boundary: the penalty outweighs the norm. Search for the "
    "smallest weight that still reaches the class, and keep the shortest perturbation.",
)
def _(model, images, targets):
    r, success = _short_way(model, images, targets)
    longer = (images + 3 * r).clamp(0, 1) - images
    return longer, success


@minimal_perturbation.misconception(
    "attacked images returned",
    "These are the attacked images. Return the perturbation r alone, and the successes.",
)
def _(model, images, targets):
    r, success = _short_way(model, images, targets)
    return images + r, success


@minimal_perturbation.misconception(
    "without successes",
    "Only the perturbations are returned. Return a pair: the perturbations, and for each image whether "
    "its target was reached.",
)
def _(model, images, targets):
    return _short_way(model, images, targets)[0]


@minimal_perturbation.misconception(
    "away instead of towards",
    "The perturbation leads away from the target class. `targets` are to be reached: the target's logit "
    "has to become the largest.",
)
def _(model, images, targets):
    r, _ = _short_way(model, images, targets)
    away = (images - r).clamp(0, 1) - images
    return away, _reaches(model, images + away, targets)


@minimal_perturbation.misconception(
    "stops short",
    "The perturbation stops before the boundary: the model does not predict the target yet, at least for "
    "some images. Keep only perturbations with which it does, also after clipping.",
)
def _(model, images, targets):
    r, _ = _short_way(model, images, targets)
    return 0.9 * r, torch.ones(len(images), dtype=torch.bool)


@minimal_perturbation.misconception(
    "nothing changed",
    "The perturbation is zero, at least for some images. Was the best one kept, and for each image its "
    "own? Or does a clamp inside the objective take the gradient away at the box?",
)
def _(model, images, targets):
    return torch.zeros_like(images), torch.zeros(len(images), dtype=torch.bool)


@minimal_perturbation.misconception(
    "successes of another image",
    "The perturbations reach their targets, but the successes say otherwise. Ask the model at I + r, and "
    "compare its class with the target.",
)
def _(model, images, targets):
    r, _ = _short_way(model, images, targets)
    return r, model(images).argmax(dim=1) == targets


@minimal_perturbation.misconception(
    "pair the other way round",
    "The pair is the other way round: first the perturbations, then the successes.",
)
def _(model, images, targets):
    return _short_way(model, images, targets)[::-1]


@minimal_perturbation.misconception(
    "box forgotten",
    "I + r leaves [0, 1]. Clamp between the steps, so that the search goes on inside the box.",
)
def _(model, images, targets):
    attacked = images.clone()
    for _ in range(60):
        point = attacked.clone().requires_grad_()
        gap = _gap(model, point, targets)
        (slope,) = torch.autograd.grad(gap.sum(), point)
        size = slope.flatten(1).square().sum(1)
        attacked = attacked - ((gap.detach() + 1e-2) / size)[:, None, None, None] * slope
    return attacked - images, _reaches(model, attacked, targets)


@minimal_perturbation.also("nothing changed")
def _(model, images, targets):
    r, success = _short_way(model, images, targets)
    inside = ((images > 0) & (images < 1)).flatten(1).all(dim=1)  # the others never get away
    return r * inside[:, None, None, None], success & inside


@minimal_perturbation.also("stops short")
def _(model, images, targets):
    r, success = _short_way(model, images, targets)
    at_the_box = ((images == 0) | (images == 1)).flatten(1).any(dim=1)  # clipped after the search
    return torch.where(at_the_box[:, None, None, None], 0.9 * r, r), success
