"""The look of a style, prepared once: albedo, relief and prints as mip pyramids; creases; noise."""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Any, NamedTuple

import cv2
import numpy as np
from numba import njit
from numpy.typing import NDArray

from ..masks.catalogue import PRINTS, Fabric, Style
from ..masks.spec import MaskSpec
from .tone import LINEAR

F32 = NDArray[np.float32]
_TILE = 256
_CREASE_SEED, _NOISE_SEED = 20_201, 20_202


#: a tile or print of nothing
NO_TILE: F32 = np.zeros((1, 1, 4), np.float32)
I16 = NDArray[np.int16]
#: channels of `Level.cloth`, and what one of its steps stands for
CLOTH_CHANNELS = 8
TEXEL_STEP = np.float32(4.0 / 32767.0)
CREASE_STEP = np.float32(8.0 / 32767.0)
#: sides, texels, of maps and of tiles that are halved no more
_LEAST_MAP, _LEAST_TILE = 48, 16


class Level(NamedTuple):
    """A style's maps at one size, linear, as int16 in TEXEL_STEPs: what the shading loop reads.

    The loop is bound by the memory it reads: cloth (h, w, 8) holds albedo 3 (BGR), opacity, slope across and
    down (mm per mm), cavity (stops, dark in creases) and lining in a quarter of a cache line. print
    (h, w, 8): premultiplied BGR and opacity of what is printed or fixed on the cloth, and four of nothing;
    (1, 1, 4) where the style has none.
    """

    cloth: I16
    print: I16


class Maps(NamedTuple):
    """The maps of a `Level` as float32 (h, w, ...), for other renderers."""

    albedo: F32
    alpha: F32
    relief: F32
    lining: F32
    print: F32


def _steps(maps: F32) -> I16:
    steps = np.clip(maps, -4.0, 4.0) / TEXEL_STEP
    return np.rint(steps, out=steps).astype(np.int16)


def unpacked(level: Level) -> Maps:
    """A level's albedo 3, opacity, relief 3 (slopes, cavity), lining, print 4 premultiplied."""
    cloth, prints = (m.astype(np.float32) * TEXEL_STEP for m in level)
    prints = np.broadcast_to(prints[..., :4], (*cloth.shape[:2], 4))
    return Maps(cloth[..., :3], cloth[..., 3], cloth[..., 4:7], cloth[..., 7], prints)


def _size_of(style: Style) -> tuple[int, int]:
    for image in style.maps.values():
        return image.shape[0], image.shape[1]
    return 8, 8


def print_of(style: Style, stamp: int) -> str | None:
    """The print, one of PRINTS, of a mask for which ``stamp`` (a byte) was drawn; None: it wears none."""
    has = [name for name in PRINTS if name in style.maps]
    printed = (stamp + 0.5) / 256.0 - style.spec.material.unprinted
    if not has or printed < 0.0:
        return None
    return has[min(int(printed / (1.0 - style.spec.material.unprinted) * len(has)), len(has) - 1)]


def _laid(style: Style, stamp: str | None) -> F32:
    """What is fixed over the print ``stamp``, linear BGR premultiplied and opacity (h, w, 4)."""
    out = np.zeros((*_size_of(style), 4), np.float32)
    for name in (stamp or "", "paint"):
        if name in style.maps:
            over = _premultiplied(style.maps[name])
            out = over + out * (1.0 - over[..., 3:])
    return out


def _premultiplied(image: NDArray[Any]) -> F32:
    """An sRGB picture (h, w, 4) uint8 as linear BGR, premultiplied, and opacity."""
    opacity = image[..., 3:].astype(np.float32) / 255.0
    return np.concatenate([LINEAR[image[..., :3]] * opacity, opacity], -1)


def _linear_maps(style: Style) -> list[F32]:
    """Albedo (h, w, 3), height (h, w) mm, opacity, lining (h, w)."""
    rows, columns = _size_of(style)
    maps = style.maps
    albedo = np.full((rows, columns, 3), 255, np.uint8)
    if "albedo" in maps:
        raw = maps["albedo"]
        albedo = raw[..., :3] if raw.ndim == 3 else np.repeat(raw[..., None], 3, 2)
    alpha = maps.get("alpha", np.full((rows, columns), 255, np.uint8))
    height = np.zeros((rows, columns), np.float32)
    if "height" in maps:
        raw = maps["height"]
        top = 65535.0 if raw.dtype == np.uint16 else 255.0
        height = raw.astype(np.float32) / np.float32(top) * np.float32(style.spec.material.relief)
    lining = maps.get("lining", np.zeros((rows, columns), np.uint8))
    share = np.float32(255.0)
    return [
        albedo.astype(np.float32) / share,
        height,
        *(m.astype(np.float32) / share for m in (alpha, lining)),
    ]


