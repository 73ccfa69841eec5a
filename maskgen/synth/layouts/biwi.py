"""BIWI: sequences of a head that looks around, with depth, poses, both calibrations and the head's mesh."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from ...errors import UsageError
from ...io.biwi_files import format_cal, format_depth, format_pose_txt
from ...io.files import atomic_write
from ..draws import generator
from ..film import develop
from ..kinect import DEPTH_CAMERA, Moment, colour_camera, colour_scene, depth_scene, sitter
from ..poses import Angles, draw_angles, motion
from ..render import depth_image, render
from ..scene import Scene
from ..template import template_obj
from ..truth import masked_scene
from .base import Layout, Order

_FOLDER = "hpdb"
_MOST = 24


class BIWI(Layout):
    """Writes hpdb/NN/frame_NNNNN_rgb.png, _depth.bin, _pose.txt, the two .cal files, and hpdb/NN.obj."""

    name = "BIWI"
    views = 0

    def plan(self, order: Order) -> list[Moment]:
        """Frames of up to 24 sequences; each starts at 0 or 3 and has gaps, as in the original."""
        length = order.views or max(8, -(-order.count // _MOST))
        sequences = -(-order.count // length)
        if sequences > _MOST:
            raise UsageError(
                f"BIWI has {_MOST} sequences; {order.count} frames need at least {-(-order.count // _MOST)} "
                "frames each (--views)"
            )
        jobs: list[Moment] = []
        for sequence in range(1, sequences + 1):
            jobs += self._sequence(order, sequence, min(length, order.count - len(jobs)), len(jobs))
        return jobs

    def _sequence(self, order: Order, sequence: int, count: int, done: int) -> list[Moment]:
        rng = generator(order.seed, "sequence", sequence)
        angles: list[Angles]
        if isinstance(order.poses, tuple):
            angles = [order.poses[(done + k) % len(order.poses)] for k in range(count)]
        elif order.poses == "uniform":
            angles = [draw_angles(rng, self.name, "uniform") for _ in range(count)]
        else:
            angles = motion(rng, count)
        start = 0 if sequence == 6 or sequence >= 15 else 3
        numbers = start + np.cumsum([0, *(rng.random(max(count - 1, 0)) < 0.04)]) + np.arange(count)
        seat = rng.normal([0.0, 25.0, 930.0], [35.0, 25.0, 50.0])
        sway = np.cumsum(rng.normal(0, [2.0, 1.2, 2.0], (count, 3)), axis=0)
        sway = np.clip(sway - sway.mean(axis=0), -60, 60)
        lids = np.clip(rng.random(count) < 0.05, 0, 1)
        looks = 0.25 * np.array([(-yaw, -pitch) for yaw, pitch, _ in angles]) + rng.normal(0, 3, (count, 2))
        out = []
        for k in range(count):
            yaw, pitch, _ = angles[k]
            # the head swings about the neck, not about its middle
            lean = np.array(
                [-70.0 * np.sin(np.radians(yaw)) * 0.5, 45.0 * (1 - np.cos(np.radians(pitch))), 0.0]
            )
            x, y, z = (seat + sway[k] + lean).tolist()
            gaze = np.clip(looks[k], -20, 20)
            moment = Moment(sequence, int(numbers[k]), angles[k], (x, y, z), float(lids[k]),
                            (float(gaze[0]), float(gaze[1])))  # fmt: skip
            out.append(moment)
        return out

    def prepare(self, order: Order, jobs: list[Moment]) -> None:
        """Calibrations of every sequence, and the mesh of every head."""
        for sequence in sorted({job.sequence for job in jobs}):
            mesh = template_obj(sitter(order.seed, sequence)).encode("ascii")
            for root in filter(None, (order.out, order.twin)):
                folder = root / _FOLDER / f"{sequence:02d}"
                for name, camera in (("depth.cal", DEPTH_CAMERA), ("rgb.cal", colour_camera(sequence))):
                    atomic_write(folder / name, format_cal(camera).encode("ascii"), sync=False)
                atomic_write(root / _FOLDER / f"{sequence:02d}.obj", mesh, sync=False)

    def make(self, order: Order, job: Moment) -> dict[str, Any]:
        """Colour picture, depth image and pose of one frame; the masked twin alike."""
        colour, film, exposure = colour_scene(order.seed, job)
        colour = replace(colour, detail=order.detail)
        depth = replace(depth_scene(order.seed, job), detail=order.detail)
        bgr = develop(render(colour).linear, exposure, film)
        self._write(order.out, job, bgr, _depth_mm(depth))
        record: dict[str, Any] = {
            "id": f"{_FOLDER}/{job.sequence:02d}/frame_{job.frame:05d}",
            "angles": job.angles,
        }
        if order.twin is not None:
            key = f"sequence {job.sequence}"
            worn, style = masked_scene(order.seed, key, colour, order.styles)
            deep, _ = masked_scene(order.seed, key, depth, order.styles)
            self._write(order.twin, job, develop(render(worn).linear, exposure, film), _depth_mm(deep))
            record["mask"] = style
        return record

    def _write(self, root: Path, job: Moment, bgr: NDArray[np.uint8], depth: NDArray[np.int16]) -> None:
        stem = root / _FOLDER / f"{job.sequence:02d}" / f"frame_{job.frame:05d}"
        rotation, centre = job.pose()
        done, png = cv2.imencode(".png", bgr)
        assert done
        atomic_write(stem.with_name(f"{stem.name}_rgb.png"), png.tobytes(), sync=False)
        atomic_write(stem.with_name(f"{stem.name}_depth.bin"), format_depth(depth), sync=False)
        text = format_pose_txt(rotation, centre)
        atomic_write(stem.with_name(f"{stem.name}_pose.txt"), text.encode("ascii"), sync=False)


def _depth_mm(scene: Scene) -> NDArray[np.int16]:
    depth = depth_image(scene)
    return np.where(np.isfinite(depth), np.round(depth), 0.0).astype(np.int16)


LAYOUT = BIWI()
