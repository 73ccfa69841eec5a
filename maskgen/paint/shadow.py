"""The soft shadow a mask casts on the skin beside it: mostly below and on the side away from the light."""

from __future__ import annotations

import math
from typing import Any

import cv2
import numpy as np
from numba import njit
from numpy.typing import NDArray

from ..geometry.rotation import Array
from .raster import FAR

F32 = NDArray[np.float32]
U8 = NDArray[np.uint8]
#: strengths, as the share of light lost where the shadow is full (docs/painting.md)
WIDE, TIGHT = 0.50, 0.22
#: levels (of 255) by which the strip beside the mask shall be darker than it would be: then the skin within
#: 0.03 of the face's width loses 6, as on photographs (7, 5 to 12)
_LEVELS = 5.0
#: the strip beside the mask over which that is meant: how wide, and what of it anti-aliased paint may reach
_RING_MM, _CLEAR_PX = 3.0, 1.5
_WEAKEST, _STRONGEST = 0.15, 3.0
#: share of light lost behind a transparent part of a mask, at most
_BEHIND_FILM = np.float32(0.3)
#: coverage above which a sample counts as mask
_SOME = np.float32(0.02)
_FEW = 10  # samples of the strip that settle nothing
#: shadow samples per millimetre that are enough for something so soft
_SAMPLES_PER_MM = 0.75


@njit(cache=True, nogil=True, error_model="numpy")
def _thinned(coverage: F32, head_depth: F32, step: int, mask: F32, skin: F32) -> None:
    """Round every step-th pixel: means of the mask's coverage and of skin, into ``mask`` and ``skin``."""
    h, w = coverage.shape
    columns, zero, before = mask.shape[1], np.float32(0.0), step // 2
    # with nothing on either side, so that each sample adds up as many pixels
    wide = (columns + 1) * step + w
    covered, bare, count = np.zeros(wide, np.float32), np.zeros(wide, np.float32), np.empty(columns)
    for j in range(columns):
        count[j] = min((j + 1) * step - before, w) - max(j * step - before, 0)
    for i in range(mask.shape[0]):
        y0, y1 = max(i * step - before, 0), min(i * step - before + step, h)
        some, seen = covered[before : before + w], bare[before : before + w]
        some[:], seen[:] = zero, zero
        for y in range(y0, y1):
            here, head = coverage[y], head_depth[y]
            for x in range(w):
                some[x] += here[x]
            for x in range(w):
                # the mask's share where there is no head, without a branch
                seen[x] += max(here[x], np.float32(head[x] < FAR))
        row, shown = mask[i], skin[i]
        row[:], shown[:] = zero, zero
        for k in range(step):
            for j in range(columns):
                row[j] += covered[np.uint64(j * step + k)]
                shown[j] += bare[np.uint64(j * step + k)]
        for j in range(columns):
            n = np.float32(max((y1 - y0) * count[j], 1.0))
            row[j] /= n
            shown[j] /= n


@njit(cache=True, nogil=True, error_model="numpy")
def _moved(mask: F32, right: float, down: float) -> F32:
    """``mask`` (h, w) moved by so many samples, bilinear; nothing comes in from beyond its border.

    As `cv2.warpAffine` of OpenCV 5 has it, to the bit.
    """
    h, w = mask.shape
    # two rows with nothing on either side
    room = int(abs(right)) + 2
    pair, share = np.zeros((2, w + 2 * room), np.float32), np.empty(w, np.float64)
    out, nothing, start = np.empty((h, w), np.float32), np.zeros(w, np.float32), int(np.floor(-right))
    for x in range(w):
        share[x] = np.float64(np.float32(x) - np.float32(right)) - (x + start)
    for y in range(h):
        at = np.float32(y) - np.float32(down)
        top, part = int(np.floor(at)), np.float64(at - np.floor(at))
        for side in range(2):
            inside = 0 <= top + side < h
            row = pair[side, room : room + w]
            row[:] = mask[top + side] if inside else nothing
        upper, lower, to = pair[0, room + start :], pair[1, room + start :], out[y]
        for x in range(w):
            high = np.float32(upper[x] + share[x] * (upper[x + 1] - upper[x]))
            low = np.float32(lower[x] + share[x] * (lower[x + 1] - lower[x]))
            to[x] = high + part * (low - high)
    return out


def cast_shadow(
    image: NDArray[np.uint8], coverage: F32, head_depth: F32, light_xy: tuple[float, float], px_per_mm: float,
    layer: F32, landmarks: Array, layer_at: tuple[int, int] = (0, 0),
) -> tuple[F32, int]:  # fmt: skip
    """Share 0..1 of light that skin beside the mask loses, round every step-th pixel; and that step.

    image: (h, w, 3) uint8 BGR before painting. coverage: (h, w) 0..1 of the mask. head_depth: (h, w), far
    where there is no head: only skin takes shadow. light_xy: direction in the picture from which light comes
    (length = how one-sided it is, in stops). layer: (m, n, 4) what will be laid over it, premultiplied linear
    BGR and opacity, its first pixel at (x, y) layer_at. landmarks: (n, 2) pixels; how dark the shadow is, is
    settled on the face within them.
    The map has a row and a column to spare, so that any pixel lies between four of its samples.
    """
    h, w = coverage.shape
    step = min(max(round(px_per_mm / _SAMPLES_PER_MM), 1), 16)
    shape = (h - 1) // step + 2, (w - 1) // step + 2
    mask, skin = (np.empty(shape, np.float32) for _ in range(2))
    _thinned(coverage, head_depth, step, mask, skin)
    scale = px_per_mm / step
    # light from above leaves its shadow below; one-sided light draws it to the far side
    x, y = -light_xy[0], -light_xy[1] + 0.25
    reach = 5.0 * scale / max(math.hypot(x, y), 0.6)
    wide = _blurred(_moved(mask, x * reach, y * reach), max(5.5 * scale, 0.7))
    tight = _blurred(mask, max(1.6 * scale, 0.5))
    ring = _ring(mask, landmarks / step, step, px_per_mm)
    strength = _strength(ring, step, image, layer, *layer_at, wide, tight, skin)
    _lost(skin, mask, wide, tight, strength * WIDE, strength * TIGHT)
    return skin, step


