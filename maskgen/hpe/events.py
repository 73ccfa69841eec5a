"""Scalars in TensorBoard's file format, without TensorBoard: TFRecord framing around protocol buffers.

A record is length (uint64), masked CRC of the length, data, masked CRC of the data; the data are an ``Event``
message (wall_time 1, step 2, file_version 3, summary 5) with a ``Summary`` of values (tag 1, simple_value 2).
"""

from __future__ import annotations

import os
import socket
import struct
import time
from collections.abc import Mapping
from pathlib import Path


class EventLog:
    """Appends scalars to a new events file in ``folder``; each call to `scalars` reaches the disk at once."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        name = f"events.out.tfevents.{int(time.time())}.{socket.gethostname()}.{os.getpid()}"
        self._stream = (folder / name).open("ab")
        self._write(_field(3, b"brain.Event:2"))

    def scalars(self, step: int, values: Mapping[str, float]) -> None:
        """Record numbers under their tags at a step."""
        entries = b"".join(
            _field(1, _field(1, tag.encode()) + b"\x15" + struct.pack("<f", value))
            for tag, value in values.items()
        )
        self._write(b"\x10" + _varint(step) + _field(5, entries))

    def close(self) -> None:
        """Close the file."""
        self._stream.close()

    def _write(self, body: bytes) -> None:
        self._stream.write(record(b"\x09" + struct.pack("<d", time.time()) + body))
        self._stream.flush()


def record(data: bytes) -> bytes:
    """``data`` framed as one TFRecord."""
    length = struct.pack("<Q", len(data))
    return length + _masked(length) + data + _masked(data)


def crc32c(data: bytes) -> int:
    """CRC-32C (Castagnoli) of ``data``."""
    crc = 0xFFFFFFFF
    for byte in data:
        crc = _TABLE[(crc ^ byte) & 0xFF] ^ (crc >> 8)
    return crc ^ 0xFFFFFFFF


def _table() -> tuple[int, ...]:
    rows = []
    for n in range(256):
        for _ in range(8):
            n = (n >> 1) ^ (0x82F63B78 if n & 1 else 0)
        rows.append(n)
    return tuple(rows)


_TABLE = _table()


def _masked(data: bytes) -> bytes:
    crc = crc32c(data)
    return struct.pack("<I", (((crc >> 15) | (crc << 17)) + 0xA282EAD8) & 0xFFFFFFFF)


def _varint(value: int) -> bytes:
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def _field(number: int, data: bytes) -> bytes:
    """A length-delimited protocol-buffer field."""
    return bytes([number << 3 | 2]) + _varint(len(data)) + data
