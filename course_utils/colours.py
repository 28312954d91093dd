"""The colours of maps: which colour map, how far its scale reaches, how much an overlay covers.

Signed maps use cividis, magnitudes magma; `plotting` says why. Both the stored figures and the
explorers, which draw without matplotlib's figures because they must be quick, take them from here.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

SIGNED, MAGNITUDE = "cividis", "magma"


def colour_limit(maps: NDArray, saturate: float) -> float:
    """The magnitude at the end of a scale: a share `saturate` of all values may lie beyond it.

    A map that is zero almost everywhere would have a scale of zero: then nothing is cut off.
    """
    magnitudes = np.abs(maps).ravel().astype(np.float64)
    return float(np.quantile(magnitudes, 1 - saturate) or magnitudes.max() or 1.0)


def overlay_opacity(values: NDArray, top: float) -> NDArray:
    """How much a map's colour covers the image: nothing at zero, 0.8 at `top`."""
    return np.clip(values / top, 0, 1) ** 0.5 * 0.8


def magnification(largest: float) -> float:
    """The largest of 1, 2, 5, 10, 20, … times which `largest` is at most one half."""
    if largest == 0:
        return 1.0
    steps = [digit * 10.0**power for power in range(7) for digit in (1, 2, 5)]
    return max((step for step in steps if step * largest <= 0.5 + 1e-6), default=1.0)
