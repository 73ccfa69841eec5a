"""What goes into the painter and what comes out of it."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

#: values of the segmentation
NONE, MASK, STRAP = 0, 1, 2
#: values of landmark visibility
HIDDEN_BY_HEAD, VISIBLE, HIDDEN_BY_MASK = 0, 1, 2


@dataclass(frozen=True, eq=False)
class Painted:
    """One painted picture.

    image: (h, w, 3) uint8, BGR, same shape as the input. alpha: (h, w) float32 in 0..1, coverage by mask
    and straps. segmentation: (h, w) uint8 of NONE, MASK, STRAP (alpha of at least one half).
    touched: (h, w) bool; every pixel outside is identical to the input's. visibility: (68,) uint8.
    residual: fit error, RMS of the rigid landmark fit in millimetres. quality: 0 (useless) .. 1 (as good as
    it gets). notes: reasons why the outcome is degraded (empty: none), each "code: explanation".
    numbers: further plain values worth recording (light, blur, grain ...).
    """

    image: NDArray[np.uint8]
    alpha: NDArray[np.float32]
    segmentation: NDArray[np.uint8]
    touched: NDArray[np.bool_]
    visibility: NDArray[np.uint8]
    residual: float
    quality: float
    notes: tuple[str, ...] = ()
    numbers: dict[str, float] = field(default_factory=dict)
