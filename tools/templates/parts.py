"""Details that several styles share: hems, seams, pleats, folds, clips, gathers."""

from __future__ import annotations

import cv2
import numpy as np
from scipy.interpolate import LinearNDInterpolator

from maskgen.paint.fabric import jittered

from .canvas import HEIGHT, WIDTH, Canvas, Map, noise, soft, stripe


def groove(c: Canvas, d: Map, width: float, depth: float, where: Map | float = 1.0) -> None:
    """Press a line where ``d`` (mm) is 0."""
    c.height -= depth * np.exp(-((d / (width / 2.0)) ** 2)) * where


def step(c: Canvas, d: Map, drop: Map, fall_mm: float, swell: Map) -> None:
    """A pleat's edge at d = 0 (mm, grows downward), ``drop`` mm high: cloth swells to it, then lies in shade.

    swell: 0..1, how far the cloth above has come up to the edge.
    """
    under = np.maximum(d, 0.0)
    below = np.where(d > 0.0, np.clip(1.0 - under / fall_mm, 0.0, 1.0) ** 4.0, 0.0)
    c.height += drop * (swell + below)
    # little light comes under the edge, and some is kept away from a strip below it
    gap, strip = np.exp(-((under / 0.7) ** 2)), np.exp(-under / (0.4 * fall_mm))
    shade = np.where(d > 0.0, 0.08 * gap + 0.06 * strip, 0.0)
    c.albedo *= 1.0 - np.clip(drop, 0.0, 2.4) * shade


def hem(c: Canvas, d: Map, width: float, thick: float) -> None:
    """A folded edge: double cloth up to ``width`` mm from the edge, with a step where it ends."""
    c.height += thick * soft(d - width, 0.9)
    groove(c, d - width - 0.5, 1.6, 0.35 * thick)


def stitches(c: Canvas, d: Map, along: Map, depth: float = 0.35, period: float = 3.2) -> None:
    """A row of machine stitches on the line d = 0: the cloth is drawn in, the thread shows between."""
    groove(c, d, 2.2, depth)
    thread = c.dashes(d, along, period * 0.62, period, 0.7)
    c.height += 0.9 * depth * thread
    c.albedo *= 1.0 - 0.16 * stripe(d, 1.0) * (1.0 - thread)


def welds(
    c: Canvas,
    d: Map,
    along: Map,
    period: float = 2.6,
    length: float = 1.4,
    depth: float = 0.2,
    dark: float = 0.13,
) -> None:
    """A row of weld marks on the line d = 0: pressed, glassy, darker than the cloth by ``dark``."""
    marks = c.dashes(d, along, length, period, 1.2)
    c.height -= depth * marks
    c.albedo *= 1.0 - dark * marks


def weld_band(c: Canvas, d: Map, centre: float, width: float, depth: float, pitch: float = 1.8) -> None:
    """A pressed band of fine diagonal hatching round ``centre`` mm from an edge."""
    band = stripe(d - centre, width, 0.7)
    hatch = 0.5 + 0.5 * np.cos(2.0 * np.pi * (c.x + c.y) / pitch)
    c.height -= depth * band * (0.75 + 0.25 * hatch)
    c.albedo *= 1.0 - 0.07 * band * hatch


def gathers(c: Canvas, seed: int, height: float, reach: float, folds: int, where: Map | float = 1.0) -> None:
    """Wrinkles that run in from the side edge, where an elastic draws the cloth together."""
    sway = noise(seed, (6, 10)) * 0.5
    wave = np.sin(2.0 * np.pi * (folds * c.v + 0.25 * sway) + 1.3 * np.sign(c.u))
    size = 0.7 + 0.3 * noise(seed + 1, (folds, 4))
    c.height += height * wave * size * np.exp(-c.side / reach) * where


def folds(
    c: Canvas, seed: int, height: float, cells: tuple[int, int], where: Map | float = 1.0, sharp: float = 1.0
) -> None:
    """Irregular soft folds: cloth slopes down on both sides of a rounded crest, as far as the next one.

    Crests lie where smooth noise crosses zero; ``sharp`` makes them narrower.
    """
    field = noise(seed, cells) + 0.45 * noise(seed + 1, (2 * cells[0], 2 * cells[1]))
    down = np.sqrt(field**2 + (0.22 / sharp) ** 2)
    c.height += height * np.tanh(0.75 - 1.1 * down) * where


