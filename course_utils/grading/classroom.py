"""A generated class of which everything is known: who hands in what, and what must come of it."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import chain, count, islice, zip_longest

import nbformat
from nbformat import NotebookNode

from course_utils.exercises.exercise import Exercise
from course_utils.grading.samples import (
    misconception_answers,
    right_answers,
    source_as_answer,
    with_answers,
    with_model_answers,
)


@dataclass(frozen=True)
class Sample:
    """What a student hands in, and what must come of it.

    Attributes:
        student: their id.
        kind: what it is, in a few words.
        content: the text of the notebook's file; None if the folder holds no notebook.
        marks: the automatic points of each exercise; None if there must be no grade.
        misconceptions: the one to be recognised in each exercise that has one.
    """

    student: str
    kind: str
    content: str | None
    marks: dict[str, float] | None
    misconceptions: dict[str, str] = field(default_factory=dict)


# Answers that try to get points, or to spoil the grading, by something else than being right.
FORGED = {
    "equal to everything": """class Right:
    def __eq__(self, other):
        return True

    def __getattr__(self, name):
        return lambda *arguments, **settings: self


def {name}(*arguments):
    return Right()""",
    "imports the reference": "from {module} import {name}",
    "prints a verdict": """def {name}(*arguments):
    print("✔ {name}: right")
    raise SystemExit""",
}
ENDS_THE_KERNEL = "import os\n\n\ndef {name}(*arguments):\n    os._exit(0)"


def classroom(
    declared: list[Exercise], released: NotebookNode, master: NotebookNode, number: int = 40
) -> list[Sample]:
    """A class of this many students, the same each time.

    First comes one of each kind: right, blank, right in other ways, forged, broken, missing. Those
    who are right have answered in writing, too. Then every misconception once, spread over few
    students, each of whom has right answers too. The rest is partly right.

    Raises:
        ValueError: if `number` is less than 1.
    """
    if number < 1:
        raise ValueError(f"A class has at least 1 student, got {number}.")
    full = {exercise.name: float(exercise.points) for exercise in declared}
    answers = {name: right_answers(master)[name] for name in full}
    kinds = chain(
        _right(declared, answers),
        _forged(declared, answers),
        _broken(nbformat.writes(with_answers(released, answers))),
        _wrong(declared, answers),
        _partly_right(answers),
    )
    samples = []
    for position, (kind, content, lost, misconceptions) in enumerate(islice(kinds, number), 1):
        marks = None if content is None else {n: 0.0 if n in lost else p for n, p in full.items()}
        if isinstance(content, dict):
            notebook = with_answers(released, content)
            if kind.startswith("right"):
                notebook = with_model_answers(notebook, master)
            content = nbformat.writes(notebook)
        elif content is not None:  # no notebook, so no points
            marks = dict.fromkeys(full, 0.0)
        samples.append(Sample(f"student-{position:02d}", kind, content, marks, misconceptions))
    return samples


# What is to be made of a student: the kind, the answers or the file's text, the exercises that get
# no points, and the misconceptions.
Made = tuple[str, dict[str, str] | str | None, set[str], dict[str, str]]


def _right(declared: list[Exercise], answers: dict[str, str]) -> Iterator[Made]:
    yield "right", answers, set(), {}
    yield "blank", {}, set(answers), {}
    variants = {e.name: [source_as_answer(v, e.name) for v in e.right_variants] for e in declared}
    for number in range(max(map(len, variants.values()))):
        chosen = {name: ways[number % len(ways)] for name, ways in variants.items()}
        yield f"right in another way ({number + 1})", chosen, set(), {}


def _forged(declared: list[Exercise], answers: dict[str, str]) -> Iterator[Made]:
    for number, (kind, source) in enumerate(FORGED.items()):
        exercise = declared[number % len(declared)]
        name, module = exercise.name, exercise.reference.__module__
        forged = source.format(name=name, module=module)
        yield f"forged: {kind}", _with(answers, {name: forged}), {name}, {}
    # What comes before the end of the kernel counts, so the last exercise is the one that ends it.
    name = declared[-1].name
    ending = ENDS_THE_KERNEL.format(name=name)
    yield "ends the kernel", _with(answers, {name: ending}), {name}, {}


def _broken(text: str) -> Iterator[Made]:
    yield "broken: half a file", text[: len(text) // 2], set(), {}
    yield "broken: an empty file", "", set(), {}
    yield "broken: no notebook", None, set(), {}


def _wrong(declared: list[Exercise], answers: dict[str, str]) -> Iterator[Made]:
    """Every misconception; a student has one in every other exercise, and the rest is right."""
    wrong = {e.name: list(misconception_answers(e).items()) for e in declared}
    for every_other in (list(wrong)[::2], list(wrong)[1::2]):
        columns = [[(name, *one) for one in wrong[name]] for name in every_other]
        for row in zip_longest(*columns):
            chosen = {name: (title, source) for name, title, source in filter(None, row)}
            titles = {name: title for name, (title, _) in chosen.items()}
            sources = {name: source for name, (_, source) in chosen.items()}
            yield "misconceptions", _with(answers, sources), set(titles), titles


def _partly_right(answers: dict[str, str]) -> Iterator[Made]:
    for number in count():
        generator = random.Random(number)
        solved = generator.sample(list(answers), generator.randint(1, max(1, len(answers) - 1)))
        chosen = {name: independent(answers[name], answers, name) for name in solved}
        yield "partly right", chosen, set(answers) - set(solved), {}


def _with(answers: dict[str, str], others: dict[str, str]) -> dict[str, str]:
    """The right answers but for `others`, which the right ones do not call."""
    return {
        name: others[name] if name in others else independent(text, answers, name)
        for name, text in answers.items()
    }


def independent(text: str, answers: dict[str, str], name: str) -> str:
    """An answer with the right versions of the other exercises that it calls inside of it."""
    called = [other for other in answers if other != name and f"{other}(" in text]
    for other in called:
        text = text.replace(f"{other}(", f"right_{other}(")
        text = answers[other].replace(f"def {other}(", f"def right_{other}(") + "\n\n\n" + text
    return text