@lru_cache(maxsize=128)
def prepared(style: Style, size_mm: tuple[float, float], stamp: str | None = None) -> tuple[Level, ...]:
    """A style's maps from full size down, each level half the one before.

    size_mm: of the style worn as meant; the same for every picture, so that a style is prepared once. stamp:
    one of its prints, or None.
    """
    cloths = _cloths(style, size_mm)
    if stamp is None and "paint" not in style.maps:
        return tuple(Level(cloth, _steps(NO_TILE)) for cloth in cloths)
    prints = _halved([_laid(style, stamp)], _LEAST_MAP)
    return tuple(
        Level(cloth, _steps(np.pad(laid, ((0, 0), (0, 0), (0, 4)))))
        for cloth, (laid,) in zip(cloths, prints, strict=True)
    )


@lru_cache(maxsize=64)
def _cloths(style: Style, size_mm: tuple[float, float]) -> tuple[I16, ...]:
    """`Level.cloth` of all levels."""
    return tuple(_packed(level, size_mm) for level in _halved(_linear_maps(style), _LEAST_MAP))


def _halved(maps: list[F32], least: int) -> list[list[F32]]:
    """Levels of ``maps``, each half the size of the one before, the last with a side below ``least``."""
    levels = [maps]
    while min(levels[-1][0].shape[:2]) >= least:
        h, w = levels[-1][0].shape[:2]
        half = w // 2, h // 2
        levels.append(
            [np.asarray(cv2.resize(m, half, interpolation=cv2.INTER_AREA), np.float32) for m in levels[-1]]
        )
    return levels


def _packed(maps: list[F32], size_mm: tuple[float, float]) -> I16:
    albedo, height, alpha, lining = maps
    h, w = height.shape
    reach = 4.0 * w / size_mm[0]
    above = height - np.asarray(cv2.GaussianBlur(height, (0, 0), max(reach, 0.6)))
    out = np.empty((h, w, CLOTH_CHANNELS), np.int16)
    out[..., :3], out[..., 3], out[..., 7] = _steps(albedo), _steps(alpha), _steps(lining)
    out[..., 4] = _steps(np.gradient(height, size_mm[0] / w, axis=1))
    out[..., 5] = _steps(np.gradient(height, size_mm[1] / h, axis=0))
    out[..., 6] = _steps(np.clip(above * np.float32(0.55), -0.8, 0.35))
    return out


@lru_cache(maxsize=64)
def prepared_tile(fabric: Fabric) -> tuple[F32, ...]:
    """The fabric's tile as linear premultiplied BGRA, from full size down."""
    levels = _halved([_premultiplied(fabric.tile)], _LEAST_TILE)
    return tuple(np.ascontiguousarray(tile) for (tile,) in levels)


def hemmed(tile: NDArray[Any]) -> NDArray[Any]:
    """A seamless ``tile`` (h, w, channels) with its first row and column once more at the end.

    So each of its texels has a neighbour on the right and below, and whoever reads it need not ask.
    """
    return np.ascontiguousarray(np.pad(tile, ((0, 1), (0, 1), (0, 0)), mode="wrap"))


@lru_cache(maxsize=64)
def hemmed_tile(fabric: Fabric) -> tuple[F32, ...]:
    """`prepared_tile`, each level `hemmed`: what the shading loop reads."""
    return tuple(hemmed(tile) for tile in prepared_tile(fabric))


def pick_level(levels: int, texels_per_mm: float, pixels_per_mm: float) -> int:
    """The level whose texels are about as large as the picture's pixels."""
    ratio = texels_per_mm / max(pixels_per_mm, 1e-6)
    return min(max(round(math.log2(max(ratio, 1e-6))), 0), levels - 1)


def crease_slope(spec: MaskSpec, drawn: float) -> float:
    """Root mean square slope of the creases of a style, mm per mm; ``drawn`` 0..1: how creased it is."""
    return spec.material.crease * (0.04 + 0.055 * drawn)


@lru_cache(maxsize=8)
def _wander_fields(rows: int, columns: int) -> F32:
    """Smooth fields (5, rows * columns) of unit height that are 0 where hems lie: a tilt, bows, waves."""
    u, v = np.linspace(-1.0, 1.0, columns)[None, :], np.linspace(0.0, 1.0, rows)[:, None]
    rise = np.clip((np.minimum(v, 1.0 - v) - 0.09) / 0.16, 0.0, 1.0)
    inner = rise * rise * (3.0 - 2.0 * rise)
    across = (u, 1.5 * u**2 - 0.5, np.sin(4.0 * u), np.cos(4.5 * u), np.cos(np.pi * v) + 0.0 * u)
    fields = [inner * f for f in across]
    return np.asarray(np.stack(fields).reshape(len(fields), -1), np.float32)


