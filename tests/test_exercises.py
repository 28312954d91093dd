"""The tests of the checks: what is right passes, what is wrong gets its own sentence."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import pytest
import torch

from course_utils.exercises import exercises, find_exercise, verdicts
from course_utils.exercises.answers import collect_answers
from course_utils.exercises.cases import LECTURES, exercise_names
from course_utils.exercises.verdicts import judge

SEEDS = (0, 1, 20231)
EXERCISES = [exercise for lecture in LECTURES for exercise in exercises(lecture)]


# A verdict on a wrong answer asks every misconception: once for each seed is enough.
_answers = cache(collect_answers)


@pytest.fixture(autouse=True)
def _each_implementation_answers_once(monkeypatch):
    monkeypatch.setattr(verdicts, "collect_answers", _answers)


def _verdict(exercise, function, seed):
    return judge(exercise.name, _answers(exercise.name, function, seed), seed)


@pytest.mark.parametrize("lecture", LECTURES)
def test_every_exercise_with_cases_is_declared_and_the_reverse(lecture):
    assert [exercise.name for exercise in exercises(lecture)] == exercise_names(lecture)
    folder = Path(verdicts.__file__).parent / lecture
    declared = {file.stem for file in folder.glob("*.py")} - {"__init__", "written"}
    assert declared == set(exercise_names(lecture))


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("exercise", EXERCISES, ids=lambda exercise: exercise.name)
def test_reference_and_right_variants_pass(exercise, seed):
    assert len(exercise.right_variants) >= 2
    for variant in [exercise.reference, *exercise.right_variants]:
        verdict = _verdict(exercise, variant, seed)
        assert verdict.passed, f"{variant.__name__}: {verdict.sentence}"


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize(
    ("exercise", "misconception"),
    [(exercise, wrong) for exercise in EXERCISES for wrong in exercise.misconceptions],
    ids=lambda part: part.name,
)
def test_misconception_is_rejected_with_its_own_sentence(exercise, misconception, seed):
    verdict = _verdict(exercise, misconception.implementation, seed)
    assert not verdict.passed
    assert (verdict.misconception, verdict.sentence) == (misconception.name, misconception.sentence)


@pytest.mark.parametrize(
    ("name", "misconception"),
    [
        ("vanilla_gradient", "absolute value"),
        ("mean_path_gradient", "times image"),
        ("gradcam", "without ReLU"),
        ("loss_gradient", "gradient of the logit"),
        ("region_effect", "region kept, rest replaced"),
    ],
)
def test_second_slip_of_scale_hides_a_misconception(name, misconception):
    exercise = find_exercise(name)
    (wrong, *_) = [m for m in exercise.misconceptions if m.name == misconception]

    def halved(*args, **keywords):
        return wrong.implementation(*args, **keywords) / 2

    verdict = _verdict(exercise, halved, SEEDS[0])
    assert verdict.misconception == misconception
    assert verdict.sentence.startswith(wrong.sentence)
    assert verdict.sentence.endswith("multiplied by a number.")


@pytest.mark.parametrize("exercise", EXERCISES, ids=lambda exercise: exercise.name)
def test_right_answer_times_a_number_gets_another_misconceptions_sentence_for_it(exercise):
    def doubled(*args, **keywords):
        value = exercise.reference(*args, **keywords)
        return value * 2 if isinstance(value, torch.Tensor) and value.is_floating_point() else value

    verdict = _verdict(exercise, doubled, SEEDS[0])
    assert "multiplied by a number" not in verdict.sentence


@pytest.mark.parametrize("exercise", EXERCISES, ids=lambda exercise: exercise.name)
def test_two_misconceptions_share_a_name_or_a_sentence(exercise):
    sentences = {wrong.name: wrong.sentence for wrong in exercise.misconceptions}
    assert len(sentences) >= 5
    assert len(set(sentences.values())) == len(sentences)
    assert all(wrong.sentence == sentences[wrong.name] for wrong in exercise.misconceptions)


@pytest.mark.parametrize("exercise", EXERCISES, ids=lambda exercise: exercise.name)
def test_an_empty_stub_is_not_attempted_rather_than_wrong(exercise):
    def stub(*_arguments, **_keywords):
        raise NotImplementedError

    verdict = _verdict(exercise, stub, 0)
    assert not verdict.passed
    assert not verdict.attempted
