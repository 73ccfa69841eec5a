"""A style as a surface: fabric laid over the canonical head, tented between what it touches.

The outline is given by points on the head. Between its edges the fabric follows the convex hull of the face
below it (what a stretched cloth does: straight from nose to chin, from nose ridge to cheek, never into the
lips), keeps a least distance from the skin, is smoothed by its stiffness, and comes down to the rim's own
gap at the edge. Folds, cups and round parts are added on top; cloth that goes on down the neck hangs from the
lower edge.
"""

from __future__ import annotations

import cv2
import numpy as np
from numba import njit
from numba.extending import register_jitable

from ..geometry.head import CENTRE, directions_of, head_radius, onto_head
from ..geometry.hull import hull_radius
from ..geometry.rotation import Array, rotation_x, rotation_z
from ..masks.spec import Bump, Drape, MaskSpec, Point

#: vertices along the height and across the width of a shell
ROWS, COLUMNS = 33, 45
#: degrees by which the mask is slid down the face, at the midline, for top and bottom edge
_SLIDE = {"correct": (0.0, 0.0), "loose": (4.0, 2.0), "under_nose": (25.0, 7.0), "under_chin": (55.0, 9.0)}
#: how far a mask worn so stands off more than it should, and how high its cloth bunches, mm
_EXTRA = {"correct": 0.0, "loose": 3.5, "under_nose": 1.5, "under_chin": 2.0}
_BUNCH = {"correct": 0.0, "loose": 0.6, "under_nose": 0.8, "under_chin": 1.3}
#: no point of the cloth comes nearer to the skin, mm
_LEAST_MM = 0.7
#: the neck of geometry.head: y and z of its axis at the top and how they run, and its radius, mm
_NECK_TOP, _NECK_LENGTH, _NECK_Z, _NECK_LEAN = 40.0, 150.0, 132.0, 16.0


@register_jitable
def _neck_axis_z(y: Array) -> Array:
    return _NECK_Z + _NECK_LEAN * (y - _NECK_TOP) / _NECK_LENGTH


@register_jitable
def _neck_radius(y: Array) -> Array:
    return 54.0 + 10.0 * np.minimum(np.maximum((y - _NECK_TOP) / _NECK_LENGTH, 0.0), 1.0) ** 3


@njit(cache=True, nogil=True, error_model="numpy")
def _or_neck(d: Array, centre: Array, out: Array) -> None:
    """Raise ``out`` (n,) to the distance from ``centre`` at which rays along ``d`` (n, 3) leave the neck."""
    for i in range(len(d)):
        if d[i, 1] <= 0.25:  # no other ray meets the neck
            continue
        for k in range(54, -1, -1):
            t = 40.0 + 2.0 * k
            y = centre[1] + t * d[i, 1]
            if y <= _NECK_TOP:
                break
            x, z = t * d[i, 0], centre[2] + t * d[i, 2] - _neck_axis_z(y)
            depth = _neck_radius(y) - np.sqrt(x * x + z * z)
            if depth > 0.0:
                out[i] = max(out[i], t + min(depth, 2.0))  # smooth between the samples
                break


def skin_radius(d: Array) -> Array:
    """Distance in mm from CENTRE along unit ``d`` (n, 3) to where the ray last leaves head or neck."""
    out = head_radius(d)
    _or_neck(d, CENTRE, out)
    return out


def natural_spline(x: Array, values: Array, at: Array) -> Array:
    """Cubic spline through ``values`` (n, k) at ``x`` (n,), straight at both ends, read at ``at`` (m,)."""
    n, h = len(x), np.diff(x)
    slope = np.diff(values, axis=0) / h[:, None]
    system = np.eye(n)
    inner = np.arange(1, n - 1)
    system[inner, inner - 1], system[inner, inner + 1] = h[:-1], h[1:]
    system[inner, inner] = 2.0 * (h[:-1] + h[1:])
    turn = np.zeros_like(values)
    turn[1:-1] = 6.0 * np.diff(slope, axis=0)
    bend = np.linalg.solve(system, turn)
    i = np.clip(np.searchsorted(x, at, "right") - 1, 0, n - 2)
    t, step = (at - x[i])[:, None], h[i][:, None]
    first = slope[i] - step * (2.0 * bend[i] + bend[i + 1]) / 6.0
    third = (bend[i + 1] - bend[i]) / (6.0 * step)
    return np.asarray(values[i] + t * (first + t * (bend[i] / 2.0 + t * third)))


