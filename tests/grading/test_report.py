"""The report on a class: every number is the gradebook's, and nobody's text is more than text."""

from __future__ import annotations

import csv
import io
import re
from html.parser import HTMLParser

import pytest
from nbgrader.api import Gradebook

from course_utils import command
from course_utils.grading.charts import columns, share_bar
from course_utils.grading.class_results import ClassResults, class_results
from course_utils.grading.demo import marks
from course_utils.grading.grade import grade
from course_utils.grading.report import COLUMNS, csv_table, page, write_report

from .conftest import with_answers
from .made_up_results import ATTACK, MISCONCEPTION, SENTENCE, answered, graded, hostile_results
from .test_grade import root  # noqa: F401  (a fixture)
from .test_grading_with_nbgrader import (
    ASSIGNMENT,
    _released,
    _solved,
    _submit,
    course,  # noqa: F401  (a fixture)
)

# The sum over the channels instead of their mean, by somebody who signs the work.
SIGNED = '''import torch


def channel_mean(gradients):
    """By Lovelace, Ada."""
    # ada@example.org
    of_ada = gradients.sum(dim=1)
    assert torch.is_tensor(of_ada), "Lovelace"
    return of_ada'''


def _of(answers, **more):
    people = tuple(graded(f"s{number}", [one], **more) for number, one in enumerate(answers))
    return ClassResults("01_gradients", 1.0, 1.0, people, ())


class _Tags(HTMLParser):
    def __init__(self, text):
        super().__init__()
        self.seen = []
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        self.seen.append((tag, dict(attributes)))


def test_report_of_a_graded_class_says_otherwise_than_the_gradebook(root, capsys):  # noqa: F811
    _submit(root, "right", _solved(root))
    signed = with_answers(_solved(root), {"channel_mean": SIGNED})
    _submit(root, "ada", signed)
    _submit(root, "blank", _released(root))
    _submit(root, "broken", "{no notebook")
    (root / "submitted" / "forgot" / ASSIGNMENT).mkdir(parents=True)
    _submit(root, "stranger", _solved(root))
    enrolled = ["right", "ada,Ada,Lovelace", "blank", "broken", "forgot", "late", "asleep"]
    (root / "roster.csv").write_text("\n".join(["id,first_name,last_name", *enrolled]))
    with Gradebook(f"sqlite:///{root}/gradebook.db") as gradebook:
        gradebook.add_student("idle")
    grade(root, ASSIGNMENT)
    _submit(root, "late", _solved(root))

    results = class_results(root, ASSIGNMENT)
    people = {one.student: one for one in results.graded}
    assert set(people) == {"right", "ada", "blank", "broken"}
    assert dict(results.without) == {
        "asleep": "has handed in nothing",
        "forgot": f"There is no {ASSIGNMENT}.ipynb in the submission.",
        "idle": "has handed in nothing",
        "stranger": "'stranger' is not on the roster.",
        "late": f"is not graded yet: run course grade {ASSIGNMENT}",
    }
    for student, one in people.items():
        got = {answer.name: answer.score for answer in one.answers}
        known = marks(root, ASSIGNMENT, student)
        assert {name: got[name] for name in known} == known
    assert people["right"].automatic == results.automatic_points == results.points == 6
    assert "no valid JSON" in people["broken"].refused
    assert people["broken"].seconds is None
    assert people["right"].seconds > 0.5
    assert people["right"].memory > 50_000_000

    wrong = people["ada"].answers[0]
    assert (wrong.name, wrong.outcome) == ("channel_mean", "failed")
    assert wrong.misconception
    assert "gradients.sum(dim=1)" in wrong.code
    assert "torch.is_tensor" in wrong.code
    assert not re.search("ada|lovelace|example", wrong.code, re.IGNORECASE)
    assert not people["blank"].answers[0].attempted

    assert command.main(["report", ASSIGNMENT, "--csv", "--folder", str(root)]) == 0
    assert capsys.readouterr().out.count("wrote ") == 2
    text = (root / "reports" / f"{ASSIGNMENT}.html").read_text(encoding="utf-8")
    assert "4 students graded, 5 without a grade" in text
    assert "Judged inside the box, so an answer can forge it: own_test" in text
    assert (root / "reports" / f"{ASSIGNMENT}.csv").read_text(encoding="utf-8-sig")
    assert command.main(["report", "02_other", "--folder", str(root)]) == 1
    assert "has no assignment '02_other'" in capsys.readouterr().err


def test_text_of_a_student_becomes_markup():
    text = page(hostile_results())
    tags = _Tags(text).seen
    assert not {"script", "img", "link", "iframe", "object"} & {tag for tag, _ in tags}
    assert not any(name.startswith("on") or name in ("src", "href") for _, a in tags for name in a)
    assert text.count("&lt;script&gt;") == 3, "a name, a reason, a code"
    assert "default-src 'none'" in text


