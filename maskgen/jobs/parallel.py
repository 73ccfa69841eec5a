"""Shards over worker processes, results in the order of the inputs, memory that does not grow with them."""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
import tempfile
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import BrokenExecutor, wait
from contextlib import closing
from itertools import islice
from pathlib import Path
from typing import Any, TypeVar

from ..errors import MaskgenError, UsageError
from ..interrupt import REQUESTS_TO_END, for_the_parent_alone
from .pools import THREAD_VARIABLES, Pool, single_threaded, worker_pool

Item = TypeVar("Item")
Result = TypeVar("Result")

#: a task is a few hundred inputs: starting it costs nothing beside them, and losing it on a crash is no loss
LARGEST_SHARD = 256
#: at least so many tasks a worker, so that all finish at about the same time
_SHARDS_PER_WORKER = 32
#: tasks a worker that are under way or wait to be fetched: none starves, and no more is ever held
_AHEAD = 2
#: seconds for every worker to finish its image when the batch ends early; after that it is killed
_GRACE = 5.0


def pin_threads() -> None:
    """Hold the BLAS of this process to one thread; call it before NumPy is imported, from a command line.

    Sums that are split over threads may be rounded otherwise, and the output must not depend on --jobs.
    """
    os.environ.update(dict.fromkeys(THREAD_VARIABLES, "1"))


def resolve_jobs(jobs: int) -> int:
    """Number of workers: as given, or, for 0 and below, the machine's cores less ``-jobs``.

    Counts the cores this process may use, not those the machine has. Raises UsageError for nonsense.
    """
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    if jobs > 16 * cores + 64:
        raise UsageError(f"--jobs {jobs} is far more than this machine's {cores} cores; 0 uses them all")
    return jobs if jobs > 0 else max(1, cores + jobs)


def shard_size(total: int, jobs: int) -> int:
    """Inputs per task: small enough to share the work evenly, never above LARGEST_SHARD."""
    return max(1, min(LARGEST_SHARD, total // (jobs * _SHARDS_PER_WORKER) or 1))


def stream(
    work: Callable[[Item], Result], items: Iterable[Item], *, jobs: int = 1, total: int | None = None
) -> Generator[Result, None, None]:
    """Yield ``work(item)`` for every item, in order.

    work: picklable; what it raises ends the stream. If it has a method ``warm``, that loads what any item
    needs, and is called where workers can be had that have it from the start. items: read as workers need
    them, so it may be endless. jobs: worker processes; 1 works in this process, as does a daemon, which may
    have none. total: number of items where known, to size the tasks. Raises MaskgenError where a worker
    cannot be started or died (killed for memory, most often).
    """
    if jobs <= 1 or multiprocessing.current_process().daemon:  # a daemon may have no children
        with single_threaded():
            for item in items:
                yield work(item)
        return
    size = shard_size(total if total is not None else LARGEST_SHARD * jobs * _SHARDS_PER_WORKER, jobs)
    with (
        _temporary() as folder,
        closing(_parallel(work, _chunks(items, size), jobs, Path(folder, "stop"))) as shards,
    ):
        for results in shards:
            yield from results


def _temporary() -> tempfile.TemporaryDirectory[str]:
    try:
        return tempfile.TemporaryDirectory(prefix="maskgen-")
    except OSError as error:
        raise MaskgenError(
            f"no temporary folder can be made ({_first_line(error)}): set TMPDIR to one with room, or use "
            "--jobs 1"
        ) from error


def _parallel(
    work: Callable[[Any], Any], shards: Iterator[list[Any]], jobs: int, stop: Path
) -> Generator[list[Any], None, None]:
    # joblib.Parallel would read on while the oldest result waits to be fetched; an executor alone does not
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:  # closed by the caller; the executor flushes both
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: SIM115
    pool = worker_pool(work, jobs)
    task = _Shard(work, stop)
    waiting: deque[Any] = deque()
    try:
        for shard in shards:
            with for_the_parent_alone():  # the first tasks start the workers
                waiting.append(_submitted(pool, task, shard, jobs))
            if len(waiting) > _AHEAD * jobs:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    except BrokenExecutor as error:
        raise MaskgenError(
            f"a worker process died ({_first_line(error)}), most often for lack of memory; what is "
            "finished is kept: run the same command with --resume and fewer --jobs"
        ) from error
    except BaseException:
        # Ctrl-C or a full disk: nobody wants the tasks under way, only the images that are being written
        stop.touch()
        for future in waiting:
            future.cancel()
        wait(waiting, timeout=_GRACE)
        pool.kill()
        raise
    pool.release()


def _submitted(pool: Pool, task: _Shard, shard: list[Any], jobs: int) -> Any:
    try:
        return pool.submit(task, shard)
    except BrokenExecutor:  # a RuntimeError, too
        raise
    except (OSError, RuntimeError) as error:
        raise MaskgenError(
            f"{jobs} worker processes cannot be started ({_first_line(error)}): use fewer --jobs, or allow "
            "more processes and memory"
        ) from error


def _first_line(error: BaseException) -> str:
    return str(error).strip().partition("\n")[0][:120].rstrip(".")


def _chunks(items: Iterable[Item], size: int) -> Iterator[list[Item]]:
    rest = iter(items)
    while shard := list(islice(rest, size)):
        yield shard


class _Shard:
    """One task: a list of items in, a list of results out; cut short when the file ``stop`` appears."""

    def __init__(self, work: Callable[[Any], Any], stop: Path) -> None:
        self.work, self.stop = work, stop

    def __call__(self, items: list[Any]) -> list[Any]:
        # where the parent could not see to it when it started this process
        for name in REQUESTS_TO_END:
            signal.signal(name, signal.SIG_IGN)
        results = []
        with single_threaded():
            for item in items:
                if self.stop.exists():
                    break
                results.append(self.work(item))
        return results
