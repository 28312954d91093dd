"""What an exercise is: declared once, for its checks, its hints, its card and the tests of all."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from course_utils.exercises.comparison import closeness, equality


@dataclass(frozen=True)
class Misconception:
    """A wrong answer that people give, by name, with the sentence that helps."""

    name: str
    sentence: str
    implementation: Callable


@dataclass
class Exercise:
    """One function that the student writes.

    Attributes:
        name: the function's name, here, in the notebook and in the library.
        reference: the library's own function, which a right answer equals.
        teaches: what it is good for, in half a sentence.
        difficulty: 1 (one line), 2 (several steps) or 3 (needs an idea).
        minutes: how long it takes.
        points: what it counts in the grade.
        hints: from general to specific.
        complaint: what is wrong with a value, given the right one: (value, expected, case) -> a
            sentence, or None if nothing is. By default a value must equal the expected one.
        alike: whether two values show the same mistake: (one, other, case) -> bool. By default if
            they are equal; where chance or a free choice has part in a value, equality would miss
            the mistake.
    """

    name: str
    reference: Callable
    teaches: str
    difficulty: int
    minutes: int
    points: int
    hints: tuple[str, ...]
    complaint: Callable[[Any, Any, Any], str | None] = closeness
    alike: Callable[[Any, Any, Any], bool] = equality
    right_variants: list[Callable] = field(default_factory=list)
    misconceptions: list[Misconception] = field(default_factory=list)

    def right_variant(self, implementation: Callable) -> Callable:
        """Declare another implementation that is right."""
        self.right_variants.append(implementation)
        return implementation

    def misconception(self, name: str, sentence: str) -> Callable[[Callable], Callable]:
        """Declare a wrong implementation, and what to tell the student who wrote it."""

        def declare(implementation: Callable) -> Callable:
            self.misconceptions.append(Misconception(name, sentence, implementation))
            return implementation

        return declare

    def also(self, name: str) -> Callable[[Callable], Callable]:
        """Declare another way in which a misconception shows, under its name and sentence."""
        sentence = next(wrong.sentence for wrong in self.misconceptions if wrong.name == name)
        return self.misconception(name, sentence)


@dataclass(frozen=True)
class WrittenQuestion:
    """A question that is answered in words and graded by hand, with its rubric.

    Attributes:
        name: the name of its cell.
        teaches: what it is good for, in half a sentence.
        minutes: how long it takes.
        points: what it counts in the grade.
        rubric: (points, what an answer of this level holds), from the best level down.
    """

    name: str
    teaches: str
    minutes: int
    points: int
    rubric: tuple[tuple[int, str], ...]
