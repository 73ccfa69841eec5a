"""Maps and tiles as the shading loop gets them."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import cv2
import numpy as np
import pytest

from maskgen.masks.catalogue import Catalogue
from maskgen.paint.drawn import drawn
from maskgen.paint.fabric import (
    creases,
    grain_tile,
    pick_level,
    prepared,
    prepared_tile,
    print_of,
    unpacked,
    wandered,
)
from maskgen.paint.tone import LINEAR

CATALOGUE = Catalogue.load()


@pytest.mark.parametrize("name", CATALOGUE.names())
def test_maps_of_a_style_are_of_one_size_and_kind(name: str) -> None:
    maps = CATALOGUE.style(name).maps
    assert {"height"} <= set(maps)
    assert len({m.shape[:2] for m in maps.values()}) == 1
    assert maps["height"].dtype == np.uint16
    assert all(m.dtype == np.uint8 for k, m in maps.items() if k != "height")


@pytest.mark.parametrize("name", CATALOGUE.names())
def test_relief_stays_as_gentle_as_cloth(name: str) -> None:
    level = unpacked(prepared(CATALOGUE.style(name), (230.0, 130.0))[0])
    slope = np.hypot(level.relief[..., 0], level.relief[..., 1])
    assert 0.003 < np.median(slope) < 0.6
    assert np.percentile(slope, 99) < 4.0
    cavity = level.relief[..., 2]
    assert -0.801 <= cavity.min() < cavity.max() <= 0.351


def test_each_level_is_half_the_one_before_and_keeps_the_mean() -> None:
    levels = [unpacked(texels) for texels in prepared(CATALOGUE.style("n95"), (240.0, 136.0))]
    for big, small in pairwise(levels):
        assert small.alpha.shape == (big.alpha.shape[0] // 2, big.alpha.shape[1] // 2)
        assert small.albedo.mean() == pytest.approx(big.albedo.mean(), rel=0.01)


def test_a_ramp_of_height_has_the_slope_it_is_built_with(tmp_path: Path) -> None:
    folder = tmp_path / "ramp"
    folder.mkdir()
    (folder / "mask.toml").write_text(
        'title = "r"\nkind = "other"\n[outline]\ntop = [[0,-22,10],[34,-15,34],[67,-7,80]]\n'
        "bottom = [[0,88,60],[28,80,62],[62,45,98]]\n[drape]\n[material]\nrelief = 2.0\n"
        'colors = ["#ffffff"]\n'
    )
    ramp = np.tile(np.linspace(0, 65535, 129), (64, 1)).round().astype(np.uint16)
    cv2.imwrite(str(folder / "height.png"), ramp)
    level = unpacked(prepared(Catalogue.load([tmp_path]).style("ramp"), (129.0, 64.0))[0])
    # 2 mm over 128 texels of 1 mm
    assert np.allclose(level.relief[:, 4:-4, 0], 2.0 / 128.0, atol=2e-4)
    assert np.allclose(level.relief[..., 1], 0.0, atol=1e-4)


@pytest.mark.parametrize("name", sorted(CATALOGUE.fabrics))
def test_a_tile_repeats_without_a_seam(name: str) -> None:
    """Across the seam neighbours differ no more than neighbours inside do."""
    tile = CATALOGUE.fabric(name).tile.astype(float)
    tile[..., :3] *= tile[..., 3:] / 255.0
    for axis in (0, 1):
        # two pixels apart: an edge that falls on a pixel's border is then as steep as one inside a pixel
        inner = np.abs(tile.take(range(2, 256), axis) - tile.take(range(254), axis)).mean(axis=(1 - axis, 2))
        seam = np.abs(tile.take(1, axis) - tile.take(-1, axis)).mean()
        assert seam <= 1.15 * inner.max() + 1.0


@pytest.mark.parametrize("name", sorted(CATALOGUE.fabrics))
def test_no_fabric_is_blank_too_small_or_too_coarse(name: str) -> None:
    fabric = CATALOGUE.fabric(name)
    assert 10.0 <= fabric.size_mm <= 130.0
    assert fabric.tile.shape == (256, 256, 4)
    assert fabric.tile.astype(float).std(axis=(0, 1)).max() > 3.0


def test_levels_of_a_tile_are_linear_light_times_opacity() -> None:
    fabric = CATALOGUE.fabric("dots")
    levels = prepared_tile(fabric)
    opacity = fabric.tile[..., 3:].astype(np.float32) / 255.0
    assert np.allclose(levels[0][..., :3], LINEAR[fabric.tile[..., :3]] * opacity, atol=1e-6)
    for level in levels[1:]:
        assert np.allclose(level.mean((0, 1)), levels[0].mean((0, 1)), atol=1e-3)


def test_the_level_follows_the_size_of_the_face() -> None:
    picked = [pick_level(6, texels_per_mm=2.0, pixels_per_mm=s) for s in (4.0, 2.0, 1.0, 0.5, 0.01, 0.0)]
    assert picked == [0, 0, 1, 2, 5, 5]


def test_folds_lie_elsewhere_on_the_next_mask_but_hems_do_not() -> None:
    spec, stiff = CATALOGUE.spec("surgical"), CATALOGUE.spec("n95")
    draws = (0, 90, 10, 200, 255), (9, 9, 9, 9, 9)
    one, other = (wandered(spec, drawn, 33, 45).reshape(33, 45) for drawn in draws)
    assert np.abs(one - other).max() > 0.5 * spec.material.wander
    assert np.abs(one).max() < 3.0 * spec.material.wander
    assert (one[[0, 1, -2, -1]] == 0).all()
    assert np.abs(np.diff(one, axis=0)).max() < 1 / 33, "the cloth folds back"
    assert (wandered(stiff, draws[0], 33, 45) == 0).all()


def test_creases_and_grain_are_seamless_and_of_unit_spread() -> None:
    for tile in (creases(), grain_tile()[..., None]):
        assert tile.std() == pytest.approx(1.0, abs=0.02)
        assert np.abs(tile.mean((0, 1))).max() < 0.02
        inner = np.abs(np.diff(tile, axis=0)).mean()
        assert np.abs(tile[0] - tile[-1]).mean() < 1.6 * inner
    assert creases() is creases()


def test_a_share_of_masks_is_unprinted_and_prints_take_equal_turns():
    style = CATALOGUE.style("n95")
    worn = [print_of(style, stamp) for stamp in range(256)]
    assert worn.count(None) / 256 == pytest.approx(style.spec.material.unprinted, abs=0.01)
    names = [name for name in style.maps if name.startswith("print_")]
    assert len(names) == 3
    for name in names:
        assert worn.count(name) == pytest.approx((256 - worn.count(None)) / 3, abs=1.1)
    assert {print_of(CATALOGUE.style("surgical"), stamp) for stamp in (0, 128, 255)} == {None}


def test_a_style_of_which_every_mask_is_unprinted_wears_no_print():
    style = CATALOGUE.style("n95")
    plain = replace(style, spec=replace(style.spec, material=replace(style.spec.material, unprinted=1.0)))
    assert {print_of(plain, stamp) for stamp in range(256)} == {None}


def test_a_print_lies_under_what_is_fixed_and_leaves_the_cloth_alone():
    style, size = CATALOGUE.style("n95"), (240.0, 136.0)
    bare, printed = prepared(style, size), prepared(style, size, "print_2")
    assert len(bare) == len(printed)
    for one, other in zip(bare, printed, strict=True):
        assert one.cloth is other.cloth
    before, after = unpacked(bare[0]).print, unpacked(printed[0]).print
    clip = style.maps["paint"][..., 3] == 255
    ink = (style.maps["print_2"][..., 3] > 0) & (style.maps["paint"][..., 3] == 0)
    assert clip.any()
    assert ink.sum() > 500
    np.testing.assert_array_equal(before[clip], after[clip])
    assert (after[ink, 3] > before[ink, 3]).mean() > 0.99


def test_the_seed_says_which_print_a_mask_wears():
    shares = [print_of(CATALOGUE.style("n95"), drawn(seed).stamp) for seed in range(400)]
    for name in (None, "print_1", "print_2", "print_3"):
        assert 0.12 < shares.count(name) / 400 < 0.4
