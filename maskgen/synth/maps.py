"""Where on the skin things are: the unrolled head, and masks of lips, brows, beard, scalp, blush and folds.

The head is unrolled about a vertical axis: u is the azimuth (0 at the front), v the height. Masks are made
once from the mean head and belong to its surface, so they follow every identity and expression.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise

import cv2
import numpy as np
from numpy.typing import NDArray

from ..geometry.face import CANONICAL_FACE
from .base import base_head
from .expression import smooth
from .raster import draw_triangles

#: columns and rows of a skin map, the azimuth it spans to either side (degrees), and its rows in mm
MAP_WIDTH, MAP_HEIGHT = 576, 432
AZIMUTH = 116.0
TOP, BOTTOM = -146.0, 136.0

Map = NDArray[np.float32]


def axis_depth(y: NDArray) -> NDArray:
    """z of the unrolling axis at height y: inside the head above, inside the neck below."""
    return 95.0 + 47.0 * smooth(45.0, 95.0, y)


def unroll(points: NDArray) -> NDArray[np.float32]:
    """Map coordinates (n, 2) in texels of points (n, 3) of the mean head."""
    x, y, z = points.T
    azimuth = np.degrees(np.arctan2(x, axis_depth(y) - z))
    u = (azimuth / AZIMUTH * 0.5 + 0.5) * (MAP_WIDTH - 1)
    v = (y - TOP) / (BOTTOM - TOP) * (MAP_HEIGHT - 1)
    return np.stack([u, v], axis=1).astype(np.float32)


def _position_map() -> NDArray[np.float32]:
    """Rest position (h, w, 3) under every texel; texels that nothing covers take their neighbours'."""
    base = base_head()
    uv = unroll(base.points)
    radius = np.hypot(base.points[:, 0], base.points[:, 2] - axis_depth(base.points[:, 1]))
    flat = np.column_stack([uv, -radius]).astype(np.float32)
    span = np.ptp(uv[base.triangles, 0], axis=1)
    tris = np.ascontiguousarray(base.triangles[span < MAP_WIDTH / 3])
    ids = np.full((MAP_HEIGHT, MAP_WIDTH), -1, np.int32)
    draw_triangles(flat, tris, 0, ids, np.full(ids.shape, np.inf, np.float32), 0)
    rows, cols = np.nonzero(ids >= 0)
    corner = tris[ids[rows, cols]]
    a, b, c = (uv[corner[:, i]].astype(np.float64) for i in range(3))
    p = np.stack([cols, rows], axis=1)
    det = (b[:, 0] - a[:, 0]) * (c[:, 1] - a[:, 1]) - (c[:, 0] - a[:, 0]) * (b[:, 1] - a[:, 1])
    w1 = ((p[:, 0] - a[:, 0]) * (c[:, 1] - a[:, 1]) - (c[:, 0] - a[:, 0]) * (p[:, 1] - a[:, 1])) / det
    w2 = ((b[:, 0] - a[:, 0]) * (p[:, 1] - a[:, 1]) - (p[:, 0] - a[:, 0]) * (b[:, 1] - a[:, 1])) / det
    out = np.zeros((*ids.shape, 3), np.float32)
    corners = base.points[corner]
    out[rows, cols] = (
        corners[:, 0] * (1 - w1 - w2)[:, None] + corners[:, 1] * w1[:, None] + corners[:, 2] * w2[:, None]
    )
    hole = (ids < 0).astype(np.uint8)
    _, nearest = cv2.distanceTransformWithLabels(hole, cv2.DIST_L2, 5, labelType=cv2.DIST_LABEL_PIXEL)
    lookup = np.zeros((nearest.max() + 1, 3), np.float32)
    lookup[nearest[hole == 0]] = out[hole == 0]
    return lookup[nearest]


