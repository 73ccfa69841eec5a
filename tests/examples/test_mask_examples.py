"""The mask examples run as they are printed."""

from __future__ import annotations

import pytest


def test_a_dataset_is_masked_from_python(run_example, fake_dataset, tmp_path):
    done = run_example("mask_dataset.py", fake_dataset("AFLW2000"), tmp_path / "out")
    assert done.returncode == 0, done.stderr
    assert "6 of 6 pictures" in done.stdout
    assert len(list((tmp_path / "out").glob("*.jpg"))) == 6


def test_faces_are_masked_in_a_loader(run_example, fake_dataset):
    pytest.importorskip("torch")
    done = run_example("training_time_masks.py", fake_dataset("AFLW2000"))
    assert done.returncode == 0, done.stderr
    first, second = (line.partition("masked ")[2] for line in done.stdout.splitlines())
    assert set(first) == set(second) == set("[01, ]")
    assert first != second


@pytest.mark.parametrize(("name", "more"), [("mask_dataset.py", ["out"]), ("training_time_masks.py", [])])
def test_a_wrong_folder_is_one_line(run_example, name, more, tmp_path):
    done = run_example(name, tmp_path, *(tmp_path / part for part in more))
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