def _blurred(field: Array, rows: float, columns: float) -> Array:
    """``field`` (h, w) blurred by Gaussians of so many cells, the border's values going on beyond it."""
    across, down = (
        cv2.getGaussianKernel(2 * int(4.0 * cells + 0.5) + 1, cells) if cells > 0.0 else np.ones((1, 1))
        for cells in (columns, rows)
    )
    return np.asarray(cv2.sepFilter2D(field, cv2.CV_64F, across, down, borderType=cv2.BORDER_REPLICATE))


def _edge_curve(points: tuple[Point, ...], at: Array) -> Array:
    """Unit directions at the fractions ``at`` -1..1 of a smooth curve through ``points``, midline first."""
    d, _ = directions_of(onto_head(np.array(points)))
    mirrored = np.concatenate([d[:0:-1] * [-1.0, 1.0, 1.0], d])
    along = np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(mirrored, axis=0), axis=1))])
    middle = along[len(d) - 1]
    out = natural_spline(along, mirrored, middle + at * (along[-1] - middle))
    return out / np.linalg.norm(out, axis=-1, keepdims=True)


def _slid(d: Array, degrees: Array) -> Array:
    """Directions turned down about the axis through the ears by ``degrees`` each."""
    return np.einsum("...ij,...j->...i", rotation_x(degrees), d)


def _directions(spec: MaskSpec, wear: str, skew_deg: float, rows: int) -> Array:
    """Unit directions (rows, COLUMNS, 3) of the grid: great circles from the top edge to the bottom edge."""
    u = np.linspace(-1.0, 1.0, COLUMNS)
    v = np.linspace(0.0, 1.0, rows)
    slide_top, slide_bottom = _SLIDE[wear]
    top, bottom = _edge_curve(spec.outline.top, u), _edge_curve(spec.outline.bottom, u)
    # the loops hold the corners, and what lies round the back of the head stays there
    hold = (1.0 - 0.7 * u**2) * _smoothstep((0.45 - top[:, 2]) / 0.5)
    top, bottom = _slid(top, slide_top * hold), _slid(bottom, slide_bottom * hold)
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
    points = np.concatenate([d * skin[:, None], [[0.0, 0.0, 60.0]]])
    return np.maximum(hull_radius(points, d), skin)


def edge_distances(points: Array) -> Array:
    """Distances (3, rows, columns) in mm along the cloth from each grid point to top, side, bottom edge."""
    rows, columns = points.shape[:2]
    step_v = np.linalg.norm(np.diff(points, axis=0), axis=2)
    step_u = np.linalg.norm(np.diff(points, axis=1), axis=2)
    down = np.vstack([np.zeros(columns), np.cumsum(step_v, 0)])
    right = np.hstack([np.zeros((rows, 1)), np.cumsum(step_u, 1)])
    return np.stack([down, np.minimum(right, right[:, -1:] - right), down[-1] - down])


def _smoothstep(x: Array) -> Array:
    t = np.clip(x, 0.0, 1.0)
    return t * t * (3.0 - 2.0 * t)


def _draped(skin: Array, taut: Array, standoff: float, cells: float) -> Array:
    """Radius (rows, COLUMNS) of a cloth of some stiffness over ``taut`` that stays off the ``skin``.

    Smoothing rounds what sticks out, so the cloth is lifted again, softly, wherever it came too near.
    """
    cloth = _blurred(taut, cells, cells) + standoff
    for _ in range(6):
        short = np.maximum(skin + standoff - cloth, 0.0)
        cloth = cloth + 1.5 * _blurred(short, cells, cells)
    return np.maximum(cloth, skin + 0.5 * standoff)


