"""What a region of the crop is judged by, against the same in OpenCV's and NumPy's words."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from maskgen.paint.occluder_frame import CHANNELS, SIDE, FaceView
from maskgen.paint.occluder_things import things


def blobs(seed, level=0.0):
    """Log odds of a few soft blobs (SIDE, SIDE), and a view of noise with a round face in it."""
    rng = np.random.default_rng(seed)
    odds = cv2.GaussianBlur(rng.normal(level, 1.0, (SIDE, SIDE)).astype(np.float32), (0, 0), 4.0)
    channels = rng.normal(0.0, 0.5, (CHANNELS, SIDE, SIDE)).astype(np.float32)
    y, x = np.mgrid[:SIDE, :SIDE]
    face = (x - 31) ** 2 + (y - 30) ** 2 < 29**2
    return 30.0 * odds, FaceView(channels, face, np.zeros((2, 3)))


def changes(view):
    square = np.zeros((SIDE, SIDE))
    for c in view.channels[:3]:
        for dx, dy in ((1, 0), (0, 1)):
            square += cv2.Sobel(c, cv2.CV_32F, dx, dy, scale=0.125) ** 2
    return np.sqrt(square)


def around(region, reach):
    return cv2.dilate(region.astype(np.uint8), np.ones((2 * reach + 1,) * 2, np.uint8)) > 0


@pytest.mark.parametrize("seed", range(5))
def test_a_region_is_measured_inside_at_its_border_and_beside_it(seed):
    odds, view = blobs(seed)
    found = things(odds, view)
    assert found
    for thing in found:
        region = thing.region
        hidden = region & view.face
        assert (odds[region] > 0.0).all()
        assert not (odds[around(region, 1) & ~region] > 0.0).all()
        assert thing.share == pytest.approx(hidden.sum() / view.face.sum())
        assert thing.strength == pytest.approx(np.quantile(odds[hidden], 0.75), rel=1e-5)
        border = around(region, 1) & around(~region, 1) & (view.channels[6] > 0.15)
        assert thing.edge == pytest.approx(changes(view)[border].mean(), rel=1e-5)
        beside = view.face & (odds < -0.5) & around(region, 4) & ~around(region, 1)
        light = view.channels[0]
        expected = 2.0 * (np.median(light[hidden]) - np.median(light[beside]))
        assert thing.brighter == pytest.approx(expected, abs=1e-5)


def test_what_is_small_faint_or_all_of_the_face_is_no_thing():
    odds, view = blobs(0)
    spot = np.full_like(odds, -2.0)
    spot[28:32, 28:32] = 3.0
    assert not things(spot, view)
    spot[26:38, 26:38] = 0.5
    assert not things(spot, view)
    spot[26:38, 26:38] = 3.0
    assert len(things(spot, view)) == 1
    assert not things(np.full_like(odds, 3.0), view)


def test_where_nothing_bare_is_near_the_rest_of_the_face_is_compared():
    _, view = blobs(1)
    odds = np.full((SIDE, SIDE), -0.2, np.float32)  # neither in front nor surely bare
    odds[20:40, 20:40] = 3.0
    light = view.channels[0]
    (thing,) = things(odds, view)
    whole = 2.0 * (np.median(light[20:40, 20:40]) - np.median(light[view.face]))
    assert thing.brighter == pytest.approx(whole, abs=1e-5)
    odds[50:55, 25:35] = -3.0
    (thing,) = things(odds, view)
    far = 2.0 * (np.median(light[20:40, 20:40]) - np.median(light[50:55, 25:35][view.face[50:55, 25:35]]))
    assert thing.brighter == pytest.approx(far, abs=1e-5)
