"""Artwork of moulded and folded respirators and of the half mask."""

from __future__ import annotations

import numpy as np

from maskgen.masks.spec import Bump

from .canvas import Canvas, Map, noise, soft, stripe
from .parts import crinkles, disc, folds, groove, nose_clip, tension, weld_band, welds

_METAL = (0.72, 0.73, 0.74)
_INK = (0.25, 0.28, 0.33)


def _moulded(c: Canvas, seed: int) -> None:
    """The skin of a moulded cup: pressed felt with faint uneven thickness, dents beside the nose."""
    c.height += 0.04 * noise(seed, (90, 120)) + 0.035 * noise(seed + 1, (28, 36))
    c.height += 0.25 * noise(seed + 2, (4, 5))
    c.albedo *= 1.0 - 0.03 * np.clip(noise(seed + 3, (60, 80)), 0.0, 1.5)
    beside = np.exp(-(((np.abs(c.x) - 17.0) / 9.0) ** 2) - ((c.top - 15.0) / 9.0) ** 2)
    c.height -= 0.7 * beside


def _flange(c: Canvas, width: float) -> None:
    """The welded rim of a cup: a flat band, lower than the cup."""
    edge = np.minimum(np.minimum(c.top, c.bottom), c.side)
    c.height -= 0.8 * soft(edge - width, 1.4)
    along = np.where(c.side < np.minimum(c.top, c.bottom), c.y, c.x)
    welds(c, edge - 0.5 * width, along, period=2.0, length=1.1, depth=0.25)
    c.albedo *= 1.0 - 0.12 * np.exp(-(((edge - width - 0.6) / 0.9) ** 2))


def _staples(c: Canvas, v: tuple[float, float], color: tuple[float, float, float]) -> None:
    """Where the straps are fixed."""
    for at in v:
        y = at * (c.y + c.bottom)
        d = np.maximum(np.abs(c.side - 5.0) - 3.0, np.abs(c.y - y) - 2.2)
        c.lay(color, soft(d, 0.7))
        c.height += 0.4 * soft(d, 0.7)


def _words(c: Canvas, seed: int, at: tuple[float, float], long: float, tall: float) -> Map:
    """0..1: a line of strokes that looks like small print from ``at`` (mm, left end) on, and says nothing."""
    rng = np.random.default_rng(seed)
    x0, y0 = at
    wide, thick = 0.6 * tall, 0.17 * tall
    x, y = c.x - x0, c.y - y0
    out, left = np.zeros(x.shape), 0.0
    while left + wide <= long:
        # two stems and three bars, as on a pocket calculator; every sign has at least one stem
        stems = rng.random(2) < 0.75
        stems[rng.integers(2)] = True
        for on, middle in zip(stems, (left, left + wide), strict=True):
            if on:
                out = np.maximum(
                    out, soft(np.maximum(np.abs(x - middle) - thick, np.abs(y) - tall / 2), 0.35)
                )
        for on, middle in zip(rng.random(3) < 0.5, (-tall / 2, 0.0, tall / 2), strict=True):
            if on:
                bar = np.maximum(np.abs(x - left - wide / 2) - wide / 2, np.abs(y - middle) - thick)
                out = np.maximum(out, soft(bar, 0.35))
        left += wide + 0.45 * tall + (0.9 * tall if rng.random() < 0.2 else 0.0)
    return out


def _frame(c: Canvas, at: tuple[float, float], half: tuple[float, float]) -> Map:
    """0..1: the outline of a box about ``at``, with rounded corners."""
    d = np.hypot(
        np.maximum(np.abs(c.x - at[0]) - half[0] + 2.0, 0.0),
        np.maximum(np.abs(c.y - at[1]) - half[1] + 2.0, 0.0),
    )
    return stripe(d - 2.0, 0.9, 0.4)


