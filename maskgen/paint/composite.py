"""Laying the painted mask into the photograph, in linear light."""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

F32 = NDArray[np.float32]
U8 = NDArray[np.uint8]


@njit(cache=True, nogil=True, error_model="numpy")
def tone_like(layer: F32, curve: NDArray[np.float64]) -> None:
    """Give ``layer`` (h, w, 4) premultiplied linear BGR the chroma of ``curve`` (2, 3) at its luminance."""
    h, w = layer.shape[0], layer.shape[1]
    for y in range(h):
        for x in range(w):
            a = layer[y, x, 3]
            if a <= 0.0:
                continue
            lum = (0.0722 * layer[y, x, 0] + 0.7152 * layer[y, x, 1] + 0.2126 * layer[y, x, 2]) / a
            e = np.log2(max(lum, 1e-4))
            red = 2.0 ** (curve[0, 0] + curve[0, 1] * e + curve[0, 2] * e * e)
            blue = 2.0 ** (curve[1, 0] + curve[1, 1] * e + curve[1, 2] * e * e)
            # the curves are of (channel + 0.004) over (green + 0.004)
            green = max((lum - 0.2126 * (red - 1.0) * 0.004 - 0.0722 * (blue - 1.0) * 0.004), 0.0) / (
                0.2126 * red + 0.7152 + 0.0722 * blue
            )
            layer[y, x, 1] = green * a
            layer[y, x, 2] = max(red * (green + 0.004) - 0.004, 0.0) * a
            layer[y, x, 0] = max(blue * (green + 0.004) - 0.004, 0.0) * a


@njit(cache=True, nogil=True, error_model="numpy")
def lay(  # type: ignore[no-untyped-def]
    image, layer, shadow, step, linear, level, grain, grain_sd, gx, gy, alpha, touched
) -> None:
    """Lay ``layer`` over ``image`` in place, in linear light; pixels it does not reach keep their bytes.

    image (h, w, 3) uint8; layer (h, w, 4) premultiplied; shadow: share of light lost by what is not covered,
    a map of every step-th pixel with one row and column to spare; linear (256,), level (n,): tables of
    tone.py; grain: unit noise tile (a power of two wide and high) read from (gx, gy), laid on the mask with
    grain_sd levels. Fills alpha (h, w) and touched (h, w).
    """
    h, w = alpha.shape
    n = np.float32(level.shape[0] - 1)
    last_y, last_x = grain.shape[0] - 1, grain.shape[1] - 1
    zero, one, small = np.float32(0.0), np.float32(1.0), np.float32(1.0) / np.float32(step)
    row = np.empty(shadow.shape[1], np.float32)
    for y in range(h):
        fy = np.float32(y) * small
        y0 = int(fy)
        fy -= np.float32(y0)
        for j in range(shadow.shape[1]):
            row[j] = shadow[y0, j] + fy * (shadow[y0 + 1, j] - shadow[y0, j])
        for x in range(w):
            a = min(layer[y, x, 3], one)
            fx = np.float32(x) * small
            x0 = int(fx)
            lost = row[x0] + (fx - np.float32(x0)) * (row[x0 + 1] - row[x0])
            if a < np.float32(0.004):
                alpha[y, x] = zero
                if lost < np.float32(0.003):
                    continue
            else:
                alpha[y, x] = a
            noise = grain[(y + gy) & last_y, (x + gx) & last_x] * grain_sd * a + np.float32(0.5)
            under = (one - lost) * (one - a)
            changed = False
            for k in range(3):
                v = linear[image[y, x, k]] * under + layer[y, x, k]
                v = min(max(v, zero), one)
                q = level[int(np.sqrt(v) * n + np.float32(0.5))] + noise
                byte = np.uint8(min(max(q, zero), np.float32(255.0)))
                changed |= byte != image[y, x, k]
                image[y, x, k] = byte
            touched[y, x] = changed
