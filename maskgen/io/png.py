"""PNG: the parts of a file, plain pictures decoded fast, and writing with filters that suit the picture."""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from ..errors import ImageError

SIGNATURE = b"\x89PNG\r\n\x1a\n"
_GREY, _TRUE_COLOUR, _GREY_ALPHA = 0, 2, 4
_HEAD = 33  # signature and header chunk
_KEPT = (b"iCCP", b"sRGB", b"gAMA", b"cHRM", b"pHYs", b"eXIf", b"tEXt", b"zTXt", b"iTXt", b"tIME")
#: chunks with which one plane of colours does not say it all: transparency, animation
_MORE = {b"tRNS", b"acTL"}
#: pixels above which a header is left to Pillow, which refuses absurd ones
_LARGEST = 1 << 26

# Huffman codes with run lengths: on photographs smaller than zlib's level 6 and six times as fast, and flat
# areas stay small. One filter for the whole picture costs half of what a choice for every row does: Paeth's
# for pixels of a camera, whose neighbours are noisy, the mean for resampled ones, which are smooth
# (docs/formats.md). OpenCV before 4.12 knows no filters and chooses for every row.
_DEFLATE = (cv2.IMWRITE_PNG_COMPRESSION, 3, cv2.IMWRITE_PNG_STRATEGY, cv2.IMWRITE_PNG_STRATEGY_RLE)
_HAS_FILTERS = hasattr(cv2, "IMWRITE_PNG_FILTER")
_CAMERA = [*_DEFLATE, *((cv2.IMWRITE_PNG_FILTER, cv2.IMWRITE_PNG_FILTER_PAETH) if _HAS_FILTERS else ())]
_RESAMPLED = [*_DEFLATE, *((cv2.IMWRITE_PNG_FILTER, cv2.IMWRITE_PNG_FILTER_AVG) if _HAS_FILTERS else ())]


@dataclass(frozen=True)
class PngChunks:
    """What the chunks of a file say. kinds: their names. kept: those about meaning (colour space, density,
    text) as they stand."""

    kinds: frozenset[bytes]
    kept: bytes


def png_chunks(data: bytes) -> PngChunks:
    """Walk over all chunks. Raises ValueError where one is cut short, its checksum is wrong, or no end comes.

    Decoders are not to be relied on for that: some fill what is missing without a word.
    """
    kinds, kept, at, view = set(), b"", len(SIGNATURE), memoryview(data)
    while at + 12 <= len(data):
        length, kind = struct.unpack_from(">I4s", data, at)
        after = at + 12 + length
        if after > len(data):
            break
        if zlib.crc32(view[at + 4 : after - 4]) != int.from_bytes(view[after - 4 : after], "big"):
            raise ValueError(f"the checksum of the chunk {kind.decode('ascii', 'replace')} is wrong")
        kinds.add(kind)
        if kind in _KEPT:
            kept += data[at:after]
        if kind == b"IEND":
            return PngChunks(frozenset(kinds), kept)
        at = after
    raise ValueError(f"it breaks off after {len(data)} bytes")


def is_grey(data: bytes) -> bool:
    """Whether the header says one channel of colour, with or without transparency."""
    return data[25] in (_GREY, _GREY_ALPHA)


def decode_plain_png(data: bytes, chunks: PngChunks) -> NDArray[np.uint8] | None:
    """Pixels BGR (h, w, 3) of a whole 8-bit picture in grey or true colour; None for any other.

    chunks: of these bytes. OpenCV decodes such a picture bit for bit like Pillow, in two thirds of the time.
    Pixels that are missing from chunks without a flaw end in None as well (tests/io/test_images.py).
    """
    if chunks.kinds & _MORE or data[12:16] != b"IHDR":
        return None
    width, height, depth, colour, _, _, interlaced = struct.unpack_from(">IIBBBBB", data, 16)
    if depth != 8 or colour not in (_GREY, _TRUE_COLOUR) or interlaced or not 0 < width * height <= _LARGEST:
        return None
    try:
        bgr = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR | cv2.IMREAD_IGNORE_ORIENTATION)
    except cv2.error:  # wider or higher than it takes
        return None
    if bgr is None or bgr.shape != (height, width, 3):
        return None
    return bgr.astype(np.uint8, copy=False)


def encode_png(planes: NDArray[Any], chunks: bytes = b"", *, resampled: bool = False) -> bytes:
    """``planes`` (h, w) grey, (h, w, 3) BGR or (h, w, 4) BGRA, uint8 or uint16, as a file.

    chunks: to put after the header. resampled: the pixels were interpolated (turned, scaled); this decides
    the size of the file, nothing else. Raises ImageError.
    """
    done, encoded = cv2.imencode(".png", planes, _RESAMPLED if resampled else _CAMERA)
    if not done:
        raise ImageError("the picture cannot be encoded as PNG")
    data = encoded.tobytes()
    return data[:_HEAD] + chunks + data[_HEAD:] if chunks else data
