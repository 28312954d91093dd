"""The notebooks for who hears them, zooms in or sees no colours: checked in the files themselves."""

from __future__ import annotations

import re
from collections import Counter
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path

import nbformat
import pytest

from course_utils.authoring.build import assignments, master_path
from course_utils.captions import EMPTY_WORDS

ROOT = Path(__file__).resolve().parent.parent
ASSIGNMENTS = assignments(ROOT / "solutions")
FILES = [master_path(name, ROOT / "solutions") for name in ASSIGNMENTS] + [
    ROOT / "notebooks" / name / f"{name}.ipynb"
    for name in ASSIGNMENTS
    if (ROOT / "notebooks" / name).exists()
]


class Elements(HTMLParser):
    """The start tags of a piece of HTML, with their attributes."""

    def __init__(self, html):
        super().__init__()
        self.found = []
        self.feed(html)

    def handle_starttag(self, tag, attributes):
        self.found.append((tag, dict(attributes)))

    def of(self, tag):
        return [attributes for name, attributes in self.found if name == tag]


@pytest.fixture(params=FILES, ids=lambda path: f"{path.parent.parent.name}-{path.stem}")
def cells(request):
    return nbformat.read(request.param, as_version=4).cells


def texts(cells):
    """The Markdown of a notebook, without its code."""
    for cell in cells:
        if cell.cell_type == "markdown":
            yield re.sub(r"```.*?```", "", cell.source, flags=re.S)


def html_outputs(cells):
    for cell in cells:
        for output in cell.get("outputs", []):
            if "text/html" in output.get("data", {}):
                yield output.data["text/html"]


def test_there_is_not_one_title_or_a_level_of_headings_is_skipped(cells):
    levels = [len(m) for text in texts(cells) for m in re.findall(r"^(#+) \S", text, flags=re.M)]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after <= before + 1 for before, after in pairwise(levels))


def test_a_heading_says_nothing_or_what_another_one_says(cells):
    headings = [h for text in texts(cells) for h in re.findall(r"^#+ (.+)$", text, flags=re.M)]
    assert all(re.search(r"\w", heading) for heading in headings)
    assert max(Counter(headings).values()) == 1


def test_a_figure_has_no_alt_text_or_a_generic_one(cells):
    alts = [
        picture.get("alt") for html in html_outputs(cells) for picture in Elements(html).of("img")
    ]
    for alt in alts:
        assert alt
        words = set(re.findall(r"[^\W\d_]{2,}", alt.casefold())) - EMPTY_WORDS
        assert len(words) >= 4, alt
        assert not re.match(r"(image|picture|figure|plot|graph) of\b", alt.casefold()), alt
    assert len(set(alts)) == len(alts), "two figures cannot be told apart by their alt texts"


def test_a_picture_in_the_text_has_no_alt_text(cells):
    for text in texts(cells):
        assert not re.findall(r"!\[\s*\]\(", text)
        assert all(picture.get("alt") for picture in Elements(text).of("img"))


def test_a_figure_is_shown_outside_of_html(cells):
    """JupyterLab drops the alt text that a bare picture carries."""
    for cell in cells:
        for output in cell.get("outputs", []):
            assert not any(kind.startswith("image/") for kind in output.get("data", {}))


def test_an_explorer_is_stored_without_its_picture_or_as_a_widget(cells):
    for cell in cells:
        if re.search(r"^explore_\w+\(\)$", cell.get("source", ""), flags=re.M):
            assert "demonstration" in cell.metadata.tags
            for output in cell.get("outputs", []):
                assert set(output.data) == {"text/html", "text/plain"}
                assert Elements(output.data["text/html"]).of("figcaption")


def test_a_lecture_has_no_explorer():
    for name in ASSIGNMENTS:
        source = master_path(name, ROOT / "solutions").read_text(encoding="utf-8")
        assert ("course_utils.explorers" in source) == (not name.startswith("00")), name


def test_a_table_has_no_headers(cells):
    for html in html_outputs(cells):
        if "<table" in html:
            headers = Elements(html).of("th")
            assert headers
            assert all(header.get("scope") in ("col", "row") for header in headers)
    for text in texts(cells):
        for header in re.findall(r"^(\|.*\|)\n\|[\s:|-]+\|$", text, flags=re.M):
            assert all(cell.strip() for cell in header.strip("|").split("|")), header


def test_a_link_says_only_here(cells):
    for text in texts(cells):
        for words in re.findall(r"(?<!!)\[([^\]]+)\]\(", text):
            assert words.casefold().strip() not in {"here", "link", "this", "click here", "more"}
