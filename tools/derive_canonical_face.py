"""Derive the canonical 68-point face from the labels of AFLW2000-3D, and print it as Python.

    python tools/derive_canonical_face.py AFLW2000/

Every label file holds 68 points fitted by a morphable model (`pt3d_68`) and the pose and scale of that fit
(`Pose_Para`). Undoing pose and scale gives the person's own face in millimetres (docs/conventions.md,
sections 3 and 4). The canonical face is the mean over the faces with a closed mouth that look within 60
degrees of the camera, after dropping the 5 % farthest from the mean, made symmetric, nose tip at the origin.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
from scipy.io import loadmat

from maskgen.geometry.landmarks import MIRROR, NOSE_TIP
from maskgen.geometry.rotation import euler_to_matrix


def unposed(mat_path: Path) -> np.ndarray | None:
    """(68, 3) mm in the head frame, nose tip at the origin; None for a face that should not count."""
    mat = loadmat(mat_path)
    pitch, yaw, roll = np.degrees(mat["Pose_Para"][0, :3].astype(float))
    px_per_mm = float(mat["Pose_Para"][0, 6]) * 1000.0
    if px_per_mm <= 0.0 or abs(yaw) > 60.0 or abs(pitch) > 45.0 or abs(roll) > 45.0:
        return None
    x, y, z = mat["pt3d_68"].astype(float)
    cam = np.stack([x, y, -z], axis=1)  # z of the file points to the viewer
    head = (cam - cam[NOSE_TIP]) @ euler_to_matrix([yaw, pitch, roll]) / px_per_mm
    gap = np.linalg.norm(head[62] - head[66])
    width = np.linalg.norm(head[48] - head[54])
    return head if gap < 0.1 * width else None


def canonical(folder: Path) -> tuple[np.ndarray, np.ndarray]:
    """The symmetric mean face (68, 3) and the mean distance (68,) of the faces used from it, in mm."""
    faces = np.stack([f for p in sorted(folder.glob("*.mat")) if (f := unposed(p)) is not None])
    mean = np.median(faces, axis=0)
    for _ in range(5):
        miss = np.linalg.norm(faces - mean, axis=2).mean(axis=1)
        kept = faces[miss <= np.percentile(miss, 95)]
        mean = kept.mean(axis=0)
    mean = (mean + mean[MIRROR] * [-1.0, 1.0, 1.0]) / 2.0
    mean -= mean[NOSE_TIP]
    return mean, np.linalg.norm(kept - mean, axis=2).mean(axis=0)


def main() -> None:
    mean, spread = canonical(Path(sys.argv[1]))
    middle, worst = np.median(spread), spread.max()
    print(f"# mean distance of the faces from it: median {middle:.1f} mm, worst {worst:.1f} mm")
    for x, y, z in mean:
        print(f"    ({x:.1f}, {y:.1f}, {z:.1f}),")


if __name__ == "__main__":
    main()
