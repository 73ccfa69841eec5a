"""How a photograph was taken: its sharpness, its grain, and whether it is grey or toned."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import cv2
import numpy as np
from numba import njit
from numpy.typing import ArrayLike, NDArray

from ..geometry.solve import solved
from .sharpness import edge_blur
from .tone import LINEAR, ratios_of

F32 = NDArray[np.float32]
#: what looks white: green above so many levels, red and blue within so many stops of it; colours below so
#: many levels tell nothing
_WHITE_LEVELS, _WHITE_STOPS, _DARK_LEVELS = 190, 0.35, 45
#: what is bright: of the linear luminance that 3 % exceed, so much at least, and no less than that
_BRIGHT, _DIM = 0.5, 0.1
#: log2 R/G of green and log2 B/G of yellow things, which no lamp makes of white ones
_NOT_GREEN, _YELLOW = -0.05, -1.4
#: share of places whose chroma is not that of their luminance, up to which a photograph is of one tone, and
#: from which it is in full colour. Of 906 photographs those between 0.05 and 0.08 are prints toned twice,
#: those up to 0.2 nearly all of two tones or with most of their colour taken out
_TONED, _COLOURED = 0.08, 0.24
#: a faded print's darkest: more levels than this, within so many of each other from the first share of the
#: picture to the second. Of 906 photographs three are; where others have nothing as dark, levels differ more
_FADED_LEVELS, _FADED_SPREAD, _DARKEST, _DARK_SHARE = 60, 8, 0.0005, 0.005


class White(NamedTuple):
    """What a picture's colours say of the light's.

    share: 0..1 of the picture that looks white. red, blue: log2 R/G and log2 B/G of that. cool: share of what
    is not dark that is neither red nor yellow. cream: share of the picture that is bright and no redder than
    white, but may lack blue; cream_red, cream_blue: its ratios. least_red: log2 R/G of the least red fifth of
    what is bright.
    """

    share: float
    red: float
    blue: float
    cool: float
    cream: float = 0.0
    cream_red: float = 0.0
    cream_blue: float = 0.0
    least_red: float = 9.0


@dataclass(frozen=True, eq=False)
class Photo:
    """How the photograph round a face was taken.

    blur: standard deviation of the point spread, pixels. grain: quiet quarter of local residuals, levels
    (0.72 of the noise's standard deviation). bright: linear luminance that a tenth of the picture, or a
    twentieth of what is round the face, exceeds. black: linear luminance of black, 0 but for faded prints of
    one tone. tone: None for a photograph in full colour; else (2, 3) polynomials in log2 luminance that give
    log2 R/G and log2 B/G, so that a sepia print stays sepia and a grey one grey. fitted: log2 luminances
    between which they hold. colour: 0 for those, 1 for full colour, between where most of it was taken out.
    """

    blur: float
    grain: float
    bright: float
    black: float
    white: White
    tone: NDArray[np.float64] | None
    fitted: tuple[float, float] = (-20.0, 0.0)
    colour: float = 1.0


def read_photo(
    image: NDArray[np.uint8],
    box: tuple[int, int, int, int],
    skin: ArrayLike,
    frame: tuple[int, int, int, int] | None = None,
) -> Photo:
    """Measure ``image`` (h, w, 3) uint8 BGR round the face ``box`` (x0, y0, x1, y1), clipped to it.

    skin: (n, 2) pixels on the uncovered face; grain is read round them, where the eye compares. frame: where
    the photograph itself lies (`frame.photograph_box`); None: everywhere.
    """
    x0, y0, x1, y1 = box
    # a window of 180 px says as much as a larger one, and bounds the cost on large pictures
    top, left = max(y0, (y0 + y1 - 180) // 2), max(x0, (x0 + x1 - 180) // 2)
    whole, curve = np.ascontiguousarray(image), np.zeros((2, 3))
    part = whole[top : min(y1, top + 180), left : min(x1, left + 180)]
    gray = np.asarray(cv2.cvtColor(part, cv2.COLOR_BGR2GRAY), np.uint8)
    white, off, low, high = _colours(whole, box, LINEAR, curve)
    colour = _colourful(off)
    return Photo(
        blur=edge_blur(gray),
        grain=_grain(whole, np.rint(skin).astype(np.int64)),
        bright=_brightness(gray, whole),
        black=_black(whole, frame or (0, 0, whole.shape[1], whole.shape[0])) if colour == 0.0 else 0.0,
        white=White(*(round(number, 4) for number in white)),
        tone=curve if colour < 1.0 else None,
        fitted=(round(low, 3), round(high, 3)),
        colour=colour,
    )


def _colourful(off: float) -> float:
    """How colourful a photograph is, 0..1, that misses one tone at a share ``off`` of its places."""
    t = min(max((off - _TONED) / (_COLOURED - _TONED), 0.0), 1.0)
    return round(t * t * (3.0 - 2.0 * t), 4)


def _brightness(gray: NDArray[np.uint8], image: NDArray[np.uint8]) -> float:
    """Linear luminance of what is bright: near the face or in the whole picture, whichever is more."""
    thin = max(1, max(image.shape[:2]) // 60)
    near, everywhere = _exceeded(gray, 4, 0.05), _exceeded(image[..., 1], thin, 0.10)
    return round(float(LINEAR[max(near, everywhere)]), 4)


def _black(image: NDArray[np.uint8], frame: tuple[int, int, int, int]) -> float:
    """Linear luminance of a faded print's black, in the ``frame`` (x0, y0, x1, y1); 0 for other pictures."""
    x0, y0, x1, y1 = frame
    # JPEG rings beside padding
    green = image[y0 + 6 : y1 - 6, x0 + 6 : x1 - 6, 1]
    if green.size == 0:
        return 0.0
    thin = max(1, max(green.shape) // 150)
    # what 99.95 % exceed is the darkest but for specks
    darkest, dark = (_exceeded(green, thin, 1.0 - share) for share in (_DARKEST, _DARK_SHARE))
    faded = darkest > _FADED_LEVELS and dark - darkest <= _FADED_SPREAD
    return round(float(LINEAR[darkest]), 4) if faded else 0.0


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


@njit(cache=True, nogil=True, error_model="numpy")
def _on_grid(image, box, linear):  # type: ignore[no-untyped-def]
    """Pixels of about twenty rows and columns, evenly over ``image`` and over a ``box`` of it.

    Their green (n,) in levels, linear luminance (n,), and log2 R/G and log2 B/G (n, 2).
    """
    n = 0
    most = 2 * 40 * 40  # less than two steps short of forty
    greens, luminance, ratios = np.empty(most, np.uint8), np.empty(most), np.empty((most, 2))
    for x0, y0, x1, y1 in ((0, 0, image.shape[1], image.shape[0]), box):
        across, down = max(1, (x1 - x0) // 20), max(1, (y1 - y0) // 20)
        for y in range(y0, y1, down):
            for x in range(x0, x1, across):
                b, g, r = linear[image[y, x, 0]], linear[image[y, x, 1]], linear[image[y, x, 2]]
                greens[n], luminance[n] = image[y, x, 1], 0.0722 * b + 0.7152 * g + 0.2126 * r
                ratios[n, 0], ratios[n, 1] = ratios_of(b, g, r)
                n += 1
    return greens[:n], luminance[:n], ratios[:n]


@njit(cache=True, nogil=True, error_model="numpy")
def _colours(image, box, linear, curve):  # type: ignore[no-untyped-def]
    """What looks white, bright and nearly neutral, and what is not warm: the numbers of `White`.

    And the share of places whose chroma is not that of their luminance by ``curve`` (2, 3), in 1e-4, and the
    log2 luminances between which it was fitted.
    """
    greens, luminance, ratios = _on_grid(image, box, linear)
    n, off, low, high = 0, 0.0, 0.0, 0.0
    # near black and white every photograph is grey; black borders must not vote
    for least, most in ((0.02, 0.9), (0.004, 2.0)):
        n, off, low, high = _tone_curve(luminance, ratios, least, most, curve)
        if n >= 100:
            break
    if n < 100:
        curve[:] = 0.0
    else:
        curve[:] = np.rint(curve * 1e4) / 1e4
    white = (*_white_of(greens, ratios), *_cream_of(luminance, ratios))
    return white, 0.0 if n < 100 else off, low, high


@njit(cache=True, nogil=True, error_model="numpy")
def _white_of(greens, ratios):  # type: ignore[no-untyped-def]
    """Share, log2 R/G and log2 B/G of what looks white, and how much is cool (`White`)."""
    seen = cool = n = 0
    reds, blues = np.empty(len(greens)), np.empty(len(greens))
    for i in range(len(greens)):
        if greens[i] <= _DARK_LEVELS:
            continue
        seen += 1
        red, blue = ratios[i, 0], ratios[i, 1]
        cool += red < _WHITE_STOPS and blue > -_WHITE_STOPS
        if greens[i] > _WHITE_LEVELS and max(abs(red), abs(blue)) < _WHITE_STOPS:
            reds[n], blues[n] = red, blue
            n += 1
    share = cool / seen if seen > 0 else 1.0
    if n == 0:
        return 0.0, 0.0, 0.0, share
    return n / len(greens), np.median(reds[:n]), np.median(blues[:n]), share


@njit(cache=True, nogil=True, error_model="numpy")
def _cream_of(luminance, ratios):  # type: ignore[no-untyped-def]
    """``cream``, its two ratios, and ``least_red`` of `White`."""
    top = len(luminance) - 1 - len(luminance) // 33
    least = max(_BRIGHT * np.partition(luminance, top)[top], _DIM)
    bright = n = 0
    every, reds, blues = np.empty(len(luminance)), np.empty(len(luminance)), np.empty(len(luminance))
    for i in range(len(luminance)):
        if luminance[i] < least:
            continue
        every[bright] = ratios[i, 0]
        bright += 1
        # green is of leaves, and what has hardly any blue is yellow itself
        if _NOT_GREEN < ratios[i, 0] < _WHITE_STOPS and ratios[i, 1] > _YELLOW:
            reds[n], blues[n] = ratios[i, 0], ratios[i, 1]
            n += 1
    if bright < 10:
        return 0.0, 0.0, 0.0, 9.0
    least_red = np.partition(every[:bright], bright // 5)[bright // 5]
    if n == 0:
        return 0.0, 0.0, 0.0, least_red
    return n / len(luminance), np.median(reds[:n]), np.median(blues[:n]), least_red


@njit(cache=True, nogil=True, error_model="numpy")
def _tone_curve(luminance, ratios, least, most, curve):  # type: ignore[no-untyped-def]
    """Fit ``curve`` (2, 3); how many places tell, the share of them that it misses by over 0.14, and a range.

    The range is of log2 luminance, least and greatest: nearly all of them lie in it. luminance (n,),
    linear: those between least and most tell; ratios: (n, 2), log2 R/G and log2 B/G.
    """
    n = 0
    e, told = np.empty(len(luminance)), np.empty((len(luminance), 2))
    system, right = np.zeros((3, 3)), np.zeros((3, 2))
    for i in range(len(luminance)):
        if luminance[i] <= least or luminance[i] >= most:
            continue
        e[n] = np.log2(luminance[i])
        told[n, 0], told[n, 1] = ratios[i, 0], ratios[i, 1]
        powers = (1.0, e[n], e[n] * e[n])
        for j in range(3):
            for k in range(3):
                system[j, k] += powers[j] * powers[k]
            right[j, 0] += powers[j] * told[n, 0]
            right[j, 1] += powers[j] * told[n, 1]
        n += 1
    if n < 3:
        return n, 1.0, 0.0, 0.0
    for j in range(3):
        system[j, j] += 1e-6
    fit = solved(system, right)
    missed = 0
    for i in range(n):
        for k in range(2):
            at = fit[0, k] + fit[1, k] * e[i] + fit[2, k] * e[i] * e[i]
            missed += 1 if abs(told[i, k] - at) > 0.14 else 0
    for k in range(2):
        for j in range(3):
            curve[k, j] = fit[j, k]
    few = n * 3 // 100
    ranked = np.partition(e[:n], (few, n - 1 - few))
    return n, missed / (2 * n), ranked[few], ranked[n - 1 - few]
