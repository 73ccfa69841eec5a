"""The picture in the frame of the face: the crop that the search for occluders looks at, and its channels.

The crop is upright with the head, centred on the lower face and of one scale for all, 2.6 mm a pixel. Beside
its colours the search is told what the fit knows of each pixel: where on the face it lies, how deep inside
the outline, how it faces the camera.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray

from ..geometry.bending import bending_weights
from ..geometry.canonical import CANONICAL_FACE
from ..geometry.face import FaceFit
from ..geometry.head import CENTRE, directions_of, head_radius
from ..geometry.rotation import Array
from . import occluder_view as view
from .tone import LINEAR, LUMA_BGR

F32 = NDArray[np.float32]
Mask = NDArray[np.bool_]
#: pixels of a side of the crop, and what one of them shows, mm
SIDE, PIXEL_MM = 64, 2.625
#: what lies at its middle, mm in the canonical frame: before the mouth, half as deep as the face
_MIDDLE = np.array([[0.0, 38.0, 50.0]])
_ROWS, _COLUMNS = 69, 97
#: pixels of the picture between two of the crop, above which it is made smaller first
_MOST_STEP = 2.2
#: of the network's input; FACE_X is the one that changes its sign in a mirror
CHANNELS, FACE_X = 12, 9
#: smaller faces are a smudge, px per mm; a strip of a photograph holds none, px
_LEAST_SCALE, _LEAST_PIXELS = 0.08, 12
#: pixels of the core that its colour can be read from, and of the lower face that are worth a look
_LEAST_CORE, _LEAST_FACE = 6, 40
#: the lower face: y/60 mm below the nose's tip, and depth/25 mm inside the outline
_TOP, _RIM = -0.15, -0.15
#: keeps the dark from counting, of linear light
_FLOOR = 0.012
_LOG: F32 = np.log2(LINEAR + np.float32(_FLOOR)).astype(np.float32)


@dataclass(frozen=True, eq=False)
class _Chart:
    """The lower face as a grid of points.

    coarse, weights: every second one of each direction, mm, with its bending weights. Of all (n,): normals;
    maps: depth inside the outline / 25 mm, 1, 0, x and y / 60 mm; the core between eyes and mouth.
    """

    coarse: Array
    weights: F32
    normals: F32
    maps: F32
    core: Mask


def _nearest(a: Array, b: Array) -> Array:
    """Distance of each of ``a`` (n, 3) to the nearest of ``b`` (m, 3)."""
    square = np.full(len(a), np.inf)
    for point in b:
        square = np.minimum(square, ((a - point) ** 2).sum(1))
    return np.sqrt(square)


def _around(region: Mask, pixels: int) -> Mask:
    kernel = np.ones((2 * pixels + 1,) * 2, np.uint8)
    return np.asarray(cv2.dilate(region.astype(np.uint8), kernel)) > 0


@lru_cache(maxsize=1)
def _chart() -> _Chart:
    """Points about 2.5 mm apart from the eyes down to the throat; symmetric."""
    azimuth, height = (
        np.radians(np.linspace(-96.0, 96.0, _COLUMNS)),
        np.radians(np.linspace(-33.0, 69.0, _ROWS)),
    )
    el, az = np.meshgrid(height, azimuth, indexing="ij")
    d = np.stack([np.cos(el) * np.sin(az), np.sin(el), -np.cos(el) * np.cos(az)], -1)
    grid = CENTRE + d * head_radius(d.reshape(-1, 3)).reshape(el.shape)[..., None]
    normal = np.cross(np.gradient(grid, axis=1), np.gradient(grid, axis=0))
    normal /= -np.linalg.norm(normal, axis=-1, keepdims=True)
    jaw, _ = directions_of(CANONICAL_FACE[:17])
    jaw_azimuth, jaw_height = np.arctan2(jaw[:, 0], -jaw[:, 2]), np.arcsin(jaw[:, 1])
    inside = (el < np.interp(az, jaw_azimuth, jaw_height)) & (np.abs(az) < jaw_azimuth[-1])
    p, within = grid.reshape(-1, 3), inside.reshape(-1)
    depth = np.empty(len(p))
    near, far = (_around(side, 2).reshape(-1) & ~side.reshape(-1) for side in (~inside, inside))
    depth[within], depth[~within] = _nearest(p[within], p[far]), -_nearest(p[~within], p[near])
    x, y = np.abs(p[:, 0]), p[:, 1]
    eyes = ((x - 32.0) / 23.0) ** 2 + ((y + 34.0) / 13.0) ** 2 < 1.0
    lips = (x / 33.0) ** 2 + ((y - 34.0) / 19.0) ** 2 < 1.0
    feature = eyes | lips | ((x < 21.0) & (y > -4.0) & (y < 21.0))
    core = (depth > 25.0) & (y < 18.0) & ~feature
    normals = normal.reshape(-1, 3)
    if normals[len(p) // 2, 2] > 0.0:
        normals = -normals
    coarse = np.ascontiguousarray(grid[::2, ::2]).reshape(-1, 3)
    maps = np.stack(
        [np.clip(depth / 25.0, -1.5, 1.5), np.ones(len(p)), np.zeros(len(p)), p[:, 0] / 60.0, p[:, 1] / 60.0],
        1,
    )
    return _Chart(coarse, bending_weights(coarse), normals.astype(np.float32), maps.astype(np.float32), core)


def crop_matrix(fit: FaceFit, side: int = SIDE) -> Array:
    """(2, 3): pixel of the picture of each pixel of a crop of ``side`` pixels."""
    x, y = fit.to_image(_MIDDLE)[0, :2]
    right, down = float(fit.rotation[0, 1]), float(fit.rotation[1, 1])
    length = math.hypot(right, down)
    right, down = (right / length, down / length) if length > 1e-3 else (0.0, 1.0)
    step = fit.camera.scale * PIXEL_MM * SIDE / side
    a, b, middle = down * step, right * step, (side - 1) / 2.0
    return np.array([[a, b, x - (a + b) * middle], [-b, a, y - (a - b) * middle]])


def cut(image: NDArray[np.uint8], matrix: Array, side: int) -> NDArray[np.uint8]:
    """The crop (side, side, c) of ``image``: averaged over its pixels, repeated beyond the borders."""
    # bilinear at about two pixels of a picture of means: no pixel of an ordinary face is left out
    shrink = max(1, math.ceil(math.hypot(matrix[0, 0], matrix[1, 0]) / _MOST_STEP))
    h, w = image.shape[:2]
    (x0, x1), (y0, y1) = (_part(row.tolist(), side, shrink, n) for row, n in zip(matrix, (w, h), strict=True))
    part = image[y0:y1, x0:x1]
    if shrink > 1:
        size = max(1, (x1 - x0) // shrink), max(1, (y1 - y0) // shrink)
        part = np.asarray(cv2.resize(part, size, interpolation=cv2.INTER_AREA), np.uint8)
    whole = matrix / shrink
    whole[0, 2] -= (x0 - 0.5) / shrink + 0.5
    whole[1, 2] -= (y0 - 0.5) / shrink + 0.5
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    out = cv2.warpAffine(part, whole, (side, side), flags=flags, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(out, np.uint8)


def _part(row: list[float], side: int, shrink: int, size: int) -> tuple[int, int]:
    """From where to where an axis of ``size`` pixels is needed, in whole steps of ``shrink``.

    row: of the matrix from a crop of ``side`` pixels to this axis. Steps are counted from the crop's middle,
    so that a mirrored picture has mirrored means.
    """
    half, reach = (side - 1) / 2.0, (abs(row[0]) + abs(row[1])) * (side + 1) / 2.0 + 2 * shrink
    middle = (row[0] + row[1]) * half + row[2] + 0.5
    start = min(max(round(middle), 0), size)
    before = min(math.ceil(max(reach + start - middle, 0.0) / shrink), start // shrink)
    after = min(math.ceil(max(reach + middle - start, 0.0) / shrink), (size - start) // shrink)
    if before + after == 0:  # a strip thinner than a step, or a crop beside the picture
        return (0, min(size, shrink)) if start < shrink else (max(size - shrink, 0), size)
    return start - before * shrink, start + after * shrink


def face_maps(fit: FaceFit, matrix: Array) -> tuple[F32, Mask]:
    """What the fit knows of each pixel of the crop, and the core (SIDE, SIDE), skin that is seldom hidden.

    The former are (5, SIDE, SIDE): depth inside the outline / 25 mm, whether it shows the face, how it faces
    the camera, x and y on the face / 60 mm.
    """
    chart = _chart()
    coarse = fit.bent_to_image(chart.coarse, chart.weights)
    at = np.empty((_ROWS, _COLUMNS, 3), np.float32)
    facing = np.empty(_ROWS * _COLUMNS, np.float32)
    to_crop = np.asarray(cv2.invertAffineTransform(matrix), np.float64)
    view.place(coarse, to_crop, fit.rotation[2], chart.normals, at, facing)
    nearest = np.empty((SIDE, SIDE), np.int32)
    view.splat(at, facing, nearest)
    maps, core = np.empty((5, SIDE, SIDE), np.float32), np.empty((SIDE, SIDE), np.bool_)
    view.look_up(nearest, facing, chart.maps, chart.core, maps, core)
    return maps, core


def channels(crop: NDArray[np.uint8], maps: F32, core: Mask, inside: Mask) -> F32:
    """What the network is given, (CHANNELS, SIDE, SIDE) float32: colours, ``maps``, ``inside``.

    crop: (SIDE, SIDE, 3) uint8 BGR; maps, core: of `face_maps`; inside: where the photograph is.
    Light and colour come twice, against this face's own skin and as they are, in stops.
    """
    out = np.empty((CHANNELS, SIDE, SIDE), np.float32)
    view.colours(crop, LINEAR, _LOG, LUMA_BGR, _FLOOR, core, inside, _LEAST_CORE, out)
    out[6:11], out[11] = maps, inside
    return out


@dataclass(frozen=True, eq=False)
class FaceView:
    """channels: of `channels`. face: (SIDE, SIDE) where the lower face is. matrix: of `crop_matrix`."""

    channels: F32
    face: Mask
    matrix: Array


def face_view(image: NDArray[np.uint8], fit: FaceFit, frame: tuple[int, int, int, int]) -> FaceView | None:
    """The crop of ``image`` (H, W, 3) uint8 BGR, of which ``frame`` (x0, y0, x1, y1) is the photograph.

    None where too little of the face is seen.
    """
    x0, y0, x1, y1 = frame
    if fit.camera.scale < _LEAST_SCALE or x1 - x0 < _LEAST_PIXELS or y1 - y0 < _LEAST_PIXELS:
        return None
    matrix = crop_matrix(fit)
    maps, core = face_maps(fit, matrix)
    inside, face = np.empty((SIDE, SIDE), np.bool_), np.empty((SIDE, SIDE), np.bool_)
    if view.seen(maps, matrix, frame, _TOP, _RIM, inside, face) < _LEAST_FACE:
        return None
    return FaceView(channels(cut(image, matrix, SIDE), maps, core, inside), face, matrix)
