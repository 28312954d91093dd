"""A pytest plugin for nbgrader's own tests: every course in them is configured as this one is."""

from __future__ import annotations

import pytest

CONFIGURED = """
from course_utils.grading.nbgrader_parts import configure

configure(c)
"""


@pytest.fixture(autouse=True)
def configured_course(request):
    if "temp_cwd" in request.fixturenames:
        request.getfixturevalue("temp_cwd")
        with open("nbgrader_config.py", "a") as file:
            file.write(CONFIGURED)
