"""The question that is answered in words, with its rubric."""

from __future__ import annotations

from course_utils.exercises.exercise import WrittenQuestion

choosing_the_noise_level = WrittenQuestion(
    name="choosing_the_noise_level",
    teaches="what σ trades, and that no map tells which value is right",
    minutes=15,
    points=4,
    rubric=(
        (
            4,
            "Names what is gained and what is lost on both sides (small σ: fluctuations stay; large "
            "σ: detail goes, and the network is asked about images unlike those it was trained on), "
            "says that the map then explains the smoothed score and not f, chooses a level by a "
            "reason that can be checked (for instance: the score under noise is still near f(I), or "
            "the map is stable between seeds), and says that a beautiful map is no such reason.",
        ),
        (
            3,
            "Names gain and loss on both sides and a reason that can be checked, but not that "
            "another function is explained.",
        ),
        (
            2,
            "Names the trade-off, but chooses by how the map looks, or by a rule without a reason.",
        ),
        (
            1,
            "Says only that more noise makes the map smoother, or takes the number of samples for "
            "the noise level.",
        ),
        (0, "No answer, or one that has nothing to do with the noise."),
    ),
)
