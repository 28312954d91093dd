"""The verdict: answers held against the reference and the misconceptions.

While grading this runs where the student's code does not, and it trusts no more than the data.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from torch import Tensor

from course_utils.exercises import find_exercise
from course_utils.exercises.answers import Answer, collect_answers
from course_utils.exercises.cases import make_cases
from course_utils.exercises.cases.case import Case
from course_utils.exercises.comparison import equality
from course_utils.exercises.exercise import Exercise, Misconception

# What to say of a side effect, by what it changes.
SIDE_EFFECTS = {
    "values": "it changes the values of the caller's {name}. Work on a copy: no in-place operation.",
    "requires_grad": (
        "it leaves requires_grad changed on the caller's {name}. "
        "Work on a copy: {name}.detach().clone().requires_grad_()."
    ),
    "grad": "it leaves a gradient in the caller's {name}.grad. Work on a detached copy.",
    "parameters": "it changes the parameters of the caller's {name}.",
    "gradients of the parameters": (
        "it fills or wipes the .grad of the {name}'s parameters, which belong to the caller. "
        "torch.autograd.grad(score, inputs) returns the gradient and leaves them alone."
    ),
    "mode": "it leaves the {name} in another mode: train() or eval() was called on it.",
    "buffers": "it changes buffers of the {name}, such as the statistics of batch normalisation.",
    "hooks": "it leaves a hook on the {name}. Remove each hook again, also when something raises.",
    "hooks of others": (
        "it takes hooks off the {name} that it did not put there. Remove only your own, by its handle."
    ),
    "requires_grad of the parameters": (
        "it changes requires_grad of the {name}'s parameters, which belong to the caller."
    ),
    "random state": (
        "it uses torch's global random state. Draw from the generator that was given, and set no "
        "global seed."
    ),
    "seed": "it sets torch's global seed, for everyone after it.",
    "gradient mode": (
        "it leaves gradients switched on or off for everyone after it. "
        "`with torch.no_grad():` switches them off within a block."
    ),
    "default dtype": "it changes torch's default dtype, for everyone after it.",
}


@dataclass(frozen=True)
class Verdict:
    """What came of a check.

    Attributes:
        passed: whether the answers are right.
        sentence: why not, in a sentence or two for the student; empty where they are right.
        misconception: the name of the recognised misconception, or None.
        attempted: False where the exercise is still an empty stub.
    """

    passed: bool
    sentence: str = ""
    misconception: str | None = None
    attempted: bool = True


def judge(name: str, answers: list[Answer], seed: int) -> Verdict:
    """Hold the answers on the cases of `seed` against the reference and the misconceptions."""
    exercise = find_exercise(name)
    cases = make_cases(name, seed)
    if len(answers) != len(cases):
        return Verdict(False, f"{len(cases)} answers were expected, got {len(answers)}.")
    if not all(given.attempted for given in answers):
        sentence = "Not attempted yet (or the line `raise NotImplementedError` is still there)."
        return Verdict(False, sentence, attempted=False)
    expected = collect_answers(name, exercise.reference, seed)
    wrong = [
        _wrong_value(exercise, case, given, right)
        for case, given, right in zip(cases, answers, expected, strict=True)
    ]
    remark = ""
    if any(wrong):
        theirs = [
            (misconception, collect_answers(name, misconception.implementation, seed))
            for misconception in exercise.misconceptions
        ]
        held = (cases, answers, expected, wrong)
        recognised = _recognised_by_values(exercise, theirs, *held, _same_mistake)
        if not recognised and exercise.alike is equality:
            recognised = _recognised_by_values(exercise, theirs, *held, _multiple_of_the_mistake)
            remark = " Besides, all values are multiplied by a number."
        first = next(index for index, sentence in enumerate(wrong) if sentence)
        sentence = f"On {cases[first].name}: {wrong[first]}"
    elif any(given.changes for given in answers):
        recognised = _recognised_by_side_effects(exercise, seed, answers)
        sentence = _side_effect(cases, answers)
    else:
        return Verdict(True)
    if recognised:
        return Verdict(False, recognised.sentence + remark, recognised.name)
    return Verdict(False, sentence)


def _wrong_value(exercise: Exercise, case: Case, given: Answer, right: Answer) -> str | None:
    if right.error:
        raise RuntimeError(f"The reference of {exercise.name!r} raised {right.error}.")
    if not given.error:
        return exercise.complaint(given.value, right.value, case)
    remark = (
        ". The cases are in float64: make new tensors like those given, as torch.zeros_like does"
    )
    return f"it raised {given.error}" + (remark if "dtype" in given.error else "")


def _recognised_by_values(
    exercise: Exercise,
    theirs: list[tuple[Misconception, list[Answer]]],
    cases: list[Case],
    answers: list[Answer],
    expected: list[Answer],
    wrong: list[str | None],
    agree: Callable[[Exercise, Answer, Answer, Answer, Case], bool],
) -> Misconception | None:
    """The misconception that answers like the student.

    It must do so on most of the cases in which either of the two is wrong: on a single image, say,
    many mistakes look alike. Of several, the one that agrees on most cases.
    """
    recognised, most = None, 0
    for misconception, mistaken in theirs:
        same = [
            agree(exercise, their, given, right, case)
            for their, given, right, case in zip(mistaken, answers, expected, cases, strict=True)
        ]
        if sum(same) <= most:
            continue
        tell_tale = [
            alike
            for alike, why, case, their, right in zip(
                same, wrong, cases, mistaken, expected, strict=True
            )
            if why or _wrong_value(exercise, case, their, right)
        ]
        if 2 * sum(tell_tale) > len(tell_tale):
            recognised, most = misconception, sum(same)
    return recognised


def _same_mistake(
    exercise: Exercise, their: Answer, given: Answer, _right: Answer, case: Case
) -> bool:
    if their.error or given.error:
        return their.error == given.error
    return exercise.alike(their.value, given.value, case)


def _multiple_of_the_mistake(
    _exercise: Exercise, their: Answer, given: Answer, right: Answer, case: Case
) -> bool:
    """Whether a second slip (a mean for a sum, say) only multiplied all values of the mistake.

    Nothing can be said where the mistake itself is a multiple of what is right.
    """
    return _is_multiple(given.value, their.value, case) and not _is_multiple(
        right.value, their.value, case
    )


def _is_multiple(one: object, other: object, case: Case) -> bool:
    if not all(isinstance(value, Tensor) and value.numel() > 1 for value in (one, other)):
        return False
    if one.shape != other.shape or one.is_complex() or other.is_complex():
        return False
    one, other = one.double(), other.double()
    if not (one.isfinite().all() and other.isfinite().all() and one.any() and other.any()):
        return False
    factor = (one * other).sum() / other.square().sum()
    return equality(one, factor * other, case)


def _recognised_by_side_effects(
    exercise: Exercise, seed: int, answers: list[Answer]
) -> Misconception | None:
    """The misconception with these side effects: results are right, so only changes are held."""
    changes = [set(given.changes) for given in answers]
    for misconception in exercise.misconceptions:
        theirs = collect_answers(exercise.name, misconception.implementation, seed)
        if [set(their.changes) for their in theirs] == changes:
            return misconception
    return None


def _side_effect(cases: list[Case], answers: list[Answer]) -> str:
    for case, given in zip(cases, answers, strict=True):
        for name, aspect in given.changes:
            sentence = SIDE_EFFECTS[aspect].format(name=name)
            return f"The result is right. But, on {case.name}: {sentence}"
    raise ValueError("answers must hold a side effect, got none.")
