"""The skin of one person, baked onto the unrolled head: reflectance, gloss and fine relief."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numba import njit
from numpy.typing import NDArray

from .maps import MAP_HEIGHT, MAP_WIDTH, SkinMaps, skin_maps
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


@njit(cache=True, fastmath=True)
def _bake(out, base, tint, lip, stick, hair, scale, lips, blush, pale, sockets, beard, brows, scalp, oil,  # type: ignore[no-untyped-def]
          crease, margin, blotches, spots, stubble, pores):  # fmt: skip
    """Fill out (h, w, 6): red, green, blue reflectance, gloss, and the slopes of the relief."""
    rows, cols = lips.shape
    height = np.empty((rows, cols), np.float32)
    blush_k, blotch_k, freckle_k, pore_k, oil_k, socket_k, shadow_k, brow_k, scalp_k, liner_k = scale
    for i in range(rows):
        for j in range(cols):
            red = (
                blush_k * (blush[i, j] - 0.25) + blotch_k * blotches[i, j] * 0.3 - 0.3 * pale[i, j] * blush_k
            )
            dark = blotch_k * 0.22 * blotches[i, j] + freckle_k * spots[i, j] * 2.4
            dark += socket_k * sockets[i, j] * 0.8 + crease[i, j] * 0.35
            m = min(lips[i, j], 1.0)
            bristle = shadow_k * beard[i, j] * (0.35 + 0.65 * stubble[i, j])
            bristle = max(bristle, brow_k * brows[i, j])
            bristle = max(bristle, scalp_k * scalp[i, j] * (0.8 + 0.2 * stubble[i, j]))
            bristle = max(bristle, liner_k * margin[i, j])
            bristle = min(bristle, 0.97)
            for c in range(3):
                e = 0.25 * (tint[c] * red - (0.16 + 0.07 * c) * dark)
                e = 1.0 + e + 0.5 * e * e  # its fourth power is the exponential, near enough
                v = base[c] * e * e * e * e * (1.0 - 0.03 * pores[i, j])
                if m > 0.0:
                    lipped = lip[c] * (1.0 - 0.10 * blotches[i, j])
                    lipped += (stick[c] - lipped) * stick[3]
                    v += (lipped - v) * m
                v += (hair[c] - v) * bristle
                out[i, j, c] = min(v, 0.92)
            rough = pore_k * pores[i, j] * (1.0 - 0.75 * m)
            out[i, j, 3] = max(0.55 + oil_k * oil[i, j] + 0.55 * m - 0.10 * rough - 0.5 * bristle, 0.05)
            height[i, j] = 0.055 * rough - crease[i, j] * 0.55 + 0.05 * stubble[i, j] * shadow_k * beard[i, j]
    for i in range(1, rows - 1):
        for j in range(1, cols - 1):
            out[i, j, 4] = 0.9 * (height[i, j + 1] - height[i, j - 1])
            out[i, j, 5] = 0.9 * (height[i + 1, j] - height[i - 1, j])


def bake(skin: Skin, smile: float = 0.0, brow_up: float = 0.0, brow_down: float = 0.0) -> NDArray[np.float32]:
    """The skin map (MAP_HEIGHT, MAP_WIDTH, 6) float32: reflectance (3), gloss, slope of the relief in u and
    v.

    smile, brow_up, brow_down (0..1) deepen the folds that go with them.
    """
    maps: SkinMaps = skin_maps()
    tiles = skin_tiles()
    rng = np.random.default_rng(skin.seed)
    window = (MAP_HEIGHT, MAP_WIDTH)
    blotches, spots, stubble, pores = (
        cut(tiles[name], rng, *window) for name in ("blotches", "freckles", "stubble", "pores")
    )
    age = skin.age
    crease = (
        maps.forehead_lines * (0.75 * max(age - 0.35, 0.0) + 0.55 * brow_up * (0.3 + age))
        + maps.frown_lines * (0.5 * max(age - 0.3, 0.0) + 0.5 * brow_down)
        + maps.crow_feet * (0.6 * max(age - 0.3, 0.0) + 0.45 * smile * (0.2 + age))
        + maps.fold * (0.18 + 0.5 * age + 0.45 * smile)
        + maps.eye_lines * (0.25 + 0.5 * age)
        + maps.lid_fold * 0.9
    ).astype(np.float32)
    base = tone(skin.melanin, skin.hue)
    lip = base * np.array([0.93, 0.62, 0.66], np.float32) ** (0.35 + 0.9 * skin.lip_colour)
    fade = 1.0 - 0.55 * skin.melanin
    tint = np.array([0.03, -0.24, -0.20], np.float32) * fade
    scale = (
        skin.blush, skin.blotches, skin.freckles * fade, skin.pores, 0.75 * skin.oil, skin.sockets,
        skin.beard_shadow, skin.brow, skin.scalp, skin.eyeliner,
    )  # fmt: skip
    out = np.zeros((*window, 6), np.float32)
    _bake(
        out, base, tint, lip.astype(np.float32), np.array(skin.lipstick, np.float32),
        np.array(skin.hair, np.float32), np.array(scale, np.float32), maps.lips, maps.blush, maps.pale,
        maps.sockets, maps.beard, maps.brows, maps.scalp, maps.oil, crease, maps.lid_margin, blotches, spots,
        stubble, pores,
    )  # fmt: skip
    return out
