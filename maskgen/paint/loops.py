"""How far each band is seen: under hair it goes out of sight, and no further than the photograph.

An ear loop sinks where hair lies over the ear. A strap round the head runs over short hair to the outline
of the head; where the hair goes on beyond that outline, it is long, and the strap lies under it. Datasets pad
and warp their pictures; what is exactly black beyond the photograph's edge takes no strap.
"""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

from ..geometry.rotation import Array
from ..masks.spec import MaskSpec
from .light import Light
from .raster import FAR
from .straps import STRAP_POINTS
from .tone import LINEAR, ratios_of

F32 = NDArray[np.float32]
#: places along and across a band where the picture under it is looked at
_BINS, _ACROSS = 36, 3
#: places at the far end of an ear loop that say whether the ear is seen, and the fewest of a strap that may
#: lie on hair
_LOOP_BINS, _STRAP_BINS = 6, 3
#: how much less each place farther on says of how the hair looks
_FARTHER = 0.8
#: mean likeness to skin (or share of photograph) below which a stretch of band is taken to lie under hair
_LEAST_SKIN = 0.30
#: and above which the end of an ear loop lies on an ear that is seen, whatever it crosses on its way
_BARE_EAR = 0.60
#: where skin is expected to be as dark as the first, stops, what is as black as the other may be skin or
#: hair: it says nothing
_SHADE_STOPS, _BLACK_STOPS = -4.0, -6.0
#: loss of it, summed over places, at which loops and straps are taken to have gone under hair: a sixth of the
#: way of a loop without any skin, or a twelfth of that of a strap
_LOOP_DROP, _STRAP_DROP = 1.7, 0.85
#: and what of it does not count
_NEARLY = 0.15
#: where a strap passes out of sight, places beyond the outline that are compared with what it lies on,
#: mm, and how alike they are in light and colour, stops, where hair goes on; two that are so much darker
#: than skin, stops, cannot be told apart
_BEYOND_MM, _ASIDE_MM = (6.0, 11.0, 16.0, 21.0), 4.0
_SAME_STOPS, _SAME_COLOR, _DARK_STOPS = 1.8, 0.7, -2.2
#: share of these places up to which hair is short, and from which on it is long; and from which on no
#: outline is to be seen
_SHORT_HAIR, _LONG_HAIR, _NO_OUTLINE = 0.25, 0.55, 0.3
#: length over which a band sinks into hair, mm, and the least share of it that it does
_SINK_MM, _LEAST_SINK = 13.0, 0.1
#: a band whose far end lies behind this, mm, runs round the head and over the hair
_BEHIND_EAR_MM = 135.0


@njit(cache=True, nogil=True, error_model="numpy")
def _look(image, linear, x, y, out) -> None:  # type: ignore[no-untyped-def]
    """Light and two colour ratios of a pixel, stops, into ``out`` (3,)."""
    b, g, r = linear[image[y, x, 0]], linear[image[y, x, 1]], linear[image[y, x, 2]]
    out[0] = np.log2(max(0.0722 * b + 0.7152 * g + 0.2126 * r, 0.003))
    out[1], out[2] = ratios_of(b, g, r)


