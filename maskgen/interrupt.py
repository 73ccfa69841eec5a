"""Ctrl-C while a program only starts: one line and code 130, where Python shows an import's traceback.

For command lines; it imports nothing that takes time, so that it can come before all that does.
"""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager

#: exit code of a program that Ctrl-C ended
INTERRUPTED = 130
#: what a terminal that closes sends, where there is such a thing
HANG_UP = (signal.SIGHUP,) if hasattr(signal, "SIGHUP") else ()
#: what reaches every process of a group and only the one that the user started shall answer
REQUESTS_TO_END = (signal.SIGINT, signal.SIGTERM, *HANG_UP)


def ending_like_ctrl_c() -> None:
    """Have a scheduler's polite request, or a terminal that closes, end this program as Ctrl-C does.

    So files are whole and the output can be resumed. What nohup has told it to ignore stays ignored.
    """
    signal.signal(signal.SIGTERM, _stop)
    for hang_up in HANG_UP:
        if signal.getsignal(hang_up) is signal.SIG_DFL:
            signal.signal(hang_up, _stop)


@contextmanager
def leaving_at_once() -> Iterator[None]:
    """End the process on Ctrl-C, without clean-up: only for times when there is nothing to clean up.

    An exception would not do. Libraries written in C print those that reach them and go on, or turn them into
    errors of their own. Whoever handles or ignores the signal already is left alone, and so are threads.
    """
    ours = signal.getsignal(signal.SIGINT) is signal.default_int_handler
    ours = ours and threading.current_thread() is threading.main_thread()
    if ours:
        signal.signal(signal.SIGINT, _leave)
    try:
        yield
    finally:
        if ours:
            signal.signal(signal.SIGINT, signal.default_int_handler)


@contextmanager
def for_the_parent_alone() -> Iterator[None]:
    """Hold back Ctrl-C, requests to end and closing terminals; processes started meanwhile hear of none.

    They reach every process of a group, and only the one that the user started shall answer. What comes
    meanwhile is delivered here afterwards (at once where another thread of this process takes it). Windows
    cannot do this, and there nothing happens.
    """
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    from multiprocessing import resource_tracker

    resource_tracker.ensure_running()  # comes with the first process, and lets through what is held back
    before = signal.pthread_sigmask(signal.SIG_BLOCK, REQUESTS_TO_END)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _stop(*_: object) -> None:
    raise KeyboardInterrupt


def _leave(*_: object) -> None:
    os.write(2, b"Error: interrupted\n")
    os._exit(INTERRUPTED)