def _curve(points: NDArray, count: int, closed: bool = False) -> NDArray:
    """A Catmull-Rom curve through ``points`` (k, d), ``count`` points per span."""
    p = np.asarray(points, np.float64)
    ext = np.concatenate([p[-1:], p, p[:2]]) if closed else np.concatenate([p[:1], p, p[-1:]])
    t = np.linspace(0.0, 1.0, count, endpoint=False)[:, None]
    out = []
    for i in range(len(ext) - 3):
        a, b, c, d = ext[i : i + 4]
        out.append(
            0.5 * (2 * b + (c - a) * t + (2 * a - 5 * b + 4 * c - d) * t**2 + (3 * b - a - 3 * c + d) * t**3)
        )
    return np.concatenate(out if closed else [*out, p[-1:]])


def distance_to_outline(x: NDArray, y: NDArray, outline: NDArray) -> Map:
    """Signed distance in mm (positive inside) of (x, y) to a closed outline (k, 2), seen from the front."""
    scale = 6.0
    low = outline.min(0) - 12.0
    size = np.ceil((outline.max(0) + 12.0 - low) * scale).astype(int)
    inside = np.zeros((size[1], size[0]), np.uint8)
    cv2.fillPoly(inside, [np.round((outline - low) * scale * 16).astype(np.int32)], 1, shift=4)
    dist = cv2.distanceTransform(inside, cv2.DIST_L2, 5) - cv2.distanceTransform(1 - inside, cv2.DIST_L2, 5)
    mapped = cv2.remap(
        dist, ((x - low[0]) * scale).astype(np.float32), ((y - low[1]) * scale).astype(np.float32),
        cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT, borderValue=-12.0 * scale,
    )  # fmt: skip
    return (mapped / scale).astype(np.float32)


def distance_to_line(points: NDArray, line: NDArray) -> Map:
    """Distance in mm of texels (h, w, 3) to a polyline (k, 3); x is taken without its sign."""
    p = points.copy()
    p[..., 0] = np.abs(p[..., 0])
    best = np.full(p.shape[:2], np.inf, np.float32)
    for a, b in pairwise(line):
        d = (b - a).astype(np.float32)
        t = np.clip(np.einsum("hwk,k->hw", p - a.astype(np.float32), d) / (d * d).sum(), 0.0, 1.0)
        best = np.minimum(best, np.linalg.norm(p - a.astype(np.float32) - t[..., None] * d, axis=-1))
    return best


@dataclass(frozen=True, eq=False)
class SkinMaps:
    """Masks 0..1 on the unrolled head, all (MAP_HEIGHT, MAP_WIDTH) float32; position is (h, w, 3) mm."""

    position: NDArray[np.float32]
    lips: Map
    blush: Map
    pale: Map
    sockets: Map
    beard: Map
    moustache: Map
    brows: Map
    scalp: Map
    oil: Map
    forehead_lines: Map
    frown_lines: Map
    crow_feet: Map
    fold: Map
    eye_lines: Map
    lid_margin: Map
    lid_fold: Map


def hairline_height(x: NDArray, z: NDArray, recede: float = 0.0) -> NDArray:
    """Height y above which (smaller y) hair grows, over |x| and depth of the mean head.

    Runs across the forehead, back over the temples, down the sideburns and behind the ears to the nape.
    """
    ax = np.abs(x)
    front = -103.0 - recede * 16.0 + 6.0 * smooth(12.0, 0.0, ax) * 0.4
    bay = -8.0 - 22.0 * recede  # the recess at either side of the forehead
    line = front + bay * np.exp(-(((ax - 38.0) / 14.0) ** 2))
    temple = -92.0 + (z - 62.0) * 0.9
    side = np.where(ax > 46.0, np.maximum(line, np.minimum(temple, -42.0)), line)
    burns = np.where((z > 96.0) & (ax > 46.0), -10.0 + 0.0 * z, side)
    behind = -28.0 + (z - 128.0) * 0.95
    return np.where(z > 112.0, np.clip(behind, -40.0, 24.0), burns)


