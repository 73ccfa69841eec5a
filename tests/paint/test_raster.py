"""The z-buffer, against a slow reference and against geometry."""

from __future__ import annotations

import numpy as np
import pytest

from maskgen.paint.dress import smooth_normals
from maskgen.paint.raster import FAR, SS, faces_away, fill_depth, hide, new_buffers, survey


def triangle_strip(seed: int, n: int = 40) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    xyz = rng.uniform(-5, 45, (n, 3)).astype(np.float32)
    return xyz, rng.integers(0, n, (60, 3)).astype(np.int32)


def reference(xyz, triangles, rows, columns):
    """Every sample against every triangle, in double precision; and where that is no matter of rounding."""
    y, x = np.mgrid[0:rows, 0:columns].astype(float)
    depth, ids, sure = (
        np.full((rows, columns), 1e30),
        np.full((rows, columns), -1),
        np.ones((rows, columns), bool),
    )
    for t, (a, b, c) in enumerate(triangles):
        (ax, ay, az), (bx, by, bz), (cx, cy, cz) = xyz[[a, b, c]].astype(float)
        area = (bx - ax) * (cy - ay) - (cx - ax) * (by - ay)
        if abs(area) < 1e-6:
            continue
        wb = ((x - ax) * (cy - ay) - (cx - ax) * (y - ay)) / area
        wc = ((bx - ax) * (y - ay) - (x - ax) * (by - ay)) / area
        margin = np.minimum.reduce([wb, wc, 1 - wb - wc])
        z = az + wb * (bz - az) + wc * (cz - az)
        inside = margin >= 0
        # a sample within 0.01 of an edge, or of another depth, may go either way
        sure &= ~((np.abs(margin) * abs(area) ** 0.5 < 0.02) | (inside & (np.abs(z - depth) < 1e-2)))
        nearer = inside & (z < depth)
        depth[nearer], ids[nearer] = z[nearer], t
    return depth, ids, sure


@pytest.mark.parametrize("seed", range(6))
def test_fill_agrees_with_testing_every_sample_against_every_triangle(seed):
    xyz, triangles = triangle_strip(seed)
    depth, ids = new_buffers(20, 20)
    fill_depth(xyz, triangles, False, depth, ids)
    want_depth, want_ids, sure = reference(xyz, triangles, *ids.shape)
    assert sure.mean() > 0.5
    ids[depth == FAR] = -1
    np.testing.assert_array_equal(ids[sure], want_ids[sure])
    np.testing.assert_allclose(depth[sure & (ids >= 0)], want_depth[sure & (ids >= 0)], atol=0.02)


def test_neighbouring_triangles_leave_no_gap():
    rng = np.random.default_rng(3)
    side = 9
    y, x = np.mgrid[0:side, 0:side] * (38.0 / (side - 1))
    xyz = np.stack([x, y, np.ones_like(x)], -1)
    xyz[1:-1, 1:-1, :2] += rng.uniform(-1.5, 1.5, (side - 2, side - 2, 2))
    at = np.arange(side * side).reshape(side, side)
    a, b, c, d = at[:-1, :-1].ravel(), at[:-1, 1:].ravel(), at[1:, :-1].ravel(), at[1:, 1:].ravel()
    triangles = np.concatenate([np.stack([a, c, b], 1), np.stack([b, c, d], 1)]).astype(np.int32)
    depth, ids = new_buffers(20, 20)
    fill_depth(xyz.reshape(-1, 3).astype(np.float32), triangles, False, depth, ids)
    assert (depth[:39, :39] < FAR).all()


def square(z: float, low: float, high: float) -> np.ndarray:
    return np.array([[low, low, z], [high, low, z], [low, high, z], [high, high, z]], np.float32)


QUAD = np.array([[0, 2, 1], [1, 2, 3]], np.int32)


def surveyed(xyz, head, triangles=QUAD, slack=(0.0, 0.0)):
    """Coverage, triangle seen and whether it shows its back, for the quad before ``head``."""
    depth, ids = new_buffers(10, 10)
    fill_depth(xyz, triangles, False, depth, ids)
    away = np.zeros(2, np.uint8)
    faces_away(xyz, triangles, away)
    coverage, strap = np.zeros((2, 10, 10), np.float32)
    seen, hidden = np.full((10, 10), -1, np.int16), np.zeros((10, 10), np.uint8)
    all_of_it, slack = (0, 0, 10, 10), np.array(slack, np.float32)
    survey(depth, ids, head, away, 99, slack, all_of_it, coverage, strap, seen, hidden)
    hide(coverage, strap, hidden)
    assert strap.max() == 0
    return coverage, seen, away


def test_a_nearer_head_hides_and_one_behind_does_not():
    for z, left in ((3.0, 0.0), (8.0, 1.0)):
        coverage, *_ = surveyed(square(5.0, -1, 30), head=np.full((10, 10), z, np.float32))
        np.testing.assert_allclose(coverage, left, atol=1e-6)


def test_slack_spares_what_faces_the_camera_and_not_its_back():
    head = np.full((10, 10), 3.0, np.float32)
    front, _, away = surveyed(square(5.0, -1, 30), head, slack=(3.0, 0.0))
    assert not away.any()
    assert front.min() == 1.0
    back, _, away = surveyed(square(5.0, -1, 30), head, QUAD[:, ::-1].copy(), slack=(3.0, 0.0))
    assert away.all()
    assert back.max() < 1e-6


def test_the_edge_of_what_hides_is_soft():
    head = np.full((10, 10), FAR, np.float32)
    head[:, :5] = 1.0
    coverage, *_ = surveyed(square(5.0, -1, 30), head)
    np.testing.assert_allclose(coverage[5], [0, 0, 0, 0, 1 / 3, 2 / 3, 1, 1, 1, 1], atol=1e-6)


def test_culling_leaves_out_what_faces_away():
    depth, ids = new_buffers(10, 10)
    fill_depth(square(1.0, -1, 30), QUAD, True, depth, ids)
    front = (depth < FAR).all()
    depth, ids = new_buffers(10, 10)
    fill_depth(square(1.0, -1, 30), QUAD[:, ::-1].copy(), True, depth, ids)
    assert front
    assert (depth == FAR).all()


def test_coverage_counts_subsamples_and_says_what_is_seen():
    # 5 x 5 subsamples: two and a half pixels
    assert SS == 2
    coverage, seen, _ = surveyed(square(1.0, -0.5, 4.5), head=np.full((10, 10), FAR, np.float32))
    np.testing.assert_allclose(coverage[:3, :3], [[1, 1, 0.5], [1, 1, 0.5], [0.5, 0.5, 0.25]])
    assert coverage[3:].max() == 0
    assert (seen[3:] == -1).all()
    assert seen[0, 0] == 0
    assert seen[2, 2] == 1


def test_normals_of_a_sphere_point_outward():
    from maskgen.geometry.head import grid_triangles

    el, az = np.meshgrid(np.linspace(-1.2, 1.2, 30), np.linspace(0, 6.0, 40), indexing="ij")
    p = np.stack([np.cos(el) * np.sin(az), np.sin(el), -np.cos(el) * np.cos(az)], -1).reshape(-1, 3)
    out = np.zeros_like(p, np.float32)
    smooth_normals(p.astype(np.float32), grid_triangles(30, 40), out)
    assert np.abs((out * p).sum(1)).min() > 0.99
