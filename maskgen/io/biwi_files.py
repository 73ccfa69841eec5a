"""The files of the BIWI Kinect database: pose.txt, *.cal, depth.bin, pose.bin and the head mesh .obj.

Layouts and frames: docs/conventions.md, section 5. Readers raise LabelError in one line; what they return is
plain numbers in the file's own frame.
"""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..errors import LabelError
from ..geometry.camera import Calibration
from ..geometry.rotation import Array, rotation_x, rotation_y, rotation_z
from .files import read_regular

#: a depth image beyond this many pixels is a damaged header, not a picture
_MOST_PIXELS = 1 << 24


def read_text(path: Path) -> str:
    """A small ASCII file; raises LabelError if it cannot be read, is empty or is no text."""
    try:
        return text_of(read_regular(path), path.name)
    except OSError as error:
        raise LabelError(f"{path.name}: cannot be read ({error.strerror})") from error


def text_of(data: bytes, name: str) -> str:
    """The ASCII text in the bytes of a file; raises LabelError if it is empty or no text."""
    try:
        text = data.decode("ascii")
    except UnicodeDecodeError as error:
        raise LabelError(f"{name}: not a text file") from error
    if not text.strip():
        raise LabelError(f"{name}: the file is empty")
    return text


def _numbers(text: str, name: str, count: int, what: str) -> Array:
    try:
        values = np.array([float(word) for word in text.split()])
    except ValueError as error:
        raise LabelError(f"{name}: {error}; expected {count} numbers ({what})") from error
    if values.size != count:
        raise LabelError(f"{name}: {values.size} numbers, expected {count} ({what})")
    if not np.isfinite(values).all():
        raise LabelError(f"{name}: holds a number that is not finite")
    return values


def parse_pose_txt(text: str, name: str = "pose.txt") -> tuple[Array, Array]:
    """(rotation (3, 3), head centre (3,) mm) in the depth camera's frame, exactly as printed."""
    values = _numbers(text, name, 12, "rows of a rotation, then the head centre in mm")
    return values[:9].reshape(3, 3), values[9:]


def format_pose_txt(rotation: ArrayLike, centre: ArrayLike) -> str:
    """The text of a pose.txt in BIWI's layout: every number followed by a space, each part by an empty line.

    Six significant digits where they are the number, as in the originals; nine where they are not, which
    keeps a computed pose to 1e-7 degrees.
    """
    rows = [*np.asarray(rotation, dtype=np.float64).reshape(3, 3), None]
    rows += [np.asarray(centre, dtype=np.float64).reshape(3), None]
    return "".join("\n" if row is None else "".join(f"{_digits(v)} " for v in row) + "\n" for row in rows)


def _digits(value: float) -> str:
    short = f"{value:.6g}"
    return short if float(short) == value else f"{value:.9g}"


def parse_cal(text: str, name: str = "rgb.cal") -> Calibration:
    """A camera from the text of rgb.cal or depth.cal."""
    values = _numbers(text, name, 27, "K, 4 lens terms, rotation, translation, width, height")
    try:
        return Calibration(
            intrinsics=values[:9].reshape(3, 3),
            rotation=values[13:22].reshape(3, 3),
            translation=values[22:25],
            size=(int(values[25]), int(values[26])),
            distortion=tuple(float(v) for v in values[9:13]),
        )
    except ValueError as error:
        raise LabelError(f"{name}: {error}") from error


def format_cal(camera: Calibration) -> str:
    """The text of a .cal file in BIWI's layout."""

    def rows(values: ArrayLike) -> str:
        table = np.atleast_2d(np.asarray(values, dtype=np.float64))
        return "".join("".join(f"{_digits(v)} " for v in row) + "\n" for row in table)

    parts = (camera.intrinsics, camera.distortion, camera.rotation, camera.translation)
    return "\n".join(rows(part) for part in parts) + f"\n{camera.size[0]} {camera.size[1]}\n"