@njit(cache=True, nogil=True, error_model="numpy")
def _walk(  # type: ignore[no-untyped-def]
    image, xyz, normals, head_depth, slack, linear, model, start, like, filled, looks, count
) -> int:
    """Look at the picture along the band from vertex ``start`` on; the last bin that is seen, -1 without any.

    Sums over ``count`` (bins,) places of each bin: likeness to skin, `like`, within the photograph, `filled`,
    and `_look`, ``looks`` (bins, 3).
    """
    h, w = head_depth.shape
    here = np.zeros(3)
    last = -1
    for k in range(_BINS):
        at = (k + 0.5) / _BINS * (STRAP_POINTS - 1)
        i = int(at)
        along = at - i
        a, b = start + i, start + STRAP_POINTS + i
        nx, ny, nz = (
            normals[a, 0] + normals[b, 0],
            normals[a, 1] + normals[b, 1],
            normals[a, 2] + normals[b, 2],
        )
        half = 0.5 if nz <= 0.0 else -0.5
        plane = half * (model[0] * nx + model[1] * ny + model[2] * nz) + model[3]
        for j in range(_ACROSS):
            across = (j + 0.5) / _ACROSS
            w00, w01 = (1 - across) * (1 - along), (1 - across) * along
            w10, w11 = across * (1 - along), across * along
            px = w00 * xyz[a, 0] + w01 * xyz[a + 1, 0] + w10 * xyz[b, 0] + w11 * xyz[b + 1, 0]
            py = w00 * xyz[a, 1] + w01 * xyz[a + 1, 1] + w10 * xyz[b, 1] + w11 * xyz[b + 1, 1]
            pz = w00 * xyz[a, 2] + w01 * xyz[a + 1, 2] + w10 * xyz[b, 2] + w11 * xyz[b + 1, 2]
            x, y = int(np.floor(px + 0.5)), int(np.floor(py + 0.5))
            if x < 0 or y < 0 or x >= w or y >= h:
                continue
            if head_depth[y, x] < FAR and head_depth[y, x] + slack < pz:
                continue
            _look(image, linear, x, y, here)
            dark = (here[0] - plane) / 1.3
            red, blue = (here[1] - model[4]) / model[6], (here[2] - model[5]) / model[7]
            skin = np.exp(-0.5 * dark * dark) / (1.0 + (0.25 * (red * red + blue * blue)) ** 2)
            shade = min(max(_SHADE_STOPS - plane, 0.0), 1.0) * min(max(_BLACK_STOPS - here[0], 0.0), 1.0)
            like[k] += max(skin, shade * _LEAST_SKIN)
            filled[k] += 1.0 if max(image[y, x, 0], image[y, x, 1], image[y, x, 2]) > 6 else 0.0
            looks[k] += here
            count[k] += 1.0
            last = k
    return last


@njit(cache=True, nogil=True, error_model="numpy")
def _reaches(  # type: ignore[no-untyped-def]
    image, xyz, normals, head_depth, slack, linear, model, first, round_head, blind, scale, reach, sinks
) -> None:
    """``reach`` (bands,): where a band is lost to hair or padding; ``sinks``: how far it sinks, 0..1."""
    like, filled, count, looks = np.zeros(_BINS), np.zeros(_BINS), np.zeros(_BINS), np.zeros((_BINS, 3))
    for band in range(reach.shape[0]):
        start = first + band * 2 * STRAP_POINTS
        like[:], filled[:], count[:], looks[:] = 0.0, 0.0, 0.0, 0.0
        last = _walk(image, xyz, normals, head_depth, slack, linear, model, start, like, filled, looks, count)
        reach[band], sinks[band] = _first_lost(filled, count, _STRAP_DROP), 0.0
        if blind or last < 0:
            continue
        under = _first_lost(like, count, _STRAP_DROP if round_head[band] else _LOOP_DROP)
        if not round_head[band]:
            if under < reach[band] and _last_mean(like, count, _LOOP_BINS) <= _BARE_EAR:
                reach[band], sinks[band] = under, 1.0
            continue
        outline = (last + 1.0) / _BINS
        # what is lost only at the very outline is what lies behind the head
        hair = under if last - int(under * _BINS) >= _STRAP_BINS else outline
        alike = _alike_beyond(
            image, linear, xyz, normals, start, looks, like, count, int(hair * _BINS), last, scale, model[3]
        )
        # by and by, so that nothing pops from picture to picture
        long = min(max((alike - _SHORT_HAIR) / (_LONG_HAIR - _SHORT_HAIR), 0.0), 1.0)
        if alike > _LEAST_SINK * _NO_OUTLINE:
            reach[band] = min(reach[band], outline + long * (hair - outline))
            sinks[band] = min(alike / _NO_OUTLINE, 1.0)


