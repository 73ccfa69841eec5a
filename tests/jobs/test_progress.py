"""Progress: rate and remaining time, plain where no terminal reads it."""

from __future__ import annotations

import io

from maskgen.jobs.progress import Progress, duration


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def run(stream: io.StringIO, seconds: list[float], total: int, **options: bool) -> str:
    clock = iter([0.0, *seconds, seconds[-1]])
    progress = Progress(total, stream=stream, clock=lambda: next(clock), **options)
    for _ in seconds:
        progress.update()
    progress.close()
    return stream.getvalue()


def test_a_log_file_gets_plain_lines_now_and_then():
    text = run(io.StringIO(), [float(second) for second in range(1, 31)], 60)
    lines = text.splitlines()
    assert lines[0] == "10/60 images, 1.0/s, ETA 50 s"
    assert lines[-1] == "30/60 images, 1.0/s, in 30 s"
    assert len(lines) == 4
    assert "\r" not in text
    assert "\x1b" not in text


def test_a_slow_start_does_not_count_as_the_rate():
    """Kernels compile for half a minute, then ten pictures a second: nobody waits for hours."""
    text = run(io.StringIO(), [30.0 + 0.1 * number for number in range(300)], 600)
    lines = text.splitlines()
    assert lines[0] == "1/600 images"
    assert lines[1] == "101/600 images, 10.0/s, ETA 50 s"


def test_a_terminal_gets_one_live_line_that_ends():
    text = run(Terminal(), [0.5, 1.0, 1.5], 6)
    assert text.count("\n") == 1
    assert text.endswith("\n")
    assert "ETA" in text


def test_a_quick_batch_in_a_log_says_nothing():
    assert run(io.StringIO(), [0.1, 0.2], 2) == ""


class Gone(io.StringIO):
    def write(self, text: str) -> int:
        raise BrokenPipeError(32, "Broken pipe")


def test_work_goes_on_where_nobody_reads_its_progress():
    assert run(Gone(), [20.0, 40.0], 2) == ""
    clock, closed = iter([0.0, 20.0, 21.0]), io.StringIO()
    progress = Progress(2, stream=closed, clock=lambda: next(clock))
    closed.close()
    progress.update()
    progress.close()
    assert progress.quiet


def test_quiet_is_quiet():
    assert run(Terminal(), [20.0, 40.0], 2, quiet=True) == ""


def test_failures_are_counted_in_the_line():
    clock = iter([0.0, 11.0, 12.0])
    stream = io.StringIO()
    progress = Progress(2, stream=stream, clock=lambda: next(clock))
    progress.update(failed=True)
    progress.close()
    assert "1 failed" in stream.getvalue()


def test_durations_read_like_a_clock():
    assert [duration(s) for s in (3, 59.6, 185, 7900)] == ["3 s", "1:00 min", "3:05 min", "2:11:40 h"]
