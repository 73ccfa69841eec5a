"""Artwork of sewn, knitted and foamed masks."""

from __future__ import annotations

import numpy as np

from .canvas import Canvas, noise, soft, stripe
from .parts import folds, gathers, groove, hem, stitches, tension


def _centre_seam(c: Canvas) -> None:
    """Two panels that meet at an angle down the middle: a keel, of which the seam itself is the least."""
    c.height += (2.2 - 1.1 * c.v) * np.exp(-np.abs(c.x) / 14.0) * soft(6.0 - np.minimum(c.top, c.bottom), 8.0)
    # the seam opens where the cloth is stretched, and closes where it is not
    opened = np.clip(0.45 + 1.6 * (c.v - 0.5) ** 2 + 0.25 * noise(204, (6, 1)), 0.15, 0.9)
    groove(c, c.x, 1.5, 0.9, opened)
    c.albedo *= 1.0 - 0.30 * opened * np.exp(-((c.x / 0.8) ** 2))
    # it puckers, here and there
    drawn_in = np.clip(0.5 + 0.7 * noise(202, (5, 2)), 0.0, 1.0) * np.exp(-np.abs(c.x) / 7.0)
    c.height += 0.16 * np.sin(2 * np.pi * c.y / 8.5 + 1.6 * noise(203, (9, 3))) * drawn_in


def _hemmed(c: Canvas, width: float) -> None:
    for edge, along in ((c.top, c.x), (c.bottom, c.x)):
        hem(c, edge, width, 0.5)
        c.albedo *= 1.0 - 0.16 * np.exp(-(((edge - width - 0.7) / 0.8) ** 2))
        stitches(c, edge - width + 1.4, along, depth=0.22)


def draw_fitted(c: Canvas) -> None:
    """Fitted cloth mask."""
    _centre_seam(c)
    _hemmed(c, 8.0)
    casing = soft(c.side - 10.0, 1.2)
    c.height += 0.35 * casing
    stitches(c, c.side - 9.5, c.y, depth=0.35)
    gathers(c, 205, 0.35, 12.0, 6)
    tension(c, 207, 0.45)
    c.height += 0.55 * noise(209, (3, 4)) + 0.10 * noise(210, (8, 10))
    # folds end at the hems, where cloth is double
    free = 1.0 - soft(np.minimum(np.minimum(c.top, c.bottom), c.side) - 2.0, 9.0)
    folds(c, 211, 1.1, (3, 4), free)
    folds(c, 213, 0.34, (8, 7), free)
    # threads: too fine to be seen one by one, and why cloth is no smoother than skin
    c.height += 0.02 * noise(215, (130, 90)) + 0.012 * noise(216, (60, 180))
    c.albedo *= 1.0 - 0.03 * np.clip(noise(217, (110, 150)), 0.0, 1.5)


def draw_sponge(c: Canvas) -> None:
    """Polyurethane foam: a glued butt seam, cut edges, open pores."""
    groove(c, c.x, 1.3, 0.7)
    c.albedo *= 1.0 - 0.20 * np.exp(-((c.x / 0.7) ** 2))
    edge = np.minimum(c.top, c.bottom)
    groove(c, edge - 3.0, 1.6, 0.22)
    # pores are finer than a photograph shows; coarser ones would read as leather
    c.height += 0.025 * noise(221, (150, 200)) + 0.008 * noise(222, (60, 80))
    folds(c, 223, 0.6, (3, 3), sharp=0.7)
    tension(c, 225, 0.22)
    fan = np.sin(c.v * 2 * np.pi * 5.0 + noise(226, (4, 4))) * np.exp(-c.side / 16.0)
    c.height += 0.28 * fan


