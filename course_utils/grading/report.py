"""A class's results on one page that an instructor reads in two minutes, and as a table.

The page needs nothing but itself. All that students wrote is escaped, and the page forbids scripts.
"""

from __future__ import annotations

import csv
import io
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from html import escape
from pathlib import Path
from statistics import median

from course_utils.grading.charts import STYLE as CHART_STYLE
from course_utils.grading.charts import columns, share_bar
from course_utils.grading.class_results import Answered, ClassResults
from course_utils.grading.judging import FAILED, INSIDE, PASSED
from course_utils.whole_files import write_whole

FOLDER = "reports"  # of the course
CLASSES = 10  # of the distribution of scores
SHOWN = 12  # misconceptions; the rarer ones are folded away
COLUMNS = (
    "student",
    "exercise",
    "outcome",
    "score",
    "points",
    "misconception",
    "sentence",
    "seconds",
    "memory_bytes",
)

STYLE = (
    """
:root { color-scheme: light dark; --ink: #1b1b1b; --paper: #fff; --line: #bbb; --mark: #0a5c9e;
  --soft: #f2f4f6; }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e8e8e8; --paper: #16191c; --line: #555; --mark: #6cb8f0; --soft: #22272b; } }
body { font: 16px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--paper);
  max-width: 60rem; margin: 0 auto; padding: 1rem; }
table { border-collapse: collapse; width: 100%; }
caption { text-align: left; font-weight: 600; padding: .3rem 0; }
th, td { text-align: left; vertical-align: top; padding: .3rem .6rem;
  border-bottom: 1px solid var(--line); overflow-wrap: anywhere; }
td.number, th.number { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
@media (min-width: 40rem) { th[scope=row] { min-width: 9.5rem; } }
summary { padding: .2rem 0; }
details details, details p, details pre { margin-left: 1.2rem; }
pre { background: var(--soft); padding: .6rem; overflow-x: auto; font-size: .85rem; }
p.warning { border-left: .3rem solid #c25700; padding-left: .6rem; }
"""
    + CHART_STYLE
)


def write_report(results: ClassResults, folder: Path, table: bool = False) -> list[Path]:
    """Write the page, and with `table` the CSV file too; returns what was written."""
    folder.mkdir(parents=True, exist_ok=True)
    written = {folder / f"{results.assignment}.html": page(results)}
    if table:
        # Excel takes a file for UTF-8 only if it begins with a byte-order mark.
        written[folder / f"{results.assignment}.csv"] = "\ufeff" + csv_table(results)
    for path, text in written.items():
        write_whole(path, text)
    return list(written)


def csv_table(results: ClassResults) -> str:
    """One row for each student and exercise; one for each student who has no grade."""
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(COLUMNS)
    for one in results.graded:
        for answer in one.answers:
            scores = f"{answer.score:g}", f"{answer.points:g}", answer.misconception or ""
            cost = _given(one.seconds), _given(one.memory)
            row = one.student, answer.name, _outcome(answer), *scores, answer.sentence, *cost
            writer.writerow(map(_harmless, row))
    for student, reason in results.without:
        writer.writerow(map(_harmless, (student, "", "no grade", "", "", "", reason, "", "")))
    return text.getvalue()


def page(results: ClassResults) -> str:
    """The page, as HTML."""
    title = f"Results of {results.assignment}"
    parts = [
        f"<h1>{escape(title)}</h1>",
        *_overview(results),
        *_scores(results),
        *_exercises(results),
        *_misconceptions(results),
        *_without_grade(results),
        *_cost(results),
    ]
    policy = "default-src 'none'; style-src 'unsafe-inline'"
    return "\n".join(
        [
            '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">',
            f'<meta http-equiv="Content-Security-Policy" content="{policy}">',
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            f"<title>{escape(title)}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n<main>",
            *parts,
            "</main>\n</body>\n</html>\n",
        ]
    )


