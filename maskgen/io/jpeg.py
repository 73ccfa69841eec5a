"""JPEG: what a header says, and writing a picture with the tables and subsampling of another one.

Pillow reads and writes everything that is needed here; OpenCV does the common case in half the time and,
where both are built with libjpeg-turbo, to the same bytes.
"""

from __future__ import annotations

import io
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, JpegImagePlugin

from ..errors import ImageError

Pixels = NDArray[np.uint8]

_HEAD_BYTES = 4096
#: OpenCV's names for Pillow's numbers of the chroma subsamplings 4:4:4, 4:2:2 and 4:2:0
_SAMPLINGS = (
    cv2.IMWRITE_JPEG_SAMPLING_FACTOR_444,
    cv2.IMWRITE_JPEG_SAMPLING_FACTOR_422,
    cv2.IMWRITE_JPEG_SAMPLING_FACTOR_420,
)
#: the example tables of ITU-T T.81, annex K.1, row by row: luminance, then chrominance
_ANNEX_K = (
    *(16, 11, 10, 16, 24, 40, 51, 61, 12, 12, 14, 19, 26, 58, 60, 55),
    *(14, 13, 16, 24, 40, 57, 69, 56, 14, 17, 22, 29, 51, 87, 80, 62),
    *(18, 22, 37, 56, 68, 109, 103, 77, 24, 35, 55, 64, 81, 104, 113, 92),
    *(49, 64, 78, 87, 103, 121, 120, 101, 72, 92, 95, 98, 112, 100, 103, 99),
    *(17, 18, 24, 47, 99, 99, 99, 99, 18, 21, 26, 66, 99, 99, 99, 99),
    *(24, 26, 56, 99, 99, 99, 99, 99, 47, 66, 99, 99, 99, 99, 99, 99),
    *(99,) * 32,
)


def header_bytes(data: bytes) -> bytes:
    """All of a JPEG before its first scan, which the pictures of a dataset tend to share; b"" if unusual."""
    at = 2
    while data[:2] == b"\xff\xd8" and at + 4 <= min(len(data), _HEAD_BYTES) and data[at] == 0xFF:
        marker, length = struct.unpack_from(">xBH", data, at)
        if marker == 0xDA:
            return data[:at]
        if marker < 0xC0:
            break
        at += 2 + length
    return b""


@dataclass(frozen=True)
class JpegHeader:
    """What the bytes before the first scan say. size: (width, height)."""

    size: tuple[int, int]
    grey: bool
    settings: dict[str, Any]


#: headers met before, by their bytes: Pillow takes a fifth of the whole decoding to read one
_HEADS: dict[bytes, JpegHeader] = {}
_HEADS_KEPT = 64


def known_header(head: bytes) -> JpegHeader | None:
    """What `remember_header` was told about these `header_bytes`."""
    return _HEADS.get(head)


def remember_header(head: bytes, image: Image.Image) -> JpegHeader:
    """What Pillow found in a header; kept for the next picture with the same ``head``, unless that is b""."""
    info = image.info
    sampling = JpegImagePlugin.get_sampling(image) if image.mode != "L" else 0
    settings = {
        "qtables": dict(getattr(image, "quantization", {})),
        # layouts that Pillow cannot write (4:1:1, 4:4:0) keep their full chroma instead
        "subsampling": sampling if sampling in (0, 1, 2) else 0,
        "progressive": bool(info.get("progressive")),
        "keep_rgb": image.mode == "RGB" and info.get("adobe_transform") == 0,
    }
    settings |= {key: info[key] for key in ("exif", "icc_profile", "comment") if info.get(key)}
    if info.get("jfif_unit") in (1, 2) and info.get("dpi"):
        settings["dpi"] = info["dpi"]
    header = JpegHeader(image.size, image.mode == "L", settings)
    if head and len(_HEADS) < _HEADS_KEPT:
        _HEADS[head] = header
    return header


