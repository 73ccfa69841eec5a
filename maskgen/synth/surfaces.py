"""What each material is at one point: reflectance, fine normal, gloss. Pieces of the kernel in resolve.py.

Every function fills albedo (3,), bump (3,) and wrap (3,) and returns (gloss, roughness, sky).
"""

from __future__ import annotations

import math

from numba import njit

from .shade import fetch


@njit(cache=True, fastmath=True, error_model="numpy", inline="always")
def _unit(v):  # type: ignore[no-untyped-def]
    inv = 1.0 / math.sqrt(v[0] * v[0] + v[1] * v[1] + v[2] * v[2] + 1e-12)
    v[0], v[1], v[2] = v[0] * inv, v[1] * inv, v[2] * inv


@njit(cache=True, fastmath=True, error_model="numpy")
def skin_surface(n, attr, texture, axes, texel, albedo, bump, wrap):  # type: ignore[no-untyped-def]
    """attr: u, v, sky, inside of the mouth. axes (3, 3): columns are the head's axes in the camera frame."""
    fetch(texture, attr[0], attr[1], texel)
    inner = min(max(attr[3], 0.0), 1.0)
    sky = min(max(attr[2], 0.0), 1.0)
    dim = 1.0 - 0.8 * inner * (1.0 - sky)
    for c in range(3):
        flesh = 0.17 if c == 0 else 0.04
        albedo[c] = (texel[c] + (flesh - texel[c]) * inner) * dim
    # tangents: t around the head, g down it
    bx, by, bz = axes[0, 1], axes[1, 1], axes[2, 1]
    tx, ty, tz = n[1] * bz - n[2] * by, n[2] * bx - n[0] * bz, n[0] * by - n[1] * bx
    inv = 1.0 / math.sqrt(tx * tx + ty * ty + tz * tz + 1e-6)
    tx, ty, tz = tx * inv, ty * inv, tz * inv
    gx, gy, gz = ty * n[2] - tz * n[1], tz * n[0] - tx * n[2], tx * n[1] - ty * n[0]
    hu, hv = texel[4] * (1.0 - inner), texel[5] * (1.0 - inner)
    bump[0] = n[0] - hu * tx - hv * gx
    bump[1] = n[1] - hu * ty - hv * gy
    bump[2] = n[2] - hu * tz - hv * gz
    _unit(bump)
    wrap[0], wrap[1], wrap[2] = 0.30, 0.13, 0.09
    return texel[3], 0.52 - 0.10 * texel[3], sky


@njit(cache=True, fastmath=True, error_model="numpy")
def eye_surface(n, attr, eye, albedo, bump, wrap):  # type: ignore[no-untyped-def]
    """attr: unit direction in the eye's frame (front -z) and sky. eye: iris rgb, pupil mm, ring, veins,
    radius mm."""
    across = math.sqrt(attr[0] ** 2 + attr[1] ** 2)
    rho = 12.0 * across if attr[2] < 0.0 else 24.0
    angle = math.atan2(attr[1], attr[0])
    iris = min(max((eye[6] + 0.45 - rho) / 0.9, 0.0), 1.0)
    pupil = min(max((eye[3] + 0.2 - rho) / 0.4, 0.0), 1.0)
    corner = min(max((rho - 7.0) / 5.0, 0.0), 1.0)
    vein = (
        max(math.sin(angle * 9.0 + 2.5 * math.sin(angle * 5.0 + rho * 0.9) + rho), 0.0) ** 6 * eye[5] * corner
    )
    ring = min(max((rho - eye[6] + 1.5) / 1.5, 0.0), 1.0) * eye[4]
    fibre = math.sin(angle * 37.0 + 1.7 * math.sin(angle * 11.0 + rho)) * 0.14
    fibre += math.sin(angle * 61.0 + rho * 2.3) * 0.09
    near = (rho - eye[3] - 0.9) / 0.8
    bright = (1.0 + fibre) * (1.0 + 0.35 / (1.0 + near * near)) * (1.0 - 0.75 * ring) * (1.0 - 0.97 * pupil)
    for c in range(3):
        pink = 0.05 if c == 0 else 0.13
        red = 0.10 if c == 0 else 0.23
        white = (0.50 if c == 0 else (0.46 if c == 1 else 0.44)) - pink * corner - red * vein
        albedo[c] = white + (eye[c] * bright - white) * iris
        bump[c] = n[c]
    wrap[0], wrap[1], wrap[2] = 0.2, 0.12, 0.10
    return 0.0, 0.3, min(max(attr[3], 0.0), 1.0)


