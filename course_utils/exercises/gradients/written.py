"""The question that is answered in words, with its rubric."""

from __future__ import annotations

from course_utils.exercises.exercise import WrittenQuestion

which_question = WrittenQuestion(
    name="which_question",
    teaches="saying what a saliency map answers, and what it does not",
    minutes=15,
    points=4,
    rubric=(
        (
            4,
            "Names the question that is answered and the one that is not, gives a reason for the "
            "difference, and an example that is worked out.",
        ),
        (3, "Names both, with either a reason or an example."),
        (2, "Names both, without a reason or an example."),
        (1, "Says how the gradient is computed, or takes it to answer both questions."),
        (0, "No answer, or one that has nothing to do with the gradient."),
    ),
)
