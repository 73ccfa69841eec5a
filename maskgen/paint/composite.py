"""Laying the painted mask into the photograph, in linear light."""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

F32 = NDArray[np.float32]
U8 = NDArray[np.uint8]


#: entries of the table of `tone_like`, over the square root of luminance
_TONES = 1024


@njit(cache=True, nogil=True, error_model="numpy")
def tone_like(layer: F32, curve: NDArray[np.float64]) -> None:
    """Give ``layer`` (h, w, 4) premultiplied linear BGR the chroma of ``curve`` (2, 3) at its luminance."""
    # a logarithm and two powers for each pixel would cost as much as all the rest of the painting
    ratios, tones = np.empty((_TONES + 1, 2), np.float32), np.float32(_TONES)
    for i in range(_TONES + 1):
        e = np.log2(max((i / _TONES) ** 2, 1e-4))
        for k in range(2):
            ratios[i, k] = 2.0 ** (curve[k, 0] + curve[k, 1] * e + curve[k, 2] * e * e)
    zero, one, lift = np.float32(0.0), np.float32(1.0), np.float32(0.004)
    of_blue, of_green, of_red = np.float32(0.0722), np.float32(0.7152), np.float32(0.2126)
    for y in range(layer.shape[0]):
        for x in range(layer.shape[1]):
            a = layer[y, x, 3]
            if a <= zero:
                continue
            lum = of_blue * layer[y, x, 0] + of_green * layer[y, x, 1] + of_red * layer[y, x, 2]
            lum /= a
            at = np.sqrt(min(max(lum, zero), one)) * tones
            low = np.uint64(min(at, tones - one))
            high, part = low + np.uint64(1), at - np.float32(low)
            red = ratios[low, 0] + part * (ratios[high, 0] - ratios[low, 0])
            blue = ratios[low, 1] + part * (ratios[high, 1] - ratios[low, 1])
            # the curves are of (channel + 0.004) over (green + 0.004)
            green = lum - lift * (of_red * (red - one) + of_blue * (blue - one))
            green = max(green, zero) / (of_red * red + of_green + of_blue * blue)
            layer[y, x, 1] = green * a
            layer[y, x, 2] = max(red * (green + lift) - lift, zero) * a
            layer[y, x, 0] = max(blue * (green + lift) - lift, zero) * a


#: opacity and lost light below which nothing is laid
_FAINT, _SHADE = np.float32(0.004), np.float32(0.003)


@njit(cache=True, nogil=True, error_model="numpy")
def lay(  # type: ignore[no-untyped-def]
    image, layer, left, top, shadow, step, linear, level, grain, grain_sd, gx, gy, alpha, touched
) -> None:
    """Lay ``layer`` over ``image`` in place, in linear light; pixels it does not reach keep their bytes.

    image (h, w, 3) uint8; layer (m, n, 4) premultiplied, its first pixel at (left, top) of the image; shadow:
    share of light lost by what is not covered, a map of every step-th pixel with one row and column to spare;
    linear (256,), level (n,): tables of tone.py; grain: unit noise tile (a power of two wide and high) read
    from (gx, gy), laid on the mask with grain_sd levels. Fills alpha and touched (h, w), 0 before, where
    something is laid.
    """
    h, w = alpha.shape
    most = np.float32(level.shape[0] - 1)
    zero, one, half, small = np.float32(0.0), np.float32(1.0), np.float32(0.5), np.float32(1.0 / step)
    lost = np.empty(shadow.shape[1], np.float32)
    columns, index = np.empty(w, np.int64), np.empty(3 * w, np.int32)
    light, noise = np.empty(3 * w, np.float32), np.empty(w, np.float32)
    for y in range(h):
        first, end = _shaded(shadow, np.float32(y) * small, step, w, lost)
        covered = top <= y < top + layer.shape[0]
        if covered:
            first, end = min(first, left), max(end, left + layer.shape[1])
        grain_row = grain[(y + gy) & (grain.shape[0] - 1)]
        n = 0
        line = image[np.uint64(y)]
        for x in range(first, end):
            at = np.uint64(x)  # else numba asks of every index whether it counts from the end
            fx = np.float32(x) * small
            j = np.uint64(fx)
            gone = lost[j] + (fx - np.float32(j)) * (lost[j + np.uint64(1)] - lost[j])
            b = g = r = a = zero
            if covered and left <= x < left + layer.shape[1]:
                p, q = np.uint64(y - top), np.uint64(x - left)
                b, g, r, a = layer[p, q, 0], layer[p, q, 1], layer[p, q, 2], min(layer[p, q, 3], one)
            if a >= _FAINT:
                alpha[np.uint64(y), at] = a
            elif gone < _SHADE:
                continue
            under = (one - gone) * (one - a)
            if under != zero:
                b += linear[line[at, 0]] * under
                g += linear[line[at, 1]] * under
                r += linear[line[at, 2]] * under
            light[3 * n], light[3 * n + 1], light[3 * n + 2] = b, g, r
            noise[n] = grain_row[np.uint64((x + gx) & (grain.shape[1] - 1))] * grain_sd * a + half
            columns[n] = x
            n += 1
        for i in range(3 * n):  # eight at a time
            index[i] = np.int32(np.sqrt(min(max(light[i], zero), one)) * most + half)
        for i in range(n):
            j = np.uint64(columns[i])
            changed = False
            for k in range(3):
                value = level[np.uint64(index[3 * i + k])] + noise[i]
                byte = np.uint8(min(max(value, zero), np.float32(255.0)))
                changed |= byte != line[j, np.uint64(k)]
                line[j, np.uint64(k)] = byte
            touched[np.uint64(y), j] = changed


@njit(cache=True, nogil=True, error_model="numpy")
def _shaded(shadow, at, step, w, lost):  # type: ignore[no-untyped-def]
    """Row ``at`` of the map, between two, into ``lost``; the columns of ``w`` between which it matters."""
    y0 = int(at)
    part = at - np.float32(y0)
    first, last = len(lost), -1
    for j in range(len(lost)):
        lost[j] = shadow[y0, j] + part * (shadow[y0 + 1, j] - shadow[y0, j])
        if lost[j] >= _SHADE:
            first, last = min(first, j), j
    return min(max((first - 1) * step, 0), w), min((last + 1) * step + 1, w)
