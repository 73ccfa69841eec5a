"""The head proxy: a closed, symmetric surface that runs through the landmarks."""

from __future__ import annotations

import numpy as np

from maskgen.geometry.face import CANONICAL_FACE
from maskgen.geometry.head import CENTRE, directions_of, head_mesh, head_radius, onto_head, skull_mesh


def test_surface_runs_through_the_inner_landmarks():
    d, r = directions_of(CANONICAL_FACE[17:60])
    assert np.abs(head_radius(d) - r).max() < 1.5


def test_surface_is_symmetric():
    d, _ = directions_of(skull_mesh().vertices)
    np.testing.assert_allclose(head_radius(d), head_radius(d * [-1, 1, 1]), atol=1e-6)


def test_head_has_an_adults_size():
    v = skull_mesh().vertices
    assert 140.0 < np.ptp(v[:, 0]) < 165.0
    assert 180.0 < np.ptp(v[:, 2]) < 225.0
    assert -150.0 < v[:, 1].min() < -135.0


def test_skull_normals_point_outward():
    mesh = skull_mesh()
    d, _ = directions_of(mesh.vertices)
    inner = np.abs(d[:, 1]) < 0.99  # the pole's ring is degenerate
    assert ((mesh.normals * d).sum(1)[inner] > 0.0).mean() > 0.995


def test_onto_head_keeps_direction_and_height():
    p = np.array([[30.0, 20.0, 30.0], [0.0, 88.0, 60.0], [-70.0, 0.0, 100.0]])
    out = onto_head(p, 5.0)
    d_in, _ = directions_of(p)
    d_out, r = directions_of(out)
    np.testing.assert_allclose(d_out, d_in, atol=1e-12)
    np.testing.assert_allclose(r - head_radius(d_in), 5.0, atol=1e-9)


def test_head_mesh_is_one_index_space():
    mesh = head_mesh()
    assert mesh.triangles.min() == 0
    assert mesh.triangles.max() == len(mesh.vertices) - 1
    assert np.isfinite(mesh.vertices).all()
    assert CENTRE.shape == (3,)
