"""How far each band is seen: ear loops end where hair covers the ear, all where the photograph ends.

Datasets pad and warp their pictures; what is exactly black beyond the photograph's edge takes no strap.
"""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

from ..masks.spec import MaskSpec
from .light import Light
from .raster import FAR
from .straps import STRAP_POINTS
from .tone import LINEAR

F32 = NDArray[np.float32]
#: places along and across a band where the picture under it is looked at
_BINS, _ACROSS = 12, 3
#: mean likeness to skin (or share of photograph) below which a stretch of band is taken to lie under hair
_LEAST_SKIN = 0.30
#: points of a band over which an ear loop sinks in where it ends
_SINKS = np.float32(2.5)
#: a band whose far end lies behind this, mm, runs round the head and over the hair
_BEHIND_EAR_MM = 135.0


@njit(cache=True, nogil=True, error_model="numpy")
def _reaches(  # type: ignore[no-untyped-def]
    image, xyz, normals, head_depth, slack, linear, model, first, behind, reach
) -> None:
    """Fill ``reach`` (bands,): where along each band skin, or the photograph, is first lost."""
    h, w = head_depth.shape
    like, filled, count = np.zeros(_BINS), np.zeros(_BINS), np.zeros(_BINS)
    for band in range(reach.shape[0]):
        start = first + band * 2 * STRAP_POINTS
        like[:], filled[:], count[:] = 0.0, 0.0, 0.0
        for k in range(_BINS):
            at = (k + 0.5) / _BINS * (STRAP_POINTS - 1)
            i = int(at)
            along = at - i
            for j in range(_ACROSS):
                across = (j + 0.5) / _ACROSS
                w00, w01 = (1 - across) * (1 - along), (1 - across) * along
                w10, w11 = across * (1 - along), across * along
                a, b = start + i, start + STRAP_POINTS + i
                px = w00 * xyz[a, 0] + w01 * xyz[a + 1, 0] + w10 * xyz[b, 0] + w11 * xyz[b + 1, 0]
                py = w00 * xyz[a, 1] + w01 * xyz[a + 1, 1] + w10 * xyz[b, 1] + w11 * xyz[b + 1, 1]
                pz = w00 * xyz[a, 2] + w01 * xyz[a + 1, 2] + w10 * xyz[b, 2] + w11 * xyz[b + 1, 2]
                x, y = int(np.floor(px + 0.5)), int(np.floor(py + 0.5))
                if x < 0 or y < 0 or x >= w or y >= h:
                    continue
                if head_depth[y, x] < FAR and head_depth[y, x] + slack < pz:
                    continue
                nx, ny, nz = normals[a, 0], normals[a, 1], normals[a, 2]
                if nz > 0.0:
                    nx, ny, nz = -nx, -ny, -nz
                b_, g_, r_ = linear[image[y, x, 0]], linear[image[y, x, 1]], linear[image[y, x, 2]]
                stops = np.log2(max(0.0722 * b_ + 0.7152 * g_ + 0.2126 * r_, 0.003))
                dark = (stops - (model[0] * nx + model[1] * ny + model[2] * nz + model[3])) / 1.3
                red = (np.log2((r_ + 0.004) / (g_ + 0.004)) - model[4]) / model[6]
                blue = (np.log2((b_ + 0.004) / (g_ + 0.004)) - model[5]) / model[7]
                like[k] += np.exp(-0.5 * dark * dark) / (1.0 + (0.25 * (red * red + blue * blue)) ** 2)
                filled[k] += 1.0 if max(image[y, x, 0], image[y, x, 1], image[y, x, 2]) > 6 else 0.0
                count[k] += 1.0
        reach[band] = _first_lost(filled, count)
        if not behind[band]:
            reach[band] = min(reach[band], _first_lost(like, count))


@njit(cache=True, nogil=True, error_model="numpy")
def _first_lost(total, count):  # type: ignore[no-untyped-def]
    """Where the mean total / count (bins,) first falls too low, over two neighbouring bins that were seen."""
    last = -1
    for k in range(count.shape[0]):
        if count[k] == 0.0:
            continue
        if last >= 0 and 0.5 * (total[last] / count[last] + total[k] / count[k]) < _LEAST_SKIN:
            return last / count.shape[0]
        last = k
    if last >= 0 and total[last] / count[last] < _LEAST_SKIN:
        return last / count.shape[0]
    return 1.0


@njit(cache=True, nogil=True, error_model="numpy")
def _cut(xyz, first, behind, reach) -> None:  # type: ignore[no-untyped-def]
    """End each band at its ``reach``, in place: vertices beyond are drawn in to there.

    An ear loop that is lost on its way narrows to nothing before that: it sinks in between hairs. One that
    arrives goes behind the ear as wide as it is.
    """
    for band in range(reach.shape[0]):
        end = reach[band] * (STRAP_POINTS - 1)
        i = min(int(end), STRAP_POINTS - 2)
        f = np.float32(end - i)
        left, right = first + 2 * band * STRAP_POINTS, first + (2 * band + 1) * STRAP_POINTS
        for edge in (left, right):
            for k in range(xyz.shape[1]):
                last = xyz[edge + i, k] + f * (xyz[edge + i + 1, k] - xyz[edge + i, k])
                for j in range(i + 1, STRAP_POINTS):
                    xyz[edge + j, k] = last
        if behind[band] or reach[band] >= np.float32(1.0):
            continue
        for j in range(STRAP_POINTS):
            narrow = np.float32(0.5) * max(np.float32(1.0) - np.float32(end - j) / _SINKS, np.float32(0.0))
            for k in range(xyz.shape[1]):
                across = min(narrow, np.float32(0.5)) * (xyz[right + j, k] - xyz[left + j, k])
                xyz[left + j, k] += across
                xyz[right + j, k] -= across


def cut_bands(
    image: NDArray[np.uint8], points: F32, normals: F32, head_depth: F32, slack: float, light: Light,
    spec: MaskSpec, first: int,
) -> F32:  # fmt: skip
    """End the bands of ``points`` (n, 3), in place, where they are lost; returns how far each is seen, 0..1.

    image: (h, w, 3) uint8 BGR, the scene's window. points: its pixels and depth; normals (n, 3) camera axes;
    from vertex ``first`` on, bands of two edges each, left and right of each strap in turn. head_depth
    (h, w): what lies more than ``slack`` behind it is not looked at. Straps round the head are whole.
    """
    bands = 2 * len(spec.straps)
    reach = np.ones(bands, np.float32)
    if bands == 0:
        return reach
    model = np.array([*light.gradient, light.offset, *light.chroma, *light.chroma_width])
    round_head = np.repeat([s.path[-1][2] > _BEHIND_EAR_MM for s in spec.straps], 2)
    unseen = round_head | (light.samples < 40)
    _reaches(image, points, normals, head_depth, slack, LINEAR, model, first, unseen, reach)
    _cut(points, first, round_head, reach)
    return reach
