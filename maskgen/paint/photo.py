"""How a photograph was taken: its sharpness, its grain, and whether it is grey or toned."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from .tone import LINEAR, LUMA_BGR

F32 = NDArray[np.float32]
_REBLUR = 1.2
_RESIDUAL = np.array([[1, -2, 1], [-2, 4, -2], [1, -2, 1]], np.float32) / 6.0


@dataclass(frozen=True, eq=False)
class Photo:
    """blur: standard deviation of the point spread, pixels. grain: standard deviation of noise, levels.

    tone: None for a colour photograph; else (2, 3) polynomials in log2 luminance that give log2 R/G and
    log2 B/G, so that a sepia print stays sepia and a grey one grey.
    """

    blur: float
    grain: float
    tone: NDArray[np.float64] | None


def read_photo(image: NDArray[np.uint8], box: tuple[int, int, int, int], skin: NDArray[np.float64]) -> Photo:
    """Measure ``image`` (h, w, 3) uint8 BGR round the face ``box`` (x0, y0, x1, y1), clipped to it.

    skin: (n, 2) pixels on the uncovered face; grain is read round them, where the eye compares.
    """
    x0, y0, x1, y1 = box
    crop = image[y0:y1, x0:x1]
    # a window of 320 px says as much as a larger one, and bounds the cost on large pictures
    ch, cw = crop.shape[:2]
    top, left = max(0, (ch - 320) // 2), max(0, (cw - 320) // 2)
    window = crop[top : top + 320, left : left + 320]
    gray = cv2.cvtColor(np.ascontiguousarray(window), cv2.COLOR_BGR2GRAY).astype(np.float32)
    at = np.rint(skin - (x0 + left, y0 + top)).astype(int)
    at = at[((at >= 4) & (at < np.array(gray.shape[::-1]) - 4)).all(1)]
    return Photo(blur=_sharpness(gray), grain=_grain(gray, at), tone=_tone(image, crop))


def _gradient(gray: F32) -> F32:
    gx = gray[1:-1, 2:] - gray[1:-1, :-2]
    gy = gray[2:, 1:-1] - gray[:-2, 1:-1]
    return np.asarray(cv2.magnitude(gx, gy), np.float32)


def _sharpness(gray: F32) -> float:
    """Blur s of the sharper edges: a step blurred again by r loses slope by sqrt(s^2 + r^2) / s."""
    if min(gray.shape) < 16:
        return 0.8
    own = _gradient(gray)
    again = _gradient(np.asarray(cv2.GaussianBlur(gray, (0, 0), _REBLUR), np.float32))
    edge = own >= max(float(np.partition(own.ravel(), -own.size // 33)[-own.size // 33]), 12.0)
    if edge.sum() < 20:
        return 0.8
    loss = float(np.percentile(own[edge] / np.maximum(again[edge], 1e-3), 75))
    return round(float(np.clip(_REBLUR / np.sqrt(max(loss**2 - 1.0, 0.02)), 0.5, 6.0)), 2)


def _grain(gray: F32, at: NDArray[np.intp]) -> float:
    """Noise in levels from the quieter quarter of local residuals at ``at``, so that texture counts little."""
    if min(gray.shape) < 16 or len(at) < 20:
        return 0.0
    residual = np.abs(cv2.filter2D(gray, cv2.CV_32F, _RESIDUAL))
    local = np.asarray(cv2.blur(residual, (7, 7)))
    return round(float(np.percentile(local[at[:, 1], at[:, 0]], 25)), 2)


def _tone(image: NDArray[np.uint8], crop: NDArray[np.uint8]) -> NDArray[np.float64] | None:
    """The chroma that belongs to each luminance, if the whole photograph has only one; else None."""
    parts = [
        cv2.resize(p, (40, 40), interpolation=cv2.INTER_AREA).reshape(-1, 3) for p in (image, crop) if p.size
    ]
    bgr = LINEAR[np.concatenate(parts)].astype(np.float64)
    luminance = bgr @ LUMA_BGR
    # near black and white every photograph is grey; black borders must not vote
    tells = (luminance > 0.02) & (luminance < 0.9)
    if tells.sum() < 100:
        tells = luminance > 0.004
        if tells.sum() < 100:
            return np.zeros((2, 3))
    bgr, luminance = bgr[tells], luminance[tells]
    ratios = np.log2((bgr[:, [2, 0]] + 0.004) / (bgr[:, 1:2] + 0.004))
    powers = np.log2(luminance)[:, None] ** np.arange(3)
    curve = np.linalg.lstsq(powers, ratios, rcond=None)[0].T
    miss = np.abs(ratios - powers @ curve.T)
    if float(np.percentile(miss, 95)) > 0.12:
        return None
    return np.round(curve, 4)
