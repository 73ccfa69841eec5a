"""The mask examples run as they are printed."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"


def run(name: str, *args: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(EXAMPLES / name), *map(str, args)]
    return subprocess.run(command, capture_output=True, text=True, check=False, cwd=EXAMPLES.parent)


def test_a_dataset_is_masked_from_python(fake_dataset, tmp_path):
    done = run("mask_dataset.py", fake_dataset("AFLW2000"), tmp_path / "out")
    assert done.returncode == 0, done.stderr
    assert "6 of 6 pictures" in done.stdout
    assert len(list((tmp_path / "out").glob("*.jpg"))) == 6


def test_faces_are_masked_in_a_loader(fake_dataset):
    pytest.importorskip("torch")
    done = run("training_time_masks.py", fake_dataset("AFLW2000"))
    assert done.returncode == 0, done.stderr
    first, second = (line.partition("masked ")[2] for line in done.stdout.splitlines())
    assert set(first) == set(second) == set("[01, ]")
    assert first != second


@pytest.mark.parametrize(("name", "more"), [("mask_dataset.py", ["out"]), ("training_time_masks.py", [])])
def test_a_wrong_folder_is_one_line(name, more, tmp_path):
    done = run(name, tmp_path, *(tmp_path / part for part in more))
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
