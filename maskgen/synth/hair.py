"""Hair of the head in a dozen styles. Strands are grown on the mean head and then carried by their roots."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from .base import base_head
from .expression import Expression, smooth
from .facial_hair import beard, brows, lashes
from .maps import hairline_height
from .model import Bent, torso_weights, vertex_normals
from .person import Hair, Person
from .strands import Strands, away_from_the_middle, carried, distance_grid, grow, join_strands, waves

#: where hair whirls out from on the back of the head
CROWN = np.array([6.0, -124.0, 158.0])
#: where tied hair is gathered
KNOT = np.array([0.0, -66.0, 212.0])


@dataclass(frozen=True)
class Style:
    """How a style grows. Lengths mm; lift 0 lies flat .. 1 stands up; comb: name in _combing.

    sides: length of the sides over that of the top. keep: memory of direction. volume: mm off the head.
    """

    strands: int
    steps: int
    length: float
    comb: str
    lift: float = 0.3
    gravity: float = 0.0
    keep: float = 0.75
    volume: float = 4.0
    sides: float = 1.0
    width: float = 0.75
    spread: float = 0.25
    front: float = 1.0
    recede: float = 0.0


STYLES: dict[str, Style] = {
    "bald": Style(1500, 3, 5.0, "crown", 0.2, volume=0.5, width=0.4, recede=3.0),
    "buzz": Style(9000, 2, 4.5, "crown", 0.65, volume=0.5, width=0.42),
    "crop": Style(9500, 4, 14.0, "crown", 0.45, volume=2.0, sides=0.45, width=0.5, spread=0.28),
    "short": Style(8500, 6, 32.0, "crown", 0.24, 0.5, 0.70, 4.0, 0.5, 0.55, 0.2, front=1.2),
    "side": Style(7000, 7, 58.0, "side", 0.30, 0.4, 0.74, 6.0, 0.35, 0.7, 0.22),
    "back": Style(7000, 8, 80.0, "back", 0.25, 0.2, 0.72, 6.0, 0.45, 0.7, 0.18),
    "fringe": Style(7000, 8, 72.0, "crown", 0.22, 0.7, 0.78, 5.0, 0.6, 0.7, 0.25, front=1.05),
    "bob": Style(7500, 15, 190.0, "parting", 0.22, 3.6, 0.80, 9.0, 0.8, 0.7, 0.12),
    "long": Style(7500, 18, 330.0, "parting", 0.20, 3.4, 0.80, 8.0, 0.95, 0.75, 0.11),
    "fringe_long": Style(7500, 17, 300.0, "fringed", 0.20, 3.4, 0.80, 7.0, 0.95, 0.75, 0.10),
    "tied": Style(6000, 12, 190.0, "tied", 0.05, 0.0, 0.45, 3.0, 1.0, 0.8, 0.08),
    "bun": Style(6000, 12, 175.0, "tied", 0.05, 0.0, 0.45, 3.0, 1.0, 0.8, 0.08),
    "afro": Style(7500, 6, 46.0, "out", 0.95, 0.0, 0.9, 6.0, 0.8, 0.8, 0.5),
}  # fmt: skip


@dataclass(frozen=True, eq=False)
class Roots:
    """Places on the scalp of the mean head: triangle and weights, position, normal, and depth into the hair
    (mm)."""

    triangle: NDArray[np.int32]
    weights: NDArray[np.float32]
    points: NDArray[np.float64]
    normals: NDArray[np.float64]


def scatter(chance: NDArray, count: int, seed: int) -> Roots:
    """``count`` random places on the mean head, as likely as area times ``chance`` (m,) of each triangle."""
    base = base_head()
    rng = np.random.default_rng(seed)
    corners = base.points[base.triangles]
    area = 0.5 * np.linalg.norm(
        np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]), axis=1
    )
    total = np.cumsum(area * chance)
    tri = np.searchsorted(total, rng.random(count) * total[-1]).clip(0, len(total) - 1).astype(np.int32)
    a, b = rng.random(count), rng.random(count)
    a, b = np.where(a + b > 1, 1 - a, a), np.where(a + b > 1, 1 - b, b)
    weights = np.stack([1 - a - b, a, b], axis=1)
    normals = vertex_normals(base.points, base.triangles)
    return Roots(
        tri, weights.astype(np.float32), np.einsum("kcd,kc->kd", corners[tri], weights),
        np.einsum("kcd,kc->kd", normals[base.triangles[tri]], weights),
    )  # fmt: skip


@lru_cache(maxsize=1)
def _scalp_roots() -> Roots:
    base = base_head()
    p = base.points[base.triangles].mean(axis=1)
    x, y, z = p.T
    ear = (np.abs(x) > 70) & (z > 104) & (z < 160) & (y > -48)
    grows = (y < hairline_height(x, z, -0.3) + 5.0) & ~ear & (y < 40) & (z > 10)
    return scatter(grows.astype(float), 12000, 11)


def _unit(v: NDArray) -> NDArray:
    return v / np.maximum(np.linalg.norm(v, axis=-1, keepdims=True), 1e-9)


def _along(v: NDArray, normals: NDArray) -> NDArray:
    return _unit(v - (v * normals).sum(-1, keepdims=True) * normals)


def _combing(kind: str, p: NDArray, n: NDArray, hair: Hair) -> NDArray:
    """Where each root's hair is brushed to, unit (s, 3), along the scalp unless the style stands up."""
    x, y, z = p.T
    away = _along(p - CROWN, n)
    down = np.tile([0.0, 1.0, 0.0], (len(p), 1))
    top = smooth(-78.0, -104.0, y)[:, None]
    if kind == "out":
        return n
    if kind == "side":
        line = 34.0 * hair.parting
        across = np.where(x > line, 1.0, -1.0)[:, None] * [[1.0, -0.1, 0.25]]
        return _along(top * across + (1 - top) * (away + 0.6 * down), n)
    if kind == "back":
        return _along(top * np.array([[0.12 * hair.parting, -0.3, 1.0]]) + (1 - top) * [[0, 0.55, 0.8]], n)
    if kind in ("parting", "fringed"):
        line = 26.0 * hair.parting
        side = np.where(x > line, 1.0, -1.0)[:, None]
        parted = np.concatenate([side, np.full_like(side, 0.1), 0.12 * np.ones_like(side)], axis=1)
        back = smooth(120.0, 165.0, z)[:, None]
        flow = _along((1 - back) * (top * parted + (1 - top) * down) + back * (0.7 * away + 0.5 * down), n)
        if kind == "fringed":
            front = _in_fringe(p)[:, None]
            flow = _along((1 - front) * flow + front * np.array([[0.0, 0.35, -1.0]]), n)
        return flow
    if kind == "tied":
        return _along(KNOT - p, n)
    return away


