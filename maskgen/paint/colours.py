"""What a picture's colours say: whether it is grey, toned or in colour, and what colour its light has."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from ..geometry.solve import solved
from .tone import LINEAR, ratios_of

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


class Tone(NamedTuple):
    """The chroma that each luminance has in a print that is not in full colour.

    curve: (2, 3) polynomials in log2 luminance that give log2 R/G and log2 B/G. dark, bright: log2 luminances
    between which they hold. colour: 0 for a print of one tone, up to 1 for full colour: how much of its own
    chroma what is painted into it keeps.
    """

    curve: NDArray[np.float64]
    dark: float
    bright: float
    colour: float


def read_colours(image: NDArray[np.uint8], box: tuple[int, int, int, int]) -> tuple[White, Tone | None]:
    """What the colours of ``image`` (h, w, 3) uint8 BGR say, all over and in the face's ``box``.

    The tone is None for a photograph in full colour.
    """
    curve = np.zeros((2, 3))
    white, off, low, high = _colours(image, box, LINEAR, curve)
    colour = _colourful(off)
    tone = Tone(curve, round(low, 3), round(high, 3), colour) if colour < 1.0 else None
    return White(*(round(number, 4) for number in white)), tone


def _colourful(off: float) -> float:
    """How colourful a photograph is, 0..1, that misses one tone at a share ``off`` of its places."""
    t = min(max((off - _TONED) / (_COLOURED - _TONED), 0.0), 1.0)
    return round(t * t * (3.0 - 2.0 * t), 4)


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
