"""The question that is answered in words, with its rubric."""

from __future__ import annotations

from course_utils.exercises.exercise import WrittenQuestion

meaning_of_the_baseline = WrittenQuestion(
    name="meaning_of_the_baseline",
    teaches="that every attribution answers: compared with what?",
    minutes=20,
    points=4,
    rubric=(
        (
            4,
            "Says that integrated gradients explain the difference f(I) − f(B), so that the baseline is "
            "part of the question; concludes that pixels equal to the baseline get nothing, with an "
            "example; says that the notes average the gradient and the paper multiplies by (I − B), and "
            "what only the factor gives (completeness, units of the score); and gives a reason for a "
            "baseline in a named application.",
        ),
        (
            3,
            "Says that the difference to the baseline is explained and where notes and paper differ, "
            "with one of: the example, what the factor gives, a reason for a baseline.",
        ),
        (
            2,
            "Names either what the baseline means or where notes and paper differ, and treats the "
            "baseline as a setting that should not matter.",
        ),
        (1, "Describes the path, but neither what the baseline means nor what the factor does."),
        (0, "No answer, or one that has nothing to do with the baseline."),
    ),
)