def encode_jpeg(bgr: Pixels, settings: Mapping[str, Any], *, grey: bool = False) -> bytes:
    """``bgr`` (h, w, 3) as a JPEG with the settings of a header. Raises ImageError."""
    quality = None if grey else ijg_quality(settings)
    if quality is not None:
        sampling = int(settings["subsampling"])
        if _opencv_writes_like_pillow(quality, sampling):
            return _opencv_jpeg(bgr, quality, sampling)
    return _pillow_jpeg(bgr, settings, grey=grey)


def _pillow_jpeg(bgr: Pixels, settings: Mapping[str, Any], *, grey: bool = False) -> bytes:
    if grey:
        image, skip = Image.fromarray(cv2.cvtColor(bgr, cv2.COLOR_BGR2GRAY)), {"subsampling", "keep_rgb"}
    else:
        # four bytes a pixel are Pillow's own layout, so that the pixels are not copied once more
        padded = cv2.cvtColor(bgr, cv2.COLOR_BGR2RGBA)
        size = (bgr.shape[1], bgr.shape[0])
        image = Image.frombuffer("RGBX", size, padded, "raw", "RGBX", 0, 1)
        skip = {"subsampling"} if settings.get("keep_rgb") else set()
    stream = io.BytesIO()
    try:
        image.save(stream, "JPEG", **{k: v for k, v in settings.items() if k not in skip})
    except (OSError, ValueError, TypeError) as error:
        raise ImageError(f"the picture cannot be encoded as JPEG ({error})") from error
    return stream.getvalue()


def _opencv_jpeg(bgr: Pixels, quality: int, sampling: int) -> bytes:
    how = [cv2.IMWRITE_JPEG_QUALITY, quality, cv2.IMWRITE_JPEG_SAMPLING_FACTOR, _SAMPLINGS[sampling]]
    done, encoded = cv2.imencode(".jpg", bgr, how)
    if not done:
        raise ImageError("the picture cannot be encoded as JPEG")
    return encoded.tobytes()


def ijg_quality(settings: Mapping[str, Any]) -> int | None:
    """The IJG quality, 1 to 100, whose tables these are, where a JPEG has nothing else to carry over.

    None for tables of its own, metadata, progressive scans and other colour spaces than YCbCr: those only
    Pillow can write.
    """
    plain = {"qtables", "subsampling", "progressive", "keep_rgb"}
    if set(settings) != plain or settings["progressive"] or settings["keep_rgb"]:
        return None
    tables = settings["qtables"]
    if sorted(tables) != [0, 1]:
        return None
    return _quality_of((*tables[0], *tables[1]))


@lru_cache(maxsize=64)
def _quality_of(tables: tuple[int, ...]) -> int | None:
    return next((q for q in range(100, 0, -1) if ijg_tables(q) == tables), None)


def ijg_tables(quality: int) -> tuple[int, ...]:
    """The 64 luminance and 64 chrominance divisors that libjpeg has for a quality from 1 to 100."""
    percent = 5000 // quality if quality < 50 else 200 - 2 * quality
    return tuple(min(max((value * percent + 50) // 100, 1), 255) for value in _ANNEX_K)


@lru_cache(maxsize=64)
def _opencv_writes_like_pillow(quality: int, sampling: int) -> bool:
    """Whether the two agree to the byte, as they do where both were built with libjpeg-turbo.

    Then OpenCV is used, which takes half the time. Found out on a picture of noise, where anything that
    they did differently would show, and not on the first picture met: the answer must be the same in all
    workers.
    """
    noise = np.random.Generator(np.random.Philox(key=1)).integers(0, 256, (75, 53, 3), np.uint8)
    smooth = cv2.GaussianBlur(noise, (0, 0), 2.0).astype(np.uint8)
    tables = ijg_tables(quality)
    settings = {"qtables": {0: tables[:64], 1: tables[64:]}, "subsampling": sampling}
    return all(
        _opencv_jpeg(picture, quality, sampling) == _pillow_jpeg(picture, settings)
        for picture in (noise, smooth)
    )
