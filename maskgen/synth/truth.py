"""The same scene with a mask of the catalogue worn on the head, as a mesh in the renderer.

The shell that the painter bends to landmarks is bent here to the person's own surface, which the painter
never sees: it moves with the skin below it, is pushed off wherever skin would come through, and is then lit,
shadowed and hidden by hair like everything else.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache

import cv2
import numpy as np
from numba import njit
from numpy.typing import NDArray
from scipy.interpolate import CubicSpline
from scipy.sparse import csr_matrix
from scipy.spatial import cKDTree

from ..geometry.head import grid_triangles
from ..masks.catalogue import Catalogue, Style
from ..masks.spec import MaskDraw
from ..paint.drawn import Drawn, drawn
from ..paint.fabric import crease_slope, creases, prepared, print_of, unpacked, wandered
from ..paint.shell import COLUMNS, ROWS, Shell, build_shell
from ..paint.slack import slack_fields, slackened
from ..paint.tone import hex_to_linear, trim_beside
from .base import base_head
from .draws import generator
from .model import Bent, HeadModel, head_model, vertex_normals
from .parts import FABRIC, Part
from .scene import Scene
from .texels import packed

#: how wide the skin's movement is averaged before the fabric follows it, mm
_FOLLOW_MM = 9.0
#: least distance of fabric and strap from the skin, mm
_FABRIC_GAP, _STRAP_GAP = 2.1, 0.8
#: skin within this distance along the fabric is kept below it, mm; the fabric's points lie about as far apart
_PATCH_MM = 6.5
#: fabric below this height, under the clothes, is pushed off shoulders by centimetres, each point for itself
_FACE_MM = 78.0
_STEPS = 6
#: points of the skin that each point of a shell is kept above: those nearest on the mean head
_CANDIDATES = 144
_STRAP_ROWS = 4
#: albedo of the brightest cloth: nothing reflects all light
_CLOTH = 0.86


@lru_cache(maxsize=1)
def catalogue() -> Catalogue:
    """The shipped styles."""
    return Catalogue.load()


def pick_styles(names: str | None) -> tuple[str, ...]:
    """Styles by comma-separated names; all opaque ones where None. Raises UsageError for an unknown
    one."""
    found = catalogue()
    if names is None:
        return tuple(name for name in found.names() if _opaque(found.style(name)))
    return tuple(found.style(name.strip()).spec.name for name in names.split(","))


def _opaque(style: Style) -> bool:
    alpha = style.maps.get("alpha")
    return alpha is None or float((alpha < 160).mean()) < 0.02


@dataclass(frozen=True, eq=False)
class FineShell:
    """A shell with twice the points along and across, fields as in `Shell`; grid: (rows, columns)."""

    vertices: NDArray[np.float64]
    triangles: NDArray[np.int32]
    texture: NDArray[np.float32]
    strap_of: NDArray[np.int32]
    tent_mm: NDArray[np.float32]
    size_mm: tuple[float, float]
    grid: tuple[int, int]


def _finer(values: NDArray) -> NDArray:
    """``values`` (n, ...) of a shell's vertices at those of its `FineShell`."""
    rows, columns, old = 2 * ROWS - 1, 2 * COLUMNS - 1, ROWS * COLUMNS
    grid = values[:old].reshape(ROWS, COLUMNS, -1).astype(np.float64)
    spline = CubicSpline(np.arange(ROWS), grid, axis=0)(np.linspace(0, ROWS - 1, rows))
    spline = CubicSpline(np.arange(COLUMNS), spline, axis=1)(np.linspace(0, COLUMNS - 1, columns))
    return np.concatenate([spline.reshape(rows * columns, -1), values[old:].reshape(-1, grid.shape[2])])


