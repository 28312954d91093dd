"""The question that is answered in words, with its rubric."""

from __future__ import annotations

from course_utils.exercises.exercise import WrittenQuestion

is_attention_an_explanation = WrittenQuestion(
    name="is_attention_an_explanation",
    teaches="weighing evidence for and against a map that the model made itself",
    minutes=20,
    points=4,
    rubric=(
        (
            4,
            "Takes a position and supports it with a measurement of this notebook for it and one "
            "against it (for instance where attention lies, and what removing or moving it does to "
            "the score), says what attention leaves out (the features' content, the later layers, "
            "the residual connections), and names the question that an attention map does answer.",
        ),
        (
            3,
            "Takes a position with evidence from one side only, and says what attention leaves out.",
        ),
        (2, "Says what attention is and where it lies, but takes its place for its effect."),
        (1, "Describes how attention is computed, without judging it as an explanation."),
        (0, "No answer, or one that has nothing to do with attention."),
    ),
)
