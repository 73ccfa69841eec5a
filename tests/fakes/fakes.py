"""Tiny datasets with the true trees, names, types and label rules, drawn from a seed: no real file needed.

Written with scipy, Pillow and plain text, not with maskgen's own writers, so that its readers are tested
against something else. Faces are the canonical 68 points with small personal deviations; pictures are flat
drawings of them.
"""

from __future__ import annotations

import struct
from pathlib import Path

import cv2
import numpy as np
from PIL import Image
from scipy.io import savemat
from scipy.spatial.transform import Rotation

from maskgen.geometry.face import CANONICAL_FACE

#: 3D points in the model frame of Pose_Para (mm, y down, z away) = canonical + this
MODEL_ORIGIN = np.array([0.0, 8.0, -131.5])
K_RGB = np.array([[517.679, 0, 320], [0, 517.679, 240.5], [0, 0, 1]])
K_DEPTH = np.array([[575.816, 0, 320], [0, 575.816, 240], [0, 0, 1]])
RGB_01 = (
    [
        [0.999947, 0.00432361, 0.00929419],
        [-0.00446314, 0.999877, 0.0150443],
        [-0.009228, -0.015085, 0.999844],
    ],
    [-24.0198, 5.8896, -13.2308],
)
RGB_06 = (
    np.round(Rotation.from_rotvec([-1.453, -0.327, 0.006], degrees=True).as_matrix(), 6),
    [-24.5, 5.1, -12.9],
)
AFLW_POSES = [(0, 0, 0), (35, -10, 8), (-70, 5, -12), (15, 30, 40), (-20, -25, -3), (110, 10, 20)]
LP_POSES = [(12, -6, 3), (40, -8, 2), (-75, -4, 5)]
BIWI_POSES = [(2, -4, 1), (-35, 12, -8), (60, -20, 15), (10, 35, -30), (-8, 3, 4)]


def rotation(yaw: float, pitch: float, roll: float) -> np.ndarray:
    """Rx(-pitch) Ry(yaw) Rz(roll), by scipy."""
    return Rotation.from_euler("XYZ", [-pitch, yaw, roll], degrees=True).as_matrix()


def person(rng: np.random.Generator) -> np.ndarray:
    """(68, 3) mm: the canonical face, stretched a little and symmetric as before."""
    return CANONICAL_FACE * rng.uniform(0.96, 1.04, 3)


