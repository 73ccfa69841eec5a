"""A rough map drawn onto the edges of a picture: the fast guided filter (He and Sun 2015).

The guided filter (He, Sun, Tang 2013) makes a map locally an affine function of a colour picture's channels,
so that its border lies where the picture's does. The coefficients change slowly: they are found on a thinned
picture, and only spread out and applied at full size.
"""

from __future__ import annotations

import cv2
import numpy as np
from numba import njit
from numpy.typing import NDArray

F32 = NDArray[np.float32]
U8 = NDArray[np.uint8]
#: half the side of the filter's square, in pixels of the thinned picture
_THINNED_RADIUS = 2


@njit(cache=True, nogil=True, error_model="numpy")
def _moments(guide: U8, values: F32, out: F32) -> None:
    """Of each pixel, into ``out`` (h, w, 13): guide 3, value, guide times value 3, guide times guide 6."""
    h, w = values.shape
    scale = np.float32(1.0 / 255.0)
    for y in range(h):
        for x in range(w):
            v = values[y, x]
            b, g, r = guide[y, x, 0] * scale, guide[y, x, 1] * scale, guide[y, x, 2] * scale
            m = out[y, x]
            m[0], m[1], m[2], m[3] = b, g, r, v
            m[4], m[5], m[6] = b * v, g * v, r * v
            m[7], m[8], m[9] = b * b, g * g, r * r
            m[10], m[11], m[12] = b * g, b * r, g * r


@njit(cache=True, nogil=True, error_model="numpy")
def _coefficients(mean: F32, ridge: float, out: F32) -> None:
    """The affine map (h, w, 4) from guide to value about each pixel, from ``mean`` moments (h, w, 13)."""
    h, w = mean.shape[0], mean.shape[1]
    for y in range(h):
        for x in range(w):
            m = mean[y, x]
            b, g, r, v = m[0], m[1], m[2], m[3]
            # covariance of the guide, by its six different entries, and with the value
            bb, gg, rr = m[7] - b * b + ridge, m[8] - g * g + ridge, m[9] - r * r + ridge
            bg, br, gr = m[10] - b * g, m[11] - b * r, m[12] - g * r
            bv, gv, rv = m[4] - b * v, m[5] - g * v, m[6] - r * v
            # its adjugate, which is symmetric too
            i00, i11, i22 = gg * rr - gr * gr, bb * rr - br * br, bb * gg - bg * bg
            i01, i02, i12 = br * gr - bg * rr, bg * gr - br * gg, bg * br - bb * gr
            inv = 1.0 / (bb * i00 + bg * i01 + br * i02)
            a0 = (i00 * bv + i01 * gv + i02 * rv) * inv
            a1 = (i01 * bv + i11 * gv + i12 * rv) * inv
            a2 = (i02 * bv + i12 * gv + i22 * rv) * inv
            out[y, x, 0], out[y, x, 1], out[y, x, 2] = a0, a1, a2
            out[y, x, 3] = v - a0 * b - a1 * g - a2 * r


@njit(cache=True, nogil=True, error_model="numpy")
def _apply(guide: U8, coefficients: F32, out: F32) -> None:
    h, w = out.shape
    scale = np.float32(1.0 / 255.0)
    for y in range(h):
        for x in range(w):
            k = coefficients[y, x]
            b, g, r = guide[y, x, 0] * scale, guide[y, x, 1] * scale, guide[y, x, 2] * scale
            out[y, x] = k[0] * b + k[1] * g + k[2] * r + k[3]


def guided(guide: U8, values: F32, radius: int, ridge: float) -> F32:
    """``values`` (h, w) as a local affine function of the picture ``guide`` (h, w, 3) uint8, about 0..1.

    radius: half the side of the squares the function is fitted to, pixels. ridge: contrast below which the
    picture says nothing, as a variance of channels 0..1.
    """
    h, w = values.shape
    step = max(1, round(radius / _THINNED_RADIUS))
    size = max(2, -(-w // step)), max(2, -(-h // step))
    small = np.asarray(cv2.resize(guide, size, interpolation=cv2.INTER_AREA), np.uint8)
    thinned = np.asarray(cv2.resize(values, size, interpolation=cv2.INTER_AREA), np.float32)
    side = (2 * round(radius / step) + 1,) * 2
    moments = np.empty((*thinned.shape, 13), np.float32)
    _moments(small, thinned, moments)
    coefficients = np.empty((*thinned.shape, 4), np.float32)
    mean = cv2.blur(moments, side, borderType=cv2.BORDER_REFLECT)
    _coefficients(np.asarray(mean, np.float32), ridge, coefficients)
    coefficients = cv2.resize(cv2.blur(coefficients, side, borderType=cv2.BORDER_REFLECT), (w, h))
    out = np.empty((h, w), np.float32)
    _apply(guide, np.asarray(coefficients, np.float32), out)
    return out