def draw_cup(c: Canvas) -> None:
    """N95 cup: metal clip, two pressed ribs, makers' stamps of our own (rings, bars, strokes: no text)."""
    _moulded(c, 101)
    _flange(c, 6.0)
    for v in (0.40, 0.66):
        bow = (c.v - v - 0.05 * (c.u**2)) * (c.y + c.bottom)
        groove(c, bow, 3.8, 0.55, soft(np.abs(c.u) - 0.74, 0.12))
    nose_clip(c, 12.0, 84.0, 5.0, _METAL, raised=0.5)
    _staples(c, (0.16, 0.84), (0.86, 0.83, 0.68))
    far, _ = disc(c, -14.0, 106.0)
    ring = 0.55 * stripe(far - 4.0, 1.2, 0.5)
    for k, length in enumerate((26.0, 19.0, 23.0)):
        d = np.maximum(
            np.abs(c.x - 4.0 - 0.5 * (length - 26.0)) - length / 2.0, np.abs(c.y - 101.0 - 4.0 * k) - 0.7
        )
        gaps = 0.5 + 0.5 * np.sign(np.sin(c.x * 2.1 + 5.0 * k) + 0.55)
        ring = np.maximum(ring, 0.5 * soft(d, 0.5) * gaps)
    c.stamp(_INK, ring)
    block = _words(c, 11, (-27.0, 95.0), 33.0, 3.6)
    for k in range(4):
        block = np.maximum(block, _words(c, 12 + k, (-25.0, 100.5 + 3.4 * k), 27.0 + k % 2, 1.7))
    block = np.maximum(block, _frame(c, (19.0, 103.0), (7.0, 7.5)))
    for k in range(2):
        block = np.maximum(block, _words(c, 20 + k, (14.5, 100.5 + 5.0 * k), 10.0, 2.6))
    c.stamp(_INK, 0.6 * block)
    line = np.maximum(_words(c, 31, (-17.0, 104.0), 35.0, 4.2), _words(c, 32, (-12.0, 110.5), 25.0, 2.0))
    c.stamp((0.22, 0.31, 0.47), 0.6 * line)


def draw_valve(c: Canvas) -> None:
    """FFP2 cup: felt in a coarse mesh, and the valve on its bump."""
    _moulded(c, 121)
    pitch = 3.6
    mesh = np.cos(2 * np.pi * (c.x + c.y) / pitch) * np.cos(2 * np.pi * (c.x - c.y) / pitch)
    c.height += 0.07 * mesh
    _flange(c, 6.5)
    nose_clip(c, 13.0, 88.0, 5.0, (0.78, 0.78, 0.77), raised=0.5)
    _staples(c, (0.16, 0.84), (0.33, 0.47, 0.66))
    far, around, _ = c.round_part(c.spec.drape.bumps[0])
    plate = soft(far - 15.0, 0.8)
    c.albedo *= 1.0 - 0.18 * np.exp(-(((far - 17.5) / 2.2) ** 2))
    c.height *= 1.0 - 0.9 * plate
    c.lay((0.86, 0.87, 0.87), plate)
    groove(c, far - 12.4, 1.4, 0.5)
    c.albedo *= 1.0 - 0.22 * stripe(far - 12.4, 1.1, 0.7)
    cap = soft(far - 11.4, 0.9)
    c.height += 0.5 * cap
    _louvres(c, far, around)
    side = np.maximum(_words(c, 51, (-58.0, 70.0), 25.0, 3.4), _words(c, 52, (-57.0, 75.5), 21.0, 1.8))
    c.stamp(_INK, 0.5 * np.maximum(side, _words(c, 53, (-56.0, 79.5), 18.0, 1.8)))
    above = np.maximum(_words(c, 54, (-17.0, 36.0), 35.0, 3.0), _words(c, 55, (-11.0, 41.0), 23.0, 1.8))
    c.stamp((0.20, 0.36, 0.52), 0.5 * above)


def _louvres(c: Canvas, far: Map, around: Map) -> None:
    """Slits across the valve's cap, each in the shade of the blade above it; a moulded ring round them."""
    across = far * np.sin(around)
    for k in range(-2, 3):
        at = across - 3.9 * k
        slit = stripe(at, 1.3, 0.7) * soft(far - 9.4, 0.7)
        c.lay((0.42, 0.43, 0.45), 0.75 * slit)
        c.height += 0.5 * soft(far - 9.4, 0.9) * np.exp(-(((at - 1.9) / 1.0) ** 2)) - 0.6 * slit


def draw_fold(c: Canvas) -> None:
    """KN95: a welded keel down the middle, hatched rims, a clip outside."""
    middle = np.abs(c.x)
    keel = soft(middle - 1.3, 0.9)
    c.height += 0.45 * keel
    groove(c, middle - 2.9, 1.8, 0.30)
    c.albedo *= 1.0 - 0.09 * np.exp(-(((middle - 2.3) / 0.9) ** 2))
    welds(c, c.x, c.y, period=2.0, length=1.0, depth=0.3)
    for edge in (c.top, c.bottom, c.side):
        weld_band(c, edge, 3.6, 4.6, 0.28)
        c.albedo *= 1.0 - 0.08 * np.exp(-(((edge - 6.9) / 0.9) ** 2))
    # two pressed lines follow the keel's run to the side
    for v, bow in ((0.34, 0.10), (0.64, -0.06)):
        d = (c.v - v - bow * np.abs(c.u) ** 1.3) * (c.y + c.bottom)
        groove(c, d, 2.8, 0.40, soft(np.abs(c.u) - 0.80, 0.1))
    nose_clip(c, 11.5, 88.0, 5.0, (0.66, 0.67, 0.68), raised=0.5, opacity=0.4)
    c.height += 0.5 * noise(141, (3, 4))
    tension(c, 143, 0.4)
    crinkles(c, 145, 0.04)
    c.height += 0.06 * noise(144, (34, 46)) + 0.02 * noise(147, (120, 165))  # felted fibres
    mark = np.maximum(np.abs(np.abs(c.x) - 58.0) - 9.0, np.abs(c.y - 82.0) - 3.0)
    c.height -= 0.25 * (soft(mark, 0.8) - soft(mark + 1.2, 0.8))
    cheek = np.maximum(_words(c, 61, (34.0, 60.0), 26.0, 4.4), _words(c, 62, (35.0, 66.5), 24.0, 2.0))
    c.stamp((0.38, 0.40, 0.43), 0.5 * cheek)
    c.stamp((0.38, 0.40, 0.43), 0.45 * _words(c, 63, (-62.0, 62.0), 30.0, 3.0))


