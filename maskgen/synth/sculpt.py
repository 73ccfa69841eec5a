"""The head as a signed distance: skull, jaw, nose, lids, lips, ears, neck. All numbers are millimetres.

The frame is the canonical one (origin at the nose tip, x to the image right, y down, z into the head). The
solid is symmetric in x. Numbers were placed by hand around CANONICAL_FACE and general anatomy; the mesh is
then bent by a few millimetres so that the 68 landmarks are met exactly (base.py).
"""

from __future__ import annotations

import math

from numba import njit

from .compiled import FINITE
from .distance import ball, carve, cone, ellipsoid, join, meet, step

#: where the eyeballs sit (right one mirrored), and their radius
EYE_CENTRE = (31.4, -34.6, 48.6)
EYE_RADIUS = 12.0
LID_RADIUS = 13.3
#: half the gap between the lips as sculpted; the neutral face closes it
LIP_GAP = 1.3


@njit(cache=True, fastmath=FINITE, error_model="numpy")
def _skull(x, y, z):  # type: ignore[no-untyped-def]
    d = ellipsoid(x, y + 60.0, z - 112.0, 73.0, 81.0, 89.0)
    d = join(d, ellipsoid(x, y + 66.0, z - 140.0, 75.0, 70.0, 64.0), 18.0)  # back of the head
    d = join(d, ellipsoid(x, y + 78.0, z - 78.0, 56.0, 48.0, 52.0), 22.0)  # forehead
    face = ellipsoid(x, y - 0.0, z - 97.0, 65.0, 83.0, 73.0)
    d = join(d, face, 20.0)
    brow = cone(x, y, z, 6.0, -49.0, 31.5, 48.0, -50.0, 50.0, 7.5, 6.0)
    d = join(d, brow, 18.0)
    cheek = ellipsoid(x - 44.0, y + 8.0, z - 62.0, 17.0, 15.0, 17.0)
    d = join(d, cheek, 22.0)
    d = join(d, ellipsoid(x - 38.0, y - 22.0, z - 64.0, 20.0, 24.0, 21.0), 20.0)  # flesh of the cheek
    arch = cone(x, y, z, 52.0, -14.0, 68.0, 66.0, -18.0, 108.0, 8.0, 7.0)
    d = join(d, arch, 16.0)
    ramus = cone(x, y, z, 59.0, -10.0, 112.0, 45.5, 42.0, 99.0, 10.0, 11.0)
    d = join(d, ramus, 16.0)
    jaw = cone(x, y, z, 45.0, 41.0, 98.0, 15.0, 62.0, 41.0, 12.0, 13.0)
    d = join(d, jaw, 18.0)
    d = join(d, ellipsoid(x - 52.0, y - 20.0, z - 88.0, 11.5, 26.0, 18.0), 20.0)  # chewing muscle
    chin = ellipsoid(x, y - 62.5, z - 36.5, 14.5, 13.0, 15.5)
    d = join(d, chin, 16.0)
    d = carve(d, ellipsoid(x - 88.0, y + 52.0, z - 76.0, 22.0, 30.0, 30.0), 26.0)  # temple
    # hollow under the cheekbone
    return carve(d, ellipsoid(x - 80.0, y - 22.0, z - 62.0, 16.0, 22.0, 24.0), 26.0)


@njit(cache=True, fastmath=FINITE, error_model="numpy")
def _neck(x, y, z):  # type: ignore[no-untyped-def]
    t = (y - 40.0) / 100.0
    cz = 132.0 + 16.0 * t
    wide = 45.0 + 12.0 * step(0.5, 1.3, t)
    deep = 48.0 + 4.0 * t
    a, b = x / wide, (z - cz) / deep
    k0 = math.sqrt(a * a + b * b)
    a, b = a / wide, b / deep
    d = k0 * (k0 - 1.0) / (math.sqrt(a * a + b * b) + 1e-6)
    d = meet(d, -(y + 30.0), 10.0)
    cord = cone(x, y, z, 58.0, 6.0, 140.0, 14.0, 148.0, 100.0, 9.0, 9.0)
    d = join(d, cord, 16.0)
    d = join(d, ellipsoid(x, y - 104.0, z - 96.0, 8.0, 14.0, 9.0), 16.0)  # larynx
    # trapezius and the top of the chest
    d = join(d, cone(x, y, z, 40.0, 110.0, 165.0, 125.0, 165.0, 160.0, 30.0, 34.0), 30.0)
    d = join(d, ellipsoid(x, y - 230.0, z - 150.0, 122.0, 84.0, 66.0), 30.0)
    if y < 90.0:
        return d
    trunk = ellipsoid(x, (y - 380.0) * 0.6, z - 150.0, 140.0, 170.0, 88.0)
    arm = cone(x, y, z, 152.0, 172.0, 160.0, 178.0, 460.0, 150.0, 43.0, 44.0)
    return join(d, join(trunk, arm, 24.0), 34.0)


