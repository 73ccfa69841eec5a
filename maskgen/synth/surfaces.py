"""What each material is at every point of a chunk: reflectance, fine normal, gloss. Kernels of resolve.py.

A kernel reads the rows NX.., A0.. and VX.. of a chunk (shade.py) and fills BX.. to SKY.
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit
from numpy import float32 as f32

from .compiled import FINITE
from .shade import (
    A0,
    A1,
    A2,
    A3,
    BLUE,
    BX,
    BY,
    BZ,
    CHUNK,
    GLOSS,
    GREEN,
    NX,
    NY,
    NZ,
    RED,
    ROUGH,
    SKY,
    U0,
    V0,
    VX,
    VY,
    VZ,
    unit_interval,
)
from .texels import fetch


@njit(cache=True, fastmath=FINITE, error_model="numpy")
def skin_surface(p, n, texture, dx, dy, dz):  # type: ignore[no-untyped-def]
    """A0, A1: texels; A2 sky; A3 inside of the mouth. dx, dy, dz: the head's y axis in the camera frame."""
    fetch(p, n, texture)
    for i in range(CHUNK):
        inner, sky = unit_interval(p[A3 + i]), unit_interval(p[A2 + i])
        dim = f32(1.0) - f32(0.8) * inner * (f32(1.0) - sky)
        p[RED + i] = (p[RED + i] + (f32(0.17) - p[RED + i]) * inner) * dim
        p[GREEN + i] = (p[GREEN + i] + (f32(0.04) - p[GREEN + i]) * inner) * dim
        p[BLUE + i] = (p[BLUE + i] + (f32(0.04) - p[BLUE + i]) * inner) * dim
        p[ROUGH + i] = f32(0.52) - f32(0.10) * p[GLOSS + i]
        p[SKY + i] = sky
        # tangents: t around the head, g down it
        nx, ny, nz = p[NX + i], p[NY + i], p[NZ + i]
        tx, ty, tz = ny * dz - nz * dy, nz * dx - nx * dz, nx * dy - ny * dx
        inv = f32(1.0) / math.sqrt(tx * tx + ty * ty + tz * tz + f32(1e-9))
        tx, ty, tz = tx * inv, ty * inv, tz * inv
        gx, gy, gz = ty * nz - tz * ny, tz * nx - tx * nz, tx * ny - ty * nx
        hu, hv = p[U0 + i] * (f32(1.0) - inner), p[V0 + i] * (f32(1.0) - inner)
        bx, by, bz = nx - hu * tx - hv * gx, ny - hu * ty - hv * gy, nz - hu * tz - hv * gz
        inv = f32(1.0) / math.sqrt(bx * bx + by * by + bz * bz + f32(1e-9))
        p[BX + i], p[BY + i], p[BZ + i] = bx * inv, by * inv, bz * inv


@njit(cache=True, fastmath=FINITE, error_model="numpy")
def _smooth_surface(p, gloss, rough, sky):  # type: ignore[no-untyped-def]
    """No fine relief; the same gloss everywhere. sky: the attribute's row."""
    for i in range(CHUNK):
        p[BX + i], p[BY + i], p[BZ + i] = p[NX + i], p[NY + i], p[NZ + i]
        p[GLOSS + i], p[ROUGH + i] = gloss, rough
        p[SKY + i] = unit_interval(p[sky + i])


@njit(cache=True, fastmath=FINITE, error_model="numpy")
def eye_surface(p, n, eye):  # type: ignore[no-untyped-def]
    """A0 to A2: direction in the eye (front -z), A3 sky. eye: iris rgb, pupil, ring, veins, radius, white."""
    _smooth_surface(p, f32(0.0), f32(0.3), A3)
    for i in range(min(n, CHUNK)):
        rho = 12.0 * math.sqrt(p[A0 + i] ** 2 + p[A1 + i] ** 2) if p[A2 + i] < 0.0 else 24.0
        angle = math.atan2(p[A1 + i], p[A0 + i])
        iris = unit_interval((eye[6] + 0.45 - rho) / 0.9)
        pupil = unit_interval((eye[3] + 0.2 - rho) / 0.4)
        corner = unit_interval((rho - 7.0) / 5.0)
        wave = math.sin(angle * 9.0 + 2.5 * math.sin(angle * 5.0 + rho * 0.9) + rho)
        vein = max(wave, 0.0) ** 6 * eye[5] * corner
        ring = unit_interval((rho - eye[6] + 1.5) / 1.5) * eye[4]
        fibre = math.sin(angle * 37.0 + 1.7 * math.sin(angle * 11.0 + rho)) * 0.14
        fibre += math.sin(angle * 61.0 + rho * 2.3) * 0.09
        near = (rho - eye[3] - 0.9) / 0.8
        bright = (1.0 + fibre) * (1.0 + 0.35 / (1.0 + near * near)) * (1.0 - 0.75 * ring)
        bright *= 1.0 - 0.97 * pupil
        r = eye[7] * (0.45 - 0.05 * corner - 0.10 * vein)
        g = eye[7] * (0.40 - 0.12 * corner - 0.20 * vein)
        b = eye[7] * (0.38 - 0.12 * corner - 0.20 * vein)
        p[RED + i] = r + (eye[0] * bright - r) * iris
        p[GREEN + i] = g + (eye[1] * bright - g) * iris
        p[BLUE + i] = b + (eye[2] * bright - b) * iris