@njit(cache=True, nogil=True, error_model="numpy")
def _first_lost(total, count, drop):  # type: ignore[no-untyped-def]
    """Share of the way after which the means total / count (bins,) stay too low; 1.0 if they never do.

    Their excess over what is least is summed up; where it has fallen by ``drop`` below its peak, they are
    lost from the peak on (Page's cumulative sum), or from where it was nearly as high, so that a few bins
    about the limit decide nothing.
    """
    excess, peak = 0.0, 0.0
    for k in range(count.shape[0]):
        if count[k] > 0.0:
            excess += total[k] / count[k] - _LEAST_SKIN
            peak = max(peak, excess)
            if peak - excess > drop:
                break
    else:
        return 1.0
    excess = 0.0
    for k in range(count.shape[0]):
        if excess > peak - _NEARLY:
            return k / count.shape[0]
        if count[k] > 0.0:
            excess += total[k] / count[k] - _LEAST_SKIN
    return 1.0


@njit(cache=True, nogil=True, error_model="numpy")
def _last_mean(total, count, window):  # type: ignore[no-untyped-def]
    """The mean total / count (bins,) over the last bins that were seen."""
    mean, m = 0.0, 0
    for k in range(count.shape[0] - 1, -1, -1):
        if count[k] > 0.0 and m < window:
            mean += total[k] / count[k]
            m += 1
    return mean / max(m, 1)


@njit(cache=True, nogil=True, error_model="numpy")
def _alike_beyond(  # type: ignore[no-untyped-def]
    image, linear, xyz, normals, start, looks, like, count, under, last, scale, skin
) -> float:
    """Share of the places beyond the outline, where a strap is last seen, that look as what is under it."""
    h, w = image.shape[0], image.shape[1]
    hair, here = np.zeros(3), np.zeros(3)
    total = 0.0
    weight = 1.0
    for k in range(min(under, last - 2), last + 1):
        if count[k] > 0.0:
            share = weight * max(1.0 - like[k] / count[k] / _LEAST_SKIN, 0.02)
            hair += share / count[k] * looks[k]
            total += share
            weight *= _FARTHER
    hair /= max(total, 1e-6)
    at = min(int((last + 0.5) / _BINS * (STRAP_POINTS - 1)), STRAP_POINTS - 1)
    a, b = start + at, start + STRAP_POINTS + at
    px, py, near = 0.5 * (xyz[a, 0] + xyz[b, 0]), 0.5 * (xyz[a, 1] + xyz[b, 1]), _BEYOND_MM[0] * scale
    if min(px, py) < near or px > w - 1 - near or py > h - 1 - near:
        return 0.0  # the photograph ends here, not the head
    nx, ny = normals[a, 0] + normals[b, 0], normals[a, 1] + normals[b, 1]
    # at the outline the sign of a normal's depth says nothing: outward is away from where the strap begins
    if nx * (xyz[a, 0] - xyz[start, 0]) + ny * (xyz[a, 1] - xyz[start, 1]) < 0.0:
        nx, ny = -nx, -ny
    long = max(np.sqrt(nx * nx + ny * ny), 1e-6)
    same = 0.0
    for far in _BEYOND_MM:
        for aside in (-_ASIDE_MM, 0.0, _ASIDE_MM):
            dx, dy = (far * nx - aside * ny) / long, (far * ny + aside * nx) / long
            x = int(np.floor(px + scale * dx + 0.5))
            y = int(np.floor(py + scale * dy + 0.5))
            if x < 0 or y < 0 or x >= w or y >= h:
                continue
            _look(image, linear, x, y, here)
            color = np.sqrt((here[1] - hair[1]) ** 2 + (here[2] - hair[2]) ** 2)
            light = (here[0] - hair[0]) / _SAME_STOPS
            both_dark = 0.5 + skin + _DARK_STOPS - max(here[0], hair[0])
            same += max(
                min(max(both_dark, 0.0), 1.0), 1.0 / ((1.0 + light**4) * (1.0 + (color / _SAME_COLOR) ** 4))
            )
    # where the photograph ends nothing is known of the hair: it counts as an outline
    return same / (3 * len(_BEYOND_MM))


