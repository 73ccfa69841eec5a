"""Strands: how hair grows over the mean head, and how it is drawn and lit."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
from numba import njit
from numpy.typing import NDArray

from .light import Light
from .sculpt import head_distance
from .shade import lit_by, sky_light


@dataclass(frozen=True, eq=False)
class Strands:
    """Polylines of hair. points (n, 3) mm; starts (s + 1,): strand i owns points starts[i] to starts[i + 1].

    width (n,) mm, colour (n, 3) linear, shade (n,): how open the hair is there, 0..1. torso (n,): how far
    the points go with the torso. outward (n, 3): where the open side of the hair is.
    """

    points: NDArray[np.float32]
    starts: NDArray[np.int32]
    width: NDArray[np.float32]
    colour: NDArray[np.float32]
    shade: NDArray[np.float32]
    torso: NDArray[np.float32]
    outward: NDArray[np.float32]

    def moved(self, points: NDArray[np.float32], rotation: NDArray) -> Strands:
        """The same strands at ``points``; ``rotation`` (3, 3) turns the outward directions."""
        return replace(self, points=points, outward=(self.outward @ rotation.T).astype(np.float32))


def join_strands(parts: list[Strands]) -> Strands:
    """All strands in one list."""
    offsets = np.cumsum([0, *(len(p.points) for p in parts)])
    starts = np.concatenate(
        [p.starts[:-1] + o for p, o in zip(parts, offsets, strict=False)] + [offsets[-1:]]
    )
    names = ("points", "width", "colour", "shade", "torso", "outward")
    points, width, colour, shade, torso, outward = (
        np.concatenate([getattr(p, n) for p in parts]) for n in names
    )
    return Strands(points, starts.astype(np.int32), width, colour, shade, torso, outward)


_CELL = 6.0
_LOW = np.array([0.0, -176.0, -46.0])
_COUNT = (27, 74, 52)


@njit(cache=True)
def _fill(low, cell, count):  # type: ignore[no-untyped-def]
    out = np.empty(count, np.float32)
    for i in range(count[0]):
        for j in range(count[1]):
            for k in range(count[2]):
                out[i, j, k] = head_distance(low[0] + i * cell, low[1] + j * cell, low[2] + k * cell)
    return out


@lru_cache(maxsize=1)
def distance_grid() -> NDArray[np.float32]:
    """Distance to the mean head on a coarse grid, for hair to stay outside of it."""
    return _fill(_LOW, _CELL, _COUNT)


@njit(cache=True, fastmath=True, error_model="numpy")
def _distance(grid, x, y, z):  # type: ignore[no-untyped-def]
    x = abs(x) / 6.0
    y = (y + 176.0) / 6.0
    z = (z + 46.0) / 6.0
    nx, ny, nz = grid.shape
    x = min(max(x, 0.0), nx - 1.001)
    y = min(max(y, 0.0), ny - 1.001)
    z = min(max(z, 0.0), nz - 1.001)
    i, j, k = int(x), int(y), int(z)
    a, b, c = x - i, y - j, z - k
    low = (grid[i, j, k] * (1 - a) + grid[i + 1, j, k] * a) * (1 - b) + (
        grid[i, j + 1, k] * (1 - a) + grid[i + 1, j + 1, k] * a
    ) * b
    high = (grid[i, j, k + 1] * (1 - a) + grid[i + 1, j, k + 1] * a) * (1 - b) + (
        grid[i, j + 1, k + 1] * (1 - a) + grid[i + 1, j + 1, k + 1] * a
    ) * b
    return low * (1 - c) + high * c


@njit(cache=True, fastmath=True, error_model="numpy")
def grow(  # type: ignore[no-untyped-def]
    grid, roots, direction, comb, length, clearance, gravity, stiff, curl, phase, steps, gather, target,
    open_face,
):  # fmt: skip
    """Grow strands (s, steps + 1, 3) from roots (s, 3).

    direction, comb (s, 3): how a strand leaves the skin, and where it is brushed to. length, clearance,
    gravity, stiff, phase (s,): mm, mm it keeps off the head, pull down, memory of direction 0..1, place in
    its wave. curl: (amplitude mm, turns per mm). gather: 1 for hair tied at target (3,), 0 where free.
    open_face (s,): 1 keeps falling hair beside the face, 0 lets it hang where it will.
    """
    count = len(roots)
    out = np.empty((count, steps + 1, 3), np.float32)
    for s in range(count):
        px, py, pz = roots[s]
        dx, dy, dz = direction[s]
        step = length[s] / steps
        for k in range(steps + 1):
            swing = curl[0] * min(k / 2.0, 1.0)
            t = phase[s] + curl[1] * step * k * 6.2832
            out[s, k, 0] = px + swing * math.sin(t)
            out[s, k, 1] = py + 0.35 * swing * math.sin(1.3 * t + 1.0)
            out[s, k, 2] = pz + swing * math.cos(t * 1.07 + phase[s])
            if k == steps:
                break
            keep = stiff[s]
            if gather > 0.0:
                tx, ty, tz = target[0] - px, target[1] - py, target[2] - pz
                inv = 1.0 / math.sqrt(tx * tx + ty * ty + tz * tz + 1e-3)
                comb[s, 0], comb[s, 1], comb[s, 2] = tx * inv, ty * inv, tz * inv
            dx = keep * dx + (1.0 - keep) * comb[s, 0]
            dy = keep * dy + (1.0 - keep) * comb[s, 1] + gravity[s] * step * 0.02
            dz = keep * dz + (1.0 - keep) * comb[s, 2]
            inv = 1.0 / math.sqrt(dx * dx + dy * dy + dz * dz + 1e-9)
            dx, dy, dz = dx * inv, dy * inv, dz * inv
            if open_face[s] > 0.0 and pz < 86.0 and py > -108.0 and abs(px) < 70.0:
                away = open_face[s] * min((86.0 - pz) / 25.0, 1.0) * min((py + 108.0) / 20.0, 1.0)
                away *= min((70.0 - abs(px)) / 12.0, 1.0)
                dx += away * (0.7 if comb[s, 0] > 0.0 else -0.7)
                dz += 0.5 * away
                dy -= 0.35 * away * max(dy, 0.0)
            if open_face[s] > 0.0 and py > -85.0:  # hair below the temples hangs, it does not stand off
                wanted = 54.0 + 4.6 * clearance[s] + 0.06 * max(py, 0.0)
                dx -= min(max((abs(px) - wanted) / 28.0, 0.0), 0.6) * (1.0 if px > 0.0 else -1.0)
            px, py, pz = px + dx * step, py + dy * step, pz + dz * step
            d = _distance(grid, px, py, pz)
            need = clearance[s] * min((k + 1.0) / 3.0, 1.0)
            if d < need:
                gx = _distance(grid, px + 3.0, py, pz) - _distance(grid, px - 3.0, py, pz)
                gy = _distance(grid, px, py + 3.0, pz) - _distance(grid, px, py - 3.0, pz)
                gz = _distance(grid, px, py, pz + 3.0) - _distance(grid, px, py, pz - 3.0)
                inv = 1.0 / math.sqrt(gx * gx + gy * gy + gz * gz + 1e-9)
                gx, gy, gz = gx * inv, gy * inv, gz * inv
                push = need - d
                px, py, pz = px + push * gx, py + push * gy, pz + push * gz
                inward = dx * gx + dy * gy + dz * gz
                if inward < 0.0:
                    dx, dy, dz = dx - inward * gx, dy - inward * gy, dz - inward * gz
    return out


@njit(cache=True, fastmath=True, error_model="numpy")
def draw_strands(points, starts, width, ids, depth, first_id):  # type: ignore[no-untyped-def]
    """Rasterise strands (points in samples) with a depth test; a strand thinner than a sample is dithered."""
    height, wide = ids.shape
    for s in range(len(starts) - 1):
        for a in range(starts[s], starts[s + 1] - 1):
            b = a + 1
            x0, y0, z0 = points[a]
            dx, dy, dz = points[b, 0] - x0, points[b, 1] - y0, points[b, 2] - z0
            if (
                max(x0, x0 + dx) < -4
                or min(x0, x0 + dx) > wide + 4
                or max(y0, y0 + dy) < -4
                or min(y0, y0 + dy) > height + 4
            ):
                continue
            # a segment whose two ends are well behind something is not looked at any further
            ex, ey = min(max(int(x0), 0), wide - 1), min(max(int(y0), 0), height - 1)
            fx, fy = min(max(int(x0 + dx), 0), wide - 1), min(max(int(y0 + dy), 0), height - 1)
            if z0 > depth[ey, ex] + 4.0 and z0 + dz > depth[fy, fx] + 4.0:
                continue
            along_x = abs(dx) >= abs(dy)
            count = int(max(abs(dx), abs(dy))) + 1
            if count > 400:
                continue
            slant = math.sqrt(dx * dx + dy * dy) / max(max(abs(dx), abs(dy)), 1e-6)
            spread = width[a] * min(slant, 1.42)
            full = int(spread)
            rest = spread - full
            code = np.uint32(a * 2654435761 + 12345)
            for i in range(count):
                t = i / count
                x, y, z = x0 + t * dx, y0 + t * dy, z0 + t * dz
                code = np.uint32(code * np.uint32(1664525) + np.uint32(1013904223))
                n = full + (1 if (code >> np.uint32(8)) / 16777216.0 < rest else 0)
                for w in range(n):
                    off = w - 0.5 * (n - 1)
                    px = int(x + 0.5) if along_x else int(x + off + 0.5)
                    py = int(y + off + 0.5) if along_x else int(y + 0.5)
                    if 0 <= px < wide and 0 <= py < height and z < depth[py, px]:
                        depth[py, px] = z
                        ids[py, px] = first_id + a


@njit(cache=True, fastmath=True, error_model="numpy")
def _light(points, starts, colour, shade, outward, lamps, sh, shadow, shadow_at, sharpness):  # type: ignore[no-untyped-def]
    out = np.zeros((len(points), 3), np.float32)
    for s in range(len(starts) - 1):
        for a in range(starts[s], starts[s + 1]):
            b = min(a + 1, starts[s + 1] - 1)
            c = max(b - 1, starts[s])
            tx, ty, tz = points[b, 0] - points[c, 0], points[b, 1] - points[c, 1], points[b, 2] - points[c, 2]
            inv = 1.0 / math.sqrt(tx * tx + ty * ty + tz * tz + 1e-9)
            tx, ty, tz = tx * inv, ty * inv, tz * inv
            nx, ny, nz = outward[a]
            lit = lit_by(shadow, shadow_at[a, 0], shadow_at[a, 1], shadow_at[a, 2] - 4.0, sharpness * 0.45)
            opened = shade[a]
            around = sky_light(sh, (nx, ny, nz))
            open_sky = (0.25 + 0.75 * opened) * opened
            out[a, 0] = colour[a, 0] * around[0] * open_sky
            out[a, 1] = colour[a, 1] * around[1] * open_sky
            out[a, 2] = colour[a, 2] * around[2] * open_sky
            sv = math.sqrt(max(1.0 - tz * tz, 0.0))
            for m in range(len(lamps)):
                lx, ly, lz = lamps[m, 0], lamps[m, 1], lamps[m, 2]
                tl = tx * lx + ty * ly + tz * lz
                sl = math.sqrt(max(1.0 - tl * tl, 0.0))
                facing = min(max(0.5 + 0.75 * (nx * lx + ny * ly + nz * lz), 0.0), 1.0)
                arrives = facing * (lit if lamps[m, 6] > 0.0 else 0.7) * (0.3 + 0.7 * opened)
                # highlight of the cuticle, and the coloured one from inside (Kajiya & Kay 1989, Marschner
                # 2003)
                mirror = max(sl * sv - tl * tz * -1.0, 0.0)
                first = mirror**60 * 0.05
                second = max(mirror - 0.02, 0.0) ** 14 * 0.55
                for k in range(3):
                    out[a, k] += (
                        lamps[m, 3 + k] * arrives * (colour[a, k] * (0.75 * sl + second) + first * opened)
                    )
    return out


def light_strands(
    strands: Strands, light: Light, shadow: NDArray, shadow_at: NDArray, sharpness: float
) -> NDArray[np.float32]:
    """Linear colour (n, 3) of every point of hair."""
    return _light(strands.points, strands.starts, strands.colour, strands.shade, strands.outward, light.lamps,
                  light.sh, shadow, shadow_at, sharpness)  # fmt: skip
