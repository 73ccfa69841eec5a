"""The crop of the face that the search for occluders looks at, and the samples its network learned from."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from maskgen.geometry.face import fit_face
from maskgen.geometry.landmarks import Landmarks
from maskgen.geometry.pose import HeadPose
from maskgen.geometry.rotation import euler_to_matrix
from maskgen.paint.frame import photograph_box
from maskgen.paint.occluder_frame import (
    FACE_X,
    PIXEL_MM,
    SIDE,
    channels,
    crop_matrix,
    cut,
    face_maps,
    face_view,
)
from maskgen.paint.plain_head import plain_head
from maskgen.paint.tone import LINEAR, LUMA_BGR


def fitted(scale=1.2, roll=0.0, size=300):
    image, landmarks, _ = plain_head(size=size, px_per_mm=scale)
    middle = np.array([(size - 1) / 2.0] * 2)
    turn = euler_to_matrix([0.0, 0.0, roll])[:2, :2]
    at = Landmarks.of((landmarks.xy - middle) @ turn.T + middle, "projected")
    return image, fit_face(at, HeadPose.from_euler(0.0, 0.0, roll)), at


@pytest.mark.parametrize("roll", [0.0, 40.0, -75.0])
@pytest.mark.parametrize("scale", [0.4, 1.2])
def test_the_crop_is_upright_and_of_one_scale(scale, roll):
    _, fit, at = fitted(scale, roll)
    matrix = crop_matrix(fit)
    back = cv2.invertAffineTransform(matrix)
    nose, chin = at.xy[[30, 8]] @ back[:, :2].T + back[:, 2]
    assert abs(chin[0] - nose[0]) < 1.0
    assert (chin[1] - nose[1]) * PIXEL_MM == pytest.approx(76.4, rel=0.08)
    assert ((nose > 0) & (nose < SIDE)).all()


@pytest.mark.parametrize("step", [0.7, 1.5, 3.3, 7.0])
def test_the_crop_is_the_mean_of_what_its_pixels_cover(step):
    y, x = np.mgrid[0:500, 0:500]
    ramp = np.stack([x * 0.4, y * 0.4, 0.2 * (x + y)], -1).astype(np.uint8)
    matrix = np.array([[step, 0.0, 20.0], [0.0, step, 30.0]])
    out = cut(ramp, matrix, SIDE)
    at = matrix @ np.stack([*np.mgrid[:SIDE, :SIDE].reshape(2, -1)[::-1], np.ones(SIDE * SIDE)])
    seen = np.array([0.4 * at[0], 0.4 * at[1], 0.2 * (at[0] + at[1])]).T.reshape(SIDE, SIDE, 3)
    np.testing.assert_allclose(out, seen, atol=1.6)


@pytest.mark.parametrize("width", [301, 302, 450])
@pytest.mark.parametrize("step", [1.7, 3.3, 5.9])
def test_the_crop_of_a_mirrored_picture_is_the_mirrored_crop(step, width):
    image = np.random.default_rng(4).integers(0, 256, (300, width, 3)).astype(np.uint8)
    turned = np.array([[0.96, -0.28], [0.28, 0.96]]) * step
    matrix = np.column_stack([turned, [9.3, 4.1]])
    # column u of the mirrored crop is column SIDE - 1 - u, and x is width - 1 - x
    other = np.array(
        [[matrix[0, 0], -matrix[0, 1], width - 1 - matrix[0, 2] - matrix[0, 0] * (SIDE - 1)],
         [-matrix[1, 0], matrix[1, 1], matrix[1, 2] + matrix[1, 0] * (SIDE - 1)]]
    )  # fmt: skip
    mirrored = cut(np.ascontiguousarray(image[:, ::-1]), other, SIDE)[:, ::-1]
    # warpAffine knows places to 1/32 of a pixel
    assert np.abs(mirrored.astype(int) - cut(image, matrix, SIDE)).mean() < 3.0


def test_maps_say_where_on_the_face_a_pixel_lies():
    _, fit, at = fitted()
    matrix = crop_matrix(fit)
    maps, core = face_maps(fit, matrix)
    back = cv2.invertAffineTransform(matrix)
    for landmark, (x_mm, y_mm) in {57: (0.0, 41.3), 48: (-26.4, 32.7), 54: (26.4, 32.7)}.items():
        x, y = np.rint(back[:, :2] @ at.xy[landmark] + back[:, 2]).astype(int)
        assert maps[1, y, x] == 1.0
        np.testing.assert_allclose(maps[3:, y, x] * 60.0, (x_mm, y_mm), atol=5.0)
        assert maps[0, y, x] * 25.0 > 10.0
    assert maps[1].mean() > 0.2
    assert core.sum() > 50
    assert (maps[4][core] < 0.3).all()


def test_channels_are_what_they_are_said_to_be():
    rng = np.random.default_rng(1)
    crop = rng.integers(0, 256, (SIDE, SIDE, 3)).astype(np.uint8)
    maps = rng.normal(0, 1, (5, SIDE, SIDE)).astype(np.float32)
    core, inside = rng.random((SIDE, SIDE)) < 0.1, rng.random((SIDE, SIDE)) < 0.9
    out = channels(crop, maps, core, inside)
    linear = LINEAR[crop].astype(np.float64)
    light = np.log2(linear @ LUMA_BGR + 0.012)
    b, g, r = np.moveaxis(np.log2(linear + 0.012), -1, 0)
    wanted = []
    for value, low, high, size in ((light, -4, 3, 0.5), (r - g, -2, 2, 1.0), (b - g, -2, 2, 1.0)):
        wanted.append(size * np.clip(value - np.median(value[core]), low, high))
    wanted += [0.25 * light + 0.7, r - g - 0.5, b - g + 0.3]
    np.testing.assert_allclose(out[:6], np.array(wanted) * inside, atol=2e-5)
    np.testing.assert_array_equal(out[6:11], maps)
    np.testing.assert_array_equal(out[11] > 0.5, inside)


def test_more_light_changes_nothing_but_what_is_said_as_it_is():
    image, fit, _ = fitted()
    frame = photograph_box(image)
    dim = np.searchsorted(LINEAR, LINEAR[image] * 0.6).astype(np.uint8)
    bright, dark = (face_view(seen, fit, frame).channels for seen in (image, dim))
    face = face_view(image, fit, frame).face
    assert np.abs(bright[0] - dark[0])[face].mean() < 0.03
    assert (bright[3] - dark[3])[face].mean() == pytest.approx(0.25 * np.log2(1 / 0.6), abs=0.03)


def test_samples_repeat_and_bare_ones_hold_no_thing():
    pytest.importorskip("tools.occluder_net.samples")
    from tools.occluder_net.heads import LARGE, Head
    from tools.occluder_net.samples import THING, make

    image, fit, _ = fitted()
    maps, core = face_maps(fit, crop_matrix(fit))
    cover = np.full((LARGE, LARGE), 255, np.uint8)
    crop = cut(image, crop_matrix(fit, LARGE), LARGE)
    head = Head(crop, np.ones_like(cover), cover, maps.astype(np.float16), core)
    shares = []
    for seed in range(12):
        one, two = (make(np.random.default_rng(seed), head, often=1.0) for _ in range(2))
        np.testing.assert_array_equal(one[0], two[0])
        np.testing.assert_array_equal(one[1], two[1])
        assert np.isfinite(one[0].astype(np.float32)).all()
        face = (one[0][7] > 0.5) & (one[0][10] > -0.3)
        shares.append((one[1][face] == THING).mean())
        bare = make(np.random.default_rng(seed), head, often=0.0)
        assert not (bare[1] == THING).any()
        assert bare[2] == ""
    assert 0.02 < np.mean(shares) < 0.45
    assert set(np.sign(one[0][FACE_X]).astype(int).ravel()) >= {-1, 1}


def test_in_the_lesson_of_hair_only_hair_is_a_thing():
    pytest.importorskip("tools.occluder_net.samples")
    from tools.occluder_net.heads import LARGE, Head
    from tools.occluder_net.samples import HAIR, THING, make
    from tools.occluder_net.tresses import tresses

    image, fit, _ = fitted()
    maps, core = face_maps(fit, crop_matrix(fit))
    cover = np.full((LARGE, LARGE), 255, np.uint8)
    head = Head(
        cut(image, crop_matrix(fit, LARGE), LARGE), np.ones_like(cover), cover, maps.astype(np.float16), core
    )
    shares = [(make(np.random.default_rng(seed), head, 0.0, HAIR)[1] == THING).mean() for seed in range(16)]
    assert min(shares) == 0.0  # some heads have none beside the face
    assert max(shares) > 0.1
    white = np.ones((LARGE, LARGE, 3), np.float32)
    under, alpha = tresses(np.random.default_rng(3), white, maps, np.array([0.02, 0.03, 0.05]))
    assert alpha.max() == 1.0
    np.testing.assert_array_equal(under[alpha == 0.0], 1.0)
    assert under[alpha > 0.9].mean() < 0.3
