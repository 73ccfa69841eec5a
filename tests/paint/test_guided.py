"""The guided filter, against its definition at full size."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from maskgen.paint.guided import guided


def picture(seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Two flat colours with noise, a slanted border between them, and which side a pixel lies on."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[0:90, 0:120]
    side = x + 0.3 * y > 70
    colours = np.where(side[..., None], (60, 90, 180), (150, 140, 120)) + rng.normal(0, 3, (90, 120, 3))
    return np.clip(colours, 0, 255).astype(np.uint8), side


def by_definition(guide: np.ndarray, values: np.ndarray, radius: int, ridge: float) -> np.ndarray:
    """He, Sun and Tang (2013), in double precision: an affine fit in every square, and their mean."""
    guide = guide / 255.0

    def mean(a):
        return cv2.blur(a, (2 * radius + 1,) * 2, borderType=cv2.BORDER_REFLECT)

    m, v = mean(guide), mean(values)
    outer = mean((guide[..., :, None] * guide[..., None, :]).reshape(*values.shape, 9)).reshape(
        *values.shape, 3, 3
    )
    covariance = outer - m[..., :, None] * m[..., None, :] + ridge * np.eye(3)
    cross = mean(guide * values[..., None]) - m * v[..., None]
    a = np.linalg.solve(covariance, cross[..., None])[..., 0]
    return (mean(a) * guide).sum(-1) + mean(v - (a * m).sum(-1))


def rough_map(side: np.ndarray) -> np.ndarray:
    """The side moved by three pixels and blurred, as a border found on a small picture is."""
    moved = np.roll(side, 3, axis=1).astype(np.float32)
    return cv2.GaussianBlur(moved, (0, 0), 2.0)


def test_without_thinning_it_is_the_guided_filter():
    guide, side = picture(1)
    rough = rough_map(side)
    np.testing.assert_allclose(
        guided(guide, rough, 2, 4e-4), by_definition(guide, rough.astype(float), 2, 4e-4), atol=2e-3
    )


@pytest.mark.parametrize("radius", [4, 7])
def test_thinned_it_draws_the_border_where_the_picture_has_it(radius):
    guide, side = picture(2)
    rough = rough_map(side)
    out, want = guided(guide, rough, radius, 4e-4), by_definition(guide, rough.astype(float), radius, 4e-4)
    before, after, best = (((m > 0.5) != side)[10:-10, 10:-10].mean() for m in (rough, out, want))
    assert after < 0.4 * before
    assert after < best + 0.005
    assert np.abs(out - want).mean() < 0.02
