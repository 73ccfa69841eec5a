"""Worker processes: forked from this one where that is safe, started anew elsewhere.

A new process spends a second on imports, compiled kernels and templates before its first picture; a forked
one has all of it, and shares the memory. But a fork copies only the thread that asks for it, and locks that
other threads held stay locked for ever: it is safe only where there are none.
"""

from __future__ import annotations

import ctypes
import multiprocessing
import os
import signal
import sys
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress
from typing import Any, Protocol

THREAD_VARIABLES = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
#: prctl's option by which Linux signals a process when its parent ends
_PR_SET_PDEATHSIG = 1


class Pool(Protocol):
    """Worker processes."""

    def submit(self, task: Callable[[Any], Any], argument: Any, /) -> Future[Any]:
        """Have ``task(argument)`` done; BrokenProcessPool in its future says that a worker died."""

    def release(self) -> None:
        """Nothing more will be submitted."""

    def kill(self) -> None:
        """End at once, whatever is under way."""


def may_fork() -> bool:
    """Whether workers may be forked: on Linux, while this process has one thread and has not loaded torch."""
    if not sys.platform.startswith("linux") or "torch" in sys.modules:
        return False
    with suppress(OSError):
        return len(os.listdir("/proc/self/task")) == 1
    return False


class _Forked:
    def __init__(self, jobs: int) -> None:
        from concurrent.futures import ProcessPoolExecutor

        self._others = set(multiprocessing.active_children())
        self._pool = ProcessPoolExecutor(
            jobs,
            mp_context=multiprocessing.get_context("fork"),
            initializer=_end_with,
            initargs=(os.getpid(),),
        )

    def submit(self, task: Callable[[Any], Any], argument: Any, /) -> Future[Any]:
        return self._pool.submit(task, argument)

    def release(self) -> None:
        self._pool.shutdown(wait=True)

    def kill(self) -> None:
        ours = set(multiprocessing.active_children()) - self._others
        for process in ours:
            process.kill()
        with suppress(RuntimeError):  # where its own thread could not be started, there is none to wait for
            self._pool.shutdown(wait=True, cancel_futures=True)
        for process in ours:
            process.join()


class _Started:
    def __init__(self, jobs: int) -> None:
        from joblib.externals.loky import get_reusable_executor

        self._pool = get_reusable_executor(max_workers=jobs, env=dict.fromkeys(THREAD_VARIABLES, "1"))

    def submit(self, task: Callable[[Any], Any], argument: Any, /) -> Future[Any]:
        future: Future[Any] = self._pool.submit(task, argument)
        return future

    def release(self) -> None:
        """They wait for more to do, and end after a while without."""

    def kill(self) -> None:
        self._pool.shutdown(wait=True, kill_workers=True)


def worker_pool(work: Callable[[Any], Any], jobs: int) -> Pool:
    """``jobs`` processes: like this one, with ``work`` warmed in it, or new ones (those of the last time)."""
    if may_fork():
        with single_threaded():
            getattr(work, "warm", lambda: None)()
        if may_fork():  # unless what was loaded has threads of its own
            return _Forked(jobs)
    return _Started(jobs)


def _end_with(parent: int) -> None:
    """End this process when its parent does, however that ends: nobody would come for it."""
    libc = ctypes.CDLL(None, use_errno=True)
    libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent:  # it ended before it could be asked for
        os._exit(1)


class single_threaded:
    """Hold OpenCV, and BLAS where threadpoolctl is there to do it, to one thread.

    Sums that are split over threads may be rounded otherwise; so that any number of workers gives the same
    bytes, none of them splits any.
    """

    def __enter__(self) -> None:
        import cv2

        self._threads = cv2.getNumThreads()
        cv2.setNumThreads(1)
        self._limits: Any = None
        try:
            import threadpoolctl
        except ImportError:
            return
        self._limits = threadpoolctl.threadpool_limits(1)

    def __exit__(self, *exc: object) -> None:
        import cv2

        cv2.setNumThreads(self._threads)
        if self._limits is not None:
            self._limits.restore_original_limits()
