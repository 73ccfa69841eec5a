"""What things in front of a face are made of: height fields, noise, colours, light, prints."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numba import njit
from numpy.typing import NDArray

from maskgen.paint.occluder_frame import PIXEL_MM, SIDE

from .heads import LARGE

N = LARGE
MM = PIXEL_MM * SIDE / N  # mm a pixel
Array = NDArray[np.float64]
F32 = NDArray[np.float32]
#: parts of a hand: skin, nails, sleeve
SKIN, NAIL, SLEEVE = 0, 1, 2


@njit(cache=True, nogil=True)
def _capsule(z, ids, ax, ay, az, ra, bx, by, bz, rb, number):  # type: ignore[no-untyped-def]
    n = z.shape[0]
    r = max(ra, rb)
    x0, x1 = max(int(min(ax, bx) - r), 0), min(int(max(ax, bx) + r) + 2, n)
    y0, y1 = max(int(min(ay, by) - r), 0), min(int(max(ay, by) + r) + 2, n)
    dx, dy = bx - ax, by - ay
    length = dx * dx + dy * dy + 1e-6
    for y in range(y0, y1):
        for x in range(x0, x1):
            t = min(max(((x - ax) * dx + (y - ay) * dy) / length, 0.0), 1.0)
            ex, ey = x - ax - t * dx, y - ay - t * dy
            rr = ra + t * (rb - ra)
            d = rr * rr - ex * ex - ey * ey
            if d > 0.0:
                h = az + t * (bz - az) + np.sqrt(d)
                if h > z[y, x]:
                    z[y, x] = h
                    ids[y, x] = number


class Field:
    """Capsules: z (N, N) px towards the camera, ids (N, N) of the part seen, -1 where there is none."""

    def __init__(self) -> None:
        self.z = np.full((N, N), -1e6, np.float32)
        self.ids = np.full((N, N), -1, np.int32)

    def add(
        self, a: Array, b: Array, ra: float, rb: float, za: float = 0.0, zb: float = 0.0, part: int = 0
    ) -> None:
        """A capsule from a to b, px, of radii ra to rb and heights za to zb."""
        _capsule(self.z, self.ids, a[0], a[1], za, ra, b[0], b[1], zb, rb, part)


def noise(rng: np.random.Generator, cells: tuple[float, float], side: int = N) -> F32:
    """Smooth noise (side, side) of about unit spread, with so many cells down and across."""
    small = rng.normal(0, 1, (max(2, int(cells[0])) + 1, max(2, int(cells[1])) + 1)).astype(np.float32)
    return np.asarray(cv2.resize(small, (side, side), interpolation=cv2.INTER_CUBIC))


def turned_noise(rng: np.random.Generator, along: float, across: float, angle: float) -> F32:
    """Noise with different cells along and across a direction."""
    m = cv2.getRotationMatrix2D((N * 0.75, N * 0.75), float(np.degrees(angle)), 1.0)
    m[:, 2] -= N * 0.25
    big = noise(rng, (along, across), N * 3 // 2)
    return np.asarray(cv2.warpAffine(big, m, (N, N), borderMode=cv2.BORDER_REFLECT))


def any_colour(rng: np.random.Generator) -> Array:
    """A colour, linear BGR (3,)."""
    hue, strength, value = rng.random(), rng.beta(1.0, 1.2), np.exp(rng.uniform(np.log(0.02), np.log(0.9)))
    wheel = 0.5 + 0.5 * np.cos(2 * np.pi * (hue - np.array([0.0, 1 / 3, 2 / 3])))
    return value * (1 - strength + strength * wheel)


def skin_near(rng: np.random.Generator, skin: Array) -> Array:
    """The colour of another part of the same person, or seldom of somebody else."""
    tone = np.exp(rng.normal(0.0, rng.choice([0.15, 0.35, 0.8], p=[0.3, 0.57, 0.13])))
    return skin * tone * np.exp(rng.normal(0, 0.07, 3))


def heading(angle: float) -> Array:
    """Unit vector (2,) of the crop; 0 is up."""
    return np.array([np.sin(angle), -np.cos(angle)])


def slopes(z: NDArray) -> tuple[F32, F32]:
    z = z.astype(np.float32)
    gx, gy = (cv2.Sobel(z, cv2.CV_32F, i, 1 - i, scale=0.125) for i in (1, 0))
    return np.asarray(gx), np.asarray(gy)


def shaded(rng: np.random.Generator, z: NDArray, solid: NDArray, flat: float) -> F32:
    """Light (N, N) on a height field, about 1 where it faces the camera; flat 0..1: how little it follows."""
    toward = np.array([rng.normal(0, 0.6), rng.normal(-0.3, 0.6), 1.0])
    toward /= np.linalg.norm(toward)
    low = float(z[solid].min()) if solid.any() else 0.0
    height = cv2.GaussianBlur(np.where(solid, z, low - 3.0).astype(np.float32), (0, 0), 0.8)
    gx, gy = slopes(height)
    lit = np.maximum(toward[2] - gx * toward[0] - gy * toward[1], 0.0) / np.sqrt(gx * gx + gy * gy + 1.0)
    hollow = np.maximum(cv2.GaussianBlur(height, (0, 0), 5.0) - height, 0)
    ambient = rng.uniform(0.15, 0.6)
    light = (1 - flat) * (ambient + (1 - ambient) * lit / max(toward[2], 0.5)) + flat
    return np.asarray(light / (1.0 + 0.06 * hollow), np.float32)


def grain(rng: np.random.Generator, rough: float) -> F32:
    parts = [a * noise(rng, (c, c)) for c, a in ((6, 0.6), (16, 0.5), (45, 0.45), (110, 0.4))]
    return np.exp(np.float32(rough) * sum(parts))


def pattern(rng: np.random.Generator) -> F32:
    """Print: how much of a second colour there is, (N, N) 0..1; half of the things are plain."""
    kind = rng.random()
    if kind < 0.5:
        return np.zeros((N, N), np.float32)
    a, period = rng.uniform(0, np.pi), np.exp(rng.uniform(np.log(4), np.log(50)))
    y, x = np.mgrid[:N, :N].astype(np.float32)
    u, v = x * np.cos(a) + y * np.sin(a), -x * np.sin(a) + y * np.cos(a)
    if kind < 0.65:
        return ((u % period) < period * rng.uniform(0.2, 0.8)).astype(np.float32)
    if kind < 0.75:
        return (((u % period) < period / 2) ^ ((v % period) < period / 2)).astype(np.float32)
    if kind < 0.85:  # writing
        rows = (v % (period / 2 + 4)) < (period / 4 + 1)
        return (rows & (noise(rng, (60, 60)) > 0.1)).astype(np.float32)
    return (noise(rng, (period, period)) > rng.normal(0, 0.5)).astype(np.float32)


def printed(rng: np.random.Generator, colour: Array) -> F32:
    m = pattern(rng)[..., None]
    return np.asarray(colour * (1 - m) + any_colour(rng) * m, np.float32)


@dataclass(frozen=True, eq=False)
class Thing:
    """alpha (N, N) 0 or 1, colour (N, N, 3) linear BGR, and what it is."""

    alpha: F32
    colour: F32
    kind: str


def of_field(rng: np.random.Generator, f: Field, colours: dict[int, Array], kind: str, rough: float) -> Thing:
    """The field in the colours of its parts, lit; sleeves are printed, and some things shine."""
    solid = f.ids >= 0
    colour = np.zeros((N, N, 3), np.float32)
    for part, c in colours.items():
        where = f.ids == part
        if where.any():
            colour[where] = printed(rng, c)[where] if part == SLEEVE else c
    colour *= (shaded(rng, f.z, solid, 0.0) * grain(rng, rough))[..., None]
    if rng.random() < 0.4:
        gx, gy = slopes(np.where(solid, f.z, 0))
        o = rng.normal(0, 0.5, 2)
        shine = np.exp(-((gx - o[0]) ** 2 + (gy - o[1]) ** 2) / 0.08) * rng.uniform(0, 0.35)
        colour = colour + (shine * colour.max(-1))[..., None]
    return Thing(solid.astype(np.float32), colour.astype(np.float32), kind)
