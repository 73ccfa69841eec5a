"""Cues of something in front of the face: the small picture, the chart of the face in it, and candidates.

A clean face is smooth inside its outline but for eyes, nose and lips, and its outline is an edge of the
picture. Something in front of it breaks both rules at once: it is cut off from the skin by an edge well
inside the face, and runs on across the outline without one. *Plateaus* are connected pixels without an edge
between them, at four strengths of edge (hands, sleeves); *patches* have a colour that the face's own skin
does not have (prints, fruit, beads). `occluder.py` judges them.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray

from ..geometry.bending import bending_weights
from ..geometry.canonical import CANONICAL_FACE
from ..geometry.face import FaceFit
from ..geometry.head import CENTRE, directions_of, head_radius
from ..geometry.rotation import Array
from . import occluder_kernels as kernels
from . import occluder_view as view
from .tone import LINEAR, LUMA_BGR

F32 = NDArray[np.float32]
Mask = NDArray[np.bool_]
#: pixels per millimetre of the small picture
_WORK_SCALE = 0.6
#: how far round the face it reaches, mm: what is in front of the face must be followed beyond it
_ROUND_MM = 22.0
#: edges, as the share of the local level between neighbouring pixels, that bound a plateau
_STRENGTHS: F32 = np.array([0.015, 0.025, 0.04, 0.06], np.float32)
#: this deep inside the face's outline nothing but an occluder crosses it, mm
_DEEP_MM = 12.0
#: samples of skin for a first look at its colour
_FEW = 300
#: spreads off the skin's colour that are odd, and the least patch of it, mm2
_STRAY, _PATCH_MM2 = 4.0, 50.0
#: what a patch must have of the face's outline, mm, and of its inside, mm2
PATCH_RIM_MM, PATCH_DEEP_MM2 = 3.0, 30.0
#: log2 of linear light of each byte, kept off 0
_RATIO: F32 = np.log2(LINEAR + np.float32(0.006))


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

    picture: uint8 BGR, slightly smoothed. depth: mm inside the face's outline, -50 off it. on: face.
    plain: face that is smooth on a bare face (no lips, nostrils, eyes) and not seen edge-on.
    core: plain skin between eyes and mouth. y: mm down from the nose tip. nearest: the
    point of the chart, -1 off it, and facing (n,) the z of its normal. inside: how many pixels are plain skin
    more than 5 mm inside. k: px per mm. box: in the picture.
    """

    picture: NDArray[np.uint8]
    slope: F32
    depth: F32
    on: Mask
    plain: Mask
    core: Mask
    y: F32
    nearest: NDArray[np.int32]
    facing: F32
    inside: int
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
    # what is nearest on the other side lies at the outline
    near, far = (around(side, 2).reshape(-1) & ~side.reshape(-1) for side in (~inside, inside))
    depth[within], depth[~within] = _nearest(p[within], p[far]), -_nearest(p[~within], p[near])
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
    square = np.full(len(a), np.inf)
    for point in b:
        square = np.minimum(square, ((a - point) ** 2).sum(1))
    return np.sqrt(square)


def small_picture(image: NDArray[np.uint8], fit: FaceFit, frame: tuple[int, int, int, int]) -> Work | None:
    """The small picture round the lower face, or None where too little of it lies in ``frame``."""
    chart, scale = _chart(), fit.camera.scale
    at, facing = np.empty((_ROWS, _COLUMNS, 3), np.float32), np.empty(_ROWS * _COLUMNS, np.float32)
    left, top, right, low = view.place(
        fit.bent_to_image(chart.coarse, chart.weights), fit.rotation[2], chart.normals, at, facing
    )
    margin = _ROUND_MM * scale
    x0, y0 = max(math.floor(left - margin), frame[0]), max(math.floor(top - margin), frame[1])
    x1, y1 = min(math.ceil(right + margin), frame[2]), min(math.ceil(low + margin), frame[3])
    if x1 - x0 < 12 or y1 - y0 < 12:
        return None
    factor = min(1.0, _WORK_SCALE / scale)
    w, h = max(8, round((x1 - x0) * factor)), max(8, round((y1 - y0) * factor))
    small = np.empty((h, w, 3), np.uint8)
    flat = np.ascontiguousarray(image).reshape(image.shape[0], -1)
    view.shrink(flat, x0, y0, x1, y1, small)
    picture = np.asarray(cv2.GaussianBlur(small, (3, 3), 0.8), np.uint8)
    slope, depth, height = np.empty((3, h, w), np.float32)
    view.slopes(picture, slope)
    nearest = np.empty((h, w), np.int32)
    view.splat(at, facing, np.array([x0, y0, x1, y1]), factor, nearest)
    on, plain, core = np.empty((3, h, w), np.bool_)
    inside = view.look_up(
        nearest, facing, chart.depth, chart.y, chart.feature, chart.core, depth, height, on, plain, core
    )
    return Work(
        picture=picture,
        slope=slope,
        depth=depth,
        on=on,
        plain=plain,
        core=core,
        y=height,
        nearest=nearest,
        facing=facing,
        inside=inside,
        k=scale * factor,
        box=(x0, y0, x1, y1),
    )


