"""Where bands go out of sight: under long hair, round a head with short hair, behind an ear that is seen."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

from maskgen.geometry.pose import HeadPose
from maskgen.paint.light import estimate_light
from maskgen.paint.scene import build_scene
from maskgen.paint.shell import build_shell

sys.path.insert(0, str(Path(__file__).parents[1] / "masks"))
sys.path.insert(0, str(Path(__file__).parent))
from styles_of_catalogue import CATALOGUE
from test_light import lit_head

WALL, HAIR = (220, 215, 205), (20, 24, 30)
#: column of that picture from which on hair lies: some way behind where straps and loops begin
TEMPLE = 293


def turned_head():
    """A head in flat light before a pale wall: its picture, its fit and the pixels of the head."""
    image, fit = lit_head(HeadPose.from_euler(30.0, 0.0, 0.0), (0.0, 0.0, -0.3), scale=1.0)
    head = np.abs(image.astype(int) - image[2, 2].astype(int)).max(2) > 8
    image[~head] = WALL
    return image, fit, head


def straps(style, image, fit):
    """Coverage by bands alone, (h, w)."""
    spec = CATALOGUE.spec(style)
    frame = (0, 0, image.shape[1], image.shape[0])
    scene = build_scene(image, build_shell(spec), spec, fit, estimate_light(image, fit), frame)
    out = np.zeros(image.shape[:2], np.float32)
    x0, y0, x1, y1 = scene.box
    out[y0:y1, x0:x1] = scene.strap
    assert (scene.coverage >= scene.strap - 1e-6).all()
    assert scene.coverage.min() >= 0.0
    return out


def right_side(image):
    return np.broadcast_to(np.arange(image.shape[1]) >= TEMPLE, image.shape[:2])


@pytest.mark.parametrize("style", ["n95", "surgical_tied"])
def test_straps_run_over_short_hair_and_under_long(style):
    image, fit, head = turned_head()
    side = right_side(image)
    short = np.where((head & side)[..., None], np.uint8(HAIR), image)
    seen = (straps(style, short, fit) * side).sum()
    assert seen > 300.0
    long = np.where(side[..., None], np.uint8(HAIR), image)
    assert (straps(style, long, fit) * side).sum() < 0.35 * seen


def test_a_strap_fades_into_hair_and_is_whole_before_it():
    image, fit, head = turned_head()
    first = TEMPLE + 10
    columns = np.broadcast_to(np.arange(image.shape[1]), image.shape[:2])
    long = np.where((columns >= first)[..., None], np.uint8(HAIR), image)
    short = np.where((head & (columns >= first))[..., None], np.uint8(HAIR), image)
    whole, faded = straps("n95", short, fit), straps("n95", long, fit)
    assert np.maximum(faded - whole, 0.0).sum() < 8.0  # nothing but where the band is cut in two
    on_skin = (columns < first - 8) & (whole > 0)
    assert faded[on_skin].sum() > 0.9 * whole[on_skin].sum()
    assert ((faded > 0.1 * whole) & (faded < 0.9 * whole)).sum() >= 4
    assert faded[columns >= first + 12].sum() == 0.0


def test_a_loop_sinks_where_hair_covers_the_ear_and_crosses_a_strand_before_one_that_is_seen():
    image, fit, _ = turned_head()
    whole = straps("kn95", image, fit)
    columns = np.flatnonzero((whole * right_side(image)).sum(0) > 0)
    middle, end = int(columns[len(columns) // 2]), int(columns[-1])
    covered, strand = image.copy(), image.copy()
    covered[:, middle:] = HAIR
    strand[:, middle - 3 : middle + 1] = HAIR
    side = right_side(image)
    assert (straps("kn95", covered, fit) * side).sum() < 0.8 * (whole * side).sum()
    assert (straps("kn95", covered, fit))[:, end - 3 :].sum() == 0.0
    np.testing.assert_allclose(straps("kn95", strand, fit), whole, atol=1e-6)


@pytest.mark.parametrize("style", ["n95", "kn95"])
def test_on_the_side_that_no_light_reaches_black_is_not_taken_for_hair(style):
    lit, fit = lit_head(HeadPose.from_euler(30.0, 0.0, 0.0), (0.0, 0.0, -0.3), scale=1.0)
    half, _ = lit_head(HeadPose.from_euler(30.0, 0.0, 0.0), (-3.6, 0.0, -0.3), level=-4.0, scale=1.0)
    side = right_side(lit)
    black = np.where(side[..., None], np.uint8(8), half)
    hair = np.where(side[..., None], np.uint8(HAIR), lit)
    assert (straps(style, black, fit) * side).sum() > 1.5 * (straps(style, hair, fit) * side).sum() > 0.0
