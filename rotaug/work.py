"""What is done to one picture of a dataset: read, turn, write, and an honest line about it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
from numpy.typing import NDArray

from maskgen.datasets.base import DatasetFormat
from maskgen.errors import InputError, UsageError
from maskgen.geometry.image_plane import PlaneMap
from maskgen.geometry.rotation import Array
from maskgen.io.files import atomic_write, read_regular, sha256_bytes
from maskgen.io.images import SourceImage, decode_image, encode_like
from maskgen.jobs.outcome import Outcome, reason_of
from maskgen.jobs.output import RECORDS, output_error
from maskgen.sample import Entry, Sample

from .plan import Drawn
from .rotate import Turn, face_points, is_identity, plane_of

#: folders of OUT/_maskgen whose pictures belong to the dataset's, pixel for pixel (made by maskgen apply)
COMPANIONS = {"segmentation": "nearest", "alpha": "linear", "touched": "nearest"}


@dataclass(frozen=True)
class Planned(Entry):
    """An entry together with the angle that its picture is turned by, in degrees; None: to be drawn."""

    theta_deg: float | None = 0.0


@dataclass(frozen=True)
class TurnOne:
    """Turns one picture of the dataset at ``root`` into ``out``; picklable.

    drawn: gives the angle, by id, of entries that come without one.
    """

    fmt: DatasetFormat
    root: Path
    out: Path
    turn: Turn
    drawn: Drawn | None = None

    def __call__(self, entry: Entry) -> Outcome:
        """What became of the picture of a Planned entry. Raises OutputError where nothing can be written."""
        if not isinstance(entry, Planned):
            raise TypeError(f"{entry.id}: an entry without an angle")
        theta = entry.theta_deg
        if theta is None:
            assert self.drawn is not None
            theta = self.drawn(entry.id)
        record: dict[str, Any] = {"id": entry.id, "source": str(entry.image), "draw": {"theta_deg": theta}}
        read: dict[PurePosixPath, bytes] = {}
        try:
            for name in (entry.image, *entry.labels):
                read[name] = self._read(name)
            before = self.fmt.read(self.root, entry, read)
            plane = plane_of(before, theta, self.turn)
            after = self.fmt.moved(before, plane)
            record["draw"] |= label_record(self.fmt, before, after)
            files = self._companions(entry, plane)
            source = decode_image(read[entry.image], entry.image.name)
            still = is_identity(plane, before.size)
            # nothing moves: every file stays as it is, byte for byte
            files |= {name: read[name] for name in entry.labels} if still else self.fmt.label_files(after)
            # the picture goes last: where it is, the rest is
            files[entry.image] = read[entry.image] if still else turned_file(source, plane, self.turn)
        except Exception as error:
            return Outcome(
                **record,
                status="failed",
                reasons=(_reason(error),),
                sources=hashes_of(read),
            )
        return self._write(record, entry, read, files, judged(before, after, plane))

    def _read(self, name: PurePosixPath) -> bytes:
        try:
            return read_regular(f"{self.root}/{name}")
        except OSError as error:
            raise InputError(f"{name.name} cannot be read ({error.strerror or error})") from error

    def _companions(self, entry: Entry, plane: PlaneMap) -> dict[PurePosixPath, bytes]:
        """Mask maps that an earlier tool wrote for this picture, turned with it."""
        files = {}
        for kind in companion_kinds(self.root):
            name = PurePosixPath(RECORDS, kind, entry.image.with_suffix(".png"))
            if (self.root / name).is_file():
                source = decode_image((self.root / name).read_bytes(), name.name)
                files[name] = turned_file(source, plane, Turn(interpolation=COMPANIONS[kind]))
        return files

    def _write(
        self,
        record: dict[str, Any],
        entry: Entry,
        read: dict[PurePosixPath, bytes],
        files: dict[PurePosixPath, bytes],
        judgement: tuple[str, tuple[str, ...]],
    ) -> Outcome:
        try:
            for name, data in files.items():
                atomic_write(self.out / name, data, sync=False)
        except OSError as error:
            raise output_error(error, self.out) from error
        left = [str(name) for name in entry.labels if name not in files]
        if left:
            record["numbers"] = {"left_out": left}
        return Outcome(
            **record,
            status=judgement[0],
            reasons=judgement[1],
            output=str(entry.image),
            sources=hashes_of(read),
            files=hashes_of(files),
        )


def hashes_of(files: Mapping[PurePosixPath, bytes]) -> dict[str, str]:
    """SHA-256 of files by relative path."""
    return {str(name): sha256_bytes(data) for name, data in files.items()}


@lru_cache(maxsize=8)
def companion_kinds(root: Path) -> tuple[str, ...]:
    """Which mask maps an earlier tool left beside the dataset; a plain dataset is asked only once."""
    return tuple(kind for kind in COMPANIONS if (root / RECORDS / kind).is_dir())


def turned_file(source: SourceImage, plane: PlaneMap, turn: Turn) -> bytes:
    """The bytes of the turned picture, encoded like its source; alpha and 16-bit planes turn along."""
    how = (turn.interpolation, turn.border)
    if source.deep is not None:
        deep = plane.warp(source.deep, *how, tuple(257.0 * v for v in turn.fill_bgr))
        turned = replace(source, deep=deep, bgr=(deep >> 8).astype(np.uint8))
    else:
        turned = replace(source, bgr=plane.warp(source.bgr, *how, turn.fill_bgr))
    alpha = None if source.alpha is None else plane.warp(source.alpha, *how, 0.0)
    return encode_like(turned, turned.bgr, alpha, resampled=True)


def label_record(fmt: DatasetFormat, before: Sample, after: Sample) -> dict[str, Any]:
    """The label's (yaw, pitch, roll) before and after, in degrees, and what the benchmarks' filter says."""
    return {
        "label_before": before.label_angles,
        "label": after.label_angles,
        "protocol_valid_before": fmt.protocol_valid(before),
        "protocol_valid": fmt.protocol_valid(after),
    }


def judged(before: Sample, after: Sample, plane: PlaneMap) -> tuple[str, tuple[str, ...]]:
    """Status and reasons: degraded without a label, or where part of the face left the picture."""
    if before.pose is None:
        return "degraded", ("no-label: the picture was turned, but no label says what its pose is",)
    points = face_points(before)
    if points is None:
        return "ok", ()
    left = ~inside(plane.points(points), after.size)
    if not left.any():
        return "ok", ()
    # what was off the picture before cannot leave it
    lost = int((left & inside(points, before.size)).sum())
    if lost:
        return "degraded", (f"cut: {lost} of {len(points)} landmarks left the picture",)
    return "ok", ()


def inside(points: Array, size: tuple[int, int]) -> NDArray[np.bool_]:
    """Which of the pixels (n, 2) lie on a picture of this (width, height)."""
    x, y = points.T
    return np.asarray((x >= -0.5) & (x < size[0] - 0.5) & (y >= -0.5) & (y < size[1] - 0.5))


def _reason(error: Exception) -> str:
    # a setting that fits the dataset but not this picture (its calibration is missing, say)
    return f"input: {error}" if isinstance(error, UsageError) else reason_of(error)