def wandered(spec: MaskSpec, drawn: tuple[int, ...], rows: int, columns: int) -> F32:
    """What is added to v of the grid's vertices (rows * columns,), so that no two masks are folded alike.

    drawn: five bytes of the mask's seed.
    """
    share = np.array(drawn) / 127.5 - 1.0
    return _summed(_wander_fields(rows, columns), 0.6 * spec.material.wander, share)


@njit(cache=True, nogil=True, error_model="numpy")
def _summed(fields: F32, height: float, share: NDArray[np.float64]) -> F32:
    """``height`` times the sum of ``fields`` (k, n), each by its ``share`` (k,), to 1e-5."""
    total = np.zeros(fields.shape[1])
    for k in range(len(share)):
        for i in range(len(total)):
            total[i] += share[k] * fields[k, i]
    return (np.rint(height * total * 1e5) / 1e5).astype(np.float32)


@lru_cache(maxsize=1)
def packed_creases() -> I16:
    """`creases` in CREASE_STEPs, `hemmed`."""
    return hemmed(np.rint(np.clip(creases(), -7.9, 7.9) / CREASE_STEP).astype(np.int16))


@lru_cache(maxsize=1)
def creases() -> F32:
    """Slopes (TILE, TILE, 2) of a seamless crumpled cloth, in mm per mm at one texel per millimetre.

    Flat facets between straight creases, large and small, as stiff cloth has that was folded and worn.
    """
    rng = np.random.default_rng(_CREASE_SEED)
    height = sum(size * weight * _facets(rng, size, 1.5) for size, weight in ((34.0, 1.0), (13.0, 0.45)))
    smooth = np.asarray(cv2.GaussianBlur(np.tile(height, (3, 3)), (0, 0), 1.0))
    gy, gx = np.gradient(smooth)
    inner = slice(_TILE, 2 * _TILE)
    slopes = np.stack([gx[inner, inner], gy[inner, inner]], -1)
    # few slopes are steep: under a lamp from the side those would be blotches
    bent = np.tanh(slopes / (2.0 * slopes.std()))
    bent -= bent.mean((0, 1))
    return np.ascontiguousarray(bent / bent.std(), np.float32)


def _facets(rng: np.random.Generator, size: float, flat: float) -> NDArray[np.float64]:
    """Seamless heights (TILE, TILE) of plane triangles ``size`` texels high and ``flat`` times as wide."""
    # here and not above: it takes a tenth of a second, and only who paints needs it
    from scipy.spatial import Delaunay

    rows, columns = round(_TILE / size), round(_TILE / (flat * size))
    corners = jittered(rng, columns, rows) * _TILE / [columns, rows]
    lift = rng.normal(0.0, 1.0, len(corners))
    round_ = np.array([(x, y) for x in (-_TILE, 0, _TILE) for y in (-_TILE, 0, _TILE)])
    all_corners = (corners + round_[:, None]).reshape(-1, 2) / [flat, 1.0]
    net = Delaunay(all_corners)
    y, x = np.mgrid[:_TILE, :_TILE]
    places = np.stack([x / flat, y], -1).reshape(-1, 2)
    # as LinearNDInterpolator does it, which takes twice as long to import
    found = net.find_simplex(places)
    two = np.einsum("nij,nj->ni", net.transform[found, :2], places - net.transform[found, 2])
    shares = np.column_stack([two, 1.0 - two.sum(1)])
    heights = (shares * np.tile(lift, len(round_))[net.simplices[found]]).sum(1)
    return np.asarray(heights.reshape(_TILE, _TILE), np.float64)


def jittered(rng: np.random.Generator, columns: int, rows: int) -> NDArray[np.float64]:
    """A point (columns * rows, 2) in each cell of a grid of unit cells, not near its edges."""
    cells = np.stack(np.meshgrid(np.arange(columns), np.arange(rows)), -1).reshape(-1, 2)
    return cells + rng.uniform(0.2, 0.8, cells.shape)


@lru_cache(maxsize=1)
def grain_tile() -> F32:
    """Seamless unit noise (TILE, TILE), slightly correlated as sensor noise is after demosaicing and JPEG."""
    rng = np.random.default_rng(_NOISE_SEED)
    white = np.tile(rng.standard_normal((_TILE, _TILE)), (3, 3))
    soft = cv2.GaussianBlur(white, (0, 0), 0.55)[_TILE : 2 * _TILE, _TILE : 2 * _TILE]
    return np.ascontiguousarray(soft / soft.std(), np.float32)
