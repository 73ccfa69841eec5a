"""Pictures in and out: pixels as BGR bytes, and back into a file like the one they came from.

Pixels are always the *stored* ones. An EXIF orientation is kept in the file but never applied, because the
labels of these datasets count stored pixels (docs/formats.md).
"""

from __future__ import annotations

import io
import struct
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

from ..errors import ImageError
from .files import open_regular, read_regular
from .jpeg import JpegHeader, encode_jpeg, header_bytes, known_header, remember_header
from .png import SIGNATURE, decode_plain_png, encode_png, is_grey, png_chunks

Pixels = NDArray[np.uint8]

_HEAD_BYTES = 4096
_LONGEST = 1 << 16


@dataclass(frozen=True, eq=False)
class SourceImage:
    """A decoded picture and all that is needed to encode another one like it.

    bgr: (h, w, 3) uint8, stored orientation. format: "JPEG" or "PNG".
    grey: the file has one colour channel. alpha: (h, w) uint8 or uint16 plane, or None.
    deep: the (h, w, 3) uint16 BGR values of a 16-bit file, or None.
    settings: for JPEG the keyword arguments of Pillow's writer (quantisation tables, subsampling, EXIF, ICC,
    density), for PNG the chunks to carry over.
    """

    bgr: Pixels
    format: str
    grey: bool = False
    alpha: NDArray[Any] | None = None
    deep: NDArray[np.uint16] | None = None
    settings: dict[str, Any] = field(default_factory=dict)

    @property
    def size(self) -> tuple[int, int]:
        """(width, height) in pixels."""
        return self.bgr.shape[1], self.bgr.shape[0]


def read_image(path: Path) -> SourceImage:
    """Decode a JPEG or PNG file. Raises ImageError, with the file's name and the reason, in one line."""
    try:
        data = read_regular(path)
    except OSError as error:
        raise ImageError(f"{Path(path).name}: cannot be read ({error.strerror})") from error
    return decode_image(data, Path(path).name)


def image_size(path: Path) -> tuple[int, int]:
    """(width, height) from the header alone, stored orientation. Raises ImageError."""
    try:
        with open_regular(path) as stream:
            head = stream.read(_HEAD_BYTES)
            return _size_in(head) or size_in(head + stream.read(), Path(path).name)
    except OSError as error:
        raise ImageError(f"{Path(path).name}: cannot be read ({error.strerror})") from error


def size_in(data: bytes, name: str = "image") -> tuple[int, int]:
    """`image_size` of the bytes of a file; ``name`` is for error messages."""
    # asked for every label that is read, and Pillow looks at far more than the size
    size = _size_in(data)
    if size is None:
        with _open(io.BytesIO(data), name) as header:
            size = header.size
    return size


def _size_in(head: bytes) -> tuple[int, int] | None:
    """(width, height) from the first bytes of a JPEG or PNG; None where they do not say or look odd."""
    if head[:8] == SIGNATURE and head[12:16] == b"IHDR":
        width, height = struct.unpack_from(">II", head, 16)
        return (width, height) if 0 < width <= _LONGEST and 0 < height <= _LONGEST else None
    at = 2
    while head[:2] == b"\xff\xd8" and at + 9 <= len(head) and head[at] == 0xFF:
        marker, length = struct.unpack_from(">xBH", head, at)
        # the frame headers SOF0 to SOF15, less the three markers among them that are tables
        if 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC):
            height, width = struct.unpack_from(">HH", head, at + 5)
            return (width, height) if width and height else None
        if marker in (0xD8, 0xD9, 0xDA) or marker < 0xC0:
            return None
        at += 2 + length
    return None


def decode_image(data: bytes, name: str = "image") -> SourceImage:
    """The picture in the bytes of a file; ``name`` is for error messages."""
    if not data:
        raise ImageError(f"{name}: the file is empty (0 bytes)")
    head = header_bytes(data)
    known = known_header(head)
    if known is not None:
        return _jpeg(known, data, name)
    if data[:8] == SIGNATURE:
        return _png(data, name)
    with _open(io.BytesIO(data), name) as header:
        if header.format != "JPEG":
            raise ImageError(f"{name}: {header.format} pictures are not supported; convert to JPEG or PNG")
        if header.mode == "CMYK":
            raise ImageError(f"{name}: {header.mode} colours are not supported; convert the file to RGB")
        return _jpeg(remember_header(head, header), data, name)


def _open(stream: Any, name: str) -> Image.Image:
    try:
        return Image.open(stream)
    except UnidentifiedImageError as error:
        raise ImageError(f"{name}: not a picture, or its header is damaged") from error
    except Image.DecompressionBombError as error:
        raise ImageError(f"{name}: the header claims an absurd size ({error})") from error
    except (OSError, SyntaxError, ValueError, EOFError, struct.error) as error:
        raise ImageError(f"{name}: damaged header ({error})") from error