def _shaped(drape: Drape, u: Array, v: Array) -> Array:
    """Extra height (rows, COLUMNS) in mm of cup, panels and middle fold; u (1, COLUMNS), v (rows, 1)."""
    bell = np.clip(1.0 - ((v - drape.dome_centre) / drape.dome_width) ** 2, 0.0, 1.0)
    out = drape.dome * bell * np.clip(1.0 - u**2, 0.0, 1.0) ** 0.7
    if drape.profile:
        at, height = np.array(drape.profile).T
        down = _blurred(np.interp(v, at, height), 0.7, 0.0)
        out = out + down * np.clip(1.0 - np.abs(u) ** drape.spread, 0.0, 1.0)
    if drape.cheeks:
        beside = np.exp(-(((np.abs(u) - 0.30) / 0.20) ** 2)) - np.exp(-2.25 - (u / 0.10) ** 2)
        out = out + drape.cheeks * beside * _smoothstep((v - 0.05) / 0.4) * _smoothstep((1.0 - v) / 0.4)
    # the fold runs out at both ends, where nose and chin hold the cloth
    held = _smoothstep(v / 0.12) * _smoothstep((1.0 - v) / 0.12)
    return out + drape.ridge * np.exp(-np.abs(u) / drape.ridge_width) * (0.3 + 0.7 * held)


def _bunched(height: float, u: Array, v: Array) -> Array:
    """Height (rows, COLUMNS) in mm of the slack cloth's cross folds: they sag in the middle."""
    phase = 2.0 * np.pi * (4.6 * v**0.9 - 0.7 * u**2 + 0.05 * np.cos(5.0 * u) - 0.1)
    calm = _smoothstep(v / 0.15) * _smoothstep((1.0 - v) / 0.15) * np.clip(1.0 - u**4, 0.0, 1.0)
    return height * (1.0 + np.sin(phase)) * calm


def _with_bump(points: Array, bump: Bump, side: float) -> Array:
    """``points`` (rows, COLUMNS, 3) with a round part raised along the normal of its middle."""
    rows, columns = points.shape[:2]
    j = round((side * bump.at[0] + 1.0) / 2.0 * (columns - 1))
    i = round(bump.at[1] * (rows - 1))
    a = points[min(i + 1, rows - 1), j] - points[max(i - 1, 0), j]
    b = points[i, min(j + 1, columns - 1)] - points[i, max(j - 1, 0)]
    normal = np.cross(a, b)
    normal /= np.linalg.norm(normal)
    if normal @ (points[i, j] - CENTRE) < 0.0:
        normal = -normal
    far = np.linalg.norm(points - points[i, j], axis=-1)
    lift = _smoothstep((bump.radius + bump.wall - far) / bump.wall) * bump.height
    return points + lift[..., None] * normal


def _skirt(points: Array, drape: Drape, rows: int) -> Array:
    """``rows`` further rows (rows, COLUMNS, 3) that hang from the last of ``points`` down round the neck."""
    start = points[-1]
    leave = points[-1] - points[-3]
    leave /= np.linalg.norm(leave, axis=-1, keepdims=True)
    u = np.abs(np.linspace(-1.0, 1.0, COLUMNS))
    low = float(start[:, 1].max())
    y_end = start[:, 1] * drape.skirt_taper + low * (1.0 - drape.skirt_taper)
    y_end = y_end + np.maximum(drape.skirt * (1.0 - drape.skirt_taper * 1.15 * u), 5.0)
    radius = _neck_radius(y_end) + drape.rim[2]
    around = np.arctan2(start[:, 0], _neck_axis_z(start[:, 1]) - start[:, 2])
    end = np.stack([radius * np.sin(around), y_end, _neck_axis_z(y_end) - radius * np.cos(around)], -1)
    length = np.linalg.norm(end - start, axis=-1, keepdims=True)
    t = (np.arange(1, rows + 1) / rows)[:, None, None]
    h00, h10 = 2 * t**3 - 3 * t**2 + 1, t**3 - 2 * t**2 + t
    h01, h11 = -2 * t**3 + 3 * t**2, t**3 - t**2
    out = h00 * start + h10 * leave * length * 0.7 + h01 * end + h11 * length * np.array([0.0, 1.0, 0.05])
    # off the neck
    axis = np.stack([0.0 * out[..., 1], out[..., 1], _neck_axis_z(out[..., 1])], -1)
    away = out - axis
    off = np.linalg.norm(away, axis=-1, keepdims=True)
    least = (_neck_radius(out[..., 1]) + drape.rim[2])[..., None]
    return axis + away * np.maximum(off, least) / np.maximum(off, 1e-9)


