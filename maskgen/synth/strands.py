"""Strands: how hair grows over the mean head, and how it is drawn and lit."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
from numba import njit
from numpy import float32 as f32
from numpy.typing import NDArray

from .compiled import FINITE
from .light import Light
from .raster import moved
from .sculpt import head_distance
from .shade import arriving, falling, sky_light


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
        return replace(self, points=points, outward=moved(self.outward, rotation, _NO_SHIFT))


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


_NO_SHIFT = np.zeros(3)
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


@njit(cache=True, fastmath=FINITE, error_model="numpy", inline="always")
def _distance(grid, x, y, z):  # type: ignore[no-untyped-def]
    """Distance to the mean head at a point, mm, and how it grows along x, y and z, per grid cell."""
    per, one = f32(1.0 / 6.0), f32(1.0)
    u = min(abs(x) * per, f32(_COUNT[0] - 1.001))
    v = min(max((y + f32(176.0)) * per, f32(0.0)), f32(_COUNT[1] - 1.001))
    w = min(max((z + f32(46.0)) * per, f32(0.0)), f32(_COUNT[2] - 1.001))
    i, j, k = np.uint32(u), np.uint32(v), np.uint32(w)
    a, b, c = u - f32(i), v - f32(j), w - f32(k)
    d000, d100, d010, d110 = grid[i, j, k], grid[i + 1, j, k], grid[i, j + 1, k], grid[i + 1, j + 1, k]
    k += np.uint32(1)
    d001, d101, d011, d111 = grid[i, j, k], grid[i + 1, j, k], grid[i, j + 1, k], grid[i + 1, j + 1, k]
    x00, x10, x01, x11 = d100 - d000, d110 - d010, d101 - d001, d111 - d011
    y00, y10, y01, y11 = d000 + a * x00, d010 + a * x10, d001 + a * x01, d011 + a * x11
    low, high = y00 + b * (y10 - y00), y01 + b * (y11 - y01)
    gx = (x00 + b * (x10 - x00)) * (one - c) + (x01 + b * (x11 - x01)) * c
    gy = (y10 - y00) * (one - c) + (y11 - y01) * c
    return low + c * (high - low), gx if x >= 0.0 else -gx, gy, high - low


@njit(cache=True, fastmath=FINITE, error_model="numpy", inline="always")
def sine(x):  # type: ignore[no-untyped-def]
    """The sine of x radians to 0.001: two parabolas."""
    t = x * f32(0.15915494)
    t -= np.floor(t + f32(0.5))
    y = t * (f32(8.0) - f32(16.0) * abs(t))
    return y * (f32(0.775) + f32(0.225) * abs(y))


@njit(cache=True, fastmath=FINITE, error_model="numpy")
def waves(points, directions, phases):  # type: ignore[no-untyped-def]
    """Sums of sines over space: (n, k) of points (n, 3), for directions (m, k, 3) and phases (m, k)."""
    out = np.zeros((len(points), directions.shape[1]), np.float32)
    for i in range(len(points)):
        x, y, z = f32(points[i, 0]), f32(points[i, 1]), f32(points[i, 2])
        for m in range(directions.shape[0]):
            for k in range(directions.shape[1]):
                d = directions[m, k]
                out[i, k] += sine(x * d[0] + y * d[1] + z * d[2] + phases[m, k])
    return out


@njit(cache=True, fastmath=FINITE, error_model="numpy")
def grow(  # type: ignore[no-untyped-def]
    grid, roots, direction, comb, length, clearance, gravity, stiff, curl, phase, steps, gather, target,
    open_face,
):  # fmt: skip
    """Grow strands (s, steps + 1, 3) from roots (s, 3). All arrays and numbers are float32.

    direction, comb (s, 3): how a strand leaves the skin, and where it is brushed to. length, clearance,
    gravity, phase (s,): mm, mm it keeps off the head, pull down, place in its wave. stiff: memory of
    direction 0..1. curl: (amplitude mm, turns per mm). gather: 1 for hair tied at target (3,), 0 where free.
    open_face (s,): 1 keeps falling hair beside the face, 0 lets it hang where it will.
    """
    count = len(roots)
    out = np.empty((count, steps + 1, 3), np.float32)
    zero, half, one, tiny = f32(0.0), f32(0.5), f32(1.0), f32(1e-9)
    for s in range(count):
        px, py, pz = roots[s, 0], roots[s, 1], roots[s, 2]
        dx, dy, dz = direction[s, 0], direction[s, 1], direction[s, 2]
        cx, cy, cz = comb[s, 0], comb[s, 1], comb[s, 2]
        step, hangs = length[s] / f32(steps), open_face[s] > zero
        for k in range(steps + 1):
            swing = curl[0] * min(f32(k) * half, one)
            t = phase[s] + curl[1] * step * f32(k) * f32(6.2832)
            out[s, k, 0] = px + swing * sine(t)
            out[s, k, 1] = py + f32(0.35) * swing * sine(f32(1.3) * t + one)
            out[s, k, 2] = pz + swing * sine(t * f32(1.07) + phase[s] + f32(1.5708))
            if k == steps:
                break
            if gather > zero:
                cx, cy, cz = target[0] - px, target[1] - py, target[2] - pz
                inv = one / math.sqrt(cx * cx + cy * cy + cz * cz + f32(1e-3))
                cx, cy, cz = cx * inv, cy * inv, cz * inv
            dx = stiff * dx + (one - stiff) * cx
            dy = stiff * dy + (one - stiff) * cy + gravity[s] * step * f32(0.02)
            dz = stiff * dz + (one - stiff) * cz
            inv = one / math.sqrt(dx * dx + dy * dy + dz * dz + tiny)
            dx, dy, dz = dx * inv, dy * inv, dz * inv
            if hangs and pz < 86.0 and py > -108.0 and abs(px) < 70.0:
                away = open_face[s] * min((f32(86.0) - pz) * f32(0.04), one)
                away *= min((py + f32(108.0)) * f32(0.05), one) * min((f32(70.0) - abs(px)) / f32(12.0), one)
                dx += away * (f32(0.7) if cx > zero else f32(-0.7))
                dz += half * away
                dy -= f32(0.35) * away * max(dy, zero)
            if hangs and py > -85.0:  # hair below the temples hangs, it does not stand off
                wanted = f32(54.0) + f32(4.6) * clearance[s] + f32(0.06) * max(py, zero)
                off = min(max((abs(px) - wanted) / f32(28.0), zero), f32(0.6))
                dx -= off if px > zero else -off
            px, py, pz = px + dx * step, py + dy * step, pz + dz * step
            d, gx, gy, gz = _distance(grid, px, py, pz)
            push = clearance[s] * min((f32(k) + one) / f32(3.0), one) - d
            if push > zero:
                inv = one / math.sqrt(gx * gx + gy * gy + gz * gz + tiny)
                gx, gy, gz = gx * inv, gy * inv, gz * inv
                px, py, pz = px + push * gx, py + push * gy, pz + push * gz
                inward = min(dx * gx + dy * gy + dz * gz, zero)
                dx, dy, dz = dx - inward * gx, dy - inward * gy, dz - inward * gz
    return out


@njit(cache=True, fastmath=FINITE, error_model="numpy")
def away_from_the_middle(points):  # type: ignore[no-untyped-def]
    """Unit directions (n, 3) out of the hair: from the middle of the skull, and level below it."""
    out = np.empty_like(points)
    for i in range(len(points)):
        x, y, z = points[i, 0], min(points[i, 1] + f32(50.0), f32(0.0)), points[i, 2] - f32(105.0)
        inv = f32(1.0) / math.sqrt(x * x + y * y + z * z + f32(1e-9))
        out[i, 0], out[i, 1], out[i, 2] = x * inv, y * inv, z * inv
    return out


@njit(cache=True, fastmath=FINITE, error_model="numpy")
def carried(points, steps, moves):  # type: ignore[no-untyped-def]
    """Points (s * steps, 3) of strands, each moved by its own row of moves (s, 3)."""
    out = np.empty_like(points)
    for s in range(len(moves)):
        for i in range(s * steps, (s + 1) * steps):
            for c in range(3):
                out[i, c] = points[i, c] + moves[s, c]
    return out


@njit(cache=True, fastmath=FINITE, error_model="numpy")
def draw_strands(points, starts, width, ids, depth, first_id, order):  # type: ignore[no-untyped-def]
    """Rasterise strands (points in samples) with a depth test; a strand thinner than a sample is dithered.

    order: of the strands; nearest first is fastest, because what they hide is skipped.
    """
    height, wide = ids.shape
    for s in order:
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
            slant = math.sqrt(dx * dx + dy * dy) / max(max(abs(dx), abs(dy)), f32(1e-6))
            spread = width[a] * min(slant, f32(1.42))
            full = np.int32(spread)
            rest = np.uint32((spread - f32(full)) * f32(16777216.0))
            code = np.uint32(a * 2654435761 + 12345)
            per = f32(1.0) / f32(count)
            sx, sy, sz = dx * per, dy * per, dz * per
            for i in range(count):
                t = f32(np.int32(i))
                x, y, z = x0 + t * sx + f32(0.5), y0 + t * sy + f32(0.5), z0 + t * sz
                code = np.uint32(code * np.uint32(1664525) + np.uint32(1013904223))
                n = full + (np.int32(1) if code >> np.uint32(8) < rest else np.int32(0))
                off = f32(-0.5) * f32(n - np.int32(1))
                for _ in range(n):
                    px, py = (int(x), int(y + off)) if along_x else (int(x + off), int(y))
                    off += f32(1.0)
                    if 0 <= px < wide and 0 <= py < height and z < depth[py, px]:
                        depth[py, px] = z
                        ids[py, px] = first_id + a


@njit(cache=True, fastmath=FINITE, error_model="numpy")
def _seen(ids, first_id, count):  # type: ignore[no-untyped-def]
    """Which of ``count`` points of hair any sample sees, (count,)."""
    out = np.zeros(count, np.bool_)
    flat = ids.reshape(-1)
    for i in range(len(flat)):
        if flat[i] >= first_id:
            out[flat[i] - first_id] = True
    return out


@njit(cache=True, fastmath=FINITE, error_model="numpy")
def _light(points, starts, colour, shade, outward, seen, lamps, sh, shadow, shadow_at, sharpness):  # type: ignore[no-untyped-def]
    out = np.zeros((len(points), 3), np.float32)
    zero, one = f32(0.0), f32(1.0)
    for s in range(len(starts) - 1):
        for a in range(starts[s], starts[s + 1]):
            if not seen[a]:
                continue
            b = min(a + 1, starts[s + 1] - 1)
            c = max(b - 1, starts[s])
            tx, ty, tz = points[b, 0] - points[c, 0], points[b, 1] - points[c, 1], points[b, 2] - points[c, 2]
            inv = one / math.sqrt(tx * tx + ty * ty + tz * tz + f32(1e-9))
            tx, ty, tz = tx * inv, ty * inv, tz * inv
            nx, ny, nz = outward[a, 0], outward[a, 1], outward[a, 2]
            near = shadow_at[a, 2] - f32(4.0)
            lit = falling(arriving(shadow, shadow_at[a, 0], shadow_at[a, 1], near, f32(0.45) * sharpness))
            opened = shade[a]
            open_sky = (f32(0.25) + f32(0.75) * opened) * opened
            for k in range(3):
                out[a, k] = colour[a, k] * sky_light(sh, k, nx, ny, nz) * open_sky
            sv = math.sqrt(max(one - tz * tz, zero))
            for m in range(len(lamps)):
                lx, ly, lz = lamps[m, 0], lamps[m, 1], lamps[m, 2]
                tl = tx * lx + ty * ly + tz * lz
                sl = math.sqrt(max(one - tl * tl, zero))
                facing = min(max(f32(0.5) + f32(0.75) * (nx * lx + ny * ly + nz * lz), zero), one)
                arrives = facing * (lit if lamps[m, 6] > zero else f32(0.7))
                arrives *= f32(0.3) + f32(0.7) * opened
                # highlight of the cuticle, and the coloured one from inside (Kajiya & Kay 1989, Marschner
                # 2003)
                mirror = max(sl * sv + tl * tz, zero)
                first = mirror**60 * f32(0.05)
                second = max(mirror - f32(0.02), zero) ** 14 * f32(0.55)
                for k in range(3):
                    tinted = colour[a, k] * (f32(0.75) * sl + second)
                    out[a, k] += lamps[m, 3 + k] * arrives * (tinted + first * opened)
    return out


def nearest_first(depth: NDArray[np.float32], starts: NDArray[np.int32]) -> NDArray[np.int64]:
    """Order of the strands (s,) by the depth of their roots; depth (n,): of every point."""
    return np.argsort(depth[starts[:-1]], kind="stable")


def light_strands(
    strands: Strands, ids: NDArray[np.int32], first_id: int, light: Light, shadow: NDArray,
    shadow_at: NDArray, sharpness: float,
) -> NDArray[np.float32]:  # fmt: skip
    """Linear colour (n, 3) of every point of hair that ``ids`` (h, w) show, black elsewhere."""
    seen = _seen(ids, first_id, len(strands.points))
    return _light(strands.points, strands.starts, strands.colour, strands.shade, strands.outward, seen,
                  light.lamps, light.sh, shadow, shadow_at, np.float32(sharpness))  # fmt: skip