@njit(cache=True, fastmath=FINITE, error_model="numpy")
def teeth_surface(p, n, whiteness):  # type: ignore[no-untyped-def]
    """A0: place along the row (mm), A1: gum 0 .. edge 1, A2 sky, A3 upper row."""
    _smooth_surface(p, f32(0.5), f32(0.4), A2)
    for i in range(min(n, CHUNK)):
        x, v = abs(p[A0 + i]), p[A1 + i]
        width = 5.6
        if p[A3 + i] > 0.5:
            width = 8.5 if x < 8.5 else 7.2
        phase = (x % width) / width
        gap = max(1.0 - min(phase, 1.0 - phase) * 18.0, 0.0)
        line = 0.22 + 0.10 * (2.0 * phase - 1.0) ** 2
        gum = unit_interval((line - v) / 0.05)
        white = (1.0 - 0.4 * gap) * (0.82 + 0.18 * whiteness)
        dim = max(1.0 - 0.022 * x, 0.2)
        p[RED + i] = (0.66 * white + (0.42 - 0.66 * white) * gum) * dim
        p[GREEN + i] = (0.60 * white + (0.155 - 0.60 * white) * gum) * dim
        p[BLUE + i] = (0.50 * white + (0.155 - 0.50 * white) * gum) * dim


@njit(cache=True, fastmath=FINITE, error_model="numpy", inline="always")
def _woven(u, v, pattern, size):  # type: ignore[no-untyped-def]
    """Share of the second colour at (u, v) mm: stripes, checks, dots or a knit."""
    turn = f32(6.2832) / size
    if pattern == 1.0:
        return f32(1.0) if math.sin(turn * v) > 0.0 else f32(0.0)
    if pattern == 2.0:
        return f32(1.0) if math.sin(turn * u) > 0.3 else f32(0.0)
    if pattern == 3.0:
        across = f32(0.5) if math.sin(turn * u) > 0.2 else f32(0.0)
        return across + (f32(0.5) if math.sin(turn * v) > 0.2 else f32(0.0))
    if pattern == 4.0:
        return f32(1.0) if math.sin(turn * u) * math.sin(turn * v) > 0.55 else f32(0.0)
    knit = math.sin(f32(6.2832 / 4.4) * u + f32(1.5) * math.sin(v * f32(0.9)))
    return f32(0.35) * (f32(0.5) + f32(0.5) * knit)


@njit(cache=True, fastmath=FINITE, error_model="numpy")
def cloth_surface(p, n, cloth):  # type: ignore[no-untyped-def]
    """A0, A1: mm around and down the garment, A2 sky, A3 trim. cloth: two colours, pattern, its size mm,
    trim."""
    _smooth_surface(p, f32(0.25), f32(0.75), A2)
    pattern = cloth[6]
    for i in range(min(n, CHUNK)):
        pick = f32(0.0)
        if pattern > 0.0:
            pick = _woven(p[A0 + i], p[A1 + i], pattern, cloth[7])
        trim = unit_interval(p[A3 + i])
        r = cloth[0] + (cloth[3] - cloth[0]) * pick
        g = cloth[1] + (cloth[4] - cloth[1]) * pick
        b = cloth[2] + (cloth[5] - cloth[2]) * pick
        p[RED + i] = r + (cloth[8] - r) * trim
        p[GREEN + i] = g + (cloth[9] - g) * trim
        p[BLUE + i] = b + (cloth[10] - b) * trim


@njit(cache=True, fastmath=FINITE, error_model="numpy")
def frame_surface(p, frame):  # type: ignore[no-untyped-def]
    """Spectacle frames: frame is colour and roughness."""
    _smooth_surface(p, f32(1.6), frame[3], A2)
    for i in range(CHUNK):
        p[RED + i], p[GREEN + i], p[BLUE + i] = frame[0], frame[1], frame[2]


@njit(cache=True, fastmath=FINITE, error_model="numpy")
def fabric_surface(p, n, texture):  # type: ignore[no-untyped-def]
    """A worn mask. A0, A1: texels, A2 sky; U0.., V0..: directions of u and v, of any length but 0.

    A sheet has two sides: its normal is turned to the viewer, and the bump is its normal.
    """
    slopes = np.empty(2 * CHUNK, np.float32)
    ways = np.empty(6 * CHUNK, np.float32)
    for i in range(6 * CHUNK):
        ways[i] = p[U0 + i]
    fetch(p, n, texture)
    for i in range(CHUNK):
        slopes[i], slopes[CHUNK + i] = p[U0 + i], p[V0 + i]
    for i in range(CHUNK):
        nx, ny, nz = p[NX + i], p[NY + i], p[NZ + i]
        side = f32(1.0) if nx * p[VX + i] + ny * p[VY + i] + nz * p[VZ + i] < 0.0 else f32(-1.0)
        hu, hv = slopes[i], slopes[CHUNK + i]
        bx = side * nx - hu * ways[i] - hv * ways[3 * CHUNK + i]
        by = side * ny - hu * ways[CHUNK + i] - hv * ways[4 * CHUNK + i]
        bz = side * nz - hu * ways[2 * CHUNK + i] - hv * ways[5 * CHUNK + i]
        inv = f32(1.0) / math.sqrt(bx * bx + by * by + bz * bz + f32(1e-9))
        bx, by, bz = bx * inv, by * inv, bz * inv
        p[BX + i], p[BY + i], p[BZ + i] = bx, by, bz
        p[NX + i], p[NY + i], p[NZ + i] = bx, by, bz
        p[ROUGH + i] = f32(0.6)
        p[SKY + i] = unit_interval(p[A2 + i])