def _light(picture: NDArray[np.uint8]) -> F32:
    """Linear luminance, a little above 0."""
    return np.asarray(LINEAR[picture] @ LUMA_BGR + np.float32(0.004), np.float32)


def around(region: Mask, pixels: int) -> Mask:
    """The region grown by so many pixels."""
    return np.asarray(cv2.dilate(region.astype(np.uint8), np.ones((2 * pixels + 1,) * 2, np.uint8))) > 0


def _cropped(work: Work, region: Mask, margin: int) -> tuple[Work, Mask]:
    """All of it within ``margin`` pixels of the region's bounding box."""
    rows, columns = np.flatnonzero(region.any(1)), np.flatnonzero(region.any(0))
    part = (
        slice(max(rows[0] - margin, 0), rows[-1] + margin + 1),
        slice(max(columns[0] - margin, 0), columns[-1] + margin + 1),
    )
    names = ("picture", "slope", "depth", "on", "plain", "core", "y", "nearest")
    return replace(work, **{n: getattr(work, n)[part] for n in names}), region[part]


def _hue_between(a: Array, b: Array) -> float:
    """How far two colours (3,) BGR lie apart in log2 R/G or B/G of linear light, the larger of both."""
    pair = LINEAR[np.stack([a, b]).astype(np.uint8)] + 0.006
    ratios = np.log2(pair[:, [2, 0]] / pair[:, 1:2])
    return float(np.abs(ratios[0] - ratios[1]).max())


def _measure(
    work: Work, region: Mask, near: tuple[int, int, int], strength: float, chroma: float = 0.0
) -> Candidate | None:
    """What speaks for ``region``; None where its border is too short to say, or a patch does not reach in.

    near: how many pixels off the region its edge lies, and the ring of skin beside it begins and ends.
    """
    whole = region
    work, region = _cropped(work, region, near[2] + 1)
    skin = work.plain & (work.depth > 5.0) & ~region
    edge = around(region, near[0]) & work.plain & (work.depth > 7.0)
    # a plateau ends where its edge begins, a patch has its edge on its border
    edge &= ~region if strength > 0.0 else around(~region, 1)
    ring = around(region, near[2]) & ~around(region, near[1]) & skin
    inner = region & (work.depth > 2.0)
    mm2 = 1.0 / work.k**2
    deep = float((region & work.plain & (work.depth > _DEEP_MM) & (work.y > 5.0)).sum() * mm2)
    if edge.sum() < 3 or ring.sum() < 3 or inner.sum() < 3 or (strength == 0.0 and deep <= PATCH_DEEP_MM2):
        return None
    colour, beside = (kernels.median_colour(work.picture, where) for where in (inner, ring))
    level = float(np.linalg.norm(beside)) + 25.0
    beyond = region & (work.depth < -3.0)
    if strength > 0.0:
        runs_on = float(np.linalg.norm(kernels.median_colour(work.picture, beyond) - colour)) / level
        rim = (region & work.on & (np.abs(work.depth) < 4.0)).sum() * mm2 / 8.0
    else:
        beyond = around(region, 4) & (work.depth < -1.0)
        reach = 2.0 * (float(work.picture[inner].std(0).mean()) + 8.0)
        alike = np.abs(work.picture[beyond] - colour).mean(1) < reach
        runs_on = 1.0 - float(alike.mean()) if beyond.sum() > 3 else 1.0
        rim = (region & (work.depth < 7.0)).sum() * mm2 / 6.0
    slope, weakest = np.quantile(work.slope[edge], (0.5, 0.25)).tolist()
    lit, lit_beside = (float(np.median(_light(work.picture[where]))) for where in (inner, ring))
    return Candidate(
        region=whole,
        deep=deep,
        outside=float(beyond.sum() * mm2),
        rim=float(rim),
        edge=slope,
        weakest=weakest,
        contrast=float(np.linalg.norm(colour - beside)) / level,
        brighter=math.log2(lit / lit_beside),
        runs_on=runs_on,
        strength=strength,
        y=float(np.median(work.y[inner])),
        luminance=lit,
        chroma=chroma,
        hue=_hue_between(colour, beside),
    )