def _ring(mask: F32, landmarks: Array, step: int, px_per_mm: float) -> NDArray[np.intp]:
    """Flat indices of the face's samples in a strip beside the mask, beyond its anti-aliased edge."""
    near = math.ceil(_CLEAR_PX / step)
    far = max(round(_RING_MM * px_per_mm / step), near + 1)
    face = np.zeros(mask.shape, np.uint8)
    cv2.fillConvexPoly(face, cv2.convexHull(np.rint(landmarks).astype(np.int32)), 1)
    return _strip(mask, near, far, face)


@njit(cache=True, nogil=True, error_model="numpy")
def _strip(mask: F32, near: int, far: int, face: U8) -> NDArray[np.intp]:
    """Flat indices of the ``face`` (h, w) within ``far`` samples of the mask, but not within ``near``.

    Both are half the side of a square.
    """
    h, w = mask.shape
    some = np.empty((h, w), np.uint8)
    for y in range(h):
        for x in range(w):
            some[y, x] = mask[y, x] > _SOME
    wide, narrow = np.empty(w, np.uint8), np.empty(w, np.uint8)
    found, n = np.empty(h * w, np.intp), 0
    for y in range(h):
        within(some, y, far, wide)
        within(some, y, near, narrow)
        for x in range(w):
            if face[y, x] & wide[x] & ~narrow[x]:
                found[n] = y * w + x
                n += 1
    return found[:n]


@njit(cache=True, nogil=True, error_model="numpy")
def within(some: U8, y: int, reach: int, out: U8) -> None:
    """Whether there are ``some`` (h, w) in the square round each sample of row ``y``, into ``out`` (w,)."""
    h, w = some.shape
    column = np.zeros(w + 2 * reach, np.uint8)
    inner = column[reach : reach + w]
    for v in range(max(y - reach, 0), min(y + reach + 1, h)):
        row = some[v]
        for x in range(w):
            inner[x] |= row[x]
    out[:] = np.uint8(0)
    for k in range(2 * reach + 1):
        beside = column[k : k + w]
        for x in range(w):
            out[x] |= beside[x]


@njit(cache=True, nogil=True, error_model="numpy")
def _strength(  # type: ignore[no-untyped-def]
    ring, step, image, layer, left: int, top: int, wide: F32, tight: F32, skin: F32
):
    """Factor at which the samples of ``ring``, indices of the maps, become _LEVELS darker than they were.

    Blur carries the mask's own light over its edge: beside fabric much brighter than the skin the shadow has
    to be deeper to be seen at all, beside a dark one the spill darkens by itself. image, and layer from
    (left, top) on: of every pixel; wide, tight, skin: maps of every ``step``-th.
    """
    n = len(ring)
    if n < _FEW:
        return 1.0
    full, before, spill = np.empty(n), np.empty(n), np.zeros(n, np.float32)
    total = 0.0
    for i in range(n):
        y, x = ring[i] // skin.shape[1], ring[i] % skin.shape[1]
        full[i] = (WIDE * wide[y, x] + TIGHT * tight[y, x]) * skin[y, x]
        y, x = min(y * step, image.shape[0] - 1), min(x * step, image.shape[1] - 1)
        green = float(image[y, x, 1])
        total += green
        before[i] = (green / 255.0) ** 2.2
        y, x = y - top, x - left
        if 0 <= y < layer.shape[0] and 0 <= x < layer.shape[1]:
            spill[i] = layer[y, x, 1]
            before[i] *= 1.0 - layer[y, x, 3]
    low, high = _WEAKEST, _STRONGEST
    for _ in range(6):
        strength = 0.5 * (low + high)
        after = 0.0
        for i in range(n):
            after += (before[i] * (1.0 - min(strength * full[i], 1.0)) + spill[i]) ** (1.0 / 2.2)
        if (total - 255.0 * after) / n > _LEVELS:
            high = strength
        else:
            low = strength
    return 0.5 * (low + high)


@njit(cache=True, nogil=True, error_model="numpy")
def _lost(skin: F32, mask: F32, wide: F32, tight: F32, most_wide: float, most_tight: float) -> None:
    """Share of light that both shadows take from the ``skin`` (h, w) seen there, in its place.

    mask: share of the mask there.
    """
    one, k, m = np.float32(1.0), np.float32(most_wide), np.float32(most_tight)
    for y in range(skin.shape[0]):
        for x in range(skin.shape[1]):
            # beside very bright cloth the strength may ask for more than all
            left = max(one - k * wide[y, x], np.float32(0.0)) * max(one - m * tight[y, x], np.float32(0.0))
            # under the mask it is seen through a film only, which lets the light in
            lost, under = one - left, mask[y, x] * mask[y, x]
            skin[y, x] *= lost + under * (min(lost, _BEHIND_FILM) - lost)


def _blurred(image: NDArray[Any], sigma: float) -> F32:
    side = 2 * math.ceil(2.2 * sigma) + 1
    return np.asarray(cv2.GaussianBlur(image, (side, side), sigma), np.float32)
