"""Telling a photograph from its padding."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from maskgen.paint.frame import photograph_box


def photo(h: int = 160, w: int = 140, level: int = 110, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return np.clip(level + 25 * rng.standard_normal((h, w, 3)), 0, 255).astype(np.uint8)


@pytest.mark.parametrize("pads", [(40, 0, 0, 0), (0, 33, 0, 0), (0, 0, 24, 0), (17, 9, 50, 21)])
@pytest.mark.parametrize("jpeg", [False, True])
def test_padding_is_found_to_the_pixel_and_to_a_chroma_block_after_jpeg(pads, jpeg):
    top, low, left, right = pads
    image = cv2.copyMakeBorder(photo(), top, low, left, right, cv2.BORDER_CONSTANT)
    if jpeg:
        image = cv2.imdecode(cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, 80])[1], 1)
    got = photograph_box(image)
    want = (left, top, left + 140, top + 160)
    assert np.abs(np.subtract(got, want)).max() <= (15 if jpeg else 0)


def test_no_padding_gives_the_whole_picture():
    assert photograph_box(photo()) == (0, 0, 140, 160)


def test_a_few_black_lines_are_no_padding():
    image = cv2.copyMakeBorder(photo(), 5, 0, 0, 0, cv2.BORDER_CONSTANT)
    assert photograph_box(image) == (0, 0, 140, 165)


def test_a_dark_photograph_is_not_padding():
    assert photograph_box(photo(level=6)) == (0, 0, 140, 160)


def test_a_black_picture_is_left_whole():
    assert photograph_box(np.zeros((50, 60, 3), np.uint8)) == (0, 0, 60, 50)


def test_a_black_background_before_which_a_head_is_seen_is_no_padding():
    image = cv2.circle(np.zeros((450, 450, 3), np.uint8), (220, 200), 90, (90, 120, 150), -1)
    assert photograph_box(image) == (0, 0, 450, 450)
    image[300:] = 120  # the same head over a wall is still before a black background
    assert photograph_box(image) == (0, 0, 450, 450)
