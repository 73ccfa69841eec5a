"""Light: lamps, the glow of the surroundings, and the shadow of the strongest lamp."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numba import njit
from numpy.typing import NDArray

from .draws import pick
from .raster import draw_triangles

SHADOW_SIZE = 288
#: how fast the exponential shadow map falls behind an occluder, per mm
SHARPNESS = 0.30


@dataclass(frozen=True, eq=False)
class Light:
    """lamps (k, 7): unit direction to the lamp (camera frame), linear colour, 1 where it casts shadows.

    sh (9, 3): irradiance of the surroundings over pi, spherical harmonics of order 2 as sky_light reads
    them. softness: blur of the shadow, mm.
    """

    lamps: NDArray[np.float32]
    sh: NDArray[np.float32]
    softness: float = 6.0

    def turned(self, rotation: NDArray) -> Light:
        """The same light seen by a camera whose frame is turned: v_new = rotation @ v."""
        lamps = self.lamps.copy()
        lamps[:, :3] = lamps[:, :3] @ rotation.T
        return Light(lamps, _turn_sh(self.sh, rotation), self.softness)

    def irradiance(self, normals: NDArray) -> NDArray[np.float64]:
        """Irradiance over pi (n, 3) on surfaces facing along ``normals`` (n, 3), without shadows."""
        out: NDArray[np.float64] = _basis(normals) @ self.sh.astype(np.float64)
        np.maximum(out, 0.0, out=out)
        for lamp in self.lamps:
            out += np.maximum(normals @ lamp[:3], 0.0)[:, None] * lamp[3:6]
        return out


def _basis(n: NDArray) -> NDArray:
    x, y, z = np.asarray(n, np.float64).T
    return np.stack([np.ones_like(x), y, z, x, x * y, y * z, 3 * z * z - 1, x * z, x * x - y * y], axis=1)


def _turn_sh(sh: NDArray, rotation: NDArray) -> NDArray[np.float32]:
    directions = np.random.default_rng(0).standard_normal((64, 3))
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    values = _basis(directions @ rotation) @ sh
    return np.linalg.lstsq(_basis(directions), values, rcond=None)[0].astype(np.float32)


def surroundings(ambient: NDArray, glows: list[tuple[NDArray, NDArray]]) -> NDArray[np.float32]:
    """Harmonics (9, 3) of an even ``ambient`` (3,) plus broad glows: (unit direction, colour (3,)) each.

    A glow is a cosine-squared lobe on the facing half: 1/4 + d/2 + (3 d^2 - 1)/8 of its colour, d the cosine.
    """
    sh = np.zeros((9, 3))
    sh[0] = ambient
    for (x, y, z), colour in glows:
        weights = np.array(
            [0.25, 0.5 * y, 0.5 * z, 0.5 * x, 0.5 * x * y, 0.5 * y * z, (3 * z * z - 1) / 12, 0.5 * x * z,
             (x * x - y * y) / 8]
        )  # fmt: skip
        sh += weights[:, None] * np.asarray(colour)
    return sh.astype(np.float32)


def _towards(right: float, up: float) -> NDArray[np.float64]:
    """Unit direction to a lamp ``right`` degrees to the image right of the camera and ``up`` degrees
    above."""
    a, e = np.radians(right), np.radians(up)
    return np.array([np.cos(e) * np.sin(a), -np.sin(e), -np.cos(e) * np.cos(a)])


def _tint(rng: np.random.Generator, warmth: float, spread: float = 0.04) -> NDArray[np.float64]:
    """A light colour; warmth -1 (blue sky) .. 1 (candle)."""
    base = np.array([1.0 + 0.22 * warmth, 1.0 + 0.02 * warmth, 1.0 - 0.30 * warmth])
    return np.clip(base + rng.normal(0.0, spread, 3), 0.3, 2.0)


#: kinds of light and how common each is
KINDS = {
    "studio": 0.26,
    "window": 0.20,
    "overcast": 0.17,
    "sun": 0.13,
    "flash": 0.12,
    "ceiling": 0.08,
    "low": 0.04,
}


def draw_light(rng: np.random.Generator, kinds: tuple[str, ...] = tuple(KINDS)) -> Light:
    """A random light, about as photographs have them."""
    kind = pick(rng, {kind: KINDS[kind] for kind in kinds})
    side = rng.choice([-1.0, 1.0])
    warm = rng.normal(0.15, 0.35)
    key, fill, even = _tint(rng, warm), _tint(rng, warm + rng.normal(0, 0.3)), _tint(rng, warm * 0.6)
    down = np.array([0.0, -1.0, 0.0])
    if kind == "studio":
        lamps = [(_towards(side * rng.uniform(15, 55), rng.uniform(10, 45)), key * rng.uniform(0.55, 0.9), 1)]
        lamps.append(
            (_towards(-side * rng.uniform(20, 70), rng.uniform(0, 30)), fill * rng.uniform(0.12, 0.4), 0)
        )
        if rng.random() < 0.4:
            lamps.append(
                (
                    _towards(-side * rng.uniform(125, 160), rng.uniform(10, 50)),
                    even * rng.uniform(0.2, 0.7),
                    0,
                )
            )
        sh, soft = surroundings(even * rng.uniform(0.12, 0.32), [(down, even * 0.25)]), rng.uniform(6, 16)
    elif kind == "window":
        lamps = [(_towards(side * rng.uniform(35, 90), rng.uniform(0, 35)), key * rng.uniform(0.4, 0.8), 1)]
        glow = (_towards(side * rng.uniform(40, 90), 15.0), key * rng.uniform(0.4, 0.9))
        sh, soft = surroundings(even * rng.uniform(0.10, 0.26), [glow]), rng.uniform(9, 20)
    elif kind == "overcast":
        lamps = [(_towards(side * rng.uniform(0, 60), rng.uniform(35, 75)), key * rng.uniform(0.10, 0.35), 1)]
        sky = (down, _tint(rng, -0.25) * rng.uniform(0.7, 1.1))
        sh, soft = surroundings(even * rng.uniform(0.25, 0.45), [sky]), rng.uniform(14, 26)
    elif kind == "sun":
        lamps = [
            (
                _towards(side * rng.uniform(5, 100), rng.uniform(25, 62)),
                _tint(rng, 0.35) * rng.uniform(0.8, 1.3),
                1,
            )
        ]
        sky = (down, _tint(rng, -0.5) * rng.uniform(0.3, 0.6))
        ground = (-down, _tint(rng, 0.2) * rng.uniform(0.08, 0.3))
        sh, soft = surroundings(even * rng.uniform(0.12, 0.25), [sky, ground]), rng.uniform(2, 6)
    elif kind == "flash":
        lamps = [(_towards(side * rng.uniform(0, 10), rng.uniform(2, 16)), key * rng.uniform(0.7, 1.0), 1)]
        sh, soft = surroundings(even * rng.uniform(0.06, 0.22), [(down, even * 0.15)]), rng.uniform(3, 8)
    elif kind == "ceiling":
        lamps = [(_towards(side * rng.uniform(0, 50), rng.uniform(50, 72)), key * rng.uniform(0.4, 0.7), 1)]
        lamps.append(
            (_towards(-side * rng.uniform(10, 60), rng.uniform(20, 50)), key * rng.uniform(0.15, 0.35), 0)
        )
        sh, soft = surroundings(even * rng.uniform(0.2, 0.38), [(down, even * 0.4)]), rng.uniform(8, 18)
    else:
        lamps = [(_towards(side * rng.uniform(50, 110), rng.uniform(0, 35)), key * rng.uniform(0.7, 1.1), 1)]
        if rng.random() < 0.5:
            lamps.append((_towards(-side * rng.uniform(60, 140), 20.0), fill * rng.uniform(0.2, 0.6), 0))
        sh, soft = surroundings(even * rng.uniform(0.03, 0.10), [(down, even * 0.05)]), rng.uniform(4, 10)
    table = np.array([[*d, *colour, shadowed] for d, colour, shadowed in lamps], np.float32)
    return Light(table, sh, float(soft))


def shadow_frame(direction: NDArray, centre: NDArray, reach: float) -> tuple[NDArray, NDArray]:
    """Affine map (3, 3), (3,) from camera-frame mm to shadow texels and mm of depth seen from the lamp."""
    d = -np.asarray(direction, np.float64)
    side = np.cross([0.0, 1.0, 0.0] if abs(d[1]) < 0.9 else [1.0, 0.0, 0.0], d)
    side /= np.linalg.norm(side)
    frame = np.stack([side, np.cross(d, side), d])
    frame[:2] *= SHADOW_SIZE / (2.0 * reach)
    offset = -frame @ centre
    offset[:2] += SHADOW_SIZE / 2.0
    return frame, offset


@njit(cache=True)
def _splat(depth, points):  # type: ignore[no-untyped-def]
    h, w = depth.shape
    for i in range(len(points)):
        x, y = int(points[i, 0] + 0.5), int(points[i, 1] + 0.5)
        if 0 <= x < w - 1 and 0 <= y < h - 1:
            for j in range(2):
                for k in range(2):
                    depth[y + j, x + k] = min(depth[y + j, x + k], points[i, 2])


def shadow_map(shadow_points: NDArray, triangles: NDArray, hair: NDArray | None, blur_mm: float,
               reach: float, solid: int = 0) -> NDArray[np.float32]:  # fmt: skip
    """Depth (h, w), mm, below which light is lost: the blurred exponential of depth, as a depth again
    (`arriving` compares with it). hair: shadow points (k, 3) of hair, or None."""
    depth = np.full((SHADOW_SIZE, SHADOW_SIZE), 400.0, np.float32)
    ids = np.empty(depth.shape, np.int32)
    draw_triangles(shadow_points, triangles, 0, ids, depth, solid)
    if hair is not None:
        _splat(depth, hair)
    warped = np.exp(np.float32(SHARPNESS) * np.clip(depth, -240.0, 240.0))
    sigma = max(blur_mm * SHADOW_SIZE / (2.0 * reach), 0.6)
    soft = _blurred(warped, sigma)
    np.log(soft, out=soft)
    soft *= np.float32(1.0 / SHARPNESS)
    return soft


def _blurred(picture: NDArray[np.float32], sigma: float) -> NDArray[np.float32]:
    """A square picture, blurred; widely so at a part of its size, which takes a part of the time."""
    step = 1 if sigma < 3.0 else (2 if sigma < 6.0 else 4)
    size = len(picture)
    if step > 1:
        small = cv2.resize(picture, (size // step, size // step), interpolation=cv2.INTER_AREA)
        picture = np.asarray(small, np.float32)
    soft = cv2.GaussianBlur(picture, (0, 0), sigma / step)
    return np.asarray(cv2.resize(soft, (size, size), interpolation=cv2.INTER_LINEAR), np.float32)
