"""Programs that are stopped while they work: a dataset that takes them a while, and what they leave."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

from maskgen.io.files import sha256_file
from maskgen.jobs.output import RECORDS
from tests.fakes.fakes import write_fake

ROOT = Path(__file__).parents[2]


def many_pictures(parent: Path, copies: int) -> Path:
    """Root of a fake AFLW2000 with each picture so many times: enough that a signal comes in the middle."""
    few, many = write_fake("AFLW2000", parent / "few"), parent / "many" / "AFLW2000"
    many.mkdir(parents=True)
    for source in sorted(few.iterdir()):
        for copy in range(copies):
            number = int(source.stem.removeprefix("image")) + copy * 5000
            shutil.copyfile(source, many / f"image{number:05d}{source.suffix}")
    return many


def tree(out: Path) -> dict[str, str]:
    """Hashes of the files of an output, by name; run.json, which has times in it, is left out."""
    found = {p.relative_to(out).as_posix(): sha256_file(p) for p in out.rglob("*") if p.is_file()}
    found.pop(f"{RECORDS}/run.json")
    return found


def stop_in_the_middle(
    command: list[str], under_way: Callable[[], bool], how: signal.Signals
) -> subprocess.CompletedProcess[str]:
    """Start a command; when ``under_way``, send its whole process group a signal, as a terminal does."""
    process = subprocess.Popen(
        command,
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        # a shell's background job ignores Ctrl-C, and its children with it
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )
    deadline = time.monotonic() + 120
    while not under_way() and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.002)
    assert process.poll() is None, "the run was over before it could be stopped"
    os.killpg(process.pid, how)
    stdout, stderr = process.communicate(timeout=60)
    return subprocess.CompletedProcess(process.args, process.returncode, stdout, stderr)
