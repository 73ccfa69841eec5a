"""300W-LP: K turned views of each face, mirrored twins, and the landmarks folder."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...io.files import atomic_write
from ...io.matfile import new_mat, write_mat
from ..draws import generator
from ..para import common_fields, landmarks_1based, outline_1based
from ..photo import Photo, Shot, compose, jpeg_bytes, take_photo
from ..poses import Angles, draw_angles, turned_views
from ..truth import masked_scene
from .base import Layout, Order

#: how often each part occurs in the original
_PARTS = {"AFW": 0.085, "HELEN": 0.615, "IBUG": 0.03, "LFPW": 0.27}


@dataclass(frozen=True)
class View:
    """One picture: part and name without extension, and the shot."""

    part: str
    stem: str
    shot: Shot


def _names(part: str, number: int) -> str:
    patterns = {"AFW": "AFW_9{:06d}_1", "HELEN": "HELEN_9{:06d}_1", "IBUG": "IBUG_image_9{:03d}_1",
                "LFPW": "LFPW_image_train_9{:03d}"}  # fmt: skip
    return patterns[part].format(number)


class W300LP(Layout):
    """Writes NAME_K.jpg and .mat, their _Flip twins, and landmarks/PART/NAME_K_pts.mat."""

    name = "300W-LP"
    views = 6

    def plan(self, order: Order) -> list[View]:
        """Views 0..K-1 of each face; parts as common as in the original."""
        per_face = order.views or self.views
        jobs: list[View] = []
        face = 0
        while len(jobs) < order.count:
            rng = generator(order.seed, "plan", self.name, face)
            parts = list(_PARTS)
            part = parts[face] if face < 4 else str(rng.choice(parts, p=list(_PARTS.values())))
            stem = _names(part, face)
            for k, angles in enumerate(self._angles(order, rng, len(jobs), per_face)):
                first = jobs[-k].shot.angles if k else angles
                jobs.append(View(part, f"{stem}_{k}", Shot(stem, stem, k, angles, first)))
            face += 1
        return jobs[: order.count]

    def _angles(self, order: Order, rng: np.random.Generator, done: int, count: int) -> list[Angles]:
        if isinstance(order.poses, tuple):
            return [order.poses[(done + k) % len(order.poses)] for k in range(count)]
        first = draw_angles(rng, self.name, order.poses)
        if order.poses == "uniform":
            return [first, *(draw_angles(rng, self.name, "uniform") for _ in range(count - 1))]
        return turned_views((float(np.clip(first[0], -60.0, 60.0)), *first[1:]), count, rng)

    def prepare(self, order: Order, jobs: list[View]) -> None:
        """Nothing: every file belongs to a picture."""

    def make(self, order: Order, job: View) -> dict[str, Any]:
        """The picture and its mirror image, with label and landmark files; the masked twin alike."""
        scene, film, exposure = compose(order.seed, job.shot)
        scene = replace(scene, detail=order.detail)
        photo = take_photo(order.seed, job.shot, scene, film, exposure)
        source = self._source_outline(order, job, photo)
        self._write(order.out, order, job, photo, photo.bgr, source)
        record: dict[str, Any] = {"id": f"{job.part}/{job.stem}", "angles": job.shot.angles}
        if order.twin is not None:
            worn, style = masked_scene(order.seed, job.shot.take, scene, order.styles)
            masked = take_photo(order.seed, job.shot, worn, film, exposure)
            self._write(order.twin, order, job, photo, masked.bgr, source)
            record["mask"] = style
        return record

    def _source_outline(self, order: Order, job: View, photo: Photo) -> NDArray[np.float64]:
        """pt2d is that of the source photo in every view, as in the originals: right for view 0 only."""
        if job.shot.frame == 0:
            return outline_1based(photo)
        first = Shot(job.shot.person, job.shot.take, 0, job.shot.first, job.shot.first)
        scene, _, _ = compose(order.seed, first)
        return outline_1based(Photo.unseen(scene))

    def _write(
        self,
        root: Path,
        order: Order,
        job: View,
        photo: Photo,
        bgr: NDArray[np.uint8],
        source: NDArray[np.float64],
    ) -> None:
        rng = generator(order.seed, "roi", job.shot.take)
        fields = common_fields(photo, job.shot, rng)
        width = photo.scene.size[0]
        atomic_write(root / job.part / f"{job.stem}.jpg", jpeg_bytes(bgr), sync=False)
        write_mat(root / job.part / f"{job.stem}.mat", new_mat({"pt2d": source.T, **fields}))
        points = {"pts_3d": landmarks_1based(photo), "pts_2d": outline_1based(photo)}
        points = {key: value.astype(np.float32) for key, value in points.items()}
        write_mat(root / "landmarks" / job.part / f"{job.stem}_pts.mat", new_mat(points))
        flip = f"{job.part}_Flip"
        para = fields["Pose_Para"].copy()
        para[0, [1, 2]] *= -1.0
        para[0, 3] = np.float32(width + 1.0) - para[0, 3]
        # the original mirrors pt2d point by point and leaves left and right where they were
        mirrored = source * [-1.0, 1.0] + [width + 1.0, 0.0]
        atomic_write(
            root / flip / f"{job.stem}.jpg", jpeg_bytes(np.ascontiguousarray(bgr[:, ::-1])), sync=False
        )
        write_mat(root / flip / f"{job.stem}.mat", new_mat({"pt2d": mirrored.T, **fields, "Pose_Para": para}))


LAYOUT = W300LP()
