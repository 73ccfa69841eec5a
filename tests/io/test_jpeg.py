"""The fast JPEG paths give what Pillow gives: the same settings of a header, the same bytes of a picture."""

from __future__ import annotations

import io

import cv2
import numpy as np
import pytest
from PIL import Image

from maskgen.io import jpeg
from maskgen.io.images import decode_image, encode_like


@pytest.fixture
def photo() -> np.ndarray:
    noise = np.random.default_rng(3).integers(0, 256, (61, 83, 3), np.uint8)
    return cv2.GaussianBlur(noise, (0, 0), 3.0)


def _saved(photo: np.ndarray, **how) -> bytes:
    stream = io.BytesIO()
    Image.fromarray(photo).save(stream, "JPEG", **how)
    return stream.getvalue()


@pytest.mark.parametrize("quality", [1, 25, 49, 50, 75, 95, 100])
def test_the_tables_of_a_quality_are_those_that_pillow_writes(photo, quality: int) -> None:
    tables = Image.open(io.BytesIO(_saved(photo, quality=quality))).quantization
    assert jpeg.ijg_tables(quality) == (*tables[0], *tables[1])
    assert jpeg.ijg_tables(jpeg.ijg_quality(decode_image(_saved(photo, quality=quality)).settings)) == (
        jpeg.ijg_tables(quality)
    )


@pytest.mark.parametrize("quality", [10, 60, 75, 90, 100])
@pytest.mark.parametrize("subsampling", [0, 1, 2])
def test_opencv_is_used_only_where_it_writes_the_bytes_that_pillow_writes(
    photo, monkeypatch, quality: int, subsampling: int
) -> None:
    source = decode_image(_saved(photo, quality=quality, subsampling=subsampling))
    changed = np.ascontiguousarray(source.bgr[::-1])
    fast = encode_like(source, changed)
    monkeypatch.setattr(jpeg, "_opencv_writes_like_pillow", lambda *_: False)
    assert encode_like(source, changed) == fast


def test_another_libjpeg_behind_opencv_is_found_out(photo, monkeypatch) -> None:
    source = decode_image(_saved(photo, quality=75))
    real = jpeg._opencv_jpeg
    monkeypatch.setattr(jpeg, "_opencv_jpeg", lambda bgr, *how: real(bgr ^ 1, *how))
    jpeg._opencv_writes_like_pillow.cache_clear()
    try:
        got = encode_like(source, source.bgr)
        assert not jpeg._opencv_writes_like_pillow(75, 2)
    finally:
        jpeg._opencv_writes_like_pillow.cache_clear()
    assert got == jpeg._pillow_jpeg(source.bgr, source.settings)


@pytest.mark.parametrize(
    "how",
    [
        {"progressive": True},
        {"dpi": (72, 72)},
        {"comment": b"kept"},
        {"icc_profile": b"p" * 40},
        {"keep_rgb": True},
        {"qtables": [[7] * 64, [9] * 64]},
        {"qtables": [[16] * 64]},
    ],
)
def test_what_opencv_cannot_write_is_left_to_pillow(photo, how: dict) -> None:
    assert jpeg.ijg_quality(decode_image(_saved(photo, **how)).settings) is None


def test_a_header_met_before_is_that_of_its_own_bytes(photo) -> None:
    kinds = [{"quality": q, "subsampling": s} for q in (40, 80) for s in (0, 2)]
    kinds += [{"comment": b"one"}, {"comment": b"two"}, {"dpi": (99, 99)}]
    first = [decode_image(_saved(photo, **how)).settings for how in kinds]
    again = [decode_image(_saved(photo[::-1], **how)).settings for how in kinds]
    assert first == again
    assert all(a != b for i, a in enumerate(first) for b in first[:i])
    again[0]["qtables"] = None  # a caller's copy
    assert decode_image(_saved(photo, **kinds[0])).settings == first[0]
    narrow = decode_image(_saved(np.ascontiguousarray(photo[:, :40]), **kinds[0]))
    assert narrow.size == (40, 61)


def test_odd_headers_are_not_remembered(photo) -> None:
    data = _saved(photo)
    head = jpeg.header_bytes(data)
    assert data.startswith(head)
    assert data[len(head) : len(head) + 2] == b"\xff\xda"
    assert jpeg.header_bytes(b"") == jpeg.header_bytes(data[:20]) == jpeg.header_bytes(b"\x89PNG") == b""
    assert jpeg.header_bytes(_saved(photo, icc_profile=b"x" * 9000)) == b""
