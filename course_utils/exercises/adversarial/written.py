"""The question that is answered in words, with its rubric."""

from __future__ import annotations

from course_utils.exercises.exercise import WrittenQuestion

why_attacks_work = WrittenQuestion(
    name="why_attacks_work",
    teaches="seeing the attack and the saliency map as two uses of one gradient",
    minutes=15,
    points=4,
    rubric=(
        (
            4,
            "Explains why many tiny changes add up (dimension, or the L1 norm of the gradient), names what "
            "attack and saliency map share and in what they differ, says which bound (L∞ or L2) leads to "
            "which direction, and uses a measurement of this notebook.",
        ),
        (3, "As above, with one part missing."),
        (2, "Names what the two share, without explaining why tiny changes suffice."),
        (1, "Describes how an attack is computed."),
        (0, "No answer, or one that has nothing to do with the attack."),
    ),
)