def _lifted(points: Array) -> Array:
    """``points`` (ROWS, COLUMNS, 3) raised where the cloth between them would cut the skin."""
    at = np.arange(points[..., 0].size).reshape(points.shape[:2])
    a, b, c, e = at[:-1, :-1], at[:-1, 1:], at[1:, :-1], at[1:, 1:]
    pairs = [(a, b), (a, c), (a, e), (b, c), (b, e), (c, e)]
    one, two = (np.concatenate([p[k].ravel() for p in pairs]) for k in (0, 1))
    flat = points.reshape(-1, 3).copy()
    d, r = directions_of(flat)
    gap = r - skin_radius(d)
    flat += d * np.maximum(_LEAST_MM - gap, 0.0)[:, None]
    near = np.minimum(gap[one], gap[two]) < 5.0  # farther out, no cell is wide enough to cut the skin
    one, two = one[near], two[near]
    for _ in range(4):
        between, r = directions_of((flat[one] + flat[two]) / 2.0)
        short = np.maximum(_LEAST_MM + skin_radius(between) - r, 0.0)
        if not short.any():
            break
        lift = np.zeros(len(flat))
        for corner in (one, two):
            np.maximum.at(lift, corner, 1.05 * short)
        flat += d * lift[:, None]
    return flat.reshape(points.shape)


def drape_surface(spec: MaskSpec, wear: str, skew_deg: float) -> tuple[Array, Array]:
    """Grid points (ROWS, COLUMNS, 3) in mm and their gap to the skin (ROWS, COLUMNS)."""
    drape = spec.drape
    below = int(np.clip(round(ROWS * drape.skirt / (drape.skirt + 115.0)), 5, 16)) if drape.skirt else 0
    rows = ROWS - below
    d = _directions(spec, wear, skew_deg, rows)
    flat = d.reshape(-1, 3)
    skin = skin_radius(flat)
    skin = skin.reshape(rows, COLUMNS)
    u = np.linspace(-1.0, 1.0, COLUMNS)[None, :]
    v = np.linspace(0.0, 1.0, rows)[:, None]
    # under the chin the hem hangs free: the cloth above is stretched to it, not to the skin
    held = skin + drape.chin_gap * (1.0 - u**2) ** 2.5 * _smoothstep((v - 0.75) / 0.25)
    hull = _hull_radius(flat, held.ravel()).reshape(rows, COLUMNS)
    edges = edge_distances(CENTRE + d * skin[..., None])
    if below:
        edges[2] = 1e3
    rim = edges.min(0)
    cells = drape.stiffness / max(2.0 * float(rim.max()) / rows, 1e-6)
    taut = drape.tent * hull + (1.0 - drape.tent) * held
    body = _draped(held, taut, drape.standoff + _EXTRA[wear], cells)
    # lifted off the nose's tip the cloth would dip below it again: it is stretched once more
    again = _hull_radius(flat, body.ravel()).reshape(rows, COLUMNS)
    body = drape.tent * again + (1.0 - drape.tent) * body - held
    soft = min(1.0, 1.8 * spec.material.crease)  # a moulded shell does not bunch
    body = body + _shaped(drape, u, v) + _bunched(_BUNCH[wear] * soft, u, v)
    # gap at the rim: top, side and bottom edges blend by how near each is
    near = np.stack([v + 0 * u, (1.0 - np.abs(u)) * 1.2 + 0 * v, (1.0 - v) + 0 * u + (1.0 if below else 0.0)])
    share = 1.0 / (near + 0.02) ** 2
    share /= share.sum(0)
    top, side, bottom = drape.rim
    edge = top * share[0] + side * share[1] + bottom * share[2] + 0.2 * (body - drape.standoff)
    edge += 0.5 * _EXTRA[wear]
    reach = _smoothstep(rim / drape.reach)
    gap = edge * (1.0 - reach) + body * reach
    gap = gap + drape.flare * _smoothstep((np.abs(u) - 0.55) / 0.45) * _smoothstep((v - 0.45) / 0.55)
    gap = gap + held - skin
    points = CENTRE + d * (skin + gap)[..., None]
    for bump in drape.bumps:
        for side_sign in (-1.0, 1.0) if bump.at[0] > 0.0 else (1.0,):
            points = _with_bump(points, bump, side_sign)
    if below:
        points = np.concatenate([points, _skirt(points, drape, below)])
        gap = np.concatenate([gap, np.full((below, COLUMNS), drape.rim[2])])
    return _lifted(points), gap
