"""Compiled loops of the light estimate: samples of skin, their weights, the plane, what is left over."""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

from ..geometry.rotation import Array
from ..geometry.solve import solved
from .tone import ratios_of

F32 = NDArray[np.float32]
U8 = NDArray[np.uint8]
I64 = NDArray[np.int64]
#: of the skin in view, the share up to which what is burnt out is taken for what shines
_MUCH_BURNT = 0.25


@njit(cache=True, nogil=True, error_model="numpy")
def skin_in_view(  # type: ignore[no-untyped-def]
    image, points, normals, rotation, half, linear, above, which, turned, bgr, bare
) -> tuple[int, int]:
    """Read the places of skin that face the camera within ``image`` (h, w, 3); returns how many, m.

    points (n, 3): their pixels; normals (n, 3): in the head frame. Fills the first m of which (n,), the
    place; turned (n, 3), its normal in camera axes; and bgr (n, 3), the mean linear light of the square of
    side 2 ``half`` + 1 round it, clipped to the picture. Into the first of bare (n, 2), the pixels of those
    that are ``above`` (n,) a mask; their number is returned, too.
    """
    h, w = image.shape[0], image.shape[1]
    m = places = 0
    for i in range(len(points)):
        nx, ny, nz = normals[i, 0], normals[i, 1], normals[i, 2]
        for k in range(3):
            turned[m, k] = rotation[k, 0] * nx + rotation[k, 1] * ny + rotation[k, 2] * nz
        at_x, at_y = int(np.rint(points[i, 0])), int(np.rint(points[i, 1]))
        if at_x < 0 or at_y < 0 or at_x >= w or at_y >= h or turned[m, 2] >= -0.2:
            continue
        x0, x1 = max(at_x - half, 0), min(at_x + half + 1, w)
        y0, y1 = max(at_y - half, 0), min(at_y + half + 1, h)
        b = g = r = np.float32(0.0)
        for y in range(y0, y1):
            for x in range(x0, x1):
                b += linear[image[y, x, 0]]
                g += linear[image[y, x, 1]]
                r += linear[image[y, x, 2]]
        count = np.float32((x1 - x0) * (y1 - y0))
        bgr[m, 0], bgr[m, 1], bgr[m, 2] = b / count, g / count, r / count
        which[m] = i
        m += 1
        if above[i]:
            bare[places, 0], bare[places, 1] = at_x, at_y
            places += 1
    return m, places


