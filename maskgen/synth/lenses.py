"""Spectacle lenses: a tint and a reflection of the surroundings laid over what is seen through them."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from .light import Light
from .raster import SAMPLES, draw_triangles, to_samples


def lay_lenses(
    rgb: NDArray[np.float32],
    depth: NDArray[np.float32],
    outlines: NDArray[np.float32],
    seen: NDArray[np.float64],
    tint: float,
    light: Light,
) -> None:
    """Darken and reflect, in place, where lenses are in front. rgb (h, w, 3); depth: samples, mm.

    outlines (2, k + 1, 3): fan centre and rim of each lens in camera axes; seen: the same as pixels and mm.
    """
    count = outlines.shape[1]
    rim = np.arange(1, count, dtype=np.int32)
    fan = np.stack([np.zeros(count - 1, np.int32), rim, np.roll(rim, -1)], axis=1)
    height, width = rgb.shape[:2]
    for lens, flat in zip(outlines, seen.reshape(2, count, 3), strict=True):
        ids = np.full(depth.shape, -1, np.int32)
        draw_triangles(to_samples(flat), fan, 0, ids, depth.copy(), 0)
        inside = (ids >= 0).astype(np.float32)
        if not inside.any():
            continue
        cover = np.asarray(cv2.resize(inside, (width, height), interpolation=cv2.INTER_AREA), np.float32)
        cover = cover[..., None]
        normal = np.cross(lens[1] - lens[0], lens[1 + count // 4] - lens[0]).astype(np.float64)
        normal /= np.linalg.norm(normal) + 1e-9
        if normal[2] > 0.0:
            normal = -normal
        # the lens bulges, so the reflection changes over it: from above at the top to below at the bottom
        y = np.linspace(-1, 1, height)[:, None] * (height / max(float(np.ptp(flat[:, 1])), 1.0))
        y = y - (flat[0, 1] - height / 2) / (0.5 * max(float(np.ptp(flat[:, 1])), 1.0))
        up = normal - np.array([0.0, 0.55, 0.0])
        down = normal + np.array([0.0, 0.55, 0.0])
        ends = light.irradiance(np.stack([up / np.linalg.norm(up), down / np.linalg.norm(down)]))
        mix = np.clip(0.5 + 0.5 * y, 0.0, 1.0)
        shine = (0.028 * (ends[0] * (1 - mix) + ends[1] * mix)).astype(np.float32)[:, None]
        rgb *= 1.0 - cover * np.float32(0.04 + 0.96 * tint)
        rgb += cover * shine


assert SAMPLES > 0
