"""The masters as a reader meets them: short cells, ordered headings, figures with words."""

from __future__ import annotations

import re
from itertools import pairwise
from pathlib import Path

import nbformat
import pytest

from course_utils.authoring.build import (
    LARGEST_NOTEBOOK,
    assignments,
    lecture_of_assignment,
    master_path,
    roles,
)
from course_utils.authoring.coverage import ITEMS, coverage_table, treated_items
from course_utils.exercises import exercises, written_questions

ROOT = Path(__file__).resolve().parent.parent
SOLUTIONS = ROOT / "solutions"
ASSIGNMENTS = assignments(SOLUTIONS)
MOST_LINES, MOST_WORDS = 20, 110  # the aim is 15 lines and 80 words
WORDS_A_MINUTE = 180


@pytest.fixture(params=ASSIGNMENTS)
def assignment(request):
    return request.param


@pytest.fixture
def cells(assignment):
    return nbformat.read(master_path(assignment, SOLUTIONS), as_version=4).cells


def _headings(cells):
    for cell in cells:
        if cell.cell_type == "markdown":
            text = re.sub(r"```.*?```", "", cell.source, flags=re.S)
            yield from (len(marks) for marks in re.findall(r"^(#+) ", text, flags=re.M))


def _html(cells):
    for cell in cells:
        for output in cell.get("outputs", []):
            yield from filter(None, [output.get("data", {}).get("text/html")])


def test_notebook_is_too_large(assignment):
    assert master_path(assignment, SOLUTIONS).stat().st_size < LARGEST_NOTEBOOK


def test_reader_is_promised_less_time_than_it_takes(assignment, cells):
    (promised,) = re.findall(r"about (\d+) minutes", cells[0].source)
    lecture = lecture_of_assignment(assignment)
    work = sum(item.minutes for item in (*exercises(lecture), *written_questions(lecture)))
    words = sum(len(cell.source.split()) for cell in cells if cell.cell_type == "markdown")
    assert int(promised) >= work + words / WORDS_A_MINUTE
    number = assignment[:2]
    (row,) = re.findall(rf"^\| {number} .*$", (ROOT / "README.md").read_text(), flags=re.M)
    assert row.endswith(f"| {promised} |")


def test_headings_skip_a_level_or_there_are_two_titles(cells):
    levels = list(_headings(cells))
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after <= before + 1 for before, after in pairwise(levels))


def test_stored_outputs_hold_a_warning_or_an_error(cells):
    for cell in cells:
        for output in cell.get("outputs", []):
            assert output.output_type != "error", cell.source
            assert output.get("name") != "stderr", output.text


def test_code_cells_were_not_all_executed_in_order(cells):
    counts = [cell.execution_count for cell in cells if cell.cell_type == "code"]
    assert counts == list(range(1, len(counts) + 1))


def test_code_cell_is_too_long(cells):
    for cell in cells:
        roles_of_cell = [role for role, _ in roles(cell)]
        if cell.cell_type == "code" and "solution" not in roles_of_cell:
            lines = [line for line in cell.source.splitlines() if line.strip()]
            assert len(lines) <= MOST_LINES, cell.source


def test_text_cell_is_too_long(cells):
    for cell in cells:
        if cell.cell_type == "markdown" and not list(roles(cell)):
            prose = [
                line
                for line in cell.source.splitlines()
                if not line.startswith(("|", "- ", ">", "#"))
            ]
            assert len(" ".join(prose).split()) <= MOST_WORDS, cell.source


def test_picture_lacks_alt_text_or_caption(cells):
    for html in _html(cells):
        for picture in re.findall(r"<img[^>]*>", html):
            alt = re.search(r'alt="([^"]+)"', picture)
            assert alt, picture[:80]
            assert len(alt[1].split()) >= 5, alt[1]
            assert "<figcaption>" in html


def test_picture_is_shown_without_words(cells):
    for cell in cells:
        for output in cell.get("outputs", []):
            assert "image/png" not in output.get("data", {}), cell.source


def test_exercise_lacks_its_card_its_solution_or_its_check(assignment, cells):
    lecture = lecture_of_assignment(assignment)
    found = [role for cell in cells for role in roles(cell)]
    expected = [
        (role, exercise.name)
        for exercise in exercises(lecture)
        for role in ("card", "solution", "check")
    ] + [(role, item.name) for item in written_questions(lecture) for role in ("card", "written")]
    assert sorted(found) == sorted(expected)


def test_level_of_a_rubric_has_no_anchor_answer(assignment, cells):
    sources = {
        name: cell.source for cell in cells for role, name in roles(cell) if role == "written"
    }
    for question in written_questions(lecture_of_assignment(assignment)):
        levels = [points for points, _ in question.rubric[1:] if points]
        anchors = sources[question.name].split("<details>")[1]
        assert [int(n) for n in re.findall(r"\*\*(\d) points?\.\*\*", anchors)] == levels


def test_jet_is_used(cells):
    source = "\n".join(cell.source for cell in cells)
    assert not re.search(r"\b(jet|rainbow|hsv)\b", source)


def test_cell_that_is_graded_needs_a_demonstration(assignment, cells):
    """Grading skips demonstrations: what is left must run by itself."""
    namespace: dict = {}
    for cell in cells:
        tags = cell.metadata.get("tags", [])
        check = any(role == "check" for role, _ in roles(cell))
        if cell.cell_type == "code" and "demonstration" not in tags and not check:
            exec(compile(cell.source, assignment, "exec"), namespace)
    for exercise in exercises(lecture_of_assignment(assignment)):
        assert callable(namespace[exercise.name])


def test_coverage_table_is_not_what_the_tags_say():
    assert (ROOT / "COVERAGE.md").read_text(encoding="utf-8") == coverage_table(SOLUTIONS), (
        "run: course coverage"
    )


@pytest.mark.parametrize("item", ITEMS)
def test_item_of_the_lecture_notes_has_no_row(item):
    assert treated_items(SOLUTIONS).get(item)
