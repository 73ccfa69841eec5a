"""How far each band is seen: ear loops end where hair covers the ear, all where the photograph ends.

Datasets pad and warp their pictures; what is exactly black beyond the photograph's edge takes no strap.
"""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

from ..geometry.rotation import Array
from ..masks.spec import MaskSpec
from . import composite as c
from .light import Light
from .scene import Scene
from .tone import LINEAR

F32 = NDArray[np.float32]
_BINS = 10
#: mean likeness to skin (or share of photograph) below which a stretch of band is taken to lie under hair
_LEAST_SKIN = 0.30
#: a band whose far end lies behind this, mm, runs round the head and over the hair
_BEHIND_EAR_MM = 135.0


def band_reach(image: NDArray[np.uint8], scene: Scene, light: Light, spec: MaskSpec) -> F32:
    """How far each band is seen, (bands,) as a share of its length; bands as in `Scene.attributes`.

    image: (h, w, 3) uint8 BGR, the scene's window of the picture. Straps round the head are whole.
    """
    bands = 2 * len(spec.straps)
    reach = np.ones(bands, np.float32)
    if bands == 0:
        return reach
    likeness, count, empty = (np.zeros((bands, _BINS)) for _ in range(3))
    model = np.array([*light.gradient, light.offset, *light.chroma, *light.chroma_width])
    _collect(image, scene.coverage, scene.strap, scene.attributes, LINEAR, model, likeness, count, empty)
    for band in range(bands):
        seen = np.maximum(count[band], 1e-9)
        filled = 1.0 - empty[band] / seen
        reach[band] = _first_lost(filled, count[band])
        if light.samples >= 40 and spec.straps[band // 2].path[-1][2] <= _BEHIND_EAR_MM:
            reach[band] = min(reach[band], _first_lost(likeness[band] / seen, count[band]))
    return reach


def _first_lost(share: Array, count: Array) -> float:
    """Where ``share`` (bins,) first falls too low, over two neighbouring bins that were seen."""
    seen = np.flatnonzero(count > 1.0)
    for i in range(len(seen)):
        if share[seen[i : i + 2]].mean() < _LEAST_SKIN:
            return float(seen[i]) / _BINS
    return 1.0


@njit(cache=True, nogil=True, error_model="numpy")
def _collect(  # type: ignore[no-untyped-def]
    image, coverage, strap, attributes, linear, model, likeness, count, empty
) -> None:
    h, w = coverage.shape
    for y in range(h):
        for x in range(w):
            if strap[y, x] < 0.5 or strap[y, x] < coverage[y, x]:
                continue
            b, g, r = linear[image[y, x, 0]], linear[image[y, x, 1]], linear[image[y, x, 2]]
            stops = np.log2(max(0.0722 * b + 0.7152 * g + 0.2126 * r, 0.003))
            nx, ny, nz = attributes[y, x, c.NX], attributes[y, x, c.NY], attributes[y, x, c.NZ]
            if nz > 0.0:
                nx, ny, nz = -nx, -ny, -nz
            expected = model[0] * nx + model[1] * ny + model[2] * nz + model[3]
            dark = (stops - expected) / 1.3
            red = (np.log2((r + 0.004) / (g + 0.004)) - model[4]) / model[6]
            blue = (np.log2((b + 0.004) / (g + 0.004)) - model[5]) / model[7]
            like = np.exp(-0.5 * dark * dark) / (1.0 + (0.25 * (red * red + blue * blue)) ** 2)
            band = int(attributes[y, x, c.STRAP_ID] + 0.5) - 1
            if band < 0 or band >= likeness.shape[0]:
                continue
            k = min(int(attributes[y, x, c.V] * likeness.shape[1]), likeness.shape[1] - 1)
            likeness[band, k] += like
            count[band, k] += 1.0
            if max(image[y, x, 0], image[y, x, 1], image[y, x, 2]) <= 6:
                empty[band, k] += 1.0


@njit(cache=True, nogil=True, error_model="numpy")
def cut_bands(coverage: F32, strap: F32, attributes: F32, reach: F32) -> None:
    """Take what lies beyond its band's ``reach`` out of ``coverage`` and ``strap``, in place, softly."""
    h, w = coverage.shape
    for y in range(h):
        for x in range(w):
            if strap[y, x] <= 0.0 or strap[y, x] < coverage[y, x]:
                continue
            band = int(attributes[y, x, c.STRAP_ID] + 0.5) - 1
            if band < 0 or band >= reach.shape[0] or reach[band] >= 1.0:
                continue
            keep = min(max((reach[band] - attributes[y, x, c.V]) / 0.08 + 0.5, 0.0), 1.0)
            coverage[y, x] *= np.float32(keep)
            strap[y, x] *= np.float32(keep)
