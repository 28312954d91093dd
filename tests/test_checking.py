"""What a student sees of a check and of a hint."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest
import torch

from course_utils import gradients, progress
from course_utils.checking import HIDDEN_SEED_VARIABLE, CheckFailed, check, hint
from course_utils.exercises import find_exercise


@pytest.fixture(autouse=True)
def own_progress(tmp_path, monkeypatch):
    monkeypatch.setenv(progress.FOLDER_VARIABLE, str(tmp_path))


def _absolute_gradient(f, images):
    return gradients.vanilla_gradient(f, images).abs()


def test_right_answer_prints_more_than_one_line(capsys):
    check("vanilla_gradient", gradients.vanilla_gradient)
    assert capsys.readouterr().out == "✔ vanilla_gradient: right (3 points).\n"


def test_wrong_answer_loses_its_misconception(capsys):
    with pytest.raises(CheckFailed) as failure:
        check("vanilla_gradient", _absolute_gradient)
    assert isinstance(failure.value, AssertionError)
    assert failure.value.misconception == "absolute value"
    output = capsys.readouterr().out
    assert output.startswith("✘ vanilla_gradient: This is the absolute value")
    assert output.count("\n") == 1


def test_unknown_mistake_gets_a_misconception(capsys):
    with pytest.raises(CheckFailed) as failure:
        check("vanilla_gradient", lambda f, images: torch.full_like(images, 0.123))
    assert failure.value.misconception is None
    assert "On " in capsys.readouterr().out


def test_error_in_the_students_function_becomes_a_traceback_or_a_crash(capsys):
    def broken(f, images):
        return images.no_such_method()

    with pytest.raises(CheckFailed):
        check("vanilla_gradient", broken)
    assert "AttributeError: 'Tensor' object has no attribute 'no_such_method'" in (
        capsys.readouterr().out
    )


def test_blank_answer_is_called_wrong(capsys):
    def blank(f, images):
        raise NotImplementedError

    with pytest.raises(CheckFailed) as failure:
        check("vanilla_gradient", blank)
    assert not failure.value.attempted
    output = capsys.readouterr().out
    assert "Not attempted yet" in output
    assert "✘" not in output


def test_own_function_that_is_still_empty_makes_a_later_exercise_look_unattempted(capsys):
    def vanilla_gradient(f, images):
        raise NotImplementedError

    def steepest_step(f, images, length):
        return length * vanilla_gradient(f, images)

    with pytest.raises(CheckFailed) as failure:
        check("steepest_step", steepest_step)
    assert failure.value.attempted
    assert "vanilla_gradient, which it calls, is not written yet" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("function", "words"),
    [
        (lambda f, images: gradients.vanilla_gradient(f, images).flatten(1), "shape should be"),
        (lambda f, images: gradients.vanilla_gradient(f, images)[:, None], "shape should be"),
        (lambda f, images: gradients.vanilla_gradient(f, images).numpy(), "numpy.ndarray"),
        (lambda f, images: [image for image in images], "a list or tuple of 2"),
        (lambda f, images: 10**400, "63 bits"),
        (lambda f, images: None, "got None"),
        (lambda f, images: {1, 2}, "got a set"),
        (lambda f, images: exit(), "SystemExit"),
    ],
)
def test_unlisted_mistake_gets_a_false_sentence_or_a_crash(function, words, capsys):
    with pytest.raises(CheckFailed) as failure:
        check("vanilla_gradient", function)
    assert failure.value.misconception is None
    assert words in capsys.readouterr().out


@pytest.mark.parametrize(
    ("function", "words"),
    [
        (lambda model, target: None, "should return a function"),
        (lambda model, target: lambda images: None, "should return a tensor of scores"),
        (lambda model, target: lambda images: torch.zeros(len(images)), "the scores: its values"),
        (
            lambda model, target: lambda images: model(images)[:, [target]],
            "class axis is still there",
        ),
        (
            lambda model, target: lambda images: model(images)[:, target, None, None],
            "the scores: its shape",
        ),
        (lambda model, target: lambda images: model(images.detach())[:, target], "cannot be diff"),
    ],
)
def test_wrong_score_function_gets_a_sentence_about_something_else(function, words, capsys):
    with pytest.raises(CheckFailed):
        check("class_score", function)
    assert words in capsys.readouterr().out


def test_interrupted_function_leaves_gradients_switched_off():
    def interrupted(f, images):
        torch.set_grad_enabled(False)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        check("vanilla_gradient", interrupted)
    assert torch.is_grad_enabled()


def test_right_answer_that_makes_a_layer_is_rejected_for_its_random_numbers():
    def layered(gradients_):
        torch.nn.Linear(3, 3)
        return gradients_.mean(1)

    check("channel_mean", layered)


def test_verdict_shows_a_traceback_in_the_notebook():
    with pytest.raises(CheckFailed) as failure:
        check("vanilla_gradient", _absolute_gradient)
    shown = "\n".join(failure.value._render_traceback_())
    assert "course_utils" not in shown
    assert "File" not in shown


def test_unknown_exercise_gets_no_near_match():
    with pytest.raises(ValueError, match="'vanilla_gradient'"):
        check("vanila_gradient", gradients.vanilla_gradient)


def test_something_that_is_no_function_is_accepted():
    with pytest.raises(TypeError, match="must be the function you wrote"):
        check("vanilla_gradient", torch.zeros(2))


def test_answer_that_is_right_on_the_public_cases_alone_passes_with_a_hidden_seed(monkeypatch):
    from course_utils.exercises.answers import collect_answers

    public = iter(collect_answers("channel_mean", gradients.channel_mean, 0))

    def remembered(images):
        return next(public).value

    check("channel_mean", remembered)
    monkeypatch.setenv(HIDDEN_SEED_VARIABLE, "4711")
    public = iter(collect_answers("channel_mean", gradients.channel_mean, 0))
    with pytest.raises(CheckFailed):
        check("channel_mean", remembered)


def test_hidden_seed_that_is_no_number_is_ignored(monkeypatch):
    monkeypatch.setenv(HIDDEN_SEED_VARIABLE, "secret")
    with pytest.raises(ValueError, match="whole number"):
        check("channel_mean", gradients.channel_mean)


def test_hints_come_in_another_order_than_from_general_to_specific(capsys):
    hints = find_exercise("steepest_step").hints
    for _ in hints:
        hint("steepest_step")
    lines = [line for line in capsys.readouterr().out.splitlines() if line.startswith("Hint")]
    assert lines == [f"Hint {i} of {len(hints)}: {text}" for i, text in enumerate(hints, start=1)]


def test_empty_stub_counts_as_a_failure_in_the_progress():
    def stub(gradients_):
        raise NotImplementedError

    with pytest.raises(CheckFailed):
        check("channel_mean", stub)
    assert _state("channel_mean") is None


def test_check_changes_the_random_state():
    torch.manual_seed(5)
    state = torch.get_rng_state()

    def seeding(gradients_):
        torch.manual_seed(0)
        return gradients_.mean(1)

    with pytest.raises(CheckFailed):
        check("channel_mean", seeding)
    assert torch.equal(torch.get_rng_state(), state)


def test_progress_forgets_a_pass_or_keeps_one_that_now_fails():
    check("channel_mean", gradients.channel_mean)
    assert _state("channel_mean") is True
    with pytest.raises(CheckFailed):
        check("channel_mean", lambda gradients_: gradients_.sum(1))
    assert _state("channel_mean") is False
    assert _state("steepest_step") is None


def test_progress_is_lost_when_the_kernel_restarts(tmp_path):
    check("channel_mean", gradients.channel_mean)
    code = "from course_utils.progress import progress; print(progress('gradients'))"
    fresh = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "1 of  10 points" in fresh.stdout


def test_unreadable_progress_is_an_error(tmp_path):
    check("channel_mean", gradients.channel_mean)
    (tmp_path / "gradients" / "channel_mean.json").write_text("{")
    assert _state("channel_mean") is None
    (tmp_path / "gradients" / "channel_mean.json").write_text(json.dumps({"passed": "yes"}))
    assert _state("channel_mean") is None


def test_disk_that_cannot_be_written_to_breaks_the_check(monkeypatch, tmp_path):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv(progress.FOLDER_VARIABLE, str(tmp_path / "file"))
    check("channel_mean", gradients.channel_mean)


def _state(name):
    ((_, states, _, _),) = progress.progress("gradients").rows
    return dict(states)[name]
