"""What a hand does in JupyterLab: open a notebook, run a cell, write into one."""

from __future__ import annotations

import json
import urllib.request
from urllib.parse import parse_qs, urlsplit

from playwright.sync_api import Locator, Page

READY = """() => {
    const panel = window.jupyterapp?.shell?.currentWidget;
    return panel?.context?.isReady && panel.sessionContext?.session?.kernel?.status === 'idle';
}"""


def open_notebook(page: Page, lab: str, name: str) -> None:
    """Open notebooks/NAME/NAME.ipynb in a new JupyterLab with a new kernel, unless it is open."""
    path = f"/lab/tree/notebooks/{name}/{name}.ipynb"
    if path in page.url:
        return
    page.goto("about:blank")
    end_kernels(lab)
    address = urlsplit(lab)
    page.goto(f"{address.scheme}://{address.netloc}{path}?reset&{address.query}")
    page.wait_for_function(READY)


def end_kernels(lab: str) -> None:
    """End the kernels of all notebooks, as the panel of running kernels does."""
    address = urlsplit(lab)
    (token,) = parse_qs(address.query)["token"]
    api = f"{address.scheme}://{address.netloc}/api/sessions"
    headers = {"Authorization": f"token {token}"}
    with urllib.request.urlopen(urllib.request.Request(api, headers=headers)) as reply:
        sessions = json.load(reply)
    for session in sessions:
        request = urllib.request.Request(f"{api}/{session['id']}", headers=headers, method="DELETE")
        urllib.request.urlopen(request).close()


def cell_with(page: Page, text: str) -> Locator:
    """The cell of the open notebook whose source holds this text, scrolled to and active."""
    index = page.evaluate(
        """async text => {
            const notebook = window.jupyterapp.shell.currentWidget.content;
            const index = notebook.widgets.findIndex(
                cell => cell.model.sharedModel.getSource().includes(text));
            notebook.activeCellIndex = index;
            notebook.deselectAll();
            await notebook.scrollToItem(index, 'start');
            return index;
        }""",
        text,
    )
    assert index >= 0, f"no cell holds {text!r}"
    return page.locator(f'.jp-Notebook-cell[data-windowed-list-index="{index}"]')


def run_cell(page: Page, text: str) -> Locator:
    """Run the cell whose source holds this text."""
    cell = cell_with(page, text)
    page.evaluate("window.jupyterapp.commands.execute('notebook:clear-cell-output')")
    page.evaluate("void window.jupyterapp.commands.execute('notebook:run-cell')")
    return cell


def kernel_is_idle(page: Page) -> bool:
    """Whether the kernel of the open notebook has nothing to do."""
    return page.evaluate(
        "window.jupyterapp.shell.currentWidget.sessionContext.session.kernel.status === 'idle'"
    )