@njit(cache=True, nogil=True, error_model="numpy")
def _own_chroma(ratios: Array, sure: Array):  # type: ignore[no-untyped-def]
    """Log2 chroma (2,) of the face's skin and how far it strays, from ``ratios`` (2, n) that are ``sure``."""
    middle, width = np.empty(2), np.empty(2)
    core = np.flatnonzero(sure >= 0.99)
    if len(core) == 0:
        core = np.arange(len(sure))
    for k in range(2):
        middle[k] = np.median(ratios[k][core])
        off = np.sort(np.abs(ratios[k][core] - middle[k]))
        # the wider fifth counts as well: a face between two lamps has two colours
        width[k] = max(2.0 * off[len(off) // 2], off[(4 * len(off)) // 5], 0.12)
    return middle, width


@njit(cache=True, nogil=True, error_model="numpy")
def weigh(bgr: F32, turned: Array, prior: Array):  # type: ignore[no-untyped-def]
    """Stops (n,) of the samples ``bgr`` (n, 3), how much each counts (n,), and the skin's log2 chroma, width.

    A sample counts by ``prior`` (n,), by how much it looks like the face's own skin, and by how much it faces
    the camera. Burnt-out ones have no colour, and do not count: unless they are so many that they are not
    what shines but what is lit.
    """
    n = len(prior)
    ratios, stops, weight, sure = np.empty((2, n)), np.empty(n), np.empty(n), np.empty(n)
    luminance, faces = np.empty(n), np.empty(n)
    left = 0
    burnt = whole = 0.0
    for i in range(n):
        b, g, r = bgr[i, 0], bgr[i, 1], bgr[i, 2]
        luminance[i] = np.float32(0.0722) * b + np.float32(0.7152) * g + np.float32(0.2126) * r
        stops[i] = np.log2(max(luminance[i], 0.003))
        ratios[0, i], ratios[1, i] = ratios_of(b, g, r)
        faces[i] = min(max(-turned[i, 2] * 1.5, 0.2), 1.0)
        sure[i] = prior[i] if max(b, g, r) < np.float32(0.97) else 0.0
        left += sure[i] >= 0.99
        whole += prior[i] * faces[i]
        burnt += (prior[i] - sure[i]) * faces[i]
    if left < 20:
        sure[:] = prior
    middle, width = _own_chroma(ratios, sure)
    lit = burnt > _MUCH_BURNT * whole
    usual = np.median(luminance)
    for i in range(n):
        # in the dark, noise and JPEG leave no chroma to judge by: skin in shadow must not be thrown away,
        # nor lit skin where most of the face is dark
        doubt = 1.0 + 0.02 / max(min(luminance[i], usual), 0.001)
        off = 0.0
        for k in range(2):
            off += ((ratios[k, i] - middle[k]) / width[k] / doubt) ** 2
        if lit and sure[i] == 0.0:
            weight[i] = prior[i] * faces[i]
        else:
            weight[i] = sure[i] / (1.0 + off * off) * faces[i]
    return stops, weight, middle, width


@njit(cache=True, nogil=True, error_model="numpy")
def robust_plane(  # type: ignore[no-untyped-def]
    normals: Array, stops: Array, given: Array, prior: Array, prior_weight: float
):
    """Gradient and constant (4,), weights (n,) and spread of stops = gradient . n + c, by Cauchy weights."""
    n = len(stops)
    weight = given + 1e-6
    w = weight.copy()
    solution = np.append(prior, 0.0)
    miss = np.zeros(n)
    counted = np.empty(n)
    spread = 1.0
    for _ in range(5):
        # each sample counts alike whatever their number, so that the prior means the same on any face
        share = 200.0 / max(w.sum(), 1e-9)
        system, right = np.zeros((4, 4)), np.zeros((4, 1))
        for i in range(n):
            row = (normals[i, 0], normals[i, 1], normals[i, 2], 1.0)
            for j in range(4):
                right[j, 0] += share * w[i] * row[j] * stops[i]
                for k in range(4):
                    system[j, k] += share * w[i] * row[j] * row[k]
        for j in range(3):
            system[j, j] += prior_weight * spread * spread
            right[j, 0] += prior_weight * spread * spread * prior[j]
        system[3, 3] += 1e-9
        solution = solved(system, right)[:, 0]
        m = 0
        for i in range(n):
            plane = normals[i, 0] * solution[0] + normals[i, 1] * solution[1] + normals[i, 2] * solution[2]
            miss[i] = stops[i] - plane - solution[3]
            if weight[i] > 0.1:
                counted[m] = abs(miss[i])
                m += 1
        if m > 0:
            spread = max(1.4826 * np.median(counted[:m]), 0.08)
        for i in range(n):
            w[i] = weight[i] / (1.0 + (miss[i] / (2.0 * spread)) ** 2)
    return solution, w, spread


@njit(cache=True, nogil=True, error_model="numpy")
def left_over(  # type: ignore[no-untyped-def]
    stops, normals, plane, weight, which, twin, shared, limit
):
    """Stops (m,) that the plane leaves over, with most of what both halves of the face share taken out.

    A beard, a tan or a hollow cheek is on both sides; a shadow is on one. Where the other side is not seen
    there is no telling, and half is kept. which (m,): the places; twin (n,): each one's on the other side.
    """
    whole, known = np.zeros(len(twin)), np.zeros(len(twin))
    for i in range(len(which)):
        expected = normals[i, 0] * plane[0] + normals[i, 1] * plane[1] + normals[i, 2] * plane[2] + plane[3]
        whole[which[i]] = min(max(stops[i] - expected, -limit), limit)
        known[which[i]] = weight[i]
    out = np.empty(len(which))
    for i in range(len(which)):
        miss, other, seen = whole[which[i]], whole[twin[which[i]]], known[twin[which[i]]]
        share = seen / (seen + weight[i] + 1e-9)  # 1/2 where both are as sure
        both = (1.0 - share) * miss + share * other
        out[i] = miss - (1.0 - shared) * both if seen > 0.02 else 0.5 * miss
    return out


@njit(cache=True, nogil=True, error_model="numpy")
def scatter(  # type: ignore[no-untyped-def]
    points, which, to_map, miss, weight, out
) -> None:
    """Sums of weighted stops and of weights about each pixel of the left-over map, into ``out`` (h, w, 2)."""
    h, w = out.shape[0], out.shape[1]
    factor, x0, y0 = to_map
    for i in range(len(which)):
        x = int(np.rint((points[which[i], 0] - x0) * factor))
        y = int(np.rint((points[which[i], 1] - y0) * factor))
        at = out[min(max(y, 0), h - 1), min(max(x, 0), w - 1)]
        at[0] += miss[i] * weight[i]
        at[1] += weight[i]


@njit(cache=True, nogil=True, error_model="numpy")
def lit_level(stops: Array, order: I64, weight: Array, share: float) -> float:
    """The stops below which ``share`` of the weight lies. order: that of rising stops."""
    wanted, total = share * weight.sum(), 0.0
    for i in order:
        total += weight[i]
        if total >= wanted:
            return stops[i]
    return stops[order[-1]]


@njit(cache=True, nogil=True, error_model="numpy")
def explained(  # type: ignore[no-untyped-def]
    bgr: F32, normals: Array, which: I64, points: F32, prior: Array, twin, held, kept, lit, to_map, sums
):
    """The light on samples ``bgr`` (m, 3) of skin with ``normals`` (m, 3), from the places ``which`` (m,).

    points (n, 3), prior, twin (n,): of all places; held: gradient and weight that `robust_plane` is held to;
    kept: shares and limit of `left_over`; lit: shares of `lit_level`, of lit skin, of skin in the shade,
    of what is lit best. Returns the plane (4,), its spread, how many samples count, the three levels in
    stops, and the skin's chroma and its width, (2,) each; arrays are rounded to 1e-4. What is left over goes
    into ``sums`` (h, w, 2), as `scatter` puts it.
    """
    sure = prior[which]
    stops, weight, chroma, width = weigh(bgr, normals, sure)
    plane, used, spread = robust_plane(normals, stops, weight, held[0], held[1])
    miss = left_over(stops, normals, plane, weight, which, twin, kept[0], kept[1])
    scatter(points, which, to_map, miss, weight, sums)
    samples = 0
    for i in range(len(used)):
        samples += used[i] > 0.2 * sure[i]
    order = np.argsort(stops)
    levels = (
        lit_level(stops, order, used, lit[0]),
        lit_level(stops, order, weight, lit[1]),
        lit_level(stops, order, weight, lit[2]),
    )
    return _rounded(plane), spread, samples, levels, _rounded(chroma), _rounded(width)


@njit(cache=True, nogil=True, error_model="numpy")
def _rounded(numbers: Array) -> Array:
    return np.rint(numbers * 1e4) / 1e4


@njit(cache=True, nogil=True, error_model="numpy")
def settled(sums: F32, out: F32) -> None:
    """Mean stops of blurred ``sums`` (h, w, 2), fading where few samples tell, into ``out`` (h, w).

    Rounded to 1e-3.
    """
    most = np.float32(0.0)
    for y in range(out.shape[0]):
        for x in range(out.shape[1]):
            most = max(most, sums[y, x, 1])
    floor, steps = np.float32(0.15 * most + 1e-6), np.float32(1e3)
    for y in range(out.shape[0]):
        for x in range(out.shape[1]):
            out[y, x] = np.rint(sums[y, x, 0] / (sums[y, x, 1] + floor) * steps) / steps