def plateaus(work: Work) -> list[Candidate]:
    """Candidates without inner edges that reach from deep inside the face to well outside it."""
    found = []
    crossings = kernels.crossings(
        work.slope, work.depth, work.y, work.on, work.plain, work.core, _STRENGTHS, _DEEP_MM, work.k**2
    )
    for n, pixel in crossings:
        strength = float(_STRENGTHS[n])
        _, label = cv2.connectedComponents((work.slope < _STRENGTHS[n]).astype(np.uint8), connectivity=4)
        candidate = _measure(work, label == label.flat[pixel], (2, 3, 5), strength)
        if candidate is not None:
            found.append(candidate)
    return found


def _strays(work: Work, samples: int, least: float, share: float) -> tuple[F32, Mask] | None:
    """How far each pixel's chroma strays from this face's own skin, in spreads; and where it is odd.

    Odd is what strays more than ``least`` and is not much darker than the skin would be there. None where
    too little strays for a patch. samples: of skin, how many the fit takes at least. share: of what a patch
    needs, how much makes one here.
    """
    normals = _chart().normals
    seen = (work.picture, work.nearest, work.facing, normals, work.depth, work.y, work.plain)
    step = max(2, round(math.sqrt(work.inside / samples)))
    room = -(-work.depth.shape[0] // step) * -(-work.depth.shape[1] // step)
    basis, values = np.empty((room, 4), np.float32), np.empty((3, room), np.float32)
    weight = np.empty(room, np.float32)
    n = kernels.skin_samples(*seen, step, LINEAR, _RATIO, basis, values, weight)
    basis, weight = basis[:n], weight[:n]
    red, blue = (
        np.append(*kernels.plane(basis, values[j, :n], weight, floor)) for j, floor in ((0, 0.10), (1, 0.12))
    )
    chroma = np.empty(work.depth.shape, np.float32)
    rim, deep = kernels.strays(*seen, LINEAR, _RATIO, red, blue, least, _DEEP_MM, chroma)
    unit = share * work.k**2
    if rim <= PATCH_RIM_MM * 6.0 * unit or deep <= PATCH_DEEP_MM2 * unit:
        return None
    odd = chroma > least
    light, _ = kernels.plane(basis, values[2, :n], weight, 0.22)
    above = np.log2(_light(work.picture[odd])) - normals[work.nearest[odd]] @ light[:3] - light[3]
    odd[odd] = above > -1.2
    return chroma, odd


def patches(work: Work) -> list[Candidate]:
    """Candidates of a colour the face's own skin does not have, not much darker than it.

    Only such as reach from the outline of the face to well inside it.
    """
    # few samples show that nothing is odd on most faces; what is odd, all of them judge
    if work.inside < 80 or _strays(work, _FEW, 0.85 * _STRAY, 0.7) is None:
        return []
    strays = _strays(work, work.inside, _STRAY, 1.0)
    if strays is None:
        return []
    chroma, odd = strays
    opened = cv2.morphologyEx(odd.astype(np.uint8), cv2.MORPH_OPEN, np.ones((3, 3), np.uint8))
    _, label, stats, _ = cv2.connectedComponentsWithStats(np.asarray(opened), connectivity=8)
    found = []
    for i in np.flatnonzero(stats[1:, cv2.CC_STAT_AREA] > _PATCH_MM2 * work.k**2) + 1:
        region = label == i
        stray = float(np.median(chroma[region]))
        if (region & (work.depth < 7.0)).sum() <= PATCH_RIM_MM * 6.0 * work.k**2:
            continue
        if np.median(work.y[region]) < 8.0 or stray < 4.5:
            continue
        candidate = _measure(work, region, (1, 2, 3), 0.0, stray)
        if candidate is not None:
            found.append(candidate)
    return found
