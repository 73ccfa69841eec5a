"""AFLW2000-3D: one flat folder of imageNNNNN.jpg + .mat (docs/conventions.md, section 4)."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import replace
from itertools import islice
from pathlib import Path, PurePosixPath

from ..errors import DatasetNotFound
from ..geometry.image_plane import PlaneMap
from ..geometry.landmarks import Landmarks
from ..io.files import names_in
from ..io.matfile import MatFile, read_mat
from ..sample import Entry, Sample
from .base import NOTHING, Card, DatasetFormat, Held
from .pose_para import PosePara, box_of, moved_landmarks, moved_mat, points_1based

_PICTURE = re.compile(r"image\d{5}\.jpg", re.IGNORECASE)
#: how many names are looked at before a folder is not taken for this dataset
_PATIENCE = 10_000


class AFLW2000(DatasetFormat):
    """Reader and writer of AFLW2000-3D."""

    name = "AFLW2000"
    aliases = ("AFLW2000-3D",)
    layout = "imageNNNNN.jpg with imageNNNNN.mat beside it"
    card = Card(
        title="AFLW2000-3D",
        images=2000,
        licence="photos of AFLW: research, non-commercial, by agreement with TU Graz",
        redistribution="not allowed: share recipes, not pictures",
        homepage="http://www.cbsr.ia.ac.cn/users/xiangyuzhu/projects/3DDFA/main.htm",
        citation="Zhu, Lei, Liu, Shi, Li: Face Alignment Across Large Poses: A 3D Solution, CVPR 2016",
    )

    def recognises(self, root: Path) -> bool:
        """Whether the folder holds a picture called like this dataset's."""
        try:
            with os.scandir(root) as listing:
                return any(_PICTURE.fullmatch(item.name) for item in islice(listing, _PATIENCE))
        except OSError:
            return False

    def index(self, root: Path) -> Iterator[Entry]:
        """All pictures of the folder, by number."""
        names = set(names_in(root))
        stems = sorted((name[:-4], name) for name in names if _PICTURE.fullmatch(name))
        if not stems:
            raise DatasetNotFound(f"{root}: holds no {self.name} pictures; expected {self.layout}")
        return (
            Entry(
                stem,
                PurePosixPath(name),
                (PurePosixPath(f"{stem}.mat"),) if f"{stem}.mat" in names else (),
            )
            for stem, name in stems
        )

    def person(self, sample_id: str) -> str:
        """The picture itself: nothing tells who is in two of them."""
        return sample_id

    def read(self, root: Path, entry: Entry, held: Held = NOTHING) -> Sample:
        """Pose from Pose_Para, landmarks from pt3d_68; both None where the .mat file is missing."""
        size = self.size_of(root, entry, held)
        if not entry.labels:
            return Sample(entry, self.name, size)
        mat = read_mat(root / entry.labels[0], held.get(entry.labels[0]))
        para = PosePara.of(mat.fields, entry.labels[0].name)
        landmarks = _landmarks(mat, para)
        return Sample(
            entry,
            self.name,
            size,
            pose=para.pose,
            label_angles=para.angles,
            landmarks=landmarks,
            box=box_of(landmarks),
            raw={"mat": mat, "para": para},
            camera=para.camera(size[1]),
        )

    def moved(self, sample: Sample, plane: PlaneMap) -> Sample:
        """Pose_Para, pt2d and pt3d_68 follow the picture, the rest stays to the byte."""
        landmarks = moved_landmarks(sample.landmarks, plane)
        if "mat" not in sample.raw:
            return replace(sample, size=plane.size, landmarks=landmarks, box=box_of(landmarks))
        para = sample.raw["para"].moved(plane, sample.size[1])
        return replace(
            sample,
            size=plane.size,
            pose=para.pose,
            label_angles=para.angles,
            landmarks=landmarks,
            box=box_of(landmarks),
            raw={"mat": moved_mat(sample.raw["mat"], para, plane), "para": para},
            camera=para.camera(plane.size[1]),
        )

    def label_files(self, sample: Sample) -> dict[PurePosixPath, bytes]:
        """The .mat file."""
        if "mat" not in sample.raw:
            return {}
        return {sample.entry.labels[0]: sample.raw["mat"].to_bytes()}


def _landmarks(mat: MatFile, para: PosePara) -> Landmarks | None:
    raw = mat.fields.get("pt3d_68")
    landmarks = points_1based(raw, "pt3d_68") if raw is not None else None
    if landmarks is None or para.scale > 0.0:
        return landmarks
    # a negative scale turned the model inside out along the line of sight as well
    points = landmarks.points.copy()
    points[:, 2] *= -1.0
    return Landmarks(points, landmarks.valid, landmarks.source)


FORMAT = AFLW2000()