def _jpeg(header: JpegHeader, data: bytes, name: str) -> SourceImage:
    # OpenCV decodes bit for bit like Pillow here and twice as fast, but fills what is missing with grey
    # without a word. Inside entropy-coded data 0xFF is always escaped, so both markers are unambiguous.
    if data.find(b"\xff\xda", max(data.rfind(b"\xff\xd9"), 0)) >= 0:
        raise ImageError(f"{name}: truncated JPEG (no end marker in {len(data)} bytes)")
    bgr = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR | cv2.IMREAD_IGNORE_ORIENTATION)
    if bgr is None or bgr.shape[1::-1] != header.size:
        raise ImageError(f"{name}: damaged JPEG data")
    return SourceImage(bgr.astype(np.uint8, copy=False), "JPEG", header.grey, settings=dict(header.settings))


def _png(data: bytes, name: str) -> SourceImage:
    try:
        chunks = png_chunks(data)
    except ValueError as error:
        raise ImageError(f"{name}: damaged or truncated PNG ({error})") from error
    settings = {"chunks": chunks.kept}
    plain = decode_plain_png(data, chunks)
    if plain is not None:
        return SourceImage(plain, "PNG", is_grey(data), settings=settings)
    with _open(io.BytesIO(data), name) as header:
        if getattr(header, "is_animated", False):
            raise ImageError(f"{name}: an animated picture; keep one frame of it")
        return _unusual_png(header, data, name, settings)


def _unusual_png(header: Image.Image, data: bytes, name: str, settings: dict[str, Any]) -> SourceImage:
    """What `decode_plain_png` leaves: palettes, transparency, other depths, and pixels that are missing."""
    deep, grey = data[24] == 16, is_grey(data)
    transparent = data[25] & 4 or "transparency" in header.info
    try:
        # Pillow cuts 16-bit colour to 8 bits, and OpenCV does not
        header.load()
        if deep:
            planes = _png_16bit(data, name)
        else:
            mode = ("LA" if grey else "RGBA") if transparent else ("L" if grey else "RGB")
            planes = np.asarray(header.convert(mode))
    except (OSError, SyntaxError, ValueError, EOFError, struct.error) as error:
        raise ImageError(f"{name}: damaged or truncated PNG ({error})") from error
    planes = planes[..., None] if planes.ndim == 2 else planes
    count = planes.shape[2]
    alpha = planes[..., count - 1].copy() if count in (2, 4) else None
    bgr = planes[..., :1].repeat(3, axis=2) if count < 3 else np.ascontiguousarray(planes[..., 2::-1])
    wide = bgr if deep else None
    bgr = (bgr >> 8).astype(np.uint8) if deep else bgr
    return SourceImage(bgr, "PNG", grey, alpha, wide, settings)


def _png_16bit(data: bytes, name: str) -> NDArray[Any]:
    planes = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    if planes is None or planes.dtype != np.uint16:
        raise ImageError(f"{name}: a 16-bit PNG that cannot be decoded")
    if planes.ndim == 3:  # OpenCV's BGR(A) in the order that Pillow has for 8 bits
        planes = planes[..., [2, 1, 0, 3][: planes.shape[2]]]
    return planes


def encode_like(
    source: SourceImage, bgr: Pixels, alpha: NDArray[Any] | None = None, *, resampled: bool = False
) -> bytes:
    """``bgr`` (h, w, 3) uint8 as a file like ``source``: format, grey or colour, depth, metadata.

    JPEG keeps the quantisation tables and the chroma subsampling, so that untouched blocks change as little
    as a second compression can (docs/formats.md). A grey source gives a grey file. ``alpha`` replaces the
    source's plane; without it a source plane of another size becomes opaque. In 16-bit files a pixel whose
    8-bit value did not change keeps all its bits. Palettes become true colour. ``resampled`` says that the
    pixels were interpolated (turned, scaled), for which PNG has a cheaper filter.

    Raises ImageError if the pixels are not (h, w, 3) uint8 or cannot be encoded.
    """
    if bgr.ndim != 3 or bgr.shape[2] != 3 or bgr.dtype != np.uint8:
        raise ImageError(f"pixels to encode must be (h, w, 3) uint8, got {bgr.shape} {bgr.dtype}")
    if source.format == "JPEG":
        return encode_jpeg(bgr, source.settings, grey=source.grey)
    chunks = source.settings.get("chunks", b"")
    return encode_png(_planes_like(source, bgr, alpha), chunks, resampled=resampled)


def _planes_like(source: SourceImage, bgr: Pixels, alpha: NDArray[Any] | None) -> NDArray[Any]:
    """What a PNG like ``source`` holds: (h, w) grey, (h, w, 3) BGR or (h, w, 4) BGRA of its depth."""
    planes: NDArray[Any] = bgr
    if source.deep is not None:
        planes = bgr.astype(np.uint16) * 257
        if source.deep.shape == bgr.shape:
            planes = np.where(bgr == source.deep >> 8, source.deep, planes)
    if alpha is None and source.alpha is not None:
        top = np.iinfo(planes.dtype).max
        same = source.alpha.shape == bgr.shape[:2]
        alpha = source.alpha if same else np.full(bgr.shape[:2], top, planes.dtype)
    if source.grey and alpha is None:
        planes = cv2.cvtColor(planes, cv2.COLOR_BGR2GRAY)
    elif alpha is not None:  # OpenCV writes no grey with alpha: three equal channels say the same
        planes = np.dstack([planes, alpha.astype(planes.dtype)])
    return planes
