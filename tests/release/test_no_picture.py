"""No picture leaves in a recipe release: not as a file, not as a run of bytes, not through its layers."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import cv2
import numpy as np

from maskgen.datasets import get_format
from maskgen.jobs.output import RECORDS
from maskgen.release.package import PackageOptions, package
from tests.release.helpers import mask


def test_a_recipe_release_holds_no_original_pixel(every, tmp_path):
    """No file of it decodes to a picture but the layers; these are functions of the mask alone; and no run of
    32 bytes of any original or masked picture stands anywhere in it."""
    _, root, masked, _ = every
    out = tmp_path / "release"
    package(masked, out, PackageOptions(layers=("alpha", "segmentation")))
    files = {p.relative_to(out).as_posix(): p.read_bytes() for p in out.rglob("*") if p.is_file()}
    pictures = {n for n, d in files.items() if d and cv2.imdecode(np.frombuffer(d, np.uint8), -1) is not None}
    assert pictures
    assert all(name.startswith(("alpha/", "segmentation/")) for name in pictures)
    for name in pictures:
        plane = cv2.imdecode(np.frombuffer(files[name], np.uint8), -1)
        assert plane.ndim == 2
        if name.startswith("segmentation/"):
            assert set(np.unique(plane)) <= {0, 1, 2}
            alpha = cv2.imdecode(np.frombuffer(files[name.replace("segmentation", "alpha", 1)], np.uint8), -1)
            # away from its soft rim a mask is there or not: a photo's light and texture would show here
            inner = cv2.erode((plane > 0).astype(np.uint8), np.ones((9, 9))) > 0
            outer = cv2.dilate((plane > 0).astype(np.uint8), np.ones((9, 9))) == 0
            assert (alpha[outer] > 0).mean() < 0.01, "straps thinner than a pixel, and nothing else"
            assert np.median(alpha[inner]) == 65535 if inner.any() else True
    haystack = {d[i : i + 32] for d in files.values() for i in range(len(d) - 31)}
    for folder in (root, masked):
        for entry in get_format(every[0]).index(folder):
            data = (folder / entry.image).read_bytes()
            # a long step finds any copied run of 64 bytes; headers and flat areas are no photo
            pieces = {data[i : i + 32] for i in range(1000, len(data) - 32, 32)}
            assert not {p for p in pieces if len(set(p)) > 12} & haystack


def test_the_pixel_test_would_find_a_copied_picture(every):
    _, root, _, _ = every
    entry = next(iter(get_format(every[0]).index(root)))
    data = (root / entry.image).read_bytes()
    haystack = {(b"x" * 7 + data)[i : i + 32] for i in range(len(data) - 24)}
    assert {
        p for p in (data[i : i + 32] for i in range(1000, len(data) - 32, 32)) if len(set(p)) > 12
    } & haystack


def things_in_front(masked: Path) -> set[str]:
    """Names of the pictures in which something is kept in front of the mask."""
    lines = (masked / RECORDS / "manifest.jsonl").read_text().splitlines()
    found = [
        line for line in map(json.loads, lines) if line.get("numbers", {}).get("occluded_share", 0.0) > 0.0
    ]
    return {Path(line["id"]).name for line in found}


def test_the_alpha_layer_is_the_same_over_another_photo(made_of, tmp_path):
    """Over the negative of every photo, with the same labels, alpha differs only at its rim and its straps:
    what lies under the mask and around it cannot be read from it. What is kept in front shows its outline."""
    root = Path(shutil.copytree(made_of("AFLW2000")[0], tmp_path / "negative"))
    for path in root.glob("*.jpg"):
        cv2.imwrite(str(path), 255 - cv2.imread(str(path)))
    mask("AFLW2000", root, tmp_path / "masked", save="alpha,segmentation", share=0.9)
    seen = 0
    before = things_in_front(made_of("AFLW2000")[1]) | things_in_front(tmp_path / "masked")
    for path in sorted((made_of("AFLW2000")[1] / RECORDS / "alpha").glob("*.png")):
        if path.stem in before:
            continue
        folder = path.parents[1]
        one, other = (
            cv2.imread(str(f / "alpha" / path.name), -1) for f in (folder, tmp_path / "masked" / RECORDS)
        )
        parts = [
            cv2.imread(str(f / "segmentation" / path.name), -1)
            for f in (folder, tmp_path / "masked" / RECORDS)
        ]
        body = (parts[0] == 1).astype(np.uint8)
        rim = cv2.dilate(body, np.ones((9, 9))) - cv2.erode(body, np.ones((9, 9))) > 0
        # wide enough for where they sink into hair: there they are too faint to be labelled
        straps = cv2.dilate(((parts[0] == 2) | (parts[1] == 2)).astype(np.uint8), np.ones((25, 25))) > 0
        apart = np.abs(one.astype(np.int64) - other) > 65535 // 255
        assert not (apart & ~rim & ~straps).any(), path.name
        seen += int((body > 0).any())
    assert seen > 2
