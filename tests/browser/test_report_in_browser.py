"""The report on a class as an instructor opens it: a file, in a browser."""

from __future__ import annotations

import pytest
from grading.made_up_results import ATTACK, MISCONCEPTION, SENTENCE, hostile_results

from course_utils.grading.report import write_report

from .findings import findings


@pytest.fixture
def report(browser, tmp_path):
    """The open report of a class that writes scripts into everything, and what it asked for."""
    (path,) = write_report(hostile_results(), tmp_path)
    page = browser.new_page()
    asked, said = [], []
    page.on("request", lambda request: asked.append(request.url))
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    page.goto(path.as_uri())
    yield page, asked, said
    page.close()


def test_script_of_a_student_runs_or_something_is_fetched(report):
    page, asked, said = report
    assert page.title() == "Results of 01_gradients"
    assert page.locator("script, img").count() == 0
    assert page.get_by_text(ATTACK).count() == 3
    assert len(asked) == 1
    assert said == []
    # Also a script that came in somehow would not run.
    page.evaluate(
        "document.body.insertAdjacentHTML('beforeend', '<img src=x onerror=\"document.title=1\">')"
    )
    page.wait_for_timeout(300)
    assert page.title() == "Results of 01_gradients"
    assert any("Content Security Policy" in text for text in said)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_somebody_cannot_read_the_report(report, scheme):
    page, _, _ = report
    page.emulate_media(color_scheme=scheme)
    assert findings(page, "html") == {}
    dark = page.evaluate("getComputedStyle(document.body).backgroundColor") != "rgb(255, 255, 255)"
    assert dark == (scheme == "dark")
    page.get_by_text(MISCONCEPTION).click()
    assert page.get_by_text(SENTENCE).is_visible()
    assert findings(page, "html") == {}
    chart = page.get_by_role("img")
    assert "90–100 %: 1" in chart.get_attribute("aria-label")


def test_report_is_wider_than_a_telephone(report):
    page, _, _ = report
    page.set_viewport_size({"width": 380, "height": 800})
    assert page.evaluate("document.documentElement.scrollWidth") <= 380
