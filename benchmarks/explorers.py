"""How long after a slider's move the new picture stands in the browser, and whether the page freezes.

    python benchmarks/explorers.py             # prints a table; about two minutes on two cores
    python benchmarks/explorers.py --moves 50

JupyterLab is started as `make lab` starts it. A move is a key press on the slider's handle; its end is
the first frame that the browser draws with the new picture. The clock is the page's own. A freeze is
a task of the page's script during which it could not react.
"""

from __future__ import annotations

import argparse
import os
import shutil
import statistics
import sys
import tempfile
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests"))

from browser.conftest import FLAGS, running_lab  # noqa: E402
from browser.pages import open_notebook, run_cell  # noqa: E402

SMALL, PHOTO = (150, 300), (600, 1000)  # milliseconds allowed: median, 95th percentile
# notebook, explorer, image (None: as it is), slider, what is allowed
CASES = [
    ("01_gradients", "explore_gradient", "scene with a garment", "pixel brighter by", SMALL),
    ("01_gradients", "explore_gradient", None, "down, in percent", PHOTO),
    ("02_smoothgrad", "explore_smoothgrad", "scene with a garment", "noise level", SMALL),
    ("03_integrated_gradients", "explore_integrated_gradients", None, "along the path, %", SMALL),
    ("04_activation_maps", "explore_activation_maps", None, "layer of Grad-CAM", SMALL),
    ("05_attention", "explore_attention", None, "row of the patch", SMALL),
    ("06_adversarial_attacks", "explore_attack", "scene with a garment", "ε, grey levels", SMALL),
    ("07_critique", "explore_critique", None, "ε, grey levels", SMALL),
    ("07_critique", "explore_context", None, "patch", SMALL),
    ("03_integrated_gradients", "explore_integrated_gradients", "photo of a cat", "along the path, %", PHOTO),
]  # fmt: skip

MOVE = """([explorer, label, key]) => new Promise(resolve => {
    const handle = explorer.querySelector(`[role=slider][aria-label="${label}"]`);
    const picture = () => explorer.querySelector('figure img');
    const before = picture().src, start = performance.now();
    const watcher = new MutationObserver(async () => {
        if (picture() && picture().src !== before) {
            watcher.disconnect();
            await picture().decode().catch(() => {});  // a still newer picture may have come
            requestAnimationFrame(() => resolve(performance.now() - start));
        }
    });
    watcher.observe(explorer, {childList: true, subtree: true, attributes: true});
    handle.focus();
    handle.dispatchEvent(new KeyboardEvent('keydown', {key, bubbles: true, cancelable: true}));
    setTimeout(() => resolve(10_000), 10_000);  // no picture came
})"""
NEXT_KEY = """([explorer, label, key]) => {
    const handle = explorer.querySelector(`[role=slider][aria-label="${label}"]`);
    const at = ['valuemin', 'valuenow', 'valuemax'].map(e => Number(handle.getAttribute(`aria-${e}`)));
    if (at[1] >= at[2]) return 'ArrowLeft';
    return at[1] <= at[0] ? 'ArrowRight' : key;
}"""
WATCH_FREEZES = """() => {
    window.freezes = [];
    new PerformanceObserver(list => window.freezes.push(...list.getEntries().map(e => e.duration)))
        .observe({type: 'longtask'});
}"""


def milliseconds(page: Page, lab: str, case: tuple, moves: int) -> tuple[list[float], float]:
    """The milliseconds of each move, and of the longest freeze meanwhile."""
    notebook, explore, image, label, _ = case
    open_notebook(page, lab, notebook)
    explorer = run_cell(page, f"{explore}()").locator(".course-explorer")
    explorer.locator("figure img").wait_for()
    if image:
        explorer.get_by_label("image").select_option(image)
    page.wait_for_timeout(3000)  # the network is loaded, its first pass is over
    page.evaluate(WATCH_FREEZES)
    slider = explorer.element_handle()
    # Onward until an end is reached, then back: most states are new, as under a hand.
    key, taken = "ArrowRight", []
    for _ in range(moves):
        key = page.evaluate(NEXT_KEY, [slider, label, key])
        taken.append(page.evaluate(MOVE, [slider, label, key]))
        page.wait_for_timeout(400)  # a refinement ends
    return taken, max(page.evaluate("window.freezes"), default=0.0)


def main() -> int:
    """Print the table; 1 if something takes longer than it may."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--moves", type=int, default=24)
    moves = parser.parse_args().moves
    print(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}, {moves} moves each")
    print("| explorer, image | slider | median ms | 95 % ms | allowed | longest freeze ms |")
    print("| --- | --- | --- | --- | --- | --- |")
    late = False
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        course, home = Path(folder) / "course", Path(folder) / "home"
        shutil.copytree(ROOT / "notebooks", course / "notebooks")
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=FLAGS)
        page = browser.new_page(viewport={"width": 1280, "height": 1000})
        with running_lab(course, home) as lab:
            for case in CASES:
                taken, freeze = milliseconds(page, lab, case, moves)
                median, high = statistics.median(taken), statistics.quantiles(taken, n=20)[-1]
                allowed = case[-1]
                late |= median > allowed[0] or high > allowed[1]
                what = f"{case[1]}, {case[2] or 'default'}"
                print(
                    f"| {what} | {case[3]} | {median:.0f} | {high:.0f} | "
                    f"{allowed[0]} / {allowed[1]} | {freeze:.0f} |",
                    flush=True,
                )
        browser.close()
    return int(late)


if __name__ == "__main__":
    sys.exit(main())
