"""The soft shadow a mask casts on the skin beside it: mostly below and on the side away from the light."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

F32 = NDArray[np.float32]
#: strengths, as the share of light lost where the shadow is full (docs/painting.md)
WIDE, TIGHT = 0.42, 0.37


def cast_shadow(coverage: F32, head: F32, light_xy: tuple[float, float], px_per_mm: float) -> F32:
    """Factor (h, w) in 0..1 on the light of what is not covered.

    coverage, head: (h, w) 0..1 of the mask and of bare head (only skin takes shadow). light_xy: direction in
    the picture from which light comes (length = how one-sided it is, in stops).
    """
    h, w = coverage.shape
    small = max(1, min(4, round(px_per_mm * 1.5)))
    size = (max(2, w // small), max(2, h // small))
    mask = np.asarray(cv2.resize(coverage, size, interpolation=cv2.INTER_AREA))
    scale = px_per_mm * size[0] / w
    # light from above leaves its shadow below; one-sided light draws it to the far side
    away = np.array([-light_xy[0], -light_xy[1] + 0.25])
    away *= 5.0 * scale / max(float(np.linalg.norm(away)), 0.6)
    moved = cv2.warpAffine(mask, np.array([[1, 0, away[0]], [0, 1, away[1]]]), size, flags=cv2.INTER_LINEAR)
    wide = cv2.GaussianBlur(moved, (0, 0), max(5.5 * scale, 0.7))
    tight = cv2.GaussianBlur(mask, (0, 0), max(1.6 * scale, 0.5))
    light = (1.0 - WIDE * np.asarray(wide)) * (1.0 - TIGHT * np.asarray(tight))
    full = np.asarray(cv2.resize(light, (w, h), interpolation=cv2.INTER_LINEAR), np.float32)
    skin = np.asarray(cv2.blur(np.maximum(head, coverage), (3, 3)))
    return np.asarray(1.0 - skin * (1.0 - full), np.float32)
