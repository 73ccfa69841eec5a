"""Brows, lashes and beards: short strands that follow the moving face."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from .base import base_head
from .expression import Expression, smooth
from .maps import brow_curve, skin_maps, unroll
from .model import Bent
from .strands import Strands

if TYPE_CHECKING:
    from .hair import Roots
    from .person import Person


def _unit(v: NDArray) -> NDArray:
    return v / np.maximum(np.linalg.norm(v, axis=-1, keepdims=True), 1e-9)


def _strands(points: NDArray, colour: NDArray, width: NDArray, shade: NDArray, outward: NDArray) -> Strands:
    """From (s, k, 3) points, (s, 3) colours, (s, k) widths, (s, k) shade and (s, 3) directions out of the
    skin."""
    count, steps = points.shape[:2]
    return Strands(
        points.reshape(-1, 3).astype(np.float32), np.arange(count + 1, dtype=np.int32) * steps,
        width.reshape(-1).astype(np.float32), np.repeat(colour, steps, axis=0).astype(np.float32),
        shade.reshape(-1).astype(np.float32), np.zeros(count * steps, np.float32),
        np.repeat(outward, steps, axis=0).astype(np.float32),
    )  # fmt: skip


@lru_cache(maxsize=1)
def _brow_roots() -> tuple[Roots, NDArray, NDArray, NDArray]:
    """Roots in both brows, with their place along (0 at the nose, 1 outside), across (-1..1) and the side."""
    from .hair import scatter

    base = base_head()
    centre = base.points[base.triangles].mean(axis=1)
    near = (np.abs(centre[:, 1] + 53) < 14) & (np.abs(centre[:, 0]) < 66) & (centre[:, 2] < 75)
    roots = scatter(near.astype(float), 16000, 3)
    line = brow_curve(1)
    p = roots.points * [1, 1, 1]
    mirrored = np.abs(p[:, 0])[:, None] - line[:, 0][None]
    dist = mirrored**2 + (p[:, 1][:, None] - line[:, 1][None]) ** 2
    nearest = dist.argmin(axis=1)
    along = nearest / (len(line) - 1.0)
    across = p[:, 1] - line[nearest, 1]
    half = 0.7 + 1.9 * np.sin(np.pi * (0.16 + 0.72 * along)) ** 1.2
    across = across / half
    keep = (np.abs(across) < 1.15) & (dist.min(axis=1) < 22.0)
    keep &= ~((nearest == 0) & (np.abs(p[:, 0]) < line[0, 0] - 1.5)) & ~(
        (nearest == len(line) - 1) & (np.abs(p[:, 0]) > line[-1, 0] + 1.5)
    )
    rows = np.flatnonzero(keep)[:1700]
    picked = type(roots)(roots.triangle[rows], roots.weights[rows], roots.points[rows], roots.normals[rows])
    return picked, along[rows], across[rows], np.sign(picked.points[:, 0])


def _carried(roots: Roots, bent: Bent) -> NDArray:
    corners = bent.points[base_head().triangles[roots.triangle]]
    return np.einsum("kcd,kc->kd", corners, roots.weights)


def brows(person: Person, bent: Bent) -> list[Strands]:
    """Two brows: hairs that rise near the nose, run outward in the middle, and lie flat at the end."""
    hair = person.hair
    roots, along, across, side = _brow_roots()
    rng = np.random.default_rng(hair.seed + 1)
    rows = np.flatnonzero(np.abs(across) < 0.45 + 0.75 * hair.brow)[: int(350 + 1050 * hair.brow)]
    count = len(rows)
    start = _carried(roots, bent)[rows]
    along, across, side, n = along[rows], across[rows], side[rows], roots.normals[rows]
    rise = np.interp(along, [0, 0.15, 0.5, 1.0], [2.2, 1.0, 0.35, -0.25]) - 0.5 * across
    flow = np.stack([side, -rise, np.zeros(count)], axis=1) + rng.normal(0, 0.12, (count, 3))
    flow = _unit(flow - (flow * n).sum(1, keepdims=True) * n)
    length = (
        (3.6 + 2.4 * rng.random(count))
        * (0.8 + 0.4 * hair.brow)
        * np.interp(along, [0, 0.3, 1], [0.7, 1, 0.8])
    )
    t = np.linspace(0.0, 1.0, 4)
    bend = np.array([0.0, 0.5, 0.75, 0.8]) * 0.9
    down = np.stack([0.35 * side, np.full(count, 0.35), np.zeros(count)], axis=1)
    points = start[:, None] + (flow * length[:, None])[:, None] * t[None, :, None]
    points = (
        points + n[:, None] * bend[None, :, None] + (down * length[:, None])[:, None] * (t**2)[None, :, None]
    )
    colour = np.array(hair.colour)[None] * 0.75 * np.exp(rng.normal(0, 0.2, (count, 1)))
    if np.mean(hair.colour) > 0.25:
        colour = colour * 0.45  # brows are darker than fair hair
    width = np.broadcast_to((0.18 + 0.16 * hair.brow) * np.array([1, 0.9, 0.7, 0.4]), (count, 4))
    return [_strands(points, colour, width, np.full((count, 4), 0.8), n)]


def lashes(person: Person, bent: Bent, expression: Expression) -> list[Strands]:
    """Upper and lower lashes along the lid margins, which the eye landmarks trace."""
    strength = person.hair.lashes
    out = []
    rng = np.random.default_rng(person.hair.seed + 2)
    for side, first in ((-1.0, 36), (1.0, 42)):
        eye = bent.landmarks[first : first + 6]
        outer, inner = (eye[0], eye[3]) if side < 0 else (eye[3], eye[0])
        up = [eye[1], eye[2]] if side < 0 else [eye[2], eye[1]]
        low = [eye[5], eye[4]] if side < 0 else [eye[4], eye[5]]
        centre = bent.eye_centres[0 if side < 0 else 1]
        for line, sense, count, length in ((up, -1.0, 70, 3.8), (low, 1.0, 30, 1.8)):
            knots = np.array([outer, *line, inner])
            t = np.sort(rng.random(count)) * 0.93
            x = t * 3.0
            start = np.stack([np.interp(x, range(4), _round(knots)[:, k]) for k in range(3)], axis=1)
            start[:, 2] -= 0.5
            radial = _unit(start - centre)
            fan = np.stack(
                [side * (1.0 - 1.7 * t) * 0.8, np.full(count, 0.55 * sense), np.full(count, -0.75)], axis=1
            )
            flow = _unit(fan + 0.35 * radial + rng.normal(0, 0.12, (count, 3)))
            u = np.linspace(0, 1, 4)
            reach = length * (0.55 + 0.65 * strength) * np.exp(rng.normal(0, 0.15, count))[:, None, None]
            curve = (
                flow[:, None] * u[None, :, None] + np.array([0, 0.7 * sense, 0.15]) * (u**2)[None, :, None]
            )
            width = np.broadcast_to(0.20 * (0.5 + strength) * np.array([1.0, 0.8, 0.6, 0.3]), (count, 4))
            colour = np.full((count, 3), 0.008) + 0.15 * np.array(person.hair.colour)
            out.append(
                _strands(start[:, None] + reach * curve, colour, width, np.full((count, 4), 0.7), radial)
            )
    return out


def _round(knots: NDArray) -> NDArray:
    """Lid margins are arcs: lift the two middle knots a little off the straight line."""
    out = knots.copy()
    chord = (knots[0] + knots[3]) / 2
    out[1:3] += 0.06 * (knots[1:3] - chord)
    return out


@lru_cache(maxsize=1)
def _beard_roots() -> tuple[Roots, NDArray, NDArray]:
    from .hair import scatter

    base, maps = base_head(), skin_maps()
    uv = unroll(base.points[base.triangles].mean(axis=1))
    col = np.clip(uv[:, 0], 0, maps.beard.shape[1] - 1).astype(int)
    row = np.clip(uv[:, 1], 0, maps.beard.shape[0] - 1).astype(int)
    centre = base.points[base.triangles].mean(axis=1)
    inside = (
        (centre[:, 2] - 0.024 * centre[:, 0] ** 2 > 19.5)
        & (np.abs(centre[:, 1] - 32) < 9)
        & (np.abs(centre[:, 0]) < 30)
    )
    chance = maps.beard[row, col] * (maps.beard[row, col] > 0.15) * ~inside
    roots = scatter(chance.astype(float), 7000, 5)
    return roots, maps.moustache[row, col][roots.triangle], maps.beard[row, col][roots.triangle]


def beard(person: Person, bent: Bent, pressed: bool = False) -> list[Strands]:
    """A beard of the person's kind; stubble is in the skin map and in a few short hairs. pressed: under a
    mask."""
    hair = person.hair
    if hair.beard == "none":
        return []
    roots, lip, dense = _beard_roots()
    rng = np.random.default_rng(hair.seed + 3)
    p, n = roots.points, roots.normals
    on_lip = lip > 0.4
    chin = (np.abs(p[:, 0]) < 21) & (p[:, 1] > 26)
    length, share = {"stubble": (2.0, 0.55), "short": (7.0, 0.9), "full": (20.0, 1.0), "goatee": (11.0, 1.0),
                     "moustache": (9.0, 1.0)}[hair.beard]  # fmt: skip
    length = min(length, 3.0) if pressed else length
    keep = rng.random(len(p)) < share * smooth(0.15, 0.7, dense)
    if hair.beard == "goatee":
        keep &= on_lip | chin
    if hair.beard == "moustache":
        keep &= on_lip
    rows = np.flatnonzero(keep)
    start, n, on_lip = _carried(roots, bent)[rows], n[rows], on_lip[rows]
    count = len(rows)
    side = np.sign(p[rows, 0])
    flow = np.stack([0.15 * side, np.ones(count), np.zeros(count)], axis=1)
    flow[on_lip] = np.stack([0.8 * side[on_lip], np.full(on_lip.sum(), 0.75), np.zeros(on_lip.sum())], axis=1)
    flow += rng.normal(0, 0.3, (count, 3))
    flow = _unit(_unit(flow - (flow * n).sum(1, keepdims=True) * n) + np.where(on_lip, 0.2, 0.5)[:, None] * n)
    reach = (
        length
        * hair.length
        * np.exp(rng.normal(0, 0.25, count))
        * np.where(on_lip, min(1.0, 9.0 / length), 1.0)
    )
    t = np.linspace(0.0, 1.0, 4)
    droop = np.array([0.0, 1.0, 0.0]) * 0.45
    wave = 0.12 * rng.normal(0, 1, (count, 1, 3)) * np.sin(np.pi * t)[None, :, None]
    points = start[:, None] + reach[:, None, None] * (
        flow[:, None] * t[None, :, None] + droop * (t**2)[None, :, None] + wave * (0.3 + hair.curl)
    )
    colour = np.array(hair.beard_colour)[None] * np.exp(rng.normal(0, 0.25, (count, 1)))
    width = np.broadcast_to((0.30 if length < 4 else 0.55) * np.array([1.0, 1.0, 0.8, 0.4]), (count, 4))
    shade = np.broadcast_to(0.45 + 0.5 * t, (count, 4)) * (0.6 + 0.4 * rng.random((count, 1)))
    return [_strands(points, colour, width, shade, n)]
