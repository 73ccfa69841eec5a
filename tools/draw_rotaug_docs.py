"""The two pictures of docs/rotaug.md, drawn from the project's own head; no photograph is involved.

python tools/draw_rotaug_docs.py docs/images
"""

from __future__ import annotations

import sys
from pathlib import Path

import cv2
import numpy as np

from maskgen.geometry import rotation as rot
from maskgen.geometry.face import CANONICAL_FACE
from maskgen.geometry.head import head_mesh
from maskgen.geometry.image_plane import PlaneMap

SIDE, SCALE, FINE = 300, 1.0, 3
LABEL, THETA = (20.0, 30.0, 0.0), 45.0
INK, RED, GREEN, BLUE = (50, 50, 50), (60, 60, 220), (80, 160, 60), (200, 120, 40)


def head_picture(rotation: np.ndarray) -> np.ndarray:
    """The grey head in weak perspective, (SIDE, SIDE, 3), its nose bridge in the middle."""
    mesh = head_mesh()
    points = project(mesh.vertices, rotation) * FINE
    depth = (mesh.vertices @ rotation.T)[:, 2]
    shade = mesh.normals @ rotation.T @ np.array([-0.35, -0.5, -0.79])
    canvas = np.full((SIDE * FINE, SIDE * FINE, 3), 255, np.uint8)
    order = np.argsort(-depth[mesh.triangles].mean(axis=1))
    for triangle in mesh.triangles[order]:
        light = int(110 + 120 * max(0.0, float(shade[triangle].mean())))
        cv2.fillConvexPoly(canvas, np.round(points[triangle]).astype(np.int32), (light, light, light))
    return cv2.resize(canvas, (SIDE, SIDE), interpolation=cv2.INTER_AREA)


def project(points: np.ndarray, rotation: np.ndarray) -> np.ndarray:
    """Pixels of head points in mm."""
    middle = np.array([0.0, 5.0, 60.0])
    return SCALE * ((points - middle) @ rotation.T)[:, :2] + (SIDE - 1) / 2.0


def draw_axes(picture: np.ndarray, rotation: np.ndarray, at: np.ndarray) -> None:
    """The head's axes from the pixel ``at``: x red, y green, out of the face (-z) blue."""
    for axis, colour in zip(np.diag([1.0, 1.0, -1.0]), (RED, GREEN, BLUE), strict=True):
        end = at + 90.0 * (rotation @ axis)[:2]
        cv2.arrowedLine(picture, to_pixel(at), to_pixel(end), colour, 3, cv2.LINE_AA, tipLength=0.15)


def draw_points(picture: np.ndarray, points: np.ndarray, colour: tuple[int, int, int]) -> None:
    for p in points:
        cv2.circle(picture, to_pixel(p), 2, colour, -1, cv2.LINE_AA)


def to_pixel(p: np.ndarray) -> tuple[int, int]:
    return round(float(p[0])), round(float(p[1]))


def write(picture: np.ndarray, *lines: str) -> np.ndarray:
    """The picture over lines of text."""
    foot = np.full((20 * len(lines) + 8, picture.shape[1], 3), 255, np.uint8)
    for k, line in enumerate(lines):
        at = (8, 18 + 20 * k)
        cv2.putText(foot, line, at, cv2.FONT_HERSHEY_SIMPLEX, 0.45, INK, 1, cv2.LINE_AA)
    return np.vstack([picture, foot])


def angles(rotation: np.ndarray) -> str:
    yaw, pitch, roll = rot.matrix_to_euler(rotation)
    return f"yaw {yaw:.0f}, pitch {pitch:.0f}, roll {roll:.0f}"


def turn_picture() -> np.ndarray:
    """The head, the head turned with its picture, and a head posed by the new label: one and the same."""
    before = rot.euler_to_matrix(LABEL)
    after = rot.rotate_in_plane(before, THETA)
    plane = PlaneMap.turn(THETA, ((SIDE - 1) / 2.0,) * 2, (SIDE, SIDE))
    upright, posed = head_picture(before), head_picture(after)
    turned = plane.warp(upright, "cubic", fill=255.0)
    nose = project(np.zeros((1, 3)), before)[0]
    draw_axes(upright, before, nose)
    draw_axes(turned, after, plane.points(nose))
    draw_axes(posed, after, project(np.zeros((1, 3)), after)[0])
    return np.hstack(
        [
            write(upright, "a head and its axes", angles(before)),
            write(turned, "its picture turned by 45, axes glued to it", f"Rz(-45) R: {angles(after)}"),
            write(posed, "a head posed by that label", angles(after)),
        ]
    )


def rules_picture() -> np.ndarray:
    """The turned picture under the landmarks that each rule's label projects to."""
    before = rot.euler_to_matrix(LABEL)
    truth = rot.rotate_in_plane(before, THETA)
    plane = PlaneMap.turn(THETA, ((SIDE - 1) / 2.0,) * 2, (SIDE, SIDE))
    turned = plane.warp(head_picture(before), "cubic", fill=255.0)
    rules = (
        ("Rz(-theta) R", truth),
        ("roll' = roll - theta; also R Rz(-theta)", before @ rot.rotation_z(-THETA)),
        ("Rz(+theta) R: wrong sign", rot.rotation_z(THETA) @ before),
        ("R Rz(+theta): transposed matrix", before @ rot.rotation_z(THETA)),
    )
    panels = []
    for name, guess in rules:
        panel = turned.copy()
        draw_points(panel, project(CANONICAL_FACE, truth), GREEN)
        if guess is not truth:
            draw_points(panel, project(CANONICAL_FACE, guess), RED)
        off = float(rot.geodesic_deg(guess, truth))
        panels.append(write(panel, name, angles(guess), f"off by {off:.0f} degrees"))
    return np.hstack(panels)


def main(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name, picture in (("rotaug_turn", turn_picture()), ("rotaug_rules", rules_picture())):
        # few greys and four colours: 64 levels make the file a third of its size and cannot be told apart
        quantised = (np.round(picture / 4.0) * 4.0).clip(0, 255).astype(np.uint8)
        cv2.imwrite(str(folder / f"{name}.png"), quantised, [cv2.IMWRITE_PNG_COMPRESSION, 9])


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "docs/images"))