def test_page_needs_something_outside_of_it_or_lacks_what_a_screen_reader_needs():
    text = page(hostile_results())
    tags = _Tags(text).seen
    assert not re.search(r"https?:|url\(|@import", text)
    assert tags[0] == ("html", {"lang": "en"})
    assert [tag for tag, _ in tags].count("h1") == 1
    pictures = [attributes for tag, attributes in tags if tag == "svg"]
    assert all("aria-label" in one or one.get("aria-hidden") == "true" for one in pictures)
    assert sum(tag == "caption" for tag, _ in tags) == sum(tag == "table" for tag, _ in tags)
    assert all("scope" in attributes for tag, attributes in tags if tag == "th")


def test_share_of_an_exercise_or_a_misconception_is_counted_wrongly():
    missed = [answered("failed", misconception=MISCONCEPTION, code="def f(): pass")] * 2
    rare = answered("failed", misconception="rare", code="")
    text = page(_of([answered(), *missed, rare, answered("timeout")]))
    assert "1 of 5" in text
    assert "20%" in text
    assert "failed 3, timeout 1" in text
    assert text.index(f"{MISCONCEPTION} (2 students)") < text.index("rare (1 student)")
    assert "There is no example" in text


def test_rare_misconceptions_bury_the_rest_of_the_page_or_are_left_out():
    names = [f"wrong {number}" for number in range(40)]
    text = page(_of([answered("failed", misconception=name) for name in names]))
    assert "28 more, had by at most 1 student each" in text
    assert all(f"{name} (1 student)" in text for name in names)
    assert text.count("<details>") == text.count("</details>") == 42


def test_common_example_gives_way_to_a_rare_one():
    codes = ["def f(): return 1", "def f(): return 22", "def f(): return 22"]
    answers = [answered("failed", misconception="m", code=code) for code in codes]
    text = page(_of(answers))
    assert "return 22" in text
    assert "return 1\n" not in text


def test_blank_answer_counts_as_a_wrong_one():
    assert "not attempted 1" in page(_of([answered("failed", attempted=False)]))


def test_scores_wait_for_no_hand_or_count_half_graded_ones():
    people = (
        graded("a", [answered()], score=3.0, automatic=1.0),
        graded("b", [answered()], score=1.0, automatic=1.0, waiting=1),
    )
    text = page(ClassResults("01_gradients", 3.0, 1.0, people, ()))
    assert "1 written answer waits" in text
    assert "Median 1, from 1 to 1, of 1 points" in text
    text = page(ClassResults("01_gradients", 3.0, 1.0, people[:1], ()))
    assert "Median 3, from 3 to 3, of 3 points" in text


def test_score_at_an_end_falls_out_of_the_distribution():
    scores = [graded("a", [], score=10.5), graded("b", [], score=0.0), graded("c", [], score=9.9)]
    text = page(ClassResults("01_gradients", 10.0, 10.0, tuple(scores), ()))
    assert "0–10 %: 1;" in text
    assert "90–100 %: 2." in text


def test_empty_class_ends_in_a_traceback(tmp_path):
    empty = ClassResults("01_gradients", 1.0, 1.0, (), ())
    (written,) = write_report(empty, tmp_path)
    text = written.read_text(encoding="utf-8")
    assert "0 students graded" in text
    assert "Nothing was run" in text
    assert csv_table(empty).splitlines() == [",".join(COLUMNS)]


def test_table_lacks_a_student_or_holds_a_formula():
    rows = list(csv.DictReader(io.StringIO(csv_table(hostile_results()))))
    assert [row["student"] for row in rows] == ["ada", "bob", "eve", "zoe", ATTACK, "tom"]
    by_name = {row["student"]: row for row in rows}
    assert by_name["bob"]["misconception"] == MISCONCEPTION
    assert by_name["bob"]["sentence"] == SENTENCE
    assert by_name["zoe"]["outcome"] == "not attempted"
    assert by_name["tom"]["sentence"] == "has handed in nothing"
    formula = _of([answered("failed", sentence='=HYPERLINK("x")')])
    assert ",'=HYPERLINK" in csv_table(formula).replace('"', "")


def test_unboxed_submissions_are_not_named():
    assert "Not boxed: 1 submission ran" in page(_of([answered()], boxed=False))
    assert "Not boxed" not in page(_of([answered()]))


def test_chart_says_nothing_in_words_or_takes_nonsense():
    chart = columns(["a", "<b>"], [1, 3], "How many")
    assert 'aria-label="How many. a: 1; &lt;b&gt;: 3."' in chart
    with pytest.raises(ValueError, match="got 1 for 2"):
        columns(["a"], [1, 2], "How many")
    with pytest.raises(ValueError, match=r"from 0 to 1, got 1\.5"):
        share_bar(1.5)
