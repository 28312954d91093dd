"""The card that stands above each exercise: written from its declaration, never by hand."""

from __future__ import annotations

from course_utils.exercises import exercises, written_questions
from course_utils.exercises.cases import LECTURES
from course_utils.exercises.exercise import Exercise, WrittenQuestion


def cards(lecture: str) -> dict[str, str]:
    """The Markdown of each card of a lecture, by the name of its exercise or question."""
    declared = [*exercises(lecture), *written_questions(lecture)]
    return {
        item.name: _card(item, f"{LECTURES.index(lecture)}.{position}")
        for position, item in enumerate(declared, start=1)
    }


def _card(item: Exercise | WrittenQuestion, number: str) -> str:
    if isinstance(item, Exercise):
        heading = f"### Exercise {number}: `{item.name}`"
        header = "| You learn | Difficulty | Time | Points |\n| --- | --- | --- | --- |"
        row = f"| {item.teaches} | {item.difficulty} of 3 | about {item.minutes} min | {item.points} |"
        return f"{heading}\n\n{header}\n{row}"
    heading = f"### Written question {number}"
    header = "| You learn | Time | Points |\n| --- | --- | --- |"
    row = f"| {item.teaches} | about {item.minutes} min | {item.points} |"
    levels = "\n".join(f"| {points} | {level} |" for points, level in item.rubric)
    rubric = f"| Points | What an answer of this level does |\n| --- | --- |\n{levels}"
    return f"{heading}\n\n{header}\n{row}\n\nYour instructor grades it by this rubric:\n\n{rubric}"
