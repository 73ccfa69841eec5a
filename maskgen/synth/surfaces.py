"""What each material is at one point: reflectance, fine normal, gloss. Pieces of the kernel in resolve.py.

Every function returns (albedo, bump, wrap, gloss, roughness, sky): three tuples and three numbers, as
`illuminate` takes them.
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit

from .shade import dot, unit, unit_interval


@njit(cache=True, fastmath=True, error_model="numpy", inline="always")
def _texel(texture, i, j, a, b, c):  # type: ignore[no-untyped-def]
    top = texture[j, i, c] + a * (texture[j, i + 1, c] - texture[j, i, c])
    low = texture[j + 1, i, c] + a * (texture[j + 1, i + 1, c] - texture[j + 1, i, c])
    return top + b * (low - top)


@njit(cache=True, fastmath=True, error_model="numpy", inline="always")
def fetch(texture, u, v):  # type: ignore[no-untyped-def]
    """Bilinear texel of texture (h, w, 6), six numbers; u beyond the right edge is mirrored back."""
    h, w = texture.shape[:2]
    if u > w - 1.0:
        u = 2.0 * (w - 1.0) - u
    u = min(max(u, 0.0), w - 1.001)
    v = min(max(v, 0.0), h - 1.001)
    i, j = int(u), int(v)
    a, b = np.float32(u - i), np.float32(v - j)
    return (
        _texel(texture, i, j, a, b, 0),
        _texel(texture, i, j, a, b, 1),
        _texel(texture, i, j, a, b, 2),
        _texel(texture, i, j, a, b, 3),
        _texel(texture, i, j, a, b, 4),
        _texel(texture, i, j, a, b, 5),
    )


@njit(cache=True, fastmath=True, error_model="numpy", inline="always")
def skin_surface(n, attr, texture, down):  # type: ignore[no-untyped-def]
    """attr: u, v, sky, inside of the mouth. down: the head's y axis in the camera frame."""
    r, g, b, gloss, hu, hv = fetch(texture, attr[0], attr[1])
    inner, sky = unit_interval(attr[3]), unit_interval(attr[2])
    dim = 1.0 - 0.8 * inner * (1.0 - sky)
    albedo = ((r + (0.17 - r) * inner) * dim, (g + (0.04 - g) * inner) * dim, (b + (0.04 - b) * inner) * dim)
    # tangents: t around the head, g down it
    t = unit(
        (n[1] * down[2] - n[2] * down[1], n[2] * down[0] - n[0] * down[2], n[0] * down[1] - n[1] * down[0])
    )
    along = (t[1] * n[2] - t[2] * n[1], t[2] * n[0] - t[0] * n[2], t[0] * n[1] - t[1] * n[0])
    hu, hv = hu * (1.0 - inner), hv * (1.0 - inner)
    bump = unit(
        (
            n[0] - hu * t[0] - hv * along[0],
            n[1] - hu * t[1] - hv * along[1],
            n[2] - hu * t[2] - hv * along[2],
        )
    )
    return albedo, bump, (0.30, 0.13, 0.09), gloss, 0.52 - 0.10 * gloss, sky


@njit(cache=True, fastmath=True, error_model="numpy")
def eye_surface(n, attr, eye):  # type: ignore[no-untyped-def]
    """attr: direction in the eye (front -z), sky. eye: iris rgb, pupil, ring, veins, radius, white."""
    across = math.sqrt(attr[0] ** 2 + attr[1] ** 2)
    rho = 12.0 * across if attr[2] < 0.0 else 24.0
    angle = math.atan2(attr[1], attr[0])
    iris = unit_interval((eye[6] + 0.45 - rho) / 0.9)
    pupil = unit_interval((eye[3] + 0.2 - rho) / 0.4)
    corner = unit_interval((rho - 7.0) / 5.0)
    vein = (
        max(math.sin(angle * 9.0 + 2.5 * math.sin(angle * 5.0 + rho * 0.9) + rho), 0.0) ** 6 * eye[5] * corner
    )
    ring = unit_interval((rho - eye[6] + 1.5) / 1.5) * eye[4]
    fibre = math.sin(angle * 37.0 + 1.7 * math.sin(angle * 11.0 + rho)) * 0.14
    fibre += math.sin(angle * 61.0 + rho * 2.3) * 0.09
    near = (rho - eye[3] - 0.9) / 0.8
    bright = (1.0 + fibre) * (1.0 + 0.35 / (1.0 + near * near)) * (1.0 - 0.75 * ring) * (1.0 - 0.97 * pupil)
    white = (
        eye[7] * (0.45 - 0.05 * corner - 0.10 * vein),
        eye[7] * (0.40 - 0.12 * corner - 0.20 * vein),
        eye[7] * (0.38 - 0.12 * corner - 0.20 * vein),
    )
    albedo = (
        white[0] + (eye[0] * bright - white[0]) * iris,
        white[1] + (eye[1] * bright - white[1]) * iris,
        white[2] + (eye[2] * bright - white[2]) * iris,
    )
    return albedo, n, (0.2, 0.12, 0.10), 0.0, 0.3, unit_interval(attr[3])