@lru_cache(maxsize=32)
def _fine(shell: Shell) -> FineShell:
    rows, columns = 2 * ROWS - 1, 2 * COLUMNS - 1
    first, old = rows * columns, ROWS * COLUMNS
    straps = shell.triangles[shell.strap_from :] - old + first
    return FineShell(
        vertices=_finer(shell.vertices),
        triangles=np.concatenate([grid_triangles(rows, columns), straps]).astype(np.int32),
        texture=np.clip(_finer(shell.texture), 0.0, 1.0).astype(np.float32),
        strap_of=np.concatenate([np.full(first, -1), shell.strap_of[old:]]).astype(np.int32),
        tent_mm=_finer(shell.tent_mm)[:, 0].astype(np.float32),
        size_mm=shell.size_mm,
        grid=(rows, columns),
    )


@dataclass(frozen=True, eq=False)
class WornMask:
    """A mask on a head. draw: what it is; texture (h, w, WORDS): its texels.

    slack (n, 3): millimetres by which the shell's vertices hang elsewhere on this mask; folds (n,): how far
    along the texture its folds lie elsewhere.
    """

    draw: MaskDraw
    shell: FineShell
    texture: NDArray[np.uint32]
    slack: NDArray[np.float64]
    folds: NDArray[np.float64]

    def worn(self, bent: Bent, model: HeadModel) -> Part:
        """The shell as a part of the figure, on this very head (head frame)."""
        points = _on_the_head(self.shell, self.slack, bent, model)
        h, w = (
            self.texture.shape[0] - _STRAP_ROWS * max(int(self.shell.strap_of.max()) + 1, 1),
            self.texture.shape[1],
        )
        u = self.shell.texture[:, 0] * (w - 1)
        v = np.clip(self.shell.texture[:, 1] + self.folds, 0.0, 1.0) * (h - 1)
        strap = self.shell.strap_of >= 0
        v = np.where(strap, h + _STRAP_ROWS * (self.shell.strap_of + 0.5) - 0.5, v)
        u = np.where(strap, 0.5 * w, u)
        sky = np.clip(0.72 + 0.28 * np.minimum(self.shell.tent_mm / 8.0, 1.0), 0.0, 1.0)
        attributes = np.stack([u, v, sky, np.ones_like(u)], axis=1).astype(np.float32)
        # what hangs below the neck is under the clothes
        under = (points[:, 1] > 100.0) & (np.hypot(points[:, 0], points[:, 2] - 136.0) > 76.0)
        seen = self.shell.triangles[~under[self.shell.triangles].all(axis=1)]
        return Part(points.astype(np.float32), seen, attributes, FABRIC)


@lru_cache(maxsize=1)
def _outer_skin() -> NDArray[np.int64]:
    """Points of the mean head that fabric can touch: not the inside of the mouth."""
    model = head_model()
    p, inside = model.base.points, model.attributes[: model.skin_count, 3]
    return np.flatnonzero((inside < 0.3) & (p[:, 1] > -125.0) & (p[:, 1] < 150.0))


@lru_cache(maxsize=32)
def _followers(shell: FineShell) -> csr_matrix:
    """How each vertex of a shell follows the skin: weights (n, skin points), rows sum to 1."""
    rows = _outer_skin()
    near = base_head().points[rows]
    distance, index = cKDTree(near).query(shell.vertices, k=60)
    nearest = distance[:, :1]
    weight = np.exp(-(((distance - nearest) / _FOLLOW_MM) ** 2))
    weight /= weight.sum(axis=1, keepdims=True)
    owner = np.repeat(np.arange(len(shell.vertices)), index.shape[1])
    shape = (len(shell.vertices), len(rows))
    return csr_matrix((weight.ravel(), (owner, index.ravel())), shape=shape)


@lru_cache(maxsize=32)
def _skin_below(shell: FineShell) -> NDArray[np.int32]:
    """Rows (n, _CANDIDATES) of the outer skin that can come through each vertex of a shell.

    Fabric moves with the skin, so whom it meets is known from the mean head; no person needs a search.
    """
    _, index = cKDTree(base_head().points[_outer_skin()]).query(shell.vertices, k=_CANDIDATES)
    return np.ascontiguousarray(index, np.int32)


