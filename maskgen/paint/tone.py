"""Between stored sRGB bytes and linear light, by table."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numba import njit
from numpy.typing import NDArray

from ..errors import UsageError
from ..masks.spec import HEX_COLOR

F32 = NDArray[np.float32]
#: Rec. 709 luminance weights in the order of the arrays, blue green red
LUMA_BGR: F32 = np.array([0.0722, 0.7152, 0.2126], np.float32)
_STEPS = 4096


def _decode(v: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.where(v <= 0.04045, v / 12.92, ((v + 0.055) / 1.055) ** 2.4)


def _encode(lin: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.where(lin <= 0.0031308, 12.92 * lin, 1.055 * lin ** (1.0 / 2.4) - 0.055)


#: linear light 0..1 of each byte (IEC 61966-2-1)
LINEAR: F32 = _decode(np.arange(256) / 255.0).astype(np.float32)
#: level 0..255 (not rounded) of linear light x, at index sqrt(x) * (len - 1): fine steps where eyes see them
LEVEL: F32 = (255.0 * _encode(np.linspace(0.0, 1.0, _STEPS) ** 2)).astype(np.float32)


def hex_to_linear(color: str) -> F32:
    """Linear (blue, green, red) of "#rrggbb". Raises UsageError for anything else."""
    return _linear_of(color).copy()


@lru_cache(maxsize=1024)
def _linear_of(color: str) -> F32:
    if HEX_COLOR.fullmatch(color) is None:
        raise UsageError(f'no colour {color!r}; a mask\'s is written "#rrggbb", as in "#9cc7dc"')
    r, g, b = (int(color[i : i + 2], 16) for i in (1, 3, 5))
    return LINEAR[[b, g, r]]


def luminance(color: F32 | NDArray[np.float64]) -> float:
    """Linear luminance of linear (blue, green, red): of one colour, without an array's overhead."""
    b, g, r = color.tolist()
    return 0.0722 * b + 0.7152 * g + 0.2126 * r


@njit(cache=True, nogil=True, inline="always", error_model="numpy")
def ratios_of(b, g, r):  # type: ignore[no-untyped-def]
    """log2 R/G and log2 B/G of linear light; near black they fade to 0."""
    return np.log2((r + 0.004) / (g + 0.004)), np.log2((b + 0.004) / (g + 0.004))


def trim_beside(color: F32, trim: F32) -> F32:
    """Linear BGR of ``trim``, lining folded over the edges or elastic, on cloth of ``color``.

    Dark cloth is lined and held by cloth as dark.
    """
    pale = min(max((luminance(color) - 0.08) / 0.25, 0.0), 1.0)
    return np.asarray(color + np.float32(pale) * (trim - color), np.float32)
