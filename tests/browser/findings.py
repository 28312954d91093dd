"""What axe, the checker of accessibility, finds in a page."""

from __future__ import annotations

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

GRAVE = ("serious", "critical")


def findings(page: Page, context: str | dict) -> dict[str, tuple[str, str]]:
    """What axe calls serious or critical: rule -> (what it asks for, an element that fails)."""
    violations = Axe().run(page, context=context).response["violations"]
    return {
        found["id"]: (found["help"], found["nodes"][0]["html"][:200])
        for found in violations
        if found["impact"] in GRAVE
    }
