"""JupyterLab as `make lab` starts it, on a copy of the notebooks, in Debian's Chromium."""

from __future__ import annotations

import os
import re
import secrets
import shlex
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import sync_playwright

ROOT = Path(__file__).resolve().parent.parent.parent
SCREENSHOTS = "COURSE_SCREENSHOTS"
FLAGS = """--no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking
    --disable-component-update --disable-sync""".split()  # noqa: SIM905
START = 60  # seconds


@pytest.fixture(scope="session")
def chromium():
    """Debian's Chromium; without it these tests are skipped, except where they must run."""
    path = shutil.which("chromium")
    if path is None:
        reason = "no chromium: run `make system`"
        if os.environ.get("CI", "").lower() in ("1", "true"):
            pytest.fail(reason)
        pytest.skip(reason)
    return path


def lab_command() -> list[str]:
    """The command that `make lab` runs, as the Makefile says it."""
    printed = subprocess.run(
        ["make", "--dry-run", "lab"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout.replace("\\\n", " ")
    (line,) = [line for line in printed.splitlines() if "jupyter lab " in line]
    program, *arguments = shlex.split(line)
    # Where the tests run in another environment than .venv, that one's JupyterLab is meant.
    beside = Path(sys.executable).with_name(Path(program).name)
    return [str(beside), *arguments]


@pytest.fixture(scope="session")
def course(tmp_path_factory):
    """A copy of what a student has, so that nothing of the course is changed."""
    folder = tmp_path_factory.mktemp("course")
    shutil.copytree(ROOT / "notebooks", folder / "notebooks")
    return folder


@pytest.fixture(scope="session")
def lab(chromium, course, tmp_path_factory):
    """The address of a running JupyterLab."""
    with running_lab(course, tmp_path_factory.mktemp("home")) as address:
        yield address


@contextmanager
def running_lab(course: Path, home: Path) -> Iterator[str]:
    """JupyterLab on a course folder, as `make lab` starts it, with settings of its own in `home`."""
    home.mkdir(exist_ok=True)
    token, port = secrets.token_hex(8), _free_port()
    settings = {
        "COURSE_PROGRESS_FOLDER": str(home / "progress"),
        "JUPYTER_CONFIG_DIR": str(home / "config"),
        "JUPYTERLAB_WORKSPACES_DIR": str(home / "workspaces"),
        "JUPYTERLAB_SETTINGS_DIR": str(home / "settings"),
    }
    extra = [
        "--no-browser",
        f"--ServerApp.port={port}",
        "--ServerApp.port_retries=0",
        f"--IdentityProvider.token={token}",
        "--LabApp.expose_app_in_browser=True",
    ]
    with (home / "log").open("wb") as log:
        server = subprocess.Popen(
            [*lab_command(), *extra],
            cwd=course,
            env={**os.environ, **settings},
            stdout=log,
            stderr=subprocess.STDOUT,
        )
        try:
            _wait_for(f"http://127.0.0.1:{port}/api?token={token}", server, home / "log")
            yield f"http://127.0.0.1:{port}/lab?token={token}"
        finally:
            server.terminate()
            server.wait(START)


@pytest.fixture(scope="session")
def browser(chromium):
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def page(browser):
    """One page for all tests; what the browser's console calls an error is kept in `errors`."""
    page = browser.new_page(viewport={"width": 1280, "height": 1000})
    page.set_default_timeout(START * 1000)
    page.errors = []
    page.on("console", lambda said: said.type == "error" and page.errors.append(said.text))
    page.on("pageerror", lambda error: page.errors.append(str(error)))
    return page


@pytest.fixture
def screenshot(request, page):
    """Keep a picture of the page as an artefact, if a folder for it is named."""

    def keep(name: str = "", of=None) -> None:
        folder = os.environ.get(SCREENSHOTS)
        if folder:
            Path(folder).mkdir(parents=True, exist_ok=True)
            file = re.sub(r"\W+", "-", f"{request.node.name}-{name}").strip("-")
            (of or page).screenshot(path=Path(folder) / f"{file}.png")

    return keep


def _free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


def _wait_for(url: str, server: subprocess.Popen, log: Path) -> None:
    deadline = time.monotonic() + START
    while time.monotonic() < deadline:
        try:
            urllib.request.urlopen(url, timeout=5).close()
            return
        except OSError:
            assert server.poll() is None, log.read_text(errors="replace")[-2000:]
            time.sleep(0.2)
    pytest.fail(f"JupyterLab did not start: {log.read_text(errors='replace')[-2000:]}")