def _overview(results: ClassResults) -> Iterator[str]:
    graded, waiting = len(results.graded), sum(one.waiting for one in results.graded)
    yield f"<p>{_count(graded, 'student')} graded, {len(results.without)} without a grade."
    if waiting:
        answers = "1 written answer waits" if waiting == 1 else f"{waiting} written answers wait"
        yield f"{answers} to be graded by hand, so what follows counts the automatic points only."
    yield "</p>"
    unboxed = sum(not one.boxed for one in results.graded)
    if unboxed:
        yield f'<p class="warning">Not boxed: {_count(unboxed, "submission")} ran with all rights.</p>'
    inside = sorted({a.name for one in results.graded for a in one.answers if a.judged == INSIDE})
    if inside:
        names = escape(", ".join(inside))
        yield f'<p class="warning">Judged inside the box, so an answer can forge it: {names}.</p>'


def _scores(results: ClassResults) -> Iterator[str]:
    yield "<h2>Scores</h2>"
    scores, full = _all_scores(results)
    if not scores or not full:
        yield "<p>There are none.</p>"
        return
    counts = [0] * CLASSES
    for score in scores:
        counts[min(int(CLASSES * max(score, 0) / full), CLASSES - 1)] += 1
    labels = [f"{100 * i // CLASSES}–{100 * (i + 1) // CLASSES} %" for i in range(CLASSES)]
    yield f"<p>Median {median(scores):g}, from {min(scores):g} to {max(scores):g}, of {full:g} points.</p>"
    yield columns(labels, counts, "How many students have which share of the points")
    rows = [[label, count] for label, count in zip(labels, counts, strict=True)]
    as_numbers = _table("Students by share of points", ["Share", "Students"], rows, {1})
    yield f"<details><summary>The same as numbers</summary>\n{as_numbers}</details>"


def _all_scores(results: ClassResults) -> tuple[list[float], float]:
    """The scores to compare and what they are of: all points, if nobody waits for a hand's."""
    if any(one.waiting for one in results.graded):
        return [one.automatic for one in results.graded], results.automatic_points
    return [one.score for one in results.graded], results.points


def _exercises(results: ClassResults) -> Iterator[str]:
    yield "<h2>Exercises</h2>"
    rows = []
    for name, answers in _by_exercise(results).items():
        outcomes = Counter(map(_outcome, answers))
        passed = outcomes.pop(PASSED, 0)
        others = ", ".join(f"{outcome} {count}" for outcome, count in outcomes.most_common())
        share = passed / len(answers)
        rows.append([name, f"{passed} of {len(answers)}", f"{share:.0%}", share, others])
    heads = ["Exercise", "Passed", "Share", "", "Others"]
    yield _table("Who passed each exercise", heads, rows, {1, 2}) if rows else "<p>None.</p>"


def _misconceptions(results: ClassResults) -> Iterator[str]:
    yield "<h2>Misconceptions</h2>"
    had: dict[tuple[str, str], list[Answered]] = defaultdict(list)
    for name, answers in _by_exercise(results).items():
        for answer in answers:
            if answer.misconception:
                had[name, answer.misconception].append(answer)
    if not had:
        yield "<p>None was recognised.</p>"
        return
    yield "<p>Open one to read what they were told, and an example.</p>"
    often = sorted(had.items(), key=lambda item: -len(item[1]))
    yield from (_misconception(*one) for one in often[:SHOWN])
    if often[SHOWN:]:
        most = _count(len(often[SHOWN][1]), "student")
        yield f"<details><summary>{len(often) - SHOWN} more, had by at most {most} each</summary>"
        yield from (_misconception(*one) for one in often[SHOWN:])
        yield "</details>"


def _misconception(title: tuple[str, str], answers: Sequence[Answered]) -> str:
    what = f"{': '.join(title)} ({_count(len(answers), 'student')})"
    return "\n".join(
        [
            f"<details><summary>{escape(what)}</summary>",
            f"<p>They were told: {escape(answers[0].sentence)}</p>",
            _example([answer.code for answer in answers if answer.code]),
            "</details>",
        ]
    )


