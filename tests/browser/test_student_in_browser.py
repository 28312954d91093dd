"""What a student does in JupyterLab, from opening a notebook to finding the work again."""

from __future__ import annotations

from browser.pages import cell_with, open_notebook, run_cell
from course_utils.exercises import find_exercise

WRONG = "def brightness(images):\n    return images.sum(dim=(1, 2, 3))"
RIGHT = "def brightness(images):\n    return images.mean(dim=(1, 2, 3))"


def write(page, text, source):
    """Replace the source of the cell that holds `text`, by keyboard, and run it."""
    cell = cell_with(page, text)
    cell.locator(".cm-content").click()
    page.keyboard.press("Control+A")
    page.keyboard.insert_text(source)
    page.keyboard.press("Shift+Enter")
    return cell


def test_student_is_not_told_loses_work_or_cannot_validate(page, lab, screenshot):
    misconceptions = {m.name: m.sentence for m in find_exercise("brightness").misconceptions}
    page.errors.clear()
    open_notebook(page, lab, "00_start_here")
    run_cell(page, "from course_utils.checking import check, hint")

    write(page, "def brightness(images):", WRONG)
    check = run_cell(page, 'check("brightness"')
    check.get_by_text("✘").first.wait_for()
    assert misconceptions["sum instead of mean"] in check.inner_text().replace("\n", " ")
    screenshot("wrong")

    write(page, "def brightness(images):", RIGHT)
    check = run_cell(page, 'check("brightness"')
    check.get_by_text("✔").first.wait_for()
    screenshot("right")

    run_cell(page, "import load_classifier")
    progress = run_cell(page, "progress()")
    progress.locator("table").wait_for()
    assert "1 of 1" in progress.locator("table").inner_text()
    screenshot("progress")

    page.keyboard.press("Control+S")
    page.get_by_role("button", name="Validate").click()
    dialog = page.locator(".jp-Dialog, .nbgrader-validate-dialog, .modal-dialog").last
    dialog.get_by_text("Success! Your notebook passes all the tests.").wait_for()
    screenshot("validated")
    dialog.get_by_role("button").last.click()

    page.keyboard.press("Control+S")
    page.wait_for_function("!window.jupyterapp.shell.currentWidget.context.model.dirty")
    page.goto("about:blank")
    open_notebook(page, lab, "00_start_here")
    assert RIGHT in cell_with(page, "def brightness(images):").locator(".cm-content").inner_text()
    check = cell_with(page, 'check("brightness"')
    check.get_by_text("✔").first.wait_for()
    screenshot("reloaded")
    assert page.errors == []
