"""Results of a class that never was, with names, code and errors that want to be more than text."""

from __future__ import annotations

from course_utils.grading.class_results import Answered, ClassResults, Graded

ATTACK = "<script>document.title='taken'</script><img src=x onerror=\"document.title='taken'\">"
SENTENCE = "This is the sum over the channels."
MISCONCEPTION = "sum, not mean"


def answered(outcome="passed", *, attempted=True, misconception=None, code="", **more):
    """An answer to channel_mean, worth one point."""
    defaults = {
        "name": "channel_mean",
        "score": float(outcome == "passed"),
        "points": 1.0,
        "sentence": "" if outcome == "passed" else SENTENCE,
        "judged": "outside the box",
    }
    return Answered(
        outcome=outcome,
        attempted=attempted,
        misconception=misconception,
        code=code,
        **{**defaults, **more},
    )


def graded(student, answers, *, waiting=0, refused="", seconds=2.0, memory=300_000_000, **more):
    """A student who is graded."""
    score = sum(answer.score for answer in answers)
    defaults = {"score": score, "automatic": score, "boxed": True}
    return Graded(
        student=student,
        answers=tuple(answers),
        waiting=waiting,
        refused=refused,
        seconds=seconds,
        memory=memory,
        **{**defaults, **more},
    )


def hostile_results() -> ClassResults:
    """Four graded, two without a grade; whatever a student could write is `ATTACK`."""
    wrong = answered("failed", misconception=MISCONCEPTION, code=ATTACK)
    return ClassResults(
        assignment="01_gradients",
        points=1.0,
        automatic_points=1.0,
        graded=(
            graded("ada", [answered()], seconds=4.5),
            graded("bob", [wrong]),
            graded("eve", [answered("failed", sentence=f"NameError: {ATTACK}")]),
            graded("zoe", [answered("failed", attempted=False)], memory=700_000_000),
        ),
        without=((ATTACK, f"the notebook is called {ATTACK}"), ("tom", "has handed in nothing")),
    )
