"""Fashion-MNIST garments, from the subset that comes with the course or from a folder."""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

SHIPPED = Path(__file__).parent / "data" / "fashion-mnist"

GARMENTS = (
    "T-shirt/top",
    "trouser",
    "pullover",
    "dress",
    "coat",
    "sandal",
    "shirt",
    "sneaker",
    "bag",
    "ankle boot",
)


class Garments(NamedTuple):
    """Garment pictures: images (M, 28, 28) in [0, 1], labels (M,), sorted by label."""

    images: Tensor
    labels: Tensor


def load_garments(folder: str | Path | None = None, split: str = "test") -> Garments:
    """Garments from a folder of IDX files, as Fashion-MNIST is published.

    Args:
        folder: where `train-images-idx3-ubyte`, `t10k-images-idx3-ubyte` and their labels lie,
            gzipped or not. None: the part of the test split that comes with the course.
        split: "train" or "test".

    Raises:
        ValueError: if `split` is no such split.
        FileNotFoundError: if the folder lacks the files, naming them.

    Source: Xiao, Rasul and Vollgraf, "Fashion-MNIST: a novel image dataset for benchmarking machine
    learning algorithms", 2017 (MIT licence).
    """
    if split not in ("train", "test"):
        raise ValueError(f'split must be "train" or "test", got {split!r}.')
    folder = SHIPPED if folder is None else Path(folder)
    prefix = "train" if split == "train" else "t10k"
    images = read_idx(folder / f"{prefix}-images-idx3-ubyte")  # (M, 28, 28)
    labels = read_idx(folder / f"{prefix}-labels-idx1-ubyte").long()  # (M,)
    order = labels.argsort(stable=True)
    return Garments(images[order].float() / 255, labels[order])


def read_idx(path: Path) -> Tensor:
    """The array of bytes in an IDX file (or in its gzipped copy beside it), shape from its header.

    Format: two zero bytes, 8 for unsigned bytes, the number of axes, each axis's length as a
    big-endian 32-bit number, then the values.
    """
    zipped = path.with_name(path.name + ".gz")
    if zipped.exists():
        content = gzip.decompress(zipped.read_bytes())
    elif path.exists():
        content = path.read_bytes()
    else:
        raise FileNotFoundError(
            f"{path.parent} must hold the IDX file {path.name} (or {zipped.name}), found neither."
        )
    if content[:3] != b"\0\0\x08":
        raise ValueError(f"{path} must be an IDX file of unsigned bytes, got {content[:3]!r}.")
    n_axes = content[3]
    shape = np.frombuffer(content, ">i4", count=n_axes, offset=4).tolist()
    values = np.frombuffer(content, np.uint8, offset=4 + 4 * n_axes).reshape(shape)
    return torch.from_numpy(values.copy())