def _in_fringe(p: NDArray) -> NDArray:
    """How far each root belongs to a fringe, 0..1."""
    return smooth(92.0, 70.0, p[:, 2]) * smooth(62.0, 44.0, np.abs(p[:, 0]))


def _lengths(style: Style, p: NDArray, hair: Hair, rng: np.random.Generator) -> NDArray:
    x, y, z = p.T
    top = smooth(-68.0, -104.0, y)
    front = smooth(95.0, 60.0, z) * top
    length = (
        style.length * hair.length * (style.sides + (1 - style.sides) * top) * (1 + (style.front - 1) * front)
    )
    length *= np.exp(rng.normal(0, 0.10, len(p)))
    edge = hairline_height(x, z, hair.recede + style.recede) - y
    length *= 0.35 + 0.65 * smooth(0.0, 9.0, edge)  # finer at the hairline
    if style.comb in ("fringed",):
        in_fringe = _in_fringe(p)
        length = length * (1 - in_fringe) + in_fringe * (44.0 + (z - 50.0) * 0.9) * np.exp(
            rng.normal(0, 0.06, len(p))
        )
    if style.comb == "tied":
        length = np.linalg.norm(KNOT - p, axis=1) * 1.22 + 4.0
    return length


def _wander(p: NDArray, seed: int, scale: float, axes: int = 3) -> NDArray[np.float32]:
    """A smooth random direction field (s, axes): neighbouring hair strays alike, which makes locks."""
    rng = np.random.default_rng(seed)
    directions, phases = np.empty((3, 3, 3), np.float32), np.empty((3, 3), np.float32)
    for k, wave in enumerate((1 / 34.0, 1 / 15.0, 1 / 7.0)):
        directions[k] = rng.normal(0, 1, (3, 3)) * wave * scale
        phases[k] = rng.uniform(0, 6.28, 3)
    return waves(p, directions[:, :axes], phases[:, :axes]) * np.float32(0.5)


