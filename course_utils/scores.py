"""The score function: the lecture's f(I), one real number for each image."""

from __future__ import annotations

import difflib
import operator
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from course_utils.validation import (
    require_batch,
    require_function,
    require_images,
    require_model,
    require_scores,
)

ScoreFunction = Callable[[Tensor], Tensor]


def class_score(model: nn.Module, target: int | str) -> ScoreFunction:
    r"""The score function of one class, f(I) = z_target(I): the logit *before* the softmax.

    Args:
        model: a network from images (N, C, H, W) to logits (N, classes). It is evaluated as in
            use (dropout off, batch normalisation fixed) whatever its mode, which stays as it is.
        target: the index of the class or, for a model with `categories`, its name.

    Returns:
        f: images (N, C, H, W) -> scores (N,), differentiable with respect to the images.

    Raises:
        TypeError: if `model` is no module, or `target` neither an index nor a name.
        ValueError: if the model has no such class. For a name, near matches are given.

    Source: lecture notes, section 2.1 (footnote 1) and section 2.2 ("before softmax").
    """
    require_model(model)
    index = class_index(model, target)

    def f(images: Tensor) -> Tensor:
        require_batch(images)
        with evaluation_mode(model):
            logits = model(images)  # (N, classes)
        if logits.ndim != 2 or index >= logits.shape[1]:
            raise ValueError(
                f"target must be an index below the number of classes of logits (N, classes), "
                f"got target {index} and logits of shape {tuple(logits.shape)}."
            )
        return logits[:, index]  # (N,)

    return f


def class_index(model: nn.Module, target: int | str) -> int:
    """The index of a class that is given by its index or by its name in `model.categories`."""
    categories = list(getattr(model, "categories", ()))
    if isinstance(target, str):
        return _index_of_name(categories, target)
    if isinstance(target, bool):
        raise TypeError(f"target must be the index or the name of a class, got {target!r}.")
    try:
        index = operator.index(target)
    except TypeError:
        raise TypeError(
            f"target must be the index or the name of a class, got {target!r}."
        ) from None
    if index < 0 or (categories and index >= len(categories)):
        known = f"below {len(categories)}" if categories else "of at least 0"
        raise ValueError(f"target must be an index {known}, got {index}.")
    return index


def _index_of_name(categories: list[str], name: str) -> int:
    if not categories:
        raise ValueError(f"target must be an index: this model names no categories, got {name!r}.")
    by_name: dict[str, list[int]] = {}
    for index, category in enumerate(categories):
        by_name.setdefault(category.casefold(), []).append(index)
    indices = by_name.get(name.strip().casefold(), [])
    if len(indices) == 1:
        return indices[0]
    if indices:
        raise ValueError(
            f"target {name!r} names several classes: give one of the indices {indices} instead."
        )
    wanted = name.strip().casefold()
    near = [known for known in by_name if wanted and wanted in known][:3]
    near += difflib.get_close_matches(wanted, by_name, n=3, cutoff=0.5)
    near = [categories[by_name[match][0]] for match in dict.fromkeys(near)]
    hint = f" Did you mean {' or '.join(map(repr, near))}?" if near else ""
    raise ValueError(
        f"target must be one of the model's {len(categories)} categories, got {name!r}.{hint}"
    )


def score_values(f: ScoreFunction, images: Tensor) -> Tensor:
    """f(images), (N,), where no gradient is wanted: detached and without its cost."""
    require_function(f)
    require_images(images)
    with torch.no_grad():
        scores = f(images.detach())
    require_scores(scores, len(images))
    return scores.detach()


@contextmanager
def evaluation_mode(model: nn.Module) -> Iterator[None]:
    """Evaluate as in use within the block; afterwards every part has the mode that it had."""
    training = [part for part in model.modules() if part.training]
    if training:
        model.eval()
    try:
        yield
    finally:
        for part in training:
            part.training = True


def brightness(images: Tensor) -> Tensor:
    r"""The mean pixel value of each image, f(I) = (1/CHW) Σ_chw I_chw: the simplest score function.

    Args:
        images: (N, C, H, W).

    Returns:
        (N,), differentiable with respect to the images: ∇f(I) = 1/CHW in every pixel.

    Raises:
        ValueError: if `images` is not a floating-point batch.
    """
    require_batch(images)
    return images.mean(dim=(1, 2, 3))
