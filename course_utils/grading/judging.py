"""The verdict on an executed notebook, made outside the box and written into its cells.

Of what came out of the box, only data is looked at: the answers, which must be right to count,
and, for tests that an instructor wrote into a cell, that cell's outputs.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import nbformat
from nbformat import NotebookNode
from nbformat.v4 import new_output

from course_utils.authoring.build import roles
from course_utils.checking import PUBLIC_SEED
from course_utils.exercises.answer_files import Malformed, unpack
from course_utils.exercises.answers import Answer
from course_utils.exercises.verdicts import Verdict, judge
from course_utils.grading.jobs import (
    DIED,
    NOT_RUN,
    OUT_OF_MEMORY,
    RAN,
    TIMEOUT,
    TOO_MUCH_OUTPUT,
    Job,
    Result,
)
from course_utils.grading.outputs import readable

PASSED, FAILED, MALFORMED = "passed", "failed", "malformed"
OUTSIDE, INSIDE = "outside the box", "inside the box"

REASONS = {
    TIMEOUT: "it took longer than it may.",
    OUT_OF_MEMORY: "it took more memory than it may.",
    DIED: "the kernel died here: the process ended, or was ended.",
    TOO_MUCH_OUTPUT: "it wrote far more output than it may.",
    NOT_RUN: "it was not run, because the notebook was ended in an earlier cell.",
}


@dataclass(frozen=True)
class Outcome:
    """What became of a graded cell.

    Attributes:
        name: the cell's grade_id.
        exercise: the exercise that it checks, or None for an instructor's own test.
        outcome: passed, failed, timeout, out of memory, kernel died, not run or malformed.
        sentence: why, for the student; empty if it passed.
        misconception: the recognised one, or None.
        attempted: False where the stub was left as it was.
        judged: outside or inside the box.
        points: what the cell is worth.
        score: what it got.
    """

    name: str
    exercise: str | None
    outcome: str
    sentence: str = ""
    misconception: str | None = None
    attempted: bool = True
    judged: str = OUTSIDE
    points: float = 0.0
    score: float = 0.0


def graded_exercise(cell: NotebookNode) -> str | None:
    """The exercise that a check cell asks for."""
    return next((name for role, name in roles(cell) if role == "check"), None)


def is_test(cell: NotebookNode) -> bool:
    """Whether a cell gets its points automatically: graded code that is not itself the answer."""
    grading = cell.metadata.get("nbgrader", {})
    return bool(cell.cell_type == "code" and grading.get("grade") and not grading.get("solution"))


def judge_notebook(job: Job, result: Result) -> tuple[NotebookNode, list[Outcome]]:
    """The executed notebook with a verdict in every automatically graded cell, and the verdicts."""
    notebook = nbformat.reads(result.notebook, as_version=4)
    outcomes = []
    for cell, fate in zip(notebook.cells, result.cells, strict=True):
        if not is_test(cell):
            continue
        exercise = graded_exercise(cell)
        if exercise is None:
            outcome = _judged_inside(cell, fate)
        else:
            outcome = _judged_outside(cell, fate, exercise, job.seed, result)
        write_outcome(cell, outcome)
        outcomes.append(outcome)
    return notebook, outcomes


def refuse_notebook(rebuilt: NotebookNode, reason: str) -> list[Outcome]:
    """Write into every graded cell that the submission could not be read."""
    outcomes = []
    for cell in filter(is_test, rebuilt.cells):
        outcome = Outcome(
            **_identity(cell),
            exercise=graded_exercise(cell),
            outcome=MALFORMED,
            sentence=f"the submission could not be read. {reason}",
        )
        write_outcome(cell, outcome)
        outcomes.append(outcome)
    return outcomes


def not_run(cell: NotebookNode) -> Outcome:
    """The outcome of a graded cell of a notebook that nobody executed."""
    return Outcome(
        **_identity(cell),
        exercise=graded_exercise(cell),
        outcome=NOT_RUN,
        sentence="the notebook was not run.",
    )


def write_outcome(cell: NotebookNode, outcome: Outcome) -> None:
    """Make the cell's outputs say the outcome, in the form that nbgrader counts and shows."""
    cell.metadata["course"] = {
        "outcome": outcome.outcome,
        "sentence": outcome.sentence,
        "misconception": outcome.misconception,
        "attempted": outcome.attempted,
        "judged": outcome.judged,
    }
    name = outcome.exercise or outcome.name
    if outcome.judged == INSIDE:
        # An instructor's test may print; what it prints on stderr is no reason to lose points.
        for output in cell.outputs:
            if output.output_type == "stream":
                output.name = "stdout"
        if outcome.score > 0:
            return
        cell.outputs = [o for o in cell.outputs if o.output_type not in ("error", "execute_result")]
    else:
        cell.outputs = []
    if outcome.outcome == PASSED:
        points = f"{outcome.points:g} point{'s' if outcome.points != 1 else ''}"
        cell.outputs.append(_line(f"✔ {name}: right ({points})."))
        return
    sign = "✘" if outcome.attempted else "…"
    label = "" if outcome.outcome == FAILED else f"{outcome.outcome}: "
    cell.outputs.append(_line(f"{sign} {name}: {label}{outcome.sentence}"))
    # nbgrader gives no points to a cell that shows an error.
    cell.outputs.append(
        new_output("error", ename="CheckFailed", evalue=outcome.sentence, traceback=[])
    )


