"""Draws depend on seed, sample and decision, and on nothing else."""

from __future__ import annotations

import math
from collections import Counter

import numpy as np
import pytest

from maskgen.jobs.streams import Streams


def test_a_stream_is_numpys_philox_at_a_hashed_key_and_counter():
    import hashlib

    key = int.from_bytes(hashlib.blake2b(b"maskgen\0" + b"7\0a/b", digest_size=16).digest(), "little")
    counter = int.from_bytes(hashlib.blake2b(b"style", digest_size=32).digest(), "little")
    expected = int(np.random.Philox(key=key, counter=counter).random_raw())
    assert Streams(7, "a/b").bits("style") == expected


def test_draws_never_change_between_versions():
    streams = Streams(0, "AFW/AFW_134212_1_0")
    assert streams.bits("style") == 11071641011630374020
    assert streams.choice("style", {"surgical": 3, "n95": 1, "cloth": 2}) == "cloth"


def test_the_order_of_decisions_changes_nothing():
    one, two = Streams(1, "x"), Streams(1, "x")
    first = [one.uniform(name) for name in "abc"]
    second = [two.uniform(name) for name in "cba"]
    assert first == second[::-1]
    assert one.uniform("a") == first[0]


@pytest.mark.parametrize("other", [(2, "x", "maskgen"), (1, "y", "maskgen"), (1, "x", "rotaug")])
def test_seed_sample_and_program_each_change_the_draw(other):
    assert Streams(1, "x").bits("a") != Streams(*other).bits("a")


def test_choices_follow_their_weights():
    weights = {"a": 5.0, "b": 3.0, "c": 2.0, "never": 0.0}
    n = 20_000
    counts = Counter(Streams(3, f"s{i}").choice("style", weights) for i in range(n))
    for name, weight in weights.items():
        p = weight / 10
        assert abs(counts[name] - n * p) <= 4.5 * math.sqrt(n * p * (1 - p)) + 1e-9


def test_an_added_option_only_takes_samples_and_moves_no_other():
    before = {"a": 1.0, "b": 2.0}
    after = {"new": 1.0, "b": 2.0, "a": 1.0}
    moved = 0
    for i in range(2000):
        streams = Streams(0, str(i))
        old, new = streams.choice("style", before), streams.choice("style", after)
        assert new in (old, "new")
        moved += new == "new"
    assert 400 < moved < 600  # a quarter of the weight


def test_doubling_all_weights_changes_nothing():
    for i in range(200):
        streams = Streams(0, str(i))
        assert streams.choice("s", {"a": 1, "b": 3}) == streams.choice("s", {"b": 6, "a": 2})


def test_no_weight_above_zero_is_refused():
    with pytest.raises(ValueError, match="no option"):
        Streams(0, "x").choice("style", {"a": 0})


def test_uniform_and_normal_have_their_moments():
    uniform = np.array([Streams(0, str(i)).uniform("u", -1.0, 3.0) for i in range(8000)])
    normal = np.array([Streams(0, str(i)).normal("n") for i in range(8000)])
    assert uniform.min() >= -1
    assert uniform.max() < 3
    assert abs(uniform.mean() - 1) < 0.06
    assert abs(uniform.var() - 16 / 12) < 0.06
    assert abs(normal.mean()) < 0.05
    assert abs(normal.std() - 1) < 0.04
    assert abs((normal**4).mean() - 3) < 0.35
