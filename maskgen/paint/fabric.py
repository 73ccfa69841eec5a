"""The look of a style, prepared once: linear albedo, relief slopes and prints as mip pyramids, creases, grain."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray

from ..masks.catalogue import Fabric, Style
from .tone import LINEAR

F32 = NDArray[np.float32]
_TILE = 256
_CREASE_SEED, _NOISE_SEED = 20_201, 20_202


@dataclass(frozen=True, eq=False)
class Level:
    """One size of a style's maps, all (h, w, ...) float32.

    albedo (3): linear multiplier. print (4): linear BGR times its own opacity, and the opacity.
    relief (3): slope across, slope down (mm per mm), and cavity (stops, dark in creases).
    alpha: opacity.
    """

    albedo: F32
    print: F32
    relief: F32
    alpha: F32


def _size_of(style: Style) -> tuple[int, int]:
    for image in style.maps.values():
        return image.shape[0], image.shape[1]
    return 8, 8


@lru_cache(maxsize=64)
def prepared(style: Style, size_mm: tuple[float, float]) -> tuple[Level, ...]:
    """Levels of the style's maps from full size down, each half the one before."""
    rows, columns = _size_of(style)
    maps = style.maps
    albedo = np.full((rows, columns, 3), 255, np.uint8)
    if "albedo" in maps:
        raw = maps["albedo"]
        albedo = raw[..., :3] if raw.ndim == 3 else cv2.cvtColor(raw, cv2.COLOR_GRAY2BGR)
    alpha = maps.get("alpha", np.full((rows, columns), 255, np.uint8))
    paint = np.zeros((rows, columns, 4), np.float32)
    if "paint" in maps:
        opacity = maps["paint"][..., 3:].astype(np.float32) / 255.0
        paint = np.concatenate([LINEAR[maps["paint"][..., :3]] * opacity, opacity], -1)
    height = np.zeros((rows, columns), np.float32)
    if "height" in maps:
        raw = maps["height"]
        top = 65535.0 if raw.dtype == np.uint16 else 255.0
        height = raw.astype(np.float32) / top * style.spec.material.relief
    levels = []
    current = [albedo.astype(np.float32) / 255.0, paint, height, alpha.astype(np.float32) / 255.0]
    while True:
        levels.append(_level(*current, size_mm))
        h, w = current[2].shape
        if min(h, w) < 48:
            return tuple(levels)
        current = [cv2.resize(c, (w // 2, h // 2), interpolation=cv2.INTER_AREA) for c in current]


def _level(albedo: F32, paint: F32, height: F32, alpha: F32, size_mm: tuple[float, float]) -> Level:
    h, w = height.shape
    across = np.gradient(height, size_mm[0] / w, axis=1)
    down = np.gradient(height, size_mm[1] / h, axis=0)
    reach = 4.0 * w / size_mm[0]
    cavity = np.clip((height - cv2.GaussianBlur(height, (0, 0), max(reach, 0.6))) * 0.55, -0.8, 0.35)
    relief = np.stack([across, down, cavity], -1).astype(np.float32)
    return Level(*(np.ascontiguousarray(a, np.float32) for a in (albedo, paint, relief, alpha)))


@lru_cache(maxsize=64)
def prepared_tile(fabric: Fabric) -> tuple[F32, ...]:
    """The fabric's tile as linear premultiplied BGRA, from full size down."""
    tile = fabric.tile
    opacity = tile[..., 3:].astype(np.float32) / 255.0
    current = np.concatenate([LINEAR[tile[..., :3]] * opacity, opacity], -1)
    levels = [current]
    while min(current.shape[:2]) >= 16:
        h, w = current.shape[:2]
        current = cv2.resize(current, (w // 2, h // 2), interpolation=cv2.INTER_AREA)
        levels.append(current)
    return tuple(np.ascontiguousarray(a, np.float32) for a in levels)


NO_TILE: F32 = np.zeros((1, 1, 4), np.float32)


def pick_level(levels: int, texels_per_mm: float, pixels_per_mm: float) -> int:
    """The level whose texels are about as large as the picture's pixels."""
    ratio = texels_per_mm / max(pixels_per_mm, 1e-6)
    return int(np.clip(round(np.log2(max(ratio, 1e-6))), 0, levels - 1))


def _periodic_noise(rng: np.random.Generator, power: float, stretch: float) -> NDArray[np.float64]:
    """Seamless noise with amplitude falling as frequency ** -power, ``stretch`` times longer across."""
    fy = np.fft.fftfreq(_TILE)[:, None] * _TILE
    fx = np.fft.rfftfreq(_TILE)[None, :] * _TILE * stretch
    f = np.maximum(np.hypot(fx, fy), 1.0)
    amplitude = np.where(f < 3.0, 0.0, f**-power)
    phase = rng.uniform(0.0, 2.0 * np.pi, f.shape)
    out = np.fft.irfft2(amplitude * np.exp(1j * phase), s=(_TILE, _TILE))
    return out / out.std()


@lru_cache(maxsize=1)
def creases() -> F32:
    """Slopes (TILE, TILE, 2) of a seamless crumpled cloth, in mm per mm at one texel per millimetre.

    Folds are where smooth noise crosses zero: sharp lines between flat facets, as in creased fabric.
    """
    rng = np.random.default_rng(_CREASE_SEED)
    height = np.zeros((_TILE, _TILE))
    for power, stretch, weight in ((2.2, 1.6, 1.0), (2.0, 0.8, 0.6), (1.6, 1.2, 0.25)):
        height += weight * np.abs(_periodic_noise(rng, power, stretch))
    height = cv2.GaussianBlur(np.tile(height, (3, 3)), (0, 0), 1.2)
    gy, gx = np.gradient(height)
    inner = slice(_TILE, 2 * _TILE)
    slopes = np.stack([gx[inner, inner], gy[inner, inner]], -1)
    return np.ascontiguousarray(slopes / slopes.std(), np.float32)


@lru_cache(maxsize=1)
def grain_tile() -> F32:
    """Seamless unit noise (TILE, TILE), slightly correlated as sensor noise is after demosaicing and JPEG."""
    rng = np.random.default_rng(_NOISE_SEED)
    white = np.tile(rng.standard_normal((_TILE, _TILE)), (3, 3))
    soft = cv2.GaussianBlur(white, (0, 0), 0.55)[_TILE : 2 * _TILE, _TILE : 2 * _TILE]
    return np.ascontiguousarray(soft / soft.std(), np.float32)


#: what one step of a packed texel stands for
TEXEL_STEP = np.float32(4.0 / 32767.0)


@lru_cache(maxsize=256)
def packed(level: Level) -> NDArray[np.int16]:
    """One texel after the other, (h, w, 12) in TEXEL_STEPs: albedo 3, opacity, relief 3, print 4, spare.

    The shading loop reads all of a texel at once; together they lie in one cache line.
    """
    h, w = level.alpha.shape
    out = np.zeros((h, w, 12), np.float32)
    out[..., :3], out[..., 3] = level.albedo, level.alpha
    out[..., 4:7], out[..., 7:11] = level.relief, level.print
    return np.ascontiguousarray(np.rint(np.clip(out, -4.0, 4.0) / TEXEL_STEP), np.int16)