def _judged_outside(
    cell: NotebookNode, fate: str, exercise: str, seed: int, result: Result
) -> Outcome:
    data = result.answers.get(exercise, b"")
    if not data:
        outcome, sentence = _why_no_answers(cell, fate)
        return Outcome(**_identity(cell), exercise=exercise, outcome=outcome, sentence=sentence)
    try:
        verdict = verdict_on(data, exercise, seed)
    except Malformed as error:
        return Outcome(**_identity(cell), exercise=exercise, outcome=MALFORMED, sentence=str(error))
    identity = _identity(cell)
    return Outcome(
        **identity,
        exercise=exercise,
        outcome=PASSED if verdict.passed else FAILED,
        sentence=readable(verdict.sentence),
        misconception=verdict.misconception,
        attempted=verdict.attempted,
        score=identity["points"] if verdict.passed else 0.0,
    )


def verdict_on(data: bytes, exercise: str, seed: int) -> Verdict:
    """The verdict on handed-out answers: those to the public cases, then those to the hidden ones.

    Raises:
        Malformed: if the bytes are no answers to this exercise.
    """
    answers = unpack(data, exercise)
    seeds = [PUBLIC_SEED, seed]
    if len(answers) != len(seeds):
        raise Malformed(f"Answers to {len(seeds)} sets of cases were expected, got {len(answers)}.")
    for of_seed, its_seed in zip(answers, seeds, strict=True):
        verdict = _guarded(exercise, of_seed, its_seed)
        if not verdict.passed:
            return verdict
    return verdict


def _guarded(exercise: str, answers: list[Answer], seed: int) -> Verdict:
    # The cases and references are ours, the values are not: a value of a kind that a comparison
    # cannot bear is a wrong answer, not the end of the grading.
    try:
        return judge(exercise, answers, seed)
    except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
        raise Malformed("The answers are of a kind that cannot be compared.") from error
    except RuntimeError as error:
        if "The reference of" in str(error):
            raise
        raise Malformed("The answers are of a kind that cannot be compared.") from error


def _why_no_answers(cell: NotebookNode, fate: str) -> tuple[str, str]:
    if fate != RAN:
        return (FAILED, REASONS[fate]) if fate == TOO_MUCH_OUTPUT else (fate, REASONS[fate])
    errors = [output for output in cell.outputs if output.output_type == "error"]
    if errors:
        error = f"{errors[-1].ename}: {errors[-1].evalue}"[:300]
        return FAILED, f"the check stopped with {error}"
    return MALFORMED, "no answers were handed in. Does the notebook give `check` another meaning?"


def _judged_inside(cell: NotebookNode, fate: str) -> Outcome:
    """nbgrader's own rule, without its gaps: only a test that ran to its end can give points."""
    identity = _identity(cell)
    outcome, sentence, score = PASSED, "", identity["points"]
    errors = [output for output in cell.outputs if output.output_type == "error"]
    values = [output for output in cell.outputs if output.output_type == "execute_result"]
    if fate != RAN:
        outcome = FAILED if fate == TOO_MUCH_OUTPUT else fate
        sentence, score = REASONS.get(fate, "it was not run."), 0.0
    elif errors:
        outcome, score = FAILED, 0.0
        sentence = f"{errors[-1].ename}: {errors[-1].evalue}"[:300]
    elif values:
        outcome, sentence, score = _partial_credit(values[0], identity["points"])
    return Outcome(
        **identity, exercise=None, outcome=outcome, sentence=sentence, judged=INSIDE, score=score
    )


def _partial_credit(value: NotebookNode, points: float) -> tuple[str, str, float]:
    """A number from 0 to the cell's points is its score; another number is none."""
    shown = value.data.get("text/plain", "")
    try:
        number = float(shown)
    except ValueError:
        return PASSED, "", points
    if not math.isfinite(number) or not 0 <= number <= points:
        return MALFORMED, f"its result, {shown[:50]}, is no number from 0 to {points:g}.", 0.0
    return (PASSED if number == points else FAILED), f"{number:g} of {points:g} points.", number


def _identity(cell: NotebookNode) -> dict:
    grading = cell.metadata["nbgrader"]
    return {"name": grading["grade_id"], "points": float(grading.get("points", 0))}


def _line(sentence: str) -> NotebookNode:
    return new_output("stream", name="stdout", text=sentence + "\n")
