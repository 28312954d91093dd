"""The training loop: AdamW, one cycle of the learning rate, fresh pictures in every epoch."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

import torch
from torch import Tensor, nn
from tqdm import tqdm

from course_utils.garments import Garments
from course_utils.training.recipes import Recipe

IMAGES_AT_ONCE = 1024  # generating many scenes in one call is faster than a batch at a time


def fit(
    model: nn.Module,
    recipe: Recipe,
    garments: Garments | None,
    checkpoint: Path,
    *,
    precision: torch.dtype = torch.float32,
    progress: bool = True,
) -> tuple[float, float]:
    """Train `model` in place by `recipe`; returns the seconds that it took, by the clock and of CPU.

    After each epoch everything needed to go on is written to `checkpoint`; a run that finds the
    file goes on from there and ends with the same weights as one that was never interrupted.
    Each epoch has a seed of its own, so it is the same in either run. Parameters that require no
    gradient stay as they are. Torch's global random state changes.
    """
    first_epoch, seconds, cpu_seconds, state = _resume(checkpoint, recipe, model)
    loss_function = nn.CrossEntropyLoss(label_smoothing=recipe.label_smoothing)
    _train_mode(model)
    optimiser = schedule = None
    for epoch in range(first_epoch, recipe.epochs):
        if optimiser is None or epoch in _starts(recipe):
            optimiser, schedule = _cycle(model, recipe, epoch)
            if state and epoch == first_epoch and epoch not in _starts(recipe):
                optimiser.load_state_dict(state["optimiser"])
                schedule.load_state_dict(state["schedule"])
        bar = tqdm(
            total=recipe.images_per_epoch,
            desc=f"epoch {epoch + 1}/{recipe.epochs}",
            unit=" images",
            disable=not progress,
            mininterval=2,
        )
        torch.manual_seed(_epoch_seed(recipe, epoch))  # for dropout
        started, cpu_started = time.perf_counter(), time.process_time()
        for images, labels in _batches(recipe, garments, epoch):
            with torch.autocast("cpu", precision, enabled=precision != torch.float32):
                logits = model(images)
            loss = loss_function(logits.float(), labels)
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            schedule.step()
            bar.set_postfix(loss=f"{loss.item():.3f}", refresh=False)
            bar.update(len(images))
        bar.close()
        seconds += time.perf_counter() - started
        cpu_seconds += time.process_time() - cpu_started
        _save(
            checkpoint,
            {
                "recipe": _fingerprint(recipe),
                "epoch": epoch + 1,
                "seconds": seconds,
                "cpu_seconds": cpu_seconds,
                "model": model.state_dict(),
                "optimiser": optimiser.state_dict(),
                "schedule": schedule.state_dict(),
            },
        )
    model.eval()
    return seconds, cpu_seconds


def _starts(recipe: Recipe) -> list[int]:
    """The epochs at which a cycle starts."""
    return [sum(recipe.cycles[:k]) for k in range(len(recipe.cycles))]


def _cycle(
    model: nn.Module, recipe: Recipe, epoch: int
) -> tuple[torch.optim.Optimizer, torch.optim.lr_scheduler.LRScheduler]:
    """A new optimiser, and the schedule of the cycle that the epoch lies in."""
    number = sum(start <= epoch for start in _starts(recipe)) - 1
    steps = recipe.cycles[number] * -(-recipe.images_per_epoch // recipe.batch_size)
    optimiser = torch.optim.AdamW(_parameter_groups(model, recipe.weight_decay))
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimiser, recipe.learning_rate / 2**number, total_steps=steps, pct_start=0.2
    )
    return optimiser, schedule


def _resume(
    checkpoint: Path, recipe: Recipe, model: nn.Module
) -> tuple[int, float, float, dict | None]:
    """Load what an interrupted run left, if any.

    Returns the next epoch, the seconds spent so far, by the clock and of CPU, and the rest.
    """
    if not checkpoint.exists():
        return 0, 0.0, 0.0, None
    state = torch.load(checkpoint, weights_only=True)
    if state["recipe"] != _fingerprint(recipe):
        raise ValueError(
            f"{checkpoint} must come from the same recipe to go on from it, got one of "
            f"{state['recipe']}. Delete it to start again."
        )
    model.load_state_dict(state["model"])
    return state["epoch"], state["seconds"], state["cpu_seconds"], state


def _save(checkpoint: Path, state: dict) -> None:
    """Write beside and rename: an interruption leaves the old file or the new one, never half."""
    beside = checkpoint.with_suffix(".part")
    torch.save(state, beside)
    beside.replace(checkpoint)


def _fingerprint(recipe: Recipe) -> str:
    numbers = {k: v for k, v in asdict(recipe).items() if not callable(v)}
    return repr(numbers)


def _train_mode(model: nn.Module) -> None:
    """Train what has parameters to learn; batch normalisation in fixed parts stays as it is."""
    model.train()
    for part in model.modules():
        parameters = list(part.parameters())
        if parameters and not any(p.requires_grad for p in parameters):
            part.eval()


def _parameter_groups(model: nn.Module, weight_decay: float) -> list[dict]:
    """Decay matrices and kernels; biases and normalisation scales stay free."""
    parameters = [p for p in model.parameters() if p.requires_grad]
    return [
        {"params": [p for p in parameters if p.ndim > 1], "weight_decay": weight_decay},
        {"params": [p for p in parameters if p.ndim <= 1], "weight_decay": 0.0},
    ]


def _epoch_seed(recipe: Recipe, epoch: int) -> int:
    return recipe.seed * 10_000 + epoch + 1


def _batches(
    recipe: Recipe, garments: Garments | None, epoch: int
) -> Iterator[tuple[Tensor, Tensor]]:
    generator = torch.Generator().manual_seed(_epoch_seed(recipe, epoch))
    examples = recipe.first_examples if epoch < recipe.first_epochs else recipe.examples
    for start in range(0, recipe.images_per_epoch, IMAGES_AT_ONCE):
        n = min(IMAGES_AT_ONCE, recipe.images_per_epoch - start)
        images, labels = examples(n, generator, garments)
        yield from zip(
            images.split(recipe.batch_size), labels.split(recipe.batch_size), strict=True
        )
