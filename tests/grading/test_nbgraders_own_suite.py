"""nbgrader's own tests of autograding pass with the course's configuration, but for those named."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

# Each asks for what grading that can be trusted must not do.
EXPLAINED = {
    "test_side_effects": "a submission writes into the course's folder: the box has its own",
    "test_handle_failure": "a broken notebook ends in an error: here in a grade of 0 with a reason",
    "test_handle_failure_single_notebook": "the same",
    "test_missing_source_kernelspec": "an unknown kernel is an error: here the box's kernel runs",
    "test_incorrect_source_kernelspec": "the same",
    "test_force_single_notebook": "two equal notebooks are graded to equal files: here each says "
    "how long it ran and how much memory it held",
    "test_update_newer_single_notebook": "the same",
    "test_no_execute": "outputs that were submitted are graded: here nothing unexecuted is",
}


@pytest.mark.skipif(
    "COURSE_NBGRADER_SUITE" not in os.environ, reason="takes 5 minutes: set COURSE_NBGRADER_SUITE=1"
)
@pytest.mark.timeout(3600)
def test_nbgraders_own_tests_fail_otherwise_than_explained(box, tmp_path):
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parent)}
    suite = "nbgrader.tests.apps.test_nbgrader_autograde"
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "nbgrader_suite_plugin", "--pyargs", suite],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
    )
    failed = set(re.findall(r"FAILED .*::(\w+)", done.stdout))
    assert re.search(r"\d{2} passed", done.stdout), done.stdout[-3000:]
    assert failed == set(EXPLAINED), done.stdout[-3000:]
