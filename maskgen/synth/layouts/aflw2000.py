"""AFLW2000: one flat folder of portraits, each of somebody else."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...io.files import atomic_write
from ...io.matfile import new_mat, write_mat
from ..draws import generator
from ..para import common_fields, points_3d, points_21
from ..photo import Photo, Shot, compose, jpeg_bytes, take_photo
from ..poses import draw_angles
from ..truth import masked_scene
from .base import Layout, Order


@dataclass(frozen=True)
class Portrait:
    """One picture: its name without extension, and the shot."""

    stem: str
    shot: Shot


class AFLW2000(Layout):
    """Writes imageNNNNN.jpg and imageNNNNN.mat."""

    name = "AFLW2000"
    most = 99_999

    def plan(self, order: Order) -> list[Portrait]:
        """A new person for each picture; numbers have gaps, as in the original."""
        jobs, number = [], 0
        for index in range(order.count):
            rng = generator(order.seed, "plan", self.name, index)
            number += 1 + int(rng.geometric(0.46)) - 1 if order.count < 40_000 else 1
            if isinstance(order.poses, tuple):
                angles = order.poses[index % len(order.poses)]
            else:
                angles = draw_angles(rng, self.name, order.poses)
            stem = f"image{number:05d}"
            jobs.append(Portrait(stem, Shot(stem, stem, 0, angles, angles)))
        return jobs

    def prepare(self, order: Order, jobs: list[Portrait]) -> None:
        """Nothing: every file belongs to a picture."""

    def make(self, order: Order, job: Portrait) -> dict[str, Any]:
        """The picture and its label file; the masked twin alike."""
        scene, film, exposure = compose(order.seed, job.shot)
        scene = replace(scene, detail=order.detail)
        photo = take_photo(order.seed, job.shot, scene, film, exposure)
        self._write(order.out, order, job, photo, photo.bgr)
        record: dict[str, Any] = {"id": job.stem, "angles": job.shot.angles}
        if order.twin is not None:
            worn, style = masked_scene(order.seed, job.shot.take, scene, order.styles)
            masked = take_photo(order.seed, job.shot, worn, film, exposure)
            self._write(order.twin, order, job, photo, masked.bgr)
            record["mask"] = style
        return record

    def _write(self, root: Path, order: Order, job: Portrait, photo: Photo, bgr: NDArray[np.uint8]) -> None:
        fields = common_fields(photo, job.shot, generator(order.seed, "roi", job.shot.take))
        values = {"pt2d": points_21(photo), **_in_order(fields)}
        values["pt3d_68"] = points_3d(photo, float(fields["Pose_Para"][0, 5]))
        atomic_write(root / f"{job.stem}.jpg", jpeg_bytes(bgr), sync=False)
        write_mat(root / f"{job.stem}.mat", new_mat(values))


def _in_order(fields: dict[str, Any]) -> dict[str, Any]:
    names = ("Illum_Para", "Color_Para", "Tex_Para", "Shape_Para", "Exp_Para", "Pose_Para", "roi")
    return {name: np.asarray(fields[name]) for name in names}


LAYOUT = AFLW2000()
