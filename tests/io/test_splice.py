"""Splicing JPEGs: what the mask does not touch keeps the source's own coefficients."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from maskgen.errors import ImageError
from maskgen.io.images import decode_image, encode_like
from maskgen.io.splice import splice_jpeg, touched_blocks

jpeglib = pytest.importorskip("jpeglib")


def source(subsampling: int, grey: bool = False, size=(70, 53), quality: int = 83) -> bytes:
    rng = np.random.default_rng(1)
    small = rng.integers(0, 255, (9, 7, 3), dtype=np.uint8)
    image = Image.fromarray(small).resize(size, Image.BICUBIC)
    stream = io.BytesIO()
    (image.convert("L") if grey else image).save(stream, "JPEG", quality=quality, subsampling=subsampling)
    return stream.getvalue()


def coefficients(data: bytes, tmp_path, name: str):
    path = tmp_path / name
    path.write_bytes(data)
    return jpeglib.read_dct(str(path))


@pytest.mark.parametrize("subsampling", [0, 1, 2])
def test_untouched_blocks_are_the_sources_and_touched_ones_are_new(tmp_path, subsampling):
    data = source(subsampling)
    picture = decode_image(data)
    painted = picture.bgr.copy()
    painted[10:30, 20:45] = (220, 180, 160)
    touched = (painted != picture.bgr).any(2)
    out = splice_jpeg(data, encode_like(picture, painted), touched)
    old, new = coefficients(data, tmp_path, "a.jpg"), coefficients(out, tmp_path, "b.jpg")
    away = ~touched_blocks(touched, old.Y.shape[:2], (8, 8))
    np.testing.assert_array_equal(new.Y[away], old.Y[away])
    assert (new.Y[~away] != old.Y[~away]).any()
    np.testing.assert_array_equal(new.Cb[-1, -1], old.Cb[-1, -1])
    spliced = decode_image(out).bgr.astype(int)
    assert np.abs(spliced[12:28, 24:40] - painted[12:28, 24:40]).mean() < 4
    np.testing.assert_array_equal(spliced[45:, :], picture.bgr[45:, :])


def test_grey_pictures_are_spliced_too(tmp_path):
    data = source(0, grey=True)
    picture = decode_image(data)
    touched = np.zeros(picture.bgr.shape[:2], bool)
    out = splice_jpeg(data, encode_like(picture, picture.bgr), touched)
    np.testing.assert_array_equal(decode_image(out).bgr, picture.bgr)


def test_nothing_touched_gives_the_source_back():
    data = source(2)
    picture = decode_image(data)
    out = splice_jpeg(data, encode_like(picture, picture.bgr), np.zeros(picture.bgr.shape[:2], bool))
    np.testing.assert_array_equal(decode_image(out).bgr, picture.bgr)


def test_a_block_counts_as_touched_by_one_pixel():
    touched = np.zeros((20, 20), bool)
    touched[8, 15] = True
    blocks = touched_blocks(touched, (3, 3), (8, 8))
    assert blocks.sum() == 1
    assert blocks[1, 1]


def test_other_tables_are_refused():
    with pytest.raises(ImageError, match="tables"):
        splice_jpeg(source(2), source(2, quality=60), np.zeros((53, 70), bool))


def test_real_photographs_keep_every_block_outside_the_mask(samples, tmp_path):
    data = (samples / "AFLW2000" / "image00050.jpg").read_bytes()
    picture = decode_image(data)
    painted = picture.bgr.copy()
    painted[200:300, 150:280] = 200
    touched = (painted != picture.bgr).any(2)
    out = splice_jpeg(data, encode_like(picture, painted), touched)
    old, new = coefficients(data, tmp_path, "a.jpg"), coefficients(out, tmp_path, "b.jpg")
    away = ~touched_blocks(touched, old.Y.shape[:2], (8, 8))
    np.testing.assert_array_equal(new.Y[away], old.Y[away])
