"""The skin of one person, baked onto the unrolled head: reflectance, gloss and fine relief."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numba import njit
from numpy.typing import NDArray

from .maps import MAP_HEIGHT, MAP_WIDTH, skin_maps
from .noise import cut, skin_tiles

#: linear reflectance (red, green, blue) of skin from the lightest to the darkest
TONES: NDArray[np.float32] = np.array(
    [
        (0.70, 0.475, 0.385),
        (0.61, 0.385, 0.290),
        (0.52, 0.305, 0.210),
        (0.42, 0.225, 0.145),
        (0.30, 0.150, 0.092),
        (0.19, 0.092, 0.056),
        (0.115, 0.056, 0.036),
    ],
    np.float32,
)


@dataclass(frozen=True)
class Skin:
    """Skin of one person. melanin 0 (pale) .. 1 (dark); the others 0 .. 1, strength.

    hue: -1 rosy .. 1 golden. beard_shadow: stubble under the skin. brow: density of the brows' base.
    hair: linear colour of hair, for brows, stubble and scalp. scalp: how much hair covers the scalp.
    """

    melanin: float = 0.25
    hue: float = 0.0
    blush: float = 0.5
    blotches: float = 0.5
    freckles: float = 0.0
    pores: float = 0.5
    oil: float = 0.5
    age: float = 0.2
    sockets: float = 0.4
    lip_colour: float = 0.5
    lipstick: tuple[float, float, float, float] = (0.6, 0.05, 0.08, 0.0)
    eyeliner: float = 0.0
    beard_shadow: float = 0.0
    brow: float = 0.6
    scalp: float = 1.0
    hair: tuple[float, float, float] = (0.05, 0.03, 0.02)
    seed: int = 0


def tone(melanin: float, hue: float) -> NDArray[np.float32]:
    """Linear reflectance (3,) red, green, blue of the given skin."""
    t = float(np.clip(melanin, 0.0, 1.0)) * (len(TONES) - 1)
    k = min(int(t), len(TONES) - 2)
    colour = TONES[k] ** (1 - (t - k)) * TONES[k + 1] ** (t - k)
    return (colour * np.array([1.0 - 0.015 * hue, 1.0 + 0.05 * hue, 1.0 - 0.10 * hue])).astype(np.float32)


#: order of the masks; folds come last
_MASKS = ("lips", "blush", "pale", "sockets", "beard", "brows", "scalp", "oil", "lid_margin")
_FOLDS = ("forehead_lines", "frown_lines", "crow_feet", "fold", "eye_lines", "lid_fold")
#: masks may go a little beyond 1
_UNIT = 200.0


@lru_cache(maxsize=1)
def _masks() -> NDArray[np.uint8]:
    """All masks of the skin, (h, w, 15) uint8, _UNIT for 1: a texel's lie side by side in memory."""
    maps = skin_maps()
    planes = [np.clip(getattr(maps, name) * _UNIT, 0, 255) for name in (*_MASKS, *_FOLDS)]
    return np.ascontiguousarray(np.stack(planes, axis=-1).round(), np.uint8)


@lru_cache(maxsize=1)
def _tiles() -> NDArray[np.float32]:
    """Blotches, freckles, stubble and pores side by side, (TILE, TILE, 4)."""
    tiles = skin_tiles()
    return np.stack([tiles[name] for name in ("blotches", "freckles", "stubble", "pores")], axis=-1)


