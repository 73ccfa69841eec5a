"""Small AFLW2000-like datasets on disk for tests of the harness: drawn faces of many poses, 150 px."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
from scipy.io import savemat

from tests.fakes.fakes import draw, model_fields, person, pose_para, save_jpeg, seen

SIZE = 150


def write_set(root: Path, count: int, seed: int = 0, masked: bool = False) -> Path:
    """``count`` pictures imageNNNNN.jpg + .mat; with ``masked`` a flat mask over the lower face, same ids."""
    rng = np.random.default_rng(seed)
    for number in range(1, count + 1):
        angles = tuple(rng.uniform([-60, -30, -30], [60, 30, 30]))
        face, scale = person(rng), rng.uniform(0.42, 0.5)
        middle = np.array([75.0, 75.0]) + rng.uniform(-4, 4, 2)
        # the model's origin lies behind the ears: place the face's own middle
        offset = seen(face, angles, scale, (0.0, 0.0))[:, :2].mean(axis=0)
        centre = tuple(middle - offset)
        points = seen(face, angles, scale, centre)
        stem = root / f"image{number:05d}"
        image = draw((SIZE, SIZE), points[:, :2], rng)
        if masked:
            rim = np.round(points[[*range(2, 15), 28], :2]).astype(np.int32)
            cv2.fillPoly(image, [cv2.convexHull(rim)], (150, 190, 215), cv2.LINE_AA)
        save_jpeg(stem.with_suffix(".jpg"), image)
        in_file = points.T + np.array([[1.0], [1.0], [0.0]])
        in_file[2] = -points[:, 2] - 90.0
        savemat(
            stem.with_suffix(".mat"),
            {
                "pt2d": points[:21, :2].T + 1,
                **model_fields(np.random.default_rng(0)),
                "Pose_Para": pose_para(angles, scale, centre, SIZE),
                "roi": np.array([[0, 0, SIZE, SIZE]], np.int16),
                "pt3d_68": in_file.astype(np.float32),
            },
        )
    return root
