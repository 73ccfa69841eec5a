"""Cues of something in front of the face: the small picture, the chart of the face in it, and candidates.

A clean face is smooth inside its outline but for eyes, nose and lips, and its outline is an edge of the
picture. Something in front of it breaks both rules at once: it is cut off from the skin by an edge well
inside the face, and runs on across the outline without one. *Plateaus* are connected pixels without an edge
between them, at four strengths of edge (hands, sleeves); *patches* have a colour that the face's own skin
does not have (prints, fruit, beads). `occluder.py` judges them.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache

import cv2
import numpy as np
from numba import njit
from numpy.typing import NDArray

from ..geometry.face import CANONICAL_FACE, FaceFit, bending_weights
from ..geometry.head import CENTRE, directions_of, head_radius
from ..geometry.rotation import Array
from .tone import LINEAR

F32 = NDArray[np.float32]
Mask = NDArray[np.bool_]
#: pixels per millimetre of the small picture
_WORK_SCALE = 0.6
#: how far round the face it reaches, mm: what is in front of the face must be followed beyond it
_ROUND_MM = 22.0
#: edges, as the share of the local level between neighbouring pixels, that bound a plateau
_STRENGTHS = (0.015, 0.025, 0.04, 0.06)
#: this deep inside the face's outline nothing but an occluder crosses it, mm
_DEEP_MM = 12.0


@dataclass(frozen=True, eq=False)
class _Chart:
    """The lower face as a grid of points.

    coarse, weights: every second one of each direction, mm, with its bending weights. Of all (n,): y mm,
    normals, depth inside the outline (mm), whether they are a feature, and the core between eyes and mouth.
    """

    coarse: Array
    y: F32
    normals: F32
    weights: F32
    depth: F32
    feature: Mask
    core: Mask


@dataclass(frozen=True, eq=False)
class Work:
    """The small picture with what is known of each of its pixels; arrays (h, w).

    picture: BGR float, slightly smoothed. depth: mm inside the face's outline, -50 off it. on: face.
    plain: face that is smooth on a bare face (no lips, nostrils, eyes) and not seen edge-on.
    core: plain skin between eyes and mouth. y: mm down from the nose tip. k: px per mm. box: in the picture.
    """

    picture: F32
    slope: F32
    depth: F32
    on: Mask
    plain: Mask
    core: Mask
    y: F32
    normals: F32
    k: float
    box: tuple[int, int, int, int]


@dataclass(frozen=True)
class Candidate:
    """A region that may lie in front of the face, and what speaks for it."""

    region: Mask
    deep: float  # mm2 well inside the face
    outside: float  # mm2 beyond the outline
    rim: float  # mm of outline it crosses
    edge: float  # slope at its border inside the face
    weakest: float  # lower quartile of that
    contrast: float  # to the skin beside it, share of the level
    brighter: float  # stops, than the skin beside it
    runs_on: float  # difference between its parts inside and outside, share of the level
    strength: float  # of the edges that bound it; 0 for a patch of odd colour
    y: float  # mm below the nose tip
    luminance: float
    chroma: float  # spreads off the face's own skin; 0 for a plateau
    hue: float  # log2 of R/G or B/G, whichever differs more from the skin beside it


_ROWS, _COLUMNS = 69, 97


@lru_cache(maxsize=1)
def _chart() -> _Chart:
    """Points about 2.5 mm apart from the eyes down to the throat; symmetric."""
    azimuth, height = (
        np.radians(np.linspace(-96.0, 96.0, _COLUMNS)),
        np.radians(np.linspace(-33.0, 69.0, _ROWS)),
    )
    el, az = np.meshgrid(height, azimuth, indexing="ij")
    d = np.stack([np.cos(el) * np.sin(az), np.sin(el), -np.cos(el) * np.cos(az)], -1)
    grid = CENTRE + d * head_radius(d.reshape(-1, 3)).reshape(el.shape)[..., None]
    normal = np.cross(np.gradient(grid, axis=1), np.gradient(grid, axis=0))
    normal /= -np.linalg.norm(normal, axis=-1, keepdims=True)
    jaw, _ = directions_of(CANONICAL_FACE[:17])
    jaw_azimuth, jaw_height = np.arctan2(jaw[:, 0], -jaw[:, 2]), np.arcsin(jaw[:, 1])
    inside = (el < np.interp(az, jaw_azimuth, jaw_height)) & (np.abs(az) < jaw_azimuth[-1])
    p, within = grid.reshape(-1, 3), inside.reshape(-1)
    depth = np.empty(len(p))
    depth[within], depth[~within] = _nearest(p[within], p[~within]), -_nearest(p[~within], p[within])
    x, y = np.abs(p[:, 0]), p[:, 1]
    eyes = ((x - 32.0) / 23.0) ** 2 + ((y + 34.0) / 13.0) ** 2 < 1.0
    lips = (x / 33.0) ** 2 + ((y - 34.0) / 19.0) ** 2 < 1.0
    feature = eyes | lips | ((x < 21.0) & (y > -4.0) & (y < 21.0))
    core = (depth > 25.0) & (y < 18.0) & ~feature
    normals = normal.reshape(-1, 3)
    if normals[len(p) // 2, 2] > 0.0:
        normals = -normals
    coarse = np.ascontiguousarray(grid[::2, ::2]).reshape(-1, 3)
    return _Chart(
        coarse,
        p[:, 1].astype(np.float32),
        normals.astype(np.float32),
        bending_weights(coarse),
        depth.astype(np.float32),
        feature,
        core,
    )


def _nearest(a: Array, b: Array) -> Array:
    """Distance of each of ``a`` (n, 3) to the nearest of ``b`` (m, 3)."""
    chunks = np.array_split(a, 16)
    return np.concatenate([np.sqrt(((c[:, None] - b[None]) ** 2).sum(-1).min(1)) for c in chunks])


@njit(cache=True, nogil=True, error_model="numpy")
def _splat(at: F32, facing: F32, nearest: NDArray[np.int32], depth: F32) -> None:
    """The index of the frontmost chart point that covers each pixel; at (n, 3) px, facing (n,) normal z."""
    h, w = depth.shape
    for i in range(len(at)):
        if facing[i] > -0.1:
            continue
        cx, cy = int(np.rint(at[i, 0])), int(np.rint(at[i, 1]))
        for y in range(max(cy - 2, 0), min(cy + 3, h)):
            for x in range(max(cx - 2, 0), min(cx + 3, w)):
                far = (x - at[i, 0]) ** 2 + (y - at[i, 1]) ** 2
                z = at[i, 2] + 4.0 * far
                if z < depth[y, x]:
                    depth[y, x] = z
                    nearest[y, x] = i


def _refined(coarse: F32) -> F32:
    """All points (n, 3) of the chart from every second one of each direction, by halving the way."""
    out = np.empty((_ROWS, _COLUMNS, 3), np.float32)
    out[::2, ::2] = coarse.reshape((_ROWS + 1) // 2, (_COLUMNS + 1) // 2, 3)
    out[1::2, ::2] = 0.5 * (out[:-2:2, ::2] + out[2::2, ::2])
    out[:, 1::2] = 0.5 * (out[:, :-2:2] + out[:, 2::2])
    return out.reshape(-1, 3)


def small_picture(image: NDArray[np.uint8], fit: FaceFit, frame: tuple[int, int, int, int]) -> Work | None:
    """The small picture round the lower face, or None where too little of it lies in ``frame``."""
    chart, scale = _chart(), fit.camera.scale
    at = _refined(fit.to_image(fit.bent(chart.coarse, chart.weights)).astype(np.float32))
    normals = chart.normals @ fit.rotation.T.astype(np.float32)
    seen = at[normals[:, 2] < -0.1, :2]
    x0, y0 = np.maximum(np.floor(seen.min(0) - _ROUND_MM * scale), frame[:2]).astype(int)
    x1, y1 = np.minimum(np.ceil(seen.max(0) + _ROUND_MM * scale), frame[2:]).astype(int)
    if x1 - x0 < 12 or y1 - y0 < 12:
        return None
    factor = min(1.0, _WORK_SCALE / scale)
    w, h = max(8, round((x1 - x0) * factor)), max(8, round((y1 - y0) * factor))
    small = cv2.resize(image[y0:y1, x0:x1], (w, h), interpolation=cv2.INTER_AREA)
    at[:, :2] = (at[:, :2] - (x0 - 0.5, y0 - 0.5)) * (w / (x1 - x0), h / (y1 - y0)) - 0.5
    at[:, 2] *= factor
    nearest, z = np.full((h, w), -1, np.int32), np.full((h, w), 1e9, np.float32)
    _splat(at, np.ascontiguousarray(normals[:, 2]), nearest, z)
    on = nearest >= 0
    picture = np.asarray(cv2.GaussianBlur(small, (3, 3), 0.8)).astype(np.float32)
    level = np.sqrt((picture**2).sum(2))
    gx, gy = cv2.Sobel(picture, cv2.CV_32F, 1, 0), cv2.Sobel(picture, cv2.CV_32F, 0, 1)
    slope = np.sqrt((gx * gx + gy * gy).sum(2)) / (8.0 * (np.asarray(cv2.blur(level, (5, 5))) + 25.0))
    return Work(
        picture=picture,
        slope=slope.astype(np.float32),
        depth=np.where(on, chart.depth[nearest], np.float32(-50.0)),
        on=on,
        plain=on & ~chart.feature[nearest] & (normals[nearest, 2] < -0.2),
        core=on & chart.core[nearest],
        y=np.where(on, chart.y[nearest], 0.0).astype(np.float32),
        normals=normals[nearest],
        k=scale * factor,
        box=(int(x0), int(y0), int(x1), int(y1)),
    )


def around(region: Mask, pixels: int) -> Mask:
    """The region grown by so many pixels."""
    return np.asarray(cv2.dilate(region.astype(np.uint8), np.ones((2 * pixels + 1,) * 2, np.uint8))) > 0


def _cropped(work: Work, region: Mask, lit: F32, margin: int) -> tuple[Work, Mask, F32]:
    """All of it within ``margin`` pixels of the region's bounding box."""
    rows, columns = np.flatnonzero(region.any(1)), np.flatnonzero(region.any(0))
    part = (
        slice(max(rows[0] - margin, 0), rows[-1] + margin + 1),
        slice(max(columns[0] - margin, 0), columns[-1] + margin + 1),
    )
    names = ("picture", "slope", "depth", "on", "plain", "core", "y", "normals")
    return replace(work, **{n: getattr(work, n)[part] for n in names}), region[part], lit[part]


