"""Bootstrap intervals: against the normal theory, and with the coverage they promise."""

from __future__ import annotations

import numpy as np
import pytest

from maskgen.hpe.bootstrap import mean_interval, mean_intervals


def test_the_interval_of_many_independent_values_is_the_normal_one() -> None:
    x = np.random.default_rng(0).normal(2.0, 3.0, 900)
    got = mean_interval(x)
    half = 1.96 * x.std(ddof=1) / 30
    assert got.mean == pytest.approx(x.mean())
    assert got.low == pytest.approx(x.mean() - half, abs=0.02)
    assert got.high == pytest.approx(x.mean() + half, abs=0.02)
    assert (got.n, got.groups) == (900, 900)


def test_copies_of_a_person_do_not_make_the_interval_narrower() -> None:
    rng = np.random.default_rng(1)
    people = rng.normal(0.0, 1.0, 40)
    frames = np.repeat(people, 25)
    groups = np.repeat(np.arange(40), 25).astype(str).tolist()
    clustered, naive, alone = mean_interval(frames, groups), mean_interval(frames), mean_interval(people)
    assert clustered.high - clustered.low == pytest.approx(alone.high - alone.low, rel=0.05)
    assert naive.high - naive.low < 0.3 * (clustered.high - clustered.low)
    assert (clustered.n, clustered.groups) == (1000, 40)


def test_nan_leaves_a_value_out_of_its_column_alone() -> None:
    v = np.array([[1.0, np.nan], [3.0, 5.0], [5.0, 7.0]])
    first, second = mean_intervals(v)
    assert (first.mean, first.n) == (3.0, 3)
    assert (second.mean, second.n) == (6.0, 2)


def test_an_empty_column_has_no_interval_and_says_so() -> None:
    empty = mean_intervals(np.array([[1.0, np.nan], [2.0, np.nan]]))[1]
    assert empty.n == 0
    assert np.isnan(empty.mean)
    assert not empty.excludes_zero


def test_networks_that_disagree_widen_the_crossed_interval() -> None:
    rng = np.random.default_rng(2)
    images = rng.normal(0.0, 1.0, 400)
    agreeing = np.stack([images] * 4)
    disagreeing = images + np.array([-1.0, -0.3, 0.3, 1.0])[:, None]
    narrow, wide = mean_interval(agreeing), mean_interval(disagreeing)
    assert narrow.mean == pytest.approx(wide.mean)
    assert wide.high - wide.low > 2 * (narrow.high - narrow.low)


def test_95_percent_intervals_hold_the_truth_about_95_times_in_100() -> None:
    rng = np.random.default_rng(4)
    hits = 0
    for trial in range(300):
        interval = mean_interval(rng.exponential(1.0, 80), resamples=600, seed=trial)
        hits += interval.low <= 1.0 <= interval.high
    assert 0.89 <= hits / 300 <= 0.985


def test_the_same_seed_gives_the_same_interval() -> None:
    x = np.random.default_rng(5).normal(size=50)
    assert mean_interval(x, seed=7) == mean_interval(x, seed=7)
    assert mean_interval(x, seed=7) != mean_interval(x, seed=8)


def test_shapes_that_do_not_fit_are_refused() -> None:
    with pytest.raises(ValueError, match="n > 0"):
        mean_intervals(np.zeros((0, 2)))
    with pytest.raises(ValueError, match="2 group keys for 3"):
        mean_interval([1.0, 2.0, 3.0], ["a", "b"])
