"""BIWI Kinect Head Pose: hpdb/ or faces_0/, one folder per sequence (docs/conventions.md, 5 and 6)."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import replace
from functools import lru_cache
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np

from ..errors import DatasetNotFound, LabelError
from ..geometry.camera import Calibration
from ..geometry.image_plane import PlaneMap
from ..geometry.landmarks import Landmarks
from ..geometry.pose import HeadPose
from ..geometry.rotation import Array, orthonormalise
from ..io.biwi_files import (
    format_pose_bin,
    format_pose_txt,
    parse_cal,
    parse_pose_bin,
    parse_pose_txt,
    read_text,
    text_of,
)
from ..io.files import names_in, read_regular
from ..sample import Entry, Sample
from .base import NOTHING, Card, DatasetFormat, Held

#: where the sequences lie: the original archive, some mirrors, or the root given is one of these itself
CONTAINERS = ("hpdb", "faces_0", "")
_SEQUENCE = re.compile(r"\d{2}")
_FRAME = re.compile(r"(frame_\d{5})_(.+)")
#: sequences of people who have an earlier one: subjects F03, F05, F02 and M01. The files do not say so; the
#: table of 24 sequences and 20 subjects is that of the loader on the hub (ETHZurich/biwi_kinect_head_pose)
_RECORDED_BEFORE = {"15": "03", "18": "05", "21": "02", "22": "07"}
#: pixels by which a map may miss a camera rotation before pose.txt cannot express it
_SLACK = 0.01


class BIWI(DatasetFormat):
    """Reader and writer of BIWI.

    `pose` is the pose.txt matrix, in the depth camera's frame: the label of the benchmarks. The orientation
    seen by the colour camera is `sample.rgb_pose`.
    """

    name = "BIWI"
    aliases = ("BIWI_Kinect", "kinect_head_pose_db", "biwi_kinect_head_pose")
    layout = "hpdb/ or faces_0/ with folders 01 to 24 of frame_NNNNN_rgb.png and frame_NNNNN_pose.txt"
    card = Card(
        title="BIWI Kinect Head Pose Database",
        images=15_678,
        licence="non-commercial, such as university research and education",
        redistribution="not allowed: share recipes, not pictures",
        homepage="https://icu.ee.ethz.ch/research/datsets.html",
        citation="Fanelli, Dantone, Gall, Fossati, Van Gool: Random Forests for Real Time 3D Face Analysis, "
        "IJCV 2013",
    )

    def recognises(self, root: Path) -> bool:
        """Whether a sequence folder holds a colour frame."""
        return _container(root) is not None

    def index(self, root: Path) -> Iterator[Entry]:
        """All colour frames; every other file of the same frame number counts as its label."""
        container = _container(root)
        if container is None:
            raise DatasetNotFound(f"{root}: holds no {self.name} frames; expected {self.layout}")
        return self._entries(root, container)

    def _entries(self, root: Path, container: str) -> Iterator[Entry]:
        for sequence in filter(_SEQUENCE.fullmatch, names_in(root / container)):
            folder = PurePosixPath(container, sequence)
            files: dict[str, list[str]] = {}
            for name in names_in(root / folder):
                match = _FRAME.fullmatch(name)
                if match:
                    files.setdefault(match[1], []).append(match[2])
            for frame, kinds in sorted(files.items()):
                if "rgb.png" in kinds:
                    yield Entry(
                        f"{folder / frame}",
                        folder / f"{frame}_rgb.png",
                        tuple(folder / f"{frame}_{kind}" for kind in kinds if not kind.startswith("rgb")),
                    )

    def shared_files(self, root: Path) -> Iterator[PurePosixPath]:
        """Calibrations of the sequences and meshes of the heads."""
        container = _container(root)
        if container is None:
            return
        meshes = sorted(p.name for p in (root / container).glob("[0-9][0-9].obj"))
        yield from (PurePosixPath(container, name) for name in meshes)
        for sequence in _sequences(root / container):
            for name in sorted(p.name for p in (root / container / sequence).glob("*.cal")):
                yield PurePosixPath(container, sequence, name)

    def read(self, root: Path, entry: Entry, held: Held = NOTHING) -> Sample:
        """Pose and head centre from pose.txt, else pose.bin (None without either), camera from rgb.cal."""
        size = self.size_of(root, entry, held)
        raw: dict[str, Any] = {}
        pose = centre = None
        label = _pose_file(entry)
        if label is not None:
            raw["file"] = label
            raw["bytes"] = held[label] if label in held else _bytes_of(root / label)
            rotation, centre = _parse_pose(raw["bytes"], label.name)
            try:
                pose = HeadPose(rotation)
            except ValueError as error:
                raise LabelError(f"{label.name}: {error}") from error
        return Sample(
            entry,
            self.name,
            size,
            pose=pose,
            label_angles=pose.euler() if pose else None,
            calibration=_read_camera(root / entry.image.parent / "rgb.cal"),
            head_centre=None if centre is None else (float(centre[0]), float(centre[1]), float(centre[2])),
            raw=raw,
        )

    def moved(self, sample: Sample, plane: PlaneMap) -> Sample:
        """Pose and centre after the picture went through ``plane``, such that rgb.cal stays valid.

        R' = Rc^-1 C Rc R and c' = Rc^-1 (C (Rc c + tc) - tc), with C the camera rotation of the map. Raises
        LabelError unless the map is the picture of a camera rotation: a turn about the principal point or
        about a viewing ray, on the same canvas.
        """
        points = sample.landmarks
        if points is not None:
            xy = plane.points(points.xy)
            points = Landmarks(np.hstack([xy, points.points[:, 2:]]), points.valid, points.source)
        moved = replace(
            sample,
            size=plane.size,
            landmarks=points,
            box=None if sample.box is None else plane.box(sample.box),
        )
        if sample.pose is None or sample.head_centre is None:
            return moved
        camera = sample.calibration
        if camera is None:
            raise LabelError(
                f"{sample.id}: rgb.cal is missing, so the pose cannot be turned with the picture"
            )
        _check_camera_rotation(sample, camera, plane)
        if not plane.turns_head:
            return moved
        turn, rc, tc = plane.camera_rotation, camera.rotation, camera.translation
        pose = HeadPose(orthonormalise(np.linalg.solve(rc, turn @ rc @ sample.pose.cam_from_head)))
        seen = camera.from_reference(sample.head_centre)
        centre = np.linalg.solve(rc, turn @ seen - tc)
        near = pose.euler(near=sample.label_angles) if sample.label_angles else pose.euler()
        raw = {key: value for key, value in sample.raw.items() if key != "bytes"}
        return replace(
            moved,
            pose=pose,
            label_angles=near,
            head_centre=(float(centre[0]), float(centre[1]), float(centre[2])),
            raw=raw,
        )

    def label_files(self, sample: Sample) -> dict[PurePosixPath, bytes]:
        """The pose file: as it was read, or computed anew after a move. Depth files are not the label."""
        label: PurePosixPath | None = sample.raw.get("file")
        if label is None or sample.pose is None or sample.head_centre is None:
            return {}
        data: bytes | None = sample.raw.get("bytes")
        if data is None:
            values = (sample.pose.cam_from_head, sample.head_centre)
            text = label.suffix == ".txt"
            data = format_pose_txt(*values).encode("ascii") if text else format_pose_bin(*values)
        return {label: data}

    def is_labelled(self, entry: Entry) -> bool:
        """Whether the frame has a pose.txt or pose.bin."""
        return _pose_file(entry) is not None

    def group(self, entry: Entry) -> str:
        """The sequence; `person` joins those of the four people who have two."""
        return entry.image.parent.name

    def person(self, sample_id: str) -> str:
        """The first sequence of who is seen."""
        sequence = sample_id.rsplit("/", 2)[-2]
        return _RECORDED_BEFORE.get(sequence, sequence)


def _container(root: Path) -> str | None:
    for name in CONTAINERS:
        if _sequences(root / name):
            return name
    return None


def _sequences(folder: Path) -> list[str]:
    """Names of the two-digit folders that hold a colour frame, sorted; what cannot be listed has none."""
    try:
        names = sorted(name for name in os.listdir(folder) if _SEQUENCE.fullmatch(name))
    except OSError:
        return []
    return [name for name in names if _has_frame(folder / name)]


def _has_frame(folder: Path) -> bool:
    try:
        with os.scandir(folder) as listing:
            return any(item.name.startswith("frame_") and item.name.endswith("_rgb.png") for item in listing)
    except OSError:
        return False


def _pose_file(entry: Entry) -> PurePosixPath | None:
    for ending in ("_pose.txt", "_pose.bin"):
        for label in entry.labels:
            if label.name.endswith(ending):
                return label
    return None


def _bytes_of(path: Path) -> bytes:
    try:
        return read_regular(path)
    except OSError as error:
        raise LabelError(f"{path.name}: cannot be read ({error.strerror})") from error


def _parse_pose(data: bytes, name: str) -> tuple[Array, Array]:
    if name.endswith(".txt"):
        return parse_pose_txt(text_of(data, name), name)
    return parse_pose_bin(data, name)


def _read_camera(path: Path) -> Calibration | None:
    if not path.exists():
        return None
    return _parse_cal(read_text(path), f"{path.parent.name}/{path.name}")


#: read again for every frame, since it may have been mended; parsed once a sequence
_parse_cal = lru_cache(maxsize=64)(parse_cal)


def _check_camera_rotation(sample: Sample, camera: Calibration, plane: PlaneMap) -> None:
    if plane.size != sample.size:
        raise LabelError(
            f"{sample.id}: pose.txt cannot express another canvas ({plane.size[0]} x {plane.size[1]}); "
            f"keep {sample.size[0]} x {sample.size[1]}"
        )
    k = camera.intrinsics
    seen = k @ plane.camera_rotation @ np.linalg.inv(k)
    rest = np.linalg.solve(seen, plane.matrix)  # the identity where the map is the rotation, up to scale
    w, h = sample.size
    corners = np.array([[0.0, 0.0], [w, 0.0], [w, h], [0.0, h]])
    p = corners @ rest[:, :2].T + rest[:, 2]
    miss = float(np.abs(p[:, :2] / p[:, 2:] - corners).max())
    if not miss <= _SLACK:
        raise LabelError(
            f"{sample.id}: pose.txt cannot express this map (off by {miss:.2g} px); turn about the principal "
            f"point ({k[0, 2]:g}, {k[1, 2]:g}) or a viewing ray"
        )


FORMAT = BIWI()
