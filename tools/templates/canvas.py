"""A sheet of cloth to draw on in millimetres, and the maps it is saved as."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import map_coordinates

from maskgen.geometry.head import CENTRE
from maskgen.masks.catalogue import MAPS, PRINTS
from maskgen.masks.spec import Bump, MaskSpec
from maskgen.paint.drape import COLUMNS, ROWS
from maskgen.paint.shell import build_shell

Map = NDArray[np.float64]
#: size of the maps in pixels
HEIGHT, WIDTH = 384, 512
_HEIGHT_STEPS = 1024  # finer steps than that only make noise for the PNG to keep


def soft(d: Map | float, width: float) -> Map:
    """1 where d <= 0, 0 where d >= width, smooth between."""
    t = np.clip(1.0 - np.asarray(d) / width, 0.0, 1.0)
    return t * t * (3.0 - 2.0 * t)


def stripe(d: Map, width: float, edge: float = 0.5) -> Map:
    """1 within ``width`` / 2 of d = 0, with soft edges."""
    return soft(np.abs(d) - width / 2.0, edge)


def noise(seed: int, cells: tuple[int, int], shape: tuple[int, int] = (HEIGHT, WIDTH)) -> Map:
    """Smooth noise of unit spread with so many (rows, columns) of cells over the sheet.

    By cubic splines: with anything rougher the lattice shows in side light.
    """
    rows, columns = cells
    lattice = np.random.default_rng(seed).uniform(-1.0, 1.0, (rows + 4, columns + 4))
    y, x = (2.0 + (np.arange(n) + 0.5) / n * k - 0.5 for n, k in zip(shape, cells, strict=True))
    out = map_coordinates(lattice, np.meshgrid(y, x, indexing="ij"), order=3, mode="mirror")
    return np.asarray(out) / 0.42


@dataclass(eq=False)
class Canvas:
    """What the maps of one style are drawn on.

    u (1, WIDTH) -1 .. 1 and v (HEIGHT, 1) 0 .. 1. x, y: mm from the midline and from the top edge. top,
    bottom, side: mm to that edge. height: mm, from -relief / 2 to relief / 2. albedo: factor. alpha: opacity.
    lining: how far the inner layer is folded over. paint (h, w, 4): sRGB blue, green, red 0..1 and opacity.
    stamps: prints of the same kind, of which a mask wears one.
    """

    spec: MaskSpec
    u: Map = field(init=False)
    v: Map = field(init=False)
    x: Map = field(init=False)
    y: Map = field(init=False)
    top: Map = field(init=False)
    bottom: Map = field(init=False)
    side: Map = field(init=False)
    stretch: Map = field(init=False)
    height: Map = field(init=False)
    albedo: Map = field(init=False)
    alpha: Map = field(init=False)
    lining: Map = field(init=False)
    paint: Map = field(init=False)
    stamps: list[Map] = field(default_factory=list)

    def __post_init__(self) -> None:
        shell = build_shell(self.spec)
        mm = shell.fabric_mm[: ROWS * COLUMNS].reshape(ROWS, COLUMNS, 2)
        # whole millimetres: the drawing must not change with the last bit of the geometry
        half = np.round((mm[::4, -1, 0] - mm[::4, 0, 0]) / 2.0)
        tall = np.round(mm[-1, COLUMNS // 2 :: 2, 1])
        self._grid = np.round(shell.vertices[: ROWS * COLUMNS].reshape(ROWS, COLUMNS, 3), 1)
        self.u, self.v = np.linspace(-1.0, 1.0, WIDTH)[None, :], np.linspace(0.0, 1.0, HEIGHT)[:, None]
        half_at = np.interp(self.v[:, 0], np.linspace(0, 1, len(half)), half)[:, None]
        tall_at = np.interp(np.abs(self.u[0]), np.linspace(0, 1, len(tall)), tall)[None, :]
        self.x, self.y = self.u * half_at, self.v * tall_at
        self.top, self.bottom = self.y, tall_at - self.y
        self.side = half_at - np.abs(self.x)
        # the painter takes slopes for the full height everywhere; where the sheet is lower they are steeper
        self.stretch = np.clip(tall[0] / tall_at, 1.0, 2.0)
        shape = (HEIGHT, WIDTH)
        self.height, self.albedo, self.alpha = np.zeros(shape), np.ones(shape), np.ones(shape)
        self.lining = np.zeros(shape)
        self.paint = np.zeros((*shape, 4))

    def round_part(self, bump: Bump, side: float = 1.0) -> tuple[Map, Map, Map]:
        """Distance in mm from a bump's axis, the angle round it, and the height along it above its foot."""
        rows, columns = np.mgrid[0 : ROWS - 1 : HEIGHT * 1j, 0 : COLUMNS - 1 : WIDTH * 1j].astype(np.float32)
        points = np.stack(
            [
                cv2.remap(self._grid[..., k].astype(np.float32), columns, rows, cv2.INTER_LINEAR)
                for k in range(3)
            ],
            -1,
        ).astype(np.float64)
        i, j = round(bump.at[1] * (ROWS - 1)), round((side * bump.at[0] + 1.0) / 2.0 * (COLUMNS - 1))
        near = np.linalg.norm(self._grid - self._grid[i, j], axis=-1) < 0.7 * bump.radius
        flat = self._grid[near] - self._grid[near].mean(0)
        axis = np.linalg.svd(flat, full_matrices=False)[2][2]
        axis = axis if axis @ (self._grid[i, j] - CENTRE) > 0 else -axis
        across = np.cross([0.0, 1.0, 0.0], axis)
        across /= np.linalg.norm(across)
        away = points - self._grid[i, j]
        x, y = away @ across, away @ np.cross(axis, across)
        return (
            np.hypot(x, y) + 1e3 * (away @ axis < -bump.height - 30.0),
            np.arctan2(y, x),
            away @ axis + bump.height,
        )

    def lay(self, color: tuple[float, float, float], opacity: Map) -> None:
        """Print ``color`` (sRGB red, green, blue 0..1) over what is there."""
        a = np.clip(opacity, 0.0, 1.0)
        old = self.paint[..., 3]
        new = a + old * (1.0 - a)
        bgr = np.array(color[::-1])
        mixed = bgr * a[..., None] + self.paint[..., :3] * (old * (1.0 - a))[..., None]
        self.paint[..., :3] = np.where(new[..., None] > 0, mixed / np.maximum(new, 1e-9)[..., None], bgr)
        self.paint[..., 3] = new

    def stamp(self, color: tuple[float, float, float], opacity: Map) -> None:
        """One more print, in ``color`` (sRGB red, green, blue 0..1)."""
        ink = np.broadcast_to(np.array(color[::-1]), (*opacity.shape, 3))
        self.stamps.append(np.dstack([ink, np.clip(opacity, 0.0, 1.0)]))

    def dashes(self, line: Map, along: Map, length: float, period: float, width: float) -> Map:
        """0..1: marks of that length every ``period`` mm along a line (distance to it and mm along it)."""
        phase = np.abs((along / period) % 1.0 - 0.5) * period
        return stripe(line, width, 0.4) * soft(phase - length / 2.0, 0.4)

    def save(self, folder: Path) -> None:
        """Write the maps that are not blank, and drop stale ones."""
        for name in MAPS:
            (folder / f"{name}.png").unlink(missing_ok=True)
        for name, data in self.maps().items():
            ok, png = cv2.imencode(".png", data, [cv2.IMWRITE_PNG_COMPRESSION, 9])
            if not ok:
                raise RuntimeError(f"cannot encode {name} of {self.spec.name}")
            (folder / f"{name}.png").write_bytes(png.tobytes())

    def maps(self) -> dict[str, NDArray]:
        """The maps as the catalogue wants them: uint8, height uint16."""
        out: dict[str, NDArray] = {}
        if np.ptp(self.height) > 0:
            level = np.clip(self.height * self.stretch / self.spec.material.relief + 0.5, 0.0, 1.0)
            steps = np.round(level * (_HEIGHT_STEPS - 1))
            out["height"] = np.round(steps * (65535 / (_HEIGHT_STEPS - 1))).astype(np.uint16)
        drawn = {
            "albedo": self.albedo.min() < 1.0,
            "alpha": self.alpha.min() < 1.0,
            "lining": self.lining.max() > 0.0,
            "paint": self.paint[..., 3].max() > 0.0,
        }
        for name in (name for name, is_drawn in drawn.items() if is_drawn):
            out[name] = np.round(np.clip(getattr(self, name), 0.0, 1.0) * 255).astype(np.uint8)
        for name, stamp in zip(PRINTS, self.stamps, strict=False):
            out[name] = np.round(stamp * 255).astype(np.uint8)
        return out
