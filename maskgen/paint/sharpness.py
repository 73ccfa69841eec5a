"""How sharp a photograph is, read off its steps from one level to another."""

from __future__ import annotations

import math

import cv2
import numpy as np
from numba import njit
from numpy.typing import NDArray

F32 = NDArray[np.float32]
#: px of the blur through which slopes are seen, and of the second one that they lose slope to
_PREBLUR, _REBLUR = 0.8, 1.5
#: px to either side of an edge at which its levels are read
_ASIDE = 4.0
#: px^2 that a pixel's own extent adds to what is told of a step, found on the sharper quarter of the edges of
#: 302 photographs; px: the least blur, of photographs that were sharpened afterwards
_GRID, _SHARPEST = 0.25, 0.2
#: share of a row or column of pixels that must be edge for it to be a frame's, and by which factor the
#: square of the slope across it exceeds that along it
_MOSTLY, _STRAIGHT = 0.35, np.float32(9.0)
#: px beside it that both blurs mix with it
_BESIDE = 5
#: side of the window in which edges are looked for, px; how many times wider ones, shrunk to that, are looked
#: at in turn; the least side that says anything; and the blur taken where nothing does
_WINDOW, _FAR, _LEAST_SIDE, _USUAL = 180, (1, 2, 4, 8), 16, 0.8


