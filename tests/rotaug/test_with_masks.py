"""rotaug over a masked dataset, maskgen over a rotated one: the same labels, one chain of manifests."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from maskgen.apply import apply_recipe
from maskgen.apply_one import Templates
from maskgen.datasets import get_format
from maskgen.io.files import sha256_file
from maskgen.jobs.manifest import read_manifest
from maskgen.recipe import Recipe
from rotaug.plan import AngleRange, Angles
from rotaug.run import rotate_dataset

ANGLES = Angles(AngleRange(-45, 45), seed=2)


def mask(name: str, root: Path, out: Path) -> None:
    recipe = Recipe().updated({"save": "segmentation,alpha,touched"}).resolved(Templates().catalogue())
    assert apply_recipe(get_format(name), root, out, recipe).failed == 0


def rotate(name: str, root: Path, out: Path) -> None:
    assert rotate_dataset(get_format(name), root, out, ANGLES).statuses["failed"] == 0


def labels(folder: Path) -> dict[str, str]:
    found = (p for p in folder.rglob("*") if p.suffix in (".mat", ".txt", ".cal", ".obj"))
    return {str(p.relative_to(folder)): sha256_file(p) for p in found if "_maskgen" not in p.parts}


def run_of(folder: Path) -> dict:
    return json.loads((folder / "_maskgen" / "run.json").read_text())


@pytest.fixture(params=["AFLW2000", "300W-LP", "BIWI"])
def both(request, fake_dataset, tmp_path):
    """(name, masked, masked then rotated, rotated, rotated then masked)."""
    name, root = request.param, fake_dataset(request.param)
    folders = [tmp_path / n for n in ("masked", "masked_rotated", "rotated", "rotated_masked")]
    mask(name, root, folders[0])
    rotate(name, folders[0], folders[1])
    rotate(name, root, folders[2])
    mask(name, folders[2], folders[3])
    return name, *folders


def test_labels_are_identical_either_way_and_the_chain_names_both(both):
    name, masked, masked_rotated, rotated, rotated_masked = both
    assert labels(masked_rotated)
    assert labels(masked_rotated) == labels(rotated) == labels(rotated_masked)
    for folder, parent, tools in (
        (masked_rotated, masked, ("maskgen", "rotaug")),
        (rotated_masked, rotated, ("rotaug", "maskgen")),
    ):
        run = run_of(folder)
        assert (run["chain"][0]["tool"], run["tool"]) == tools
        manifest = folder / "_maskgen" / "chain" / run["chain"][0]["manifest"]
        assert manifest.read_bytes() == (parent / "_maskgen" / "manifest.jsonl").read_bytes()
        assert run["chain"][0]["manifest_sha256"] == sha256_file(manifest)
    # the same angles either way, as ids are the same
    thetas = [[o.draw["theta_deg"] for o in read_manifest(f)] for f in (masked_rotated, rotated)]
    assert thetas[0] == thetas[1]
    assert len(list(get_format(name).index(masked_rotated))) == len(thetas[0])


def test_mask_maps_turn_with_the_picture(both):
    name, masked, masked_rotated, *_ = both
    fmt = get_format(name)
    thetas = {o.id: o.draw["theta_deg"] for o in read_manifest(masked_rotated)}
    for entry in fmt.index(masked):
        relative = Path("_maskgen", "segmentation", entry.image.with_suffix(".png"))
        before, after = (cv2.imread(str(f / relative), -1) for f in (masked, masked_rotated))
        assert after.shape == before.shape
        assert set(np.unique(after)) <= set(np.unique(before))
        sample = fmt.read(masked, entry)
        h, w = before.shape[:2]
        centre = ((w - 1) / 2, (h - 1) / 2)
        if sample.calibration is not None:
            centre = tuple(sample.calibration.intrinsics[:2, 2])
        expected = cv2.warpAffine(
            before, cv2.getRotationMatrix2D(centre, thetas[entry.id], 1.0), (w, h), flags=cv2.INTER_NEAREST
        )
        assert (after != expected).mean() < 0.002
        deep = cv2.imread(str(masked_rotated / "_maskgen" / "alpha" / entry.image.with_suffix(".png")), -1)
        assert deep.dtype == np.uint16
