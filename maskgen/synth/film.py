"""What a camera does to light: lens blur, exposure, tone curve, colour cast, noise, and 8-bit rounding."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np
from numba import njit
from numpy import float32 as f32
from numpy.typing import NDArray

from .compiled import FINITE
from .draws import held
from .noise import TILE
from .scene import NO_EDGES, Edges


@dataclass(frozen=True)
class Film:
    """blur: defocus, px. motion: length px and direction degrees. noise: of a mid grey, 8-bit levels.

    contrast: slope of the tone curve in the mid tones, 1 is plain sRGB. cast: gain of red, green, blue.
    vignette: darkening of the corners. flare: veil of light, 0..1. edges: px at the left, top, right and
    bottom that lie beyond the photo.
    """

    blur: float = 0.5
    motion: tuple[float, float] = (0.0, 0.0)
    noise: float = 2.0
    coarse: float = 0.5
    contrast: float = 1.0
    saturation: float = 1.0
    cast: tuple[float, float, float] = (1.0, 1.0, 1.0)
    vignette: float = 0.0
    flare: float = 0.0
    grey: bool = False
    edges: Edges = NO_EDGES
    seed: int = 0


def draw_film(rng: np.random.Generator, size: int) -> Film:
    """A random camera: blur, noise, contrast and colour spread as measured on faces of AFLW2000."""
    blur = float(np.exp(rng.normal(-0.38, 0.45))) * size / 450
    moving = rng.random() < 0.08
    cast = np.exp(rng.normal(0, 0.05, 3) * np.array([1.0, 0.5, 1.3]))
    return Film(
        blur=min(blur, 3.0),
        motion=(float(rng.uniform(2, 6)), float(rng.uniform(0, 180))) if moving else (0.0, 0.0),
        noise=float(np.exp(rng.normal(0.4, 0.5))),
        coarse=float(rng.uniform(0, 1)),
        contrast=held(rng.normal(1.38, 0.16), 1.0, 1.8),
        saturation=held(rng.normal(0.97, 0.22), 0.3, 1.5),
        cast=(float(cast[0]), float(cast[1]), float(cast[2])),
        vignette=float(max(rng.normal(0, 0.15), 0)),
        flare=float(max(rng.normal(0.0, 0.02), 0)),
        grey=bool(rng.random() < 0.12),
        seed=int(rng.integers(2**31)),
    )


def lens(linear: NDArray[np.float32], film: Film) -> NDArray[np.float32]:
    """Blur of linear light (h, w, 3) by defocus and motion."""
    out = linear
    if film.blur > 0.25:
        wide = 2 * int(np.ceil(3.0 * film.blur)) + 1
        out = cv2.GaussianBlur(out, (wide, wide), film.blur, borderType=cv2.BORDER_REPLICATE).astype(
            np.float32, copy=False
        )
    if film.motion[0] > 1.0:
        length, angle = film.motion
        n = int(np.ceil(length)) | 1
        kernel = np.zeros((n, n), np.float32)
        a = np.radians(angle)
        reach = np.array([np.cos(a), np.sin(a)]) * (length - 1) / 2
        for t in np.linspace(-1, 1, 4 * n):
            x, y = (n - 1) / 2 + t * reach
            kernel[round(float(y)), round(float(x))] += 1
        kernel /= kernel.sum()
        out = cv2.filter2D(out, -1, kernel, borderType=cv2.BORDER_REPLICATE).astype(np.float32, copy=False)
    return out


@lru_cache(maxsize=1)
def _grain() -> NDArray[np.float32]:
    """Noise of blue, green and red, which share a part, and coarse noise: (TILE, 4, TILE), unit spread."""
    rng = np.random.default_rng(20240608)
    common = rng.standard_normal((TILE, TILE), np.float32)
    planes = [0.6 * common + 0.8 * rng.standard_normal((TILE, TILE), np.float32) for _ in range(3)]
    coarse = cv2.GaussianBlur(common, (0, 0), 0.9)
    return np.ascontiguousarray(np.stack([*planes, coarse / coarse.std()], axis=1), np.float32)


@njit(cache=True, fastmath=FINITE, error_model="numpy")
def _expose_row(line, y, x0, per, gain, look, grey, steps, last, red, green, blue):  # type: ignore[no-untyped-def]
    """Where on the tone curve each pixel of a row of light (3 w,) falls: red, green, blue (w,).

    y: place of the row, -0.5 .. 0.5; x0: column of the frame where it starts; per: width of a column; look as
    in _develop; steps: of the curve, for light of 1; last: its end.
    """
    w = len(red)
    zero = f32(0.0)
    keep, flare = f32(0.0) if grey else look[0], look[2]
    vignette = f32(1.6) * look[1]
    for x in range(w):
        dx = f32(x0 + x) * per - f32(0.5)
        shade = f32(1.0) - vignette * (dx * dx + y * y)
        r = line[3 * x] * gain[0] * shade + flare
        g = line[3 * x + 1] * gain[1] * shade + flare
        b = line[3 * x + 2] * gain[2] * shade + flare
        luma = f32(0.30) * r + f32(0.59) * g + f32(0.11) * b
        red[x] = min(max((luma + (r - luma) * keep) * steps, zero), last)
        green[x] = min(max((luma + (g - luma) * keep) * steps, zero), last)
        blue[x] = min(max((luma + (b - luma) * keep) * steps, zero), last)


@njit(cache=True, fastmath=FINITE, error_model="numpy")
def _grain_row(level, fine, coarse, noise, share, out):  # type: ignore[no-untyped-def]
    """A row (w,) of one colour, 0..1, with its grain, as bytes."""
    for x in range(len(level)):
        v = min(max(level[x], f32(0.0)), f32(1.0))
        speck = fine[x] + share * (coarse[x] - fine[x])
        byte = level[x] * f32(255.0) + noise * speck * (f32(1.4) - f32(0.8) * v) + f32(0.5)
        out[x] = np.uint8(np.int32(min(max(byte, f32(0.0)), f32(255.0))))


@njit(cache=True, fastmath=FINITE, error_model="numpy")
def _develop(linear, gain, look, grain, y0, x0, grey, curve, frame):  # type: ignore[no-untyped-def]
    """Blue, green and red planes (3, h, w). look: saturation, vignette, flare, noise (8-bit levels), share of
    the coarse noise. grain: as _grain makes it, used from (y0, x0) on. frame: width, height, and the column
    and row where linear starts."""
    h, w = linear.shape[:2]
    wide, high, left, top = frame
    per = f32(1.0) / f32(wide)
    out = np.empty((3, h, w), np.uint8)
    planes = np.empty((3, w), np.float32)
    last = f32(len(curve) - 1)
    for y in range(h):
        place = (f32(top + y) - f32(0.5) * f32(high)) / f32(high)
        line = linear[y].reshape(-1)
        _expose_row(line, place, left, per, gain, look, grey, last / f32(4.0), last, planes[2], planes[1],
                    planes[0])  # fmt: skip
        for c in range(3):
            level = planes[c]
            for x in range(w):
                level[x] = curve[np.uint32(level[x])]
            specks = grain[y0 + y]
            fine, coarse = specks[1 if grey else c, x0 : x0 + w], specks[3, x0 : x0 + w]
            _grain_row(level, fine, coarse, look[3], look[4], out[c, y])
    return out


def _curve() -> NDArray[np.float64]:
    """Tone curve over linear light 0..4: sRGB with a shoulder that brings 1.6 to white."""
    x = np.linspace(0.0, 1.0, 8192) * 4.0
    soft = np.where(x < 0.6, x, 0.6 + 0.4 * (1 - np.exp(-(x - 0.6) / 0.4)))
    return np.where(soft <= 0.0031308, 12.92 * soft, 1.055 * np.maximum(soft, 1e-6) ** (1 / 2.4) - 0.055)


_CURVE = _curve()


@lru_cache(maxsize=8)
def _tones(contrast: float) -> NDArray[np.float32]:
    """The tone curve bent into an S of that slope in the middle, black and white where they are; below 1
    flattened."""
    if contrast <= 1.001:
        return (0.5 + contrast * (_CURVE - 0.5)).astype(np.float32)
    bend = np.sqrt(3.0 * (contrast - 1.0))  # bend / tanh(bend) is about 1 + bend^2 / 3: two steps of Newton
    for _ in range(2):
        tanh = np.tanh(bend)
        bend -= (bend / tanh - contrast) / ((tanh - bend * (1.0 - tanh**2)) / tanh**2)
    return (0.5 + 0.5 * np.tanh(bend * (2.0 * _CURVE - 1.0)) / np.tanh(bend)).astype(np.float32)


def develop(
    linear: NDArray[np.float32], exposure: float, film: Film, grain: bool = True, cut: Edges = NO_EDGES
) -> NDArray[np.uint8]:
    """The picture (h, w, 3) uint8, BGR, of linear light (h, w, 3) red green blue.

    cut: how many px of the frame are missing at the left, top, right and bottom of ``linear``; vignette and
    grain lie on the frame as they would without the cut.
    """
    left, top, right, bottom = cut
    h, w = linear.shape[0] + top + bottom, linear.shape[1] + left + right
    tile = _grain()
    if h > TILE or w > TILE:
        tile = np.tile(tile, (-(-h // TILE) + 1, 1, -(-w // TILE) + 1))
    rng = np.random.default_rng(film.seed)
    y0, x0 = int(rng.integers(0, len(tile) - h + 1)), int(rng.integers(0, tile.shape[2] - w + 1))
    gain = np.array(film.cast, np.float32) * np.float32(exposure)
    noise = film.noise if grain else 0.0
    look = np.array((film.saturation, film.vignette, film.flare, noise, 0.6 * film.coarse), np.float32)
    seen = np.ascontiguousarray(lens(linear, film))
    curve, frame = _tones(film.contrast), (w, h, left, top)
    planes = _develop(seen, gain, look, tile, y0 + top, x0 + left, film.grey, curve, frame)
    return np.asarray(cv2.merge(list(planes)), np.uint8)


def beyond_edges(bgr: NDArray[np.uint8], edges: Edges) -> NDArray[np.uint8]:
    """The picture in a frame that is black where a crop reaches beyond the photo it was made from."""
    if not any(edges):
        return bgr
    left, top, right, bottom = edges
    return np.asarray(cv2.copyMakeBorder(bgr, top, bottom, left, right, cv2.BORDER_CONSTANT), np.uint8)