@lru_cache(maxsize=24)
def scalp_hair(hair: Hair) -> tuple[Strands, Roots, NDArray[np.int32]] | None:
    """Strands of the style on the mean head, their roots, and for every point the row of its root."""
    style = STYLES[hair.style]
    roots = _scalp_roots()
    rng = np.random.default_rng(hair.seed)
    p, n = roots.points, roots.normals
    recede = hair.recede + style.recede
    soft = rng.normal(0, 2.2, len(p))
    grows = p[:, 1] < hairline_height(p[:, 0], p[:, 2], recede) + soft
    if style.recede > 1.0:  # only a wreath is left
        grows &= p[:, 1] > -84.0 + 0.12 * (p[:, 2] - 100.0)
    rows = np.flatnonzero(grows)[: int(style.strands)]
    p, n = p[rows], n[rows]
    comb = _combing(style.comb, p, n, hair)
    stray = _wander(p, hair.seed, 1.0) * style.spread + rng.normal(0, 0.4 * style.spread, (len(p), 3))
    stray *= np.where(rng.random(len(p)) < 0.03, 2.0, 1.0)[:, None]
    comb = _unit(comb + stray)
    lift = style.lift * hair.volume**0.5
    direction = _unit(lift * n + (1 - lift) * comb + 0.5 * stray)
    layer = rng.random(len(p))
    clearance = 1.0 + style.volume * hair.volume * (0.25 + 0.75 * layer)
    if style.comb == "tied":
        clearance = 1.0 + 3.0 * layer
    if style.comb == "out":
        comb = direction
    falls = style.comb in ("parting", "fringed")
    fringe = _in_fringe(p) if style.comb == "fringed" else np.zeros(len(p))
    light = smooth(60.0, 95.0, p[:, 2]) if style.comb == "parting" else np.ones(len(p))
    single = np.float32
    grown = grow(
        grid=distance_grid(),
        roots=p.astype(single),
        direction=direction.astype(single),
        comb=comb.astype(single),
        length=_lengths(style, p, hair, rng).astype(single),
        clearance=clearance.astype(single),
        gravity=(style.gravity * (0.35 + 0.65 * light)).astype(single),
        stiff=single(style.keep),
        curl=np.array((hair.curl * (5.0 if style.length > 60 else 2.2), 0.028 + 0.03 * hair.curl), single),
        phase=(_wander(p, hair.seed + 1, 0.6, 1)[:, 0] * 4.0 + rng.normal(0, 0.5, len(p))).astype(single),
        steps=style.steps,
        gather=single(style.comb == "tied"),
        target=KNOT.astype(single),
        open_face=(np.where(fringe > 0.3, 0.0, 1.0) * falls).astype(single),
    )
    # a fringe hangs free of the head, where each strand stands for a lock: thin ones would let skin through
    thick = 1.0 + 0.9 * fringe
    return _dress(grown, hair, style, layer, thick, rng), roots, rows.astype(np.int32)


