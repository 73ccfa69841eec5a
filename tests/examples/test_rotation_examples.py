"""The rotation examples run as they are printed in the docs."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"


def run(name: str, *args: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(EXAMPLES / name), *map(str, args)]
    return subprocess.run(command, capture_output=True, text=True, check=False, cwd=EXAMPLES.parent)


def test_a_dataset_is_rotated_from_python(fake_dataset, tmp_path):
    done = run("rotate_dataset.py", fake_dataset("AFLW2000"), tmp_path / "out")
    assert done.returncode == 0, done.stderr
    assert "6 of 6 pictures" in done.stdout
    assert len(list((tmp_path / "out").glob("*.mat"))) == 6


def test_a_wrong_folder_is_one_line(tmp_path):
    done = run("rotate_dataset.py", tmp_path, tmp_path / "out")
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1


def test_training_time_rotation_runs():
    done = run("training_time_rotation.py")
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("turned by")
