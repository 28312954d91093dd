"""What a student calls: `check` an answer, ask for a `hint`."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from course_utils.exercises import find_exercise
from course_utils.exercises.answer_files import pack
from course_utils.exercises.answers import collect_answers
from course_utils.exercises.cases import lecture_of
from course_utils.exercises.verdicts import Verdict, judge
from course_utils.progress import record

PUBLIC_SEED = 0
HIDDEN_SEED_VARIABLE = "COURSE_HIDDEN_SEED"
ANSWERS_VARIABLE = "COURSE_ANSWERS_FOLDER"


class CheckFailed(AssertionError):
    """An answer is not right (yet). `misconception` names the recognised one, or is None."""

    def __init__(self, name: str, verdict: Verdict) -> None:
        super().__init__(f"{name}: {verdict.sentence}")
        self.misconception = verdict.misconception
        self.attempted = verdict.attempted

    def _render_traceback_(self) -> list[str]:
        # IPython shows this in place of the traceback: the verdict stands above it already.
        return ["Not attempted yet." if not self.attempted else "Not right yet: see above."]


def check(name: str, function: Callable) -> None:
    """Check an answer, print the verdict, and raise `CheckFailed` if it is not right.

    Args:
        name: the name of the exercise.
        function: the function that you wrote.

    Raises:
        CheckFailed: an AssertionError, with `.misconception`, the name of what was recognised.
        ValueError: if there is no such exercise; near matches are given.
        TypeError: if `function` cannot be called.

    Where the environment variable COURSE_HIDDEN_SEED is set, as while grading, the same is also
    asked on the cases that this seed makes. Where COURSE_ANSWERS_FOLDER is set too, the answers
    are only handed out to it: the verdict is made elsewhere, by a judge that trusts nothing else.
    """
    lecture_of(name)  # there is such an exercise
    if not callable(function):
        raise TypeError(f"function must be the function you wrote, got {function!r}.")
    if ANSWERS_VARIABLE in os.environ:
        hand_out(name, function, Path(os.environ[ANSWERS_VARIABLE]))
        return
    exercise = find_exercise(name)
    for seed in seeds():
        verdict = judge(name, collect_answers(name, function, seed), seed)
        if not verdict.passed:
            break
    if HIDDEN_SEED_VARIABLE not in os.environ:  # while grading there is nobody's progress to keep
        record(name, verdict.passed if verdict.attempted else None)
    points = f"{exercise.points} point{'s' if exercise.points != 1 else ''}"
    if verdict.passed:
        print(f"✔ {name}: right ({points}).")
    elif verdict.attempted:
        print(f"✘ {name}: {verdict.sentence}")
    else:
        print(f'… {name}: {verdict.sentence} hint("{name}") gives a hint.')
    if not verdict.passed:
        raise CheckFailed(name, verdict)


def hand_out(name: str, function: Callable, folder: Path) -> None:
    """Write the function's answers where the judge looks for them, if it asks this exercise."""
    path = folder / name
    if not path.is_file():
        print(f"{name}: this notebook does not ask it.")
        return
    path.write_bytes(b"")  # from here on, no earlier answer counts
    path.write_bytes(pack(name, [collect_answers(name, function, seed) for seed in seeds()]))
    print(f"{name}: the answers are handed in.")


def seeds() -> list[int]:
    """The seeds that cases are made from: the public one, and while grading the course's own."""
    hidden = os.environ.get(HIDDEN_SEED_VARIABLE)
    if hidden is None:
        return [PUBLIC_SEED]
    if not hidden.strip().isdigit():
        raise ValueError(f"{HIDDEN_SEED_VARIABLE} must be a whole number of at least 0.")
    return [PUBLIC_SEED, int(hidden)]


_hints_given: dict[str, int] = {}


def hint(name: str) -> None:
    """Print the next hint of an exercise, from general to specific; after the last, all again."""
    hints = find_exercise(name).hints
    given = _hints_given.get(name, 0) % len(hints)
    _hints_given[name] = given + 1
    print(f"Hint {given + 1} of {len(hints)}: {hints[given]}")
    if given + 1 == len(hints):
        print("That was the last hint. The reference stands in the library and in solutions/.")
