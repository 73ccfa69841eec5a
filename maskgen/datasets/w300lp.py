"""300W-LP: folders AFW, HELEN, IBUG, LFPW and their mirrored _Flip twins (docs/conventions.md, section 3).

NAME_0 is the source photo, NAME_1 and up are turned views made from it. In every view `pt2d` is that of the
*photo*, so it is believed for NAME_0 only; other views have landmarks/FOLDER/NAME_K_pts.mat. In the _Flip
folders `pt2d` is mirrored point by point: its left and right indices are not swapped, and reading swaps them.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import DatasetNotFound, LabelError
from ..geometry.image_plane import PlaneMap
from ..geometry.landmarks import MIRROR, Landmarks
from ..io.files import names_in
from ..io.matfile import MatFile, read_mat
from ..sample import Entry, Sample
from .base import NOTHING, Card, DatasetFormat, Held
from .pose_para import PosePara, box_of, moved_landmarks, moved_mat, moved_pixels, points_1based

SUBSETS = ("AFW", "HELEN", "IBUG", "LFPW")
FOLDERS = tuple(sorted([*SUBSETS, *(f"{s}_Flip" for s in SUBSETS)]))
_VIEW = re.compile(r"_(\d+)$")
#: pixels by which pt2d of a picture and of its mirror image may differ and still belong to one view
_SAME_VIEW = 0.05


class W300LP(DatasetFormat):
    """Reader and writer of 300W-LP."""

    name = "300W-LP"
    aliases = ("300W_LP", "300WLP")
    layout = "folders AFW, HELEN, IBUG, LFPW (and their _Flip twins) with NAME_K.jpg and NAME_K.mat"
    card = Card(
        title="300W-LP",
        images=122_450,
        licence="photos of 300W (AFW, HELEN, IBUG, LFPW): research, non-commercial",
        redistribution="not allowed: share recipes, not pictures",
        homepage="http://www.cbsr.ia.ac.cn/users/xiangyuzhu/projects/3DDFA/main.htm",
        citation="Zhu, Lei, Liu, Shi, Li: Face Alignment Across Large Poses: A 3D Solution, CVPR 2016",
    )

    def recognises(self, root: Path) -> bool:
        """Whether one of the subset folders holds a picture named after it."""
        return any(_has_pictures(root, folder) for folder in FOLDERS)

    def index(self, root: Path) -> Iterator[Entry]:
        """All pictures, folder by folder; landmarks/ and Code/ are no pictures."""
        if not self.recognises(root):
            raise DatasetNotFound(f"{root}: holds no {self.name} pictures; expected {self.layout}")
        return self._entries(root)

    def _entries(self, root: Path) -> Iterator[Entry]:
        for folder in FOLDERS:
            names = set(names_in(root / folder))
            points = set(names_in(root / "landmarks" / folder))
            for stem, name in sorted((n[:-4], n) for n in names if n.lower().endswith(".jpg")):
                labels = [f"{folder}/{stem}.mat"] if f"{stem}.mat" in names else []
                if f"{stem}_pts.mat" in points:
                    labels.append(f"landmarks/{folder}/{stem}_pts.mat")
                yield Entry(
                    f"{folder}/{stem}",
                    PurePosixPath(folder, name),
                    tuple(PurePosixPath(label) for label in labels),
                )

    def read(self, root: Path, entry: Entry, held: Held = NOTHING) -> Sample:
        """Pose from Pose_Para (None without a .mat), landmarks by the first rule that gives some:

        the view's own landmarks file (`pts_3d`), that of the same view on the other side of the mirror,
        `pt2d` of a source photo (its jaw is the visible outline). Else they are None.
        """
        size = self.size_of(root, entry, held)
        raw: dict[str, Any] = {}
        for label in entry.labels:
            raw["pts" if label.parts[0] == "landmarks" else "mat"] = read_mat(root / label, held.get(label))
        if "mat" in raw:
            raw["para"] = PosePara.of(raw["mat"].fields, entry.image.stem + ".mat")
        landmarks = self._landmarks(root, entry, raw, size)
        para: PosePara | None = raw.get("para")
        return Sample(
            entry,
            self.name,
            size,
            pose=para.pose if para else None,
            label_angles=para.angles if para else None,
            landmarks=landmarks,
            box=box_of(landmarks),
            raw=raw,
            camera=para.camera(size[1]) if para else None,
        )

    def _landmarks(
        self, root: Path, entry: Entry, raw: dict[str, Any], size: tuple[int, int]
    ) -> Landmarks | None:
        if "pts" in raw:
            return _pts(raw["pts"], entry.image.stem)
        photo = raw["mat"].fields.get("pt2d") if "mat" in raw else None
        if photo is None or photo.shape != (2, 68):
            return None
        twin = self._across_the_mirror(root, entry, photo, size[0])
        if twin is not None:
            return twin.mirrored(size[0])
        view = _VIEW.search(entry.image.stem)
        if view is not None and int(view[1]) > 0:
            return None
        flipped = entry.image.parts[0].endswith("_Flip")
        return points_1based(photo[:, MIRROR] if flipped else photo, "pt2d")

    def _across_the_mirror(
        self, root: Path, entry: Entry, photo: NDArray[Any], width: int
    ) -> Landmarks | None:
        """Landmarks of the twin across the mirror, if its pt2d says that it still is this picture's image.

        The two Pose_Para are fits of their own, up to a degree apart, but pt2d is mirrored exactly, and moves
        with a picture that was turned.
        """
        folder, stem = entry.image.parts[0], entry.image.stem
        twin = folder.removesuffix("_Flip") if folder.endswith("_Flip") else f"{folder}_Flip"
        points, label = root / "landmarks" / twin / f"{stem}_pts.mat", root / twin / f"{stem}.mat"
        try:
            if not points.exists():
                return None
            theirs = read_mat(label).fields.get("pt2d")
            if theirs is None or theirs.shape != photo.shape:
                return None
            gap = np.abs(theirs.astype(np.float64) * [[-1.0], [1.0]] + [[width + 1.0], [0.0]] - photo).max()
            return _pts(read_mat(points), stem) if gap < _SAME_VIEW else None
        except LabelError:
            return None  # the twin's files are damaged; that is reported when the twin itself is read

    def moved(self, sample: Sample, plane: PlaneMap) -> Sample:
        """Pose_Para, pt2d and the landmarks file follow the picture, the rest stays to the byte."""
        landmarks = moved_landmarks(sample.landmarks, plane)
        raw = dict(sample.raw)
        if "mat" in raw:
            raw["para"] = raw["para"].moved(plane, sample.size[1])
            raw["mat"] = moved_mat(raw["mat"], raw["para"], plane)
        if "pts" in raw:
            fields = raw["pts"].fields
            raw["pts"] = raw["pts"].with_fields(
                {k: moved_pixels(fields[k].T, plane).T for k in ("pts_2d", "pts_3d") if k in fields}
            )
        para: PosePara | None = raw.get("para")
        return replace(
            sample,
            size=plane.size,
            pose=para.pose if para else None,
            label_angles=para.angles if para else None,
            landmarks=landmarks,
            box=box_of(landmarks),
            raw=raw,
            camera=para.camera(plane.size[1]) if para else None,
        )

    def label_files(self, sample: Sample) -> dict[PurePosixPath, bytes]:
        """The .mat file and the landmarks file, those that the sample has."""
        return {
            label: sample.raw["pts" if label.parts[0] == "landmarks" else "mat"].to_bytes()
            for label in sample.entry.labels
        }

    def is_labelled(self, entry: Entry) -> bool:
        """Whether the picture has its .mat file; a landmarks file alone holds no pose."""
        return any(label.parts[0] != "landmarks" for label in entry.labels)

    def group(self, entry: Entry) -> str:
        """The face in the source photo: one key for all its views and mirror images."""
        return self.person(entry.id)

    def person(self, sample_id: str) -> str:
        """As the group: the photos of 300W do not say who is in two of them."""
        folder, _, stem = sample_id.partition("/")
        return f"{folder.removesuffix('_Flip')}/{_VIEW.sub('', stem)}"


def _pts(mat: MatFile, stem: str) -> Landmarks:
    # pts_3d are the projections of points on the head, jaw included, like AFLW2000's pt3d_68
    for key in ("pts_3d", "pts_2d"):
        if key in mat.fields:
            landmarks = points_1based(mat.fields[key], key)
            if landmarks is not None:
                return landmarks
    raise LabelError(f"{stem}_pts.mat: no pts_3d or pts_2d of 68 x 2 numbers; it has {', '.join(mat.fields)}")


def _has_pictures(root: Path, folder: str) -> bool:
    start = folder.removesuffix("_Flip")
    try:
        with os.scandir(root / folder) as listing:
            return any(e.name.startswith(start) and e.name.lower().endswith(".jpg") for e in listing)
    except OSError:
        return False


FORMAT = W300LP()
