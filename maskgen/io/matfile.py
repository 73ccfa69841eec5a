"""MATLAB v5 files (.mat), element by element, so that what is not changed stays the same to the byte.

`scipy.io.savemat` would rewrite every field with its own storage types (the datasets store many double
arrays as bytes or int16) and header. Here a file is a header and a list of elements; an element is encoded
anew only when it is given a new value. Numeric arrays are decoded; anything else is carried along unread.
Format: MathWorks, "MAT-File Format", level 5.
"""

from __future__ import annotations

import math
import struct
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..errors import LabelError
from .files import atomic_write, read_regular

_HEADER = 128
_MATRIX, _COMPRESSED = 14, 15
_STORAGE = {1: "i1", 2: "u1", 3: "i2", 4: "u2", 5: "i4", 6: "u4", 7: "f4", 9: "f8", 12: "i8", 13: "u8"}
_CLASSES = {6: "f8", 7: "f4", 8: "i1", 9: "u1", 10: "i2", 11: "u2", 12: "i4", 13: "u4", 14: "i8", 15: "u8"}
_STORAGE_OF = {code: kind for kind, code in _STORAGE.items()}
_CLASS_OF = {code: kind for kind, code in _CLASSES.items()}
_COMPLEX = 0x0800


@dataclass(frozen=True, eq=False)
class Element:
    """One variable: its bytes in the file and, for real numeric arrays, where its numbers are.

    content: the numbers as stored, of type ``stored``; kind, shape: of the array that MATLAB makes of them.
    """

    raw: bytes
    name: str = ""
    content: bytes = b""
    stored: str = ""
    kind: str = ""
    shape: tuple[int, ...] = ()

    @cached_property
    def value(self) -> NDArray[Any] | None:
        """The array; None for anything but real numbers."""
        if not self.kind:
            return None
        flat = np.frombuffer(self.content, self.stored).astype(self.kind)
        return flat.reshape(self.shape, order="F")

    @property
    def compressed(self) -> bool:
        """Whether the file holds it deflated."""
        return self.raw[0] == _COMPRESSED or self.raw[3] == _COMPRESSED


@dataclass(frozen=True, eq=False)
class MatFile:
    """A v5 file in memory; `elements` in file order, repeated and unnamed ones included."""

    header: bytes
    elements: tuple[Element, ...]

    @cached_property
    def fields(self) -> Mapping[str, NDArray[Any]]:
        """Numeric variables by name, in file order, with the type of their MATLAB class."""
        return _Fields({e.name: e for e in self.elements if e.name and e.kind})

    def with_fields(self, values: Mapping[str, ArrayLike]) -> MatFile:
        """The file with new values for existing variables; class stays, shape may change.

        Raises KeyError for a variable the file does not have.
        """
        missing = [name for name in values if name not in self.fields]
        if missing:
            raise KeyError(
                f"no numeric variable {', '.join(sorted(missing))}; there are {', '.join(self.fields)}"
            )
        order = _byte_order(self.header)
        return replace(
            self,
            elements=tuple(
                _encode(e.name, np.asarray(values[e.name], dtype=e.kind), order, e.compressed)
                if e.kind and e.name in values
                else e
                for e in self.elements
            ),
        )

    def to_bytes(self) -> bytes:
        """The whole file."""
        return self.header + b"".join(e.raw for e in self.elements)


class _Fields(Mapping[str, NDArray[Any]]):
    """Variables by name; a file holds many that nobody asks for, so each is decoded when it is."""

    def __init__(self, elements: dict[str, Element]) -> None:
        self._elements = elements

    def __getitem__(self, name: str) -> NDArray[Any]:
        value = self._elements[name].value
        assert value is not None
        return value

    def __iter__(self) -> Iterator[str]:
        return iter(self._elements)

    def __len__(self) -> int:
        return len(self._elements)


def read_mat(path: Path, data: bytes | None = None) -> MatFile:
    """Read a v5 file, or its ``data`` where they are in hand.

    Raises LabelError: missing, empty, another version, or corrupt.
    """
    try:
        return parse_mat(read_regular(path) if data is None else data, path.name)
    except OSError as error:
        raise LabelError(f"{path.name}: cannot be read ({error.strerror})") from error


def write_mat(path: Path, mat: MatFile) -> None:
    """Write the file atomically; not synced, since a batch trusts the hashes of its manifest instead."""
    atomic_write(path, mat.to_bytes(), sync=False)


def new_mat(values: Mapping[str, ArrayLike], text: str = "MATLAB 5.0 MAT-file, maskgen") -> MatFile:
    """A new little-endian, compressed file holding `values` in order; types are kept."""
    header = text.encode("ascii").ljust(124)[:124] + struct.pack("<H2s", 0x0100, b"IM")
    return MatFile(
        header, tuple(_encode(n, np.atleast_2d(np.asarray(v)), "<", True) for n, v in values.items())
    )


