"""How the benchmark measures: pairs taken in turns, the peak memory of a process of its own."""

from __future__ import annotations

import gc
import json
import os
import platform
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from importlib.metadata import version
from pathlib import Path

PEERS = ("captum", "grad-cam", "torchcam", "torchattacks", "foolbox")


def seconds_in_turns(
    ours: Callable[[], object],
    theirs: Callable[[], object],
    repeats: int,
    clock: Callable[[], float] = time.perf_counter,
) -> list[tuple[float, float]]:
    """`repeats` pairs of seconds, ours and theirs, after one call of each that is not counted.

    A pair is taken within seconds, and the order changes from pair to pair, so that what else the
    machine does hits both alike: ratios within a pair say more than any of the times. With
    `time.process_time` as the clock, and one thread, the time in which other processes had the
    processor is not counted at all.
    """
    ours()
    theirs()
    pairs = []
    for repeat in range(repeats):
        if repeat % 2 == 0:
            first, second = _seconds(ours, clock), _seconds(theirs, clock)
            pairs.append((first, second))
        else:
            first, second = _seconds(theirs, clock), _seconds(ours, clock)
            pairs.append((second, first))
    return pairs


def _seconds(work: Callable[[], object], clock: Callable[[], float]) -> float:
    gc.collect()
    start = clock()
    work()
    return clock() - start


def median_ratio(pairs: Sequence[tuple[float, float]]) -> float:
    """The median over the pairs of theirs / ours: above 1, ours is faster."""
    return statistics.median(theirs / ours for ours, theirs in pairs)


def peak_megabytes(work: Callable[[], object]) -> float:
    """By how much the memory of this process grew at its highest while `work` ran (Linux only).

    It means something only in a process that has not done the same work before: memory that was
    freed stays with the process and would not grow again. See `peak_in_a_new_process`.
    """
    gc.collect()
    Path("/proc/self/clear_refs").write_text("5")  # the high-water mark falls to the present size
    before = _status_megabytes("VmRSS")
    work()
    return _status_megabytes("VmHWM") - before


def peak_in_a_new_process(script: str, arguments: Sequence[str]) -> float:
    """Run a script that prints the result of `peak_megabytes` as its last line."""
    run = subprocess.run(
        [sys.executable, script, *arguments], capture_output=True, text=True, check=False
    )
    if run.returncode != 0:
        raise RuntimeError(f"{script} {' '.join(arguments)} failed:\n{run.stderr[-2000:]}")
    return float(run.stdout.splitlines()[-1])


def _status_megabytes(key: str) -> float:
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(key + ":"):
            return int(line.split()[1]) / 1024
    raise OSError(f"/proc/self/status has no {key}")


def machine() -> dict[str, object]:
    """What the figures were measured on."""
    import torch

    return {
        "processor": _processor(),
        "cores": os.cpu_count(),
        "torch threads": torch.get_num_threads(),
        "load at start": round(os.getloadavg()[0], 1),
        "python": platform.python_version(),
        "torch": torch.__version__,
        **{peer: version(peer) for peer in PEERS},
    }


def _processor() -> str:
    try:
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()


def markdown_table(rows: Sequence[dict[str, object]]) -> str:
    """Rows with the same keys as a table; numbers with two significant decimals."""
    header = list(rows[0])
    lines = [header, ["---"] * len(header), *([_cell(row[key]) for key in header] for row in rows)]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def _cell(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, float):
        return f"{value:.1e}" if 0 < abs(value) < 0.01 else f"{value:.2f}"
    return str(value)


def replace_between_marks(text: str, mark: str, content: str) -> str:
    """`text` with what stands between <!-- mark --> and <!-- end of mark --> replaced."""
    start, end = f"<!-- {mark} -->", f"<!-- end of {mark} -->"
    if text.count(start) != 1 or text.count(end) != 1:
        raise ValueError(f"text must hold {start} and {end} once each.")
    before, rest = text.split(start)
    after = rest.split(end)[1]
    return f"{before}{start}\n{content}\n{end}{after}"


def write_json(path: Path, results: dict) -> None:
    path.write_text(json.dumps(results, indent=1, ensure_ascii=False) + "\n")