@njit(cache=True, fastmath=True, error_model="numpy")
def teeth_surface(n, attr, whiteness):  # type: ignore[no-untyped-def]
    """attr: place along the row (mm), gum 0 .. edge 1, sky, upper row."""
    x, v = abs(attr[0]), attr[1]
    width = 5.6
    if attr[3] > 0.5:
        width = 8.5 if x < 8.5 else 7.2
    phase = (x % width) / width
    gap = max(1.0 - min(phase, 1.0 - phase) * 18.0, 0.0)
    line = 0.22 + 0.10 * (2.0 * phase - 1.0) ** 2
    gum = unit_interval((line - v) / 0.05)
    white = (1.0 - 0.4 * gap) * (0.82 + 0.18 * whiteness)
    dim = max(1.0 - 0.022 * x, 0.2)
    albedo = (
        (0.66 * white + (0.42 - 0.66 * white) * gum) * dim,
        (0.60 * white + (0.155 - 0.60 * white) * gum) * dim,
        (0.50 * white + (0.155 - 0.50 * white) * gum) * dim,
    )
    return albedo, n, (0.2, 0.15, 0.12), 0.5, 0.4, unit_interval(attr[2])


@njit(cache=True, fastmath=True, error_model="numpy", inline="always")
def cloth_surface(n, attr, cloth):  # type: ignore[no-untyped-def]
    """attr: mm around and down the garment, sky, trim. cloth: two colours, pattern, its size mm, trim."""
    u, v = attr[0], attr[1]
    pattern, size = cloth[6], cloth[7]
    pick = 0.0
    if pattern == 1.0:
        pick = 1.0 if math.sin(6.2832 * v / size) > 0.0 else 0.0
    elif pattern == 2.0:
        pick = 1.0 if math.sin(6.2832 * u / size) > 0.3 else 0.0
    elif pattern == 3.0:
        pick = 0.5 * (math.sin(6.2832 * u / size) > 0.2) + 0.5 * (math.sin(6.2832 * v / size) > 0.2)
    elif pattern == 4.0:
        pick = 1.0 if math.sin(6.2832 * u / size) * math.sin(6.2832 * v / size) > 0.55 else 0.0
    elif pattern == 5.0:
        pick = 0.35 * (0.5 + 0.5 * math.sin(6.2832 * u / 4.4 + 1.5 * math.sin(v * 0.9)))
    trim = unit_interval(attr[3])
    r = cloth[0] + (cloth[3] - cloth[0]) * pick
    g = cloth[1] + (cloth[4] - cloth[1]) * pick
    b = cloth[2] + (cloth[5] - cloth[2]) * pick
    albedo = (r + (cloth[8] - r) * trim, g + (cloth[9] - g) * trim, b + (cloth[10] - b) * trim)
    return albedo, n, (0.12, 0.12, 0.12), 0.25, 0.75, unit_interval(attr[2])


@njit(cache=True, fastmath=True, error_model="numpy", inline="always")
def frame_surface(n, attr, frame):  # type: ignore[no-untyped-def]
    """Spectacle frames: frame is colour and roughness."""
    return (frame[0], frame[1], frame[2]), n, (0.0, 0.0, 0.0), 1.6, frame[3], unit_interval(attr[2])


@njit(cache=True, fastmath=True, error_model="numpy")
def fabric_surface(n, view, attr, texture, across, along):  # type: ignore[no-untyped-def]
    """A worn mask. attr: u, v texels, sky, 1. texture (h, w, 6): rgb, gloss, relief slopes. across, along:
    directions of u and v. A sheet has two sides: n is turned to the viewer."""
    r, g, b, gloss, hu, hv = fetch(texture, attr[0], attr[1])
    side = 1.0 if dot(n, view) < 0.0 else -1.0
    bump = unit(
        (
            side * n[0] - hu * across[0] - hv * along[0],
            side * n[1] - hu * across[1] - hv * along[1],
            side * n[2] - hu * across[2] - hv * along[2],
        )
    )
    return (r, g, b), bump, (0.22, 0.22, 0.22), gloss, 0.6, unit_interval(attr[2])
