"""The light of a photograph, read off the skin of the face in it.

Log luminance of skin is fitted, robustly, as an affine function of the surface normal (spherical harmonics of
order 1 in log space: a light from one side over an ambient one, always positive). What that cannot say
(cast shadows, a rim light) is kept as a smooth map of what is left over. Only the *direction* of both goes
onto the mask; its level comes from the exposure (docs/painting.md).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np
from numba import njit
from numpy.typing import NDArray

from ..geometry.face import CANONICAL_FACE, FaceFit, bending_weights
from ..geometry.head import skull_mesh
from ..geometry.rotation import Array
from .tone import LINEAR, LUMA_BGR

F32 = NDArray[np.float32]
#: pixels per millimetre of the map of what is left over
_WORK_SCALE = 0.25
#: stops per unit normal that is assumed where the skin says nothing: light from above and the front
_PRIOR = np.array([0.0, -0.35, -0.30])
#: its weight against 200 samples, for a scatter of one stop; it falls with the scatter's square
_PRIOR_WEIGHT = 5.0
#: half the side of the patch of skin that is averaged, mm
_PATCH_MM = 1.0
_MAP_REACH_MM = 14.0
_MAP_LIMIT = 3.0  # stops
_SHARED = 0.15  # of what both sides share reaches the map
#: luminance, linear, taken where no skin can be read
_DEFAULT_SKIN = 0.22


@dataclass(frozen=True, eq=False)
class Light:
    """What the skin says of the light.

    gradient: (3,) stops of luminance per unit of normal, camera axes. skin: linear luminance of the lit skin.
    cast: (3,) colour of the light, blue green red, luminance 1. rest: smooth map of stops left over; pixel p
    of the picture lies at (p - (x0, y0)) * scale of it, `to_rest` = (scale, x0, y0). spread: stops, robust
    standard deviation of the fit. samples: how many skin samples counted. offset: stops of skin whose normal
    is 0, so that skin of normal n is expected at gradient . n + offset. chroma, chroma_width: (2,) log2 R/G
    and log2 B/G of the skin, and how far it strays.
    """

    gradient: Array
    skin: float
    cast: Array
    rest: F32
    to_rest: tuple[float, float, float]
    spread: float
    samples: int
    offset: float
    chroma: Array
    chroma_width: Array


@dataclass(frozen=True, eq=False)
class _Probe:
    points: Array
    normals: Array
    weights: F32
    prior: Array
    twin: NDArray[np.intp]  # the place on the other side of the face


@lru_cache(maxsize=1)
def _probe() -> _Probe:
    """Places on the canonical face that are skin on almost everybody, and how sure that is (n,)."""
    mesh = skull_mesh()
    p = mesh.vertices
    keep = (p[:, 2] < 90.0) & (p[:, 1] > -78.0) & (p[:, 1] < 74.0)
    x, y = np.abs(p[:, 0]), p[:, 1]
    eye = CANONICAL_FACE[36:42].mean(0)
    keep &= ((x - abs(eye[0])) / 19.0) ** 2 + ((y - eye[1]) / 10.0) ** 2 > 1.0
    keep &= ~((x > 12.0) & (x < 62.0) & (y > -62.0) & (y < -44.0))  # brows
    keep &= (x / 29.0) ** 2 + ((y - 33.0) / 15.0) ** 2 > 1.0  # lips
    keep &= (x > 15.0) | (y < 3.0) | (y > 17.0)  # nostrils
    chosen = np.flatnonzero(keep)[::2]  # 500 places say as much as 1000
    p = p[chosen]
    prior = np.ones(len(p))
    prior[(p[:, 1] < -58.0)] = 0.5  # fringe
    prior[(p[:, 1] > 15.0) & (np.abs(p[:, 0]) < 60.0)] = 0.6  # beard
    prior[p[:, 2] > 70.0] = 0.5  # hair before the ears
    twin = ((p[:, None] * [-1.0, 1.0, 1.0] - p[None]) ** 2).sum(-1).argmin(1)
    return _Probe(p, mesh.normals[chosen], bending_weights(p), prior, twin)


def _map_frame(
    size: tuple[int, int], xy: Array, scale: float
) -> tuple[tuple[int, int], tuple[float, float, float]]:
    """Shape (h, w) of the left-over map at about _WORK_SCALE px/mm, and its `to_rest`."""
    low, high, pad = xy.min(0), xy.max(0), 10.0 * scale
    x0, y0 = (max(math.floor(v - pad), 0) for v in low.tolist())
    x1, y1 = (min(math.ceil(v + pad), most) for v, most in zip(high.tolist(), size, strict=True))
    factor = min(1.0, _WORK_SCALE / scale)
    shape = max(4, round((y1 - y0) * factor)), max(4, round((x1 - x0) * factor))
    return shape, (factor, float(x0), float(y0))


@njit(cache=True, nogil=True, error_model="numpy")
def _patches(image: NDArray[np.uint8], at: NDArray[np.int64], half: int, linear: F32, out: F32) -> None:
    """Mean linear BGR of the squares of side 2 half + 1 round ``at`` (n, 2), clipped to the picture."""
    h, w = image.shape[0], image.shape[1]
    for i in range(len(at)):
        x0, x1 = max(at[i, 0] - half, 0), min(at[i, 0] + half + 1, w)
        y0, y1 = max(at[i, 1] - half, 0), min(at[i, 1] + half + 1, h)
        b = g = r = np.float32(0.0)
        for y in range(y0, y1):
            for x in range(x0, x1):
                b += linear[image[y, x, 0]]
                g += linear[image[y, x, 1]]
                r += linear[image[y, x, 2]]
        count = np.float32(max((x1 - x0) * (y1 - y0), 1))
        out[i, 0], out[i, 1], out[i, 2] = b / count, g / count, r / count


@njit(cache=True, nogil=True, error_model="numpy")
def _chroma_gate(bgr: F32, luminance: Array, prior: Array):  # type: ignore[no-untyped-def]
    """How much each sample (n, 3) looks like the face's own skin (n,); the skin's log2 chroma, its width."""
    n = len(prior)
    ratios, gate = np.empty((2, n)), np.ones(n)
    middle, width = np.empty(2), np.empty(2)
    core = np.flatnonzero(prior >= 0.99)
    for i in range(n):
        for k in range(2):
            ratios[k, i] = np.log2((bgr[i, 2 - 2 * k] + 0.004) / (bgr[i, 1] + 0.004))
    for k in range(2):
        middle[k] = np.median(ratios[k][core])
        width[k] = max(2.0 * np.median(np.abs(ratios[k][core] - middle[k])), 0.12)
    for i in range(n):
        # in the dark, noise and JPEG leave no chroma to judge by; skin in shadow must not be thrown away
        doubt = 1.0 + 0.02 / max(luminance[i], 0.001)
        off = 0.0
        for k in range(2):
            off += ((ratios[k, i] - middle[k]) / width[k] / doubt) ** 2
        gate[i] = 1.0 / (1.0 + off * off)
    return gate, middle, width


@njit(cache=True, nogil=True, error_model="numpy")
def _robust_plane(  # type: ignore[no-untyped-def]
    normals: Array, stops: Array, weight: Array, prior: Array, prior_weight: float
):
    """Gradient and constant (4,), weights (n,) and spread of stops = gradient . n + c, by Cauchy weights."""
    n = len(stops)
    w = weight.copy()
    solution = np.append(prior, 0.0)
    miss = np.zeros(n)
    counted = np.empty(n)
    spread = 1.0
    for _ in range(5):
        # each sample counts alike whatever their number, so that the prior means the same on any face
        share = 200.0 / max(w.sum(), 1e-9)
        system, right = np.zeros((4, 4)), np.zeros(4)
        for i in range(n):
            row = (normals[i, 0], normals[i, 1], normals[i, 2], 1.0)
            for j in range(4):
                right[j] += share * w[i] * row[j] * stops[i]
                for k in range(4):
                    system[j, k] += share * w[i] * row[j] * row[k]
        for j in range(3):
            system[j, j] += prior_weight * spread * spread
            right[j] += prior_weight * spread * spread * prior[j]
        system[3, 3] += 1e-9
        solution = np.linalg.solve(system, right)
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


def _without_shared(miss: Array, weight: Array, inside: NDArray[np.bool_], twin: NDArray[np.intp]) -> Array:
    """Left-over stops with most of what both halves of the face share taken out.

    A beard, a tan or a hollow cheek is on both sides; a shadow is on one. Where the other side is not seen
    there is no telling, and half is kept.
    """
    whole, known = np.zeros(len(inside)), np.zeros(len(inside))
    whole[inside], known[inside] = miss, weight
    other, seen = whole[twin][inside], known[twin][inside]
    share = seen / (seen + weight + 1e-9)  # 1/2 where both are as sure
    shared = (1.0 - share) * miss + share * other
    alone = np.where(seen > 0.02, miss - (1.0 - _SHARED) * shared, 0.5 * miss)
    return np.asarray(alone, np.float64)


def _rest_map(shape: tuple[int, ...], xy: Array, miss: Array, weight: Array, reach_px: float) -> F32:
    """Smooth map of the stops left over; 0 where no skin was read."""
    h, w = shape[:2]
    grid = np.zeros((2, h, w), np.float32)
    ix = np.clip(np.rint(xy).astype(int), 0, (w - 1, h - 1)) @ (1, w)
    for plane, values in zip(grid, (miss * weight, weight), strict=True):
        plane.ravel()[:] = np.bincount(ix, values, h * w)
    side = 2 * math.ceil(2.2 * max(reach_px, 0.8)) + 1
    blurred = cv2.GaussianBlur(
        np.ascontiguousarray(grid.transpose(1, 2, 0)), (side, side), max(reach_px, 0.8),
        borderType=cv2.BORDER_REPLICATE,
    )  # fmt: skip
    floor = 0.15 * float(blurred[..., 1].max()) + 1e-6
    return blurred[..., 0] / (blurred[..., 1] + floor)


def bare_skin(fit: FaceFit) -> Array:
    """Pixels (n, 2) of skin that faces the camera above the mask: cheekbones, nose bridge, forehead."""
    probe = _probe()
    above = (probe.points[:, 1] < -14.0) & (probe.prior >= 0.99)
    points = fit.to_image(fit.bent(probe.points[above], probe.weights[above]))
    facing = (probe.normals[above] @ fit.rotation.T)[:, 2] < -0.2
    return np.asarray(points[facing, :2], np.float64)


def estimate_light(image: NDArray[np.uint8], fit: FaceFit) -> Light:
    """The light on the face that ``fit`` placed in ``image`` (h, w, 3) uint8 BGR. Never raises."""
    probe = _probe()
    points = fit.to_image(fit.bent(probe.points, probe.weights))
    normals = probe.normals @ fit.rotation.T
    h, w = image.shape[:2]
    shape, to_rest = _map_frame((w, h), points[:, :2], fit.camera.scale)
    factor, x0, y0 = to_rest
    at = np.rint(points[:, :2]).astype(np.int64)
    inside = (at >= 0).all(1) & (at[:, 0] < w) & (at[:, 1] < h) & (normals[:, 2] < -0.2)
    if inside.sum() < 40:
        nothing = np.zeros((4, 4), np.float32)
        unknown = np.log2(_DEFAULT_SKIN), np.zeros(2), np.ones(2)
        return Light(_PRIOR, _DEFAULT_SKIN, np.ones(3), nothing, to_rest, 1.0, 0, *unknown)
    normals, prior = normals[inside], probe.prior[inside]
    bgr = np.empty((len(normals), 3), np.float32)
    _patches(image, at[inside], int(_PATCH_MM * fit.camera.scale), LINEAR, bgr)
    xy = (points[inside, :2] - (x0, y0)) * factor
    luminance = (bgr @ LUMA_BGR).astype(np.float64)
    usable = bgr.max(1) < 0.97
    if (prior[usable] >= 0.99).sum() < 20:
        usable = luminance >= 0.0
    sure = np.where(usable, prior, 0.0)
    gate, chroma, chroma_width = _chroma_gate(
        bgr, luminance, sure if (sure >= 0.99).any() else np.ones(len(prior))
    )
    stops = np.log2(np.maximum(luminance, 0.003))
    weight = prior * gate * usable * np.clip(-normals[:, 2] * 1.5, 0.2, 1.0)
    solution, used, spread = _robust_plane(
        np.ascontiguousarray(normals), stops, weight + 1e-6, _PRIOR, _PRIOR_WEIGHT
    )
    miss = np.clip(stops - normals @ solution[:3] - solution[3], -_MAP_LIMIT, _MAP_LIMIT)
    miss = _without_shared(miss, weight, inside, probe.twin)
    rest = _rest_map(shape, xy, miss, weight, _MAP_REACH_MM * fit.camera.scale * factor)
    order = np.argsort(stops)
    half = np.searchsorted(np.cumsum(used[order]), 0.6 * used.sum())
    skin = float(2.0 ** stops[order[min(half, len(order) - 1)]])
    # rounded, so that two machines whose linear algebra differs in the last bit still paint the same bytes
    return Light(
        gradient=np.round(solution[:3], 4),
        skin=round(skin, 5),
        cast=_cast_of(chroma),
        rest=np.round(rest, 3),
        to_rest=to_rest,
        spread=round(spread, 4),
        samples=int((used > 0.2 * prior).sum()),
        offset=round(float(solution[3]), 4),
        chroma=np.round(chroma, 4),
        chroma_width=np.round(chroma_width, 4),
    )


def _cast_of(chroma: Array) -> Array:
    """Colour of the light (3,) BGR from the skin's log2 chroma: part of what average skin does not explain.

    Linear R/G and B/G of skin under white light average 2**0.62 and 2**-0.42 over the tones of people; a
    third of a small difference is taken for light (all of it would turn blue masks grey under tungsten), two
    thirds of a large one.
    """
    off = np.clip(chroma - [0.62, -0.42], -1.4, 1.4)
    # people's skins differ by half a stop of chroma; what lies beyond is the light's
    off *= 0.35 + 0.3 * np.clip((np.abs(off) - 0.35) / 0.6, 0.0, 1.0)
    cast = np.array([2.0 ** off[1], 1.0, 2.0 ** off[0]])
    return np.round(cast / float(cast @ LUMA_BGR), 4)
