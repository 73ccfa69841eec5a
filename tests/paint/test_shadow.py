"""The shadow beside a mask: as deep as photographed ones, below more than above, whatever the blur."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from maskgen.paint.raster import FAR
from maskgen.paint.shadow import _strip, cast_shadow

SIZE = 220
FACE = np.array([[20.0, 20.0], [200.0, 20.0], [200.0, 200.0], [20.0, 200.0]])


def every_pixel(shadow: np.ndarray, step: int) -> np.ndarray:
    """The map of every step-th pixel, interpolated as it is laid."""
    y, x = np.mgrid[0:SIZE, 0:SIZE].astype(np.float32) / step
    return cv2.remap(shadow, x, y, cv2.INTER_LINEAR)


def lost_light(level: int, mask_light: float, blur: float, light_xy=(0.0, 0.0)):
    """(share of light lost by each pixel, levels after, coverage) round a square mask on even skin."""
    image = np.full((SIZE, SIZE, 3), level, np.uint8)
    coverage = np.zeros((SIZE, SIZE), np.float32)
    coverage[80:140, 70:150] = 1.0
    depth = np.zeros((SIZE, SIZE), np.float32)
    assert depth.max() < FAR
    layer = coverage[..., None] * np.float32([mask_light] * 3 + [1.0])
    if blur:
        layer = cv2.GaussianBlur(layer, (0, 0), blur)
    shadow, step = cast_shadow(image, coverage, depth, light_xy, 1.5, layer, FACE)
    lost = every_pixel(shadow, step)
    linear = (level / 255.0) ** 2.2 * (1.0 - lost) * (1.0 - layer[..., 3]) + layer[..., 1]
    return lost, 255.0 * linear ** (1.0 / 2.2), coverage


def strip(coverage, low=2.0, high=5.0):
    away = cv2.distanceTransform((coverage == 0).astype(np.uint8), cv2.DIST_L2, 5)
    return (away > low) & (away <= high)


@pytest.mark.parametrize("level", [60, 120, 200])
@pytest.mark.parametrize(("mask_light", "blur"), [(0.7, 0.0), (0.02, 0.0), (0.6, 1.5)])
def test_skin_beside_the_mask_gets_some_levels_darker(level: int, mask_light: float, blur: float) -> None:
    _, after, coverage = lost_light(level, mask_light, blur)
    darker = level - after[strip(coverage)].mean()
    assert 0.5 < darker < 10.0


def test_it_fades_and_reaches_nothing_far_away() -> None:
    lost, _, coverage = lost_light(150, 0.5, 0.0)
    near, further = lost[strip(coverage)].mean(), lost[strip(coverage, 12.0, 15.0)].mean()
    assert near > 2.0 * further
    assert lost[strip(coverage, 50.0, 60.0)].max() < 0.003


def test_it_lies_below_and_on_the_side_away_from_the_light() -> None:
    lost, _, _ = lost_light(150, 0.5, 0.0, light_xy=(-1.0, -0.6))
    above, below = lost[70:78, 80:140].mean(), lost[142:150, 80:140].mean()
    lit, shaded = lost[90:130, 60:68].mean(), lost[90:130, 152:160].mean()
    assert below > 1.5 * above
    assert shaded > 1.5 * lit


def test_only_skin_takes_it() -> None:
    image = np.full((SIZE, SIZE, 3), 150, np.uint8)
    coverage = np.zeros((SIZE, SIZE), np.float32)
    coverage[80:140, 70:150] = 1.0
    depth = np.full((SIZE, SIZE), FAR, np.float32)
    layer = coverage[..., None] * np.float32([0.5, 0.5, 0.5, 1.0])
    shadow, step = cast_shadow(image, coverage, depth, (0.0, 0.0), 1.5, layer, FACE)
    lost = every_pixel(shadow, step)
    assert lost[strip(coverage, 3.0, 9.0)].max() < 0.01


def test_strip_is_what_dilations_leave():
    rng = np.random.default_rng(4)
    mask = (rng.random((40, 33)) < 0.02).astype(np.float32)
    face = (rng.random(mask.shape) < 0.7).astype(np.uint8)
    for near, far in ((1, 2), (2, 5)):
        inner, outer = (
            cv2.dilate(mask.astype(np.uint8), np.ones((2 * r + 1, 2 * r + 1), np.uint8)) for r in (near, far)
        )
        np.testing.assert_array_equal(_strip(mask, near, far, face), np.flatnonzero(face * (outer - inner)))