@njit(cache=True)
def _highest(points, out, skin, candidates):  # type: ignore[no-untyped-def]
    """How far skin rises above each point (n, 3) of the fabric along out (n, 3), mm (-inf: none is near)."""
    below = np.full(len(points), -np.inf)
    for i in range(len(points)):
        x, y, z = points[i]
        nx, ny, nz = out[i]
        for k in candidates[i]:
            dx, dy, dz = skin[k, 0] - x, skin[k, 1] - y, skin[k, 2] - z
            height = dx * nx + dy * ny + dz * nz
            aside = dx * dx + dy * dy + dz * dz - height * height
            if aside < _PATCH_MM * _PATCH_MM and below[i] < height < 30.0:
                below[i] = height
    return below


def _on_the_head(
    shell: FineShell, slack: NDArray[np.float64], bent: Bent, model: HeadModel
) -> NDArray[np.float64]:
    """Vertices (n, 3) of the shell, moved by ``slack``, on the bent head.

    Carried by the skin, then pushed out of it and smoothed.
    """
    rows = _outer_skin()
    skin = bent.points[: model.skin_count].astype(np.float64)[rows]
    points = shell.vertices + slack + _followers(shell) @ (skin - base_head().points[rows])
    candidates = _skin_below(shell)
    rows_columns, grid = shell.grid, shell.grid[0] * shell.grid[1]
    gap = np.where(shell.strap_of >= 0, _STRAP_GAP, _FABRIC_GAP)
    for step in range(_STEPS):
        out = _outward(points, shell)
        below = _highest(points, out, skin, candidates)
        push = np.clip(below + gap, 0.0, None)
        face = points[:grid, 1] < _FACE_MM
        together = _together(np.where(face, push[:grid], 0.0).reshape(rows_columns)).ravel()
        push[:grid] = np.where(face, together, push[:grid])
        points = points + push[:, None] * out
        if step < _STEPS - 2:
            points[:grid] = _ironed(
                points[:grid].reshape(*rows_columns, 3), push[:grid].reshape(rows_columns)
            )
    return points


def _together(push: NDArray[np.float64]) -> NDArray[np.float64]:
    """A push (rows, columns) that no point of the fabric takes without its neighbours, or hems would fray."""
    wide = cv2.dilate(push, np.ones((5, 5), np.uint8))
    return np.asarray(cv2.GaussianBlur(wide, (0, 0), 1.6, borderType=cv2.BORDER_REPLICATE), np.float64)


def _outward(points: NDArray[np.float64], shell: FineShell) -> NDArray[np.float64]:
    """Unit normals (n, 3) of the fabric that point away from the head."""
    normals = vertex_normals(points.astype(np.float32), shell.triangles).astype(np.float64)
    count = shell.grid[0] * shell.grid[1]
    fabric = normals[:count].reshape(*shell.grid, 3)
    fabric = cv2.GaussianBlur(fabric, (0, 0), 2.0, borderType=cv2.BORDER_REPLICATE).reshape(-1, 3)
    fabric /= np.maximum(np.linalg.norm(fabric, axis=1, keepdims=True), 1e-9)
    normals[:count] = np.where(points[:count, 1:2] < _FACE_MM, fabric, normals[:count])
    away = points - np.array([0.0, 10.0, 100.0])
    return normals * np.where((normals * away).sum(axis=1) < 0.0, -1.0, 1.0)[:, None]


def _ironed(grid: NDArray[np.float64], push: NDArray[np.float64]) -> NDArray[np.float64]:
    """Fabric is stiff: where it was pushed, its neighbours give way too."""
    smooth = cv2.blur(grid, (5, 5), borderType=cv2.BORDER_REPLICATE)
    weight = cv2.GaussianBlur(np.minimum(push, 2.0), (0, 0), 2.0)[..., None] / 2.0
    rows, columns = (np.minimum(np.arange(n), np.arange(n)[::-1]) for n in push.shape)
    weight = (
        weight * np.clip(np.minimum(rows[:, None], columns) / 3.0, 0.0, 1.0)[..., None]
    )  # hems hold their place
    return (grid + np.minimum(1.5 * weight, 0.8) * (smooth - grid)).reshape(-1, 3)


