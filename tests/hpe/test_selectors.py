"""Reference selectors: the corrected worked example, shares, empty bins, and what each method prefers."""

from __future__ import annotations

import numpy as np
import pytest

from maskgen.errors import UsageError
from maskgen.hpe.references import METHODS, ReferenceSelector, allot, bin_weights, in_batch_weights

DISTANCES = np.array([40.0, 20.0, 0.0, 20.0, 40.0])


def pool(n: int = 2000, spread: float = 95.0, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).uniform(-spread, spread, n)


def test_worked_example_with_its_corrections():
    weights = bin_weights("gaussian", DISTANCES, 30.0)
    np.testing.assert_allclose(weights, [0.411, 0.801, 1.0, 0.801, 0.411], atol=5e-4)
    shares = weights / weights.sum() * 10
    np.testing.assert_allclose(shares, [1.2, 2.34, 2.92, 2.34, 1.2], atol=5e-3)
    # rounding, as printed, loses one reference
    assert np.round(shares).sum() == 9
    counts = allot(weights, 10, DISTANCES)
    assert counts.sum() == 10
    assert counts.tolist() == [1, 3, 3, 2, 1]


def test_reverse_weights_have_the_factor_two_that_the_printed_table_lacks():
    weights = bin_weights("reverse_gaussian", DISTANCES, 30.0)
    weights = weights / weights[2]
    np.testing.assert_allclose(weights, [2.432, 1.249, 1.0, 1.249, 2.432], atol=5e-4)
    printed = np.exp(DISTANCES**2 / 30.0**2)
    np.testing.assert_allclose(printed[:3], [5.92, 1.56, 1.0], atol=5e-3)
    assert printed.sum() == pytest.approx(15.95, abs=0.05)
    assert allot(weights, 10, DISTANCES).tolist() == [3, 2, 1, 1, 3]


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("yaw", [0.0, -63.2, 88.0, -99.0])
def test_every_method_gives_k_different_images_and_never_the_input(method, yaw):
    yaws = np.append(pool(), yaw)
    selector = ReferenceSelector(yaws, method, k=10)
    for seed in range(20):
        chosen = selector.select(yaw, np.random.default_rng(seed), exclude=len(yaws) - 1).indices
        assert chosen.shape == (10,)
        assert len(set(chosen.tolist())) == 10
        assert len(yaws) - 1 not in chosen


def mean_gap(method: str, **options) -> float:
    selector = ReferenceSelector(pool(), method, k=10, **options)
    gaps = []
    for seed, yaw in enumerate(np.linspace(-90, 90, 60)):
        chosen = selector.select(yaw, np.random.default_rng(seed)).indices
        gaps.append(np.abs(selector.yaws[chosen] - yaw).mean())
    return float(np.mean(gaps))


def test_methods_differ_in_how_far_their_references_are():
    gap = {m: mean_gap(m) for m in METHODS}
    assert gap["bins"] < gap["gaussian"] < gap["random"] < gap["reverse_gaussian"]
    assert mean_gap("gaussian", sigma=15.0) < mean_gap("gaussian", sigma=45.0)
    assert mean_gap("bins", width=10.0) < mean_gap("bins", width=60.0)


def test_empty_bins_are_left_out_or_refilled_and_said():
    yaws = pool()
    without = ReferenceSelector(yaws, "reverse_gaussian", sigma=30.0)
    literal = ReferenceSelector(yaws, "reverse_gaussian", sigma=30.0, keep_empty=True)
    assert without.empty_bins == literal.empty_bins == 8
    assert "8 of 18 bins are empty and left out" in without.describe()
    assert "8 of 18 bins are empty and kept" in literal.describe()
    rng = np.random.default_rng(0)
    assert without.select(10.0, rng).refilled == 0
    collapsed = literal.select(10.0, rng)
    assert collapsed.refilled == 10
    # everything asked for behind the head ends up at the extreme poses
    assert np.abs(yaws[collapsed.indices]).min() > 80
    assert literal.totals == {"drawn": 10, "refilled": 10, "repeated": 0}


def test_ordered_uniform_starts_at_the_left_every_time_and_shuffled_does_not():
    yaws = pool()
    ordered = ReferenceSelector(yaws, "uniform", k=4, keep_empty=True, order="ordered")
    shuffled = ReferenceSelector(yaws, "uniform", k=4)
    left = [yaws[ordered.select(0.0, np.random.default_rng(s)).indices].max() for s in range(10)]
    assert max(left) < -60
    right = [yaws[shuffled.select(0.0, np.random.default_rng(s)).indices].max() for s in range(10)]
    assert max(right) > 40
    one_each = ReferenceSelector(yaws, "uniform", k=10).plan(0.0, np.random.default_rng(0))
    assert one_each.max() == 1


def test_short_bins_spill_to_their_nearest_neighbours():
    yaws = np.array([5.0, 6.0, 25.0, 26.0, 27.0, 85.0])
    selection = ReferenceSelector(yaws, "bins", k=4).select(7.0, np.random.default_rng(0))
    assert set(selection.indices) >= {0, 1}
    assert 5 not in selection.indices
    assert (selection.refilled, selection.repeated) == (2, 0)


def test_a_pool_smaller_than_k_is_repeated_and_said():
    selection = ReferenceSelector(np.array([0.0, 3.0, 50.0]), "gaussian", k=7).select(
        0.0, np.random.default_rng(0)
    )
    assert len(selection.indices) == 7
    assert set(selection.indices) == {0, 1, 2}
    assert selection.repeated == 4


def test_same_seed_same_references():
    selector = ReferenceSelector(pool(), "gaussian")
    a, b = (selector.select(12.0, np.random.default_rng(4)).indices for _ in range(2))
    assert a.tolist() == b.tolist()


def test_plan_counts_always_add_up_to_k():
    rng = np.random.default_rng(0)
    for method in ("bins", "gaussian", "reverse_gaussian", "uniform"):
        for width in (10, 20, 40, 60):
            for k in (1, 7, 10, 33):
                for keep in (False, True):
                    selector = ReferenceSelector(pool(300), method, k=k, width=width, keep_empty=keep)
                    assert selector.plan(float(rng.uniform(-99, 99)), rng).sum() == k


@pytest.mark.parametrize("method", METHODS)
def test_in_batch_weights_are_shares_of_the_other_images(method):
    yaws = pool(40)
    weights = in_batch_weights(yaws, ReferenceSelector(yaws, method))
    np.testing.assert_allclose(weights.sum(1), 1.0)
    assert np.diag(weights).max() == 0.0
    assert weights.min() >= 0.0


def test_in_batch_gaussian_weights_fall_off_with_distance():
    yaws = np.array([0.0, 10.0, 50.0, 90.0])
    row = in_batch_weights(yaws, ReferenceSelector(yaws, "gaussian", sigma=30.0))[0]
    assert row[1] > row[2] > row[3] > 0


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"method": "nearest"}, "choose from random, bins"),
        ({"width": 50.0}, "must divide 360"),
        ({"sigma": 0.0}, "must be positive"),
        ({"k": 0}, "1 or more"),
        ({"order": "backwards"}, "shuffled, ordered"),
        ({"yaws": np.array([np.nan])}, "finite"),
    ],
)
def test_wrong_options_are_refused_in_one_sentence(options, message):
    with pytest.raises(UsageError, match=message) as caught:
        ReferenceSelector(**{"yaws": pool(), **options})
    assert "\n" not in str(caught.value)
