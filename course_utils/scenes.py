"""Generated pictures whose truth is known: where the object lies, and what predicts the class.

Two families. *Garments in clutter*: photographs of garments (Fashion-MNIST) on a larger canvas,
among fragments of other garments. *Lesion patches*: synthetic tissue that looks like a mammogram;
no patient's picture is in it, and nothing can be learned from it about patients.

The same seed gives the same pictures to the byte. What an option switches off (a cue, a lesion) is
drawn nonetheless and then not shown, so the same seed with and without it gives pairs of pictures
that differ in that alone.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import cache
from typing import NamedTuple

import torch
from torch import Tensor

from course_utils.garments import GARMENTS, Garments, load_garments
from course_utils.validation import require_count, require_number

__all__ = [
    "GARMENTS",
    "MARGINS",
    "GarmentScenes",
    "LesionPatches",
    "garment_scenes",
    "lesion_patches",
]

MARGINS = ("smooth", "spiculated")

GARMENT_SIZE = 28
FRAGMENT_SIZE = 10
N_TEXTURES = len(GARMENTS)

N_SPICULES = 10
N_ANGLES = 721  # margins are drawn at half degrees
MARKER = (
    "####.",
    "#...#",
    "#...#",
    "####.",
    "#.#..",
    "#..#.",
    "#...#",
)


class GarmentScenes(NamedTuple):
    """Scenes with garments, and the truth about them."""

    images: Tensor  # (N, 1, H, W), in [0, 1]
    labels: Tensor  # (N, n_objects), or (N,) with one object: indices into GARMENTS
    masks: Tensor  # (N, n_objects, H, W), bool: the pixels that show each object
    textures: Tensor  # (N,): which texture the background has; meaningless without context


class LesionPatches(NamedTuple):
    """Synthetic tissue, and the truth about it."""

    images: Tensor  # (N, 1, H, W), in [0, 1]
    labels: Tensor  # (N,): 0 smooth margin, 1 spiculated margin
    lesion_masks: Tensor  # (N, H, W), bool: the pixels that the lesion changes
    cue_masks: Tensor  # (N, H, W), bool: the pixels that the marker changes


def garment_scenes(
    n: int,
    seed: int | torch.Generator = 0,
    *,
    n_objects: int = 1,
    context_strength: float | None = None,
    n_fragments: int = 6,
    noise: float = 0.1,
    size: int = 64,
    garments: Garments | None = None,
) -> GarmentScenes:
    r"""Scenes with one garment, or with two of different classes that do not touch, in clutter.

    The fragments look like parts of garments and lie behind them, so that only a whole garment tells
    the class. The classes are equally frequent (of `n` scenes, n/10 each).

    Args:
        n: how many scenes.
        seed: a number, or a generator to draw from.
        n_objects: 1 or 2.
        context_strength: None for a plain background. Otherwise each background has one of ten
            textures (gratings), one for each class, and a share of exactly round(strength·n)/n of
            them has the texture of its (first) garment's class, the others that of another one.
            1 predicts the class always; 1/10 is chance: then the texture says nothing.
        n_fragments: how many pieces of garments, 10×10 pixels each, are strewn about.
        noise: standard deviation of the Gaussian noise on the whole scene.
        size: height and width in pixels, at least 28 for each object.
        garments: the garments to draw from; by default those that come with the course, which are
            from Fashion-MNIST's test split.

    Raises:
        TypeError, ValueError: if an argument is out of its range.

    Source: Fashion-MNIST (Xiao, Rasul and Vollgraf 2017); clutter after Mnih, Heess, Graves and
    Kavukcuoglu, "Recurrent models of visual attention", NeurIPS 2014.
    """
    require_count(n, "n")
    require_count(n_fragments, "n_fragments", minimum=0)
    require_number(noise, "noise", minimum=0)
    if n_objects not in (1, 2):
        raise ValueError(f"n_objects must be 1 or 2, got {n_objects!r}.")
    require_count(size, "size", minimum=GARMENT_SIZE * n_objects)
    if context_strength is not None:
        require_number(context_strength, "context_strength", minimum=0, maximum=1)
    generator = _generator(seed)
    garments = _shipped_garments() if garments is None else garments

    first = torch.arange(n) % N_TEXTURES  # (N,)
    agrees = torch.arange(n) < round((context_strength or 0) * n)  # (N,), as asked for exactly
    shuffle = torch.randperm(n, generator=generator)
    first, agrees = first[shuffle], agrees[shuffle]
    labels = torch.stack([first, _another(first, generator)], dim=1)[:, :n_objects]
    textures = torch.where(agrees, first, _another(first, generator))

    canvas = torch.rand(n, 1, 1, generator=generator).mul(0.2).expand(n, size, size).clone()
    phases = 2 * math.pi * torch.rand(n, generator=generator)
    if context_strength is not None:
        canvas += _gratings(textures, phases, size)  # (N, H, W)
    for _ in range(n_fragments):
        pieces = _fragments(n, garments, generator)  # (N, 10, 10)
        corners = torch.randint(size - FRAGMENT_SIZE + 1, (n, 2), generator=generator)
        _paste(canvas, pieces, corners)

    masks = []
    for corners, classes in zip(
        _places(n, n_objects, size, generator), labels.unbind(dim=1), strict=True
    ):
        masks.append(_paste(canvas, _choose(classes, garments, generator), corners))
    canvas += noise * torch.randn(canvas.shape, generator=generator)
    return GarmentScenes(
        canvas.clamp_(0, 1)[:, None],
        labels.squeeze(1),
        torch.stack(masks, dim=1),
        textures,
    )


@cache
def _shipped_garments() -> Garments:
    return load_garments()


def _generator(seed: int | torch.Generator) -> torch.Generator:
    if isinstance(seed, torch.Generator):
        return seed
    require_count(seed, "seed", minimum=0)
    return torch.Generator().manual_seed(seed)


def _another(labels: Tensor, generator: torch.Generator) -> Tensor:
    """For each label another class, all nine equally likely."""
    steps = torch.randint(1, N_TEXTURES, labels.shape, generator=generator)
    return (labels + steps) % N_TEXTURES


def _choose(classes: Tensor, garments: Garments, generator: torch.Generator) -> Tensor:
    """A garment of each class asked for, (N, 28, 28)."""
    counts = torch.bincount(garments.labels, minlength=N_TEXTURES)  # (10,)
    if counts.min() == 0:
        raise ValueError(f"garments must have some of each class, got {counts.tolist()}.")
    starts = counts.cumsum(0) - counts  # garments are sorted by label
    u = torch.rand(len(classes), generator=generator)
    return garments.images[starts[classes] + (u * counts[classes]).long()]


def _places(n: int, n_objects: int, size: int, generator: torch.Generator) -> list[Tensor]:
    """Top-left corners, (N, 2) for each object; two lie side by side or one above the other."""
    room = size - GARMENT_SIZE + 1
    if n_objects == 1:
        return [torch.randint(room, (n, 2), generator=generator)]
    corners = torch.randint(room, (n, 2, 2), generator=generator)  # (N, object, axis)
    # Along one axis the two must not overlap: two sorted numbers, and then a garment's width apart.
    apart = torch.randint(size - 2 * GARMENT_SIZE + 1, (n, 2), generator=generator)
    apart = apart.sort(dim=1).values + torch.tensor([0, GARMENT_SIZE])
    swap = torch.rand(n, 1, generator=generator) < 0.5
    apart = torch.where(swap, apart.flip(1), apart)  # (N, object)
    axis = torch.randint(2, (n,), generator=generator)
    corners[torch.arange(n), :, axis] = apart
    return [corners[:, 0], corners[:, 1]]


def _fragments(n: int, garments: Garments, generator: torch.Generator) -> Tensor:
    """Pieces from the middle of garments, (N, 10, 10)."""
    whole = garments.images[torch.randint(len(garments.images), (n,), generator=generator)]
    low, high = 2, GARMENT_SIZE - FRAGMENT_SIZE - 2
    corners = torch.randint(low, high + 1, (n, 2), generator=generator)
    rows, columns = _window(corners, (FRAGMENT_SIZE, FRAGMENT_SIZE))
    return whole[torch.arange(n)[:, None, None], rows, columns]


def _window(corners: Tensor, shape: Sequence[int]) -> tuple[Tensor, Tensor]:
    """Row (N, h, 1) and column (N, 1, w) indices of the window of shape (h, w) at each corner."""
    rows, columns = torch.arange(shape[0])[:, None], torch.arange(shape[1])
    return corners[:, 0, None, None] + rows, corners[:, 1, None, None] + columns


def _paste(canvas: Tensor, pictures: Tensor, corners: Tensor) -> Tensor:
    """Put each picture onto its canvas, in place, where it is not black; (N, H, W) where it is."""
    rows, columns = _window(corners, pictures.shape[1:])
    scene = torch.arange(len(canvas))[:, None, None]
    shown = pictures > 0
    canvas[scene, rows, columns] = torch.where(shown, pictures, canvas[scene, rows, columns])
    mask = torch.zeros(canvas.shape, dtype=torch.bool)
    mask[scene, rows, columns] = shown
    return mask


def _gratings(textures: Tensor, phases: Tensor, size: int) -> Tensor:
    """Texture k as waves, (N, H, W): five directions (k mod 5), two wavelengths (k div 5)."""
    angles = (textures % 5) * (math.pi / 5)  # (N,)
    frequencies = 2 * math.pi / torch.where(textures < 5, 5.0, 9.0)  # (N,), wavelength in pixels
    y, x = torch.meshgrid(torch.arange(size), torch.arange(size), indexing="ij")
    along = torch.cos(angles)[:, None, None] * x + torch.sin(angles)[:, None, None] * y
    return 0.15 + 0.15 * torch.sin(frequencies[:, None, None] * along + phases[:, None, None])


def lesion_patches(
    n: int,
    seed: int | torch.Generator = 0,
    *,
    context_strength: float = 0.5,
    lesion: bool = True,
    cue: bool = True,
    size: int = 64,
) -> LesionPatches:
    r"""Synthetic tissue with a lesion whose margin is smooth (label 0) or spiculated (label 1).

    Half of the patches have each margin. A marker of lead in a corner, such as lies beside the
    breast in a mammogram, is the context: a share of exactly round(strength·n)/n of the patches
    tells the truth by it, where present means spiculated and absent means smooth.

    Args:
        n: how many patches.
        seed: a number, or a generator to draw from.
        context_strength: 1: the marker predicts the label always; 1/2: it says nothing.
        lesion: False leaves the lesions out, and the patches are otherwise the same.
        cue: False leaves the markers out, and the patches are otherwise the same.
        size: height and width in pixels, at least 64.

    Raises:
        TypeError, ValueError: if an argument is out of its range.

    Source: tissue with the power spectrum 1/f³ of mammograms, after Burgess, Jacobson and Judy,
    "Human observer detection experiments with mammograms and power-law noise", Medical Physics
    2001. The pictures are synthetic: no patient is in them.
    """
    require_count(n, "n")
    require_number(context_strength, "context_strength", minimum=0, maximum=1)
    require_count(size, "size", minimum=64)
    generator = _generator(seed)

    labels = torch.arange(n) % 2  # (N,)
    truthful = torch.arange(n) < round(context_strength * n)  # (N,), as asked for exactly
    shuffle = torch.randperm(n, generator=generator)
    labels, truthful = labels[shuffle], truthful[shuffle]

    tissue = _tissue(n, size, generator)  # (N, H, W)
    bright, lesion_masks = _lesions(labels, size, generator)  # (N, H, W) each
    cue_masks = _markers(n, size, generator)
    grain = 0.02 * torch.randn(tissue.shape, generator=generator)

    lesion_masks &= torch.tensor(lesion)
    cue_masks &= ((labels == 1) == truthful)[:, None, None] & torch.tensor(cue)
    images = tissue + torch.where(lesion_masks, bright, 0.0)
    images = torch.where(cue_masks, 0.95, images) + grain
    return LesionPatches(images.clamp_(0, 1)[:, None], labels, lesion_masks, cue_masks)


def _tissue(n: int, size: int, generator: torch.Generator) -> Tensor:
    """Cloudy tissue with fibres, (N, H, W)."""
    cloudy = _power_law_field(n, size, 3.0, generator)
    fibres = 1 - _power_law_field(n, size, 2.6, generator).abs().mul(2.5).clamp(max=1)
    density = 0.25 + 0.15 * torch.rand(n, 1, 1, generator=generator)
    return density + 0.07 * cloudy + 0.07 * fibres * (1 + 0.5 * cloudy.clamp(-1, 1))


def _power_law_field(n: int, size: int, beta: float, generator: torch.Generator) -> Tensor:
    """Gaussian fields with power spectrum 1/f^beta, mean 0 and variance 1 each, (N, H, W)."""
    # Drawn half as large again and cut out, since a Fourier series joins opposite edges.
    period = 3 * size // 2
    rows, columns = torch.fft.fftfreq(period), torch.fft.rfftfreq(period)
    frequency = torch.hypot(rows[:, None], columns)  # (period, period/2 + 1)
    frequency[0, 0] = math.inf  # no constant part
    waves = torch.randn(n, *frequency.shape, dtype=torch.complex64, generator=generator)
    field = torch.fft.irfft2(waves * frequency ** (-beta / 2), s=(period, period))
    field = field[:, :size, :size]
    std, mean = torch.std_mean(field, dim=(1, 2), keepdim=True)
    return (field - mean) / std


def _lesions(labels: Tensor, size: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    r"""How much brighter each lesion is than the tissue, and where it is, (N, H, W) each.

    A lesion is where ρ < R(θ), in polar coordinates about its centre. A smooth margin is
    R(θ) = r (1 + Σ_k a_k cos(kθ + φ_k)); a spiculated one has narrow peaks on it, from a smaller r,
    so that both kinds cover about the same area.
    """
    n = len(labels)

    def uniform(low: float, high: float) -> Tensor:
        return low + (high - low) * torch.rand(n, 1, generator=generator)

    spiculated = (labels == 1)[:, None]
    radius = uniform(6.5, 9) * torch.where(spiculated, 0.83, 1.0)  # (N, 1)
    angles = torch.linspace(-math.pi, math.pi, N_ANGLES)  # (angles,)
    margin = radius.repeat(1, N_ANGLES)  # (N, angles)
    for k in (2, 3, 4):
        margin += radius * uniform(0, 0.08) * torch.cos(k * angles + uniform(0, 2 * math.pi))
    for _ in range(N_SPICULES):
        length, half_width = radius * uniform(0.3, 0.95), uniform(0.12, 0.25)
        turned = (angles - uniform(0, 2 * math.pi)).remainder(2 * math.pi)  # from the peak on
        apart = torch.minimum(turned, 2 * math.pi - turned)
        peak = radius + length * (1 - apart / half_width).clamp_min(0)
        margin = torch.where(spiculated, torch.maximum(margin, peak), margin)

    y, x = torch.meshgrid(torch.arange(size), torch.arange(size), indexing="ij")
    y = y - (size / 2 + uniform(-7, 7))[:, :, None]  # (N, H, W)
    x = x - (size / 2 + uniform(-7, 7))[:, :, None]
    nearest = ((torch.atan2(y, x) / math.pi + 1) * (N_ANGLES - 1) / 2).round().long()
    inwards = margin.gather(1, nearest.flatten(1)).view_as(x) - torch.hypot(x, y)  # R(θ) - ρ
    profile = (inwards / 2.5).clamp(0, 1)  # fainter towards the margin
    return uniform(0.1, 0.24)[:, :, None] * profile, inwards > 0


def _markers(n: int, size: int, generator: torch.Generator) -> Tensor:
    """A letter in one of the four corners, (N, H, W), bool."""
    letter = torch.tensor([[pixel == "#" for pixel in row] for row in MARKER])
    inset = 2 + torch.randint(3, (n, 2), generator=generator)  # (N, 2), pixels from the edge
    far = torch.rand(n, 2, generator=generator) < 0.5
    corners = torch.where(far, size - torch.tensor(letter.shape) - inset, inset)
    markers = torch.zeros(n, size, size, dtype=torch.bool)
    rows, columns = _window(corners, letter.shape)
    markers[torch.arange(n)[:, None, None], rows, columns] = letter
    return markers