@lru_cache(maxsize=32)
def _texture(
    style: Style, size_mm: tuple[float, float], color: str, crease: tuple[int, int, float], stamp: str | None
) -> NDArray[np.uint32]:
    """The style's maps as texels, and a few rows of each strap's colour below."""
    # a picture of 450 px shows no more than 520 texels
    levels = prepared(style, size_mm, stamp)
    level = unpacked(next((maps for maps in levels if maps.cloth.shape[1] <= 520), levels[-1]))
    h, w = level.alpha.shape
    tint = hex_to_linear(color)
    base = tint[::-1] * _CLOTH
    lining = trim_beside(tint, hex_to_linear(style.spec.material.lining))[::-1] * _CLOTH
    printed, hem = level.print, level.lining[..., None]
    colour = level.albedo[..., ::-1] * (base * (1.0 - hem) + lining * hem)
    colour = colour * (1.0 - printed[..., 3:]) + printed[..., 2::-1] * _CLOTH
    colour *= 2.0 ** (0.5 * level.relief[..., 2:3])
    out = np.zeros((h, w, 6), np.float32)
    out[..., :3] = colour
    out[..., 3] = 0.15 + 1.5 * style.spec.material.sheen
    x, y, strength = crease
    columns = (np.arange(w) / w - 0.5) * size_mm[0] + x  # the painter counts from the midline, too
    lines = np.arange(h) / h * size_mm[1] + y
    wrinkled = creases()[np.ix_(lines.astype(int) % 256, columns.astype(int) % 256)]
    out[..., 4:6] = level.relief[..., :2] + strength * cv2.GaussianBlur(wrinkled, (0, 0), 1.0)
    strips = []
    for strap in style.spec.straps or (None,):
        tone = base
        if strap is not None and strap.color:
            tone = trim_beside(tint, hex_to_linear(strap.color))[::-1] * _CLOTH
        strips.append(np.tile(np.array([*tone, 0.2, 0.0, 0.0], np.float32), (_STRAP_ROWS, w, 1)))
    return packed(np.concatenate([out, *strips]))


def wear(draw: MaskDraw) -> WornMask:
    """The mask that a draw describes; its colour must be named."""
    style = catalogue().style(draw.style)
    shell = build_shell(style.spec, draw.wear, draw.skew_deg)
    color = draw.color or style.spec.material.colors[0][0]
    own = drawn(draw.seed)  # as the painter draws it
    strength, x, y = own.crease
    crease = (x, y, crease_slope(style.spec, strength / 255.0))
    fine = _fine(shell)
    slack, folds = _hung(style, draw, shell, own)
    return WornMask(
        draw, fine, _texture(style, shell.size_mm, color, crease, print_of(style, own.stamp)), slack, folds
    )


def _hung(
    style: Style, draw: MaskDraw, shell: Shell, own: Drawn
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """`WornMask`'s slack and folds."""
    hung = slackened(shell, slack_fields(style.spec, draw.wear), own.slack, draw.skew_deg)
    folds = np.zeros((len(shell.vertices), 1))
    if style.spec.material.wander:
        folds[: ROWS * COLUMNS, 0] = wandered(style.spec, own.folds, ROWS, COLUMNS)
    return _finer(hung.vertices - shell.vertices), _finer(folds)[:, 0]


def draw_mask(seed: int, key: str, styles: tuple[str, ...]) -> MaskDraw:
    """Style and colour for ``key``: styles alike, colours as common as the style says."""
    rng = generator(seed, "mask", key)
    name = str(rng.choice(styles))
    colors = catalogue().spec(name).material.colors
    weights = np.array([weight for _, weight in colors])
    color = str(rng.choice([c for c, _ in colors], p=weights / weights.sum()))
    return MaskDraw(name, color=color, seed=int(rng.integers(2**62)))


def masked_scene(seed: int, key: str, scene: Scene, styles: tuple[str, ...]) -> tuple[Scene, str]:
    """The scene with the mask drawn for ``key``, and the style's name."""
    draw = draw_mask(seed, key, styles)
    return replace(scene, mask=wear(draw)), draw.style