def _example(codes: Sequence[str]) -> str:
    """What most of them wrote, and of that the shortest."""
    if not codes:
        return "<p>There is no example: the function stands in no cell by itself.</p>"
    often = Counter(codes)
    example = min(codes, key=lambda code: (-often[code], len(code), code))
    label = 'tabindex="0" role="region" aria-label="Example of an answer"'
    return f"<pre {label}>{escape(example)}</pre>"


def _without_grade(results: ClassResults) -> Iterator[str]:
    yield "<h2>Without a grade, and why</h2>"
    refused = [
        (one.student, f"graded with 0: {one.refused}") for one in results.graded if one.refused
    ]
    rows = [*results.without, *refused]
    if not rows:
        yield "<p>Everybody has one.</p>"
        return
    yield _table("Who needs to be written to", ["Student", "Reason"], rows)


def _cost(results: ClassResults) -> Iterator[str]:
    yield "<h2>Time and memory</h2>"
    ran = [one for one in results.graded if one.seconds is not None]
    if not ran:
        yield "<p>Nothing was run.</p>"
        return
    slowest = max(ran, key=lambda one: one.seconds)
    largest = max(ran, key=lambda one: one.memory or 0)
    rows = [
        [
            "Seconds",
            f"{median(one.seconds for one in ran):.1f}",
            f"{slowest.seconds:.1f}",
            slowest.student,
        ],
        [
            "Memory (MB)",
            _megabytes(median(one.memory or 0 for one in ran)),
            _megabytes(largest.memory or 0),
            largest.student,
        ],
    ]
    heads = ["Of one submission", "Median", "Most", "Whose"]
    yield _table(f"What {_count(len(ran), 'submission')} took", heads, rows, {1, 2})


def _by_exercise(results: ClassResults) -> dict[str, list[Answered]]:
    """The answers to each exercise, in the notebook's order."""
    answers: dict[str, list[Answered]] = defaultdict(list)
    for one in results.graded:
        for answer in one.answers:
            answers[answer.name].append(answer)
    return answers


def _outcome(answer: Answered) -> str:
    """The outcome in a word; an exercise that was left as it was is not wrong."""
    return "not attempted" if answer.outcome == FAILED and not answer.attempted else answer.outcome


def _table(
    caption: str,
    heads: Sequence[str],
    rows: Sequence[Sequence[object]],
    numbers: set[int] = frozenset(),
) -> str:
    """A table whose first column names its rows; a share (a float) is drawn as a bar."""

    def cell(tag: str, column: int, value: object, scope: str = "") -> str:
        style = ' class="number"' if column in numbers else ""
        shown = share_bar(value) if isinstance(value, float) else escape(str(value))
        return f"<{tag}{scope}{style}>{shown}</{tag}>"

    head = "".join(
        cell("th", i, name, ' scope="col"') if name else "<td></td>" for i, name in enumerate(heads)
    )
    body = "\n".join(
        "<tr>"
        + "".join(
            cell("td", i, value) if i else cell("th", i, value, ' scope="row"')
            for i, value in enumerate(row)
        )
        + "</tr>"
        for row in rows
    )
    caption = f"<caption>{escape(caption)}</caption>"
    return f"<table>{caption}\n<thead><tr>{head}</tr></thead>\n<tbody>\n{body}\n</tbody></table>"


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


def _megabytes(size: float) -> str:
    return f"{size / 1e6:.0f}"


def _given(value: object) -> str:
    return "" if value is None else str(value)


def _harmless(value: object) -> str:
    """A cell that no spreadsheet takes for a formula, in one line."""
    text = " ".join(str(value).split())
    return f"'{text}" if text.startswith(("=", "+", "-", "@")) else text
