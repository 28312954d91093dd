"""How the shipped weights were made: `course train NAME` makes each of them again."""

from __future__ import annotations

import time
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from torch import nn

from course_utils.classifiers import WEIGHTS, untrained_classifier
from course_utils.garments import load_garments
from course_utils.training.fit import fit
from course_utils.training.recipes import RECIPES, Recipe

PRECISIONS = {"float32": torch.float32, "bfloat16": torch.bfloat16}


def train(
    name: str,
    data_folder: str | Path | None,
    output_folder: str | Path,
    *,
    precision: str = "bfloat16",
    recipe: Recipe | None = None,
    progress: bool = True,
    card: bool = True,
) -> Path:
    """Train one of the course's networks and write NAME.safetensors and its card, NAME.md.

    An interrupted training goes on where it was, from NAME.checkpoint in the output folder.

    Args:
        name: one of `RECIPES`.
        data_folder: a folder of IDX files with the whole of Fashion-MNIST, such as Debian's package
            dataset-fashion-mnist provides. None: torchvision's download, kept in torch's cache.
        output_folder: where the weights go; it is made if need be.
        precision: "bfloat16" (mixed; about twice as fast on CPUs that compute in it) or "float32".
        recipe: another one than RECIPES[name].
        progress: whether to show a progress bar.
        card: whether to measure the network and write its card, which takes some minutes.

    Returns:
        The path of the weights.

    Raises:
        ValueError: if there is no such network or precision.
    """
    if name not in RECIPES:
        raise ValueError(f"name must be one of {', '.join(RECIPES)}, got {name!r}.")
    if precision not in PRECISIONS:
        raise ValueError(f"precision must be one of {', '.join(PRECISIONS)}, got {precision!r}.")
    recipe = RECIPES[name] if recipe is None else recipe
    output_folder = Path(output_folder)
    output_folder.mkdir(parents=True, exist_ok=True)
    garments = None
    if recipe.needs_garments:
        garments = load_garments(data_folder or _download(), split="train")

    weights = output_folder / f"{name}.safetensors"
    checkpoint = weights.with_suffix(".checkpoint")
    with torch.random.fork_rng(devices=[]):  # the caller's random state stays as it is
        torch.manual_seed(recipe.seed)
        model = untrained_classifier(name).to(memory_format=torch.channels_last)
        if recipe.starts_from:
            _take_over(model.network.features, recipe.starts_from, output_folder)
        seconds, cpu_seconds = fit(
            model,
            recipe,
            garments,
            checkpoint,
            precision=PRECISIONS[precision],
            progress=progress,
        )
    state = {key: value.contiguous() for key, value in model.network.state_dict().items()}
    facts = {  # what the model card says about the training
        "seconds": f"{seconds:.0f}",
        "cpu_seconds": f"{cpu_seconds:.0f}",
        "threads": str(torch.get_num_threads()),
        "precision": precision,
        "torch": torch.__version__,
        "date": time.strftime("%Y-%m-%d"),
    }
    save_file(state, weights, metadata=facts)
    checkpoint.unlink()
    if card:
        from course_utils.training.card import write_card  # it imports every method measured

        write_card(name, output_folder)
    return weights


def _take_over(features: nn.Module, name: str, folder: Path) -> None:
    """Another network's convolutions, fixed; from the output folder or else the shipped ones."""
    weights = folder / f"{name}.safetensors"
    stored = load_file(weights if weights.exists() else WEIGHTS / weights.name)
    features.load_state_dict({key: stored[f"features.{key}"] for key in features.state_dict()})
    features.requires_grad_(False)


def _download() -> Path:
    """Fashion-MNIST by torchvision's own download; the folder that holds its IDX files."""
    from torchvision.datasets import FashionMNIST

    cache = Path(torch.hub.get_dir()) / "datasets"
    return Path(FashionMNIST(cache, train=True, download=True).raw_folder)