def _scalp(p: NDArray) -> Map:
    x, y, z = p[..., 0], p[..., 1], p[..., 2]
    ear = smooth(66.0, 72.0, np.abs(x)) * smooth(106.0, 112.0, z) * smooth(-56.0, -48.0, y) * (z < 160)
    return (smooth(4.0, -5.0, y - hairline_height(x, z)) * (1.0 - ear)).astype(np.float32)


def _bell(p: NDArray, x: float, y: float, rx: float, ry: float, front: float = 75.0) -> Map:
    bell = np.exp(-0.5 * (((np.abs(p[..., 0]) - x) / rx) ** 2 + ((p[..., 1] - y) / ry) ** 2))
    return (bell * smooth(front + 12.0, front - 6.0, p[..., 2])).astype(np.float32)


def _beard(p: NDArray, lips: Map) -> tuple[Map, Map]:
    x, y, z = np.abs(p[..., 0]), p[..., 1], p[..., 2]
    upper = 30.0 - 34.0 * smooth(34.0, 104.0, z) - 0.10 * x  # from the mouth corner up to the ear
    lower = 84.0 + 14.0 * smooth(40.0, 80.0, z)
    cheeks = smooth(-4.0, 5.0, y - upper) * smooth(6.0, -8.0, y - lower) * smooth(124.0, 108.0, z)
    chin = smooth(40.0, 49.0, y) * smooth(6.0, -8.0, y - lower)
    moustache = smooth(11.5, 15.0, y + 0.05 * x) * smooth(30.0, 24.0, x) * smooth(33.0, 28.0, y) * (z < 45)
    beard = np.maximum(
        np.where(x > 24.0 + 0.15 * (y - 30.0), cheeks, 0.0), np.where(y > 40.0, chin * (z < 118), 0.0)
    )
    beard = cv2.GaussianBlur(np.maximum(beard, moustache).astype(np.float32), (0, 0), 3.0)
    away = np.clip(1.0 - 3.0 * lips, 0.0, 1.0)
    return (beard * away).astype(np.float32), (moustache * away).astype(np.float32)


def brow_curve(side: int) -> NDArray:
    """The middle line of a brow (k, 3) mm, from the nose outwards; side -1 is the image left one."""
    raw = CANONICAL_FACE[22:27] + np.array(
        [[-3.5, 1.2, 0.0], [-1, 1.2, 0], [0, 1.5, 0], [0, 1.6, 0], [-1, 2.6, 0]]
    )
    line = _curve(raw, 8)
    return line * np.array([side, 1.0, 1.0])


def _brows(p: NDArray) -> Map:
    line = brow_curve(1)
    seen = distance_to_line(p * np.array([1, 1, 0.3], np.float32), line * [1, 1, 0.3])
    along = np.clip((np.abs(p[..., 0]) - 15.0) / 42.0, 0.0, 1.0)
    half = 1.2 + 2.6 * np.sin(np.pi * np.clip(0.15 + 0.75 * along, 0, 1))
    return smooth(1.3, -0.8, seen - half).astype(np.float32) * (p[..., 2] < 80)


def _lines(p: NDArray, line: list, width: float) -> Map:
    return np.exp(-((distance_to_line(p, _curve(np.array(line, float), 8)) / width) ** 2)).astype(np.float32)


def _forehead_lines(p: NDArray) -> Map:
    x, y = p[..., 0], p[..., 1]
    out = np.zeros(x.shape, np.float32)
    for k in range(4):
        at = -65.5 - 8.0 * k - 2.2 * np.cos(x / 19.0) + 0.8 * np.sin(x / 7.0 + 2.0 * k)
        out += np.exp(-(((y - at) / 1.1) ** 2)) * (0.75 + 0.25 * np.sin(x / 13.0 + k))
    return (out * smooth(50.0, 34.0, np.abs(x)) * smooth(70.0, 60.0, p[..., 2])).astype(np.float32)