@njit(cache=True, fastmath=FINITE, error_model="numpy")
def _nose(x, y, z, d):  # type: ignore[no-untyped-def]
    bridge = cone(x, y, z, 0.0, -34.0, 28.6, 0.0, -10.0, 10.5, 7.2, 7.4)
    d = join(d, bridge, 11.0)
    flank = cone(x, y, z, 4.0, -24.0, 29.0, 9.0, 2.0, 24.0, 7.0, 8.0)
    d = join(d, flank, 9.0)
    tip = ellipsoid(x, y + 1.2, z - 9.6, 9.4, 8.4, 9.6)
    lobe = ball(x - 3.2, y + 1.0, z - 8.6, 7.2)
    d = join(d, join(tip, lobe, 4.0), 7.0)
    wing = ellipsoid(x - 11.0, y - 3.4, z - 18.4, 6.8, 7.2, 9.6)
    d = join(d, wing, 3.4)
    d = join(d, cone(x, y, z, 0.0, 4.6, 9.0, 0.0, 10.0, 19.0, 3.6, 4.0), 4.5)  # columella
    hole = cone(x, y, z, 6.5, 8.6, 13.2, 5.4, 0.0, 15.0, 2.7, 2.4)
    hole = join(hole, cone(x, y, z, 8.3, 8.4, 17.4, 6.6, 0.0, 17.5, 2.7, 2.4), 2.0)
    return carve(d, hole, 2.2)


@njit(cache=True, fastmath=FINITE, error_model="numpy")
def mouth_line(x):  # type: ignore[no-untyped-def]
    """Height y at which the lips meet, over x: lowest under the tubercle, highest beside it."""
    return (
        31.6 + 0.9 * math.exp(-((x / 5.5) ** 2)) - 0.5 * math.exp(-(((x - 9.5) / 6.0) ** 2)) + 0.0014 * x * x
    )


@njit(cache=True, fastmath=FINITE, error_model="numpy")
def _mouth(x, y, z, d):  # type: ignore[no-untyped-def]
    bend = 0.0245 * x * x / (1.0 + 0.0002 * x * x)
    zl = z - bend
    # the roundness of the teeth under the lips
    d = join(d, ellipsoid(x, y - 30.0, zl - 42.0, 31.0, 36.0, 25.0), 12.0)
    d = carve(d, cone(x, y, zl, 0.0, 13.5, 12.6, 0.0, 22.0, 11.2, 2.0, 2.6), 5.0)  # philtrum
    d = carve(d, ellipsoid(x, y - 49.5, zl - 12.0, 24.0, 6.0, 8.5), 8.0)  # fold above the chin
    drop = 0.0066 * x * x
    bow = 1.3 * math.exp(-(((x - 6.0) / 4.4) ** 2))
    upper = ellipsoid(x, y + bow * 0.5 - drop - 28.2, zl - 19.6, 26.5, 4.8 + bow * 0.5, 6.3)
    d = join(d, upper, 4.5)
    tubercle = ball(x, y - 29.2, zl - 18.2, 3.9)
    d = join(d, tubercle, 4.0)
    rise = 0.0075 * x * x
    lower = ellipsoid(x, y + rise - 37.2, zl - 20.9, 24.0, 5.5, 7.2)
    d = join(d, lower, 4.0)
    # the slit, and the space behind it
    line = y - mouth_line(x)
    taper = math.sqrt(max(1.0 - (x / 25.0) ** 2, 0.0))
    slit = max(abs(line) - LIP_GAP * taper, abs(x) - 24.8)
    slit = max(slit, max(zl - 46.0, -zl))
    d = carve(d, slit, 1.6)
    inside = ellipsoid(x, y - 33.0, zl - 47.0, 25.0, 18.0, 22.5)
    return carve(d, inside, 1.5)


@njit(cache=True, fastmath=FINITE, error_model="numpy")
def eye_opening(x, y):  # type: ignore[no-untyped-def]
    """Positive where the lids are open (mm to the lid edge, roughly); x, y of the canonical frame, x >= 0."""
    u = (x - 31.4) / 12.6
    if abs(u) >= 1.0:
        return -math.hypot((abs(u) - 1.0) * 12.6, y + 33.9 + 0.4 * u)
    tilt = -0.4 * u
    top = -33.9 + tilt - 5.3 * (1.0 - abs(u + 0.12 * (1.0 - u * u)) ** 2.3) ** 0.9
    low = -33.9 + tilt + 3.6 * (1.0 - abs(u - 0.16 * (1.0 - u * u)) ** 2.4)
    return min(y - top, low - y)