def _dress(
    grown: NDArray[np.float32],
    hair: Hair,
    style: Style,
    layer: NDArray,
    thick: NDArray,
    rng: np.random.Generator,
) -> Strands:
    count, points = grown.shape[:2]
    single, t = np.float32, np.linspace(0.0, 1.0, points)
    stray = _wander(grown[:, 0], hair.seed + 2, 2.0, 1)[:, 0]
    locks = np.exp(0.22 * stray + rng.normal(0, 0.18, count)).astype(single)
    near_root = np.minimum(t * style.length / (0.4 * min(style.length, 40.0)), 1.0)  # dark for 16 mm at most
    shade = np.outer((0.30 + 0.70 * layer).astype(single), (0.6 + 0.4 * near_root).astype(single))
    wide = (style.width * thick * np.exp(rng.normal(0, 0.15, count))).astype(single)
    bright = np.outer(locks, (0.85 + 0.25 * t).astype(single)).ravel()
    flat = grown.reshape(-1, 3)
    return Strands(
        flat, np.arange(count + 1, dtype=np.int32) * points,
        np.outer(wide, (1.0 - 0.65 * t**2).astype(single)).ravel(),
        np.outer(bright, np.array(hair.colour, single)), np.clip(shade, 0.0, 1.0).ravel(),
        single(0.7) * torso_weights(flat), away_from_the_middle(flat),
    )  # fmt: skip


def _tail(hair: Hair, bun: bool) -> Strands:
    """A pony tail or a bun behind the knot."""
    rng = np.random.default_rng(hair.seed + 5)
    count, steps = 900, 12
    t = np.linspace(0, 1, steps + 1)[None]
    if bun:
        turn = rng.uniform(0, 6.28, (count, 1)) + t * 3.4
        tilt, r = rng.normal(0, 0.9, (count, 1)), 24.0 * rng.random((count, 1)) ** 0.3
        ball = np.stack(
            [r * np.cos(turn), r * np.sin(turn) * np.cos(tilt), r * np.sin(turn) * np.sin(tilt)], -1
        )
        grown = KNOT + np.array([0.0, -16.0, 10.0]) + ball
        outward = ball
    else:
        fan = rng.normal(0, 1, (count, 1, 3)) * [9.0, 5.0, 8.0]
        fall = np.stack([0 * t, 170.0 * hair.length * t**1.3, 44.0 * np.sin(t * 2.2)], -1)
        grown = KNOT + fall + fan * (0.35 + 0.9 * np.sin(np.pi * np.minimum(t * 0.8 + 0.1, 1)))[..., None]
        outward = np.broadcast_to(fan + np.array([0.0, 0.0, 6.0]), grown.shape)
    width = np.full(count * (steps + 1), 0.85, np.float32)
    colour = np.array(hair.colour) * np.exp(rng.normal(0, 0.25, (count, 1, 1))) * np.ones((1, steps + 1, 1))
    flat = grown.reshape(-1, 3).astype(np.float32)
    return Strands(
        points=flat,
        starts=np.arange(count + 1, dtype=np.int32) * (steps + 1),
        width=width,
        colour=colour.reshape(-1, 3).astype(np.float32),
        shade=np.full(len(flat), 0.8, np.float32),
        torso=np.zeros(len(flat), np.float32),
        outward=_unit(outward).reshape(-1, 3).astype(np.float32),
    )


def groom(person: Person, bent: Bent, expression: Expression, masked: bool = False) -> Strands:
    """All hair of a person on the bent head, in the head frame; a mask presses a beard flat."""
    parts = [*brows(person, bent), *lashes(person, bent, expression), *beard(person, bent, masked)]
    grown = scalp_hair(person.hair)
    if grown is not None:
        strands, roots, rows = grown
        corners = bent.shift[base_head().triangles[roots.triangle[rows]]]
        move = np.einsum("kcd,kc->kd", corners, roots.weights[rows])
        parts.append(replace(strands, points=carried(strands.points, int(strands.starts[1]), move)))
    if person.hair.style in ("tied", "bun"):
        parts.append(_tail(person.hair, person.hair.style == "bun"))
    return join_strands(parts)
