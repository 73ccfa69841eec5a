"""How far off the usual wrong rules for a turned picture's label are, on the labels of a real dataset.

    python benchmarks/rotation_rules.py DATASET_ROOT [--mesh face_landmark.tflite] [--limit 200]

For every label with |angles| <= 99 and turns of +-15, +-30, +-45 degrees each rule's label is compared with
the true one, Rz(-theta) R: the geodesic angle between them, the mean of the three angles' errors, and the
distance between the 68 landmarks that the two labels project to (canonical face, the label's own camera,
centroids aligned), in pixels of the picture.

With --mesh (MediaPipe's face mesh, a network that knows none of these rules) pictures are turned, both are
run through the network, and the rotation between its two 3D meshes says by pixels alone which rule is
right.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator
from pathlib import Path

import cv2
import numpy as np

from maskgen.datasets import recognise
from maskgen.geometry import rotation as rot
from maskgen.geometry.face import CANONICAL_FACE
from maskgen.geometry.image_plane import PlaneMap
from maskgen.sample import Sample
from rotaug.rotate import Turn, face_points, plane_of

TURNS = (15.0, 30.0, 45.0)
Rule = Callable[[np.ndarray, float], np.ndarray]


def roll_only(r: np.ndarray, theta: float) -> np.ndarray:
    """yaw and pitch stay, roll' = roll - theta."""
    yaw, pitch, roll = rot.matrix_to_euler(r)
    return rot.euler_to_matrix([yaw, pitch, roll - theta])


RULES: dict[str, Rule] = {
    "R' = Rz(-theta) R": rot.rotate_in_plane,
    "roll only: roll' = roll - theta": roll_only,
    "wrong sign: Rz(+theta) R": lambda r, theta: rot.rotation_z(theta) @ r,
    "right side: R Rz(-theta)": lambda r, theta: r @ rot.rotation_z(-theta),
    "transposed: R Rz(+theta)": lambda r, theta: (rot.rotation_z(-theta) @ r.T).T,
}


def labels(root: Path, limit: int | None) -> Iterator[tuple[Path, Sample]]:
    """Labelled samples that the benchmarks' filter keeps."""
    fmt = recognise(root)
    if fmt is None:
        raise SystemExit(f"no dataset at {root}")
    entries = list(fmt.index(root))
    step = 1 if limit is None else max(1, len(entries) // limit)
    for entry in entries[::step][:limit]:
        sample = fmt.read(root, entry)
        if sample.pose is not None and fmt.protocol_valid(sample):
            yield root / entry.image, sample


def compare_labels(samples: list[Sample]) -> dict[tuple[str, float], tuple[float, float, float]]:
    """Mean (geodesic degrees, mean absolute angle error, landmark pixels) by rule and size of the turn."""
    table = {}
    for size in TURNS:
        for name, rule in RULES.items():
            errors = []
            for sample in samples:
                r = sample.pose.cam_from_head
                for theta in (-size, size):
                    truth, guess = rot.rotate_in_plane(r, theta), rule(r, theta)
                    angles = rot.wrap_deg(rot.matrix_to_euler(truth) - rot.matrix_to_euler(guess))
                    errors.append(
                        (
                            float(rot.geodesic_deg(truth, guess)),
                            float(np.abs(angles).mean()),
                            landmark_gap(sample, truth, guess),
                        )
                    )
            table[name, size] = tuple(np.mean(errors, axis=0))
    return table


def landmark_gap(sample: Sample, truth: np.ndarray, guess: np.ndarray) -> float:
    """Mean distance in pixels of the landmarks that two labels project to, centroids aligned."""
    scale = sample.camera.scale if sample.camera is not None else np.nan
    gap = scale * (CANONICAL_FACE @ (truth - guess).T)[:, :2]
    return float(np.linalg.norm(gap - gap.mean(0), axis=1).mean())


class FaceMesh:
    """MediaPipe's face mesh through OpenCV: 468 points (x right, y down, z away), in one common unit."""

    def __init__(self, path: Path) -> None:
        self.net = cv2.dnn.readNetFromTFLite(str(path))

    def __call__(self, image: np.ndarray, points: np.ndarray) -> np.ndarray:
        low, high = points.min(0), points.max(0)
        side, centre = 1.5 * float((high - low).max()), (low + high) / 2.0
        scale = 192.0 / side
        crop = np.array([[scale, 0, 96 - scale * centre[0]], [0, scale, 96 - scale * centre[1]]])
        face = cv2.warpAffine(image, crop, (192, 192), flags=cv2.INTER_AREA)
        blob = cv2.dnn.blobFromImage(face, 1 / 127.5, (192, 192), (127.5, 127.5, 127.5), swapRB=True)
        self.net.setInput(blob)
        outputs = self.net.forward(self.net.getUnconnectedOutLayersNames())
        return next(o for o in outputs if o.size == 1404).reshape(468, 3)


def rotation_between(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """The rotation that takes the points (n, 3) a to b best (Kabsch)."""
    u, _, vt = np.linalg.svd((b - b.mean(0)).T @ (a - a.mean(0)))
    return u @ np.diag([1.0, 1.0, np.linalg.det(u @ vt)]) @ vt


def compare_pixels(
    pictures: list[tuple[Path, Sample]], mesh: FaceMesh
) -> dict[tuple[str, float], tuple[float, float]]:
    """Median geodesic angle between what the network saw and what each rule says, and the share it wins."""
    table = {}
    for size in TURNS:
        errors: dict[str, list[float]] = {name: [] for name in RULES}
        for path, sample in pictures:
            points = face_points(sample)
            if points is None:
                continue
            image, r = cv2.imread(str(path)), sample.pose.cam_from_head
            before = mesh(image, points)
            for theta in (-size, size):
                plane: PlaneMap = plane_of(sample, theta, Turn(interpolation="linear"))
                seen = rotation_between(before, mesh(plane.warp(image), plane.points(points))) @ r
                for name, rule in RULES.items():
                    errors[name].append(float(rot.geodesic_deg(seen, rule(r, theta))))
        values = np.array(list(errors.values()))
        wins = np.bincount(values.argmin(0), minlength=len(RULES)) / values.shape[1]
        for k, name in enumerate(RULES):
            table[name, size] = float(np.median(values[k])), float(wins[k])
    return table


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("root", type=Path)
    parser.add_argument("--mesh", type=Path)
    parser.add_argument("--limit", type=int)
    given = parser.parse_args()
    found = list(labels(given.root, given.limit))
    print(f"labels: {len(found)} samples\n")
    print(f"| rule | {' | '.join(f'{t:g} degrees' for t in TURNS)} |\n|---|{'---|' * len(TURNS)}")
    table = compare_labels([sample for _, sample in found])
    for name in RULES:
        cells = ("{:.1f} ({:.1f}), {:.1f} px".format(*table[name, t]) for t in TURNS)
        print(f"| `{name}` | {' | '.join(cells)} |")
    if given.mesh is not None:
        pixels = compare_pixels(found, FaceMesh(given.mesh))
        print("\npixels: median gap to what the network saw (share of pictures where the rule is nearest)\n")
        for name in RULES:
            cells = ("{:.1f} ({:.0%})".format(*pixels[name, t]) for t in TURNS)
            print(f"| `{name}` | {' | '.join(cells)} |")


if __name__ == "__main__":
    main()
