"""The convex hull about an origin, against Qhull and where points lie in planes and on lines."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.spatial import ConvexHull

from maskgen.geometry.hull import hull_radius


def directions(n: int, seed: int = 3) -> np.ndarray:
    d = np.random.default_rng(seed).standard_normal((n, 3))
    return d / np.linalg.norm(d, axis=1, keepdims=True)


@pytest.mark.parametrize("rough", [0.0, 0.05, 0.5])
def test_radius_is_that_of_qhull(rough: float) -> None:
    d = directions(700)
    radius = 3.0 + np.sin(2.0 * d[:, 0]) + rough * np.random.default_rng(5).random(len(d))
    points = d * radius[:, None]
    facets = ConvexHull(points).equations
    along = directions(400, seed=9)
    expected = 1.0 / (along @ (facets[:, :3] / -facets[:, 3:]).T).max(1)
    np.testing.assert_allclose(hull_radius(points, along), expected, rtol=1e-9)


def test_points_in_planes_and_on_lines_are_no_trouble() -> None:
    line = np.linspace(-1.0, 1.0, 7)
    cube = np.stack(np.meshgrid(line, line, line), -1).reshape(-1, 3)
    along = directions(300)
    np.testing.assert_allclose(hull_radius(cube, along), 1.0 / np.abs(along).max(1), rtol=1e-9)


def test_planes_beyond_which_the_origin_lies_are_left_out() -> None:
    line = np.linspace(-1.0, 1.0, 5)
    cube = np.stack(np.meshgrid(line, line, line + 1.001), -1).reshape(-1, 3)
    along = directions(300)
    up = along[along[:, 2] > 0.8]
    np.testing.assert_allclose(
        hull_radius(cube, up), 1.0 / (up / [1.0, 1.0, 2.001]).max(1).clip(np.abs(up[:, :2]).max(1)), rtol=1e-9
    )
