"""Answers as bytes: all that a function can give survives, and no bytes do harm."""

from __future__ import annotations

import pickle

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from course_utils.exercises import exercises
from course_utils.exercises.answer_files import LARGEST, Malformed, pack, unpack
from course_utils.exercises.answers import Answer, collect_answers, plain
from course_utils.exercises.cases import LECTURES, exercise_names
from course_utils.exercises.comparison import Unreadable
from course_utils.exercises.verdicts import SIDE_EFFECTS
from course_utils.grading.judging import verdict_on

DTYPES = [
    torch.float64,
    torch.float32,
    torch.float16,
    torch.bfloat16,
    torch.int64,
    torch.uint8,
    torch.bool,
    torch.complex64,
    torch.complex128,
]
TENSORS = st.builds(
    lambda dtype, shape: (torch.rand(shape, generator=torch.Generator().manual_seed(1)) * 3).to(
        dtype
    ),
    st.sampled_from(DTYPES),
    st.lists(st.integers(0, 3), max_size=4),
)
VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.complex_numbers()
    | st.text(st.characters(codec="utf-8"), max_size=20)
    | st.builds(Unreadable, st.text(max_size=20))
    | TENSORS,
    lambda parts: st.lists(parts, max_size=3).map(tuple),
    max_leaves=8,
)
ANSWERS = st.builds(
    Answer,
    VALUES,
    st.lists(
        st.tuples(st.sampled_from(["images", "model"]), st.sampled_from(sorted(SIDE_EFFECTS)))
    ).map(tuple),
    st.none() | st.text(max_size=20),
    st.booleans(),
)


def _same(one, other):
    if isinstance(one, torch.Tensor):
        return one.dtype == other.dtype and one.shape == other.shape and torch.equal(one, other)
    if isinstance(one, tuple):
        return len(one) == len(other) and all(map(_same, one, other))
    return type(one) is type(other) and (
        one == other or (one != one and other != other) or str(one) == str(other)
    )


@settings(max_examples=200, deadline=None)
@given(answers=st.lists(st.lists(ANSWERS, max_size=3), max_size=2))
def test_answer_does_not_survive_the_way(answers):
    read = unpack(pack("channel_mean", answers), "channel_mean")
    assert len(read) == len(answers)
    for of_seed, read_of_seed in zip(answers, read, strict=True):
        for one, other in zip(of_seed, read_of_seed, strict=True):
            assert _same(one.value, other.value)
            assert (one.changes, one.error, one.attempted) == (
                other.changes,
                other.error,
                other.attempted,
            )


@settings(max_examples=300, deadline=None)
@given(data=st.binary(max_size=300))
def test_some_bytes_raise_something_else_than_malformed(data):
    with pytest.raises(Malformed):
        unpack(data, "channel_mean")


@settings(max_examples=300, deadline=None)
@given(position=st.integers(0, 10_000), byte=st.integers(0, 255), cut=st.booleans())
def test_damaged_answers_raise_something_else_or_pass(position, byte, cut):
    right = [
        collect_answers("channel_mean", lambda gradients: gradients.mean(1), s) for s in (0, 5)
    ]
    data = bytearray(pack("channel_mean", right))
    position %= len(data)
    if cut:
        del data[position:]
    else:
        data[position] = byte
    try:
        verdict = verdict_on(bytes(data), "channel_mean", 5)
    except Malformed:
        return
    # A damaged last digit is still within the tolerance; then the answer is as good as right.
    assert verdict.passed or verdict.sentence


def test_pickle_is_read():
    class Command:
        def __reduce__(self):
            return pytest.fail, ("it was unpickled",)

    with pytest.raises(Malformed):
        unpack(pickle.dumps(Command()), "channel_mean")


def test_answers_to_another_exercise_are_read():
    with pytest.raises(Malformed, match="another exercise"):
        unpack(pack("class_score", [[], []]), "channel_mean")


def test_oversized_answers_are_handed_out_or_read():
    large = [[Answer(torch.zeros(LARGEST, dtype=torch.uint8))]]
    data = pack("channel_mean", large)
    assert len(data) < 100
    with pytest.raises(Malformed, match="larger than"):
        unpack(data, "channel_mean")
    with pytest.raises(Malformed, match="larger than"):
        unpack(bytes(LARGEST + 1), "channel_mean")


def test_side_effect_of_an_unknown_kind_is_read():
    with pytest.raises(Malformed):
        unpack(pack("channel_mean", [[Answer(changes=(("images", "soul"),))]]), "channel_mean")


def test_answers_to_one_set_of_cases_pass():
    right = collect_answers("channel_mean", lambda gradients: gradients.mean(1), 0)
    with pytest.raises(Malformed, match="2 sets"):
        verdict_on(pack("channel_mean", [right]), "channel_mean", 5)


@pytest.mark.parametrize(
    "value",
    [
        torch.ones(2, 4, 5, dtype=torch.bool),
        torch.ones(2, 4, 5, dtype=torch.complex128),
        torch.zeros(0),
        torch.tensor(float("nan")),
        "text",
        (),
        (None, (torch.ones(1),)),
        Unreadable("a thing"),
        10**400,
        float("inf"),
    ],
    ids=lambda value: type(value).__name__,
)
@pytest.mark.parametrize("name", [name for lecture in LECTURES for name in exercise_names(lecture)])
def test_odd_value_passes_or_ends_the_grading(name, value):
    n_cases = [len(collect_answers(name, lambda *a, **k: None, seed)) for seed in (0, 5)]
    answers = [[Answer(plain(value))] * n for n in n_cases]
    try:
        verdict = verdict_on(pack(name, answers), name, 5)
    except Malformed:
        return
    assert not verdict.passed


@pytest.mark.parametrize(
    "exercise",
    [exercise for lecture in LECTURES for exercise in exercises(lecture)],
    ids=lambda exercise: exercise.name,
)
def test_right_answers_handed_out_fail(exercise):
    data = pack(
        exercise.name, [collect_answers(exercise.name, exercise.reference, s) for s in (0, 5)]
    )
    assert len(data) < LARGEST / 4
    assert verdict_on(data, exercise.name, 5).passed
