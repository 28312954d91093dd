"""The question that is answered in words, with its rubric."""

from __future__ import annotations

from course_utils.exercises.exercise import WrittenQuestion

explanation_card = WrittenQuestion(
    name="explanation_card",
    teaches="saying to who decides what a map shows, and what it does not",
    minutes=30,
    points=8,
    rubric=(
        (
            8,
            "Says in words that a clinician understands what the map measures, on which question it "
            "answers and which not; what the network was trained on and where its evidence may lie "
            "(context included), with a measured figure; how stable the map is, with a figure; what "
            "must not be concluded from it; and what to do when map and judgement disagree.",
        ),
        (
            6,
            "As above, with one part missing, or with claims that no measurement supports.",
        ),
        (
            4,
            "Says what the map measures and one limit of it, but takes the map's place for the "
            "region's contribution, or gives no figure.",
        ),
        (
            2,
            "Describes the picture (“red means important”) without saying what it measures, or "
            "promises more than any map can keep.",
        ),
        (0, "No answer, or one that would mislead its reader."),
    ),
)