def _hue_between(a: F32, b: F32) -> float:
    """How far two colours (3,) BGR lie apart in log2 R/G or B/G of linear light, the larger of both."""
    pair = LINEAR[np.stack([a, b]).astype(np.uint8)] + 0.006
    ratios = np.log2(pair[:, [2, 0]] / pair[:, 1:2])
    return float(np.abs(ratios[0] - ratios[1]).max())


def _measure(
    work: Work, region: Mask, near: tuple[int, int, int], strength: float, lit: F32, chroma: float = 0.0
) -> Candidate | None:
    """What speaks for ``region``; None where its border inside the face is too short to say.

    near: how many pixels off the region its edge lies, and the ring of skin beside it begins and ends.
    """
    whole = region
    work, region, lit = _cropped(work, region, lit, near[2] + 1)
    skin = work.plain & (work.depth > 5.0) & ~region
    edge = around(region, near[0]) & work.plain & (work.depth > 7.0)
    # a plateau ends where its edge begins, a patch has its edge on its border
    edge &= ~region if strength > 0.0 else around(~region, 1)
    ring = around(region, near[2]) & ~around(region, near[1]) & skin
    inner = region & (work.depth > 2.0)
    if edge.sum() < 3 or ring.sum() < 3 or inner.sum() < 3:
        return None
    mm2 = 1.0 / work.k**2
    colour, beside = np.median(work.picture[inner], 0), np.median(work.picture[ring], 0)
    level = float(np.linalg.norm(beside)) + 25.0
    beyond = region & (work.depth < -3.0)
    if strength > 0.0:
        runs_on = float(np.linalg.norm(np.median(work.picture[beyond], 0) - colour)) / level
        rim = (region & work.on & (np.abs(work.depth) < 4.0)).sum() * mm2 / 8.0
    else:
        beyond = around(region, 4) & (work.depth < -1.0)
        reach = 2.0 * (float(work.picture[inner].std(0).mean()) + 8.0)
        alike = np.abs(work.picture[beyond] - colour).mean(1) < reach
        runs_on = 1.0 - float(alike.mean()) if beyond.sum() > 3 else 1.0
        rim = (region & (work.depth < 7.0)).sum() * mm2 / 6.0
    slopes = work.slope[edge]
    return Candidate(
        region=whole,
        deep=float((region & work.plain & (work.depth > _DEEP_MM) & (work.y > 5.0)).sum() * mm2),
        outside=float(beyond.sum() * mm2),
        rim=float(rim),
        edge=float(np.median(slopes)),
        weakest=float(np.quantile(slopes, 0.25)),
        contrast=float(np.linalg.norm(colour - beside)) / level,
        brighter=float(np.log2(np.median(lit[inner]) / np.median(lit[ring]))),
        runs_on=runs_on,
        strength=strength,
        y=float(np.median(work.y[inner])),
        luminance=float(np.median(lit[inner])),
        chroma=chroma,
        hue=_hue_between(colour, beside),
    )


