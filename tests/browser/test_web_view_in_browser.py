"""The stored notebooks as web pages, as a repository or nbviewer shows them: axe finds nothing grave."""

from __future__ import annotations

import html
import re

import nbformat
import pytest
from nbconvert import HTMLExporter

from browser.conftest import ROOT
from browser.findings import findings
from course_utils.authoring.build import assignments, master_path

# The colours of code and the numbers beside cells are nbconvert's, not the course's.
THEIRS = [[".highlight"], [".jp-InputPrompt"], [".jp-OutputPrompt"], [".anchor-link"]]


@pytest.fixture
def web_page(browser):
    page = browser.new_page()
    yield page
    page.close()


@pytest.fixture(params=assignments(ROOT / "solutions"))
def web_view(request, web_page, tmp_path):
    """A stored master, converted and opened; nothing is fetched from elsewhere."""
    notebook = nbformat.read(master_path(request.param, ROOT / "solutions"), as_version=4)
    exporter = HTMLExporter(mathjax_url="", require_js_url="", jquery_url="")
    converted, _ = exporter.from_notebook_node(notebook, {"metadata": {"name": request.param}})
    file = tmp_path / "notebook.html"
    file.write_text(converted, encoding="utf-8")
    web_page.goto(file.as_uri())
    return notebook, web_page


def test_web_view_of_a_notebook_shuts_somebody_out(web_view):
    _, page = web_view
    assert findings(page, {"include": [["body"]], "exclude": THEIRS}) == {}


def test_web_view_lacks_the_picture_of_an_explorer(web_view):
    notebook, page = web_view
    for cell in notebook.cells:
        if re.search(r"^explore_\w+\(\)$", cell.source, flags=re.M):
            (output,) = cell.outputs
            alt = html.unescape(re.search(r'alt="([^"]+)"', output.data["text/html"])[1])
            picture = page.get_by_alt_text(alt, exact=True)
            picture.scroll_into_view_if_needed()
            assert picture.is_visible()
            assert picture.evaluate("image => image.naturalWidth") > 600


def test_axe_finds_nothing_where_there_is_something(web_page):
    web_page.set_content(
        "<html lang='en'><title>t</title><img src='a.png'><p style='color:#ccc'>pale</p></html>"
    )
    assert {"image-alt", "color-contrast"} <= set(findings(web_page, "html"))
