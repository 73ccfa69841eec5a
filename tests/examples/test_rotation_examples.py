"""The rotation examples run as they are printed in the docs."""

from __future__ import annotations


def test_a_dataset_is_rotated_from_python(run_example, fake_dataset, tmp_path):
    done = run_example("rotate_dataset.py", fake_dataset("AFLW2000"), tmp_path / "out")
    assert done.returncode == 0, done.stderr
    assert "6 of 6 pictures" in done.stdout
    assert len(list((tmp_path / "out").glob("*.mat"))) == 6


def test_a_wrong_folder_is_one_line(run_example, tmp_path):
    done = run_example("rotate_dataset.py", tmp_path, tmp_path / "out")
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1


def test_training_time_rotation_runs(run_example):
    done = run_example("training_time_rotation.py")
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("turned by")
