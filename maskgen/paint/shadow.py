"""The soft shadow a mask casts on the skin beside it: mostly below and on the side away from the light."""

from __future__ import annotations

import math
from typing import Any

import cv2
import numpy as np
from numba import njit
from numpy.typing import NDArray

from .raster import FAR

F32 = NDArray[np.float32]
#: strengths, as the share of light lost where the shadow is full (docs/painting.md)
WIDE, TIGHT = 0.42, 0.37
#: levels (of 255) by which what is beside a mask is darker than it would be; 7 (5 to 12) on photographed skin
_LEVELS = 8.0
#: how wide the strip beside the mask is over which that is meant
_RING_MM = 4.0
#: shadow samples per millimetre that are enough for something so soft
_SAMPLES_PER_MM = 0.75


@njit(cache=True, nogil=True, error_model="numpy")
def _thinned(  # type: ignore[no-untyped-def]
    coverage, head_depth, image, step, mask, skin, level
) -> None:
    """Round every step-th pixel: means of the mask's coverage and of skin, and the green level there."""
    h, w = coverage.shape
    one = np.float32(1.0)
    covered, bare = np.empty(w, np.float32), np.empty(w, np.float32)
    for i in range(mask.shape[0]):
        y0, y1 = max(i * step - step // 2, 0), min(i * step - step // 2 + step, h)
        covered[:], bare[:] = np.float32(0.0), np.float32(0.0)
        for y in range(y0, y1):
            for x in range(w):
                covered[x] += coverage[y, x]
                bare[x] += one if head_depth[y, x] < FAR else coverage[y, x]
        for j in range(mask.shape[1]):
            x0, x1 = max(j * step - step // 2, 0), min(j * step - step // 2 + step, w)
            total = shown = np.float32(0.0)
            for x in range(x0, x1):
                total += covered[x]
                shown += bare[x]
            n = np.float32(max((y1 - y0) * (x1 - x0), 1))
            mask[i, j], skin[i, j] = total / n, shown / n
            level[i, j] = image[min(i * step, h - 1), min(j * step, w - 1), 1]


def cast_shadow(
    image: NDArray[np.uint8], coverage: F32, head_depth: F32, light_xy: tuple[float, float], px_per_mm: float,
    cloth_level: float, blur: float,
) -> tuple[F32, int]:  # fmt: skip
    """Share 0..1 of light that skin beside the mask loses, round every step-th pixel; and that step.

    image: (h, w, 3) uint8 BGR before painting. coverage: (h, w) 0..1 of the mask. head_depth: (h, w), far
    where there is no head: only skin takes shadow. light_xy: direction in the picture from which light comes
    (length = how one-sided it is, in stops). cloth_level: 0..255 of the mask; blur: of the photograph, px.
    The map has a row and a column to spare, so that any pixel lies between four of its samples.
    """
    h, w = coverage.shape
    step = min(max(round(px_per_mm / _SAMPLES_PER_MM), 1), 16)
    shape = (h - 1) // step + 2, (w - 1) // step + 2
    mask, skin, level = (np.empty(shape, np.float32) for _ in range(3))
    _thinned(coverage, head_depth, image, step, mask, skin, level)
    scale = px_per_mm / step
    # light from above leaves its shadow below; one-sided light draws it to the far side
    x, y = -light_xy[0], -light_xy[1] + 0.25
    reach = 5.0 * scale / max(math.hypot(x, y), 0.6)
    moved = cv2.warpAffine(mask, np.array([[1.0, 0.0, x * reach], [0.0, 1.0, y * reach]]), shape[::-1])
    wide = _blurred(moved, max(5.5 * scale, 0.7))
    tight = _blurred(mask, max(1.6 * scale, 0.5))
    strength = _strength(_beside(wide, tight, mask, skin, level), cloth_level, blur / px_per_mm)
    _lost(skin, wide, tight, strength * WIDE, strength * TIGHT)
    return skin, step


@njit(cache=True, nogil=True, error_model="numpy")
def _beside(wide: F32, tight: F32, mask: F32, skin: F32, level: F32) -> tuple[float, float, float, float]:
    """Of the strip just outside the mask: samples, those of skin; that skin's shadow and level."""
    all_of_it = total = lost = light = 0.0
    for y in range(mask.shape[0]):
        for x in range(mask.shape[1]):
            if mask[y, x] < np.float32(0.4):
                rim = min(max(tight[y, x] - np.float32(0.04), np.float32(0.0)), np.float32(0.3))
                all_of_it += rim
                total += skin[y, x] * rim
                lost += skin[y, x] * rim * (WIDE * wide[y, x] + TIGHT * tight[y, x])
                light += skin[y, x] * rim * level[y, x]
    return all_of_it, total, lost / max(total, 1e-9), light / max(total, 1e-9)


def _strength(beside: tuple[float, float, float, float], cloth_level: float, blur_mm: float) -> float:
    """Factor at which the skin just outside the mask becomes _LEVELS darker.

    Blur carries the mask's own light over its edge: beside fabric much brighter than the skin the shadow has
    to be deeper to be seen at all, beside a dark one the spill darkens by itself.
    """
    rim, total, lost, mean = beside
    if total < 1.0:
        return 1.0
    # a step blurred by sigma holds 0.4 sigma of itself on its far side, some of it on what is no skin
    spill = min(max((cloth_level - mean) * 0.3 * blur_mm / _RING_MM, -3.0), 7.0)
    # what the eye compares is the whole border: where little of it lies on skin, that is shaded more
    wanted = min(max(_LEVELS * rim / total, 7.0), 16.0)
    # levels go about with the square root of light
    return min(max(2.0 * (wanted + spill) / max(mean * lost, 1.0), 0.3), 3.5)


@njit(cache=True, nogil=True, error_model="numpy")
def _lost(skin: F32, wide: F32, tight: F32, most_wide: float, most_tight: float) -> None:
    """Share of light that both shadows take from the ``skin`` (h, w) seen there, in its place."""
    one, k, m = np.float32(1.0), np.float32(most_wide), np.float32(most_tight)
    for y in range(skin.shape[0]):
        for x in range(skin.shape[1]):
            skin[y, x] *= one - (one - k * wide[y, x]) * (one - m * tight[y, x])


def _blurred(image: NDArray[Any], sigma: float) -> F32:
    side = 2 * math.ceil(2.2 * sigma) + 1
    return np.asarray(cv2.GaussianBlur(image, (side, side), sigma), np.float32)
