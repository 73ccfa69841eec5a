"""The skin of one person, baked onto the unrolled head: reflectance, gloss and fine relief."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numba import njit
from numpy import float32 as f32
from numpy.typing import NDArray

from .compiled import FINITE
from .maps import MAP_HEIGHT, MAP_WIDTH, skin_maps
from .noise import TILE, skin_tiles
from .texels import WORDS, colour_word, relief_word

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
    """All masks of the skin, (h, 15, w) uint8, _UNIT for 1: row by row, one mask after the other."""
    maps = skin_maps()
    planes = [np.clip(getattr(maps, name) * _UNIT, 0, 255) for name in (*_MASKS, *_FOLDS)]
    return np.ascontiguousarray(np.stack(planes, axis=1).round(), np.uint8)


@lru_cache(maxsize=1)
def _used() -> NDArray[np.bool_]:
    """Which masks each row of the map has at all, (h, 15)."""
    return np.ascontiguousarray(_masks().any(axis=2))


#: noise of unit spread, and of 0 .. 1, is kept in steps of
_GRAIN, _DOT = np.float32(1.0 / 28.0), np.float32(1.0 / 127.0)


@lru_cache(maxsize=1)
def _tiles() -> NDArray[np.int8]:
    """Blotches and pores in steps of _GRAIN, freckles and stubble of _DOT, (TILE, 4, TILE): row by row, one
    after the other. Baking waits for memory, so noise is kept in bytes."""
    tiles, order = skin_tiles(), {"blotches": _GRAIN, "freckles": _DOT, "stubble": _DOT, "pores": _GRAIN}
    planes = [np.clip(np.rint(tiles[name] / step), -127, 127) for name, step in order.items()]
    return np.stack(planes, axis=1).astype(np.int8)


# rows of a flat array, a known distance apart: only then does the compiler make vectors of them
_LIPS, _BLUSH, _PALE, _SOCKETS, _BEARD, _BROWS, _SCALP, _OIL, _MARGIN, _FOLD = (
    k * MAP_WIDTH for k in range(10)
)
_CREASE = 5 * MAP_WIDTH
_SPOT, _STUBBLE, _PORE = (k * TILE for k in (1, 2, 3))


@njit(cache=True, fastmath=FINITE, error_model="numpy")
def _folds_row(masks, used, folds, out):  # type: ignore[no-untyped-def]
    """Place _CREASE of a row: how deep its folds are; used (15,): which masks the row has at all."""
    for j in range(MAP_WIDTH):
        out[_CREASE + j] = f32(0.0)
    for k in range(6):
        if used[_FOLD // MAP_WIDTH + k]:
            depth, plane = folds[k] * f32(1.0 / _UNIT), masks[_FOLD + k * MAP_WIDTH :]
            for j in range(MAP_WIDTH):
                out[_CREASE + j] += depth * f32(plane[j])


@njit(cache=True, fastmath=FINITE, error_model="numpy")
def _bake_row(masks, noise, x0, colours, scale, out):  # type: ignore[no-untyped-def]
    """One row of the map: red, green, blue reflectance, gloss and height of the relief, then its folds as
    _folds_row found them, (6 * MAP_WIDTH,).

    masks and noise: the flat row of _masks and _tiles, the latter from column x0 on; the rest as in _bake.
    """
    unit, one = f32(1.0 / _UNIT), f32(1.0)
    blush_k, blotch_k, freckle_k, pore_k, oil_k, socket_k, shadow_k, brow_k, scalp_k, liner_k = scale
    for j in range(MAP_WIDTH):
        n = x0 + j
        blotch, spot = f32(noise[n]) * _GRAIN, f32(noise[n + _SPOT]) * _DOT
        stubble, pore = f32(noise[n + _STUBBLE]) * _DOT, f32(noise[n + _PORE]) * _GRAIN
        lips, beard = min(f32(masks[j]) * unit, one), f32(masks[j + _BEARD]) * unit
        crease = out[_CREASE + j]
        red = blush_k * (f32(masks[j + _BLUSH]) * unit - f32(0.25) - f32(0.3) * f32(masks[j + _PALE]) * unit)
        red += blotch_k * blotch * f32(0.3)
        dark = blotch_k * f32(0.22) * blotch + freckle_k * spot * f32(2.4)
        dark += socket_k * f32(masks[j + _SOCKETS]) * unit * f32(0.8) + crease * f32(0.35)
        bristle = shadow_k * beard * (f32(0.35) + f32(0.65) * stubble)
        bristle = max(bristle, brow_k * f32(masks[j + _BROWS]) * unit)
        bristle = max(bristle, scalp_k * f32(masks[j + _SCALP]) * unit * (f32(0.8) + f32(0.2) * stubble))
        bristle = min(max(bristle, liner_k * f32(masks[j + _MARGIN]) * unit), f32(0.97))
        for c in range(3):
            # the fourth power of 1 + e + e^2 / 2 is the exponential of 4 e, near enough
            e = f32(0.25) * (colours[1, c] * red - (f32(0.16) + f32(0.07) * f32(c)) * dark)
            e = one + e + f32(0.5) * e * e
            v = colours[0, c] * e * e * e * e * (one - f32(0.03) * pore)
            lipped = colours[2, c] * (one - f32(0.10) * blotch)
            lipped += (colours[3, c] - lipped) * colours[3, 3]
            v += (lipped - v) * lips
            out[c * MAP_WIDTH + j] = min(v + (colours[4, c] - v) * bristle, f32(0.92))
        rough = pore_k * pore * (one - f32(0.75) * lips)
        shine = f32(0.55) + oil_k * f32(masks[j + _OIL]) * unit + f32(0.55) * lips - f32(0.10) * rough
        out[3 * MAP_WIDTH + j] = max(shine - f32(0.5) * bristle, f32(0.05))
        relief = f32(0.055) * rough - crease * f32(0.55) + f32(0.05) * stubble * shadow_k * beard
        out[4 * MAP_WIDTH + j] = relief


@njit(cache=True, fastmath=FINITE, error_model="numpy")
def _lay_row(above, row, below, out):  # type: ignore[no-untyped-def]
    """A row of the map as texels, (w * WORDS,), from the row as _bake_row made it and the ones beside it."""
    red, green, blue = row[:MAP_WIDTH], row[MAP_WIDTH : 2 * MAP_WIDTH], row[2 * MAP_WIDTH : 3 * MAP_WIDTH]
    gloss, height = row[3 * MAP_WIDTH : 4 * MAP_WIDTH], row[4 * MAP_WIDTH : 5 * MAP_WIDTH]
    up, down = above[4 * MAP_WIDTH : 5 * MAP_WIDTH], below[4 * MAP_WIDTH : 5 * MAP_WIDTH]
    # the outermost columns, which lie behind the ears, take the slope of those beside them
    for j in range(1, MAP_WIDTH - 1):
        out[2 * j] = colour_word(red[j], green[j], blue[j])
        across, along = f32(0.9) * (height[j + 1] - height[j - 1]), f32(0.9) * (down[j] - up[j])
        out[2 * j + 1] = relief_word(gloss[j], across, along)
    out[:WORDS], out[-WORDS:] = out[WORDS : 2 * WORDS], out[-2 * WORDS : -WORDS]


@njit(cache=True, fastmath=FINITE, error_model="numpy")
def _bake(masks, used, noise, y0, x0, colours, scale, folds):  # type: ignore[no-untyped-def]
    """(h, w, WORDS): texels of reflectance, gloss, and the slopes of the relief.

    masks, used, noise: as in _masks, _used and _tiles, from (y0, x0) on; colours (5, 4): skin, tint of blood,
    lips, lipstick and its strength, hair; scale: strengths, in the order of `bake`; folds (6,).
    """
    height = len(masks)
    out = np.empty((height, MAP_WIDTH * WORDS), np.uint32)
    rows = np.empty((3, 6 * MAP_WIDTH), np.float32)
    for i in range(height):
        line, specks = masks[i].reshape(-1), noise[y0 + i].reshape(-1)
        _folds_row(line, used[i], folds, rows[i % 3])
        _bake_row(line, specks, x0, colours, scale, rows[i % 3])
        if i > 0:
            _lay_row(rows[max(i - 2, 0) % 3], rows[(i - 1) % 3], rows[i % 3], out[i - 1])
    _lay_row(rows[(height - 2) % 3], rows[(height - 1) % 3], rows[(height - 1) % 3], out[height - 1])
    return out.reshape((height, MAP_WIDTH, WORDS))


@lru_cache(maxsize=4)
def bake(skin: Skin, smile: float = 0.0, brow_up: float = 0.0, brow_down: float = 0.0) -> NDArray[np.uint32]:
    """The skin map (MAP_HEIGHT, MAP_WIDTH, WORDS): texels of reflectance, gloss and slope of the relief.

    smile, brow_up, brow_down (0..1) deepen the folds that go with them. The map is kept for the next pictures
    of the same face: do not change it.
    """
    rng = np.random.default_rng(skin.seed)
    y0, x0 = int(rng.integers(0, TILE - MAP_HEIGHT + 1)), int(rng.integers(0, TILE - MAP_WIDTH + 1))
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
    colours = np.zeros((5, 4), np.float32)
    colours[0, :3], colours[1, :3], colours[2, :3] = base, np.array([0.03, -0.24, -0.20]) * fade, lip
    colours[3], colours[4, :3] = skin.lipstick, skin.hair
    strengths, depths = np.array(scale, np.float32), np.array(folds, np.float32)
    baked: NDArray[np.uint32] = _bake(_masks(), _used(), _tiles(), y0, x0, colours, strengths, depths)
    return baked