def draw_boat(c: Canvas) -> None:
    """KF94: two sharp folds between three panels, rims with rows of marks."""
    for v, sign in ((0.30, -1.0), (0.66, 1.0)):
        # the panel's seam runs from fold to corner
        d = (c.v - v + 0.02 * sign * (1.0 - c.u**2)) * (c.y + c.bottom)
        reach = soft(np.abs(c.u) - 0.9, 0.1)
        c.height += 0.9 * np.exp(-np.abs(d) / 2.2) * reach
        c.albedo *= 1.0 - 0.14 * np.exp(-(((d - 2.2) / 1.8) ** 2)) * reach
        welds(c, d + sign * 3.6, c.x, period=2.4, length=1.5, depth=0.2)
    for edge in (c.top, c.bottom, c.side):
        weld_band(c, edge, 3.0, 3.6, 0.45, pitch=2.2)
        c.albedo *= 1.0 - 0.07 * np.exp(-(((edge - 6.0) / 0.9) ** 2))
    nose_clip(c, 7.5, 92.0, 4.0, None, raised=0.6)
    folds(c, 165, 0.7, (3, 3))
    crinkles(c, 167, 0.035)
    c.height += 0.25 * noise(161, (3, 4))
    tension(c, 163, 0.32)


def _cartridge(c: Canvas, bump: Bump, side: float) -> None:
    """A round filter: a ribbed wall and a face with rings."""
    far, around, up = c.round_part(bump, side)
    r = bump.radius
    part = soft(far - r - bump.wall, 1.0) * soft(2.0 - up, 1.5)
    c.lay((0.24, 0.25, 0.27), part)
    ribs = 0.5 + 0.5 * np.cos(around * 44.0)
    wall = part * soft(r - far, 1.0)
    c.height += 0.4 * ribs * wall
    c.lay((0.10, 0.10, 0.11), 0.4 * (1.0 - ribs) * wall)
    face = soft(far - r + 2.5, 0.8) * part
    c.lay((0.50, 0.21, 0.38), face)
    for k in range(4):
        ring = stripe(far - 9.0 - 4.5 * k, 1.4) * face
        c.height -= 0.7 * ring
        c.lay((0.33, 0.11, 0.25), 0.6 * ring)
    c.lay((0.80, 0.79, 0.77), 0.9 * soft(far - 5.0, 0.7) * face)


def draw_half_mask(c: Canvas) -> None:
    """Elastomeric half mask: a rolled rim, ribs, two cartridges and the valve cover."""
    edge = np.minimum(np.minimum(c.top, c.bottom), c.side)
    c.height += 0.9 * np.exp(-(((edge - 2.5) / 2.2) ** 2))
    groove(c, edge - 7.0, 3.0, 0.8)
    c.albedo *= 1.0 - 0.22 * np.exp(-(((edge - 6.5) / 1.6) ** 2))
    filters, valve = c.spec.drape.bumps
    for side in (-1.0, 1.0):
        _cartridge(c, filters, side)
    far, _, up = c.round_part(valve)
    cover = soft(far - valve.radius - 2.0, 1.0) * soft(1.0 - up, 1.5)
    c.lay((0.15, 0.16, 0.17), cover)
    c.lay((0.27, 0.28, 0.30), soft(far - valve.radius + 1.5, 0.8) * cover)
    rows = (c.v - valve.at[1]) * (c.y + c.bottom)
    for k in range(-3, 4):
        slot = soft(np.maximum(np.abs(rows - 3.6 * k) - 0.7, far - 11.0), 0.6) * cover
        c.lay((0.05, 0.05, 0.06), 0.85 * slot)
        c.height -= 0.7 * slot
