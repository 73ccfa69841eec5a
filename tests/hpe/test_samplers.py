"""Batches of their own kind, on a distribution as skewed as the real one."""

from __future__ import annotations

import numpy as np
import pytest

from maskgen.errors import UsageError
from maskgen.geometry.rotation import euler_to_matrix, geodesic_deg
from maskgen.hpe.references import ReferenceSelector
from maskgen.hpe.samplers import close_pairs, grouped_references, level_balanced, rank_levels


def skewed(n: int = 3000, seed: int = 0) -> np.ndarray:
    return np.clip(np.random.default_rng(seed).normal(0, [25, 10, 8], (n, 3)), -98, 98)


def test_rank_levels_are_three_degrees_wide_from_minus_99():
    assert rank_levels([-99.0, -96.01, -96.0, 0.0, 98.9, 99.0, 120.0, -130.0]).tolist() == [
        0,
        0,
        1,
        33,
        65,
        65,
        65,
        0,
    ]


def test_level_balanced_batches_flatten_the_level_distribution():
    euler = skewed()
    levels = rank_levels(euler)
    drawn = np.array([i for s in range(4) for batch in level_balanced(euler, 64, s) for i in batch])
    for angle in range(3):
        rare = np.abs(euler[:, angle]) > np.quantile(np.abs(euler[:, angle]), 0.95)
        assert rare[drawn].mean() > 2.5 * rare.mean()
        present = np.unique(levels[:, angle])
        assert set(present) == set(levels[drawn, angle])


def test_level_balanced_batches_have_their_size_no_doubles_and_follow_the_seed():
    euler = skewed(500)
    first, again, other = (list(level_balanced(euler, 64, s)) for s in (1, 1, 2))
    assert first == again
    assert first != other
    assert len(first) == 500 // 64
    assert all(len(b) == len(set(b)) == 64 for b in first)


def test_level_balanced_copes_with_fewer_images_than_a_batch_and_one_level():
    same = np.zeros((10, 3))
    (batch,) = level_balanced(same, 64, 0)
    assert sorted(batch) == list(range(10))


def test_close_pairs_are_close_and_cover_every_image():
    euler = np.random.default_rng(0).uniform(-95, 95, (401, 3))
    rotation = euler_to_matrix(euler)
    seen: list[int] = []
    for batch in close_pairs(euler, 64, 3):
        assert len(batch) % 2 == 0
        assert len(batch) <= 64
        first, second = batch[::2], batch[1::2]
        assert (geodesic_deg(rotation[first], rotation[second]) < 90).all()
        assert all(a != b for a, b in zip(first, second, strict=True))
        seen += batch
    assert set(seen) == set(range(401))
    assert len(seen) <= 401 + 40


def test_close_pairs_take_the_nearest_where_none_is_close():
    euler = np.array([[0.0, 0.0, 0.0], [95.0, 0.0, 0.0], [-95.0, 0.0, 0.0]])
    pairs = {tuple(sorted(p)) for b in close_pairs(euler, 2, 0) for p in [b]}
    assert all(0 in p for p in pairs)


def test_grouped_references_are_shared_by_neighbours_and_loaded_once():
    euler = skewed(1000)
    selector = ReferenceSelector(euler[:, 0], "gaussian", k=6)
    batch = np.random.default_rng(1).permutation(1000)[:50].tolist()
    pool, index = grouped_references(euler, batch, selector, np.random.default_rng(0), group=10)
    assert index.shape == (50, 6)
    assert len(pool) <= 5 * 6
    assert len({tuple(sorted(row)) for row in index}) == 5
    own, each = grouped_references(euler, batch, selector, np.random.default_rng(0), group=1)
    assert len(own) > len(pool)
    for position, row in zip(batch, each, strict=True):
        assert position not in own[row]


def test_labels_of_another_shape_or_too_few_are_refused():
    with pytest.raises(UsageError, match=r"\(N, 3\)"):
        next(level_balanced(np.zeros((5, 2)), 2, 0))
    with pytest.raises(UsageError, match="2 training images"):
        next(close_pairs(np.zeros((1, 3)), 2, 0))