def draw_window(c: Canvas) -> None:
    """Cloth round a clear film; the film mirrors the light in two streaks."""
    _hemmed(c, 6.0)
    c.height += 0.5 * soft(c.side - 10.0, 1.2)
    stitches(c, c.side - 9.5, c.y, depth=0.35)
    gathers(c, 241, 0.55, 14.0, 6)
    tall = c.y + c.bottom
    cy = 0.54 * float(tall[0, tall.shape[1] // 2])
    # a rounded rectangle
    rx, ry, corner = 37.0, 23.0, 14.0
    dx, dy = np.abs(c.x) - rx + corner, np.abs(c.y - cy + 0.0035 * c.x**2) - ry + corner
    d = np.hypot(np.maximum(dx, 0), np.maximum(dy, 0)) + np.minimum(np.maximum(dx, dy), 0) - corner
    film = soft(d, 0.9)
    folds(c, 243, 0.55, (3, 5), 1.0 - film)
    tension(c, 245, 0.25, 1.0 - film)
    c.height *= 1.0 - film
    c.height += 0.55 * soft(np.abs(d - 3.5) - 2.5, 1.2)
    stitches(c, d - 2.4, np.where(np.abs(dx) > np.abs(dy), c.y, c.x), depth=0.3)
    stitches(c, d - 6.0, np.where(np.abs(dx) > np.abs(dy), c.y, c.x), depth=0.3)
    c.albedo *= 1.0 - 0.18 * np.exp(-(((d - 0.8) / 1.2) ** 2))
    # haze, crumples and two reflections of a film
    crumple = np.clip(noise(247, (5, 7)), 0.0, 1.6) * np.clip(noise(248, (14, 12)), 0.0, 1.6)
    slant = c.x + 0.55 * (c.y - cy)
    glare = 0.42 * stripe(slant + 22.0, 3.0, 4.0) + 0.24 * stripe(slant + 14.5, 0.8, 2.5)
    glare = glare * soft(np.abs(c.y - cy) - 12.0, 9.0) * (0.7 + 0.3 * noise(249, (6, 6)))
    haze = np.clip(0.05 + 0.06 * crumple + glare, 0.04, 0.75)
    c.alpha = c.alpha * (1.0 - film) + haze * film
    c.lay((0.97, 0.98, 0.99), film)


def draw_gaiter(c: Canvas) -> None:
    """Stretch knit: an overlocked top edge, sagging rings where it bunches at the throat."""
    hem(c, c.top, 5.0, 0.5)
    stitches(c, c.top - 4.0, c.x, depth=0.3)
    hem(c, c.bottom, 6.0, 0.5)
    sag = c.v + 0.05 * np.cos(np.clip(c.u, -0.5, 0.5) * np.pi * 2.0) + 0.035 * noise(261, (5, 7))
    rings = (0.5 - 0.5 * np.cos(2.0 * np.pi * (sag * 9.0))) ** 1.6
    throat = soft(0.52 - c.v, 0.2) * (0.55 + 0.45 * noise(262, (7, 5)))
    c.height += 2.0 * (rings - 0.4) * np.clip(throat, 0.0, 1.3)
    folds(c, 263, 0.5, (2, 5), 1.0 - 0.5 * soft(0.5 - c.v, 0.2), sharp=0.6)
    c.height += 0.05 * np.cos(2 * np.pi * c.x / 2.2)
    c.albedo *= 1.0 - 0.10 * np.clip((1.0 - rings) * throat, 0.0, 1.0)


def draw_bandana(c: Canvas) -> None:
    """A cotton square folded over: folds drape from the ears to the hanging point."""
    hem(c, c.top, 2.5, 0.6)
    hem(c, c.bottom, 5.0, 0.4)
    stitches(c, c.bottom - 4.0, c.x, depth=0.3)
    # swags: cloth hangs in arcs from the ears, deepest where it is gathered
    hang = c.v - 0.16 * (1.0 - np.minimum(np.abs(c.u) * 1.5, 1.0) ** 2) + 0.025 * noise(281, (3, 6))
    wave = (0.5 - 0.5 * np.cos(2.0 * np.pi * (hang * 6.5 + 0.3))) ** 2.0
    deep = np.clip(0.6 + 0.5 * noise(282, (4, 5)), 0.08, 1.3) * (0.5 + 0.5 * np.abs(c.u) ** 1.2)
    c.height += 2.4 * (wave - 0.35) * deep * soft(0.2 - c.v, 0.2)
    folds(c, 283, 0.5, (3, 6))
    tension(c, 285, 0.6)
    c.albedo *= 1.0 - 0.10 * (1.0 - wave) * np.clip(deep, 0.0, 1.0) * soft(0.3 - c.v, 0.2)
