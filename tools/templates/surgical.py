"""Artwork of the pleated medical masks."""

from __future__ import annotations

import numpy as np

from .canvas import Canvas, Map, noise, soft, stripe
from .parts import folds, nonwoven, nose_clip, step, stitches, tension, welds


def _pleats(c: Canvas, seed: int, at: tuple[float, ...], drop: float, shift: float = 0.018) -> None:
    """Three steps that open in the middle, where nose and mouth push the cloth out."""
    for k, v in enumerate(at):
        wander = shift * noise(seed + k, (2, 5)) + 0.006 * noise(seed + 20 + k, (2, 16))
        d = (
            c.v - v - wander * soft(0.12 - np.abs(1.0 - np.abs(c.u)), 0.3) - 0.02 * (1 - c.u**2) * (k - 1)
        ) * (c.y[-1:] + c.bottom[-1:])
        life = 0.75 + 0.25 * noise(seed + 40 + k, (2, 7))
        opened = 0.62 + 0.38 * np.abs(c.u) ** 1.5
        step(c, d, drop * 1.0, 13.0, 1.7, np.clip(life, 0.35, 1.2) * opened * soft(3.0 - c.side, 5.0))


def _fold(c: Canvas, top: float, side: float, bottom: float) -> Map:
    """The inside folded over the edges, so wide in mm: pale, a step high, a line of shade where it ends."""
    covers = np.zeros_like(c.height)
    for edge, width, pale in ((c.side, side, 0.40), (c.bottom, bottom, 0.58), (c.top, top, 0.92)):
        here = soft(edge - width, 0.7)
        c.lining = np.maximum(c.lining, pale * here)
        c.albedo *= 1.0 - 0.16 * np.exp(-(((edge - width - 0.9) / 0.8) ** 2)) * (1.0 - covers)
        covers = np.maximum(covers, here)
    c.height += 0.35 * covers
    return covers


def _side_welds(c: Canvas, inset: float) -> None:
    """Columns of weld marks where the stack of pleats is closed at the side."""
    for k in range(3):
        welds(c, c.side - inset - 2.4 * k, c.y, period=2.4, length=1.3, depth=0.15)
    c.height += 0.5 * soft(c.side - inset - 8.0, 1.5)


def draw_loops(c: Canvas) -> None:
    """Surgical mask with ear loops: non-woven cloth whose white inside is folded over all four edges."""
    fold = _fold(c, 9.0, 6.5, 5.0)
    nonwoven(c, 19, 0.035)
    _pleats(c, 11, (0.30, 0.50, 0.70), 1.9)
    welds(c, c.top - 4.6, c.x)
    welds(c, c.top - 7.4, c.x, period=2.2)
    welds(c, c.bottom - 4.0, c.x)
    nose_clip(c, 5.8, 96.0, 3.0, None, raised=0.45)
    _side_welds(c, 4.0)
    tension(c, 15, 0.22)
    folds(c, 17, 0.40, (4, 3), 1.0 - fold)


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
    _pleats(c, 21, (0.28, 0.47, 0.66), 1.7, shift=0.022)
    c.height += 0.4 * soft(c.side - 7.0, 1.0)
    stitches(c, c.side - 5.0, c.y, depth=0.25)
    tension(c, 25, 0.35)
    folds(c, 27, 0.42, (4, 3), soft(8.0 - c.top, 8.0))


def draw_pleated_cloth(c: Canvas) -> None:
    """Home-sewn cotton mask: fewer, deeper, softer pleats and side casings."""
    _pleats(c, 31, (0.31, 0.52, 0.73), 2.1, shift=0.02)
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
