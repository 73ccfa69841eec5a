"""The synthetic example runs as it is printed in the docs."""

from __future__ import annotations

import cv2


def test_heads_are_made_read_and_drawn_from_python(run_example, tmp_path):
    done = run_example("synthetic_dataset.py", tmp_path, 2)
    assert done.returncode == 0, done.stderr
    assert len(list((tmp_path / "AFLW2000").glob("*.mat"))) == 2
    lines = done.stdout.splitlines()
    assert len(lines) == 3
    assert lines[0].startswith("image0")
    picture = cv2.imread(str(tmp_path / "ada.png"))
    assert picture.shape == (600, 600, 3)
    # landmarks are drawn in pure green
    assert (picture == (0, 255, 0)).all(axis=2).sum() > 68
