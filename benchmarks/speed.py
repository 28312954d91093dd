"""How fast scenes are made, networks load, and a gradient is there after a slider moved.

python benchmarks/speed.py [--threads 2]
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable

import torch

from course_utils.classifiers import COURSE_NETWORKS, load_classifier
from course_utils.gradients import vanilla_gradient
from course_utils.scenes import garment_scenes, lesion_patches
from course_utils.scores import class_score


def seconds(work: Callable[[], object], repeats: int = 9) -> float:
    """The median over `repeats` calls, after one that is not counted."""
    work()
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return statistics.median(times)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    torch.set_num_threads(parser.parse_args().threads)
    print(f"{torch.get_num_threads()} thread(s), torch {torch.__version__}; medians of 9 calls")

    n = 1000
    for what, make in {
        "one garment": lambda: garment_scenes(n),
        "two garments": lambda: garment_scenes(n, n_objects=2),
        "one garment, texture": lambda: garment_scenes(n, context_strength=0.9),
        "lesion": lambda: lesion_patches(n, context_strength=0.9),
    }.items():
        print(f"{what:<24}{n / seconds(make):8.0f} pictures/s")

    for name in COURSE_NETWORKS:
        model = load_classifier(name)
        size = 28 if name == "logistic_regression" else 64
        image = torch.rand(1, 1, size, size, generator=torch.Generator().manual_seed(0))
        score = class_score(model, 1)
        load = 1000 * seconds(lambda name=name: load_classifier(name))
        gradient = 1000 * seconds(lambda s=score, i=image: vanilla_gradient(s, i))
        print(f"{name:<24}load {load:6.1f} ms   gradient {gradient:6.1f} ms")


if __name__ == "__main__":
    main()
