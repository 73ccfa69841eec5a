"""Programs are killed: what is there afterwards is whole, and --resume ends with the bytes of one go."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from maskgen.io.files import sha256_file
from maskgen.io.images import read_image
from maskgen.jobs.output import RECORDS
from tests.fakes.fakes import write_fake

ROOT = Path(__file__).parents[2]
COPIES = 8


@pytest.fixture(scope="module")
def root(tmp_path_factory) -> Path:
    """Enough pictures that a signal comes in the middle."""
    few = write_fake("AFLW2000", tmp_path_factory.mktemp("few"))
    many = tmp_path_factory.mktemp("many") / "AFLW2000"
    many.mkdir()
    for source in sorted(few.iterdir()):
        for copy in range(COPIES):
            number = int(source.stem.removeprefix("image"))
            shutil.copyfile(source, many / f"image{number + copy * 5000:05d}{source.suffix}")
    return many


@pytest.fixture(scope="module")
def in_one_go(root: Path, tmp_path_factory) -> dict[str, str]:
    """Hashes of what a run gives that nobody stopped."""
    out = tmp_path_factory.mktemp("whole") / "out"
    subprocess.run(call(root, out, "--quiet"), cwd=ROOT, check=True)
    return tree(out)


def call(root: Path, out: Path, *options: str) -> list[str]:
    base = [sys.executable, "-m", "maskgen", "apply", "--dataset", "AFLW2000", "--root", str(root)]
    return [*base, "--out", str(out), "--save", "segmentation", *options]


def tree(out: Path) -> dict[str, str]:
    found = {p.relative_to(out).as_posix(): sha256_file(p) for p in out.rglob("*") if p.is_file()}
    found.pop(f"{RECORDS}/run.json")
    return found


def lines_done(out: Path) -> int:
    return sum(path.read_bytes().count(b"\n") for path in (out / RECORDS).glob("journal/*.jsonl"))


def stop_in_the_middle(
    root: Path, out: Path, jobs: int, how: signal.Signals
) -> subprocess.CompletedProcess[str]:
    """Start a run; when some lines are there, send its whole process group a signal, as a terminal does."""
    process = subprocess.Popen(
        call(root, out, "--jobs", str(jobs)),
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        # a shell's background job ignores Ctrl-C, and its children with it
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )
    deadline = time.monotonic() + 120
    while lines_done(out) < 5 and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.005)
    assert process.poll() is None, "the run was over before it could be stopped"
    os.killpg(process.pid, how)
    stdout, stderr = process.communicate(timeout=60)
    return subprocess.CompletedProcess(process.args, process.returncode, stdout, stderr)


@pytest.mark.skipif(os.name == "nt", reason="signals of POSIX")
@pytest.mark.parametrize(
    ("jobs", "how"), [(2, signal.SIGTERM), (2, signal.SIGHUP), (2, signal.SIGINT), (1, signal.SIGKILL)]
)
def test_a_stopped_run_leaves_whole_files_and_resumes_to_the_same_bytes(root, in_one_go, tmp_path, jobs, how):
    out = tmp_path / "stopped"
    done = stop_in_the_middle(root, out, jobs, how)
    if how != signal.SIGKILL:
        assert done.returncode == 130, done.stderr
        assert done.stderr.strip().splitlines()[-1] == "Error: interrupted"
        assert "Traceback" not in done.stderr
        assert json.loads((out / RECORDS / "run.json").read_text())["status"] == "interrupted"
    pictures = list(out.glob("*.jpg"))
    assert 0 < len(pictures) < len(list(root.glob("*.jpg")))
    for path in pictures:
        read_image(path)
        assert path.with_suffix(".mat").read_bytes() == (root / path.name).with_suffix(".mat").read_bytes()
    resumed = subprocess.run(
        call(root, out, "--jobs", str(3 - jobs), "--resume"), cwd=ROOT, capture_output=True, text=True
    )
    assert resumed.returncode == 0, resumed.stderr
    assert "were already there" in resumed.stdout
    assert tree(out) == in_one_go
