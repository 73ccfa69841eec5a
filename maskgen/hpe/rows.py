"""One row of a crop cache: a picture cut for a network, and the labels that moved with it."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal

import numpy as np

from ..datasets import DatasetFormat
from ..errors import LabelError
from ..geometry.rotation import Array
from ..io.images import Pixels, decode_image
from ..landmarks.sources import landmarks_for
from ..sample import Entry, Sample
from . import crops

Layout = Literal["crop", "region"]


@dataclass(frozen=True)
class RowSpec:
    """What is stored of each picture.

    policy: crop policy. size: side of the network's input. layout: "crop" = exactly what the network sees in
    testing; "region" = the square around all training crops, from which they are cut on the device.
    margin, px: of a region (see crops.region_box); px None = as many pixels as keep the input's resolution.
    """

    policy: str
    size: int
    layout: Layout = "crop"
    margin: float = 1.25
    px: int | None = None

    @property
    def pixels(self) -> int:
        """Side of a row in pixels."""
        if self.layout == "crop":
            return self.size
        return self.px or crops.region_pixels(crops.get_policy(self.policy), self.size, self.margin)


@dataclass
class Row:
    """Labels of one row; positions are pixel centres of the row. Everything is nan where a row failed.

    size: (width, height) of the source picture. digest: of its file.

    turn_axis: unit vector in the label's frame about which the head turns by -theta when the picture is
    turned counter-clockwise by theta around the face: z under weak perspective; for calibrated cameras the
    viewing ray of the head, because a turn in the plane away from the principal point is none about z
    (docs/conventions.md, section 6).
    """

    id: str
    group: str
    euler: Array = field(default_factory=lambda: np.full(3, np.nan))
    rotation: Array = field(default_factory=lambda: np.full((3, 3), np.nan))
    box: Array = field(default_factory=lambda: np.full(4, np.nan))
    landmarks: Array = field(default_factory=lambda: np.full((68, 2), np.nan))
    turn_axis: Array = field(default_factory=lambda: np.array([0.0, 0.0, 1.0]))
    row_from_image: Array = field(default_factory=lambda: np.full((2, 3), np.nan))
    size: Array = field(default_factory=lambda: np.zeros(2))
    digest: str = ""
    reason: str = ""


def make_row(fmt: DatasetFormat, root: Path, entry: Entry, spec: RowSpec) -> tuple[Row, Pixels]:
    """The row of one picture and its (pixels, pixels, 3) uint8 RGB.

    Raises InputError (image, label or landmarks that cannot be used), which a batch records and survives.
    """
    sample = fmt.read(root, entry)
    if sample.pose is None or sample.label_angles is None:
        raise LabelError(f"{entry.id}: the label holds no head pose")
    marks = landmarks_for(sample)
    data = (root / entry.image).read_bytes()
    source = decode_image(data, entry.image.name)
    policy = crops.get_policy(spec.policy)
    box, detector = crops.face_box(replace(sample, landmarks=marks))
    if spec.layout == "crop" or policy.square == "frame":
        cut = policy.test_box(box, source.size, detector)
    else:
        cut = crops.region_box(policy, box, spec.margin, source.size)
    pixels = crops.crop(np.ascontiguousarray(source.bgr[..., ::-1]), cut, spec.pixels, policy.resize)
    m = crops.crop_from_image(cut, spec.pixels)
    points = np.full((68, 2), np.nan)
    points[marks.valid] = marks.xy[marks.valid] @ m[:, :2].T + m[:, 2]
    corners = np.reshape(box, (2, 2)) @ m[:, :2].T + m[:, 2]
    row = Row(
        entry.id,
        fmt.group(entry),
        euler=np.array(sample.label_angles, dtype=np.float64),
        rotation=np.array(sample.pose.cam_from_head),
        box=corners.ravel(),
        landmarks=points,
        turn_axis=turn_axis(sample),
        row_from_image=m,
        size=np.array(source.size, dtype=np.float64),
        digest=hashlib.blake2b(data, digest_size=16).hexdigest(),
    )
    return row, pixels


def turn_axis(sample: Sample) -> Array:
    """The axis of `Row.turn_axis`: the viewing ray of the head in the label's frame, or z."""
    camera, centre = sample.calibration, sample.head_centre
    if camera is None or centre is None:
        return np.array([0.0, 0.0, 1.0])
    ray = camera.from_reference(centre)
    return np.asarray(camera.rotation.T @ (ray / np.linalg.norm(ray)))
