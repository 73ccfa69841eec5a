"""Crop policies against the numbers of their sources, and crops against the maps that describe them."""

from __future__ import annotations

from pathlib import PurePosixPath

import cv2
import numpy as np
import pytest

from maskgen.errors import LandmarkError, UsageError
from maskgen.geometry.landmarks import Landmarks
from maskgen.hpe import crops
from maskgen.sample import Entry, Sample

BOX = (100.0, 120.0, 200.0, 220.0)
SIZE = (450, 450)


def sample(points: np.ndarray | None, box: crops.Box | None = None) -> Sample:
    marks = None if points is None else Landmarks.of(points, "test")
    return Sample(Entry("x", PurePosixPath("x.jpg")), "AFLW2000", SIZE, landmarks=marks, box=box)


def test_hopenet_train_and_test_boxes_differ_as_published() -> None:
    policy = crops.get_policy("hopenet")
    assert policy.widened(BOX, 0.3, train=True) == pytest.approx((82, 60, 218, 238))
    assert policy.widened(BOX, 0.2) == pytest.approx((60, 80, 240, 232))
    assert policy.train_k == (0.2, 0.4)


def test_hopenet_tests_on_the_middle_square_of_its_box() -> None:
    assert crops.get_policy("hopenet").test_box(BOX, SIZE) == pytest.approx((74, 80, 226, 232))


def test_the_legacy_box_is_what_updating_side_after_side_gives() -> None:
    x0, y0, x1, y1 = BOX
    k = 0.2
    x0 -= 2 * k * abs(x1 - x0)
    y0 -= 2 * k * abs(y1 - y0)
    x1 += 2 * k * abs(x1 - x0)
    y1 += 0.6 * k * abs(y1 - y0)
    assert crops.get_policy("hopenet_legacy").widened(BOX, k) == pytest.approx((x0, y0, x1, y1))


def test_sixdrepnet_sees_the_middle_seven_eighths_of_hopenets_square() -> None:
    a = crops.get_policy("sixdrepnet").test_box(BOX, SIZE)
    b = crops.get_policy("hopenet").test_box(BOX, SIZE)
    assert (a[2] - a[0]) / (b[2] - b[0]) == pytest.approx(224 / 256)
    assert a[0] + a[2] == pytest.approx(b[0] + b[2])


def test_fsanet_widens_by_six_tenths_clips_and_uses_whole_pixels() -> None:
    policy = crops.get_policy("fsanet")
    assert policy.test_box((100.7, 120.2, 200.9, 220.5), SIZE) == (40, 60, 260, 280)
    assert policy.test_box((20, 20, 420, 430), SIZE) == (0, 0, 449, 449)
    assert policy.test_box(BOX, SIZE, detector=True) == (60, 80, 240, 260)


def test_fsanets_crop_is_the_released_scripts_array_slice() -> None:
    image = np.random.default_rng(0).integers(0, 256, (450, 450, 3), dtype=np.uint8)
    x0, y0, x1, y1 = (int(v) for v in crops.get_policy("fsanet").test_box(BOX, SIZE))
    expected = cv2.resize(image[y0:y1, x0:x1], (64, 64))
    np.testing.assert_array_equal(crops.crop(image, (x0, y0, x1, y1), 64, "linear"), expected)


def test_points_that_are_unknown_or_at_negative_coordinates_do_not_widen_the_box() -> None:
    points = np.random.default_rng(1).uniform(100, 200, (68, 2))
    points[0], points[1] = (-1, -1), (np.nan, np.nan)
    box, detector = crops.face_box(sample(points))
    assert not detector
    assert box == pytest.approx((*points[2:].min(0), *points[2:].max(0)))


def test_without_landmarks_the_samples_box_is_a_detectors() -> None:
    assert crops.face_box(sample(None, BOX)) == (BOX, True)
    with pytest.raises(LandmarkError, match="neither landmarks nor a face box"):
        crops.face_box(sample(None))
    with pytest.raises(LandmarkError, match="under 4 px"):
        crops.face_box(sample(None, (10, 10, 12, 12)))


@pytest.mark.parametrize("resize", ["linear", "antialias"])
@pytest.mark.parametrize(
    "box", [(50.0, 60.0, 250.0, 260.0), (-40.0, -30.0, 200.0, 210.0), (300.5, 310.0, 500.5, 510.0)]
)
def test_the_map_of_a_crop_finds_a_dot_where_the_pixels_show_it(box: crops.Box, resize: str) -> None:
    image = np.zeros((450, 450, 3), np.uint8)
    spots = np.array([[120.0, 130.0], [330.0, 360.0], [180.0, 70.0]])
    inside = [p for p in spots if all(box[i] + 12 < p[i] < box[i + 2] - 12 for i in (0, 1))]
    assert inside
    for x, y in inside:
        image[:] = 0
        cv2.circle(image, (int(x), int(y)), 9, (255, 255, 255), -1)
        small = crops.crop(image, box, 100, resize)[..., 0].astype(float)
        yy, xx = np.mgrid[:100, :100]
        centre = np.array([(small * xx).sum(), (small * yy).sum()]) / small.sum()
        m = crops.crop_from_image(box, 100)
        np.testing.assert_allclose(centre, m[:, :2] @ [x, y] + m[:, 2], atol=0.12)


def test_what_lies_outside_the_picture_is_black() -> None:
    image = np.full((100, 100, 3), 200, np.uint8)
    out = crops.crop(image, (-50.0, -50.0, 50.0, 50.0), 64)
    assert out[:30, :30].max() == 0
    assert out[40:, 40:].min() == 200


def test_a_crop_wholly_outside_is_refused() -> None:
    with pytest.raises(LandmarkError, match="outside"):
        crops.crop(np.zeros((50, 50, 3), np.uint8), (60.0, 60.0, 90.0, 90.0), 64)


@pytest.mark.parametrize("name", [n for n in crops.POLICIES if n != "frame"])
def test_the_stored_region_holds_every_training_crop(name: str) -> None:
    policy = crops.get_policy(name)
    region = crops.region_box(policy, BOX, 1.0, SIZE)
    assert region[2] - region[0] == pytest.approx(region[3] - region[1])
    for k in np.linspace(*policy.train_k, 5):
        x0, y0, x1, y1 = policy.widened(BOX, float(k), train=True)
        assert region[0] <= x0 + 1e-9
        assert region[1] <= y0 + 1e-9
        assert region[2] >= x1 - 1e-9
        assert region[3] >= y1 - 1e-9


def test_a_frame_keeps_its_proportions() -> None:
    box = crops.get_policy("frame").test_box(BOX, (640, 480))
    assert box == (0, 0, 640, 640)
    out = crops.crop(np.full((480, 640, 3), 9, np.uint8), box, 64)
    assert out[:47].min() == 9
    assert out[49:].max() == 0


def test_unknown_policies_are_refused_with_the_known_ones() -> None:
    with pytest.raises(UsageError, match="hopenet, hopenet_legacy, sixdrepnet, fsanet, frame"):
        crops.get_policy("tight")
