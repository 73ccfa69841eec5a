"""`python -m tools.occluder_net measure`: its labels, its tables, and pictures with known answers."""

from __future__ import annotations

import shutil

import cv2
import numpy as np
import pytest

from maskgen.datasets import get_format
from maskgen.errors import UsageError
from maskgen.synth.layouts.base import Order
from maskgen.synth.run import generate, get_layout
from tools.occluder_net import measure
from tools.occluder_net.__main__ import main
from tools.occluder_net.measure import CLASSES, KEPT, NO_MASK, NOTED, SILENT, read_labels, shares, table


@pytest.fixture(scope="module")
def heads(tmp_path_factory):
    """A drawn AFLW2000 of four heads; a pale cup hides the mouth of the first, a dark one of the second."""
    root = tmp_path_factory.mktemp("measure") / "AFLW2000"
    generate(get_layout("AFLW2000"), Order(root, 4, 5, detail=False), quiet=True)
    fmt = get_format("AFLW2000")
    entries = list(fmt.index(root))
    for entry, colour in zip(entries, ((120, 210, 235), (25, 30, 70)), strict=False):
        image = cv2.imread(str(root / entry.image))
        xy = fmt.read(root, entry).landmarks.xy
        unit, (x, y) = np.linalg.norm(xy[16] - xy[0]) / 100.0, xy[57]
        corners = np.array([(-20, 2), (20, 2), (16, 130), (-16, 130)]) * unit + (x, y)
        cv2.fillPoly(image, [np.round(corners).astype(np.int32)], colour, cv2.LINE_AA)
        cv2.imwrite(str(root / entry.image), image, [cv2.IMWRITE_JPEG_QUALITY, 95])
    return root


def row(printed: str, name: str) -> list[str]:
    return next(line for line in printed.splitlines() if line.startswith(f"| {name} |")).split(" | ")[1:]


def test_every_labelled_picture_has_one_class():
    labels = read_labels()
    assert len(labels) == 906
    assert set(labels.values()) == set(CLASSES)
    assert labels[2] == "hand"  # fists with a chain between the teeth
    assert labels[3505] == "object"  # a flute
    assert labels[39] == "bare"


@pytest.mark.parametrize(
    ("text", "said"),
    [("hand = [1]\nbare = [1]", "picture 1 is both hand and bare"), ("foot = [1]", "'foot' is no")],
)
def test_wrong_labels_are_told(tmp_path, text, said):
    (tmp_path / "labels.toml").write_text(text)
    with pytest.raises(UsageError, match=said):
        read_labels(tmp_path / "labels.toml")


def test_tables_count_every_picture_once():
    labels = {1: "hand", 2: "hand", 3: "hair", 4: "rim", 5: "bare", 6: "bare", 8: "bare", 10: "bare"}
    found = {1: KEPT, 2: NOTED, 3: SILENT, 4: NOTED, 5: SILENT, 6: NOTED, 8: KEPT, 10: SILENT}
    assert shares(found, labels) == {
        "clear cases kept": "33.3 % of 3",
        "clear cases kept or noted": "66.7 % of 3",
        "bare faces with a hole": "25.0 % of 4",
        "bare faces noted": "25.0 % of 4",
        "notes that are right": "66.7 % of 3",
    }
    printed = table(labels, found)
    assert "not painted" not in printed
    assert row(printed, "hand") == ["2", "1", "1", "0 |"]
    assert row(printed, "bare") == ["4", "1", "1", "2 |"]
    assert row(printed, "clear cases kept") == ["33.3 % of 3", "0.0 % of 1", "50.0 % of 2 |"]
    assert row(printed, "bare faces noted") == ["25.0 % of 4", "33.3 % of 3", "0.0 % of 1 |"]
    assert row(table(labels, found | {10: NO_MASK}), "bare") == ["4", "1", "1", "1", "1 |"]


def test_what_comes_of_pictures_is_printed(heads, monkeypatch, capsys):
    numbers = sorted(measure.numbered(heads))
    classes = ("object", "object", "bare", "bare")
    monkeypatch.setattr(
        measure, "read_labels", lambda: dict(zip(numbers, classes, strict=True)) | {99999: "hair"}
    )
    assert main(["measure", "--root", str(heads), "--jobs", "1"]) == 0
    printed = capsys.readouterr().out
    assert row(printed, "object") == ["2", "1", "1", "0 |"]
    assert row(printed, "bare") == ["2", "0", "0", "2 |"]
    assert "1 of the 5 labelled pictures are not in" in printed


def test_pictures_without_a_label_are_left_out(heads, monkeypatch, tmp_path, capsys):
    shutil.copytree(heads, tmp_path / "AFLW2000")
    first = min(measure.numbered(heads))
    monkeypatch.setattr(measure, "read_labels", lambda: {first: "object"})
    assert main(["measure", "--root", str(tmp_path / "AFLW2000"), "--jobs", "1"]) == 0
    assert row(capsys.readouterr().out, "clear cases kept")[0] == "100.0 % of 1"


@pytest.mark.parametrize("what", ["nothing", "others"])
def test_a_folder_without_labelled_pictures_is_told_in_one_line(heads, monkeypatch, tmp_path, capsys, what):
    monkeypatch.setattr(measure, "read_labels", lambda: {99999: "hair"})
    root = tmp_path if what == "nothing" else heads
    assert main(["measure", "--root", str(root)]) == 2
    told = capsys.readouterr().err
    assert str(root) in told
    assert "expected" in told
    assert told.count("\n") == 1
