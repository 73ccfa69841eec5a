"""How a photograph was taken: its sharpness, its grain, and whether it is grey or toned."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple

import cv2
import numpy as np
from numba import njit
from numpy.typing import NDArray

from ..geometry.solve import solved
from .tone import LINEAR

F32 = NDArray[np.float32]
_PREBLUR, _REBLUR = 0.8, 1.5
#: what looks white: green above so many levels, red and blue within so many stops of it; colours below so
#: many levels tell nothing
_WHITE_LEVELS, _WHITE_STOPS, _DARK_LEVELS = 190, 0.35, 45


class White(NamedTuple):
    """What a picture's colours say of the light's.

    share: 0..1 of the picture that looks white. red, blue: log2 R/G and log2 B/G of that. cool: share of what
    is not dark that is neither red nor yellow.
    """

    share: float
    red: float
    blue: float
    cool: float


@dataclass(frozen=True, eq=False)
class Photo:
    """How the photograph round a face was taken.

    blur: standard deviation of the point spread, pixels. grain: quiet quarter of local residuals, levels
    (0.72 of the noise's standard deviation). bright: linear luminance that a tenth of the picture, or a
    twentieth of what is round the face, exceeds. tone: None for a colour photograph; else (2, 3) polynomials
    in log2 luminance that give log2 R/G and log2 B/G, so that a sepia print stays sepia and a grey one grey.
    """

    blur: float
    grain: float
    bright: float
    white: White
    tone: NDArray[np.float64] | None


def read_photo(image: NDArray[np.uint8], box: tuple[int, int, int, int], skin: NDArray[np.float64]) -> Photo:
    """Measure ``image`` (h, w, 3) uint8 BGR round the face ``box`` (x0, y0, x1, y1), clipped to it.

    skin: (n, 2) pixels on the uncovered face; grain is read round them, where the eye compares.
    """
    x0, y0, x1, y1 = box
    # a window of 180 px says as much as a larger one, and bounds the cost on large pictures
    top, left = max(y0, (y0 + y1 - 180) // 2), max(x0, (x0 + x1 - 180) // 2)
    gray = cv2.cvtColor(image[top : min(y1, top + 180), left : min(x1, left + 180)], cv2.COLOR_BGR2GRAY)
    whole = np.ascontiguousarray(image)
    colours = np.concatenate([_on_grid(whole, 0, 0, *whole.shape[1::-1]), _on_grid(whole, *box)])
    return Photo(
        blur=_sharpness(gray.astype(np.float32)),
        grain=_grain(whole, np.rint(skin).astype(np.int64)),
        bright=_brightness(np.asarray(gray, np.uint8), whole),
        white=_white(colours),
        tone=_tone(colours),
    )


def _brightness(gray: NDArray[np.uint8], image: NDArray[np.uint8]) -> float:
    """Linear luminance of what is bright: near the face or in the whole picture, whichever is more."""
    thin = max(1, max(image.shape[:2]) // 60)
    near, everywhere = _exceeded(gray, 4, 0.05), _exceeded(image[..., 1], thin, 0.10)
    return round(float(LINEAR[max(near, everywhere)]), 4)


@njit(cache=True, nogil=True, error_model="numpy")
def _exceeded(levels: NDArray[np.uint8], step: int, share: float) -> int:
    """The level that ``share`` of every ``step``-th pixel of ``levels`` (h, w) reach or exceed."""
    count = np.zeros(256, np.int64)
    for y in range(0, levels.shape[0], step):
        for x in range(0, levels.shape[1], step):
            count[levels[y, x]] += 1
    wanted, above = max(share * count.sum(), 1.0), 0
    for level in range(255, -1, -1):
        above += count[level]
        if above >= wanted:
            return level
    return 0


@njit(cache=True, nogil=True, error_model="numpy")
def _slopes(own: F32, again: F32, steep: F32, loss: F32) -> int:
    """Slope lost to the second blur at the steepest 3 % of pixels, into ``loss``; how many there are."""
    h, w = own.shape
    for y in range(1, h - 1):
        for x in range(1, w - 1):
            gx, gy = own[y, x + 1] - own[y, x - 1], own[y + 1, x] - own[y - 1, x]
            steep[y - 1, x - 1] = gx * gx + gy * gy
    ranked = steep.reshape(-1)[::16].copy()
    rank = len(ranked) - 1 - len(ranked) // 33
    least = max(np.partition(ranked, rank)[rank], np.float32(144.0))
    found = 0
    for y in range(1, h - 1):
        for x in range(1, w - 1):
            if steep[y - 1, x - 1] >= least:
                gx, gy = again[y, x + 1] - again[y, x - 1], again[y + 1, x] - again[y - 1, x]
                loss[found] = np.sqrt(steep[y - 1, x - 1] / max(gx * gx + gy * gy, np.float32(1e-6)))
                found += 1
    return found


def _sharpness(gray: F32) -> float:
    """Blur s of the sharper edges: a step blurred again by r loses slope by sqrt(s^2 + r^2) / s."""
    if min(gray.shape) < 16:
        return 0.8
    # noise has slopes too, which the second blur would take away: both are seen through a small first one
    gray = np.asarray(cv2.GaussianBlur(gray, (5, 5), _PREBLUR), np.float32)
    again = np.asarray(cv2.GaussianBlur(gray, (9, 9), _REBLUR), np.float32)
    loss = np.empty(gray.size, np.float32)
    steep = np.empty((gray.shape[0] - 2, gray.shape[1] - 2), np.float32)
    found = _slopes(gray, again, steep, loss)
    if found < 20:
        return 0.8
    lost = float(np.partition(loss[:found], (3 * found) // 4)[(3 * found) // 4])
    total = _REBLUR**2 / max(lost**2 - 1.0, 0.02)
    return round(math.sqrt(min(max(total - _PREBLUR**2, 0.5**2), 6.0**2)), 2)


@njit(cache=True, nogil=True, error_model="numpy")
def _grain(image: NDArray[np.uint8], at: NDArray[np.int64]) -> float:
    """Noise in levels: the quieter quarter of local residuals at ``at``, so that texture counts little.

    The residual is what a pixel differs from the plane through its neighbours, of unit gain on white noise
    (kernel [1 -2 1] x [1 -2 1] / 6), averaged in size over 7 x 7.
    """
    h, w = image.shape[0], image.shape[1]
    local = np.empty(at.shape[0])
    n = 0
    gray = np.empty((9, 9))
    for i in range(at.shape[0]):
        x, y = at[i, 0], at[i, 1]
        if x < 5 or y < 5 or x > w - 6 or y > h - 6:
            continue
        for dy in range(9):
            for dx in range(9):
                p = image[y + dy - 4, x + dx - 4]
                gray[dy, dx] = 0.114 * p[0] + 0.587 * p[1] + 0.299 * p[2]
        total = 0.0
        for dy in range(1, 8):
            for dx in range(1, 8):
                plus = (
                    gray[dy - 1, dx - 1] + gray[dy - 1, dx + 1] + gray[dy + 1, dx - 1] + gray[dy + 1, dx + 1]
                )
                cross = gray[dy - 1, dx] + gray[dy + 1, dx] + gray[dy, dx - 1] + gray[dy, dx + 1]
                total += abs(plus - 2.0 * cross + 4.0 * gray[dy, dx]) / 6.0
        local[n] = total / 49.0
        n += 1
    if n < 12:
        return 0.0
    ranked = np.sort(local[:n])
    return np.round(ranked[n // 4], 2)


def _white(colours: NDArray[np.uint8]) -> White:
    """What of ``colours`` (n, 3) uint8 BGR looks white, bright and nearly neutral, and what is not warm."""
    share, red, blue, cool = _white_of(colours, LINEAR)
    return White(round(share, 4), round(red, 3), round(blue, 3), round(cool, 4))


@njit(cache=True, nogil=True, inline="always", error_model="numpy")
def _ratios(b, g, r):  # type: ignore[no-untyped-def]
    """log2 R/G and log2 B/G of linear light; near black they fade to 0."""
    return np.log2((r + 0.004) / (g + 0.004)), np.log2((b + 0.004) / (g + 0.004))


@njit(cache=True, nogil=True, error_model="numpy")
def _white_of(colours, linear):  # type: ignore[no-untyped-def]
    seen = cool = n = 0
    reds, blues = np.empty(len(colours)), np.empty(len(colours))
    for i in range(len(colours)):
        b, g, r = colours[i, 0], colours[i, 1], colours[i, 2]
        if g <= _DARK_LEVELS:
            continue
        seen += 1
        red, blue = _ratios(linear[b], linear[g], linear[r])
        cool += red < _WHITE_STOPS and blue > -_WHITE_STOPS
        if g > _WHITE_LEVELS and max(abs(red), abs(blue)) < _WHITE_STOPS:
            reds[n], blues[n] = red, blue
            n += 1
    share = cool / seen if seen > 0 else 1.0
    if n == 0:
        return 0.0, 0.0, 0.0, share
    return n / len(colours), np.median(reds[:n]), np.median(blues[:n]), share


def _tone(colours: NDArray[np.uint8]) -> NDArray[np.float64] | None:
    """The chroma that belongs to each luminance, if ``colours`` (n, 3) uint8 BGR have only one; else None."""
    curve, off = np.zeros((2, 3)), 0.0
    # near black and white every photograph is grey; black borders must not vote
    for least, most in ((0.02, 0.9), (0.004, 2.0)):
        n, off = _tone_curve(colours, LINEAR, least, most, curve)
        if n >= 100:
            return np.round(curve, 4) if off <= 0.05 else None
    return np.zeros((2, 3))


def _on_grid(image: NDArray[np.uint8], x0: int, y0: int, x1: int, y1: int) -> NDArray[np.uint8]:
    """Pixels (n, 3) of about twenty rows and columns, evenly over a box of ``image``."""
    across, down = max(1, (x1 - x0) // 20), max(1, (y1 - y0) // 20)
    return image[y0:y1:down, x0:x1:across].reshape(-1, 3)


@njit(cache=True, nogil=True, error_model="numpy")
def _tone_curve(  # type: ignore[no-untyped-def]
    colours, linear, least, most, curve
):
    """Fit ``curve`` (2, 3); how many places tell, and the share of them that it misses by over 0.14.

    colours: (n, 3) uint8 BGR; those with a linear luminance between least and most tell.
    """
    n = 0
    e, ratios = np.empty(len(colours)), np.empty((len(colours), 2))
    system, right = np.zeros((3, 3)), np.zeros((3, 2))
    for i in range(len(colours)):
        b, g, r = linear[colours[i, 0]], linear[colours[i, 1]], linear[colours[i, 2]]
        luminance = 0.0722 * b + 0.7152 * g + 0.2126 * r
        if luminance <= least or luminance >= most:
            continue
        e[n] = np.log2(luminance)
        ratios[n, 0], ratios[n, 1] = _ratios(b, g, r)
        powers = (1.0, e[n], e[n] * e[n])
        for j in range(3):
            for k in range(3):
                system[j, k] += powers[j] * powers[k]
            right[j, 0] += powers[j] * ratios[n, 0]
            right[j, 1] += powers[j] * ratios[n, 1]
        n += 1
    if n < 3:
        return n, 1.0
    for j in range(3):
        system[j, j] += 1e-6
    fit = solved(system, right)
    missed = 0
    for i in range(n):
        for k in range(2):
            at = fit[0, k] + fit[1, k] * e[i] + fit[2, k] * e[i] * e[i]
            missed += 1 if abs(ratios[i, k] - at) > 0.14 else 0
    for k in range(2):
        for j in range(3):
            curve[k, j] = fit[j, k]
    return n, missed / (2 * n)
