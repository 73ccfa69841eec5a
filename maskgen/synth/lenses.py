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
        x0, y0 = np.maximum(np.floor(flat[:, :2].min(axis=0)).astype(int) - 1, 0)
        x1, y1 = np.minimum(np.ceil(flat[:, :2].max(axis=0)).astype(int) + 2, (width, height))
        if x0 >= x1 or y0 >= y1:
            continue
        window = np.ascontiguousarray(depth[y0 * SAMPLES : y1 * SAMPLES, x0 * SAMPLES : x1 * SAMPLES])
        ids = np.full(window.shape, -1, np.int32)
        draw_triangles(to_samples(flat - [x0, y0, 0]), fan, 0, ids, window, 0)
        inside = (ids >= 0).astype(np.float32)
        cover = np.asarray(cv2.resize(inside, (x1 - x0, y1 - y0), interpolation=cv2.INTER_AREA), np.float32)
        shine = _reflection(lens, flat, light, np.arange(y0, y1))
        part = rgb[y0:y1, x0:x1]
        part *= 1.0 - cover[..., None] * np.float32(0.04 + 0.96 * tint)
        part += cover[..., None] * shine[:, None]


def _reflection(
    lens: NDArray[np.float32], flat: NDArray[np.float64], light: Light, rows: NDArray[np.int_]
) -> NDArray[np.float32]:
    """What a lens mirrors on each row of the picture, (rows, 3).

    The lens bulges, so it mirrors what is above at its top and what is below at its bottom.
    """
    normal = np.cross(lens[1] - lens[0], lens[1 + len(lens) // 4] - lens[0]).astype(np.float64)
    normal /= np.linalg.norm(normal) + 1e-9
    normal *= -1.0 if normal[2] > 0.0 else 1.0
    tilted = normal + np.array([[0.0, -0.55, 0.0], [0.0, 0.55, 0.0]])
    top, bottom = light.irradiance(tilted / np.linalg.norm(tilted, axis=1, keepdims=True))
    half = max(float(np.ptp(flat[:, 1])) / 2.0, 0.5)
    mix = np.clip(0.5 + 0.5 * (rows - flat[0, 1]) / half, 0.0, 1.0)[:, None]
    return (0.028 * (top * (1.0 - mix) + bottom * mix)).astype(np.float32)
