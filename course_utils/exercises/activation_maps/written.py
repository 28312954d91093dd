"""The question that is answered in words, with its rubric."""

from __future__ import annotations

from course_utils.exercises.exercise import WrittenQuestion

coarse_map = WrittenQuestion(
    name="coarse_map",
    teaches="what a coarse map can say, and what it cannot",
    minutes=15,
    points=4,
    rubric=(
        (
            4,
            "Says what one value of the map stands for (resolution, receptive field), what the ReLU and "
            "the averaged gradient leave out, which conclusions are safe and which are not, and uses a "
            "measurement of this notebook.",
        ),
        (3, "As above, but without a measurement, or with one of the three missing."),
        (2, "Names a limit of the map, but not where it comes from."),
        (1, "Describes the map, without judging what it can say."),
        (0, "No answer, or one that has nothing to do with the map."),
    ),
)
