"""A run that is asked to end leaves whole files, says how to go on, and ends with the bytes of one go."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from maskgen.io.files import sha256_file
from maskgen.jobs.output import RECORDS
from tests.fakes.fakes import write_fake

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def root(tmp_path_factory) -> Path:
    """Enough pictures that a signal comes in the middle."""
    few = write_fake("AFLW2000", tmp_path_factory.mktemp("few"))
    many = tmp_path_factory.mktemp("many") / "AFLW2000"
    many.mkdir()
    for source in sorted(few.iterdir()):
        for copy in range(60):
            number = int(source.stem.removeprefix("image")) + copy * 5000
            shutil.copyfile(source, many / f"image{number:05d}{source.suffix}")
    return many


def call(root: Path, out: Path, *options: str) -> list[str]:
    where = ["--root", str(root), "--out", str(out), "--jobs", "2"]
    return [sys.executable, "-m", "rotaug", "--range", "-45", "45", *where, *options]


def tree(out: Path) -> dict[str, str]:
    found = {p.relative_to(out).as_posix(): sha256_file(p) for p in out.rglob("*") if p.is_file()}
    found.pop(f"{RECORDS}/run.json")
    return found


@pytest.mark.skipif(os.name == "nt", reason="signals of POSIX")
@pytest.mark.parametrize("how", ["SIGTERM", "SIGHUP", "SIGINT"])
def test_a_run_that_is_asked_to_end_can_go_on(root, tmp_path, how):
    out = tmp_path / "stopped"
    process = subprocess.Popen(
        call(root, out),
        cwd=ROOT,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        # a shell's background job ignores Ctrl-C, and its children with it
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )
    deadline = time.monotonic() + 120
    while len(list(out.glob("*.jpg"))) < 5 and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.002)
    assert process.poll() is None, "the run was over before it could be stopped"
    os.killpg(process.pid, getattr(signal, how))
    _, stderr = process.communicate(timeout=60)
    assert process.returncode == 130, stderr
    said = "Error: interrupted; the same command with --resume goes on"
    assert stderr.strip().splitlines()[-1] == said
    assert "Traceback" not in stderr
    assert len(list(out.glob("*.jpg"))) < len(list(root.glob("*.jpg")))
    subprocess.run(call(root, out, "--resume", "--quiet"), cwd=ROOT, check=True)
    subprocess.run(call(root, tmp_path / "whole", "--quiet"), cwd=ROOT, check=True)
    assert tree(out) == tree(tmp_path / "whole")