@njit(cache=True, fastmath=True, error_model="numpy")
def _bake(masks, noise, base, tint, lip, stick, hair, scale, folds):  # type: ignore[no-untyped-def]
    """(h, w, 6): red, green, blue reflectance, gloss, and the slopes of the relief.

    masks as in _masks; noise (h, w, 4) as in _tiles; scale: strengths, in the order of `bake`; folds (6,).
    """
    rows, cols = masks.shape[:2]
    out = np.zeros((rows, cols, 6), np.float32)
    height = np.empty((rows, cols), np.float32)
    blush_k, blotch_k, freckle_k, pore_k, oil_k, socket_k, shadow_k, brow_k, scalp_k, liner_k = scale
    unit, one = np.float32(1.0 / 200.0), np.float32(1.0)
    for i in range(rows):
        for j in range(cols):
            blotch, spot, stubble, pore = noise[i, j, 0], noise[i, j, 1], noise[i, j, 2], noise[i, j, 3]
            lips, beard = min(masks[i, j, 0] * unit, one), masks[i, j, 4] * unit
            crease = np.float32(0.0)
            for k in range(6):
                crease += folds[k] * masks[i, j, 9 + k]
            crease *= unit
            red = blush_k * (masks[i, j, 1] * unit - 0.25 - 0.3 * masks[i, j, 2] * unit)
            red += blotch_k * blotch * 0.3
            dark = blotch_k * 0.22 * blotch + freckle_k * spot * 2.4
            dark += socket_k * masks[i, j, 3] * unit * 0.8 + crease * 0.35
            bristle = shadow_k * beard * (0.35 + 0.65 * stubble)
            bristle = max(bristle, brow_k * masks[i, j, 5] * unit)
            bristle = max(bristle, scalp_k * masks[i, j, 6] * unit * (0.8 + 0.2 * stubble))
            bristle = min(max(bristle, liner_k * masks[i, j, 8] * unit), 0.97)
            for c in range(3):
                # the fourth power of 1 + e + e^2 / 2 is the exponential of 4 e, near enough
                e = 0.25 * (tint[c] * red - (0.16 + 0.07 * c) * dark)
                e = 1.0 + e + 0.5 * e * e
                v = base[c] * e * e * e * e * (1.0 - 0.03 * pore)
                if lips > 0.0:
                    lipped = lip[c] * (1.0 - 0.10 * blotch)
                    lipped += (stick[c] - lipped) * stick[3]
                    v += (lipped - v) * lips
                out[i, j, c] = min(v + (hair[c] - v) * bristle, 0.92)
            rough = pore_k * pore * (1.0 - 0.75 * lips)
            shine = 0.55 + oil_k * masks[i, j, 7] * unit + 0.55 * lips - 0.10 * rough - 0.5 * bristle
            out[i, j, 3] = max(shine, 0.05)
            height[i, j] = 0.055 * rough - crease * 0.55 + 0.05 * stubble * shadow_k * beard
    for i in range(1, rows - 1):
        for j in range(1, cols - 1):
            out[i, j, 4] = 0.9 * (height[i, j + 1] - height[i, j - 1])
            out[i, j, 5] = 0.9 * (height[i + 1, j] - height[i - 1, j])
    return out


@lru_cache(maxsize=4)
def bake(skin: Skin, smile: float = 0.0, brow_up: float = 0.0, brow_down: float = 0.0) -> NDArray[np.float32]:
    """The skin map (MAP_HEIGHT, MAP_WIDTH, 6): reflectance (3), gloss, slope of the relief in u and v.

    smile, brow_up, brow_down (0..1) deepen the folds that go with them. The map is kept for the next pictures
    of the same face: do not change it.
    """
    noise = cut(_tiles(), np.random.default_rng(skin.seed), MAP_HEIGHT, MAP_WIDTH)
    age = skin.age
    folds = (
        0.75 * max(age - 0.35, 0.0) + 0.55 * brow_up * (0.3 + age),
        0.5 * max(age - 0.3, 0.0) + 0.5 * brow_down,
        0.6 * max(age - 0.3, 0.0) + 0.45 * smile * (0.2 + age),
        0.18 + 0.5 * age + 0.45 * smile,
        0.25 + 0.5 * age,
        0.9,
    )
    base = tone(skin.melanin, skin.hue)
    lip = base * np.array([0.93, 0.62, 0.66], np.float32) ** (0.35 + 0.9 * skin.lip_colour)
    fade = 1.0 - 0.55 * skin.melanin
    scale = (
        *(skin.blush, skin.blotches, skin.freckles * fade, skin.pores, 0.75 * skin.oil, skin.sockets),
        *(skin.beard_shadow, skin.brow, skin.scalp, skin.eyeliner),
    )
    tint = np.array([0.03, -0.24, -0.20]) * fade
    values = [np.array(v, np.float32) for v in (base, tint, lip, skin.lipstick, skin.hair, scale, folds)]
    baked: NDArray[np.float32] = _bake(_masks(), noise, *values)
    return baked