def parse_depth(data: bytes, name: str = "depth.bin") -> NDArray[np.int16]:
    """Depth image (h, w) int16, mm, 0 where nothing was measured, from the run-length coded bytes."""
    try:
        width, height = struct.unpack_from("<ii", data)
        if not (width > 0 and height > 0 and width * height <= _MOST_PIXELS):
            raise ValueError(f"size {width} x {height} is impossible")
        flat = np.zeros(width * height, np.int16)
        at, pixel = 8, 0
        while pixel < flat.size:
            empty, full = struct.unpack_from("<ii", data, at)
            if empty < 0 or full < 0 or empty + full == 0 or pixel + empty + full > flat.size:
                raise ValueError(f"impossible run at byte {at}")
            pixel += empty
            flat[pixel : pixel + full] = np.frombuffer(data, "<i2", full, at + 8)
            at, pixel = at + 8 + 2 * full, pixel + full
    except (ValueError, struct.error) as error:
        raise LabelError(f"{name}: damaged depth image ({error})") from error
    return flat.reshape(height, width)


def format_depth(depth: ArrayLike) -> bytes:
    """The run-length coded bytes of a depth image (h, w) in mm, as the original writer lays them out."""
    image = np.ascontiguousarray(depth, dtype="<i2")
    flat = image.ravel()
    # a run pair starts at the first pixel and wherever an empty pixel follows a full one
    full = flat != 0
    edges = np.flatnonzero(full[1:] != full[:-1]) + 1
    bounds = [0, *edges.tolist(), flat.size]
    if full[0]:
        bounds.insert(0, 0)
    if len(bounds) % 2 == 0:  # the picture ends empty: its last pair has no full pixels
        bounds.append(flat.size)
    out = [struct.pack("<ii", image.shape[1], image.shape[0])]
    for a, b, c in zip(bounds[0::2], bounds[1::2], bounds[2::2], strict=False):
        out.append(struct.pack("<ii", b - a, c - b) + flat[b:c].tobytes())
    return b"".join(out)


def parse_pose_bin(data: bytes, name: str = "pose.bin") -> tuple[Array, Array]:
    """(rotation (3, 3), head centre (3,) mm) from six float32: centre, then x, y, z angles of Rz Ry Rx."""
    if len(data) != 24:
        raise LabelError(f"{name}: {len(data)} bytes, expected 24 (six float32)")
    values = np.frombuffer(data, "<f4").astype(np.float64)
    if not np.isfinite(values).all():
        raise LabelError(f"{name}: holds a number that is not finite")
    x, y, z = values[3:]
    return rotation_z(z) @ rotation_y(y) @ rotation_x(x), values[:3]


def format_pose_bin(rotation: ArrayLike, centre: ArrayLike) -> bytes:
    """The 24 bytes of a pose.bin."""
    r = np.asarray(rotation, dtype=np.float64)
    y = np.arctan2(-r[2, 0], np.hypot(r[0, 0], r[1, 0]))
    angles = np.degrees([np.arctan2(r[2, 1], r[2, 2]), y, np.arctan2(r[1, 0], r[0, 0])])
    return np.concatenate([np.asarray(centre, dtype=np.float64), angles]).astype("<f4").tobytes()


def parse_obj(text: str, name: str = "head.obj") -> tuple[Array, NDArray[np.int32]]:
    """(vertices (n, 3) mm, triangles (m, 3) 0-based indices) of a Wavefront mesh; other lines are skipped."""
    lines = text.splitlines()
    try:
        vertices = np.array([line.split()[1:4] for line in lines if line.startswith("v ")], dtype=np.float64)
        corners = [
            [part.split("/")[0] for part in line.split()[1:]] for line in lines if line.startswith("f ")
        ]
        triangles = np.array(corners, dtype=np.int32).reshape(-1, 3) - 1
    except ValueError as error:
        raise LabelError(f"{name}: damaged mesh ({error})") from error
    if vertices.ndim != 2 or vertices.shape[1] != 3:
        raise LabelError(f"{name}: no vertices")
    if triangles.size and (triangles.min() < 0 or triangles.max() >= len(vertices)):
        raise LabelError(f"{name}: a triangle names a vertex that is not there")
    return vertices, triangles


def format_obj(vertices: ArrayLike, triangles: ArrayLike) -> str:
    """A Wavefront mesh with vertices (n, 3) and 0-based triangles (m, 3)."""
    v, t = np.asarray(vertices, dtype=np.float64), np.asarray(triangles) + 1
    lines = [f"# {len(v)} vertices, {len(t)} faces"]
    lines += [f"v {x:.10f} {y:.10f} {z:.10f}" for x, y, z in v]
    lines += [f"f {a} {b} {c}" for a, b, c in t]
    return "\n".join(lines) + "\n"
