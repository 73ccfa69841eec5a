"""Shards over workers: order kept, memory flat, errors and deaths in one line."""

from __future__ import annotations

import itertools
import os
import signal
import subprocess
import sys
import time

import pytest

from maskgen.errors import MaskgenError, UsageError
from maskgen.jobs.parallel import LARGEST_SHARD, resolve_jobs, shard_size, stream


def slow_for_even(number: int) -> tuple[int, int]:
    if number % 2 == 0:
        time.sleep(0.002)
    return number, os.getpid()


def refuse_seven(number: int) -> int:
    if number == 7:
        raise MaskgenError("seven is full")
    return number


def die(number: int) -> int:
    if number == 5:
        os.kill(os.getpid(), signal.SIGKILL)
    return number


def threads(_: int) -> int:
    import cv2

    return cv2.getNumThreads()


@pytest.mark.parametrize("jobs", [1, 2])
def test_results_come_in_the_order_of_the_items(jobs):
    results = list(stream(slow_for_even, range(100), jobs=jobs, total=100))
    assert [number for number, _ in results] == list(range(100))
    workers = {pid for _, pid in results}
    assert (workers == {os.getpid()}) if jobs == 1 else (os.getpid() not in workers)


@pytest.mark.parametrize("jobs", [1, 2])
def test_items_are_read_only_as_they_are_needed(jobs):
    read = 0

    def endless():
        nonlocal read
        for number in itertools.count():
            read += 1
            yield number

    results = stream(refuse_none, endless(), jobs=jobs, total=100)
    first = list(itertools.islice(results, 20))
    results.close()
    assert first == list(range(20))
    assert read <= 20 + shard_size(100, jobs) * jobs * 4
    assert (read == 20) or jobs > 1


def refuse_none(number: int) -> int:
    return number


@pytest.mark.parametrize("jobs", [1, 2])
def test_an_error_that_ends_the_batch_arrives_as_it_was_raised(jobs):
    with pytest.raises(MaskgenError, match="seven is full"):
        list(stream(refuse_seven, range(50), jobs=jobs, total=50))
    assert list(stream(refuse_none, range(4), jobs=jobs)) == [0, 1, 2, 3]


def test_a_killed_worker_is_one_clear_line():
    with pytest.raises(MaskgenError, match=r"worker process died .*--resume") as caught:
        list(stream(die, range(40), jobs=2, total=40))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("jobs", [1, 2])
def test_every_worker_computes_with_one_thread(jobs):
    import cv2

    before = cv2.getNumThreads()
    assert set(stream(threads, range(4), jobs=jobs, total=4)) == {1}
    assert cv2.getNumThreads() == before


def test_nothing_in_nothing_out():
    assert list(stream(refuse_none, [], jobs=1)) == []
    assert list(stream(refuse_none, [], jobs=2)) == []


def test_shards_share_small_batches_evenly_and_stay_small_for_large_ones():
    assert shard_size(122_450, 2) == LARGEST_SHARD
    assert shard_size(3, 8) == 1
    for total, jobs in ((100, 2), (906, 4)):
        assert total / shard_size(total, jobs) >= 8 * jobs


@pytest.mark.parametrize("name", ["stdout", "stderr"])
def test_workers_start_where_the_caller_has_closed_an_output(name):
    code = (
        f"import sys; sys.{name} = None\n"
        "from maskgen.jobs.parallel import stream\n"
        "sys.exit(sum(stream(abs, [-1, -2], jobs=2)))"
    )
    assert subprocess.run([sys.executable, "-c", code], timeout=60, check=False).returncode == 3


def test_jobs_count_cores_from_zero_down_and_refuse_nonsense():
    cores = len(os.sched_getaffinity(0))
    assert resolve_jobs(3) == 3
    assert resolve_jobs(0) == cores
    assert resolve_jobs(-1000) == 1
    with pytest.raises(UsageError, match="cores"):
        resolve_jobs(100_000)
