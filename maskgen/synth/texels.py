"""Texels in eight bytes: reflectance, gloss and relief of skin and fabrics, packed for the sake of caches.

A head's shading reads four texels at each point, nearly all of them for the first time: it waits for memory
more than it computes, so a third of the bytes is a third of the waiting. Reflectance is kept as its square
root, whose steps (0.06 % of white's) are finer than a picture's in the darkest hair.
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit
from numpy import float32 as f32
from numpy.typing import NDArray

from .compiled import FINITE
from .shade import A0, A1, BLUE, CHUNK, GLOSS, GREEN, RED, U0, V0

#: words of a texel: red (11 bits), green (11), blue (10); gloss (10), slopes of the relief in u, v (11, 11)
WORDS = 2
#: the largest square root of a reflectance, gloss, and slope that a texel holds
ROOT, GLOSSY, STEEP = 1.2, 2.0, 3.0
_MOST_11, _MOST_10 = f32(2047.0), f32(1023.0)
_ROOT_11, _ROOT_10 = f32(2047.0 / ROOT), f32(1023.0 / ROOT)
_GLOSS_10, _SLOPE_11 = f32(1023.0 / GLOSSY), f32(1023.0 / STEEP)
#: the slope 0
_LEVEL = f32(1023.0)


@njit(cache=True, fastmath=FINITE, error_model="numpy", inline="always")
def _step(x, most):  # type: ignore[no-untyped-def]
    return np.uint32(np.int32(min(max(x + f32(0.5), f32(0.0)), most)))


@njit(cache=True, fastmath=FINITE, error_model="numpy", inline="always")
def colour_word(red, green, blue):  # type: ignore[no-untyped-def]
    """First word of a texel; reflectances 0 or more, held below ROOT squared."""
    word = _step(math.sqrt(red) * _ROOT_11, _MOST_11) | _step(math.sqrt(green) * _ROOT_11, _MOST_11) << 11
    return np.uint32(word | _step(math.sqrt(blue) * _ROOT_10, _MOST_10) << 22)


@njit(cache=True, fastmath=FINITE, error_model="numpy", inline="always")
def relief_word(gloss, along_u, along_v):  # type: ignore[no-untyped-def]
    """Second word of a texel; gloss 0 .. GLOSSY, slopes -STEEP .. STEEP."""
    u, v = _step(along_u * _SLOPE_11 + _LEVEL, _MOST_11), _step(along_v * _SLOPE_11 + _LEVEL, _MOST_11)
    return np.uint32(_step(gloss * _GLOSS_10, _MOST_10) | u << 10 | v << 21)


@njit(cache=True, fastmath=FINITE, error_model="numpy")
def _pack(texture):  # type: ignore[no-untyped-def]
    height, width = texture.shape[:2]
    out = np.empty((height, width, WORDS), np.uint32)
    for i in range(height):
        for j in range(width):
            t = texture[i, j]
            out[i, j, 0], out[i, j, 1] = colour_word(t[0], t[1], t[2]), relief_word(t[3], t[4], t[5])
    return out


def packed(texture: NDArray[np.float32]) -> NDArray[np.uint32]:
    """Texels (h, w, WORDS) of (h, w, 6): linear reflectance (3), gloss, slopes in u and v."""
    texels: NDArray[np.uint32] = _pack(np.asarray(texture, np.float32))
    return texels


@njit(cache=True, fastmath=FINITE, error_model="numpy", inline="always")
def _part(word, shift, most):  # type: ignore[no-untyped-def]
    return f32(np.int32((word >> np.uint32(shift)) & np.uint32(most)))


@njit(cache=True, fastmath=FINITE, error_model="numpy", inline="always")
def _between(a, b, c, d, shift, most, fu, fv):  # type: ignore[no-untyped-def]
    top, low = _part(a, shift, most), _part(c, shift, most)
    top += fu * (_part(b, shift, most) - top)
    low += fu * (_part(d, shift, most) - low)
    return top + fv * (low - top)


@njit(cache=True, fastmath=FINITE, error_model="numpy", inline="always")
def _place(u, v, width, height):  # type: ignore[no-untyped-def]
    """Place (u, v) held inside the map; beyond the right edge it is mirrored back."""
    right = f32(width - 1)
    u = min(u, f32(2.0) * right - u)
    return min(max(u, f32(0.0)), right - f32(0.01)), min(max(v, f32(0.0)), f32(height) - f32(1.01))


@njit(cache=True, fastmath=FINITE, error_model="numpy")
def _collect(p, n, texture, words):  # type: ignore[no-untyped-def]
    """The four texels about each of n points: words (8 * CHUNK,), first those of colour, then of relief."""
    height, width = texture.shape[:2]
    flat, row, one, two = texture.reshape(-1), np.uint64(width * 2), np.uint64(1), np.uint64(2)
    for i in range(min(n, CHUNK)):
        u, v = _place(p[A0 + i], p[A1 + i], width, height)
        at = np.uint64(np.uint32(v)) * row + np.uint64(np.uint32(u)) * two
        words[i], words[4 * CHUNK + i] = flat[at], flat[at + one]
        words[CHUNK + i], words[5 * CHUNK + i] = flat[at + two], flat[at + two + one]
        at += row
        words[2 * CHUNK + i], words[6 * CHUNK + i] = flat[at], flat[at + one]
        words[3 * CHUNK + i], words[7 * CHUNK + i] = flat[at + two], flat[at + two + one]


@njit(cache=True, fastmath=FINITE, error_model="numpy")
def fetch(p, n, texture):  # type: ignore[no-untyped-def]
    """Bilinear texels of texture (h, w, WORDS) at A0, A1 into the rows RED to BLUE, GLOSS, U0 and V0."""
    height, width = texture.shape[:2]
    words = np.empty(8 * CHUNK, np.uint32)
    _collect(p, n, texture, words)
    # jumps and scattered reads are done: this loop becomes vector instructions
    for i in range(CHUNK):
        u, v = _place(p[A0 + i], p[A1 + i], width, height)
        fu, fv = u - f32(np.int32(u)), v - f32(np.int32(v))
        a, b, c, d = words[i], words[CHUNK + i], words[2 * CHUNK + i], words[3 * CHUNK + i]
        red = _between(a, b, c, d, 0, 2047, fu, fv) * f32(ROOT / 2047.0)
        green = _between(a, b, c, d, 11, 2047, fu, fv) * f32(ROOT / 2047.0)
        blue = _between(a, b, c, d, 22, 1023, fu, fv) * f32(ROOT / 1023.0)
        p[RED + i], p[GREEN + i], p[BLUE + i] = red * red, green * green, blue * blue
        a, b, c, d = (
            words[4 * CHUNK + i], words[5 * CHUNK + i], words[6 * CHUNK + i], words[7 * CHUNK + i]
        )  # fmt: skip
        p[GLOSS + i] = _between(a, b, c, d, 0, 1023, fu, fv) * f32(GLOSSY / 1023.0)
        p[U0 + i] = (_between(a, b, c, d, 10, 2047, fu, fv) - _LEVEL) * f32(STEEP / 1023.0)
        p[V0 + i] = (_between(a, b, c, d, 21, 2047, fu, fv) - _LEVEL) * f32(STEEP / 1023.0)