def plateaus(work: Work, lit: F32) -> list[Candidate]:
    """Candidates without inner edges that reach from deep inside the face to well outside it."""
    unit = work.k**2
    deep = work.plain & (work.depth > _DEEP_MM) & (work.y > 5.0)
    beyond, rim = work.depth < -3.0, work.on & (np.abs(work.depth) < 4.0)
    cores = max(int(work.core.sum()), 1)
    found = []
    for strength in _STRENGTHS:
        count, label = cv2.connectedComponents((work.slope < strength).astype(np.uint8), connectivity=4)
        of = [np.bincount(label[part], minlength=count) for part in (deep, beyond, rim, work.core)]
        fit = (of[0] > 40.0 * unit) & (of[1] > 80.0 * unit) & (of[1] > 0.4 * of[0])
        fit &= (of[2] > 20.0 * unit) & (of[3] < 0.02 * cores)
        for i in np.flatnonzero(fit[1:]) + 1:
            candidate = _measure(work, label == i, (2, 3, 5), strength, lit)
            if candidate is not None:
                found.append(candidate)
    return found


@njit(cache=True, nogil=True, error_model="numpy")
def _plane(basis: F32, values: F32, weight: F32, floor: float):  # type: ignore[no-untyped-def]
    """Robust affine fit: coefficients (4,) of values (n,) over basis (n, 4), and the spread of the rest."""
    n = len(values)
    w = weight.copy()
    c: Array = np.zeros(4)
    miss = np.empty(n)
    spread = floor
    for _ in range(4):
        a, b = np.zeros((4, 4)), np.zeros(4)
        for i in range(n):
            for j in range(4):
                b[j] += w[i] * basis[i, j] * values[i]
                for k in range(j + 1):
                    a[j, k] += w[i] * basis[i, j] * basis[i, k]
        for j in range(4):
            a[j, j] += 1e-3
            for k in range(j):
                a[k, j] = a[j, k]
        c[:] = np.linalg.solve(a, b)
        for i in range(n):
            miss[i] = abs(
                values[i] - basis[i, 0] * c[0] - basis[i, 1] * c[1] - basis[i, 2] * c[2] - basis[i, 3] * c[3]
            )
        spread = max(1.4826 * np.median(miss), floor)
        for i in range(n):
            w[i] = weight[i] / (1.0 + (miss[i] / (1.5 * spread)) ** 2) ** 2
    return c, spread


