"""Charts as SVG for a page that needs nothing but itself: in the page's colours, with words for them."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

WIDTH, HEIGHT, GAP, MARGIN = 680, 180, 8, 22  # in units of the picture

STYLE = """
svg { max-width: 100%; height: auto; fill: var(--mark); }
svg text { fill: var(--ink); font: 12px system-ui, sans-serif; text-anchor: middle; }
svg .rest { fill: var(--soft); }
"""


def columns(labels: Sequence[str], counts: Sequence[int], title: str) -> str:
    """A chart with a column for each count; its description lists what it shows."""
    if len(labels) != len(counts) or not counts:
        raise ValueError(f"Each column needs a label, got {len(labels)} for {len(counts)} columns.")
    step, top = WIDTH / len(counts), max(max(counts), 1)
    shapes = []
    for number, (label, count) in enumerate(zip(labels, counts, strict=True)):
        height = (HEIGHT - 2 * MARGIN) * count / top
        left, middle = number * step + GAP / 2, (number + 0.5) * step
        upper = HEIGHT - MARGIN - height
        shapes += [
            f'<rect x="{left:.1f}" y="{upper:.1f}" width="{step - GAP:.1f}" height="{height:.1f}"/>',
            f'<text x="{middle:.1f}" y="{upper - 4:.1f}">{count}</text>' if count else "",
            f'<text x="{middle:.1f}" y="{HEIGHT - 6}">{escape(label)}</text>',
        ]
    said = "; ".join(f"{label}: {count}" for label, count in zip(labels, counts, strict=True))
    return (
        f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" role="img" '
        f'aria-label="{escape(f"{title}. {said}.")}">{"".join(shapes)}</svg>'
    )


def share_bar(share: float) -> str:
    """A bar that is filled by a share from 0 to 1, for beside the number itself."""
    if not 0 <= share <= 1:
        raise ValueError(f"share must lie from 0 to 1, got {share}.")
    return (
        '<svg viewBox="0 0 100 12" width="100" aria-hidden="true">'
        '<rect class="rest" width="100" height="12"/>'
        f'<rect width="{100 * share:.1f}" height="12"/></svg>'
    )