@njit(cache=True, nogil=True, error_model="numpy")
def _cut(xyz, first, scale, reach, sinks, ends) -> None:  # type: ignore[no-untyped-def]
    """End each band at its ``reach``, in place: vertices beyond are drawn in to there.

    One that sinks into hair ends half of that way further on. ends: (bands, 5) where it ends, the way it goes
    there, and over how many pixels it sinks; 0 of them for a band that does not.
    """
    for band in range(reach.shape[0]):
        left, right = first + 2 * band * STRAP_POINTS, first + (2 * band + 1) * STRAP_POINTS
        end = reach[band] * (STRAP_POINTS - 1)
        ends[band] = 0.0
        if sinks[band] > 0.0:
            i = min(int(end), STRAP_POINTS - 2)
            dx, dy = xyz[left + i + 1, 0] - xyz[left + i, 0], xyz[left + i + 1, 1] - xyz[left + i, 1]
            step = max(np.sqrt(dx * dx + dy * dy), 1e-3)
            way = _SINK_MM * scale * sinks[band]
            end = min(end + min(0.5 * way / step, 1.0), STRAP_POINTS - 1.0)
            ends[band, 2], ends[band, 3], ends[band, 4] = dx / step, dy / step, way
        i = min(int(end), STRAP_POINTS - 2)
        f = np.float32(end - i)
        for edge in (left, right):
            for k in range(xyz.shape[1]):
                last = xyz[edge + i, k] + f * (xyz[edge + i + 1, k] - xyz[edge + i, k])
                for j in range(i + 1, STRAP_POINTS):
                    xyz[edge + j, k] = last
        for k in range(2):
            ends[band, k] = 0.5 * (xyz[left + STRAP_POINTS - 1, k] + xyz[right + STRAP_POINTS - 1, k])


@njit(cache=True, nogil=True, error_model="numpy")
def sink(ends, coverage, strap) -> None:  # type: ignore[no-untyped-def]
    """Take bands that end in hair out of ``coverage`` and ``strap`` (h, w), in place, by and by.

    By where they are alone: a published alpha layer must not show the hair.
    """
    h, w = strap.shape
    for band in range(ends.shape[0]):
        ex, ey, dx, dy, way = ends[band]
        if way <= 0.0:
            continue
        r = way + 2.0
        for y in range(max(int(ey - r), 0), min(int(ey + r) + 1, h)):
            for x in range(max(int(ex - r), 0), min(int(ex + r) + 1, w)):
                if strap[y, x] > 0.0:
                    f = min(max(((ex - x) * dx + (ey - y) * dy) / way, 0.0), 1.0)
                    gone = np.float32(1.0 - f * f * (3.0 - 2.0 * f)) * strap[y, x]
                    strap[y, x] -= gone
                    coverage[y, x] -= gone


def cut_bands(
    image: NDArray[np.uint8], points: F32, normals: F32, head_depth: F32, scale: float, slack: float,
    light: Light, spec: MaskSpec, first: int,
) -> Array:  # fmt: skip
    """End the bands of ``points`` (n, 3), in place, where they are lost; returns where and how, for `sink`.

    image: (h, w, 3) uint8 BGR, the scene's window. points: its pixels and depth, ``scale`` of them a mm;
    normals (n, 3) camera axes; from vertex ``first`` on, bands of two edges each, left and right of each
    strap in turn. head_depth (h, w): what lies more than ``slack`` px behind it is not looked at. Returns
    (bands, 5): the end of each band in pixels, its direction there, over how many pixels it sinks into hair.
    """
    bands = 2 * len(spec.straps)
    ends = np.zeros((bands, 5), np.float64)
    if bands == 0:
        return ends
    model = np.array([*light.gradient, light.offset, *light.chroma, *light.chroma_width])
    round_head = np.repeat([s.path[-1][2] > _BEHIND_EAR_MM for s in spec.straps], 2)
    reach, sinks = np.ones(bands), np.zeros(bands)
    _reaches(
        image, points, normals, head_depth, slack, LINEAR, model, first, round_head, light.samples < 40,
        scale, reach, sinks,
    )  # fmt: skip
    _cut(points, first, scale, reach, sinks, ends)
    return ends
