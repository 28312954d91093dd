"""Formgrader as an instructor uses it: open, grade a written answer by hand, comment, give feedback."""

from __future__ import annotations

import shutil
from urllib.parse import urljoin

import nbformat
import pytest
from grading.conftest import RIGHT, ROOT, box, with_answers  # noqa: F401  (box is a fixture)
from nbgrader.api import Gradebook

from course_utils.authoring.build import roles
from course_utils.checking import HIDDEN_SEED_VARIABLE
from course_utils.grading.class_results import class_results
from course_utils.grading.course import nbgrader
from course_utils.grading.export import gradebook_marks
from course_utils.grading.grade import grade
from course_utils.grading.model_answers import HEADING, model_answers
from course_utils.grading.release import release

from .conftest import running_lab

ASSIGNMENT, QUESTION = "01_gradients", "which_question"
ASKED = {"channel_mean", "logistic_gradient", QUESTION}
SCRIPT = "<script>document.title='taken'</script><img src=x onerror=\"document.title='taken'\">"
COMMENT = "Which pixel would you change first?"


@pytest.fixture(scope="module")
def course(box, tmp_path_factory):  # noqa: F811
    """A course in which Ada has answered two exercises and the written question."""
    root = tmp_path_factory.mktemp("course")
    shutil.copy(ROOT / "nbgrader_config.py", root)
    folder = root / "solutions" / ASSIGNMENT
    folder.mkdir(parents=True)
    master = nbformat.read(ROOT / f"solutions/{ASSIGNMENT}/{ASSIGNMENT}.ipynb", as_version=4)
    master.cells = [
        cell
        for cell in master.cells
        if ASKED & {name for _, name in roles(cell)} or "import check" in cell.source
    ]
    nbformat.write(master, folder / f"{ASSIGNMENT}.ipynb")
    notebook = with_answers(nbformat.read(release(ASSIGNMENT, root), as_version=4), RIGHT)
    for cell in notebook.cells:
        if ("written", QUESTION) in roles(cell):
            cell.source = f"What raises the score fastest. {SCRIPT}"
    handed_in = root / "submitted" / "ada" / ASSIGNMENT
    handed_in.mkdir(parents=True)
    nbformat.write(notebook, handed_in / f"{ASSIGNMENT}.ipynb")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(HIDDEN_SEED_VARIABLE, "771")
        grade(root, ASSIGNMENT)
    return root


@pytest.fixture(scope="module")
def formgrader(course, browser, tmp_path_factory):
    """A page on which formgrader shows the list of Ada's notebook."""
    with running_lab(course, tmp_path_factory.mktemp("home")) as lab:
        page = browser.new_page()
        page.set_default_timeout(60_000)
        page.goto(lab)  # which signs in: formgrader's own requests carry no token
        page.goto(urljoin(lab, f"/formgrader/gradebook/{ASSIGNMENT}/{ASSIGNMENT}"))
        yield page
        page.close()


def test_written_answer_cannot_be_graded_by_hand_or_feedback_lacks_it(course, formgrader):
    page = formgrader
    database = f"sqlite:///{course}/gradebook.db"
    (ada,) = class_results(course, ASSIGNMENT).graded
    assert ada.waiting == 1
    assert ada.score == 3

    page.get_by_role("link", name="Submission #1").click()
    answer = page.locator(".nbgrader_cell", has_text="What raises the score fastest")
    answer.wait_for()
    (model,) = model_answers(course / f"solutions/{ASSIGNMENT}/{ASSIGNMENT}.ipynb").values()
    shown = page.locator("#notebook-container").first.inner_text()
    assert HEADING.split("**")[1] in shown
    assert model.split()[:5] == shown.split(HEADING.split("** ")[1])[1].split()[:5]
    assert "What an answer of this level does" in shown, "the rubric"

    assert page.title() != "taken"
    assert page.locator("#notebook-container script").count() == 0

    score, comment = page.locator(f"#{QUESTION}"), page.locator(f"#{QUESTION}-comment")
    with page.expect_response(lambda reply: "/api/grade/" in reply.url and reply.ok):
        score.fill("3")
        score.press("Tab")
    with page.expect_response(lambda reply: "/api/comment/" in reply.url and reply.ok):
        comment.fill(COMMENT)
        comment.press("Tab")
    with Gradebook(database) as gradebook:
        assert gradebook.find_grade(QUESTION, ASSIGNMENT, ASSIGNMENT, "ada").manual_score == 3
    assert gradebook_marks(database, ASSIGNMENT) == {"ada": 6.0}

    # Grading once more, also by force, leaves what was given by hand, and asks for no review.
    grade(course, ASSIGNMENT, force=True)
    (ada,) = class_results(course, ASSIGNMENT).graded
    assert (ada.score, ada.waiting) == (6, 0)

    done = nbgrader(course).generate_feedback(ASSIGNMENT, "ada")
    assert done["success"], done["log"]
    path = course / "feedback" / "ada" / ASSIGNMENT / f"{ASSIGNMENT}.html"
    page.goto(path.as_uri())
    feedback = page.locator("body").inner_text()
    assert COMMENT in feedback
    assert "Score: 6.0 / 7.0" in feedback
    assert "Model answer" not in feedback
    assert page.title() != "taken"
    graded = path.parents[3] / "autograded" / "ada" / ASSIGNMENT / f"{ASSIGNMENT}.ipynb"
    assert "Model answer" not in graded.read_text(encoding="utf-8")


def test_another_written_answer_keeps_the_old_ones_mark_without_a_review(course, formgrader):
    path = course / "submitted" / "ada" / ASSIGNMENT / f"{ASSIGNMENT}.ipynb"
    text = path.read_text(encoding="utf-8")
    path.write_text(text.replace("raises the score", "lowers the score"), encoding="utf-8")
    grade(course, ASSIGNMENT)
    (ada,) = class_results(course, ASSIGNMENT).graded
    assert (ada.score, ada.waiting) == (6, 1)
