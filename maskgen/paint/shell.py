"""A style as a surface: fabric laid over the canonical head, tented between what it touches.

The outline is given by points on the head. Between its edges the fabric follows the convex hull of the face
below it (what a stretched cloth does: straight from nose to chin, from nose ridge to cheek, never into the
lips), keeps a least distance from the skin, is smoothed by its stiffness, and comes down to the rim's own
gap at the edge. Built once for a style and a way of wearing it; bent to each face by `geometry.face`.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy.interpolate import CubicSpline
from scipy.ndimage import gaussian_filter
from scipy.spatial import ConvexHull

from ..geometry.face import bending_weights
from ..geometry.head import CENTRE, directions_of, grid_triangles, head_radius, onto_head
from ..geometry.rotation import Array, rotation_x, rotation_z
from ..masks.spec import MaskSpec, Point, Strap

#: vertices along the height and across the width of a shell
ROWS, COLUMNS = 33, 45
#: degrees by which the mask is slid down the face, at the midline, for top and bottom edge
_SLIDE = {"correct": (0.0, 0.0), "loose": (4.0, 2.0), "under_nose": (25.0, 7.0), "under_chin": (55.0, 9.0)}
_LOOSE_MM = 3.5
_STRAP_POINTS = 12


@dataclass(frozen=True, eq=False)
class Shell:
    """Vertices of mask and straps in the canonical frame, and all that does not depend on the picture.

    vertices (n, 3) mm; the first ROWS * COLUMNS are the mask's grid, the rest strap quads.
    weights (n, 60): `bending_weights` of the vertices. triangles (m, 3); from `strap_from` on, straps.
    texture (n, 2): u 0 (image left) .. 1, v 0 (top) .. 1. fabric_mm (n, 2): millimetres along the cloth from
    the top of the midline. rim_mm (n,): distance to the nearest edge. strap_of (n,): strap index or -1.
    size_mm: (width, height) of the unrolled mask. tent_mm (n,): gap between fabric and skin.
    """

    vertices: Array
    weights: NDArray[np.float32]
    triangles: NDArray[np.int32]
    strap_from: int
    texture: NDArray[np.float32]
    fabric_mm: NDArray[np.float32]
    rim_mm: NDArray[np.float32]
    strap_of: NDArray[np.int32]
    tent_mm: NDArray[np.float32]
    size_mm: tuple[float, float]


def _edge_curve(points: tuple[Point, ...], at: Array) -> Array:
    """Unit directions at the fractions ``at`` 0..1 of a smooth curve through ``points``, midline first."""
    d, _ = directions_of(onto_head(np.array(points)))
    mirrored = np.concatenate([d[:0:-1] * [-1.0, 1.0, 1.0], d])
    along = np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(mirrored, axis=0), axis=1))])
    middle = along[len(d) - 1]
    spline = CubicSpline(along, mirrored, bc_type="natural")
    out = spline(middle + np.sign(at) * np.abs(at) * (along[-1] - middle))
    return out / np.linalg.norm(out, axis=-1, keepdims=True)


def _slid(d: Array, degrees: Array) -> Array:
    """Directions turned down about the axis through the ears by ``degrees`` each."""
    return np.einsum("...ij,...j->...i", rotation_x(degrees), d)


def _directions(spec: MaskSpec, wear: str, skew_deg: float) -> Array:
    """Unit directions (ROWS, COLUMNS, 3) of the grid: great circles from the top edge to the bottom edge."""
    u = np.linspace(-1.0, 1.0, COLUMNS)
    v = np.linspace(0.0, 1.0, ROWS)
    slide_top, slide_bottom = _SLIDE[wear]
    hold = 1.0 - 0.7 * u**2  # the loops hold the corners
    top = _slid(_edge_curve(spec.outline.top, u), slide_top * hold)
    bottom = _slid(_edge_curve(spec.outline.bottom, u), slide_bottom * hold)
    angle = np.arccos(np.clip((top * bottom).sum(-1), -1.0, 1.0))[None, :, None]
    w = v[:, None, None]
    d = (np.sin((1.0 - w) * angle) * top + np.sin(w * angle) * bottom) / np.sin(angle)
    # the side edge is drawn in between its corners
    squeeze = spec.outline.pinch / 80.0 * np.outer(4.0 * v * (1.0 - v), np.abs(u) ** 3 * np.sign(u))
    d[..., 0] -= squeeze
    d /= np.linalg.norm(d, axis=-1, keepdims=True)
    if skew_deg:
        d = d @ rotation_z(skew_deg).T
    return d


def _hull_radius(d: Array, skin: Array) -> Array:
    """Radius of the convex hull of the skin points CENTRE + d * skin, along d (n, 3)."""
    hull = ConvexHull(np.concatenate([d * skin[:, None], [[0.0, 0.0, 60.0]]]))
    normals, offsets = hull.equations[:, :3], -hull.equations[:, 3]
    reach = d @ normals.T
    with np.errstate(divide="ignore"):
        limit = np.where(reach > 1e-9, offsets / reach, np.inf)
    return np.maximum(limit.min(axis=1), skin)


def _rim_distance(points: Array) -> Array:
    """Distance (ROWS, COLUMNS) in mm along the cloth from each grid point to the nearest edge."""
    step_v = np.linalg.norm(np.diff(points, axis=0), axis=2)
    step_u = np.linalg.norm(np.diff(points, axis=1), axis=2)
    down = np.vstack([np.zeros(COLUMNS), np.cumsum(step_v, 0)])
    right = np.hstack([np.zeros((ROWS, 1)), np.cumsum(step_u, 1)])
    return np.minimum.reduce([down, down[-1] - down, right, right[:, -1:] - right])


def _smoothstep(x: Array) -> Array:
    t = np.clip(x, 0.0, 1.0)
    return t * t * (3.0 - 2.0 * t)


def _draped(skin: Array, taut: Array, standoff: float, cells: float) -> Array:
    """Radius (ROWS, COLUMNS) of a cloth of some stiffness over ``taut`` that stays off the ``skin``.

    Smoothing rounds what sticks out, so the cloth is lifted again, softly, wherever it came too near.
    """
    cloth = gaussian_filter(taut, cells, mode="nearest") + standoff
    for _ in range(6):
        short = np.maximum(skin + standoff - cloth, 0.0)
        cloth = cloth + 1.5 * gaussian_filter(short, cells, mode="nearest")
    return np.maximum(cloth, skin + 0.5 * standoff)


def _surface(spec: MaskSpec, wear: str, skew_deg: float) -> tuple[Array, Array]:
    """Grid points (ROWS, COLUMNS, 3) in mm and their gap to the skin (ROWS, COLUMNS)."""
    drape = spec.drape
    d = _directions(spec, wear, skew_deg)
    flat = d.reshape(-1, 3)
    skin = head_radius(flat)
    hull = _hull_radius(flat, skin).reshape(ROWS, COLUMNS)
    skin = skin.reshape(ROWS, COLUMNS)
    rim = _rim_distance(CENTRE + d * skin[..., None])
    loose = _LOOSE_MM if wear == "loose" else 0.0
    cells = drape.stiffness / max(2.0 * float(rim.max()) / ROWS, 1e-6)
    body = _draped(skin, drape.tent * hull + (1.0 - drape.tent) * skin, drape.standoff + loose, cells) - skin
    u = np.linspace(-1.0, 1.0, COLUMNS)[None, :]
    v = np.linspace(0.0, 1.0, ROWS)[:, None]
    bell = np.clip(1.0 - ((v - drape.dome_centre) / drape.dome_width) ** 2, 0.0, 1.0)
    body = body + drape.dome * bell * np.clip(1.0 - u**2, 0.0, 1.0) ** 0.7
    body = body + drape.ridge * np.exp(-np.abs(u) / 0.05) * np.ones_like(v)
    body = body + drape.fold * np.exp(-np.abs(v - drape.dome_centre) / 0.06) * np.clip(1.0 - u**2, 0.0, 1.0)
    # gap at the rim: top, side and bottom edges blend by how near each is
    near = np.stack([v + 0 * u, (1.0 - np.abs(u)) * 1.2 + 0 * v, (1.0 - v) + 0 * u])
    share = 1.0 / (near + 0.02) ** 2
    share /= share.sum(0)
    edge = np.tensordot(np.array(drape.rim), share, 1) + 0.2 * (body - drape.standoff)
    reach = _smoothstep(rim / 14.0)
    gap = edge * (1.0 - reach) + body * reach
    gap = gap + drape.flare * _smoothstep((np.abs(u) - 0.55) / 0.45) * _smoothstep((v - 0.45) / 0.55)
    return CENTRE + d * (skin + gap)[..., None], gap


def _strap_ribbon(strap: Strap, surface: Array, side: float) -> tuple[Array, Array]:
    """Vertices (2 * _STRAP_POINTS, 3) of one band and millimetres along it (_STRAP_POINTS,)."""
    u = (strap.start[0] * side + 1.0) / 2.0 * (COLUMNS - 1)
    v = strap.start[1] * (ROWS - 1)
    i, j = min(int(v), ROWS - 2), min(int(u), COLUMNS - 2)
    fv, fu = v - i, u - j
    start = (1 - fv) * ((1 - fu) * surface[i, j] + fu * surface[i, j + 1]) + fv * (
        (1 - fu) * surface[i + 1, j] + fu * surface[i + 1, j + 1]
    )
    path = np.vstack([start, np.array(strap.path) * [side, 1.0, 1.0]])
    along = np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(path, axis=0), axis=1))])
    at = np.linspace(0.0, along[-1], _STRAP_POINTS)
    line = np.stack([np.interp(at, along, path[:, k]) for k in range(3)], -1)
    d, r = directions_of(line)
    # taut: straight where it clears the head, laid on it where it would cut through
    line = CENTRE + d * np.maximum(r, head_radius(d) + strap.lift)[:, None]
    line[0] = start
    tangent = np.gradient(line, axis=0)
    across = np.cross(tangent, d)
    across /= np.maximum(np.linalg.norm(across, axis=1, keepdims=True), 1e-9)
    # the band is flat on the head; a cord, seen from any side, is as wide
    half = strap.width / 2.0
    return np.concatenate([line - half * across, line + half * across]), at


def _fabric_mm(surface: Array) -> Array:
    """Millimetres along the cloth (ROWS, COLUMNS, 2): across from the midline, down from the top."""
    step_u = np.linalg.norm(np.diff(surface, axis=1), axis=2)
    right = np.hstack([np.zeros((ROWS, 1)), np.cumsum(step_u, 1)])
    right -= right[:, COLUMNS // 2 : COLUMNS // 2 + 1]
    step_v = np.linalg.norm(np.diff(surface, axis=0), axis=2)
    down = np.vstack([np.zeros(COLUMNS), np.cumsum(step_v, 0)])
    return np.stack([right, down], -1)


@lru_cache(maxsize=96)
def build_shell(spec: MaskSpec, wear: str = "correct", skew_deg: float = 0.0) -> Shell:
    """The style's shell for one way of wearing it. Cached; about 30 ms the first time."""
    surface, gap = _surface(spec, wear, skew_deg)
    u, v = np.meshgrid(np.linspace(0.0, 1.0, COLUMNS), np.linspace(0.0, 1.0, ROWS))
    fabric = _fabric_mm(surface)
    vertices, triangles = [surface.reshape(-1, 3)], [grid_triangles(ROWS, COLUMNS)]
    texture, cloth = [np.stack([u, v], -1).reshape(-1, 2)], [fabric.reshape(-1, 2)]
    rim, owner, tent = [_rim_distance(surface).ravel()], [np.full(ROWS * COLUMNS, -1)], [gap.ravel()]
    strap_from, start = len(triangles[0]), ROWS * COLUMNS
    for index, strap in enumerate(spec.straps):
        for side in (-1.0, 1.0):
            ribbon, along = _strap_ribbon(strap, surface, side)
            n = len(ribbon)
            vertices.append(ribbon)
            triangles.append(grid_triangles(2, _STRAP_POINTS) + start)
            texture.append(np.stack([np.repeat([0.0, 1.0], n // 2), np.tile(along / along[-1], 2)], -1))
            cloth.append(np.stack([np.repeat([0.0, strap.width], n // 2), np.tile(along, 2)], -1))
            rim.append(np.full(n, strap.width / 2.0))
            owner.append(np.full(n, index))
            tent.append(np.full(n, strap.lift))
            start += n
    points = np.concatenate(vertices)
    span = fabric[..., 0]
    return Shell(
        vertices=points,
        weights=bending_weights(points),
        triangles=np.ascontiguousarray(np.concatenate(triangles), np.int32),
        strap_from=strap_from,
        texture=np.concatenate(texture).astype(np.float32),
        fabric_mm=np.concatenate(cloth).astype(np.float32),
        rim_mm=np.concatenate(rim).astype(np.float32),
        strap_of=np.concatenate(owner).astype(np.int32),
        tent_mm=np.concatenate(tent).astype(np.float32),
        size_mm=(float((span[:, -1] - span[:, 0]).max()), float(fabric[..., 1].max())),
    )
