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
def tone_like(layer: F32, curve: NDArray[np.float64], dark: float, bright: float, colour: float) -> None:
    """Give ``layer`` (h, w, 4) premultiplied linear BGR the chroma of a `colours.Tone` at its luminance.

    colour: 0..1 of its own chroma is left.
    """
    # a logarithm and two powers for each pixel would cost as much as all the rest of the painting
    ratios, tones = np.empty((_TONES + 1, 2), np.float32), np.float32(_TONES)
    for i in range(_TONES + 1):
        e = min(max(np.log2(max((i / _TONES) ** 2, 1e-4)), dark), bright)
        for k in range(2):
            ratios[i, k] = 2.0 ** (curve[k, 0] + curve[k, 1] * e + curve[k, 2] * e * e)
    zero, one, lift, own = np.float32(0.0), np.float32(1.0), np.float32(0.004), np.float32(colour)
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
            red, blue = max(red * (green + lift) - lift, zero), max(blue * (green + lift) - lift, zero)
            layer[y, x, 0] = own * layer[y, x, 0] + (one - own) * blue * a
            layer[y, x, 1] = own * layer[y, x, 1] + (one - own) * green * a
            layer[y, x, 2] = own * layer[y, x, 2] + (one - own) * red * a


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
    zero, one, half, small = np.float32(0.0), np.float32(1.0), np.float32(0.5), np.float32(1.0 / step)
    lost, columns = np.empty(shadow.shape[1], np.float32), np.empty(w, np.int64)
    light, noise = np.empty(3 * w, np.float32), np.empty(3 * w, np.float32)
    index, stored = np.empty(3 * w, np.int32), np.empty(3 * w, np.uint8)
    for y in range(h):
        first, end = _shaded(shadow, np.float32(y) * small, step, w, lost)
        covered = top <= y < top + layer.shape[0]
        if covered:
            first, end = min(first, left), max(end, left + layer.shape[1])
        grain_row = grain[(y + gy) & (grain.shape[0] - 1)]
        n = 0
        line, opacity = image[np.uint64(y)], alpha[np.uint64(y)]
        for x in range(first, end):
            at = np.uint64(x)  # else numba asks of every index whether it counts from the end
            b = g = r = a = zero
            if covered and left <= x < left + layer.shape[1]:
                p, q = np.uint64(y - top), np.uint64(x - left)
                b, g, r, a = layer[p, q, 0], layer[p, q, 1], layer[p, q, 2], min(layer[p, q, 3], one)
            if a < one:
                fx = np.float32(x) * small
                j = np.uint64(fx)
                gone = lost[j] + (fx - np.float32(j)) * (lost[j + np.uint64(1)] - lost[j])
                if a < _FAINT and gone < _SHADE:
                    continue
                under = (one - gone) * (one - a)
                b += linear[line[at, 0]] * under
                g += linear[line[at, 1]] * under
                r += linear[line[at, 2]] * under
            if a >= _FAINT:
                opacity[at] = a
            i = np.uint64(3 * n)
            light[i], light[i + np.uint64(1)], light[i + np.uint64(2)] = b, g, r
            own = grain_row[np.uint64((x + gx) & (grain.shape[1] - 1))] * grain_sd * a + half
            noise[i], noise[i + np.uint64(1)], noise[i + np.uint64(2)] = own, own, own
            columns[n] = x
            n += 1
        _put(n, columns, light, noise, level, index, stored, line, touched[np.uint64(y)])


@njit(cache=True, nogil=True, error_model="numpy")
def _put(n, columns, light, noise, level, index, stored, line, touched) -> None:  # type: ignore[no-untyped-def]
    """Linear ``light`` (3 n,) and ``noise`` (3 n,) in levels into ``n`` ``columns`` of a ``line`` (w, 3).

    touched (w,): whether that changed them; index, stored: scratch. One thing after the other for the whole
    row, so that the compiler does eight numbers at once where no table is asked.
    """
    zero, one, half = np.float32(0.0), np.float32(1.0), np.float32(0.5)
    most = np.float32(level.shape[0] - 1)
    for i in range(3 * n):
        index[i] = np.int32(np.sqrt(min(max(light[i], zero), one)) * most + half)
    for i in range(3 * n):
        light[i] = level[np.uint64(index[i])]
    for i in range(3 * n):
        stored[i] = np.uint8(np.int32(min(max(light[i] + noise[i], zero), np.float32(255.0))))
    for i in range(n):
        j, k = np.uint64(columns[i]), np.uint64(3 * i)
        b, g, r = stored[k], stored[k + np.uint64(1)], stored[k + np.uint64(2)]
        touched[j] = (b != line[j, 0]) | (g != line[j, 1]) | (r != line[j, 2])
        line[j, 0], line[j, 1], line[j, 2] = b, g, r


@njit(cache=True, nogil=True, error_model="numpy")
def _shaded(shadow, at, step, w, lost):  # type: ignore[no-untyped-def]
    """Row ``at`` of the map, between two, into ``lost``; the columns of ``w`` between which it matters."""
    y0 = int(at)
    part, upper, lower = at - np.float32(y0), shadow[y0], shadow[y0 + 1]
    for j in range(len(lost)):
        lost[j] = upper[j] + part * (lower[j] - upper[j])
    first, last = 0, len(lost) - 1
    while first <= last and lost[first] < _SHADE:
        first += 1
    while last > first and lost[last] < _SHADE:
        last -= 1
    return min(max((first - 1) * step, 0), w), min((last + 1) * step + 1, w) if first <= last else 0