def parse_mat(data: bytes, name: str = "mat") -> MatFile:
    """The file in `data`; `name` is for error messages."""
    if not data:
        raise LabelError(f"{name}: the file is empty (0 bytes)")
    if data[:8] == b"\x89HDF\r\n\x1a\n" or data.startswith(b"MATLAB 7.3"):
        raise LabelError(f"{name}: MATLAB 7.3 (HDF5); save it with '-v7', the version these datasets use")
    if len(data) < _HEADER or data[126:128] not in (b"IM", b"MI"):
        raise LabelError(f"{name}: not a MATLAB v5 file, or its header is damaged")
    order = _byte_order(data)
    elements, at = [], _HEADER
    try:
        while at < len(data):
            kind, size = struct.unpack_from(order + "II", data, at)
            end = at + 8 + size
            if kind not in (_MATRIX, _COMPRESSED) or end > len(data):
                raise ValueError(f"element at byte {at} is cut short or unknown (type {kind}, {size} bytes)")
            elements.append(_decode(data[at:end], kind, order))
            at = end
    except (ValueError, TypeError, LookupError, struct.error, zlib.error, UnicodeDecodeError) as error:
        raise LabelError(f"{name}: corrupt MATLAB file ({error})") from error
    return MatFile(data[:_HEADER], tuple(elements))


def _byte_order(header: bytes) -> str:
    return "<" if header[126:128] == b"IM" else ">"


def _decode(raw: bytes, kind: int, order: str) -> Element:
    """The variable in the bytes of an element: checked whole, its numbers decoded when they are asked for."""
    body = raw[8:]
    if kind == _COMPRESSED:
        body = zlib.decompress(body)
        kind, size = struct.unpack_from(order + "II", body)
        if kind != _MATRIX or len(body) < 8 + size:
            raise ValueError("compressed element is no complete matrix")
        body = body[8 : 8 + size]
    if not body:
        return Element(raw)
    flag, shape, at = _flag_and_shape(body, order)
    _, name, at = _part(body, at, order)
    text = name.decode("ascii")
    class_kind = _CLASSES.get(flag & 0xFF)
    if class_kind is None or flag & _COMPLEX or at >= len(body):
        return Element(raw, text)
    storage, content, at = _part(body, at, order)
    if at < len(body):
        return Element(raw, text)
    stored = _STORAGE[storage]
    if len(content) != math.prod(shape) * int(stored[1]) or min(shape, default=0) < 0:
        raise ValueError(f"variable {text}: {len(content)} bytes for an array of shape {shape}")
    return Element(raw, text, content, order + stored, class_kind, shape)


def _flag_and_shape(body: bytes, order: str) -> tuple[int, tuple[int, ...], int]:
    """(array flags, dimensions, offset of what follows) at the head of a matrix."""
    if len(body) >= 32:
        tag, size, flag, _, tag2, size2, rows, columns = struct.unpack_from(order + "8I", body)
        if (tag, size, tag2, size2) == (6, 8, 5, 8):  # two dimensions, as nearly always
            return flag, (rows, columns), 32
    _, flags, at = _part(body, 0, order)
    _, dimensions, at = _part(body, at, order)
    shape = struct.unpack(f"{order}{len(dimensions) // 4}i", dimensions)
    return struct.unpack_from(order + "I", flags)[0], shape, at


def _part(body: bytes, at: int, order: str) -> tuple[int, bytes, int]:
    """(storage type, content, offset of the next part) of the data element at `at`."""
    word, size = struct.unpack_from(order + "II", body, at)
    if word >> 16:  # small format: up to four bytes of content inside the tag
        return word & 0xFFFF, body[at + 4 : at + 4 + (word >> 16)], at + 8
    content = body[at + 8 : at + 8 + size]
    if len(content) != size:
        raise ValueError("array content is cut short")
    return word, content, at + 8 + size + (-size) % 8


def _encode(name: str, value: NDArray[Any], order: str, compressed: bool) -> Element:
    kind = value.dtype.newbyteorder("=").str[1:]
    if kind not in _CLASS_OF:
        raise LabelError(f"variable {name}: type {value.dtype} has no place in a MATLAB v5 file")
    content = value.astype(order + kind).tobytes(order="F")
    body = b"".join(
        (
            _pack(6, struct.pack(order + "II", _CLASS_OF[kind], 0), order),
            _pack(5, struct.pack(f"{order}{value.ndim}i", *value.shape), order),
            _pack(1, name.encode("ascii"), order),
            _pack(_STORAGE_OF[kind], content, order),
        )
    )
    raw = struct.pack(order + "II", _MATRIX, len(body)) + body
    if compressed:
        packed = _deflate(raw)
        raw = struct.pack(order + "II", _COMPRESSED, len(packed)) + packed
    return Element(raw, name, content, order + kind, kind, value.shape)


def _deflate(data: bytes) -> bytes:
    """A zlib stream; for short data with a small window, whose set-up costs less than the compression."""
    if len(data) > 4096:
        return zlib.compress(data)
    packer = zlib.compressobj(6, zlib.DEFLATED, 12, 5)
    return packer.compress(data) + packer.flush()


def _pack(storage: int, content: bytes, order: str) -> bytes:
    if 0 < len(content) <= 4:
        return struct.pack(order + "I", len(content) << 16 | storage) + content.ljust(4, b"\0")
    return struct.pack(order + "II", storage, len(content)) + content + b"\0" * (-len(content) % 8)