def _crow_feet(p: NDArray) -> Map:
    dx, dy = np.abs(p[..., 0]) - 45.0, p[..., 1] + 33.5
    angle = np.arctan2(dy, np.maximum(dx, 0.1))
    rays = np.maximum(np.cos(angle * 11.0 + 0.4), 0.0) ** 3
    gate = smooth(2.0, 6.0, dx) * smooth(20.0, 11.0, np.hypot(dx, dy)) * smooth(0.95, 0.6, np.abs(angle))
    return (rays * gate * (p[..., 2] < 85)).astype(np.float32)


@lru_cache(maxsize=1)
def skin_maps() -> SkinMaps:
    """The masks of the mean head; made once per process."""
    p = _position_map()
    x, y, z = p[..., 0], p[..., 1], p[..., 2]
    outline = _curve(CANONICAL_FACE[48:60, :2] * [0.985, 1.0], 8, closed=True)
    lips = smooth(-0.8, 0.9, distance_to_outline(x, y, outline)).astype(np.float32) * (z < 42)
    beard, moustache = _beard(p, lips)
    ears = (
        smooth(68.0, 76.0, np.abs(x))
        * smooth(108.0, 116.0, z)
        * smooth(-60.0, -45.0, y)
        * smooth(30.0, 20.0, y)
    )
    blush = 0.8 * _bell(p, 40, 2, 15, 12) + 0.75 * _bell(p, 0, 0, 11, 8) + 0.8 * _bell(p, 15, 6, 6, 6)
    blush += 0.4 * _bell(p, 0, 62, 14, 9) + 0.35 * _bell(p, 0, -75, 30, 12) + 0.7 * ears.astype(np.float32)
    blush += 0.4 * _bell(p, 31, -32, 15, 7)
    sockets = (
        0.55 * _bell(p, 30, -38, 14, 7) + 0.8 * _bell(p, 27, -27, 9, 3.6) + 0.5 * _bell(p, 18, -33, 6, 7)
    )
    oil = _bell(p, 0, -80, 26, 18) + 1.1 * _bell(p, 0, -12, 8, 18) + 0.7 * _bell(p, 34, -14, 13, 9)
    oil += 0.6 * _bell(p, 0, 60, 12, 8) + 0.4 * _bell(p, 0, 18, 12, 5)
    lid = np.abs(np.hypot(np.abs(x) - 31.4, 1.5 * (y + 34.6)) - 12.6)
    ex, ey = (np.abs(x) - 31.4) / 15.0, (y + 34.2) / 10.2
    arch = (np.hypot(ex, ey) - 1.0) * 10.0
    fold_gate = smooth(1.0, 5.0, -(y + 34.2)) * (z < 62)
    return SkinMaps(
        position=p, lips=lips, blush=np.clip(blush, 0, 1.2), pale=_bell(p, 0, 48, 20, 5), sockets=sockets,
        beard=beard, moustache=moustache, brows=_brows(p), scalp=_scalp(p), oil=np.clip(oil, 0, 1.2),
        forehead_lines=_forehead_lines(p),
        frown_lines=_lines(p, [(5.5, -58, 20), (6.5, -50, 20), (7.5, -43, 22)], 1.3),
        crow_feet=_crow_feet(p),
        fold=_lines(p, [(17, 1, 24), (21, 8, 26), (27, 19, 31), (32.5, 32, 36), (34, 42, 38)], 2.2),
        eye_lines=_lines(p, [(19, -29.5, 38), (25, -25.5, 39), (33, -24.3, 40), (41, -26, 43)], 1.3),
        lid_margin=np.exp(-((lid / 1.6) ** 2)).astype(np.float32) * (z < 60),
        lid_fold=(np.exp(-((arch / 0.9) ** 2)) * fold_gate).astype(np.float32),
    )  # fmt: skip
