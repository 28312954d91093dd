"""Lecture 6: how far, in which steps, and towards which class does an attack go?"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import ipywidgets as widgets
import torch
from torch import Tensor

from course_utils.adversarial import allowed, loss_gradient
from course_utils.colours import magnification
from course_utils.explorers.drawing import Drawing, Panel, draw_panels, image_pixels
from course_utils.explorers.explorer import Explorer, described, image_control
from course_utils.explorers.subjects import find_subject, prediction

AWAY = 0
GOALS = [("away from the class", AWAY)] + [
    (f"towards the {name}", rank)
    for rank, name in enumerate(("2nd guess", "3rd guess", "4th guess", "5th guess"), start=1)
]


class AttackState(NamedTuple):
    """`eps` and `alpha` count grey levels, of 255; `goal` is 0 (away) or the rank of a guess."""

    image: str | bytes = "photo of a cat"
    goal: int = AWAY
    eps: int = 2
    alpha: float = 1.0
    n_steps: int = 3


def attack_steps(state: AttackState) -> Iterator[Tensor]:
    """The attacked image after each step; the last one is `bim`."""
    subject = find_subject(state.image)
    labels = torch.tensor([subject.target(state.goal)])
    uphill = 1 if state.goal == AWAY else -1
    attacked = subject.images
    for _ in range(state.n_steps):
        r = uphill * state.alpha / 255 * loss_gradient(subject.network, attacked, labels).sign()
        attacked = (attacked + r).clamp(*allowed(subject.images, state.eps / 255))
        yield attacked


def attack_figures(state: AttackState) -> Iterator[Drawing]:
    """Image, perturbation and attacked image with their predictions, after each step."""
    for step, attacked in enumerate(attack_steps(state), start=1):
        yield _figure(state, attacked, step)


def attack_figure(state: AttackState) -> Drawing:
    """The finished picture."""
    *_, last = attack_figures(state)
    return last


def _figure(state: AttackState, attacked: Tensor, step: int) -> Drawing:
    subject = find_subject(state.image)
    with torch.no_grad():
        probabilities = subject.network(attacked)[0].softmax(dim=0)
    now = probabilities.argmax().item()
    r = attacked - subject.images
    largest = r.abs().max().item()
    m = magnification(largest)
    first = subject.target(0)
    goal = subject.target(state.goal)
    done = step if step == state.n_steps else f"{step} of {state.n_steps}"
    towards = f" towards “{subject.network.categories[goal]}”" if state.goal != AWAY else ""
    changed = "another class" if now != first else "still the same class"
    return draw_panels(
        [
            Panel(image_pixels(subject.images[0]), f"{subject.name}\n{subject.guess(0)}"),
            Panel(
                image_pixels((0.5 + m * r[0]).clamp(0, 1)),
                f"perturbation, magnified {m:g} times\n‖r‖∞ = {largest:.2g}, ‖r‖₂ = {r.norm():.2g}",
            ),
            Panel(
                image_pixels(attacked[0]),
                f"attacked image\n{prediction(subject.network, probabilities, now)}",
            ),
        ],
        alt=f"The {subject.name}, a perturbation of at most {largest * 255:.2g} grey levels, drawn "
        f"magnified, and their sum, which the network takes for “{subject.network.categories[now]}”.",
        caption=f"Step {done}{towards}: {changed}. “{subject.network.categories[first]}” went from "
        f"{subject.probabilities[first]:.2f} to {probabilities[first]:.2f}"
        + (
            f", “{subject.network.categories[goal]}” from {subject.probabilities[goal]:.2f} to "
            f"{probabilities[goal]:.2f}."
            if state.goal != AWAY
            else "."
        ),
    )


def explore_attack() -> Explorer:
    """An explorer: ε, step, number of steps and target of an attack, with the predictions."""
    default = AttackState()
    return Explorer(
        "attack",
        lambda **values: attack_figures(AttackState(**values)),
        {
            "image": image_control(default.image),
            "goal": widgets.Dropdown(options=GOALS, value=default.goal, **described("goal")),
            "eps": widgets.IntSlider(default.eps, 0, 32, **described("ε, grey levels")),
            "alpha": widgets.FloatSlider(
                default.alpha, min=0.25, max=32, step=0.25, **described("step, grey levels")
            ),
            "n_steps": widgets.IntSlider(default.n_steps, 1, 20, **described("number of steps")),
        },
        refines=True,
    )
