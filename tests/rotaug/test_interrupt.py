"""A run that is asked to end leaves whole files, says how to go on, and ends with the bytes of one go."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.fakes.stopped import ROOT, many_pictures, stop_in_the_middle, tree


@pytest.fixture(scope="module")
def root(tmp_path_factory) -> Path:
    return many_pictures(tmp_path_factory.mktemp("fake"), 60)


@pytest.fixture(scope="module")
def in_one_go(root: Path, tmp_path_factory) -> dict[str, str]:
    """Hashes of what a run gives that nobody stopped."""
    out = tmp_path_factory.mktemp("whole") / "out"
    subprocess.run(call(root, out, "--quiet"), cwd=ROOT, check=True)
    return tree(out)


def call(root: Path, out: Path, *options: str) -> list[str]:
    where = ["--root", str(root), "--out", str(out), "--jobs", "2"]
    return [sys.executable, "-m", "rotaug", "--range", "-45", "45", *where, *options]


@pytest.mark.skipif(os.name == "nt", reason="signals of POSIX")
@pytest.mark.parametrize("how", ["SIGTERM", "SIGHUP", "SIGINT"])
def test_a_run_that_is_asked_to_end_can_go_on(root, in_one_go, tmp_path, how):
    out = tmp_path / "stopped"

    def under_way() -> bool:
        return len(list(out.glob("*.jpg"))) >= 5

    done = stop_in_the_middle(call(root, out), under_way, getattr(signal, how))
    assert done.returncode == 130, done.stderr
    said = "Error: interrupted; the same command with --resume goes on"
    assert done.stderr.strip().splitlines()[-1] == said
    assert "Traceback" not in done.stderr
    assert len(list(out.glob("*.jpg"))) < len(list(root.glob("*.jpg")))
    subprocess.run(call(root, out, "--resume", "--quiet"), cwd=ROOT, check=True)
    assert tree(out) == in_one_go
