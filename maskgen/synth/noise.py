"""Smooth and grainy noise: tiles made once from fixed seeds, and cut at random places afterwards."""

from __future__ import annotations

from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray

TILE = 1024


def octave(rng: np.random.Generator, size: int, cell: float, width: int | None = None) -> NDArray[np.float32]:
    """Noise (size, width) of zero mean and unit spread whose features are about ``cell`` texels wide."""
    width = width or size
    coarse = rng.random((max(int(size / cell), 2) + 3, max(int(width / cell), 2) + 3), np.float32) - 0.5
    big = np.asarray(cv2.resize(coarse, (width, size), interpolation=cv2.INTER_CUBIC), np.float32)
    big *= np.float32(1.0 / max(float(cv2.meanStdDev(big)[1][0, 0]), 1e-6))
    return big


def clouds(rng: np.random.Generator, size: int, cell: float, octaves: int = 4, gain: float = 0.55,
           width: int | None = None) -> NDArray[np.float32]:  # fmt: skip
    """Fractal noise (size, width), unit spread: octaves of halving feature size, weight ``gain`` each."""
    out = np.zeros((size, width or size), np.float32)
    for k in range(octaves):
        cv2.scaleAdd(octave(rng, size, max(cell / 2**k, 1.0), width), gain**k, out, out)
    out *= np.float32(1.0 / max(float(cv2.meanStdDev(out)[1][0, 0]), 1e-6))
    return out


@lru_cache(maxsize=1)
def skin_tiles() -> dict[str, NDArray[np.float32]]:
    """Tiles (TILE, TILE): blotches, pores (height), freckles 0..1, stubble 0..1."""
    rng = np.random.default_rng(20240607)
    grain = rng.standard_normal((TILE, TILE), np.float32)
    pores = cv2.GaussianBlur(grain, (0, 0), 0.9) - cv2.GaussianBlur(grain, (0, 0), 2.2)
    pores = np.minimum(pores / pores.std(), 1.2)
    spots = cv2.GaussianBlur(rng.standard_normal((TILE, TILE), np.float32), (0, 0), 1.7)
    spots = spots / spots.std()
    dots = cv2.GaussianBlur((rng.random((TILE, TILE), np.float32) < 0.16).astype(np.float32), (0, 0), 0.6)
    return {
        "blotches": clouds(rng, TILE, 60.0, 5),
        "pores": pores + 0.5 * clouds(rng, TILE, 6.0, 2),
        "freckles": np.clip((spots - 1.7) * 1.6, 0.0, 1.0).astype(np.float32),
        "stubble": np.clip(dots * 2.2, 0.0, 1.0).astype(np.float32),
    }