@njit(cache=True, fastmath=FINITE, error_model="numpy")
def _eye(x, y, z, d):  # type: ignore[no-untyped-def]
    # the hollow between brow and cheek
    d = carve(d, ellipsoid(x - 32.0, y + 35.5, z - 30.0, 20.0, 9.5, 11.0), 10.0)
    d = carve(d, ellipsoid(x - 19.5, y + 33.5, z - 31.0, 6.0, 8.0, 8.5), 8.0)
    ex, ey, ez = x - EYE_CENTRE[0], y - EYE_CENTRE[1], z - EYE_CENTRE[2]
    lid = ball(ex, ey, ez, LID_RADIUS)
    d = join(d, lid, 5.0)
    # fold of the upper lid
    r = math.sqrt(ex * ex + (ey * 1.05) ** 2)
    if ey < 0.0 and ez < 0.0:
        arch = math.sqrt((ex / 15.5) ** 2 + (ey / 9.6) ** 2)
        fold = math.sqrt(((arch - 1.0) * 10.0) ** 2 + (ball(ex, ey, ez, LID_RADIUS + 1.2)) ** 2)
        fold -= 0.5 * step(1.0, 6.0, -ey)
        d = carve(d, fold, 3.4)
    corner = cone(x, y, z, 18.6, -33.2, 37.5, 22.0, -33.6, 39.0, 1.2, 2.6)
    d = join(d, corner, 3.0)
    opening = -eye_opening(x, y)
    cut = max(opening, max(z - 62.0, r - 16.0))
    d = carve(d, cut, 1.4)
    return join(d, max(ball(ex, ey, ez, EYE_RADIUS - 1.2), z - 60.0), 0.5)


@njit(cache=True, fastmath=FINITE, error_model="numpy")
def _ear(x, y, z, d):  # type: ignore[no-untyped-def]
    # local frame: u backward along the ear, v down, w out of its plane
    px, py, pz = x - 71.0, y + 12.0, z - 117.0
    cu, su = 0.90, 0.43
    u, w = px * su + pz * cu, px * cu - pz * su
    v = py + 0.16 * u
    u = u - 0.16 * py
    if u < -25.0 or u > 50.0 or abs(v) > 60.0:
        return d
    a, b = (u - 15.0) / 18.0, (v + 4.0) / (31.0 if v < -4.0 else 27.0)
    ring = math.sqrt(a * a + b * b)
    bowl = -2.5 * (1.0 - min(ring, 1.0))  # the middle lies lower than the rim
    flat = max((ring - 0.90) * 17.0, abs(w - bowl) - 2.6)
    plate = flat
    if u > 0.0 or v < -12.0:
        rim = math.sqrt(((ring - 0.92) * 17.0) ** 2 + (w - 2.4) ** 2) - 2.5
        plate = join(plate, rim, 2.0)
    ridge = math.sqrt(
        ((math.sqrt((u - 10.0) ** 2 / 81.0 + (v + 3.0) ** 2 / 289.0) - 1.0) * 10.0) ** 2 + (w - 1.2) ** 2
    )
    if u > 8.0:
        plate = join(plate, ridge - 1.7, 2.6)
    plate = join(plate, ellipsoid(u - 6.5, v - 25.0, w + 0.5, 7.0, 8.5, 3.2), 4.0)  # lobe
    root = cone(x, y, z, 68.0, -30.0, 124.0, 66.0, 8.0, 120.0, 9.0, 8.0)
    plate = join(plate, root, 5.0)
    d = join(d, plate, 4.0)
    d = carve(d, ellipsoid(u - 7.0, v - 0.5, w - 1.0, 6.6, 9.5, 6.5), 3.0)  # concha
    d = carve(d, ellipsoid(u - 9.0, v + 13.5, w - 2.5, 6.5, 4.0, 4.0), 2.5)
    return join(d, ellipsoid(u + 0.5, v - 1.0, w - 0.6, 3.0, 5.0, 3.4), 2.5)  # tragus


@njit(cache=True, fastmath=FINITE, error_model="numpy")
def head_distance(x, y, z):  # type: ignore[no-untyped-def]
    """Signed distance (mm, first order) of head and neck at a point of the canonical frame."""
    x = abs(x)
    d = _skull(x, y, z)
    d = join(d, _neck(x, y, z), 16.0)
    if z < 75.0 and y > -62.0 and y < 75.0:
        d = _eye(x, y, z, d)
        d = _nose(x, y, z, d)
        d = _mouth(x, y, z, d)
    if x > 58.0 and z > 95.0:
        d = _ear(x, y, z, d)
    return d
