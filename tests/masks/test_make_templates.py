"""All artwork is what the script draws: the same on every run, and what lies in the folder."""

from __future__ import annotations

import hashlib

import cv2
import numpy as np
import pytest

from maskgen.masks.catalogue import Catalogue
from tools import make_templates
from tools.templates import fabrics

CATALOGUE = Catalogue.load()


def test_every_shipped_style_is_drawn_by_the_script() -> None:
    shipped = {f.parent.name for f in make_templates.TEMPLATES.glob("*/mask.toml")}
    assert shipped == set(make_templates.DRAWINGS)


@pytest.mark.parametrize("name", sorted(make_templates.DRAWINGS))
def test_the_maps_of_a_style_are_those_the_script_draws(name: str) -> None:
    assert make_templates.same_maps(name, CATALOGUE)


def test_drawing_a_style_twice_writes_the_same_bytes(tmp_path) -> None:
    digests = []
    for run in ("one", "two"):
        folder = tmp_path / run
        folder.mkdir()
        make_templates.drawn("kn95", CATALOGUE).save(folder)
        digests.append({f.name: hashlib.sha256(f.read_bytes()).hexdigest() for f in folder.iterdir()})
    assert digests[0] == digests[1]
    assert set(digests[0]) == {"albedo.png", "height.png", "paint.png", "print_1.png", "print_2.png"}


def test_a_changed_map_is_noticed(tmp_path) -> None:
    fresh = make_templates.drawn("surgical", CATALOGUE)
    fresh.height[100:140, 200:260] += 0.5
    style = CATALOGUE.style("surgical")
    assert not np.array_equal(fresh.maps()["height"], style.maps["height"])
    (tmp_path / "surgical").mkdir()
    (tmp_path / "surgical" / "mask.toml").write_bytes((style.folder / "mask.toml").read_bytes())
    fresh.save(tmp_path / "surgical")
    assert not make_templates.same_maps("surgical", Catalogue.load([tmp_path]))


@pytest.mark.parametrize("name", sorted(fabrics.FABRICS))
def test_the_tile_of_a_fabric_is_the_one_the_script_draws(name: str) -> None:
    drawn = cv2.imdecode(np.frombuffer(fabrics.png(name), np.uint8), cv2.IMREAD_UNCHANGED)
    kept = cv2.imread(str(make_templates.TEMPLATES / "_textures" / f"{name}.png"), cv2.IMREAD_UNCHANGED)
    assert int(cv2.absdiff(drawn, kept).max()) <= 4
    assert CATALOGUE.fabric(name).size_mm == fabrics.FABRICS[name][1]
