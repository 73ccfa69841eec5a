"""Programs are killed: what is there afterwards is whole, and --resume ends with the bytes of one go."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from maskgen.io.images import read_image
from maskgen.jobs.output import RECORDS
from tests.fakes.stopped import ROOT, many_pictures, stop_in_the_middle, tree


@pytest.fixture(scope="module")
def root(tmp_path_factory) -> Path:
    return many_pictures(tmp_path_factory.mktemp("fake"), 8)


@pytest.fixture(scope="module")
def in_one_go(root: Path, tmp_path_factory) -> dict[str, str]:
    """Hashes of what a run gives that nobody stopped."""
    out = tmp_path_factory.mktemp("whole") / "out"
    subprocess.run(call(root, out, "--quiet"), cwd=ROOT, check=True)
    return tree(out)


def call(root: Path, out: Path, *options: str) -> list[str]:
    base = [sys.executable, "-m", "maskgen", "apply", "--dataset", "AFLW2000", "--root", str(root)]
    return [*base, "--out", str(out), "--save", "segmentation", *options]


def lines_done(out: Path) -> int:
    return sum(path.read_bytes().count(b"\n") for path in (out / RECORDS).glob("journal/*.jsonl"))


@pytest.mark.skipif(os.name == "nt", reason="signals of POSIX")
@pytest.mark.parametrize(
    ("jobs", "how"), [(2, signal.SIGTERM), (2, signal.SIGHUP), (2, signal.SIGINT), (1, signal.SIGKILL)]
)
def test_a_stopped_run_leaves_whole_files_and_resumes_to_the_same_bytes(root, in_one_go, tmp_path, jobs, how):
    out = tmp_path / "stopped"
    done = stop_in_the_middle(call(root, out, "--jobs", str(jobs)), lambda: lines_done(out) >= 5, how)
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
