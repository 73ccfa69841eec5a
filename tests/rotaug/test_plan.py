from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from maskgen.errors import UsageError
from rotaug.plan import AngleRange, Angles, angle_tag, checked_angles, parse_angles, uniform_angles


@pytest.mark.parametrize(
    ("low", "high", "word"),
    [
        (45, -45, "reversed"),
        (10, 10, "empty"),
        (float("nan"), 3, "numbers"),
        (-200, 10, "full circle"),
        (0, float("inf"), "numbers"),
    ],
)
def test_a_range_that_cannot_be_is_refused_with_its_reason(low, high, word):
    with pytest.raises(UsageError, match=word):
        AngleRange(low, high)


def test_a_seed_below_nothing_is_refused():
    with pytest.raises(UsageError, match="seed"):
        Angles(AngleRange(-1, 1), seed=-1)


@pytest.mark.parametrize("text", ["", ",", "a,b", "10,10", "180,-180", "400", "nan"])
def test_a_list_of_angles_that_cannot_be_is_refused(text):
    with pytest.raises(UsageError):
        parse_angles(text)


def test_a_list_of_angles_keeps_its_order():
    assert parse_angles("-30, -15,15,30") == (-30.0, -15.0, 15.0, 30.0)


def test_angles_depend_on_seed_and_id_alone():
    span = AngleRange(-45, 45)
    a = uniform_angles(span, 1, "AFW/AFW_134212_1_0")
    assert np.array_equal(a, uniform_angles(span, 1, "AFW/AFW_134212_1_0"))
    assert not np.array_equal(a, uniform_angles(span, 2, "AFW/AFW_134212_1_0"))
    assert not np.array_equal(a, uniform_angles(span, 1, "AFW/AFW_134212_1_1"))


@pytest.mark.parametrize("count", [1, 4])
def test_each_angle_is_uniform_over_the_whole_range(count):
    from scipy.stats import kstest

    span = AngleRange(-180, 180)
    draws = np.stack([uniform_angles(span, 5, f"image{i:05d}", count) for i in range(2000)])
    for k in range(count):
        assert kstest((draws[:, k] + 180) / 360, "uniform").pvalue > 1e-3


@given(st.integers(2, 9), st.integers(0, 10**6))
def test_several_angles_of_one_picture_lie_in_different_parts_of_the_range(count, seed):
    span = AngleRange(-45, 45)
    angles = np.sort(uniform_angles(span, seed, "x", count))
    parts = np.floor((angles + 45) / (90 / count))
    assert sorted(parts) == list(range(count))


@given(st.lists(st.integers(-17999, 18000), min_size=2, max_size=20, unique=True))
def test_tags_of_different_angles_differ_and_hold_no_dot(hundredths):
    tags = [angle_tag(a) for a in checked_angles([v / 100 for v in hundredths])]
    assert len(set(tags)) == len(tags)
    assert not any("." in t for t in tags)


def test_tags_read_as_angles():
    assert angle_tag(30) == "r+030"
    assert angle_tag(-7.5) == "r-007p5"