def facets(c: Canvas, seed: int, size: float, flat: float = 1.6) -> Map:
    """Plane facets about ``size`` mm high, ``flat`` times as wide, of unit spread: stiff cloth once folded.

    Corners lie at random, heights too; triangles between them are flat and meet in straight creases.
    """
    rng = np.random.default_rng(seed)
    wide, tall = float(np.abs(c.x).max()), float(c.y.max())
    over = 2.0 * size
    columns, rows = round(2.0 * (wide / flat + over) / size), round((tall + 2.0 * over) / size)
    corners = jittered(rng, columns, rows) * size - [wide / flat + over, over]
    surface = LinearNDInterpolator(corners, rng.normal(0.0, 1.0, len(corners)))
    y, x = np.linspace(0.0, tall, HEIGHT)[:, None], np.linspace(-wide, wide, WIDTH)[None, :]
    out = np.nan_to_num(surface(*np.broadcast_arrays(x / flat, y)))
    return np.asarray(cv2.GaussianBlur(out, (0, 0), 1.2)) / 0.7


def crinkles(c: Canvas, seed: int, strength: float, where: Map | float = 1.0) -> None:
    """What unfolding and handling leave in paper-like cloth: flat facets, some a little lighter or darker.

    Their creases are drawn as albedo, too: they are seen in any light, for there the cloth is bruised.
    """
    large, small = facets(c, seed, 19.0), facets(c, seed + 1, 8.0)
    bent = large + 0.3 * small
    c.height += 8.0 * strength * np.clip(bent, -1.6, 1.6) * where
    creased = cv2.Laplacian(cv2.GaussianBlur(bent, (0, 0), 1.0), cv2.CV_64F)
    dark, bruised = np.clip(0.6 - bent, 0.0, 1.6), np.clip(40.0 * creased, -0.8, 0.8)
    c.albedo *= 1.0 - strength * (0.5 * dark - bruised) * where


def tension(c: Canvas, seed: int, height: float, where: Map | float = 1.0) -> None:
    """Pulled cloth: fans of fine ridges from the outer corners toward the middle."""
    for corner_v, turn in ((0.02, 1.0), (0.98, -1.0)):
        angle = np.arctan2((c.v - corner_v) * turn, 1.02 - np.abs(c.u))
        fan = np.sin(angle * 26.0 + 0.8 * noise(seed, (4, 6)) + np.sign(c.u))
        near = np.exp(-(((1.0 - np.abs(c.u)) / 0.45) ** 2)) * np.exp(-((angle / 0.7) ** 2))
        c.height += height * fan * near * soft(-(1.0 - np.abs(c.u)) + 0.02, 0.05) * where


def nose_clip(
    c: Canvas,
    y: float,
    length: float,
    width: float,
    color: tuple[float, float, float] | None,
    raised: float = 0.5,
    opacity: float = 1.0,
) -> None:
    """A strip across the nose ``y`` mm below the top edge: bare metal or plastic, or only its bulge."""
    across = soft(np.abs(c.x) - length / 2.0, 1.2)
    bar = stripe(c.y - y, width, 0.8) * across
    c.height += raised * bar
    c.albedo *= 1.0 - 0.10 * (
        stripe(c.y - y, width + 2.0, 0.8) * soft(np.abs(c.x) - length / 2.0 - 1.0, 1.2) - bar
    )
    if color is not None:
        c.lay(color, opacity * bar)
        lit = stripe(c.y - y + width * 0.18, width * 0.3, 0.6) * across
        c.lay(tuple(min(1.0, 0.5 + 0.5 * k + 0.15) for k in color), 0.45 * opacity * lit)  # type: ignore[arg-type]


def nonwoven(c: Canvas, seed: int, strength: float) -> None:
    """The clouds of spun-bonded cloth: fibres lie denser here than there."""
    clouds = noise(seed, (80, 120)) + 0.4 * noise(seed + 1, (30, 46)) + 0.2 * noise(seed + 2, (11, 17))
    c.albedo *= 1.0 - strength * (1.0 + np.clip(clouds / 1.5, -1.0, 1.0))


def disc(c: Canvas, x: float, y: float) -> tuple[Map, Map]:
    """Distance in mm to a point of the sheet, and the angle round it."""
    dx, dy = c.x - x, c.y - y
    return np.hypot(dx, dy), np.arctan2(dy, dx)
