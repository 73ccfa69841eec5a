"""A small picture of label histograms, before and after, without a plotting library."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

_WIDTH, _HEIGHT = 300, 180
_LEFT, _TOP, _RIGHT, _BOTTOM = 42, 34, 26, 44
_INK, _BEFORE, _AFTER = (60, 60, 60), (190, 190, 190), (180, 90, 20)


def draw_spread(counts: NDArray[np.int64], bin_deg: float) -> bytes:
    """PNG of histograms (2, 3, bins): yaw, pitch, roll from -180 to 180; grey before, blue line after."""
    shares = counts / np.maximum(counts.sum(axis=2, keepdims=True), 1)
    peak = max(float(shares.max()), 1e-9)
    page = np.full((_TOP + _HEIGHT + _BOTTOM, 3 * (_LEFT + _WIDTH + _RIGHT), 3), 255, np.uint8)
    for panel, axis in enumerate(("yaw", "pitch", "roll")):
        x0, y1 = panel * (_LEFT + _WIDTH + _RIGHT) + _LEFT, _TOP + _HEIGHT
        _histogram(page, (x0, y1), shares[0, panel] / peak, filled=True)
        _histogram(page, (x0, y1), shares[1, panel] / peak, filled=False)
        cv2.line(page, (x0, y1), (x0 + _WIDTH, y1), _INK, 1)
        for degrees in (-180, -90, 0, 90, 180):
            at = x0 + round((degrees + 180) / 360 * _WIDTH)
            cv2.line(page, (at, y1), (at, y1 + 4), _INK, 1)
            _write(page, str(degrees), (at - 4 * len(str(degrees)), y1 + 18), 0.4)
        _write(page, axis, (x0, _TOP - 10), 0.5)
        _write(page, f"{100 * peak:.0f} %", (x0 - 40, _TOP + 14), 0.38)
    before, after = counts[:, 2].sum(axis=1)
    legend = f"grey: before ({before}), blue: after ({after}), bins of {bin_deg:g} degrees"
    _write(page, legend, (_LEFT, _TOP + _HEIGHT + 38), 0.42)
    done, data = cv2.imencode(".png", page)
    if not done:
        raise OSError("the histogram cannot be encoded as PNG")
    return data.tobytes()


def _histogram(
    page: NDArray[np.uint8], origin: tuple[int, int], heights: NDArray[np.float64], *, filled: bool
) -> None:
    x0, y1 = origin
    x = x0 + np.round(np.linspace(0, _WIDTH, len(heights) + 1)).astype(np.int32)
    y = y1 - np.round(heights * (_HEIGHT - 10)).astype(np.int32)
    outline = np.stack([np.repeat(x, 2)[1:-1], np.repeat(y, 2)], axis=1)
    if filled:
        cv2.fillPoly(page, [np.concatenate([[[x[0], y1]], outline, [[x[-1], y1]]])], _BEFORE)
    else:
        cv2.polylines(page, [outline], False, _AFTER, 2, cv2.LINE_AA)


def _write(page: NDArray[np.uint8], text: str, at: tuple[int, int], scale: float) -> None:
    cv2.putText(page, text, at, cv2.FONT_HERSHEY_SIMPLEX, scale, _INK, 1, cv2.LINE_AA)
