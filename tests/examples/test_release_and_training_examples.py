"""The examples of releasing and of training run as their first lines say."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
#: where each example is run
TESTED = {
    "draw_pose.py": "tests/hpe/test_live.py",
    "mask_dataset.py": "tests/examples/test_mask_examples.py",
    "package_and_rebuild.py": "tests/examples/test_release_and_training_examples.py",
    "rotate_dataset.py": "tests/examples/test_rotation_examples.py",
    "train_and_compare.py": "tests/examples/test_release_and_training_examples.py",
    "synthetic_dataset.py": "tests/examples/test_synthetic_example.py",
    "training_time_masks.py": "tests/examples/test_mask_examples.py",
    "training_time_rotation.py": "tests/examples/test_rotation_examples.py",
}
#: six pictures that the list aflw2000-906 trains on, and four that it tests on
IN_THE_SPLIT = (
    "image00002",
    "image00008",
    "image00026",
    "image00028",
    "image00035",
    "image00039",
    "image00021",
    "image00032",
    "image00042",
    "image00050",
)


def test_every_example_has_a_test_that_runs_it():
    assert {path.name for path in EXAMPLES.glob("*.py")} == set(TESTED)
    for name, place in TESTED.items():
        assert name in (EXAMPLES.parent / place).read_text(encoding="utf-8")


def test_a_release_is_made_and_rebuilt_from_the_originals(run_example, fake_dataset, tmp_path):
    done = run_example("package_and_rebuild.py", fake_dataset("AFLW2000"))
    assert done.returncode == 0, done.stderr
    assert "6 of 6 images are identical to the release" in done.stdout


def test_training_with_masks_is_compared_with_training_without(run_example, fake_dataset, tmp_path):
    pytest.importorskip("torch")
    few, many = fake_dataset("AFLW2000"), tmp_path / "AFLW2000"
    many.mkdir()
    for number, stem in enumerate(IN_THE_SPLIT):
        source = sorted(few.glob("*.jpg"))[number % 5]  # the sixth has a label of several turns
        for path in (source, source.with_suffix(".mat")):
            shutil.copyfile(path, many / f"{stem}{path.suffix}")
    done = run_example("train_and_compare.py", many, "1")
    assert done.returncode == 0, done.stderr[-2000:]
    assert "the gap on 1 seed(s)" in done.stdout
    assert (tmp_path / "train_and_compare" / "AFLW2000_masked").is_dir()


def test_training_without_a_dataset_says_how_it_is_called(run_example):
    done = run_example("train_and_compare.py")
    assert done.returncode == 1
    assert "FOLDER_OF_AFLW2000" in done.stderr