def _strays(work: Work, lit: F32, linear: F32) -> tuple[F32, F32]:
    """How far each pixel's chroma strays from this face's own skin, in spreads; and its luminance, stops."""
    skin = work.plain & (work.depth > 5.0) & (work.normals[..., 2] < -0.25)
    skin[1::2] = False
    skin[:, 1::2] = False
    basis = np.concatenate([work.normals, np.ones_like(work.normals[..., :1])], -1)
    weight = np.where(work.y < 15.0, 3.0, 1.0) * (work.picture.max(-1) < 250.0) + 0.02
    rows, weights = np.ascontiguousarray(basis[skin]), weight[skin].astype(np.float32)
    green = linear[..., 1] + 0.006
    chroma = np.zeros_like(lit)
    doubt = 1.0 + 0.02 / np.maximum(lit, 0.002)
    for channel, floor in ((2, 0.10), (0, 0.12)):
        ratio = np.log2((linear[..., channel] + 0.006) / green)
        plane, spread = _plane(rows, ratio[skin], weights, floor)
        chroma += ((ratio - basis @ plane.astype(np.float32)) / np.float32(spread)) ** 2
    stops = np.log2(np.maximum(lit, 0.004))
    plane, _ = _plane(rows, stops[skin], weights, 0.22)
    return (
        np.asarray(np.sqrt(chroma) / doubt, np.float32),
        np.asarray(stops - basis @ plane.astype(np.float32), np.float32),
    )


def patches(work: Work, lit: F32, linear: F32) -> list[Candidate]:
    """Candidates of a colour the face's own skin does not have, not much darker than it."""
    if (work.plain & (work.depth > 5.0)).sum() < 80:
        return []
    chroma, above = _strays(work, lit, linear)
    odd = work.on & (chroma > 4.0) & (above > -1.2) & (work.depth > 2.0) & (work.normals[..., 2] < -0.2)
    odd &= work.plain | (work.y >= 12.0)
    opened = cv2.morphologyEx(odd.astype(np.uint8), cv2.MORPH_OPEN, np.ones((3, 3), np.uint8))
    _, label, stats, _ = cv2.connectedComponentsWithStats(np.asarray(opened), connectivity=8)
    found = []
    for i in np.flatnonzero(stats[1:, cv2.CC_STAT_AREA] > 50.0 * work.k**2) + 1:
        region = label == i
        stray = float(np.median(chroma[region]))
        if np.median(work.y[region]) < 8.0 or stray < 4.5:
            continue
        candidate = _measure(work, region, (1, 2, 3), 0.0, lit, stray)
        if candidate is not None:
            found.append(candidate)
    return found
