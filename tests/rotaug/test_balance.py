from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from maskgen.geometry import rotation as rot
from rotaug.balance import balanced_angles, cell_numbers, flattest, turn_about
from rotaug.plan import AngleRange


@given(
    st.lists(st.lists(st.integers(0, 3), min_size=1, max_size=4), min_size=1, max_size=6),
)
@settings(max_examples=150, deadline=None)
def test_no_other_choice_is_flatter(reach):
    width = max(map(len, reach))
    table = np.array([r + [r[0]] * (width - len(r)) for r in reach])
    chosen = flattest(table, 4)[:, 0]
    for row, bin_ in zip(reach, chosen, strict=True):
        assert bin_ in row
    best = min(
        (tuple(sorted(np.bincount(c, minlength=4), reverse=True)) for c in product(*reach)),
        key=lambda loads: sum(v * v for v in loads),
    )
    assert tuple(sorted(np.bincount(chosen, minlength=4), reverse=True)) == best


@given(st.integers(0, 10**6))
@settings(max_examples=30, deadline=None)
def test_several_units_stay_optimal_and_in_different_bins(seed):
    rng = np.random.default_rng(seed)
    reach = [sorted(rng.choice(5, rng.integers(2, 5), replace=False)) for _ in range(5)]
    table = np.array([r + [r[0]] * (4 - len(r)) for r in reach])
    chosen = flattest(table, 5, count=2)
    pairs = [[p for p in product(r, r) if p[0] < p[1]] for r in reach]
    best = min(sum(v * v for v in np.bincount(np.ravel(c), minlength=5)) for c in product(*pairs))
    assert sum(v * v for v in np.bincount(chosen.ravel(), minlength=5)) == best
    assert all(a != b and a in r and b in r for (a, b), r in zip(chosen, reach, strict=True))


def faces(n, seed=0):
    rng = np.random.default_rng(seed)
    labels = np.stack(
        [rng.normal(0, 35, n).clip(-85, 85), rng.normal(0, 15, n), rng.normal(0, 12, n)], axis=1
    )
    return rot.euler_to_matrix(labels), labels, [f"image{i:05d}" for i in range(n)]


def turned_labels(rotations, labels, angles):
    turned = rot.rotate_in_plane(rotations, angles[:, 0])
    return rot.nearest_triple(rot.matrix_to_euler(turned), labels)


def test_the_full_circle_makes_roll_exactly_flat():
    rotations, labels, ids = faces(720)
    span = AngleRange(-180, 180)
    balanced = balanced_angles(rotations, labels, ids, span, by="roll")
    after = turned_labels(rotations, labels, balanced.angles)
    counts = np.bincount(cell_numbers(after, "roll"), minlength=72)
    assert counts.min() == counts.max() == 10
    assert np.array_equal(np.sort(balanced.counts), np.sort(counts))


@pytest.mark.parametrize("by", ["roll", "pose"])
def test_balanced_angles_stay_in_range_and_beat_uniform_ones(by):
    rotations, labels, ids = faces(400)
    span = AngleRange(-45, 45)
    balanced = balanced_angles(rotations, labels, ids, span, by=by, count=2)
    assert balanced.angles.shape == (400, 2)
    assert (balanced.angles >= -45).all()
    assert (balanced.angles < 45).all()
    assert (balanced.angles[:, 0] != balanced.angles[:, 1]).all()
    chosen = np.concatenate([turned_labels(rotations, labels, balanced.angles[:, k : k + 1]) for k in (0, 1)])
    rng = np.random.default_rng(1)
    drawn = turned_labels(
        np.tile(rotations, (2, 1, 1)), np.tile(labels, (2, 1)), rng.uniform(-45, 45, (800, 1))
    )
    squares = [
        (np.unique(cell_numbers(a, by), return_counts=True)[1].astype(float) ** 2).sum()
        for a in (chosen, drawn)
    ]
    assert squares[0] < 0.8 * squares[1]


def test_a_balanced_plan_repeats_and_follows_the_seed():
    rotations, labels, ids = faces(60)
    span = AngleRange(-45, 45)
    a, b, c = (balanced_angles(rotations, labels, ids, span, by="roll", seed=s).angles for s in (3, 3, 4))
    assert np.array_equal(a, b)
    assert not np.array_equal(a, c)


@given(st.floats(-180, 180), st.integers(0, 10**6))
def test_turning_about_the_optical_axis_is_the_in_plane_rule(theta, seed):
    r = rot.euler_to_matrix(np.random.default_rng(seed).uniform(-90, 90, 3))
    turned = turn_about(np.array([[0.0, 0.0, 1.0]]), np.array([[theta]]), r[None])[0, 0]
    np.testing.assert_allclose(turned, rot.rotate_in_plane(r, theta), atol=1e-12)
    axis = np.array([0.6, 0.0, 0.8])
    np.testing.assert_allclose(
        turn_about(axis[None], np.array([[theta]]), r[None])[0, 0],
        rot.rotation_about(axis, -theta) @ r,
        atol=1e-12,
    )
