"""Progress of a batch on stderr: a live line on a terminal, a plain line now and then elsewhere."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from typing import TextIO

_TERMINAL_PERIOD = 0.2
_PLAIN_PERIOD = 10.0
#: the rate looks back over about this many seconds
_MEMORY = 15.0


class Progress:
    """Counts finished inputs and says how fast it goes and when it ends.

    total: inputs in all. stream: where to write (stderr by default). quiet: write nothing.
    clock: seconds, for tests.
    """

    def __init__(
        self,
        total: int,
        *,
        label: str = "images",
        stream: TextIO | None = None,
        quiet: bool = False,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.total, self.label, self.quiet = total, label, quiet
        self.done = self.failed = 0
        self._stream = stream if stream is not None else sys.stderr
        self._live = bool(getattr(self._stream, "isatty", lambda: False)())
        self._clock = clock
        self._start = self._written = self._mark = clock()
        self._marked = 0
        self._rate: float | None = None

    def update(self, *, failed: bool = False) -> None:
        """One more input is finished."""
        self.done += 1
        self.failed += failed
        now = self._clock()
        if self.done == 1:
            # workers that start, and kernels that compile, say nothing about the pictures to come
            self._mark, self._marked = now, 1
        if now - self._written >= (_TERMINAL_PERIOD if self._live else _PLAIN_PERIOD):
            self._measure(now)
            self._write(now)

    def close(self) -> None:
        """Write the last state, with the rate over all; nothing where nothing was ever shown."""
        now = self._clock()
        if self._live or self._written > self._start:
            self._rate = self.done / max(now - self._start, 1e-9)
            self._write(now, last=True)

    def _measure(self, now: float) -> None:
        span = now - self._mark
        if self.done <= self._marked or span <= 0.0:
            return
        recent = (self.done - self._marked) / span
        keep = max(0.0, 1.0 - span / _MEMORY)
        self._rate = recent if self._rate is None else keep * self._rate + (1.0 - keep) * recent
        self._mark, self._marked = now, self.done

    def _write(self, now: float, *, last: bool = False) -> None:
        self._written = now
        if self.quiet:
            return
        parts = [f"{self.done}/{self.total} {self.label}"]
        if self._rate:
            parts.append(f"{self._rate:.1f}/s")
            if not last:
                parts.append(f"ETA {duration((self.total - self.done) / self._rate)}")
        if last:
            parts.append(f"in {duration(now - self._start)}")
        if self.failed:
            parts.append(f"{self.failed} failed")
        line = ", ".join(parts)
        try:
            if self._live:
                self._stream.write(f"\r\x1b[K{line}" + ("\n" if last else ""))
            else:
                self._stream.write(line + "\n")
            self._stream.flush()
        except (OSError, ValueError):
            # the terminal is gone, the log's disk is full, the reader left: the work goes on
            self.quiet = True


def duration(seconds: float) -> str:
    """42 s, 3:05 min or 2:11:40 h."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    minutes, second = divmod(whole, 60)
    if minutes < 60:
        return f"{minutes}:{second:02d} min"
    return f"{minutes // 60}:{minutes % 60:02d}:{second:02d} h"
