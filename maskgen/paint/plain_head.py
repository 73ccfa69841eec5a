"""A plain head as a picture, with exact landmarks and pose: what the painter is warmed up and tested on.

It is the proxy of geometry.head in skin colour under one light, no likeness of anybody. Whoever wants faces
with features takes `maskgen.synth`.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..geometry.camera import WeakPerspective
from ..geometry.face import CANONICAL_FACE
from ..geometry.head import CENTRE, head_mesh
from ..geometry.landmarks import Landmarks
from ..geometry.pose import HeadPose
from .raster import FAR, SS, fill_depth, new_buffers
from .tone import LEVEL

#: linear BGR albedo of the skin; direction light comes from, camera axes; shares of ambient and direct light
_SKIN = (0.22, 0.30, 0.52)
_LIGHT = (-0.35, -0.55, -0.76)
_AMBIENT, _DIRECT = 0.35, 0.62
_GROUND = (0.50, 0.44, 0.38)
#: how the skin's colour drifts down the picture
_TINT = (-0.06, -0.08, 0.08)


def _lit(
    ids: NDArray[np.int16],
    xyz: NDArray[np.float32],
    triangles: NDArray[np.int32],
    normals: NDArray[np.float32],
) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """Light on the surface at each subsample, and whether there is a surface; both shaped as ``ids``."""
    covered = ids >= 0
    y, x = np.nonzero(covered)
    a, b, c = (triangles[ids[y, x]][:, k] for k in range(3))
    ab, ac = (xyz[b] - xyz[a])[:, :2], (xyz[c] - xyz[a])[:, :2]
    p = np.stack([x, y], -1) - xyz[a][:, :2]
    area = ab[:, 0] * ac[:, 1] - ab[:, 1] * ac[:, 0]
    wb = (p[:, 0] * ac[:, 1] - p[:, 1] * ac[:, 0]) / area
    wc = (ab[:, 0] * p[:, 1] - ab[:, 1] * p[:, 0]) / area
    n = (1 - wb - wc)[:, None] * normals[a] + wb[:, None] * normals[b] + wc[:, None] * normals[c]
    out = np.zeros(ids.shape, np.float32)
    out[y, x] = _AMBIENT + _DIRECT * np.clip(n @ np.array(_LIGHT), 0.0, None)
    return out, covered


def plain_head(
    yaw: float = 0.0, pitch: float = 0.0, roll: float = 0.0, size: int = 450, px_per_mm: float | None = None
) -> tuple[NDArray[np.uint8], Landmarks, HeadPose]:
    """Picture (size, size, 3) uint8 BGR of the plain head, its 68 landmarks in pixels, and its pose.

    yaw, pitch, roll: degrees (conventions, section 1). px_per_mm: scale; by default the head fills the frame.
    """
    pose = HeadPose.from_euler(yaw, pitch, roll)
    scale = size / 290.0 if px_per_mm is None else px_per_mm
    middle = scale * (pose.cam_from_head @ (CENTRE - np.array([0.0, 0.0, 40.0])))
    camera = WeakPerspective(scale, (size / 2.0 - middle[0], size * 0.48 - middle[1]))
    mesh = head_mesh()
    xyz = camera.project(mesh.vertices, pose.cam_from_head)
    window = xyz.astype(np.float32)
    window[:, :2] = (xyz[:, :2] + 0.5) * SS - 0.5
    depth, ids = new_buffers(size, size)
    fill_depth(window, mesh.triangles, True, depth, ids)
    ids[depth == FAR] = -1
    normals = (mesh.normals @ pose.cam_from_head.T).astype(np.float32)
    lit, covered = _lit(ids, window, mesh.triangles, normals)
    # hue must not follow from luminance alone: that is how toned photographs are told
    side = np.linspace(-1.0, 1.0, len(ids), dtype=np.float32)
    tint = 1.0 + side[:, None, None] * np.array(_TINT, np.float32)
    skin = lit[..., None] * np.array(_SKIN, np.float32) * tint
    ground = np.array(_GROUND, np.float32) * (1.0 + 0.15 * side[None, :, None])
    linear = np.where(covered[..., None], skin, ground)
    linear = linear.reshape(size, SS, size, SS, 3).mean((1, 3))
    noise = np.random.default_rng(7).normal(0.0, 1.2, (size, size, 1))
    image = LEVEL[(np.sqrt(np.clip(linear, 0.0, 1.0)) * (len(LEVEL) - 1)).astype(int)] + noise
    landmarks = camera.project(CANONICAL_FACE, pose.cam_from_head)
    return np.clip(image + 0.5, 0, 255).astype(np.uint8), Landmarks.of(landmarks, "plain head"), pose