@njit(cache=True, nogil=True, error_model="numpy")
def _lost_slope(own: F32, again: F32) -> float:
    """Factor by which the slopes of ``own`` (h, w) exceed those of ``again``, where they are steepest.

    The upper quartile over the steepest 3 % of pixels; 0 where fewer than 20 have any slope to speak of.
    """
    h, w = own.shape
    steep, loss = np.empty((h - 2, w - 2), np.float32), np.empty(h * w, np.float32)
    for y in range(h - 2):
        left, right, upper, lower, out = own[y + 1], own[y + 1, 2:], own[y, 1:], own[y + 2, 1:], steep[y]
        for x in range(w - 2):
            gx, gy = right[x] - left[x], lower[x] - upper[x]
            out[x] = gx * gx + gy * gy
    least = _steepest(steep)
    if _without_frames(own, steep, least):
        least = _steepest(steep)
    found = 0
    one, two = np.uint64(1), np.uint64(2)
    for row in range(h - 2):
        v = np.uint64(row)
        slopes = steep[v]
        for column in range(w - 2):
            u = np.uint64(column)
            if slopes[u] >= least and _is_step(own, row + 1, column + 1):
                gx = again[v + one, u + two] - again[v + one, u]
                gy = again[v + two, u + one] - again[v, u + one]
                loss[found] = np.sqrt(slopes[u] / max(gx * gx + gy * gy, np.float32(1e-6)))
                found += 1
    if found < 20:
        return 0.0
    return float(np.partition(loss[:found], (3 * found) // 4)[(3 * found) // 4])


@njit(cache=True, nogil=True, error_model="numpy")
def _steepest(steep: F32) -> float:
    """The square of a slope that 3 % of ``steep`` (h, w) exceed, and edges at least have."""
    ranked = steep.reshape(-1)[::16].copy()
    rank = len(ranked) - 1 - len(ranked) // 33
    return max(np.partition(ranked, rank)[rank], np.float32(144.0))


@njit(cache=True, nogil=True, error_model="numpy")
def _without_frames(own: F32, steep: F32, least: float) -> bool:
    """Flatten ``steep``, squares of the slopes of ``own``, where a photograph ends or a frame was drawn.

    There a row or column is an edge, straight along much of ``own`` (h, w), whose outermost ones are not
    looked at. least: ``steep`` of an edge. Returns whether there was any.
    """
    h, w = steep.shape
    across, down = np.zeros(h, np.int64), np.zeros(w, np.int64)
    for y in range(h):
        slopes = steep[y]
        for x in range(w):
            if slopes[x] >= least:
                gx, gy = own[y + 1, x + 2] - own[y + 1, x], own[y + 2, x + 1] - own[y, x + 1]
                across[y] += gy * gy > _STRAIGHT * gx * gx
                down[x] += gx * gx > _STRAIGHT * gy * gy
    found = False
    for y in range(h):
        if across[y] > _MOSTLY * w:
            steep[max(y - _BESIDE, 0) : y + _BESIDE + 1] = np.float32(0.0)
            found = True
    for x in range(w):
        if down[x] > _MOSTLY * h:
            steep[:, max(x - _BESIDE, 0) : x + _BESIDE + 1] = np.float32(0.0)
            found = True
    return found


@njit(cache=True, nogil=True, inline="always", error_model="numpy")
def _is_step(own, y, x):  # type: ignore[no-untyped-def]
    """Whether the slope of ``own`` (h, w) at a pixel leads from one level to another, not over a line."""
    h, w = own.shape
    gx, gy = own[y, x + 1] - own[y, x - 1], own[y + 1, x] - own[y - 1, x]
    size = np.sqrt(gx * gx + gy * gy)
    dx, dy = int(np.rint(_ASIDE * gx / size)), int(np.rint(_ASIDE * gy / size))
    x0, x1 = min(max(x - dx, 0), w - 1), min(max(x + dx, 0), w - 1)
    y0, y1 = min(max(y - dy, 0), h - 1), min(max(y + dy, 0), h - 1)
    return own[y1, x1] - own[y0, x0] >= size


def edge_blur(image: NDArray[np.uint8], box: tuple[int, int, int, int], near: NDArray[np.uint8]) -> float:
    """Blur s, px, of the sharper edges in the middle of the ``box`` (x0, y0, x1, y1) of an image (h, w, 3).

    near: its `gray_window`. A step blurred again by r loses slope by sqrt(s^2 + r^2) / s. Where a window
    shows no step, a wider one is looked at, as far away as it is wider; _USUAL where none does.
    """
    for far in _FAR:
        gray = near if far == 1 else gray_window(image, box, far)
        if min(gray.shape) < _LEAST_SIDE:
            break
        found = _blur_of(gray)
        if found > 0.0:
            return round(far * found, 2)
    return _USUAL


def gray_window(
    image: NDArray[np.uint8], box: tuple[int, int, int, int], wider: int = 1
) -> NDArray[np.uint8]:
    """The middle of the ``box`` (x0, y0, x1, y1) of an image (h, w, 3) in grey, 180 px or ``wider`` each way.

    What is wider is shrunk to 180 px. It says as much as all of the box, and bounds the cost on large
    pictures. The box is at least ``wider`` px wide and high.
    """
    x0, y0, x1, y1 = box
    side = _WINDOW * wider
    top, left = max(y0, (y0 + y1 - side) // 2), max(x0, (x0 + x1 - side) // 2)
    part = image[top : min(y1, top + side), left : min(x1, left + side)]
    if wider > 1:
        size = part.shape[1] // wider, part.shape[0] // wider
        part = np.asarray(cv2.resize(part, size, interpolation=cv2.INTER_AREA), np.uint8)
    return np.asarray(cv2.cvtColor(part, cv2.COLOR_BGR2GRAY), np.uint8)


def _blur_of(gray: NDArray[np.uint8]) -> float:
    """Blur of the sharper edges of ``gray`` (h, w), px; 0 where there are hardly any."""
    # noise has slopes too, which the second blur would take away: both are seen through a small first one
    own = np.asarray(cv2.GaussianBlur(gray.astype(np.float32), (5, 5), _PREBLUR), np.float32)
    again = np.asarray(cv2.GaussianBlur(own, (9, 9), _REBLUR), np.float32)
    lost = _lost_slope(own, again)
    if lost == 0.0:
        return 0.0
    spread = _REBLUR**2 / max(lost**2 - 1.0, 0.02) - _PREBLUR**2 - _GRID
    return math.sqrt(min(max(spread, _SHARPEST**2), 6.0**2))