def draw(size: tuple[int, int], xy: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """An RGB picture (h, w, 3) of a face with these 68 pixels on a soft, noisy background."""
    w, h = size
    ramp = np.linspace(60, 190, w)[None, :, None] * np.ones((h, 1, 1)) * rng.uniform(0.6, 1.0, 3)
    image = np.clip(ramp + rng.normal(0, 4, (h, w, 3)), 0, 255).astype(np.uint8)
    skin = rng.uniform((150, 105, 80), (230, 180, 150)).tolist()
    top = xy[27] + 1.1 * (xy[27] - xy[8]) * 0.6

    def fill(points: np.ndarray, colour: list[float]) -> None:
        cv2.fillPoly(image, [np.round(points).astype(np.int32)], colour, cv2.LINE_AA)

    around = np.concatenate([xy[:27], [top, top + 0.6 * (xy[0] - xy[27]), top + 0.6 * (xy[16] - xy[27])]])
    fill(cv2.convexHull(around.astype(np.float32))[:, 0], skin)
    for part in (slice(36, 42), slice(42, 48)):
        fill(xy[part], [250, 250, 250])
        cv2.circle(image, tuple(int(v) for v in xy[part].mean(0)), 3, (30, 20, 10), -1, cv2.LINE_AA)
    fill(xy[48:60], [170, 60, 70])
    for part in (slice(17, 22), slice(22, 27), slice(27, 31), slice(31, 36)):
        cv2.polylines(image, [np.round(xy[part]).astype(np.int32)], False, (70, 45, 30), 3, cv2.LINE_AA)
    return image


def save_jpeg(path: Path, image: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(image).save(path, "JPEG", quality=90, subsampling=2)


def pose_para(angles: tuple, scale: float, centre: tuple[float, float], height: int) -> np.ndarray:
    """Pose_Para (1, 7) of a face whose model origin lands on the 0-based pixel ``centre``."""
    yaw, pitch, roll = np.radians(angles)
    tx, ty = centre[0] + 1, height - centre[1]
    return np.array([[pitch, yaw, roll, tx, ty, -90.0, scale / 1000]], np.float32)


def seen(face: np.ndarray, angles: tuple, scale: float, centre: tuple[float, float]) -> np.ndarray:
    """(68, 3): 0-based pixels and depth away from the camera."""
    return scale * (face + MODEL_ORIGIN) @ rotation(*angles).T + [*centre, 0.0]


def model_fields(rng: np.random.Generator) -> dict[str, np.ndarray]:
    return {
        "Illum_Para": rng.normal(size=(1, 10)),
        "Color_Para": rng.uniform(size=(1, 7)).astype(np.float32),
        "Tex_Para": rng.normal(size=(199, 1)),
        "Shape_Para": rng.normal(size=(199, 1)),
        "Exp_Para": rng.normal(size=(29, 1)),
    }


def write_aflw2000(root: Path, seed: int = 0) -> Path:
    """Six pictures; the last has a label beyond 99 degrees, one has hidden (-1) points in pt2d."""
    rng = np.random.default_rng(seed)
    for number, angles in zip((2, 4, 6, 13, 21, 4157), AFLW_POSES, strict=True):
        face, centre, scale = person(rng), tuple(rng.uniform(205, 245, 2)), rng.uniform(1.2, 1.5)
        points = seen(face, angles, scale, centre)
        stem = root / f"image{number:05d}"
        save_jpeg(stem.with_suffix(".jpg"), draw((450, 450), points[:, :2], rng))
        pt2d = points[:21, :2].T + 1
        pt2d[:, rng.integers(0, 21, 4)] = -1
        in_file = points.T + np.array([[1.0], [1.0], [0.0]])
        in_file[2] = -points[:, 2] - 90.0
        fields = {
            "pt2d": pt2d,
            **model_fields(rng),
            "Pose_Para": pose_para(angles, scale, centre, 450),
            "roi": np.array([[-39, -292, 903, 650]], np.int16),
            "pt3d_68": in_file.astype(np.float32),
        }
        savemat(stem.with_suffix(".mat"), fields, do_compression=True)
    return root


def write_w300lp(root: Path, seed: int = 0) -> Path:
    """Faces of two AFW photos (with landmarks/) and one of HELEN (without): three views, mirrored too."""
    rng = np.random.default_rng(seed)
    for subset, name, has_points in (
        ("AFW", "AFW_134212_1", 1),
        ("AFW", "AFW_261068_1", 1),
        ("HELEN", "HELEN_232194_1", 0),
    ):
        face, fields, photo = person(rng), model_fields(rng), None
        roi = np.array([[12, 20, 461, 469]], np.int16)
        for k, angles in enumerate(LP_POSES):
            centre, scale = tuple(rng.uniform(205, 245, 2)), rng.uniform(1.2, 1.5)
            points = seen(face, angles, scale, centre)
            image = draw((450, 450), points[:, :2], rng)
            photo = points[:, :2] if photo is None else photo
            label = {
                "pt2d": photo.T + 1,
                "roi": roi,
                **fields,
                "Pose_Para": pose_para(angles, scale, centre, 450),
            }
            save_jpeg(root / subset / f"{name}_{k}.jpg", image)
            savemat(root / subset / f"{name}_{k}.mat", label, do_compression=True)
            if has_points:
                folder = root / "landmarks" / subset
                folder.mkdir(parents=True, exist_ok=True)
                both = (points[:, :2] + 1).astype(np.float32)
                savemat(folder / f"{name}_{k}_pts.mat", {"pts_3d": both, "pts_2d": both}, do_compression=True)
            mirrored = (-angles[0], angles[1], -angles[2])
            flip = photo * [-1, 1] + [449, 0]  # the real ones keep their index order, too
            label["pt2d"] = flip.T + 1
            label["Pose_Para"] = pose_para(mirrored, scale, (449 - centre[0], centre[1]), 450)
            save_jpeg(root / f"{subset}_Flip" / f"{name}_{k}.jpg", image[:, ::-1])
            savemat(root / f"{subset}_Flip" / f"{name}_{k}.mat", label, do_compression=True)
    (root / "Code").mkdir()
    (root / "Code" / "readme.txt").write_text("not data\n")
    return root


def rows(values: object) -> str:
    return "".join(
        "".join(f"{v:.6g} " for v in row) + "\n" for row in np.atleast_2d(np.asarray(values, float))
    )


def cal_text(k: np.ndarray, r: object, t: object) -> str:
    return f"{rows(k)}\n{rows([0, 0, 0, 0])}\n{rows(r)}\n{rows(t)}\n640 480\n"


def depth_bytes(centre: np.ndarray) -> bytes:
    """A disc at the head's distance on an empty picture, run-length coded row by row of the scan."""
    image = np.zeros((480, 640), np.int16)
    u, v = (K_DEPTH @ centre)[:2] / centre[2]
    cv2.circle(image, (int(u), int(v)), 60, int(centre[2]), -1)
    out, flat, at = [struct.pack("<ii", 640, 480)], image.ravel().tolist(), 0
    while at < len(flat):
        a = at
        while at < len(flat) and flat[at] == 0:
            at += 1
        b = at
        while at < len(flat) and flat[at] != 0:
            at += 1
        out.append(struct.pack(f"<ii{at - b}h", b - a, at - b, *flat[b:at]))
    return b"".join(out)


def write_biwi(root: Path, seed: int = 0, container: str = "hpdb") -> Path:
    """Two sequences with different calibrations, gaps in the frame numbers, and one file too many."""
    rng, poses = np.random.default_rng(seed), iter(BIWI_POSES)
    for sequence, (r, t), frames in (("01", RGB_01, (3, 4, 7)), ("06", RGB_06, (0, 1))):
        folder, face = root / container / sequence, person(rng) + np.array([0.0, -3.0, -56.0])
        folder.mkdir(parents=True)
        (folder / "rgb.cal").write_text(cal_text(K_RGB, r, t))
        (folder / "depth.cal").write_text(cal_text(K_DEPTH, np.eye(3), np.zeros(3)))
        mesh = "".join(f"v {x:.10f} {y:.10f} {z:.10f}\nvn 0 0 -1\n" for x, y, z in face)
        (root / container / f"{sequence}.obj").write_text(
            f"# 68 vertices, 1 faces\n{mesh}f 1/1/1 9/9/9 17/17/17\n"
        )
        for frame in frames:
            pose = rotation(*next(poses))
            centre = np.array([*rng.uniform(-60, 60, 2), rng.uniform(800, 1000)])
            stem = f"frame_{frame:05d}"
            (folder / f"{stem}_pose.txt").write_text(f"{rows(pose)}\n{rows(centre)}\n")
            (folder / f"{stem}_depth.bin").write_bytes(depth_bytes(centre))
            in_rgb = (face @ pose.T + centre) @ np.asarray(r, float).T + t
            xy = (in_rgb @ K_RGB.T)[:, :2] / in_rgb[:, 2:]
            Image.fromarray(draw((640, 480), xy, rng)).save(folder / f"{stem}_rgb.png")
    (root / container / "01" / "notes.txt").write_text("tolerated\n")
    (root / container / "01" / "frame_00004_depth.bin").unlink()
    return root


WRITERS = {"AFLW2000": write_aflw2000, "300W-LP": write_w300lp, "BIWI": write_biwi}
FOLDERS = {"AFLW2000": "AFLW2000", "300W-LP": "300W_LP", "BIWI": "BIWI"}


def write_fake(name: str, parent: Path, seed: int = 0) -> Path:
    """Write the fake of the dataset with this canonical name under ``parent``; returns its root."""
    root = parent / FOLDERS[name]
    root.mkdir(parents=True)
    return WRITERS[name](root, seed)
