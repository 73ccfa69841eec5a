"""Ctrl-C while programs start: one line, code 130, and no worker that answers for itself."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from maskgen.interrupt import HANG_UP, INTERRUPTED, for_the_parent_alone, leaving_at_once

ROOT = Path(__file__).parents[1]
INTERRUPTS = "import os, signal\nos.kill(os.getpid(), signal.SIGINT)\nsignal.pause()\n"
pytestmark = pytest.mark.skipif(os.name == "nt", reason="signals of POSIX")


def python(*args: str, path: Path = ROOT) -> subprocess.CompletedProcess[str]:
    """A Python that Ctrl-C reaches, with modules from ``path`` first."""
    return subprocess.run(
        [sys.executable, *args],
        env={**os.environ, "PYTHONPATH": f"{path}{os.pathsep}{ROOT}"},
        cwd=path,
        capture_output=True,
        text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )


@pytest.mark.parametrize("module", ["maskgen", "rotaug"])
def test_ctrl_c_while_the_command_line_is_imported_is_one_line_and_130(module, tmp_path):
    # the first thing that both import, and it is interrupted
    (tmp_path / "click.py").write_text(INTERRUPTS)
    done = python("-m", module, "--help", path=tmp_path)
    assert (done.returncode, done.stderr, done.stdout) == (INTERRUPTED, "Error: interrupted\n", "")


def test_ctrl_c_while_a_command_is_imported_is_one_line_and_130(tmp_path):
    (tmp_path / "stop.py").write_text(INTERRUPTS)
    script = (
        "import importlib\n"
        "from maskgen.cli import main\n"
        "real = importlib.import_module\n"
        "importlib.import_module = lambda name: real('stop')\n"
        "main.run(main.command, ['apply'])\n"
    )
    done = python("-c", script, path=tmp_path)
    assert (done.returncode, done.stderr) == (INTERRUPTED, "Error: interrupted\n")


def test_afterwards_ctrl_c_is_an_exception_again():
    script = (
        "import os, signal\n"
        "from maskgen.interrupt import leaving_at_once\n"
        "with leaving_at_once():\n    pass\n"
        "try:\n    os.kill(os.getpid(), signal.SIGINT)\n    signal.pause()\n"
        "except KeyboardInterrupt:\n    print('as ever')\n"
    )
    assert python("-c", script).stdout == "as ever\n"


def test_whoever_handles_or_ignores_ctrl_c_already_is_left_alone():
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with leaving_at_once():
            assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGINT, before)


def test_threads_may_import_commands_too():
    seen: list[object] = []

    def work() -> None:
        with leaving_at_once():
            seen.append(signal.getsignal(signal.SIGINT))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert seen == [signal.getsignal(signal.SIGINT)]


def test_processes_started_for_the_parent_alone_hear_of_no_request_to_end():
    script = "import signal; print(sorted(map(int, signal.pthread_sigmask(signal.SIG_BLOCK, []))))"
    with for_the_parent_alone():
        held_back = python("-c", script).stdout
    assert held_back == f"{sorted(map(int, (signal.SIGINT, signal.SIGTERM, *HANG_UP)))}\n"
    assert python("-c", script).stdout == "[]\n"


def test_what_came_meanwhile_reaches_the_parent_afterwards():
    reached: list[int] = []
    before = signal.signal(signal.SIGINT, lambda number, _: reached.append(number))
    try:
        with for_the_parent_alone():
            # to this thread: the process has others under pytest, which hold nothing back
            signal.pthread_kill(threading.get_ident(), signal.SIGINT)
            assert reached == []
        assert reached == [signal.SIGINT]
    finally:
        signal.signal(signal.SIGINT, before)


def test_workers_are_started_for_the_parent_alone():
    from maskgen.jobs.parallel import stream

    held_back = next(stream(_held_back, [0, 1], jobs=2, total=2))
    assert {signal.SIGINT, signal.SIGTERM} <= held_back


def _held_back(_: int) -> set[int]:
    return signal.pthread_sigmask(signal.SIG_BLOCK, [])
