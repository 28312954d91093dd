"""What of a cell's outputs is kept: text and pictures, and nothing a browser would execute.

Feedback and formgrader show these outputs in the browsers of people who may change grades.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Any

from nbformat import NotebookNode
from nbformat.v4 import new_output

from course_utils.grading.jobs import Limits
from course_utils.grading.library import PACKAGE

PICTURES = ("image/png", "image/jpeg")
_BASE64 = re.compile(r"[A-Za-z0-9+/=\s]*")


def clean_outputs(cell: NotebookNode, limits: Limits) -> None:
    """Replace the outputs of a cell by those that can be shown to anybody."""
    if cell.cell_type != "code":
        return
    kept = [_clean(output) for output in cell.get("outputs", [])]
    cell.outputs = [output for output in kept if output is not None]
    cell.execution_count = None


def _clean(output: dict) -> NotebookNode | None:
    kind = output.get("output_type")
    if kind == "stream":
        name = "stderr" if output.get("name") == "stderr" else "stdout"
        return new_output("stream", name=name, text=readable(output.get("text")))
    if kind == "error":
        lines = output.get("traceback")
        return new_output(
            "error",
            ename=readable(output.get("ename"))[:200],
            evalue=readable(output.get("evalue"))[:2000],
            traceback=[readable(line) for line in lines] if isinstance(lines, list) else [],
        )
    if kind in ("display_data", "execute_result"):
        data = _clean_data(output.get("data"))
        # No metadata either: a picture's width is written into the page as it is.
        if kind == "execute_result":
            data["text/plain"] = data.get("text/plain") or "(no text)"  # nbgrader reads it
            return new_output(kind, data=data, execution_count=None)
        return new_output(kind, data=data) if data else None
    return None


def _clean_data(data: Any) -> dict[str, str]:
    if not isinstance(data, dict):
        return {}
    kept = {}
    if "text/plain" in data:
        kept["text/plain"] = readable(data["text/plain"])
    for kind in PICTURES:
        picture = data.get(kind)
        if isinstance(picture, str) and _BASE64.fullmatch(picture):
            kept[kind] = picture
    return kept


def readable(text: Any) -> str:
    """Text that can be stored and shown, without the folders of this machine."""
    if isinstance(text, list):
        text = "".join(map(str, text))
    text = str(text).encode("utf-8", "replace").decode()
    text = "".join(sign for sign in text if sign >= " " or sign in "\n\t\r\x1b")
    for folder in _FOLDERS:
        text = text.replace(folder, "…")
    return text


_FOLDERS = sorted(
    {str(PACKAGE.parent), str(Path.home()), sys.prefix, sys.base_prefix} - {"/", "/usr"},
    key=len,
    reverse=True,
)
