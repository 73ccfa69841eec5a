"""Worker processes: forked where nothing forbids it, and gone with their parent."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="nothing is forked elsewhere")

WARMED = """
import os, sys, threading, time
from maskgen.jobs.parallel import pin_threads, stream
pin_threads()
class Work:
    warmed_by = None
    def warm(self):
        Work.warmed_by = os.getpid()
    def __call__(self, number):
        time.sleep(0.002)
        return number, os.getpid(), Work.warmed_by
"""


def run(script: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", WARMED + script], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_what_was_loaded_before_is_there_in_every_worker():
    print_all = "found = list(stream(Work(), range(200), jobs=2, total=200))\n"
    print_all += "print(os.getpid(), [n for n, _, _ in found] == list(range(200)))\n"
    print_all += "print({pid for _, pid, _ in found} , {by for _, _, by in found})"
    first, second = run(print_all).splitlines()
    own, in_order = first.split()
    workers, warmed_by = (set(part.strip("{} ").split(", ")) for part in second.split("} "))
    assert in_order == "True"
    assert len(workers) == 2
    assert own not in workers
    assert warmed_by == {own}


def test_a_process_with_threads_is_not_forked():
    script = "threading.Thread(target=time.sleep, args=(20,), daemon=True).start()\n"
    script += "found = list(stream(Work(), range(40), jobs=2, total=40))\n"
    script += "print({by for _, _, by in found}, Work.warmed_by); sys.stdout.flush(); os._exit(0)"
    assert run(script).strip() == "{None} None"


def test_a_daemon_works_alone():
    script = (
        "import multiprocessing\n"
        "def daemon(queue):\n"
        "    queue.put({pid for _, pid, _ in stream(Work(), range(40), jobs=2, total=40)} == {os.getpid()})\n"
        "queue = multiprocessing.get_context('fork').SimpleQueue()\n"
        "process = multiprocessing.get_context('fork').Process(target=daemon, args=(queue,), daemon=True)\n"
        "process.start()\n"
        "print(queue.get())"
    )
    assert run(script).strip() == "True"


def test_a_worker_that_is_killed_ends_the_batch_in_one_line():
    script = (
        "import signal\n"
        "class Deadly(Work):\n"
        "    def __call__(self, number):\n"
        "        if number == 50: os.kill(os.getpid(), signal.SIGKILL)\n"
        "        return number\n"
        "try:\n"
        "    print(len(list(stream(Deadly(), range(100), jobs=2, total=100))))\n"
        "except Exception as error:\n"
        "    print(type(error).__name__, error)\n"
        "print(sum(stream(Work(), [], jobs=2)), len(list(stream(Work(), range(9), jobs=2))))"
    )
    error, after = run(script).splitlines()
    assert error.startswith("MaskgenError a worker process died")
    assert after == "0 9"


@pytest.mark.parametrize("failing", ["fork", "thread"])
def test_workers_that_cannot_be_started_are_told_in_one_line(failing):
    script = (
        "import concurrent.futures.process as process\n"
        "def no_more(*_): raise BlockingIOError(11, 'Resource temporarily unavailable')\n"
        'def no_thread(*_): raise RuntimeError("can\'t start new thread")\n'
        f"if {failing!r} == 'fork': os.fork = no_more\n"
        "else: process._ExecutorManagerThread.start = no_thread\n"
        "try:\n"
        "    list(stream(Work(), range(100), jobs=2, total=100))\n"
        "except Exception as error:\n"
        "    print(type(error).__name__, error)\n"
        "import multiprocessing; print(multiprocessing.active_children())"
    )
    error, left = run(script).splitlines()
    assert error.startswith("MaskgenError 2 worker processes cannot be started")
    assert "--jobs" in error
    assert left == "[]"


def test_an_error_of_the_work_ends_every_worker():
    script = (
        "import multiprocessing\n"
        "class Failing(Work):\n"
        "    def __call__(self, number):\n"
        "        if number == 50: raise ValueError('fifty')\n"
        "        return number\n"
        "try:\n"
        "    list(stream(Failing(), range(5000), jobs=2, total=5000))\n"
        "except ValueError as error:\n"
        "    print(error, multiprocessing.active_children())"
    )
    assert run(script).strip() == "fifty []"


def test_workers_end_with_a_parent_that_is_killed(tmp_path: Path):
    script = WARMED + (
        "from pathlib import Path\n"
        "class Sleeping(Work):\n"
        "    def __call__(self, number):\n"
        f"        Path({str(tmp_path)!r}, str(os.getpid())).touch()\n"
        "        time.sleep(60)\n"
        "list(stream(Sleeping(), range(40), jobs=2, total=40))"
    )
    parent = subprocess.Popen([sys.executable, "-c", script])
    try:
        workers = _eventually(lambda: list(tmp_path.iterdir()), lambda found: len(found) == 2)
        assert len(workers) == 2
    finally:
        parent.send_signal(signal.SIGKILL)
        parent.wait(10)
    alive = _eventually(lambda: [w for w in workers if _runs(int(w.name))], lambda found: not found)
    assert not alive


def _eventually(look, enough, seconds: float = 30.0):
    end = time.monotonic() + seconds
    while not enough(found := look()) and time.monotonic() < end:
        time.sleep(0.05)
    return found


def _runs(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False


def test_it_is_the_same_process_that_reports(tmp_path: Path):
    # what the parent has buffered is written once, and not again by each worker
    out = tmp_path / "out"
    script = WARMED + (
        "sys.stdout.write('once ')\nprint(len(list(stream(Work(), range(40), jobs=2, total=40))))"
    )
    with out.open("w") as file:
        subprocess.run([sys.executable, "-c", script], stdout=file, timeout=60, check=True)
    assert out.read_text() == "once 40\n"
    assert os.path.getsize(out) == len("once 40\n")