@njit(cache=True, fastmath=True, error_model="numpy")
def teeth_surface(n, attr, whiteness, albedo, bump, wrap):  # type: ignore[no-untyped-def]
    """attr: place along the row (mm), gum 0 .. edge 1, sky, upper row."""
    x, v = abs(attr[0]), attr[1]
    width = 5.6
    if attr[3] > 0.5:
        width = 8.5 if x < 8.5 else 7.2
    phase = (x % width) / width
    gap = max(1.0 - min(phase, 1.0 - phase) * 18.0, 0.0)
    line = 0.22 + 0.10 * (2.0 * phase - 1.0) ** 2
    gum = min(max((line - v) / 0.05, 0.0), 1.0)
    for c in range(3):
        enamel = 0.66 if c == 0 else (0.60 if c == 1 else 0.50)
        enamel *= (1.0 - 0.4 * gap) * (0.82 + 0.18 * whiteness)
        pink = 0.42 if c == 0 else 0.155
        albedo[c] = (enamel + (pink - enamel) * gum) * max(1.0 - 0.022 * x, 0.2)
        bump[c] = n[c]
    wrap[0], wrap[1], wrap[2] = 0.2, 0.15, 0.12
    return 0.5, 0.4, min(max(attr[2], 0.0), 1.0)


@njit(cache=True, fastmath=True, error_model="numpy")
def cloth_surface(n, attr, cloth, albedo, bump, wrap):  # type: ignore[no-untyped-def]
    """attr: place on the garment (mm around, mm down), sky, trim. cloth: two colours, pattern, size mm,
    trim colour."""
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
    trim = min(max(attr[3], 0.0), 1.0)
    for c in range(3):
        dyed = cloth[c] + (cloth[3 + c] - cloth[c]) * pick
        albedo[c] = dyed + (cloth[8 + c] - dyed) * trim
        wrap[c] = 0.12
        bump[c] = n[c]
    return 0.25, 0.75, min(max(attr[2], 0.0), 1.0)


@njit(cache=True, fastmath=True, error_model="numpy")
def frame_surface(n, attr, frame, albedo, bump, wrap):  # type: ignore[no-untyped-def]
    """Spectacle frames: frame is colour and roughness."""
    for c in range(3):
        albedo[c] = frame[c]
        bump[c] = n[c]
        wrap[c] = 0.0
    return 1.6, frame[3], min(max(attr[2], 0.0), 1.0)


@njit(cache=True, fastmath=True, error_model="numpy")
def fabric_surface(n, view, attr, texture, tangents, texel, albedo, bump, wrap):  # type: ignore[no-untyped-def]
    """A worn mask. attr: u, v texels, sky, 1. texture (h, w, 6): rgb, gloss, relief slopes. tangents (2,
    3): of u, v."""
    fetch(texture, attr[0], attr[1], texel)
    side = 1.0 if n[0] * view[0] + n[1] * view[1] + n[2] * view[2] < 0.0 else -1.0
    for c in range(3):
        albedo[c] = texel[c]
        wrap[c] = 0.22
        bump[c] = side * n[c] - texel[4] * tangents[0, c] - texel[5] * tangents[1, c]
        n[c] = side * n[c]
    _unit(bump)
    return texel[3], 0.6, min(max(attr[2], 0.0), 1.0)
