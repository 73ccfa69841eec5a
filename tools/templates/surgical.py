"""Artwork of the pleated medical masks."""

from __future__ import annotations

import numpy as np

from .canvas import Canvas, Map, noise, soft, stripe
from .parts import crinkles, folds, nonwoven, nose_clip, step, stitches, tension, welds


def _pleats(c: Canvas, seed: int, at: tuple[float, ...], depth: float, middle: tuple[float, ...]) -> None:
    """Folds that lie closed at the sides and open toward the middle, where nose and mouth push the cloth out.

    at: v of each fold's edge; depth: mm it covers at the side; middle: share of that which is left on the
    midline. From one edge to the next the cloth swells, so that each facet takes the light by itself; where
    a fold opens, a crease runs slantwise down to the next one.
    """
    tall = c.y[-1:] + c.bottom[-1:]
    across = np.abs(c.u)
    held = soft(0.10 - (1.0 - across), 0.22)
    last = 0.05 + 0.0 * c.u
    c.height -= 0.4 * depth
    for k, (v, left) in enumerate(zip(at, middle, strict=True)):
        edge = v + 0.024 * noise(seed + k, (2, 3))[:1] * held - 0.025 * (1.0 - c.u**2) * (k - 1)
        opened = left + (1.0 - left) * across**1.2 + 0.30 * noise(seed + 20 + k, (2, 4))[:1] * held
        drop = depth * np.clip(opened, 0.05, 1.1) * soft(3.0 - c.side, 5.0)
        swell = np.where(c.v <= edge, np.clip((c.v - last) / (edge - last), 0.0, 1.0) ** 1.4, 0.0)
        step(c, (c.v - edge) * tall, drop, 12.0, swell)
        _openings(c, seed + 60 + 7 * k, edge, depth, tall)
        last = edge
    hem = np.clip((c.v - last) / (0.95 - last), 0.0, 1.0) ** 1.4
    c.height += 0.35 * depth * hem


def _openings(c: Canvas, seed: int, edge: Map, depth: float, tall: Map) -> None:
    """Slanting creases below a fold's edge, one or two on either side: ridges of facets that meet there."""
    rng = np.random.default_rng(seed)
    for side in (-1.0, 1.0):
        for _ in range(2):
            start, end = side * rng.uniform(0.55, 0.9), side * rng.uniform(0.05, 0.4)
            fall = rng.uniform(0.05, 0.17) * (1.0 if rng.random() < 0.75 else -0.5)
            along = np.clip((c.u - start) / (end - start), 0.0, 1.0)
            here = np.sin(np.pi * along) ** 2
            line = np.interp(start, c.u[0], edge[0]) + fall * along + 0.01 * noise(seed, (2, 5))[:1]
            d = (c.v - line) * tall
            roof = np.exp(-np.abs(d) / rng.uniform(3.5, 7.0))
            c.height += depth * rng.uniform(0.25, 0.6) * roof * here


def _fold(c: Canvas, top: float, side: float, bottom: float) -> Map:
    """The inside folded over the edges, so wide in mm: pale, a step high, a line of shade where it ends."""
    covers = np.zeros_like(c.height)
    for edge, width, pale in ((c.side, side, 0.28), (c.bottom, bottom, 0.32), (c.top, top, 0.92)):
        here = soft(edge - width, 0.7)
        c.lining = np.maximum(c.lining, pale * here)
        c.albedo *= 1.0 - 0.16 * np.exp(-(((edge - width - 0.9) / 0.8) ** 2)) * (1.0 - covers)
        covers = np.maximum(covers, here)
    c.height += 0.35 * covers
    return covers


def _side_welds(c: Canvas, inset: float) -> None:
    """Columns of weld marks where the stack of pleats is closed at the side."""
    for k in range(3):
        welds(c, c.side - inset - 2.4 * k, c.y, period=2.6, length=1.3, depth=0.15, dark=0.20)
    c.height += 0.5 * soft(c.side - inset - 8.0, 1.5)


def draw_loops(c: Canvas) -> None:
    """Surgical mask with ear loops: non-woven cloth whose white inside is folded over all four edges."""
    fold = _fold(c, 11.0, 6.5, 5.0)
    nonwoven(c, 19, 0.055)
    _pleats(c, 11, (0.31, 0.51, 0.71), 2.5, (0.22, 0.50, 0.34))
    # the rows seen in most photographs: long marks below the clip, short ones where the fold ends
    welds(c, c.top - 3.2, c.x, period=3.1, length=1.7, dark=0.28)
    welds(c, c.top - 9.4, c.x, period=3.1, length=1.7, dark=0.32)
    welds(c, c.bottom - 3.6, c.x, period=3.1, length=1.7, dark=0.24)
    nose_clip(c, 6.3, 96.0, 3.0, None, raised=0.45)
    _side_welds(c, 4.0)
    tension(c, 15, 0.22)
    folds(c, 17, 0.40, (4, 3), 1.0 - fold)
    crinkles(c, 53, 0.07, 1.0 - 0.7 * fold)


def draw_tied(c: Canvas) -> None:
    """Theatre mask: its hems are bound with the tape of the ties, and stitched."""
    for edge in (c.top, c.bottom):
        tape = soft(edge - 8.0, 0.8)
        c.height += 0.45 * tape
        c.lining = np.maximum(c.lining, 0.85 * tape)
        c.albedo *= 1.0 - 0.12 * np.exp(-(((edge - 8.8) / 0.9) ** 2))
        stitches(c, edge - 5.4, c.x, depth=0.25)
    nonwoven(c, 29, 0.035)
    nose_clip(c, 4.5, 100.0, 3.5, None, raised=0.5)
    _pleats(c, 21, (0.28, 0.47, 0.66), 2.3, (0.30, 0.45, 0.25))
    c.height += 0.4 * soft(c.side - 7.0, 1.0)
    stitches(c, c.side - 5.0, c.y, depth=0.25)
    tension(c, 25, 0.35)
    folds(c, 27, 0.42, (4, 3), soft(8.0 - c.top, 8.0))
    crinkles(c, 55, 0.07)


def draw_pleated_cloth(c: Canvas) -> None:
    """Home-sewn cotton mask: fewer, deeper, softer pleats and side casings."""
    _pleats(c, 31, (0.31, 0.52, 0.73), 2.7, (0.45, 0.60, 0.50))
    for edge in (c.top, c.bottom):
        c.height += 0.5 * soft(edge - 7.0, 1.2)
        stitches(c, edge - 6.0, c.x, depth=0.35)
    casing = soft(c.side - 11.0, 1.2)
    c.height += 0.7 * casing
    c.height += 0.5 * casing * np.sin(2 * np.pi * 9.0 * c.v + 0.6 * noise(33, (8, 3)))
    stitches(c, c.side - 11.0, c.y, depth=0.4)
    tension(c, 35, 0.35)
    folds(c, 37, 0.6, (4, 4))
    folds(c, 38, 0.3, (9, 8))
    c.albedo *= 1.0 - 0.06 * stripe(c.side - 12.5, 2.0)
