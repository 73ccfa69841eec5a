"""Sample: one labelled picture of a dataset, as every part of maskgen sees it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Any

from .geometry.camera import Calibration, WeakPerspective
from .geometry.landmarks import Landmarks
from .geometry.pose import HeadPose

Box = tuple[float, float, float, float]


@dataclass(frozen=True)
class Entry:
    """One picture in a dataset's index; paths are POSIX and relative to the dataset's root.

    id: the image path without its extension, unique in the dataset (``AFW/AFW_134212_1_0``,
    ``hpdb/01/frame_00003``): the key of draws, manifests and pairing.
    labels: the files that belong to this picture alone (.mat, landmarks, pose, depth), those that exist.
    """

    id: str
    image: PurePosixPath
    labels: tuple[PurePosixPath, ...] = ()


@dataclass(frozen=True, eq=False)
class Sample:
    """What the label files say about one picture; the pixels stay on disk until they are asked for.

    size: (width, height) of the picture in pixels.
    pose: None where the files hold none. label_angles: the label's own (yaw, pitch, roll) in degrees,
    which may lie beyond |yaw| = 90 where the matrix's reading would not.
    landmarks: 0-based pixels, or None. box: (x0, y0, x1, y1) or None.
    calibration and head_centre: BIWI only; the centre is (x, y, z) mm in the *depth* camera's frame and
    `pose` is then the pose.txt matrix (the benchmarks' labels), not the RGB-camera one.
    raw: the label payload as read, for the dataset's own writer; nobody else looks inside.
    camera: 300W-LP and AFLW2000 only; where their label places the canonical face in the picture.
    """

    entry: Entry
    dataset: str
    size: tuple[int, int]
    pose: HeadPose | None = None
    label_angles: tuple[float, float, float] | None = None
    landmarks: Landmarks | None = None
    box: Box | None = None
    calibration: Calibration | None = None
    head_centre: tuple[float, float, float] | None = None
    raw: Mapping[str, Any] = field(default_factory=dict)
    camera: WeakPerspective | None = None

    @property
    def id(self) -> str:
        """The entry's id."""
        return self.entry.id

    @property
    def rgb_pose(self) -> HeadPose | None:
        """The pose in the frame of the camera that took the picture: calibrated for BIWI."""
        if self.pose is None or self.calibration is None:
            return self.pose
        return HeadPose(self.calibration.rotation @ self.pose.cam_from_head)
